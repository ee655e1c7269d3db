"""Files and folders of the roles: which role reads and writes each, and to which Unix users each belongs on a server.

The processes refuse to start without what they need of it (start_requirements.py), and the installer makes it (setup/). Only
the standard library is used here: the installer runs before there are packages.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.roles import Role

_PUBLIC = frozenset({Role.PUBLIC, Role.ALL})
_STAFF = frozenset({Role.STAFF, Role.ALL})
_WEB = _PUBLIC | _STAFF

# Groups of the Unix users that share something, with the roles whose users are in them. Each user also has a group of its own.
GROUPS: dict[str, tuple[Role, ...]] = {
    "portal_files": (Role.PUBLIC, Role.STAFF, Role.MEDIA, Role.OWNER),
    "portal_addresses": (Role.PUBLIC, Role.BULK),
    "portal_uploads": (Role.STAFF, Role.BULK),
    # For the user that the agency's systems write as.
    "portal_drop": (Role.BULK,),
    # Those who reach Redis.
    "portal_store": (Role.PUBLIC, Role.STAFF, Role.ALERTS, Role.BULK, Role.MEDIA, Role.BEAT),
}


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a secret: how long it may be, in bytes, and whether the group may read it too.

    `path` is where an installation has it, below its folder of data; root owns it if no role does, and its group is the owner's
    unless it has one.
    """

    variable: str
    roles: frozenset[Role]
    sizes: tuple[int, ...]
    path: str
    owner: Role | None
    group: str = ""
    may_be_shared: bool = False

    @property
    def mode(self) -> int:
        return 0o640 if self.may_be_shared else 0o600


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: the roles that read it, those that also write it, and which files it can't be without.

    `keys` is the suffix of key files that must be there. Folders of private halves (`.key`) are closed to other users. `path` is
    where an installation has it, below its folder of data.
    """

    variable: str
    path: str
    owner: Role | None
    mode: int
    group: str = ""
    readers: frozenset[Role] = frozenset()
    writers: frozenset[Role] = frozenset()
    keys: str = ""


FILES = (
    SecretFile("RECEIPT_SALT", _PUBLIC, (16,), "keys/receipt_salt", Role.PUBLIC),
    SecretFile("AUDIT_KEY", _STAFF, (32,), "keys/audit_key", Role.STAFF),
    # In a folder of its own, where it is replaced; of 64 bytes meanwhile.
    SecretFile("FACTOR_KEY", _STAFF, (32, 64), "keys/factors/factor_key", Role.STAFF),
    SecretFile(
        "ADDRESS_HASH_KEY",
        _PUBLIC | {Role.BULK},
        (32,),
        "keys/address_hash_key",
        None,
        "portal_addresses",
        may_be_shared=True,
    ),
)
FOLDERS = (
    Folder("AGENCY_PUBLIC_KEYS", "keys/public", Role.STAFF, 0o755, readers=_WEB | {Role.MEDIA}, keys="pub"),
    Folder("AGENCY_PRIVATE_KEYS", "keys/private", Role.STAFF, 0o700, readers=_STAFF, keys="key"),
    Folder(
        "MEDIA_STORE",
        "media",
        None,
        0o2770,
        "portal_files",
        readers=frozenset({Role.OWNER}),
        writers=_WEB | {Role.MEDIA},
    ),
    Folder(
        "MEDIA_PUBLIC_KEYS",
        "keys/media-public",
        Role.MEDIA,
        0o2750,
        "portal_files",
        readers=_PUBLIC,
        writers=frozenset({Role.MEDIA}),
    ),
    Folder("MEDIA_PRIVATE_KEYS", "keys/media-private", Role.MEDIA, 0o700, writers=frozenset({Role.MEDIA})),
    Folder("ADDRESS_PUBLIC_KEYS", "keys/addresses-public", Role.BULK, 0o755, readers=_WEB | {Role.BULK}),
    Folder("ADDRESS_PRIVATE_KEYS", "keys/addresses-private", Role.BULK, 0o700, readers=frozenset({Role.BULK})),
    Folder("ALERT_CHANNEL_PUBLIC_KEYS", "keys/channels-public", Role.ALERTS, 0o755, readers=_STAFF | {Role.ALERTS}),
    Folder("ALERT_CHANNEL_PRIVATE_KEYS", "keys/channels-private", Role.ALERTS, 0o700, readers=frozenset({Role.ALERTS})),
    # What backups are sealed to and signed with; without a key there are none.
    Folder("BACKUP_KEYS", "keys/backup", Role.OWNER, 0o700, writers=frozenset({Role.OWNER})),
    Folder("INCIDENT_SNAPSHOTS", "snapshots", Role.BULK, 0o755, readers=_WEB, writers=frozenset({Role.BULK})),
    Folder("INCIDENT_CACHE", "incidents", Role.BULK, 0o700, writers=frozenset({Role.BULK})),
    Folder("BASE_MAP", "base-map", Role.STAFF, 0o755, readers=_WEB),
    Folder("INCIDENT_UPLOADS", "uploads", None, 0o2770, "portal_uploads", writers=_STAFF | {Role.BULK}),
    Folder("INCIDENT_DROP_DIR", "drop", Role.BULK, 0o2770, "portal_drop", writers=frozenset({Role.BULK})),
)


def owner_of(item: SecretFile | Folder) -> tuple[str, str]:
    """Return the names of the Unix user and of the group that it belongs to."""
    user = item.owner.unix_user if item.owner else "root"
    return user, item.group or user

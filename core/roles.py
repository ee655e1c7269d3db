"""The roles of processes: each has one PORTAL_ROLE, one PostgreSQL user, and only the keys it needs.

| role    | process                  | PostgreSQL user | may open tips |
|---------|--------------------------|-----------------|---------------|
| public  | residents' pages         | portal_public   | no            |
| staff   | the admin                | portal_staff    | yes           |
| all     | both, for `make run`     | portal_all      | yes           |
| alerts  | Celery: officers' alerts | portal_alerts   | no            |
| bulk    | Celery: everything slow  | portal_bulk     | no            |
| media   | Celery: strangers' files | portal_media    | no            |
| beat    | Celery's clock           | none            | no            |
| owner   | migrations and commands  | portal_owner    | no            |
"""

from __future__ import annotations

import enum
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


class Role(enum.StrEnum):
    PUBLIC = "public"
    STAFF = "staff"
    ALL = "all"
    ALERTS = "alerts"
    BULK = "bulk"
    MEDIA = "media"
    BEAT = "beat"
    OWNER = "owner"

    @property
    def serves_public(self) -> bool:
        return self in (Role.PUBLIC, Role.ALL)

    @property
    def serves_staff(self) -> bool:
        return self in (Role.STAFF, Role.ALL)

    @property
    def is_web(self) -> bool:
        return self.serves_public or self.serves_staff

    @property
    def database_user(self) -> str | None:
        return None if self is Role.BEAT else f"portal_{self.value}"


def parse(value: str) -> Role:
    """Return the role named by PORTAL_ROLE. Raises ImproperlyConfigured with a sentence that lists the choices."""
    try:
        return Role(value)
    except ValueError:
        choices = ", ".join(role.value for role in Role)
        found = f"PORTAL_ROLE={value!r} is unknown" if value else "PORTAL_ROLE is not set"
        raise ImproperlyConfigured(f"{found}. Set it to one of: {choices}.") from None


def refuse_private_keys(role: Role, private_keys: Path | None, public_keys: Path | None) -> None:
    """Refuse to start a role outside the staff side that is given the agency's private keys.

    Raises ImproperlyConfigured, so that a mistake in deployment cannot go unnoticed.
    """
    if role.serves_staff:
        return
    if private_keys is not None:
        raise ImproperlyConfigured(
            f"AGENCY_PRIVATE_KEYS is set for the {role} role, which must never be able to open a tip. Remove the variable and the files from this machine."
        )
    if public_keys is not None and public_keys.is_dir() and any(public_keys.glob("*.key")):
        raise ImproperlyConfigured(
            f"{public_keys} holds private keys (*.key), and the {role} role must never be able to open a tip. Remove them from this machine."
        )


def refuse_channel_keys(role: Role, private_keys: Path | None) -> None:
    """Refuse to start any role but alerts with the private keys of officers' channels. Raises ImproperlyConfigured."""
    if private_keys is not None and role is not Role.ALERTS:
        raise ImproperlyConfigured(
            f"ALERT_CHANNEL_PRIVATE_KEYS is set for the {role} role, and the alerts role alone may open the addresses of officers' channels. Remove the variable and the files from this machine."
        )


def refuse_address_keys(role: Role, private_keys: Path | None) -> None:
    """Refuse to start any role but bulk with the private keys of subscribers' addresses. Raises ImproperlyConfigured."""
    if private_keys is not None and role is not Role.BULK:
        raise ImproperlyConfigured(
            f"ADDRESS_PRIVATE_KEYS is set for the {role} role, and the bulk role alone may open subscribers' addresses. Remove the variable and the files from this machine."
        )

"""The backup key: its public half on the server, its private half in a safe.

On the server (`BACKUP_KEYS`), for each pair:
    NUMBER-ID.pub     public half: seals, and opens nothing
    NUMBER-ID.sign    64 bytes, secret: a seed that signs manifests, and a key to the index, by which the server knows the names
                      (random ids) of files that earlier backups have. Neither opens a dump or a pack
In the safe, on paper or a stick:
    NUMBER-ID.key     private half
    NUMBER-ID.verify  public half of the signatures: a thief of the disk with backups can't put a set of his own in their place
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tipportal.backup.errors import BackupError
from tips import vault

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The server's part of a pair: enough to write backups and to know its own, not to open one."""

    public: vault.KeyFile
    seed: bytes
    index_key: bytes

    @property
    def id(self) -> str:
        return self.public.id

    @property
    def verify(self) -> bytes:
        return vault.signing_public_half(self.seed)


@dataclass(frozen=True, slots=True)
class SafeKey:
    """The part of a pair that is in the safe: enough to open backups and to prove their origin."""

    id: str
    public: bytes
    private: bytes
    verify: bytes

    def open(self, sealed_key: str) -> bytes:
        """Return the key of a part. Raises BackupError."""
        try:
            return vault.open_key_seal(bytes.fromhex(sealed_key), self.public, self.private)
        except (vault.SealError, ValueError) as error:
            raise BackupError(f"The backup wasn't sealed to the key {self.id}, or was changed.") from error


def create_key(server_folder: Path, safe_folder: Path) -> str:
    """Write both halves of a new pair and return its id. Later backups are sealed to it. Raises OSError."""

    def write_signing_halves(key_id: str) -> None:
        (private,) = (file for file in vault.key_files(safe_folder, "key") if file.id == key_id)
        seed = vault.generate_key()
        vault.write_secret(private.path.with_suffix(".verify"), vault.signing_public_half(seed))
        vault.write_secret(server_folder / f"{private.path.stem}.sign", seed + vault.generate_key())

    return vault.create_key_pair(server_folder, safe_folder, before_public=write_signing_halves)


def load_server_keys(folder: Path | None) -> dict[str, ServerKey]:
    """Return the server's keys by their ids, oldest first. Raises BackupError without one, or beside a private half."""
    if vault.key_files(folder, "key"):
        raise BackupError(
            f"{folder} has the private half of the backup key (.key): a thief of this server could open every backup. Move it"
            " to the stick for your safe, together with the file .verify."
        )
    keys = {}
    for file in vault.key_files(folder, "pub"):
        try:
            secret = file.path.with_suffix(".sign").read_bytes()
        except OSError as error:
            raise BackupError(f"{file.path.with_suffix('.sign')} can't be read: {error.strerror}.") from error
        keys[file.id] = ServerKey(file, secret[:_SEED_BYTES], secret[_SEED_BYTES:])
    if not keys:
        raise BackupError(
            "There is no backup key. Set BACKUP_KEYS to a folder, and run manage.py backup_key create FOLDER, with a folder on"
            " a stick that goes into your safe."
        )
    return keys


def load_safe_key(folder: Path, key_id: str) -> SafeKey:
    """Return the private half of a pair from the folder out of the safe. Raises BackupError."""
    try:
        public, private = vault.read_private_half(key_id, folder)
        (file,) = (file for file in vault.key_files(folder, "key") if file.id == key_id)
        return SafeKey(key_id, public, private, file.path.with_suffix(".verify").read_bytes())
    except (vault.KeyMissingError, OSError) as error:
        raise BackupError(
            f"{folder} doesn't have both files of the backup key {key_id} (.key and .verify). Take the right stick out of the safe."
        ) from error

"""The folder `var/` of `make run`: its subfolders, the secrets made at the first start, and the file of variables."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tipportal.deploy.processes import Process
from tipportal.dev_stack import environment
from tips import vault

VAR = environment.ROOT / "var"
LOGS = VAR / "logs"
KEYS = VAR / "keys"
MEDIA = VAR / "media"
INCIDENTS = VAR / "incidents"
LOCKS = VAR / "run"
START_LOG = LOGS / "start.log"


def make_folders() -> None:
    for folder in (VAR, LOGS, KEYS, MEDIA, INCIDENTS, INCIDENTS / "uploads", INCIDENTS / "drop", LOCKS):
        folder.mkdir(mode=0o700, exist_ok=True)


def lock_of(process: Process) -> Path:
    return LOCKS / f"{process.name}.lock"


def make_secrets() -> dict[str, str]:
    """Make the secrets that are missing. Returns the variables that hold or name the secrets, keys and folders."""
    for name, content in (
        ("secret_key", secrets.token_urlsafe(50).encode()),
        ("receipt_salt", os.urandom(vault.SALT_BYTES)),
        ("audit_key", os.urandom(vault.KEY_BYTES)),
        ("factor_key", os.urandom(vault.KEY_BYTES)),
        ("address_hash_key", os.urandom(vault.KEY_BYTES)),
    ):
        if not (KEYS / name).exists():
            vault.write_secret(KEYS / name, content)
    return {
        "SECRET_KEY": (KEYS / "secret_key").read_text(),
        "RECEIPT_SALT": str(KEYS / "receipt_salt"),
        "AUDIT_KEY": str(KEYS / "audit_key"),
        "FACTOR_KEY": str(KEYS / "factor_key"),
        "AGENCY_PUBLIC_KEYS": str(KEYS / "public"),
        "AGENCY_PRIVATE_KEYS": str(KEYS / "private"),
        "MEDIA_STORE": str(MEDIA),
        "INCIDENT_SNAPSHOTS": str(INCIDENTS / "public"),
        "INCIDENT_CACHE": str(INCIDENTS / "cache"),
        "BASE_MAP": str(INCIDENTS / "base-map"),
        "INCIDENT_UPLOADS": str(INCIDENTS / "uploads"),
        "INCIDENT_DROP_DIR": str(INCIDENTS / "drop"),
        "MEDIA_PUBLIC_KEYS": str(KEYS / "media-public"),
        "MEDIA_PRIVATE_KEYS": str(KEYS / "media-private"),
        "ADDRESS_PUBLIC_KEYS": str(KEYS / "addresses-public"),
        "ADDRESS_PRIVATE_KEYS": str(KEYS / "addresses-private"),
        "ALERT_CHANNEL_PUBLIC_KEYS": str(KEYS / "channels-public"),
        "ALERT_CHANNEL_PRIVATE_KEYS": str(KEYS / "channels-private"),
        "ADDRESS_HASH_KEY": str(KEYS / "address_hash_key"),
    }


def write_environment(variables: Mapping[str, str]) -> None:
    """Write the file that manage.py reads beside a running portal (tipportal/dev_stack/environment.py)."""
    environment.FILE.unlink(missing_ok=True)
    lines = [f"{name}={value}\n" for name, value in variables.items() if "\n" not in value]
    vault.write_secret(environment.FILE, "".join(lines).encode())

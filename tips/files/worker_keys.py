"""The media worker's own pair of keys: what waits for it is sealed to them. Replaced daily.

The web side reads the folder of public halves at each file. An old public half goes at once; the private half stays for an
hour, for files that were being sealed to it, and then until no file waits that needs it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tips import vault

KEY_LIFETIME_SECONDS = 24 * 3600
OLD_KEY_LIFETIME_SECONDS = 3600


def renew() -> None:
    """Make a pair unless there is one younger than a day, and let nothing more be sealed to older ones."""
    public, private = _folders()
    with _alone(private):
        mine, known = vault.key_files(private, "key"), vault.key_files(public, "pub")
        in_use = bool(mine and known) and mine[-1].id == known[-1].id
        if not in_use or _age(mine[-1]) >= KEY_LIFETIME_SECONDS:
            vault.create_key_pair(public, private)
        for old in vault.key_files(public, "pub")[:-1]:
            old.path.unlink()


def destroy_old(needed: Collection[str]) -> None:
    """Destroy private halves that were replaced an hour ago, except those whose id is `needed`."""
    public, private = _folders()
    with _alone(private):
        *old, newest = vault.key_files(private, "key")
        if _age(newest) < OLD_KEY_LIFETIME_SECONDS:
            return
        for file in old:
            if file.id not in needed:
                vault.destroy_key_pair(file.id, public, private)


def _age(file: vault.KeyFile) -> float:
    return time.time() - file.path.stat().st_mtime


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Workers that start together make one pair."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _folders() -> tuple[Path, Path]:
    if settings.MEDIA_PUBLIC_KEYS is None or settings.MEDIA_PRIVATE_KEYS is None:
        raise ImproperlyConfigured("MEDIA_PUBLIC_KEYS and MEDIA_PRIVATE_KEYS must both be set for the media worker.")
    return settings.MEDIA_PUBLIC_KEYS, settings.MEDIA_PRIVATE_KEYS

"""The media worker's own key pair, replaced daily: files that wait to be rebuilt are sealed to it.

Web processes read the folder of public halves for each file. An old public half is removed at once; its private half stays
for an hour, for files that were just being sealed to it, and longer while a waiting file needs it.
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
    """Create a pair unless the newest is younger than a day, and remove the public halves of older ones."""
    public, private = _key_folders()
    with _lock_folder(private):
        private_halves, public_halves = vault.key_files(private, "key"), vault.key_files(public, "pub")
        is_in_use = bool(private_halves and public_halves) and private_halves[-1].id == public_halves[-1].id
        if not is_in_use or _age_seconds(private_halves[-1]) >= KEY_LIFETIME_SECONDS:
            vault.create_key_pair(public, private)
        for old in vault.key_files(public, "pub")[:-1]:
            old.path.unlink()


def destroy_old(needed: Collection[str]) -> None:
    """Destroy private halves that were replaced more than an hour ago, except those whose id is in `needed`."""
    public, private = _key_folders()
    with _lock_folder(private):
        *old, newest = vault.key_files(private, "key")
        if _age_seconds(newest) < OLD_KEY_LIFETIME_SECONDS:
            return
        for file in old:
            if file.id not in needed:
                vault.destroy_key_pair(file.id, public, private)


def _age_seconds(file: vault.KeyFile) -> float:
    return time.time() - file.path.stat().st_mtime


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on `folder`, so that workers that start together create one pair."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _key_folders() -> tuple[Path, Path]:
    if settings.MEDIA_PUBLIC_KEYS is None or settings.MEDIA_PRIVATE_KEYS is None:
        raise ImproperlyConfigured("MEDIA_PUBLIC_KEYS and MEDIA_PRIVATE_KEYS must both be set for the media worker.")
    return settings.MEDIA_PUBLIC_KEYS, settings.MEDIA_PRIVATE_KEYS

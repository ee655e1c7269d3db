"""Replaces the key that seals second factors: the new one is written in front of the old one, which goes once nothing needs it.

A process that reads the file in between opens everything, and so does another node that has a copy of it. An interrupted rotation is
finished by the next one.
"""

from __future__ import annotations

import os
from pathlib import Path

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from core.atomic_files import write_atomically
from core.sign_in.factors import factor_sealing
from core.sign_in.factors.factor_sealing import KEY_BYTES

_SEALED = ("secret", "seed", "proof")  # the fields of an authenticator's data that are sealed, where it has them


def create_key() -> str:
    """Write a new key in front of the present one, and return its id: from now on it seals, and both open.

    A key that is waiting for its rotation stays the new one.
    """
    keys = factor_sealing.read_keys()
    if len(keys) == 1:
        keys.insert(0, os.urandom(KEY_BYTES))
        _write(keys)
    return factor_sealing.identify_key(keys[0])


def rotate() -> int:
    """Seal everything with the new key, and remove the old ones. Return how many factors were sealed again."""
    create_key()
    count = 0
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is None:
                continue
            for field in row.data.keys() & set(_SEALED):
                row.data[field] = factor_sealing.seal_secret(factor_sealing.open_secret(row.data[field]))
            row.save()
            count += 1
    _write(factor_sealing.read_keys()[:1])
    return count


def count_by_key() -> dict[str, int]:
    """Return by key id how many factors it seals, the newest key first."""
    counts = {factor_sealing.identify_key(key): 0 for key in factor_sealing.read_keys()}
    for row in Authenticator.objects.all():
        key_id = row.data["proof"].partition(".")[0]
        counts[key_id] = counts.get(key_id, 0) + 1
    return counts


def _write(keys: list[bytes]) -> None:
    path: Path | None = settings.FACTOR_KEY
    assert path is not None
    write_atomically(path, b"".join(keys), mode=0o600, overwrite=True)

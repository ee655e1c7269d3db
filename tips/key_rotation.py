"""Rotating the agency key: every tip's sealed keys move to the newest agency key, then the old private halves are destroyed.

Content is never touched. Residents and officers go on meanwhile, and an interrupted rotation is taken up by running it
again. No tip can be lost to a key that is being destroyed: its AgencyKey row goes first, in a transaction that fails while
any tip or file refers to it, and what is just being written to the old key is refused by the foreign key and sealed again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Model

from core.audit import record
from tips import vault
from tips.models import AgencyKey, Attachment, NotesKey, Tip

# What holds keys sealed to the agency.
_SEALED = (Tip, NotesKey, Attachment)
_BATCH = 100
_TRIES = 20


def create_key() -> str:
    """Make a new pair, let the database know its id, and seal new tips to it from now on. Returns the id."""

    def announce(key_id: str) -> None:
        with transaction.atomic():
            AgencyKey.objects.create(id=key_id)
            record("vault", "created agency key", key_id)

    return vault.create_key_pair(*_folders(), before_public=announce)


def list_keys() -> list[vault.KeyStatus]:
    """The live agency keys, oldest first."""
    public = vault.key_files(settings.AGENCY_PUBLIC_KEYS, "pub")
    private = {file.id for file in vault.key_files(settings.AGENCY_PRIVATE_KEYS, "key")}
    ids = [file.id for file in public] or [key.id for key in AgencyKey.objects.order_by("created_at")]
    return [vault.KeyStatus(key_id, key_id == ids[-1], key_id in private, _seals(key_id)) for key_id in ids]


def rotate(progress: Callable[[int], None] = lambda _: None) -> str:
    """Create a key unless the newest is unused, re-seal everything to it and destroy the older ones. Returns the new id.

    `progress` is told after each batch how many seals have moved. Raises KeyMissingError when an old private half is not
    here, before anything is changed.
    """
    live = list_keys()
    missing = [key.id for key in live if not key.has_private_half]
    if missing:
        raise vault.KeyMissingError(
            f"the private half of {', '.join(missing)} is not in {settings.AGENCY_PRIVATE_KEYS}"
        )
    interrupted = len(live) > 1 and live[-1].is_newest
    if not live or not (interrupted or live[-1].seal_count == 0):
        create_key()
    public_folder, private_folder = _folders()
    *old, newest = vault.key_files(public_folder, "pub")
    moved = 0
    for file in old:
        for _attempt in range(_TRIES):
            for model in _SEALED:
                moved = _move(model, file.id, newest, moved, progress)
            if _retire(file.id):
                break
        else:
            raise IntegrityError(
                f"tips are still sealed to {file.id}: copy {newest.path.name} to every public node, then rotate again"
            )
        vault.destroy_key_pair(file.id, public_folder, private_folder)
    _destroy_leftovers(newest.id)
    return newest.id


def _move(model: type[Model], old_id: str, newest: vault.KeyFile, moved: int, progress: Callable[[int], None]) -> int:
    """Re-seal the keys of all rows sealed to `old_id`, in small transactions; returns `moved` plus their number."""
    while True:
        with transaction.atomic():
            rows: list[Any] = list(
                model._default_manager.select_for_update()
                .filter(agency_key_id=old_id)
                .only("agency_key", "key_for_agency")
                .order_by("pk")[:_BATCH]
            )
            for row in rows:
                if row.key_for_agency:  # of a refused file there is none left
                    key = vault.open_key_with(row.key_for_agency, old_id, settings.AGENCY_PRIVATE_KEYS)
                    row.key_for_agency = vault.seal_key_to(key, newest)
                row.agency_key_id = newest.id
                row.save(update_fields=["key_for_agency", "agency_key"])
        if not rows:
            return moved
        moved += len(rows)
        progress(moved)


def _retire(key_id: str) -> bool:
    """Take the key's row out of the database, unless a tip was sealed to it meanwhile."""
    try:
        with transaction.atomic():
            AgencyKey.objects.filter(pk=key_id).delete()
            record("vault", "destroyed agency key", key_id)
    except IntegrityError:
        return False
    return True


def _destroy_leftovers(newest_id: str) -> None:
    """Halves whose row is gone: an earlier rotation was interrupted between the database and the files."""
    public_folder, private_folder = _folders()
    live = set(AgencyKey.objects.values_list("id", flat=True))
    for file in vault.key_files(public_folder, "pub") + vault.key_files(private_folder, "key"):
        if file.id not in live and file.id != newest_id:
            vault.destroy_key_pair(file.id, public_folder, private_folder)


def _seals(key_id: str) -> int:
    return sum(model._default_manager.filter(agency_key_id=key_id).count() for model in _SEALED)


def _folders() -> tuple[Path, Path]:
    if settings.AGENCY_PUBLIC_KEYS is None or settings.AGENCY_PRIVATE_KEYS is None:
        raise vault.KeyMissingError(
            "AGENCY_PUBLIC_KEYS and AGENCY_PRIVATE_KEYS must both be set here (PORTAL_ROLE=staff)"
        )
    return settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS

"""Rotate the agency key: re-seal every tip's keys to the newest agency key, then destroy the old private halves.

Content is never touched. Residents and officers go on meanwhile, and running the command again completes an interrupted
rotation. No tip can be lost to a key that is being destroyed: its AgencyKey row goes first, in a transaction that fails
while any tip or file refers to it; a tip that is just being sealed to the old key violates the foreign key, and is sealed
again.
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
from tips.models import AgencyKey, Attachment, NotesKey, SummaryList, Tip

# The models that hold keys sealed to the agency.
_MODELS_WITH_KEYS = (Tip, NotesKey, Attachment, SummaryList)
_BATCH_ROWS = 100
_MAX_PASSES = 20


def create_key() -> str:
    """Create a key pair that new tips are sealed to from now on, and return its id."""

    def record_key(key_id: str) -> None:
        with transaction.atomic():
            AgencyKey.objects.create(id=key_id)
            record("vault", "created agency key", key_id)

    return vault.create_key_pair(*_key_folders(), before_public=record_key)


def list_keys() -> list[vault.KeyStatus]:
    """Return the agency keys in use, oldest first."""
    public_files = vault.key_files(settings.AGENCY_PUBLIC_KEYS, "pub")
    private_ids = {file.id for file in vault.key_files(settings.AGENCY_PRIVATE_KEYS, "key")}
    ids = [file.id for file in public_files] or [key.id for key in AgencyKey.objects.order_by("created_at")]
    return [vault.KeyStatus(key_id, key_id == ids[-1], key_id in private_ids, _count_seals(key_id)) for key_id in ids]


def rotate(report_moved: Callable[[int], None] = lambda _: None) -> str:
    """Create a key unless the newest is unused, re-seal all keys to it, destroy the older ones, and return the new id.

    `report_moved` is called after each batch with the number of seals moved so far. Raises KeyMissingError before anything
    is changed when an old private half is not here.
    """
    keys = list_keys()
    missing = [key.id for key in keys if not key.has_private_half]
    if missing:
        raise vault.KeyMissingError(
            f"the private half of {', '.join(missing)} is not in {settings.AGENCY_PRIVATE_KEYS}"
        )
    is_interrupted = len(keys) > 1 and keys[-1].is_newest
    if not keys or not (is_interrupted or keys[-1].seal_count == 0):
        create_key()
    public_folder, private_folder = _key_folders()
    *old, newest = vault.key_files(public_folder, "pub")
    moved = 0
    for file in old:
        for _pass in range(_MAX_PASSES):
            for model in _MODELS_WITH_KEYS:
                moved = _reseal_rows(model, file.id, newest, moved, report_moved)
            if _retire_key(file.id):
                break
        else:
            raise IntegrityError(
                f"tips are still sealed to {file.id}: copy {newest.path.name} to every public node, then rotate again"
            )
        vault.destroy_key_pair(file.id, public_folder, private_folder)
    _destroy_leftovers(newest.id)
    return newest.id


def _reseal_rows(
    model: type[Model], old_id: str, newest: vault.KeyFile, moved: int, report_moved: Callable[[int], None]
) -> int:
    """Re-seal the keys of all rows sealed to `old_id`, in small transactions, and return `moved` plus their number."""
    while True:
        with transaction.atomic():
            rows: list[Any] = list(
                model._default_manager.select_for_update()
                .filter(agency_key_id=old_id)
                .only("agency_key", "key_for_agency")
                .order_by("pk")[:_BATCH_ROWS]
            )
            for row in rows:
                if row.key_for_agency:  # a refused file has none left
                    key = vault.open_key_with(row.key_for_agency, old_id, settings.AGENCY_PRIVATE_KEYS)
                    row.key_for_agency = vault.seal_key_to(key, newest)
                row.agency_key_id = newest.id
                row.save(update_fields=["key_for_agency", "agency_key"])
        if not rows:
            return moved
        moved += len(rows)
        report_moved(moved)


def _retire_key(key_id: str) -> bool:
    """Delete the key's row, and return False if a tip was sealed to it meanwhile."""
    try:
        with transaction.atomic():
            AgencyKey.objects.filter(pk=key_id).delete()
            record("vault", "destroyed agency key", key_id)
    except IntegrityError:
        return False
    return True


def _destroy_leftovers(newest_id: str) -> None:
    """Destroy halves whose row is gone: an earlier rotation was interrupted between the database and the files."""
    public_folder, private_folder = _key_folders()
    ids_in_use = set(AgencyKey.objects.values_list("id", flat=True))
    for file in vault.key_files(public_folder, "pub") + vault.key_files(private_folder, "key"):
        if file.id not in ids_in_use and file.id != newest_id:
            vault.destroy_key_pair(file.id, public_folder, private_folder)


def _count_seals(key_id: str) -> int:
    return sum(model._default_manager.filter(agency_key_id=key_id).count() for model in _MODELS_WITH_KEYS)


def _key_folders() -> tuple[Path, Path]:
    if settings.AGENCY_PUBLIC_KEYS is None or settings.AGENCY_PRIVATE_KEYS is None:
        raise vault.KeyMissingError(
            "AGENCY_PUBLIC_KEYS and AGENCY_PRIVATE_KEYS must both be set here (PORTAL_ROLE=staff)"
        )
    return settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS

"""Replacing the pair that subscribers' addresses are sealed to. Runs as the bulk role, which alone can open them.

Rows are found by the type of their column, so that every app's subscribers move, and the addresses of the agency's channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from django.apps import apps
from django.db import transaction
from django.db.models import BinaryField, F, Func, Model, Value

from core.mail import subscriber_addresses
from core.mail.subscriber_addresses import KeyMissingError, KeyStatus, SealedContactField

_AT_ONCE = 500


def rotate(progress: Callable[[int], object]) -> str:
    """Seal everything to the newest pair, destroy the older ones, and return the newest one's id.

    `progress` is called after each batch with the number of seals moved. Can be interrupted and run again. Raises
    KeyMissingError if the newest private key or one that is still needed is missing; then nothing is destroyed.
    """
    newest, here = subscriber_addresses.newest_key_id(), subscriber_addresses.list_key_ids()
    if newest not in here:
        raise KeyMissingError("The newest pair has no private half here. Run `manage.py addresses create-key` first.")
    moved = 0
    for model, name in _columns():
        while batch := _move(model, name, newest):
            moved += batch
            progress(moved)
    for key_id in here:
        if key_id != newest:
            subscriber_addresses.destroy_key_pair(key_id)
    return newest


def _move(model: type[Model], name: str, newest: str) -> int:
    """A batch of rows; those that a resident deletes meanwhile stay deleted."""
    mark = subscriber_addresses.seal_label(newest)
    begins = Func(F(name), Value(1), Value(len(mark)), function="substr", output_field=BinaryField())
    sealed = model._default_manager.exclude(**{name: None})
    others = sealed.alias(begins=begins).exclude(begins=mark)
    with transaction.atomic():
        rows = list(others.select_for_update().only("pk", name)[:_AT_ONCE])
        for row in rows:
            setattr(row, name, subscriber_addresses.reseal(getattr(row, name)))
        model._default_manager.bulk_update(rows, [name])
    return len(rows)


def list_keys() -> list[KeyStatus]:
    """Return the pairs whose private half is here, the newest one, and others that contacts are still sealed to.

    Empty if there is no newest one, so that nothing can be sealed.
    """
    seals, here, newest = count_seals(), subscriber_addresses.list_key_ids(), subscriber_addresses.newest_key_id()
    if not newest:
        return []
    ids = dict.fromkeys([*here, newest, *seals])
    return [KeyStatus(key_id, key_id == newest, key_id in here, seals.get(key_id, 0)) for key_id in ids]


def count_seals() -> dict[str, int]:
    """Return the number of contacts sealed to each pair, by the pair's id."""
    counted: Counter[str] = Counter()
    for model, name in _columns():
        seals = model._default_manager.exclude(**{name: None}).values_list(name, flat=True)
        for sealed in seals.iterator(chunk_size=5000):
            counted[subscriber_addresses.read_key_id(sealed)] += 1
    return dict(counted)


def _columns() -> Iterator[tuple[type[Model], str]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, SealedContactField):
                yield model, field.name

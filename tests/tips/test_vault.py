"""Sealing: which combinations open, and which must not. vectors.json fixes each format for good."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import receipt_cost
from tips import vault

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
KEY = bytes(range(32))
PLACE = vault.SealContext(
    tip=uuid.UUID(int=1), row=uuid.UUID(int=2), kind="message", author="source", position=3, field="body"
)


@given(st.text(max_size=3000))
def test_text_opens_where_it_was_sealed(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert vault.open_text(KEY, vault.seal_text(KEY, text, PLACE), PLACE) == text


@pytest.mark.parametrize(
    "moved",
    [
        {"tip": uuid.UUID(int=9)},
        {"row": uuid.UUID(int=9)},
        {"kind": "note"},
        {"author": "staff"},
        {"position": 4},
        {"field": "report"},
    ],
)
def test_text_opens_nowhere_else(moved: dict) -> None:
    sealed = vault.seal_text(KEY, "Two men load boxes", PLACE)
    with pytest.raises(vault.SealError):
        vault.open_text(KEY, sealed, dataclasses.replace(PLACE, **moved))


def test_text_opens_with_no_other_key() -> None:
    with pytest.raises(vault.SealError):
        vault.open_text(bytes(32), vault.seal_text(KEY, "Two men", PLACE), PLACE)


def test_any_changed_or_missing_byte_is_detected() -> None:
    sealed = vault.seal_text(KEY, "Two men", PLACE)
    for position in (0, 1, 24, 25, len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(vault.SealError):
            vault.open_text(KEY, bytes(changed), PLACE)
    for length in (0, 1, 20, len(sealed) - 1):
        with pytest.raises(vault.SealError):
            vault.open_text(KEY, sealed[:length], PLACE)


def test_lengths_are_hidden_in_steps_of_512_bytes() -> None:
    lengths = {len(vault.seal_text(KEY, "x" * length, PLACE)) for length in range(512)}
    assert len(lengths) == 1
    assert len(vault.seal_text(KEY, "x" * 512, PLACE)) == lengths.pop() + 512


def test_sealing_the_same_text_twice_gives_different_bytes() -> None:
    assert vault.seal_text(KEY, "same", PLACE) != vault.seal_text(KEY, "same", PLACE)


def test_box_is_bound_to_its_label() -> None:
    sealed = vault.seal_box(KEY, b"seed", b"one")
    assert vault.open_box(KEY, sealed, b"one") == b"seed"
    with pytest.raises(vault.SealError):
        vault.open_box(KEY, sealed, b"two")


def test_key_for_source_opens_only_with_the_receipts_seed() -> None:
    sealed = vault.seal_key_to_source(KEY, b"s" * 32)
    assert vault.open_key_as_source(sealed, b"s" * 32) == KEY
    with pytest.raises(vault.SealError):
        vault.open_key_as_source(sealed, b"t" * 32)


def test_agency_key_opens_only_with_the_private_key(tmp_path: Path) -> None:
    key_id = vault.create_key_pair(tmp_path / "public", tmp_path / "private")
    sealed_with, sealed = vault.seal_key_to_newest(KEY, tmp_path / "public")
    assert sealed_with == key_id
    assert vault.open_key_with(sealed, key_id, tmp_path / "private") == KEY
    with pytest.raises(vault.KeyMissingError):
        vault.open_key_with(sealed, key_id, tmp_path / "public")


def test_the_newest_agency_key_is_used_and_the_older_still_opens(tmp_path: Path) -> None:
    folders = tmp_path / "public", tmp_path / "private"
    old = vault.create_key_pair(*folders)
    _, sealed = vault.seal_key_to_newest(KEY, folders[0])
    new = vault.create_key_pair(*folders)
    assert vault.seal_key_to_newest(KEY, folders[0])[0] == new
    assert vault.open_key_with(sealed, old, folders[1]) == KEY


def test_private_key_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    vault.create_key_pair(tmp_path / "public", tmp_path / "private")
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "private").iterdir()] == [0o600]


def test_destroyed_key_is_gone(tmp_path: Path) -> None:
    key_id = vault.create_key_pair(tmp_path / "public", tmp_path / "private")
    vault.destroy_key_pair(key_id, tmp_path / "public", tmp_path / "private")
    assert not list((tmp_path / "private").iterdir()) + list((tmp_path / "public").iterdir())


def test_a_swapped_public_key_is_refused(tmp_path: Path) -> None:
    vault.create_key_pair(tmp_path / "public", tmp_path / "private")
    next((tmp_path / "public").iterdir()).write_bytes(bytes(range(1, 33)))
    with pytest.raises(vault.KeyMissingError, match="damaged"):
        vault.seal_key_to_newest(KEY, tmp_path / "public")


# The formats, byte for byte: what was sealed years ago must open


def test_vector_text() -> None:
    vector = VECTORS["text"]
    place = vault.SealContext(
        **{**vector["place"], "tip": uuid.UUID(vector["place"]["tip"]), "row": uuid.UUID(vector["place"]["row"])}
    )
    assert vault.open_text(bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"]), place) == vector["text"]


@receipt_cost.full_cost()
def test_vector_stretch() -> None:
    vector = VECTORS["stretch"]
    secret = vault.stretch_secret(vector["receipt"].encode(), bytes.fromhex(vector["salt"]))
    assert secret.token.hex() == vector["token"]
    assert secret.seed.hex() == vector["seed"]
    assert secret.token_hash.hex() == vector["token_hash"]


def test_vector_key_for_source() -> None:
    vector = VECTORS["key_for_source"]
    assert (
        vault.open_key_as_source(bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["seed"])).hex() == vector["key"]
    )


def test_vector_key_for_agency(tmp_path: Path) -> None:
    vector = VECTORS["key_for_agency"]
    (tmp_path / f"0001-{vector['key_id']}.key").write_bytes(bytes.fromhex(vector["private"]))
    assert vault.open_key_with(bytes.fromhex(vector["sealed"]), vector["key_id"], tmp_path).hex() == vector["key"]


def test_vector_box() -> None:
    vector = VECTORS["box"]
    opened = vault.open_box(bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"]), vector["label"].encode())
    assert opened.hex() == vector["plain"]

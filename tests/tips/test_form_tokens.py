from __future__ import annotations

import base64

import pytest

from core import ephemeral_store
from tips import form_tokens


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A memory-only store shared by all nodes of a test."""
    stored: dict[str, bytes] = {}
    monkeypatch.setattr(ephemeral_store, "put_once", lambda name, value, seconds: stored.setdefault(name, value))
    monkeypatch.setattr(form_tokens, "_keys", form_tokens._Keys())
    return stored


def no_store(*_: object) -> bytes:
    raise ephemeral_store.StoreDownError


def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr(form_tokens.time, "time", lambda: moment)


def test_a_token_is_read_back() -> None:
    text = form_tokens.issue()
    token = form_tokens.read(text)
    assert len(token.receipt.split(" ")) == 7
    assert token == form_tokens.read(text)
    assert form_tokens.read_token_id(text) == token.id


def test_each_token_has_its_own_receipt() -> None:
    assert form_tokens.read(form_tokens.issue()).receipt != form_tokens.read(form_tokens.issue()).receipt


def test_a_token_does_not_reveal_its_receipt() -> None:
    text = form_tokens.issue()
    raw = base64.urlsafe_b64decode(text)
    for word in form_tokens.read(text).receipt.split():
        assert word.encode() not in raw
    assert form_tokens._CONTENT.pack(form_tokens.read(text).issued_at, 0, *form_tokens.read(text).positions) not in raw


def test_a_token_is_valid_for_one_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    start = 500_000 * 3600 - 10
    at(monkeypatch, start)
    text = form_tokens.issue()
    at(monkeypatch, start + 3599)
    assert form_tokens.read(text).age_seconds == 3599
    at(monkeypatch, start + 3601)
    with pytest.raises(form_tokens.TokenExpiredError):
        form_tokens.read(text)
    at(monkeypatch, start + 3 * 3600)
    with pytest.raises(form_tokens.TokenError):
        form_tokens.read(text)
    assert form_tokens.read_token_id(text)


def test_another_node_reads_a_token_with_the_shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    text = form_tokens.issue()
    receipt = form_tokens.read(text).receipt
    monkeypatch.setattr(form_tokens, "_keys", form_tokens._Keys())
    assert form_tokens.read(text).receipt == receipt


def test_the_same_node_reads_a_token_while_the_store_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    text = form_tokens.issue()
    form_tokens._keys._shared.clear()
    monkeypatch.setattr(ephemeral_store, "put_once", no_store)
    assert form_tokens.read(text).receipt


def test_a_token_can_be_created_without_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral_store, "put_once", no_store)
    assert form_tokens.read(form_tokens.issue()).receipt


@pytest.mark.parametrize("text", ["", "x", "é", "====", "A" * 10_000, base64.urlsafe_b64encode(bytes(156)).decode()])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(form_tokens.TokenError):
        form_tokens.read(text)


def test_a_changed_token_is_refused() -> None:
    raw = bytearray(base64.urlsafe_b64decode(form_tokens.issue()))
    raw[0] ^= 1  # the id is bound to what is sealed
    with pytest.raises(form_tokens.TokenError):
        form_tokens.read(base64.urlsafe_b64encode(raw).decode())


def test_keys_are_deleted_after_two_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in range(5):
        at(monkeypatch, (500_000 + hour) * 3600.0)
        form_tokens.issue()
    assert sorted(form_tokens._keys._shared) == [500_003, 500_004]

from __future__ import annotations

import base64

import pytest

from tipportal import memory
from tips import tokens


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A memory-only store shared by all nodes of a test."""
    kept: dict[str, bytes] = {}
    monkeypatch.setattr(memory, "put_once", lambda name, value, seconds: kept.setdefault(name, value))
    monkeypatch.setattr(tokens, "_keys", tokens._Keys())
    return kept


def no_store(*_: object) -> bytes:
    raise memory.StoreDownError


def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr(tokens.time, "time", lambda: moment)


def test_a_token_is_read_back() -> None:
    text = tokens.issue()
    token = tokens.read(text)
    assert len(token.receipt.split(" ")) == 7
    assert token == tokens.read(text)
    assert tokens.id_of(text) == token.id


def test_each_token_has_its_own_receipt() -> None:
    assert tokens.read(tokens.issue()).receipt != tokens.read(tokens.issue()).receipt


def test_a_token_does_not_tell_its_receipt() -> None:
    text = tokens.issue()
    raw = base64.urlsafe_b64decode(text)
    for word in tokens.read(text).receipt.split():
        assert word.encode() not in raw
    assert tokens._CONTENT.pack(tokens.read(text).made_at, *tokens.read(text).positions) not in raw


def test_it_lives_an_hour_also_across_the_turn_of_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    start = 500_000 * 3600 - 10
    at(monkeypatch, start)
    text = tokens.issue()
    at(monkeypatch, start + 3599)
    assert tokens.read(text).age_seconds == 3599
    at(monkeypatch, start + 3601)
    with pytest.raises(tokens.TokenExpiredError):
        tokens.read(text)
    at(monkeypatch, start + 3 * 3600)
    with pytest.raises(tokens.TokenError):
        tokens.read(text)
    assert tokens.id_of(text)


def test_another_node_reads_it_through_the_shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    text = tokens.issue()
    receipt = tokens.read(text).receipt
    monkeypatch.setattr(tokens, "_keys", tokens._Keys())
    assert tokens.read(text).receipt == receipt


def test_the_same_node_reads_it_when_the_store_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = tokens.issue()
    tokens._keys._shared.clear()
    monkeypatch.setattr(memory, "put_once", no_store)
    assert tokens.read(text).receipt


def test_a_form_can_be_made_without_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "put_once", no_store)
    assert tokens.read(tokens.issue()).receipt


@pytest.mark.parametrize("text", ["", "x", "é", "====", "A" * 10_000, base64.urlsafe_b64encode(bytes(156)).decode()])
def test_garbage_is_no_token(text: str) -> None:
    with pytest.raises(tokens.TokenError):
        tokens.read(text)


def test_a_changed_token_is_no_token() -> None:
    raw = bytearray(base64.urlsafe_b64decode(tokens.issue()))
    raw[0] ^= 1  # the id is bound to what is sealed
    with pytest.raises(tokens.TokenError):
        tokens.read(base64.urlsafe_b64encode(raw).decode())


def test_keys_are_forgotten_after_two_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in range(5):
        at(monkeypatch, (500_000 + hour) * 3600.0)
        tokens.issue()
    assert sorted(tokens._keys._shared) == [500_003, 500_004]

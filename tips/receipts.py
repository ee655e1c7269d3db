"""Receipts: seven words that are the only way back to a tip.

Seven words of the 7,776-word EFF long list are 90 bits. The server stores neither the words nor what opens a tip: only the
hash of a look-up token that Argon2id makes of the words and a secret salt.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings

from tips import vault

WORD_COUNT = 7
WORD_LIST = Path(__file__).parent / "wordlists" / "en.txt"
MAX_TYPED_LENGTH = 300

# Argon2id takes 25 ms and 19 MiB. Two at once fill two cores; sixteen sources at once are all served, in well under a
# second; whoever finds the line full is told to press again.
MAX_CONCURRENT = 2
QUEUE_LENGTH = 16
_at_once = threading.BoundedSemaphore(MAX_CONCURRENT)
_line = threading.BoundedSemaphore(QUEUE_LENGTH)
_LONGEST_WAIT_SECONDS = 15


class ReceiptError(Exception):
    """What was typed cannot be a receipt."""


class WordCountError(ReceiptError):
    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found


class UnknownWordError(ReceiptError):
    def __init__(self, word: str, suggestions: list[str]) -> None:
        super().__init__()
        self.word = word
        self.suggestions = suggestions


class ReceiptQueueFullError(Exception):
    """Too many are in line; nothing was done. Try again in some seconds."""


@cache
def load_words() -> tuple[str, ...]:
    """The word list in its fixed order. Source: EFF long list (CC BY 3.0 US), https://www.eff.org/dice."""
    return tuple(WORD_LIST.read_text(encoding="ascii").split())


@cache
def _positions() -> dict[str, int]:
    return {word: position for position, word in enumerate(load_words())}


def draw_positions() -> tuple[int, ...]:
    """The positions of seven words, drawn by the system's random generator."""
    return tuple(secrets.randbelow(len(load_words())) for _ in range(WORD_COUNT))


def spell_receipt(positions: Sequence[int]) -> str:
    """The receipt as shown: seven words with single spaces."""
    return " ".join(load_words()[position] for position in positions)


def parse_receipt(typed: str) -> str:
    """The receipt meant by what a person typed: any case; spaces, hyphens, commas or line ends between; one slip of a
    letter a word where only one word is that near.

    Raises WordCountError or UnknownWordError. Neither depends on which receipts exist.
    """
    parts = re.findall(r"[a-z]+", typed[:MAX_TYPED_LENGTH].casefold().replace("'", ""))
    found = [_word_for(part) for part in _with_hyphens(parts)]
    if len(found) != WORD_COUNT:
        raise WordCountError(len(found))
    return " ".join(found)


def _with_hyphens(parts: list[str]) -> Iterator[str]:
    """Join the halves of the list's few hyphenated words ("yo-yo")."""
    position = 0
    while position < len(parts):
        pair = "-".join(parts[position : position + 2])
        if pair in _positions():
            yield pair
            position += 2
        else:
            yield parts[position]
            position += 1


def _word_for(part: str) -> str:
    if part in _positions():
        return part
    near = [word for word in load_words() if abs(len(word) - len(part)) <= 1 and _one_slip_apart(word, part)]
    if len(near) == 1:
        return near[0]
    raise UnknownWordError(part[:30], near[:3])


def _one_slip_apart(one: str, other: str) -> bool:
    """One letter changed, left out, added, or two neighbours swapped."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, typed = one[start:], other[start:]
    return (
        rest[1:] == typed[1:]
        or rest[1:] == typed
        or rest == typed[1:]
        or (rest[:2] == typed[1::-1] and len(typed) > 1 and rest[2:] == typed[2:])
    )


def stretch_receipt(receipt: str) -> vault.SourceSecret:
    """What the receipt stretches to. Waits in line for its 25 ms of Argon2id; raises BusyError when the line is full."""
    with _turn():
        return vault.stretch_secret(receipt.encode(), _salt())


@contextmanager
def _turn() -> Iterator[None]:
    if not _line.acquire(blocking=False):
        raise ReceiptQueueFullError
    try:
        if not _at_once.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise ReceiptQueueFullError
        try:
            yield
        finally:
            _at_once.release()
    finally:
        _line.release()


def is_queue_full() -> bool:
    """Whether the next call of `stretched` would be refused."""
    free = _line.acquire(blocking=False)
    if free:
        _line.release()
    return not free


@cache
def _salt() -> bytes:
    if settings.RECEIPT_SALT is None:
        raise vault.KeyMissingError("RECEIPT_SALT is not set on this node")
    salt: bytes = settings.RECEIPT_SALT.read_bytes()
    if len(salt) != vault.SALT_BYTES:
        raise vault.KeyMissingError(f"{settings.RECEIPT_SALT} must hold {vault.SALT_BYTES} bytes")
    return salt

"""Receipts: seven words that are the only way back to a tip.

Seven words of the 7,776-word EFF long list are 90 bits. The server stores neither the words nor a key that opens the tip:
only the hash of a look-up token that Argon2id derives from the words and a secret salt.
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
# second; when a queue is full, the page asks the source to press the button again. Sign-ins have a queue of their own and at
# most one of the two places, so that no flood of made-up receipts keeps out a tip.
MAX_CONCURRENT = 2
QUEUE_LENGTH = 16
_running = threading.BoundedSemaphore(MAX_CONCURRENT)
_running_sign_ins = threading.BoundedSemaphore(MAX_CONCURRENT - 1)
_queue = threading.BoundedSemaphore(QUEUE_LENGTH)
_sign_in_queue = threading.BoundedSemaphore(QUEUE_LENGTH)
_LONGEST_WAIT_SECONDS = 15


class ReceiptError(Exception):
    """The text that was typed cannot be a receipt."""


class WordCountError(ReceiptError):
    """The text has another number of words than a receipt."""

    def __init__(self, word_count: int) -> None:
        super().__init__(word_count)
        self.word_count = word_count


class UnknownWordError(ReceiptError):
    """A word is not on the list; `suggestions` are similar words that are."""

    def __init__(self, word: str, suggestions: list[str]) -> None:
        super().__init__()
        self.word = word
        self.suggestions = suggestions


class ReceiptQueueFullError(Exception):
    """The queue for Argon2id is full; nothing was done. Try again in some seconds."""


@cache
def load_words() -> tuple[str, ...]:
    """Return the word list in its fixed order. Source: EFF long list (CC BY 3.0 US), https://www.eff.org/dice."""
    return tuple(WORD_LIST.read_text(encoding="ascii").split())


@cache
def _positions() -> dict[str, int]:
    return {word: position for position, word in enumerate(load_words())}


def draw_positions() -> tuple[int, ...]:
    """Return the positions of seven words, drawn by the operating system's random generator."""
    return tuple(secrets.randbelow(len(load_words())) for _ in range(WORD_COUNT))


def spell_receipt(positions: Sequence[int]) -> str:
    """Return the receipt as shown: seven words with single spaces."""
    return " ".join(load_words()[position] for position in positions)


def parse_receipt(typed: str) -> str:
    """Return the receipt that a person meant to type.

    Accepts any case, spaces, hyphens, commas or line ends between the words, and one wrong letter a word where only one word
    of the list is that similar.

    Raises WordCountError or UnknownWordError. Neither depends on which receipts exist.
    """
    parts = re.findall(r"[a-z]+", typed[:MAX_TYPED_LENGTH].casefold().replace("'", ""))
    matched = [_match_word(part) for part in _join_hyphenated(parts)]
    if len(matched) != WORD_COUNT:
        raise WordCountError(len(matched))
    return " ".join(matched)


def _join_hyphenated(parts: list[str]) -> Iterator[str]:
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


def _match_word(part: str) -> str:
    if part in _positions():
        return part
    similar = [word for word in load_words() if abs(len(word) - len(part)) <= 1 and _is_one_slip_apart(word, part)]
    if len(similar) == 1:
        return similar[0]
    raise UnknownWordError(part[:30], similar[:3])


def _is_one_slip_apart(one: str, other: str) -> bool:
    """Return whether two words differ by one letter changed, left out or added, or by two neighboring letters swapped."""
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
    """Derive the source's secret from a receipt, as parse_receipt returns it. Waits in the queue for 25 ms of Argon2id.

    Raises ReceiptQueueFullError.
    """
    with _place_in(_queue), _turn_of(_running):
        return vault.stretch_secret(receipt.encode(), _read_salt())


def stretch_for_sign_in(receipt: str) -> vault.SourceSecret:
    """Do the same in the queue of sign-ins."""
    with _place_in(_sign_in_queue), _turn_of(_running_sign_ins), _turn_of(_running):
        return vault.stretch_secret(receipt.encode(), _read_salt())


@contextmanager
def _place_in(queue: threading.BoundedSemaphore) -> Iterator[None]:
    if not queue.acquire(blocking=False):
        raise ReceiptQueueFullError
    try:
        yield
    finally:
        queue.release()


@contextmanager
def _turn_of(running: threading.BoundedSemaphore) -> Iterator[None]:
    if not running.acquire(timeout=_LONGEST_WAIT_SECONDS):
        raise ReceiptQueueFullError
    try:
        yield
    finally:
        running.release()


def is_queue_full() -> bool:
    """Return whether the next call of stretch_receipt would be refused."""
    has_room = _queue.acquire(blocking=False)
    if has_room:
        _queue.release()
    return not has_room


@cache
def _read_salt() -> bytes:
    if settings.RECEIPT_SALT is None:
        raise vault.KeyMissingError("RECEIPT_SALT is not set on this node")
    salt: bytes = settings.RECEIPT_SALT.read_bytes()
    if len(salt) != vault.SALT_BYTES:
        raise vault.KeyMissingError(f"{settings.RECEIPT_SALT} must hold {vault.SALT_BYTES} bytes")
    return salt

"""Receipts: seven words that are the only way back to a tip.

Seven words of the 7,776-word EFF long list are 90 bits. The server stores neither the words nor a key that opens the tip:
only the hash of a look-up token that Argon2id derives from the words and a secret salt.
"""

from __future__ import annotations

import difflib
import itertools
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from core.plain_text import fold_text
from tips import receipt_salt, vault

WORD_COUNT = 7
WORD_LIST = Path(__file__).parent / "wordlists" / "en.txt"
MAX_TYPED_LENGTH = 500
_MIN_LETTERS, _MAX_LETTERS = 3, 9  # of a word
_MAX_PARTS = 3 * WORD_COUNT  # of a text whose slips are looked up: that takes milliseconds a word
_MIN_SIMILARITY = 0.6  # of a suggestion, as difflib measures it

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


class UnknownWordsError(ReceiptError):
    """Some words are not on the list. `suggestions` has up to three similar ones that are, for each of the first seven."""

    def __init__(self, suggestions: dict[str, list[str]]) -> None:
        super().__init__()
        self.suggestions = suggestions


class ReceiptQueueFullError(Exception):
    """The queue for Argon2id is full; nothing was done. Try again in some seconds."""


@cache
def load_words() -> tuple[str, ...]:
    """Return the word list in its fixed order. Source: EFF long list (CC BY 3.0 US), https://www.eff.org/dice."""
    return tuple(WORD_LIST.read_text(encoding="ascii").split())


def draw_positions() -> tuple[int, ...]:
    """Return the positions of seven words, drawn by the operating system's random generator."""
    return tuple(secrets.randbelow(len(load_words())) for _ in range(WORD_COUNT))


def spell_receipt(positions: Sequence[int]) -> str:
    """Return the receipt as shown: seven words with single spaces."""
    return " ".join(load_words()[position] for position in positions)


def parse_receipt(typed: str) -> str:
    """Return the receipt that a person meant to type, however a phone, a word processor or paper wrote it.

    Accepts any case, accents, full-width letters, numbers before the words, anything or nothing between them ("WillowZoom"),
    and one wrong letter a word where only one word of the list is that similar.

    Raises WordCountError or UnknownWordsError. Neither depends on which receipts exist.
    """
    text = _split_camel_case(unicodedata.normalize("NFKC", typed[:MAX_TYPED_LENGTH]))
    parts = list(_join_hyphenated(re.findall(r"[a-z]+", fold_text(text).replace("'", ""))))
    letters = "".join(parts).replace("-", "")
    for words in (_segment_each(parts), _segment(letters)):
        if words is not None and len(words) == WORD_COUNT:
            return " ".join(words)
    if len(parts) != WORD_COUNT and (words := _segment_around_a_slip(letters)):
        return " ".join(words)
    if len(parts) > _MAX_PARTS:
        raise WordCountError(len(parts))
    words = []
    slips: dict[str, list[str]] = {}
    for part in parts:
        meant = _segment(part) or ([part] if part in _known_words() else _similar_words(part))
        if len(meant) == 1 or _segment(part):
            words += meant
        elif len(slips) < WORD_COUNT and part not in slips:
            slips[part[:30]] = meant[:3] or _nearest_words(part)
    if slips:
        raise UnknownWordsError(slips)
    if len(words) != WORD_COUNT:
        raise WordCountError(len(words))
    return " ".join(words)


def _split_camel_case(text: str) -> str:
    return "".join(one + " " * (one.islower() and other.isupper()) for one, other in itertools.pairwise(text + " "))


@cache
def _known_words() -> frozenset[str]:
    return frozenset(load_words())


@cache
def _words_by_letters() -> dict[str, str]:
    """Return the words by their letters: without hyphens, "yoyo" before "yo-yo". No other word begins with another one."""
    return {word.replace("-", ""): word for word in sorted(load_words(), key=lambda word: "-" not in word)}


def _segment_each(parts: list[str]) -> list[str] | None:
    """Return the words of all parts, each one word or several without a space; None if one part is no word."""
    segments = [[part] if part in _known_words() else _segment(part) for part in parts]
    return None if None in segments else [word for segment in segments for word in segment or ()]


def _segment(letters: str) -> list[str] | None:
    """Return the words that these letters are, written without a space; None if they are not words of the list alone."""
    words: list[str] = []
    start = 0
    while start < len(letters):
        ends = range(start + _MIN_LETTERS, start + _MAX_LETTERS + 1)
        word = next((word for end in ends if (word := _words_by_letters().get(letters[start:end]))), None)
        if word is None:
            return None
        words.append(word)
        start += len(word.replace("-", ""))
    return words


def _segment_around_a_slip(letters: str) -> list[str] | None:
    """Return the seven words that these letters are if one of them has a slip that is unambiguous."""
    if len(letters) > WORD_COUNT * (_MAX_LETTERS + 1):
        return None
    found = set()
    for start in range(len(letters)):
        before = _segment(letters[:start])
        for end in range(start + _MIN_LETTERS - 1, start + _MAX_LETTERS + 2) if before is not None else ():
            after = _segment(letters[end:])
            if before is not None and after is not None and len(before) + len(after) == WORD_COUNT - 1:
                found |= {(*before, word, *after) for word in _similar_words(letters[start:end])}
    return list(found.pop()) if len(found) == 1 else None


def _join_hyphenated(parts: list[str]) -> Iterator[str]:
    """Join the halves of the list's few hyphenated words ("yo-yo")."""
    position = 0
    while position < len(parts):
        pair = "-".join(parts[position : position + 2])
        if pair in _known_words():
            yield pair
            position += 2
        else:
            yield parts[position]
            position += 1


def _nearest_words(part: str) -> list[str]:
    """Return up to three words that look like this one. difflib is slow, so only words of much the same letters are measured."""
    letters = set(part)
    alike = [word for word in load_words() if abs(len(word) - len(part)) <= 3 and len(letters - set(word)) <= 1]
    return difflib.get_close_matches(part, alike, 3, _MIN_SIMILARITY)


def _similar_words(part: str) -> list[str]:
    return [word for word in load_words() if abs(len(word) - len(part)) <= 1 and _is_one_slip_apart(word, part)]


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
        return vault.stretch_secret(receipt.encode(), receipt_salt.read_salt())


def stretch_for_sign_in(receipt: str) -> vault.SourceSecret:
    """Derive the same in the queue of sign-ins, so that guesses never take a tip's place. Raises ReceiptQueueFullError."""
    with _place_in(_sign_in_queue), _turn_of(_running_sign_ins), _turn_of(_running):
        return vault.stretch_secret(receipt.encode(), receipt_salt.read_salt())


@contextmanager
def _turn_of(running: threading.BoundedSemaphore, most_seconds: float = _LONGEST_WAIT_SECONDS) -> Iterator[None]:
    if not running.acquire(timeout=most_seconds):
        raise ReceiptQueueFullError
    try:
        yield
    finally:
        running.release()


def _place_in(queue: threading.BoundedSemaphore) -> AbstractContextManager[None]:
    return _turn_of(queue, most_seconds=0)


def is_queue_full() -> bool:
    """Return whether the next call of stretch_receipt would be refused."""
    has_room = _queue.acquire(blocking=False)
    if has_room:
        _queue.release()
    return not has_room

"""The blind search: find receipts in memory without knowing any, and try them on the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from tips import receipts, vault

# Seven words of the list in a row, with one separator each, in Python's three widths of text.
_RUN = r"(?:[a-z]{3,9}(?:-[a-z]{3,6})?(?:[ ,+\n_-]|%20|, )){6,}[a-z]{3,9}"
_NARROW = re.compile(_RUN.encode())
_WIDE = re.compile(rb"(?:[a-z ,+\n_-]\0(?:\0\0)?){27,}")
# Each takes Argon2id 20 ms; a portal's memory has a few hundred.
MOST_CANDIDATES = 5_000


def find_candidates(content: bytes) -> set[str]:
    """Return every seven words in a row that could be a receipt."""
    return set(_list_candidates(content))


def _list_candidates(content: bytes) -> Iterator[str]:
    yield from _windows(match.decode("ascii") for match in _NARROW.findall(content))
    yield from _windows(match.replace(b"\0", b"").decode("ascii") for match in _WIDE.findall(content))


def _windows(runs: Iterable[str]) -> Iterator[str]:
    for run in runs:
        places = [_PLACES.get(word, -1) for word in re.findall(r"[a-z]+", run.replace("%20", " "))]
        for begin in range(len(places) - receipts.WORD_COUNT + 1):
            window = places[begin : begin + receipts.WORD_COUNT]
            # The list itself is in memory, in its order.
            if min(window) >= 0 and any(after != before + 1 for before, after in pairwise(window)):
                yield receipts.spell_receipt(window)


_PLACES = {word: place for place, word in enumerate(receipts.load_words())}


def count_opened_tips(candidates: Iterable[str], salt: bytes, token_hashes: set[bytes]) -> int:
    """Return how many tips the candidates open. `token_hashes` are those of the database."""
    opened = 0
    for number, candidate in enumerate(sorted(set(candidates))):
        if number == MOST_CANDIDATES:
            raise AssertionError(f"more than {MOST_CANDIDATES} rows of words: the search would take too long")
        opened += vault.stretch_secret(candidate.encode(), salt).token_hash in token_hashes
    return opened

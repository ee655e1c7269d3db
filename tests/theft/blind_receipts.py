"""The blind search: find receipts in memory without knowing any, and try them on the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from tips import receipts, vault

# Seven words of the list in a row, with one separator each.
_RUN = re.compile(r"(?:[a-z]{3,9}(?:-[a-z]{3,6})?(?:[ ,+\n_-]|%20|, )){6,}[a-z]{3,9}")
_SHORTEST_RUN = 27
_CAN_BE_IN_RUN = np.zeros(256, bool)
_CAN_BE_IN_RUN[list(b"abcdefghijklmnopqrstuvwxyz ,+\n_-%20")] = True
# Characters looked at once, with the longest receipt of the next ones.
_BLOCK, _OVERLAP = 64 * 1024, 128
# Each takes Argon2id 20 ms; a portal's memory has a few hundred.
MOST_CANDIDATES = 5_000


def find_candidates(content: bytes) -> set[str]:
    """Return every seven words in a row that could be a receipt, in Python's three widths of text."""
    return set(_list_candidates(content))


def _list_candidates(content: bytes) -> Iterator[str]:
    for width in (1, 2, 4):  # Python aligns text by its width
        characters = np.frombuffer(content, f"<u{width}", len(content) // width)
        for text in _list_texts(characters):
            yield from _windows(_RUN.findall(text))


def _list_texts(characters: np.ndarray) -> Iterator[str]:
    """Yield each part that has none but characters of a receipt and is as long as one: the regular expression is slow."""
    for first in range(0, len(characters), _BLOCK):
        block = characters[first : first + _BLOCK + _OVERLAP]
        can_be = _CAN_BE_IN_RUN[np.minimum(block, 255)]
        edges = np.flatnonzero(np.diff(can_be, prepend=False, append=False))
        begins, ends = edges[::2], edges[1::2]
        is_long = ends - begins >= _SHORTEST_RUN
        for begin, end in zip(begins[is_long].tolist(), ends[is_long].tolist(), strict=True):
            yield block[begin:end].astype("u1").tobytes().decode("ascii")


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

"""The index of one process: which tips are alike, worked out as each is added. Memory only; the package says why."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from tips.desk.alike.features import LEAST_SHARED_WORDS, Features, Likeness, compare

# A wave of near-copies would grow quadratically. So many neighbors of one tip are kept, and so many tips with one digest compared.
MAX_NEIGHBORS = 400
_MAX_COMPARED = 400
# Neighbors are kept as plain numbers: Python's collector of cycles, which the web server runs every few seconds, skips
# dictionaries of these. With 3,000 near-copies it took 52 ms of processor time, and takes 35.
_LIKENESSES = tuple(map(Likeness, range(2 ** len(Likeness))))


class AlikeIndex:
    """Tips by their features, and for each the tips that it is like. Safe for threads.

    Inside, tips have numbers of their own: sets of small numbers take a fifth of the time of sets of ids.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._numbers: dict[UUID, int] = {}
        self._ids: dict[int, UUID] = {}
        self._features: dict[int, Features | None] = {}
        self._neighbors: dict[int, dict[int, int]] = {}
        self._by_digest: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._by_cell: dict[tuple[int, int], list[int]] = defaultdict(list)

    def __contains__(self, tip_id: UUID) -> bool:
        return tip_id in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self) -> list[UUID]:
        with self._lock:
            return list(self._numbers)

    def add(self, tip_id: UUID, features: Features | None) -> None:
        """Add a tip and compare it with all others. None: it can't be opened, and is like none."""
        with self._lock:
            if tip_id in self._numbers:
                return
            self._count += 1
            number = self._count
            neighbors: dict[int, int] = {}
            if features is not None:
                for candidate in self._find_candidates(features):
                    other = self._features[candidate]
                    likeness = compare(features, other) if other else Likeness.NONE
                    is_full = max(len(neighbors), len(self._neighbors[candidate])) >= MAX_NEIGHBORS
                    if likeness and not is_full:
                        neighbors[candidate] = self._neighbors[candidate][number] = int(likeness)
                for key in _list_keys(features):
                    self._by_digest[key].append(number)
                if features.cell:
                    self._by_cell[features.cell].append(number)
            self._numbers[tip_id], self._ids[number] = number, tip_id
            self._features[number], self._neighbors[number] = features, neighbors

    def remove(self, tip_ids: Iterable[UUID]) -> None:
        """Forget tips that are erased, or too old to compare with."""
        with self._lock:
            for tip_id in tip_ids:
                number = self._numbers.pop(tip_id, 0)
                if number:
                    self._forget(number)

    def find(self, tip_id: UUID) -> dict[UUID, Likeness]:
        """Return the tips that a tip is like, hidden ones included."""
        with self._lock:
            neighbors = self._neighbors.get(self._numbers.get(tip_id, 0), {})
            return {self._ids[number]: _LIKENESSES[likeness] for number, likeness in neighbors.items()}

    def find_language(self, tip_id: UUID) -> str:
        """Return the language of a tip's report, "" if it isn't known."""
        with self._lock:
            features = self._features.get(self._numbers.get(tip_id, 0))
            return features.language if features else ""

    def list_in_languages(self, languages: Collection[str]) -> list[UUID]:
        """Return the tips with reports in these languages, hidden ones included."""
        with self._lock:
            return [
                self._ids[number]
                for number, features in self._features.items()
                if features is not None and features.language in languages
            ]

    def _forget(self, number: int) -> None:
        features = self._features.pop(number)
        del self._ids[number]
        for other in self._neighbors.pop(number):
            del self._neighbors[other][number]
        if features is None:
            return
        for key in _list_keys(features):
            self._by_digest[key].remove(number)
            if not self._by_digest[key]:
                del self._by_digest[key]
        if features.cell:
            self._by_cell[features.cell].remove(number)

    def _find_candidates(self, features: Features) -> set[int]:
        shared: Counter[int] = Counter()
        for digest in features.words:
            shared.update(self._by_digest.get(("word", digest), ())[-_MAX_COMPARED:])
        found = {number for number, count in shared.items() if count >= LEAST_SHARED_WORDS}
        for key in _list_keys(features):
            if key[0] != "word":
                found.update(self._by_digest.get(key, ())[-_MAX_COMPARED:])
        if features.cell:
            north, east = features.cell
            for cell in ((north + i, east + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                found.update(self._by_cell.get(cell, ())[-_MAX_COMPARED:])
        return found


def _list_keys(features: Features) -> list[tuple[str, int]]:
    keys = [("word", digest) for digest in features.words] + [("pair", digest) for digest in features.pairs]
    keys += [("number", digest) for digest in features.numbers]
    return [*keys, ("place", features.place)] if features.place else keys

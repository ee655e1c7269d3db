"""The index of one process: which tips are alike, worked out as each is added. Memory only; the package says why."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from uuid import UUID

from tips.desk.alike.features import Features, Likeness, compare

# A wave of near-copies would grow quadratically. So many neighbors of one tip are kept, and so many tips with one digest compared.
MAX_NEIGHBORS = 400
_MAX_COMPARED = 400
_LEAST_SHARED = 2  # digests of words that two tips share before they are compared


class AlikeIndex:
    """Tips by their features, and for each the tips that it is like. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._features: dict[UUID, Features | None] = {}
        self._neighbors: dict[UUID, dict[UUID, Likeness]] = {}
        self._by_digest: dict[tuple[str, int], list[UUID]] = defaultdict(list)
        self._by_cell: dict[tuple[int, int], list[UUID]] = defaultdict(list)

    def __contains__(self, tip_id: UUID) -> bool:
        return tip_id in self._features

    def __len__(self) -> int:
        return len(self._features)

    def ids(self) -> list[UUID]:
        with self._lock:
            return list(self._features)

    def add(self, tip_id: UUID, features: Features | None) -> None:
        """Add a tip and compare it with all others. None: it can't be opened, and is like none."""
        with self._lock:
            if tip_id in self._features:
                return
            neighbors: dict[UUID, Likeness] = {}
            if features is not None:
                for other_id in self._find_candidates(features):
                    other = self._features[other_id]
                    likeness = compare(features, other) if other else Likeness.NONE
                    if likeness and len(neighbors) < MAX_NEIGHBORS:
                        neighbors[other_id] = likeness
                        if len(self._neighbors[other_id]) < MAX_NEIGHBORS:
                            self._neighbors[other_id][tip_id] = likeness
                for key in _list_keys(features):
                    self._by_digest[key].append(tip_id)
                if features.cell:
                    self._by_cell[features.cell].append(tip_id)
            self._features[tip_id], self._neighbors[tip_id] = features, neighbors

    def remove(self, tip_ids: Iterable[UUID]) -> None:
        """Forget tips that are erased, or too old to compare with."""
        with self._lock:
            for tip_id in tip_ids:
                features = self._features.pop(tip_id, None)
                for other_id in self._neighbors.pop(tip_id, {}):
                    self._neighbors.get(other_id, {}).pop(tip_id, None)
                if features is None:
                    continue
                for key in _list_keys(features):
                    self._by_digest[key].remove(tip_id)
                    if not self._by_digest[key]:
                        del self._by_digest[key]
                if features.cell:
                    self._by_cell[features.cell].remove(tip_id)

    def find(self, tip_id: UUID) -> dict[UUID, Likeness]:
        """Return the tips that a tip is like, hidden ones included."""
        with self._lock:
            return dict(self._neighbors.get(tip_id, {}))

    def _find_candidates(self, features: Features) -> set[UUID]:
        shared: Counter[UUID] = Counter()
        for digest in features.words:
            shared.update(self._by_digest.get(("word", digest), ())[-_MAX_COMPARED:])
        found = {tip_id for tip_id, count in shared.items() if count >= _LEAST_SHARED}
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

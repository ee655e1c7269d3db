"""The features of a report that are compared: digests of its words and pairs of words, its place and its hour of arrival."""

from __future__ import annotations

import datetime as dt
import heapq
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from itertools import pairwise
from typing import Any

from core.plain_text import fold_text
from tips.desk.alike import languages

MAX_CHARACTERS = 4000  # of a text: what follows hardly changes which tips are alike
# Bottom-k sketches (Broder 1997): of two sets the shares of their smallest digests estimate how much the sets have in common.
WORDS_KEPT, PAIRS_KEPT = 16, 8
LEAST_SHARED_WORDS = 3
_SHARED_WORDS = 0.4  # of the smaller sketch
_SHARED_PAIRS = 0.5
_LONG_WORD = 4  # letters; shorter words are in every text
SAME_PLACE_METERS = 150.0
SAME_PLACE_DAYS = dt.timedelta(days=30)
SAME_DAY = dt.timedelta(hours=30)  # tips of one evening and the next morning
_METERS_PER_DEGREE = 111_320.0
CELL_DEGREES = 2 * SAME_PLACE_METERS / _METERS_PER_DEGREE

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")  # scripts without spaces
# Plates, telephone and account numbers, written in one or in up to three parts: "7ABC-123" is "7abc123".
_NUMBER = re.compile(r"(?<![^\W_])[A-Z0-9]{1,8}(?:[ .-]?[A-Z0-9]{2,8}){0,2}(?![^\W_])")
_NUMBER_CHARACTERS = range(5, 16)
_LEAST_DIGITS = 3


class Likeness(IntFlag):
    """In what two tips are alike."""

    NONE = 0
    COPY = 1
    WORDS = 2
    NUMBER = 4
    PLACE = 8
    DAY = 16


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one report. `words`, `pairs` and `numbers` are digests; `place` is one too, 0 if none was named.

    `language` is a key of languages.NAMES, "" if it isn't known; it isn't compared.
    """

    words: frozenset[int]
    pairs: frozenset[int]
    numbers: frozenset[int]
    place: int
    point: tuple[float, float] | None
    received_at: dt.datetime
    language: str

    @property
    def cell(self) -> tuple[int, int] | None:
        """The cell of a grid that the point lies in; points within SAME_PLACE_METERS are in it or next to it."""
        if self.point is None:
            return None
        latitude, longitude = self.point
        width = CELL_DEGREES / max(0.01, math.cos(math.radians(round(latitude))))
        return math.floor(latitude / CELL_DEGREES), math.floor(longitude / width)


def extract(report: dict[str, Any], received_at: dt.datetime) -> Features:
    """Return the features of an opened report (intake.Report.as_text). No word of it is kept."""
    texts = [report["description"], *(answer["answer"] for answer in report["answers"])]
    text = " \n ".join(texts)[:MAX_CHARACTERS]
    words = list(_split_words(fold_text(text)))
    # Of a point that stands for a whole district nothing follows.
    is_area = report["place_ref"].startswith("area:")
    has_point = report["latitude"] is not None and report["longitude"] is not None and not is_area
    named = fold_text(report["place"][:200])
    is_exact = has_point or len(_WORD.findall(named)) > 1
    return Features(
        words=_sketch((word for word in words if len(word) >= _LONG_WORD or not word.isascii()), WORDS_KEPT),
        pairs=_sketch((" ".join(pair) for pair in pairwise(words)), PAIRS_KEPT),
        numbers=frozenset(hash(number) for number in _find_numbers(text, words)),
        place=hash(" ".join(_WORD.findall(named))) if named and is_exact and not is_area else 0,
        point=(report["latitude"], report["longitude"]) if has_point else None,
        received_at=received_at,
        language=languages.guess(text),
    )


def compare(one: Features, other: Features) -> Likeness:
    """Return in what two tips are alike; a matter of these two alone."""
    found = Likeness.NONE
    shared_pairs, least = len(one.pairs & other.pairs), min(PAIRS_KEPT, len(one.pairs | other.pairs))
    if shared_pairs and shared_pairs >= _SHARED_PAIRS * least:
        found |= Likeness.COPY
    smaller = min(len(one.words), len(other.words))
    if len(one.words & other.words) >= max(LEAST_SHARED_WORDS, _SHARED_WORDS * smaller):
        found |= Likeness.WORDS
    if one.numbers & other.numbers:
        found |= Likeness.NUMBER
    apart = abs(one.received_at - other.received_at)
    if apart <= SAME_PLACE_DAYS and _is_same_place(one, other):
        found |= Likeness.PLACE
    if found and apart <= SAME_DAY:
        found |= Likeness.DAY
    return found


def _is_same_place(one: Features, other: Features) -> bool:
    if one.point and other.point:
        return _meters_between(one.point, other.point) <= SAME_PLACE_METERS
    return one.place != 0 and one.place == other.place


def _meters_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (other[1] - one[1]) * math.cos(math.radians((one[0] + other[0]) / 2))
    return math.hypot(other[0] - one[0], east) * _METERS_PER_DEGREE


def _split_words(text: str) -> Iterable[str]:
    for word in _WORD.findall(text):
        if _UNSPACED.match(word):
            yield from (word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            yield word[:40]


def _find_numbers(text: str, words: Iterable[str]) -> Iterable[str]:
    """Yield what looks like a plate or number: in capitals, as such things are written, or a word with digits."""
    parts = (re.sub(r"[ .-]", "", match[0]).lower() for match in _NUMBER.finditer(text))
    for number in (*parts, *words):
        if len(number) in _NUMBER_CHARACTERS and sum(map(str.isdigit, number)) >= _LEAST_DIGITS:
            yield number


def _sketch(parts: Iterable[str], kept: int) -> frozenset[int]:
    """Return the smallest digests of a set."""
    return frozenset(heapq.nsmallest(kept, {hash(part) for part in parts}))

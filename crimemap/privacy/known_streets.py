"""Recognizes the streets of the agency's own layers of blocks and intersections, whatever their names: "700 W FULTON MARKET".

An agency teaches the portal its streets by importing that layer. What the grammar of street_labels does not recognize is
compared with them, word by word; the label is built from the street and the hundred alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from crimemap.privacy import street_labels
from crimemap.privacy.street_words import DIRECTIONS, bare, list_words
from crimemap.street_names import normalize_name

_MAX_WORDS = 7
# Words that layers leave out or add: they name no person.
_HARMLESS_WORDS = (
    DIRECTIONS | list_words("types") | list_words("late_types") | list_words("bound") | list_words("uncounted_words")
)
_NUMBER = re.compile(r"0*(\d{1,5}?)(XX?)?(?:-[A-Z0-9]{1,2}|[A-Z])?", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"(?:[^\W\d_]|\d{1,3}(?:ST|ND|RD|TH)\b)[^\W_]*(?:['\u2019.-][^\W_]+)*\.?", re.IGNORECASE)
_BLOCK = re.compile(r"(?i)^(\S+) (?:block|blk)\b(?: of)?")
_PART = re.compile(r"[,;()\[\]|:\"#]")


def build_label(text: str, streets: Collection[str]) -> str:
    """Return the label of an address, by its forms or else by the agency's streets (normalize_name()); "" for none."""
    label = street_labels.build_label(text)
    if label and streets and any(_has_stray_words(name, streets) for name in _split_names(label)):
        return ""
    return label or (next(_labels(text, streets), "") if streets else "")


def _split_names(label: str) -> list[str]:
    """Return the name of a label's street, or the two of its intersection."""
    near = street_labels.ON_OR_NEAR.fullmatch(label)
    return street_labels.SEPARATOR.split(near[2] if near else label.rpartition(" block of ")[2])


def _has_stray_words(name: str, streets: Collection[str]) -> bool:
    """Return whether only a part of a name is a street of the agency, so that the rest may name a person: "ROE MAIN ST"."""
    words = name.split()
    if normalize_name(name) in streets:
        return False
    parts = [(words[start:], words[:start]) for start in range(1, len(words))]
    parts += [(words[:end], words[end:]) for end in range(1, len(words))]
    return any(
        normalize_name(" ".join(part)) in streets and not all(bare(word) in _HARMLESS_WORDS for word in rest)
        for part, rest in parts
    )


def _labels(text: str, streets: Collection[str]) -> Iterator[str]:
    for part in _PART.split(text):
        words = _BLOCK.sub(r"\1", " ".join(part.split())).split()
        for start, number in enumerate([None, *map(_NUMBER.fullmatch, words)]):
            if start and not number:
                continue
            for end in range(min(len(words), start + _MAX_WORDS), start, -1):
                name = words[start:end]
                behind = _NUMBER.fullmatch(words[end]) if end < len(words) else None
                # A street without a number before it begins the part: "Am Graben 12", not "ROE Am Graben".
                if (number or behind or end == len(words)) and all(map(_WORD.fullmatch, name)):
                    street, house = " ".join(name), number or behind
                    if normalize_name(street) in streets:
                        yield f"{_hundred_of(house)} block of {street}" if house else street


def _hundred_of(number: re.Match[str]) -> int:
    return int(number[1]) * 100 if (number[2] or "").upper() == "XX" else int(number[1]) // 100 * 100


def street_words(text: str) -> str:
    """Return the words of an address that may name its street: no number, no flat, nothing behind a comma; "" for none."""
    words = _BLOCK.sub("", " ".join(_PART.split(text)[0].split())).split()
    names = [word for word in words if _WORD.fullmatch(word) and not set(word.upper()) <= {"X"}]
    return " ".join(names[:_MAX_WORDS]).upper()[: street_labels.MAX_LABEL_CHARACTERS]

"""Recognizes streets that are known: those of the agency's own layers, and those that other addresses name.

An agency teaches the portal its streets by importing a layer of blocks. What the grammar of street_labels does not recognize is
compared with them, word by word; the label is built from the street and the hundred alone: "700 W FULTON MARKET". A
name with more words than a known street has may hold a resident's, "ROE MAIN ST", and gives no label.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from crimemap.privacy import street_labels
from crimemap.privacy.street_words import DIRECTIONS, VOCABULARY, bare, list_words
from crimemap.street_names import normalize_name

_MAX_WORDS = 7
MIN_LABELS = 3  # blocks and crossings of a street whose name has several words: a resident's home is in one block
# Words that layers leave out or add: they name no person.
_HARMLESS_WORDS = (
    DIRECTIONS | list_words("types") | list_words("late_types") | list_words("bound") | list_words("uncounted_words")
)
_TYPES, _FIRST_TYPES, _LATE_TYPES = list_words("types"), list_words("first_types"), list_words("late_types")
_BOUND, _PARTICLES, _SIDES = list_words("bound"), list_words("particles"), list_words("sides")
_UNCOUNTED = list_words("uncounted_words")
_FAMOUS_NAMES = set(VOCABULARY["names_without_type"] + VOCABULARY["famous_names"])
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


def find_doubtful(labels: Iterable[str], streets: Collection[str]) -> set[str]:
    """Return the labels whose street may hold a resident's name: it has several words, and fewer than MIN_LABELS name it.

    labels: all of a portal or a file, each once. streets: the agency's own, which are never doubted.
    """
    shown = [label for label in labels if label]
    near = {label for label in shown if street_labels.ON_OR_NEAR.fullmatch(label)}
    if len(near) * 2 > len(shown):  # of a publisher that puts names of streets in place of addresses
        shown = [label for label in shown if label not in near]
    names = {label: {normalize_name(name): name for name in _split_names(label)} for label in shown}
    counts = Counter(name for of_label in names.values() for name in of_label)
    return {label for label, of_label in names.items() if _is_doubtful(of_label, counts, streets)}


def _is_doubtful(names: Mapping[str, str], counts: Mapping[str, int], streets: Collection[str]) -> bool:
    """names: a label's street or the two of its intersection, by their normalized names. counts: labels of each."""
    rare = [name for key, name in names.items() if counts[key] < MIN_LABELS and key not in streets]
    is_intersection = len(names) > 1  # of two streets, unless it is one with a name behind it: "Calle Mayor y Roe"
    return any(_has_several_names(name) or (is_intersection and not street_labels.read_street(name)) for name in rare)


def _has_several_names(street: str) -> bool:
    """Return whether a label's street has two words or more that may be names, as "Roe Oak Ave" and "Hyde Park Blvd" have.

    False for one called after a thing or a person that many streets are called after: "Martin Luther King Dr".
    """
    words = street.split()
    match = street_labels.read_street(street)
    if match and (match.is_known or street_labels.GERMAN_PLACE.fullmatch(words[-1])):
        return False
    names = [name for name in map(bare, words) if name not in _PARTICLES]
    while len(names) > 1 and names[-1] in DIRECTIONS | _BOUND:
        names.pop()
    if len(names) > 1 and names[0] in _FIRST_TYPES and names[-1] not in _TYPES:
        del names[0]
        while len(names) > 1 and names[-1] in _SIDES:
            names.pop()
    else:
        if len(names) > 1 and names[-1] in _TYPES | _LATE_TYPES:
            names.pop()
        while len(names) > 1 and names[0] in DIRECTIONS | _SIDES:
            del names[0]
    plain = [name for name in names[:-1] if name not in _UNCOUNTED] + names[-1:]
    return len(plain) > 1 and " ".join(plain) not in _FAMOUS_NAMES


def _has_stray_words(name: str, streets: Collection[str]) -> bool:
    """Return whether only a part of a name is a street of the agency, so that the rest may name a person: "ROE MAIN ST"."""
    return normalize_name(name) not in streets and _has_part(name, streets)


def _has_part(name: str, streets: Collection[str]) -> bool:
    """Return whether the first or last words of a name are one of the streets, and the rest is not only "North" or "Old"."""
    words = name.split()
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

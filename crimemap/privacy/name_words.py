"""Recognizes the words of a name that show that a person's stands before a street's: "Mrs Roe Ave", "Roe's Main St"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crimemap.privacy.street_words import DIRECTIONS, bare, list_words

_TYPES = list_words("types")
PERSON_WORDS, WHOLE_NAMES, HOMES_BEHIND_NAMES = map(list_words, ("person_words", "whole_names", "homes_behind_names"))
ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th)")


def has_person(names: Sequence[str], *, is_block: bool) -> bool:
    """Return whether the words of a name show that a person's stands before a street's: "Mrs Roe", "M. Roe", "Roe's Main St"."""
    if any(bare(word) in PERSON_WORDS for word in names[:-1]) or has_whole_name_behind(names):
        return True
    first = names[0] if len(names) > 2 else ""
    return not is_block and (len(bare(first)) == 1 or is_possessive(first))


def is_possessive(word: str) -> bool:
    return word.casefold().replace("\u2019", "'").endswith("'s")


def has_whole_name_behind(names: Sequence[str]) -> bool:
    return any(bare(word) in WHOLE_NAMES or ORDINAL.fullmatch(word.casefold()) for word in names[1:-1])


def is_last_letter(words: Sequence[str], position: int) -> bool:
    """Return whether words[position] is the last, and a letter that is no direction: "L" of "Avenue L"."""
    is_last = position + 1 == len(words)
    return (
        is_last and len(words[position]) == 1 and words[position].isalpha() and bare(words[position]) not in DIRECTIONS
    )


def is_saint(words: Sequence[str], position: int) -> bool:
    """Return whether "St" is a saint's: "Mount St Helens Rd", "Lake St Clair Dr"."""
    before = {"mount", "mt", "port", "lake", "bay", "old", "new", "north", "south", "east", "west"}
    return (
        bare(words[position]) == "st"
        and bare(words[position - 1]) in before
        and position + 2 < len(words)
        and bare(words[position + 2]) in _TYPES
    )

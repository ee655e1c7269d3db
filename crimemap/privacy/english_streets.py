"""Recognizes what data.police.uk writes behind "On or near": kinds of places from its closed list, and the streets of England.

Its names are streets whose common form says so ("Park Street"), and many that do not: "The Firs", "Westfield", "Cornhill". Those
are recognized by parts alone, each from data/english_streets.toml, so that a person's name is not. Only the forms behind
"On or near" may be so short: that publisher has already put other names in place of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from crimemap.privacy.street_words import DIRECTIONS, HOME_WORDS, NUMBER_WORDS, bare, load_vocabulary

_MAX_WORDS, _MAX_WORDS_BEHIND_ARTICLE, _MAX_WORDS_WITH_HOME = 5, 2, 3
_VOCABULARY = load_vocabulary("english_streets.toml")
_PLACES, _NAMES = set(_VOCABULARY["places"]), set(_VOCABULARY["names"])
_TYPES, _NOUNS, _COUNTED = (set(_VOCABULARY[name].split()) for name in ("types", "nouns", "counted"))
_FIRST_PARTS, _LAST_PARTS, _SURNAMES, _FIRST_NAMES = (
    set(_VOCABULARY[name].split()) for name in ("first_parts", "last_parts", "surnames", "first_names")
)
_ROAD = re.compile(r"[ABM]\d{1,4}(?:\(M\))?")
_WORD = re.compile(r"[a-z]+(?:['\u2019-][a-z]+)*")


def is_place(text: str) -> bool:
    """Return whether a text is one of the publisher's kinds of places, or the number of a road."""
    return text.casefold() in _PLACES or _ROAD.fullmatch(text) is not None


def is_street(words: Sequence[str], is_typed: Callable[[Sequence[str]], bool]) -> bool:
    """Return whether words name a street. is_typed: whether words are a name with the type of a street behind it."""
    names = [bare(word).rstrip("'\u2019") for word in words]
    if " ".join(names).replace("\u2019", "'") in _NAMES:
        return True
    while len(names) > 1 and names[-1] in DIRECTIONS:
        names.pop()
    if len(names) > _MAX_WORDS or not all(map(_WORD.fullmatch, names)):
        return False
    if len(names) == 1:
        return _is_compound(names[0])
    if names[0] == "the":
        is_short = len(names) <= 1 + _MAX_WORDS_BEHIND_ARTICLE
        return is_short and (names[-1] in _NOUNS | _TYPES or _is_compound(names[-1]))
    has_mark = any(word.endswith(("'", "\u2019")) for word in words)  # "Lovers' Walk"
    return _is_pair(names) or (
        is_typed(_replace_doubted(names)) if has_mark or _is_doubted(names) else _is_ended(names)
    )


def _is_pair(names: Sequence[str]) -> bool:
    """Return whether two words are the parts of a name: "Cherry Wood", "Four Acres"."""
    first, last = names[0], names[-1]
    is_counted = first in NUMBER_WORDS and last in _COUNTED
    is_place = first in _FIRST_PARTS - _FIRST_NAMES and last in _LAST_PARTS
    return len(names) == 2 and (is_counted or is_place)


def _is_doubted(names: Sequence[str]) -> bool:
    """Return whether a name has a number or a home that the common grammar takes for a house: "Nine Tree Hill"."""
    has_home = len(names) <= _MAX_WORDS_WITH_HOME and ("house" in names[1:-1] or names[0] == "home")
    return has_home or (names[0] in NUMBER_WORDS and names[1] in _COUNTED)


def _replace_doubted(names: Sequence[str]) -> list[str]:
    return ["hall" if name in {"house", "home"} or name in NUMBER_WORDS else name for name in names]


def _is_ended(names: Sequence[str]) -> bool:
    """Return whether the last word ends the name of a street, and none is of homes, people or numbers."""
    return names[-1] in _TYPES and not any(name in HOME_WORDS or name in NUMBER_WORDS for name in names)


def _is_compound(word: str) -> bool:
    """Return whether a word is the name of a place made of two recognized parts: "Westfield", "Quayside"."""
    splits = ((word[:end], word[end:]) for end in range(2, len(word) - 2))
    is_made = any(first in _FIRST_PARTS and last in _LAST_PARTS for first, last in splits)
    return is_made and word not in _SURNAMES

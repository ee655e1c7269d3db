"""Decides which kinds of place and outcomes may be public: free text in these columns names people, phones and houses.

A text is public if it is made of the words in data/public_words.toml alone, or if an administrator approved it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

FIELDS = ("location_description", "outcome")
MAX_CHARACTERS, MAX_WORDS = 70, 10  # of a text that is stored: longer ones are narratives

_FILE = Path(__file__).resolve().parent.parent / "data" / "public_words.toml"
_CONTENT = tomllib.loads(_FILE.read_text(encoding="utf-8"))
_KNOWN_WORDS = {field: frozenset(_CONTENT[field]["words"].split()) for field in FIELDS}
_KNOWN_PHRASES = {field: frozenset(map(str.casefold, _CONTENT[field]["phrases"])) for field in FIELDS}
_TAKEN_BACK = frozenset(map(str.casefold, _CONTENT["outcome"]["taken_back"]))
_WORD = re.compile(r"[^\W\d_]+")
_FREE_TEXT = re.compile(r"\d{3}|[@#]|\d[-/.]\d")  # numbers of houses, telephones and cases, dates, mail addresses

# Telephones, birthdays, mail addresses, houses and titles of people, which no area has in its code or name.
_PERSONAL = re.compile(
    r"\(?\b\d{3}\)?[-. ]\d{3}[-. ]?\d{4}|\b\d{3}[-. ]\d{4}\b|^\d{10}$|^(?:19|20)\d{2}[01]\d[0-3]\d$|^[01]\d[0-3]\d(?:19|20)\d{2}$"
    r"|\d[-/.]\d{1,2}[-/.]\d|\w@\w|\b(?:dob|born|tel|phone|cell|mrs?|ms|victim|suspect|resident|residence|c/o|(?:res|home|house) of)\b|\d{3} +[^\W\d_]{2}",
    re.IGNORECASE,
)
_MAX_AREA_WORDS = 8

Approved = Collection[tuple[str, str]]  # field and text in lower case


def is_known(field: str, text: str) -> bool:
    """Return whether a text is empty, a known phrase, or made of known words alone."""
    if any(character.isnumeric() for character in text):
        return False
    words = _WORD.findall(text.casefold())
    return (
        not text or text.casefold() in _KNOWN_PHRASES[field] or (bool(words) and _KNOWN_WORDS[field].issuperset(words))
    )


def is_taken_back(outcome: str) -> bool:
    """Return whether an outcome says that the agency has taken the whole record back: void, deleted, expunged, sealed."""
    return " ".join(_WORD.findall(outcome.casefold())) in _TAKEN_BACK


def is_free_text(text: str) -> bool:
    """Return whether a text is too long, or has numbers as no kind of place and no outcome has: not even stored."""
    return len(text) > MAX_CHARACTERS or len(text.split()) > MAX_WORDS or _FREE_TEXT.search(text) is not None


def is_personal(text: str) -> bool:
    """Return whether the text of an area is a narrative, or has what belongs to a person: a telephone number, a birthday, a title."""
    return _PERSONAL.search(text) is not None or len(text.split()) > _MAX_AREA_WORDS


def select_public(field: str, texts: Sequence[str], approved: Approved) -> list[bool]:
    """Return for each text of a field whether it may be public."""
    return [_is_known_cached(field, text) or (field, text.casefold()) in approved for text in texts]


_is_known_cached = lru_cache(maxsize=50_000)(is_known)

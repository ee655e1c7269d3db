"""Normalizes names of streets and areas, which people write in many ways, to compare and to show them."""

from __future__ import annotations

import re

from core.plain_text import fold_text

_WORD = re.compile(r"[^\W_]+")
_SUFFIXES = {
    "st": "street", "str": "street", "ave": "avenue", "av": "avenue", "rd": "road", "dr": "drive", "blvd": "boulevard",
    "ln": "lane", "pl": "place", "ct": "court", "pkwy": "parkway", "sq": "square", "ter": "terrace", "hwy": "highway",
}  # fmt: skip
_ACRONYMS = {"NE", "NW", "SE", "SW", "US", "USA", "II", "III", "IV", "MLK"}
_DIRECTIONS = {"n": "north", "e": "east", "s": "south", "w": "west"}


def normalize_name(name: str) -> str:
    """Return a name for comparison: folded (core.plain_text), without punctuation, abbreviations spelled out.

    "W. 24th Pl" -> "west 24th place". At most 80 characters; safe for any input.
    """
    words = _WORD.findall(fold_text(name[:200]).replace("'", ""))
    if len(words) > 1:
        words[-1] = _SUFFIXES.get(words[-1], words[-1])
        words[0] = _DIRECTIONS.get(words[0], words[0])
        words[-1] = _DIRECTIONS.get(words[-1], words[-1])
    return " ".join(words)[:80].strip()


def restore_capitals(name: str) -> str:
    """Capitalize a name that is all in capitals as people write it: "W 24TH PL" -> "W 24th Pl", "O'HARE" -> "O'Hare".

    Names with a lower-case letter stay unchanged.
    """
    if name != name.upper():
        return name
    return " ".join(_capitalize_word(word) for word in name.split())


def _capitalize_word(word: str) -> str:
    if word in _ACRONYMS:
        return word
    parts = [part.capitalize() for part in re.split(r"([-'/\u2019.])", word)]
    if len(parts) > 2 and parts[-1] == "S" and parts[-2] in ("'", "\u2019"):
        parts[-1] = "s"
    text = "".join(parts)
    return f"Mc{text[2:].capitalize()}" if text.startswith("Mc") and len(text) > 3 else text

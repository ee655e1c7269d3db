"""Rewrites an address before its words are read: numbers in one form, and a comma in place of telephones, birthdays and flats."""

from __future__ import annotations

import re
import unicodedata

from crimemap.privacy.street_words import VOCABULARY, list_words


def _join_thousands(match: re.Match[str]) -> str:
    """Return 1,234 and 1.234 as 1234; 123.000 is 123."""
    return match[1] if match[0].endswith(".000") and "," not in match[0] else match[1] + match[2]


_FIRST_TYPES = list_words("first_types")
_UNITS = "|".join(sorted(list_words("units"), key=len, reverse=True))
# (a sign that the text must have, pattern, replacement). A comma separates what does not
# belong together.
_REWRITES = tuple(
    (sign, re.compile(pattern, re.IGNORECASE), replacement)
    for sign, pattern, replacement in (
        ("", r"[\u2010-\u2015\u2212]", "-"),
        ("", r"\s+", " "),
        ("", r"(?:\+?\d{1,2}[-. ])?(?:\(\d{3}\)|\b\d{3})[-. ]?\d{3}[-. ]\d{4}\b|\b\d{10,}\b", ","),  # telephones
        ("", r"\b\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b", ","),  # birthdays
        ("", rf"\b(?:{'|'.join(VOCABULARY['distance_words'])})\b[.:#]? ?\d+(?:[.,+]\d+)?", ","),
        ("", r"^(\d{1,3})[,.](\d{3})(?:\.0+)?(?= +\D)", _join_thousands),
        (".", r"\b(\d{1,6})\.\d+\b", r"\1"),
        ("/", r"\b(\d+)[ -]\d/\d+\b|(?:^|(?<= ))\d/[2348]\b", r"\1"),  # halves
        ("/", r"\b(\d+) ?/ ?\d+\b", r"\1"),
        ("", r"\b(?:p\.? ?o\.? ?b(?:ox)?|box|apartado|postfach|bo[iî]te postale)\b[^,]*|\bc/o\b[^,\d]*", ","),
        ("/", r"^c/ ?(?=[^\W\d_])", "Calle "),
        (
            "",
            r"(?<=[^\W\d_])(?<!block)(?<!avenue)(?<!ave)(?<! of) x (?=[^\W\d_]{2})",
            " & ",
        ),  # "Rua Augusta x Rua Direita"
        (
            "",
            r"\b(?:between|btwn|btw|bet)\b\.? (?=.*(?:\band\b|&)).*",
            ",",
        ),  # the street alone: neither crossing is meant
        ("", rf"(\d)[ -]?(?:bis|ter|quater)\b(?= *(?:,|$|(?:{'|'.join(_FIRST_TYPES)})\b))", r"\1"),
        ("/", r"\b(\d+)/([a-z])\b", r"\1\2"),
        ("", r"\bunit block\b", "0 block"),
        ("", rf"(?:\b(?:{_UNITS})\b\.? ?#?|#) ?(?!bl(?:oc)?k\b)(?:[\w-]*\d[\w-]*|[a-z]\b)", ","),
        ("", r"\b(?:no|nr|nro|num)\b\.? ?(?=[#\d])|\bn\.?[\u00b0\u00ba]\.? ?", ""),
        ("", r"(\d)x{2,}\b(?: block\b)?(?: of\b)?", r"\g<1>00 block of"),
        ("[", r"\[(\d+)\] ?- ?\[\d+\]", r"\1 block of"),  # "[1200]-[1300] MAIN ST"
        ("-", r"(\d) ?- ?(?=\d)", r"\1-"),
        ("-", r"\b(\d+)-(?=[^\W\d_]{2})", r"\1 "),
        ("", r"\b(\d+)(?: block)?(?: of)? (?:to|thru|through|and|&) (?=\d+ )", r"\1-"),
        (",", r"^(\d+[a-z]?) ?, ?(?=\D)", r"\1 "),
        (",", r" ?, ?(?=\d{1,4}[a-z]?(?: ?,|$))", " "),  # "Rua Augusta, 1500"
    )
)


def rewrite_address(text: str) -> str:
    """Return an address with plain digits and hyphens, and commas between what does not belong together."""
    rewritten = text if text.isascii() else "".join(map(_plain_digit, unicodedata.normalize("NFC", text)))
    for sign, pattern, replacement in _REWRITES:
        rewritten = pattern.sub(replacement, rewritten) if sign in rewritten else rewritten
    return rewritten


def _plain_digit(character: str) -> str:
    """Return a digit of any script as 0 to 9, a space for other numerals, such as a Roman one in a single character."""
    if character.isascii() or not character.isnumeric():
        return character
    return str(int(character)) if character.isdecimal() else " "

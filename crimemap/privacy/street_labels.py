"""Builds the published label of a place from the parts of an address that are recognized: block, street, intersection.

A label is never the agency's text with parts removed. What is not recognized (names of people, flats, gates, parcels) is
left out, and a text without a recognized street gives no label: such an incident is shown by its area.

    build_label("REAR 1234 EXAMPLE ST UNIT B")   -> "1200 block of EXAMPLE ST"
    build_label("Calle Ejemplo 1602 Int. 5")     -> "1600 block of Calle Ejemplo"
    build_label("BROAD ST & RACE ST")            -> "BROAD ST & RACE ST"

Labels are fixed points: build_label(label) == label. Import builds them before anything is stored; publication does so
again. The words are in data/street_words.toml.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from crimemap.privacy import english_streets, house_numbers, name_words
from crimemap.privacy.address_rewrites import rewrite_address
from crimemap.privacy.street_words import DIRECTIONS, HOME_WORDS, NUMBER_WORDS, VOCABULARY, bare, list_words

MAX_LABEL_CHARACTERS = 80
_MAX_NAME_WORDS = 5
# More words are more likely to name people than a street: "1234 JOHN SMITH MAIN ST", "SMITH MAIN ST". Of a street behind a
# house number (a block's is no house's, and its publisher has cleaned the address), of one at a crossing, of one alone.
_MAX_HOUSE_NAME_WORDS, _MAX_INTERSECTION_NAME_WORDS, _MAX_LONE_NAME_WORDS = 2, 2, 1
_MAX_TYPE_FIRST_NAME_WORDS, _MAX_LONE_TYPE_FIRST_NAME_WORDS, _MAX_ENDED_NAME_WORDS = 4, 2, 3

_BOUND, _PARTICLES = list_words("bound"), list_words("particles")
_TYPES, _LATE_TYPES, _FIRST_TYPES = list_words("types"), list_words("late_types"), list_words("first_types")
_LETTERS_OF_DIRECTIONS = {"n", "e", "s", "w"}
_POSITIONS, _UNCOUNTED = list_words("positions"), list_words("uncounted_words")
_NAMES_WITHOUT_TYPE = {tuple(name.split()) for name in VOCABULARY["names_without_type"]}
_PREPOSITIONS = {tuple(name.split()) for name in VOCABULARY["german_prepositions"]}
GERMAN_PLACE = re.compile(rf"(?i)[^\W\d_]*(?:{'|'.join(VOCABULARY['german_places'].split())})")
_HIGHWAYS = {tuple(name.split()) for name in VOCABULARY["highways"]}
_BEHIND_NAMES = HOME_WORDS | list_words("units") | list_words("behind_names")
# Words between a street and another that says where along it: "Main St off Elm St", "Main St to 1250 Elm St".
_BETWEEN_STREETS = DIRECTIONS | _PARTICLES | _POSITIONS | _BEHIND_NAMES | {"to", "from", "thru", "through"}
_BLOCK_WORDS = {"block", "blk", "bloc"}

_WORD = re.compile(r"(?!(?i:block|blk|bloc)\.?$)[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*\.?")
_FLAT = re.compile(r"(?i)\d{1,5}-?[A-Z]|[A-Z]-?\d{1,4}|[A-Z]")
_COMPOUND = re.compile(
    r"(?i)[^\W\d_]{3,}(?:straße|strasse|str\.?|weg|platz|gasse|allee|damm|ufer|markt|chaussee|brücke|graben|steig|stieg|pfad|twiete"
    r"|promenade|straat|laan|gracht|plein)"
)
_ROAD_NUMBER = re.compile(r"(?i)\d{1,4}[a-z]?")
_HIGHWAY_IN_ONE = re.compile(r"(?i)(?:US|I|SR|SH|CR|FM|HWY|RTE?)-?\d{1,4}")
ON_OR_NEAR = re.compile(r"(?i)(on or near) (.+)")
_NUMBERED_STREET = re.compile(
    r"(?i)\d{1,3} (?:st|street|ave?|avenue)(?: (?:[nsew]|[ns][ew]))?"
)  # "104 Avenue NW", at a crossing
SEPARATOR = re.compile(
    r"\s*(?:&|/|\\|@)\s*|\s+(?:and|at|y|und|et|con|com|(?:esq\.?|esquina)(?: (?:con|com))?|ecke)\s+", re.IGNORECASE
)

# The common forms, recognized at once: "004XX W 24TH PL", "2300 BLOCK CASTOR AV", "412 Arden St", "400 block of Arden St".
_RESERVED = "|".join(
    sorted(
        _TYPES
        | _FIRST_TYPES
        | DIRECTIONS
        | HOME_WORDS
        | _BLOCK_WORDS
        | list_words("units")
        | {"and", "thru", "through"}
    )
)
_WHOLE = "|".join(sorted(name_words.WHOLE_NAMES))
_COMMON = re.compile(
    r"(?i:(?!\d{6})0*(\d{1,5}?)(XX)? (?:BLOCK (?:OF )?)?((?:[NESW] )?"
    rf"(?!(?:{_RESERVED}) )(?:[a-z]{{3,}}|\d{{1,3}}(?:ST|ND|RD|TH))(?: (?!(?:{_RESERVED}|{_WHOLE}) )[a-z]{{3,}})?"
    r" (?:ST|AVE?|RD|DR|BLVD|PL|CT|LN|TER|PKWY|STREET|AVENUE|ROAD|DRIVE)(?: [NESW])?))",
    re.ASCII,
)


class Street(NamedTuple):
    """A recognized street: words[start:end]. is_type_first: its type is the first word, or a part of the name's only one."""

    start: int
    end: int
    is_type_first: bool = False
    is_ordinal: bool = False
    has_direction: bool = False
    is_known: bool = False


def build_label(text: str) -> str:
    """Return the label of an address or block, at most 80 characters; "" if no street is recognized in it.

    A label that would itself be read differently is doubtful, and none: "400 Calle On or near 400".
    """
    if common := _build_common(text):
        return common
    label = _build_from_any(text)
    is_certain = len(label) <= MAX_LABEL_CHARACTERS and (_build_common(label) or _build_from_any(label)) == label
    return label if is_certain else ""


def _build_common(text: str) -> str:
    common = _COMMON.fullmatch(text)
    if not common or _COMPOUND.search(common[3]):
        return ""
    hundred = int(common[1]) if common[2] else int(common[1]) // 100
    return f"{hundred * 100} block of {common[3]}"


def _build_from_any(text: str) -> str:
    near = ON_OR_NEAR.fullmatch(" ".join(text.split()))
    return _build_near_label(near[1], near[2]) if near else _build_from_parts(text)


def _build_near_label(prefix: str, place: str) -> str:
    """Return the label of a place as data.police.uk writes it: "On or near Park Street"."""
    words = place.split()
    is_known = english_streets.is_place(place) or _is_typed(words) or english_streets.is_street(words, _is_typed)
    return f"{prefix} {place}" if is_known else ""


def _is_typed(words: Sequence[str]) -> bool:
    street = _find_lone_street(words, _MAX_NAME_WORDS)
    return street is not None and street.start == 0 and street.end == len(words)


def _build_from_parts(text: str) -> str:
    """Return the first block in the text's parts, or else the first intersection, or else the first street."""
    rewritten = rewrite_address(text)
    parts = [part.split() for part in re.split(r"[,;()\[\]|:\"]", rewritten) if part.strip()]
    blocks = (_find_block(words, is_whole=len(parts) == 1) for words in parts)
    intersections = (_find_intersection(" ".join(words)) for words in parts)
    streets = (_join_street(words, _find_lone_street(words)) for words in parts)
    return next(filter(None, (label for found in (blocks, intersections, streets) for label in found)), "")


def _join_street(words: Sequence[str], street: Street | None) -> str:
    return " ".join(words[street.start : street.end]) if street else ""


# Blocks, intersections, streets without a number


def _find_block(words: Sequence[str], *, is_whole: bool) -> str:
    """Return "1200 block of Example St" from a number with a street behind it, or from a street with a number behind it.

    `is_whole`: the address has no other words.
    """
    for position, word in enumerate(words):
        number = house_numbers.BEFORE_STREET.fullmatch(word)
        street = _match_street_of_block(words, position + 1, number, is_whole=is_whole) if number else None
        if number and street:
            is_queens = street.is_ordinal and not street.has_direction
            hundred, name = house_numbers.hundred_of(number, is_queens=is_queens), _join_street(words, street)
            return name if hundred is None else f"{hundred} block of {name}"
    starts = [0, *(position for position, word in enumerate(words) if position and bare(word) in _FIRST_TYPES)]
    for start in starts:
        street = _find_lone_street(words[start:], is_ended=True)
        behind = (
            house_numbers.BEHIND_STREET.fullmatch(words[start + street.end])
            if street and street.end < len(words) - start
            else None
        )
        if street and behind and (street.is_type_first or not behind[3]) and house_numbers.is_house_or_range(behind):
            return f"{int(behind[1]) // 100 * 100} block of {_join_street(words[start:], street)}"
    return ""


def _match_street_of_block(words: Sequence[str], start: int, number: re.Match[str], *, is_whole: bool) -> Street | None:
    """Return the street behind a number, from words[start] on, where "block of" and the letter of a flat may come first."""
    is_block = start < len(words) and words[start].casefold() in _BLOCK_WORDS
    start += is_block
    if start < len(words) and words[start].casefold() == "of":
        start += 1
    behind_flat = None
    if start < len(words) and _FLAT.fullmatch(words[start]) and bare(words[start]) not in DIRECTIONS:
        behind_flat = _match_street(words, start + 1, is_numbered=True)
        if behind_flat and words[start].isalpha() and len(_namelist_words(words, behind_flat)) > _MAX_HOUSE_NAME_WORDS:
            return None  # "12 J Roe Main St": the letter is a resident's as well as a flat's
    street = behind_flat or _match_street(words, start, is_numbered=True)
    is_hundred = number[1].endswith("00") or number[1] == "0"
    # "412 block of" is a house, whose number its publisher left in place.
    is_known_block = (is_block and is_hundred) or number[0].upper().endswith("X")
    if street is None and is_known_block and is_whole:
        return _match_single_word(words, start)
    is_plain = street is not None and _is_plain_name(words, street, is_block=is_known_block)
    return street if street and is_plain and not _has_street_behind(words, street) else None


def _has_street_behind(words: Sequence[str], street: Street) -> bool:
    """Return whether another street follows at once, so that the first may be a resident's name: "Roe St Lawrence Ave"."""
    behind = words[street.end : street.end + _MAX_NAME_WORDS]
    names = itertools.takewhile(lambda word: _WORD.fullmatch(word) and bare(word) not in _BETWEEN_STREETS, behind)
    return not street.is_known and any(bare(word) in _TYPES for word in list(names)[1:])


def _is_plain_name(words: Sequence[str], street: Street, *, is_block: bool) -> bool:
    """Return whether a street's name, behind a house number, is too short to hold a resident's name or the name of a home.

    `is_block`: a block stands before it, whose publisher has cleaned the address, so that longer names are streets'.
    """
    names = _namelist_words(words, street)
    # "House Ave" is a street, and so is a block of "Cottage Grove Ave".
    is_home = any(bare(word) in HOME_WORDS for word in names[is_block:-2])
    is_known = street.is_known or tuple(map(bare, names[:-1])) in _NAMES_WITHOUT_TYPE
    if not is_known and name_words.has_person(names, is_block=is_block):
        return False
    most = _MAX_NAME_WORDS if is_known or is_block else _MAX_HOUSE_NAME_WORDS
    return not is_home and not _has_inner_direction(words, street) and len(names) - 1 <= most


def _has_inner_direction(words: Sequence[str], street: Street) -> bool:
    """Return whether a direction stands within a name: "Roe N Main St" is a resident's name before a street."""
    if street.is_type_first:
        return False  # "Rua Silva e Souza"
    names = [bare(word) for word in words[street.start : street.end]]
    of_name = [i for i, name in enumerate(names) if name not in DIRECTIONS | _BOUND | _TYPES | _PARTICLES]
    return bool(of_name) and not _LETTERS_OF_DIRECTIONS.isdisjoint(names[of_name[0] : of_name[-1]])


def _namelist_words(words: Sequence[str], street: Street) -> list[str]:
    """Return the words of a street without directions, articles and the like; the type is one of them."""
    names = [word for word in words[street.start : street.end] if bare(word) not in DIRECTIONS | _PARTICLES]
    return [word for word in names[:-1] if bare(word) not in _UNCOUNTED] + names[-1:]


def read_street(text: str) -> Street | None:
    """Return the street that a text is as a whole; None if it has other words or no type."""
    words = text.split()
    street = _match_street(words, 0, is_numbered=True)
    return street if street and street.end == len(words) else None


def _find_intersection(text: str) -> str:
    """Return the two streets of an intersection with the agency's word or sign between them; both must be recognized."""
    separator = SEPARATOR.search(text)
    if not separator:
        return ""
    words = text[: separator.start()].split(), SEPARATOR.split(text[separator.end() :])[0].split()
    first, second = (_join_street(side, _find_lone_street(side, _MAX_INTERSECTION_NAME_WORDS)) for side in words)
    numbered = tuple(_NUMBERED_STREET.fullmatch(" ".join(side)) for side in words)
    first, second = first or (numbered[0] or [""])[0], second or (numbered[1] or [""])[0]
    sign = " & " if separator[0].strip() == "@" else separator[0]
    return f"{first}{sign}{second}" if first and second else ""


def _find_lone_street(
    words: Sequence[str], max_name_words: int = _MAX_LONE_NAME_WORDS, *, is_ended: bool = False
) -> Street | None:
    """Return the street that words name without a number before it; None for words that may name people or homes.

    `is_ended`: a number behind it may end the name of a street whose type comes first.
    """
    if any(bare(word) in HOME_WORDS for word in words[:-1]):
        return None
    start = 0
    while start < len(words) and _is_before_street(words[start]):
        start += 1
    street = _match_street(words, start)
    if street is None:
        return None
    names = _namelist_words(words, street)
    is_number = len(names) > 2 and bare(names[0]).split("-")[0] in NUMBER_WORDS  # "One Market St" is a house
    if street.is_known:
        max_name_words = _MAX_NAME_WORDS
    elif street.is_type_first:
        type_first_words = _MAX_ENDED_NAME_WORDS if is_ended else _MAX_LONE_TYPE_FIRST_NAME_WORDS
        max_name_words = max(max_name_words, type_first_words)
    is_doubted = is_number or _has_inner_direction(words, street) or name_words.has_whole_name_behind(names)
    is_short = len(names) - 1 <= max_name_words
    return street if is_short and not is_doubted and not _has_street_behind(words, street) else None


def _is_before_street(word: str) -> bool:
    """Return whether a word says where of a street, or is the number of a grid or flat."""
    is_name = name_words.ORDINAL.fullmatch(word.casefold()) or _HIGHWAY_IN_ONE.fullmatch(word)
    has_digit = any(character.isnumeric() for character in word)
    return (has_digit and not is_name) or bare(word) in _POSITIONS or word == "-"


# Streets


def _match_street(words: Sequence[str], start: int, *, is_numbered: bool = False) -> Street | None:
    """Return the street that begins at words[start]. `is_numbered`: a house number or block stands before it."""
    name_start = start
    while name_start < len(words) and name_start - start < 2 and bare(words[name_start]) in DIRECTIONS:
        name_start += 1
    has_direction = name_start > start
    # A direction may be the name itself: "North Ave".
    for first in (name_start, name_start - 1) if has_direction else (name_start,):
        if first >= len(words):
            continue
        for match in (_match_highway, _match_grid, _match_numbered_name, _match_typed, _match_type_first, _match_german,
                      _match_known):  # fmt: skip
            if found := match(words, first, is_numbered or first > start):
                end = found.end
                if end < len(words) and bare(words[end]) in DIRECTIONS | _BOUND:
                    end += 1
                return found._replace(start=start, end=end, has_direction=has_direction)
    return None


def _match_highway(words: Sequence[str], start: int, _is_numbered: bool) -> Street | None:
    if _HIGHWAY_IN_ONE.fullmatch(words[start]):
        end = start + 1
        return Street(start, end + (end < len(words) and bare(words[end]) in _TYPES))
    for number in (start + 3, start + 2, start + 1):
        name = tuple(map(bare, words[start:number]))
        if name in _HIGHWAYS and number < len(words) and _ROAD_NUMBER.fullmatch(words[number]):
            return Street(start, number + 1, is_known=True)
    return None


def _match_grid(words: Sequence[str], start: int, is_numbered: bool) -> Street | None:
    """Match a street that is called by its distance from the middle, as in Utah: "500 W"."""
    if not is_numbered or start + 1 == len(words) or not re.fullmatch(r"[1-9]\d{0,2}00", words[start], re.ASCII):
        return None
    is_last = start + 2 == len(words) or not _WORD.fullmatch(words[start + 2])
    return Street(start, start + 2) if is_last and bare(words[start + 1]) in DIRECTIONS else None


def _match_numbered_name(words: Sequence[str], start: int, is_numbered: bool) -> Street | None:
    """Match what only a house number or a direction makes a street: "1234 SW 8 ST", "200 BLOCK S 13TH"."""
    following = bare(words[start + 1]) if start + 1 < len(words) else ""
    if not is_numbered:
        return None
    if re.fullmatch(r"[1-9]\d{0,2}", words[start], re.ASCII):
        # "21 Boulevard Saint-Michel", "12 Dr Roe"
        is_house = following in _FIRST_TYPES | {"dr"} and _is_name(words, start + 2)
        return Street(start, start + 2, is_ordinal=True) if following in _TYPES and not is_house else None
    if name_words.ORDINAL.fullmatch(words[start].casefold()) and (
        following in DIRECTIONS | _BOUND or not _WORD.match(following)
    ):
        return Street(start, start + 1, is_ordinal=True)
    return None


def _match_typed(words: Sequence[str], start: int, is_numbered: bool) -> Street | None:
    """Match a name with its type behind it: "Example St", "56th St", "Hauptstraße"."""
    if _COMPOUND.fullmatch(words[start]):
        return Street(start, start + 1, is_type_first=True)
    is_ordinal = name_words.ORDINAL.fullmatch(words[start].casefold()) is not None
    if not is_ordinal and not _WORD.fullmatch(words[start]):
        return None
    late_end = 0
    for position in range(start + 1, min(len(words), start + _MAX_NAME_WORDS + 1)):
        word = bare(words[position])
        if (
            word in _TYPES
            and not name_words.is_saint(words, position)
            and not _is_name_behind_direction(words, position, start)
        ):
            end = position + 1
            if word == "avenue" and not is_ordinal and name_words.is_last_letter(words, end):
                return None  # "Roe Avenue L"
            if word in _FIRST_TYPES and not (is_numbered and len(words[start]) > 1) and _is_name(words, end):
                return None  # "Café Avenue Foch"
            while end < len(words) and bare(words[end]) in _TYPES:
                end += 1
            return Street(start, end, is_ordinal=is_ordinal and position == start + 1)
        if word in _LATE_TYPES and all(bare(rest) in DIRECTIONS | _BOUND for rest in words[position + 1 :]):
            late_end = position + 1
        if not _WORD.fullmatch(words[position]):
            break
    return Street(start, late_end) if late_end else None


def _is_name(words: Sequence[str], position: int) -> bool:
    """Return whether words[position] may be the name of a street."""
    word = bare(words[position]) if position < len(words) and _WORD.fullmatch(words[position]) else ""
    return bool(word) and word not in DIRECTIONS | _BOUND | _TYPES | _BEHIND_NAMES


def _is_name_behind_direction(words: Sequence[str], position: int, start: int) -> bool:
    """Return whether a word that may be a type begins a name: "St" of "Roe S St Lawrence Ave", "Avenue" of "Roe S Avenue B"."""
    is_behind = position - 1 > start and bare(words[position - 1]) in _LETTERS_OF_DIRECTIONS
    return is_behind and _is_name(words, position + 1)


def _match_type_first(words: Sequence[str], start: int, _is_numbered: bool) -> Street | None:
    """Match a type with its name behind it: "Calle Ejemplo", "rue de la Paix", "Avenue L", "Avenida 9 de Julio"."""
    is_article = bare(words[start]) in {"el", "la"}
    name_start = start + 1 + is_article
    if name_start >= len(words) or bare(words[name_start - 1]) not in _FIRST_TYPES:
        return None
    if len(words[name_start]) > 1 and bare(words[name_start]) in DIRECTIONS and not _is_name(words, name_start + 1):
        return None  # "104 Avenue NW"
    end = _end_of_numbered_name(words, name_start) or name_start
    if end > name_start:
        return Street(start, end, is_type_first=True)
    name_count = 0
    while end < len(words) and name_count <= _MAX_NAME_WORDS and _WORD.fullmatch(words[end]):
        if name_words.is_possessive(words[end]) or (
            name_count > 1 and bare(words[end]) in name_words.HOMES_BEHIND_NAMES
        ):
            return None  # "Calle Mayor Roe's", "Calle Mayor Roe residence"
        if bare(words[end]) in _BEHIND_NAMES:
            break
        is_letter = len(words[end]) == 1 and end == name_start  # "Avenue L"
        name_count += is_letter or bare(words[end]) not in _PARTICLES
        end += 1
        if is_letter:
            break
    return Street(start, end, is_type_first=True) if 0 < name_count <= _MAX_TYPE_FIRST_NAME_WORDS else None


def _end_of_numbered_name(words: Sequence[str], start: int) -> int | None:
    """Return the end of a name that is or begins with a number: "12" of "Calle 12", "9 de Julio"; None for other names."""
    if not re.fullmatch(r"\d{1,3}", words[start], re.ASCII):
        return None
    following = words[start + 1 : start + 3]
    if not following or not _WORD.fullmatch(following[0]):
        return start + 1
    is_day = len(following) == 2 and bare(following[0]) == "de" and _WORD.fullmatch(following[1])
    return start + 3 if is_day and len(words[start]) < 3 else None


def _match_german(words: Sequence[str], start: int, _is_numbered: bool) -> Street | None:
    """Match a street that is called by what it lies at: "Am Sandtorkai", "An der Mühle", "Unter den Linden"."""
    for end in (start + 1, start + 2):
        if (
            tuple(map(bare, words[start:end])) in _PREPOSITIONS
            and end < len(words)
            and GERMAN_PLACE.fullmatch(words[end])
        ):
            return Street(start, end + 1, is_type_first=True)
    return None


def _match_known(words: Sequence[str], start: int, _is_numbered: bool) -> Street | None:
    """Match one of the few names without a type: "Broadway"."""
    for end in range(start + 1, start + 5):
        if tuple(map(bare, words[start:end])) in _NAMES_WITHOUT_TYPE:
            has_junior = end < len(words) and bare(words[end]) == "jr"
            type_position = end + has_junior
            has_type = type_position < len(words) and bare(words[type_position]) in _TYPES
            return Street(start, type_position + has_type, is_known=True)
    return None


def _match_single_word(words: Sequence[str], start: int) -> Street | None:
    """Match a street without a type after what is a block already: "2300 BLOCK MCKEAN"; nothing may follow it."""
    name_start = start + (start < len(words) and bare(words[start]) in DIRECTIONS)
    is_word = name_start + 1 == len(words) and _WORD.fullmatch(words[name_start])
    return Street(start, name_start + 1) if is_word else None

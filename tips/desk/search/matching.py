"""Matches an officer's words with the texts of tips, and marks them for display. Pure: no database, no keys.

Texts and words are folded (core/plain_text.py) and compared by their letters and digits alone:

- A word matches inside of words too: "van" finds "caravan". Signs inside a word don't count: "obrien" finds "O'Brien".
- A space or sign in the words matches a space, a sign or nothing: "anti-gun" finds "anti gun" and "antigun".
- With a digit in it, a word matches across spaces: "7kt" finds "7-KT" and "7 KT". Without one it would find "bun" in "cab under".
- Words in quotation marks are one word with spaces. All words have to be in the tip, in any of its texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.plain_text import fold_text

# Stands between the texts of a tip, so that no word matches across two of them; fold_text() leaves none within a text.
_BETWEEN_TEXTS = "\n"
_PIECE = re.compile(r'"([^"]*)"|(\S+)')
# Letters, numbers, their marks, and pictures such as emoji are compared.
_COMPARED_CATEGORIES = ("L", "N", "M", "So")
# Characters of an excerpt before and after the first match.
_BEFORE, _AFTER = 18, 150


class _ComparedCharacters(dict[int, str | None]):
    """Table for str.translate() that removes what is not compared. Only ASCII is kept; the rest is computed each time."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        is_compared = unicodedata.category(character).startswith(_COMPARED_CATEGORIES)
        return character if is_compared or character == _BETWEEN_TEXTS else None


_COMPARED = _ComparedCharacters()
_COMPARED.update({code: _COMPARED[code] for code in range(128)})


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase to search for: its letters and digits, and at which of them a space or sign precedes."""

    letters: str
    breaks: frozenset[int] = frozenset()

    @property
    def spans_spaces(self) -> bool:
        return any(character.isdigit() for character in self.letters)


@dataclass(frozen=True, slots=True)
class SearchText:
    """The texts of a tip, folded for the comparison; `squeezed` has letters and digits alone."""

    folded: str
    squeezed: str


@dataclass(frozen=True, slots=True)
class ExcerptPiece:
    text: str
    is_match: bool


def parse_words(words: str) -> tuple[Term, ...]:
    """Return the terms that all have to match; none if the words have neither letter nor digit."""
    pieces = (match[1] or match[2] or "" for match in _PIECE.finditer(fold_text(words)))
    return tuple(dict.fromkeys(term for piece in pieces if (term := _parse_piece(piece)).letters))


def _parse_piece(piece: str) -> Term:
    letters, breaks, is_break = "", set(), False
    for character in piece:
        if _squeeze(character):
            if is_break and letters:
                breaks.add(len(letters))
            letters, is_break = letters + character, False
        else:
            is_break = True
    return Term(letters, frozenset(breaks))


def prepare_texts(texts: Iterable[str]) -> SearchText:
    folded = _BETWEEN_TEXTS.join(map(fold_text, texts))
    return SearchText(folded, _squeeze(folded))


def choose_rarest(terms: Sequence[Term]) -> str:
    """Return letters that `squeezed` of every match contains: those of the longest term. To leave out most texts at once."""
    return max((term.letters for term in terms), key=len, default="")


def matches(terms: Sequence[Term], text: SearchText) -> bool:
    """Return whether every term occurs in the texts of the tip."""
    return all(_occurs(term, text) for term in terms)


def _occurs(term: Term, text: SearchText) -> bool:
    if term.letters in text.folded:
        return True
    if term.letters not in text.squeezed:
        return False
    return term.spans_spaces or next(_find_spans(term, *_split_letters(text.folded)), None) is not None


def mark_matches(terms: Sequence[Term], text: str) -> list[ExcerptPiece]:
    """Return the part of a text around the first match, in pieces; empty if no term occurs in it."""
    letters, follows_space, indexes = "", [], []
    was_space = False
    for index, character in enumerate(text):
        folded = fold_text(character)
        if not folded and character.isspace():
            was_space = True
        for letter in _squeeze(folded):
            letters += letter
            indexes.append(index)
            follows_space.append(was_space)
            was_space = False
    spans = sorted(
        (indexes[start], indexes[end - 1] + 1)
        for term in terms
        for start, end in _find_spans(term, letters, follows_space)
    )
    return list(_cut_excerpt(text, spans)) if spans else []


def _cut_excerpt(text: str, spans: list[tuple[int, int]]) -> Iterator[ExcerptPiece]:
    first = _move_to_space(text, max(spans[0][0] - _BEFORE, 0), spans[0][0])
    last = min(max(spans[0][1], spans[0][0] + _AFTER), len(text))
    at = first
    if first > 0:
        yield ExcerptPiece("… ", is_match=False)
    for start, end in spans:
        if at <= start < last:
            yield ExcerptPiece(text[at:start], is_match=False)
            yield ExcerptPiece(text[start:end], is_match=True)
            at = end
    if at < last:
        yield ExcerptPiece(text[at:last], is_match=False)
    if last < len(text):
        yield ExcerptPiece(" …", is_match=False)


def _move_to_space(text: str, start: int, end: int) -> int:
    """Return the beginning of the first word after `start`, if there is one before `end`."""
    space = text.find(" ", start, end) if start else -1
    return start if space < 0 else space + 1


def _split_letters(folded: str) -> tuple[str, list[bool]]:
    """Return the compared characters, and for each whether a space precedes it."""
    letters, follows_space, was_space = [], [], False
    for character in folded:
        if _squeeze(character):
            letters.append(character)
            follows_space.append(was_space)
            was_space = False
        elif character == " ":
            was_space = True
    return "".join(letters), follows_space


def _find_spans(term: Term, letters: str, follows_space: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each occurrence of the term among the letters."""
    length, start = len(term.letters), letters.find(term.letters)
    while start >= 0:
        inside = (offset for offset in range(1, length) if follows_space[start + offset])
        if term.spans_spaces or all(offset in term.breaks for offset in inside):
            yield start, start + length
            start = letters.find(term.letters, start + length)
        else:
            start = letters.find(term.letters, start + 1)


def _squeeze(folded: str) -> str:
    return folded.translate(_COMPARED)

"""Finds in a text the members of staff that it names: by name, first name with a title, alias or badge number.

A match that is wrong costs a supervisor a minute; one that is missed shows a tip to the person it names. So a surname
alone matches, except where it is an ordinary word ("a white van"), a place ("Lindholm Street") or belongs to another person
("Juan Garcia" is not Ana Garcia). A common first name alone does not match. Long names match with one letter wrong.

Everything is compared folded (core/plain_text.py), and words of other alphabets by their sound (other_alphabets.py). The words and names that the rules need are in names.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from core.plain_text import fold_text
from tips.receipts import load_words
from tips.walls import other_alphabets

_DATA_FILE = Path(__file__).parent / "names.toml"
_WORD = re.compile(r"[^\W_]+(?:['’`´][^\W_]+)*")
_BADGE_WORDS = frozenset(
    ["badge", "badges", "shield", "star", "placa", "id", "number", "no", "num", "nr", "numero", "tag"]
)
# "12-34", "A 1234", "1234B": digits joined by a space, dot, dash or slash, and up to two letters before and one after them.
_BADGE = re.compile(r"(?<![^\W_])([^\W\d_]{1,2}[ -]?)?(\d+(?:[ ./-]?\d+)*[^\W\d_]?)(?![^\W_])")
_BADGE_REACH = 40  # characters on each side in which a badge word makes a short number a badge
_LONG_BADGE = 5  # so long, a number counts without a badge word: house numbers are shorter
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_MIN_FUZZY, _MIN_FUZZY_WITH_CONTEXT = 6, 5
_SHORT = 3  # surnames of up to three letters count as ordinary words: "le", "vo", "li"
_REACH = 3  # words before a name that are searched for a title


@dataclass(frozen=True, slots=True)
class StaffNames:
    """The names of a member of staff. `aliases` are nicknames and former names; all as typed."""

    account_id: int
    first_name: str
    last_name: str
    aliases: tuple[str, ...] = ()
    badge_number: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # folded, without apostrophes
    is_capitalized: bool
    starts_sentence: bool
    follows_directly: bool  # nothing but spaces, or the period of an abbreviation, since the word before
    has_period: bool
    is_quoted: bool


@dataclass(slots=True)
class _Person:
    account_id: int
    first_names: set[str] = field(default_factory=set)
    initials: set[str] = field(default_factory=set)
    surnames: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    titles: frozenset[str]
    cues: frozenset[str]
    particles: frozenset[str]
    places: frozenset[str]
    ordinary: frozenset[str]
    surnames: frozenset[str]
    first_names: dict[str, frozenset[str]]  # a name: all names that people with it are called by
    other_titles: frozenset[str]  # in other alphabets
    spaceless_titles: frozenset[str]  # in scripts without spaces
    common: frozenset[str]  # words that are no misspelt name, and a name only with a capital letter


@cache
def _load_vocabulary() -> _Vocabulary:
    data = tomllib.loads(_DATA_FILE.read_text(encoding="utf-8"))
    first_names: dict[str, set[str]] = defaultdict(set)
    for group in re.split(r"[|\n]", data["first_names"]):
        names = group.split()
        for name in names:
            # The first of a group is the full name; its short forms are not forms of one another's full names.
            first_names[name] |= set(names)
    words = {
        name: frozenset(data[name].split())
        for name in (
            "titles",
            "cues",
            "particles",
            "places",
            "ordinary",
            "surnames",
            "other_titles",
            "spaceless_titles",
        )
    }
    words["titles"] |= {fold_text(title) for title in words["other_titles"]}
    common = (
        words["ordinary"]
        | words["titles"]
        | words["places"]
        | frozenset(load_words()) - words["surnames"]
        | frozenset(first_names)
    )
    words["ordinary"] |= frozenset(first_names)
    return _Vocabulary(
        **words, first_names={name: frozenset(group) for name, group in first_names.items()}, common=common
    )


class StaffIndex:
    """The names of all staff, prepared for the comparison with many texts."""

    def __init__(self, staff: Iterable[StaffNames]) -> None:
        self._vocabulary = _load_vocabulary()
        self._by_surname: dict[str, list[_Person]] = defaultdict(list)
        self._by_misspelling: dict[str, set[str]] = defaultdict(set)
        self._by_first_name: dict[str, list[_Person]] = defaultdict(list)
        self._by_alias: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
        self._by_badge: dict[str, set[int]] = defaultdict(set)
        self._elsewhere = other_alphabets.AlphabetIndex(
            self._vocabulary.other_titles, self._vocabulary.spaceless_titles
        )
        for names in staff:
            self._add(names)
        self._longest_surname = max(map(len, self._by_surname), default=0)

    def find_named(self, text: str) -> set[int]:
        """Return the ids of the accounts whose people the text names."""
        tokens = list(_split_words(text, self._vocabulary.titles))
        named = self._elsewhere.find_named(text)
        if self._by_badge:
            named |= self._find_badges(text)
        for position, token in enumerate(tokens):
            named |= {
                person.account_id
                for surname, person in self._list_candidates(token.text)
                if self._is_meant(tokens, position, surname, person)
            }
            named |= {
                person.account_id
                for person in self._by_first_name.get(token.text, ())
                if self._is_titled_first_name(tokens, position, person)
            }
            named |= {
                account_id
                for phrase, account_id in self._by_alias.get(token.text, ())
                if self._is_alias(tokens, position, phrase)
            }
        return named

    # Preparing the names

    def _add(self, names: StaffNames) -> None:
        person = _Person(names.account_id)
        for name in _list_spellings(names.first_name):
            person.first_names |= {name, *self._vocabulary.first_names.get(name, ())}
        person.initials = {name[0] for name in person.first_names}
        person.surnames = self._list_surnames(names.last_name)
        self._elsewhere.add(
            names.account_id, person.first_names, {surname: self._is_ordinary(surname) for surname in person.surnames}
        )
        for surname in person.surnames:
            self._by_surname[surname].append(person)
            if len(surname) >= _MIN_FUZZY_WITH_CONTEXT:
                for form in _delete_letters(surname):
                    self._by_misspelling[form].add(surname)
        for name in person.first_names:
            self._by_first_name[name].append(person)
        for alias in names.aliases:
            if phrase := _fold_name(alias):
                self._by_alias[phrase[0]].append((phrase, names.account_id))
        if badge := _normalize_badge(names.badge_number):
            self._by_badge[badge].add(names.account_id)

    def _list_surnames(self, last_name: str) -> set[str]:
        """Return the words that a surname is known by: each part that is a name, the whole without spaces, and umlauts written out."""
        surnames = set()
        for spelling in {last_name.lower(), last_name.lower().translate(_UMLAUTS)}:
            parts = _list_spellings(spelling)
            surnames |= {part for part in parts if part not in self._vocabulary.particles and len(part) > 1}
            surnames.add("".join(_fold_name(spelling)))
        surnames |= {
            re.sub("[aou]e", lambda match: match[0][0], surname) for surname in surnames if len(surname) > _SHORT
        }
        return {surname for surname in surnames if len(surname) > 1}

    # Surnames

    def _list_candidates(self, word: str) -> Iterator[tuple[str, _Person]]:
        """Yield the people whose surname is this word, or is one letter off from it."""
        surnames = {word} if word in self._by_surname else set()
        # A longer word is near no surname, and its forms would take memory by the square of its length.
        is_of_length = _MIN_FUZZY_WITH_CONTEXT - 1 <= len(word) <= self._longest_surname + 1
        if not surnames and is_of_length and word not in self._vocabulary.common:
            close = {surname for form in _delete_letters(word) for surname in self._by_misspelling.get(form, ())}
            surnames = {surname for surname in close if _is_one_letter_off(word, surname)}
        for surname in surnames:
            for person in self._by_surname[surname]:
                yield surname, person

    def _is_meant(self, tokens: list[_Token], position: int, surname: str, person: _Person) -> bool:
        words, token = self._vocabulary, tokens[position]
        if self._has_context(tokens, position, person):
            return True
        if self._is_ordinary(surname) or (surname in words.common and not token.is_capitalized):
            return False
        if token.text != surname and len(surname) < _MIN_FUZZY:
            return False
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        if following and following.follows_directly and following.text in words.places:
            return False
        return not self._follows_another_first_name(tokens, position, person)

    def _is_ordinary(self, name: str) -> bool:
        return len(name) <= _SHORT or name in self._vocabulary.ordinary

    def _has_context(self, tokens: list[_Token], position: int, person: _Person) -> bool:
        """Return whether a title, the first name, an initial or a cue beside the name makes it this person's."""
        after = tokens[position + 1 : position + 3]
        is_followed = bool(after) and self._is_first_name(after[0].text, person)
        has_initial_between = len(after) > 1 and len(after[0].text) == 1
        if is_followed or (has_initial_between and self._is_first_name(after[1].text, person)):
            return True
        before = tokens[max(0, position - 2) : position]
        if any(self._is_first_name(other.text, person) for other in before):
            return True
        return any(
            self._is_marked(tokens, position, distance, person)
            for distance in range(1, _REACH + 1)
            if distance <= position
            and all(token.follows_directly for token in tokens[position - distance + 1 : position + 1])
        )

    def _is_marked(self, tokens: list[_Token], position: int, distance: int, person: _Person) -> bool:
        """Return whether the word so far before a name is an initial of the person, a title or a cue."""
        other = tokens[position - distance]
        if distance == 1 and _is_initial(other) and other.text in person.initials:
            return True
        if other.text in self._vocabulary.titles:
            return self._are_name_parts(tokens[position - distance + 1 : position])
        return other.text in self._vocabulary.cues and tokens[position].is_capitalized and distance <= 2

    def _are_name_parts(self, tokens: list[_Token]) -> bool:
        """Return whether the words between a title and a surname can belong to the name: capitalized, an initial or a first name."""
        words = self._vocabulary
        return all(
            token.is_capitalized
            or len(token.text) == 1
            or token.text in words.first_names
            or token.text in words.particles
            for token in tokens
        )

    def _is_first_name(self, word: str, person: _Person) -> bool:
        if word in person.first_names:
            return True
        return len(word) > _SHORT and any(
            len(name) > _SHORT + 1 and _is_one_letter_off(word, name)
            for name in person.first_names
            if word not in self._vocabulary.first_names
        )

    def _follows_another_first_name(self, tokens: list[_Token], position: int, person: _Person) -> bool:
        if position == 0 or not tokens[position].follows_directly:
            return False
        before = tokens[position - 1]
        if _is_initial(before):
            return before.text not in person.initials
        return before.text in self._vocabulary.first_names and not self._is_first_name(before.text, person)

    def _is_titled_first_name(self, tokens: list[_Token], position: int, person: _Person) -> bool:
        """Return whether a first name stands for this person: "Officer Mike", but not "Officer Mike Jones" if that is not theirs."""
        if (
            position == 0
            or not tokens[position].follows_directly
            or tokens[position - 1].text not in self._vocabulary.titles
        ):
            return False
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        is_surname = (
            following and following.follows_directly and following.is_capitalized and not following.starts_sentence
        )
        return not is_surname or (following is not None and following.text in person.surnames)

    # Aliases and badges

    def _is_alias(self, tokens: list[_Token], position: int, phrase: list[str]) -> bool:
        here = tokens[position : position + len(phrase)]
        if [token.text for token in here] != phrase:
            return False
        if len(phrase) > 1 or not self._is_ordinary(phrase[0]):
            return True
        before = tokens[max(0, position - _REACH) : position]
        if any(other.text in self._vocabulary.titles | self._vocabulary.cues for other in before):
            return True
        return here[0].is_quoted or (here[0].is_capitalized and not here[0].starts_sentence)

    def _find_badges(self, text: str) -> set[int]:
        folded = fold_text(text)
        named: set[int] = set()
        for match in _BADGE.finditer(folded):
            badges = {_normalize_badge(match[0]), _normalize_badge(match[2])} & set(self._by_badge)
            around = folded[max(0, match.start() - _BADGE_REACH) : match.end() + _BADGE_REACH]
            nearby = set(re.findall(r"[^\W\d_]+", around))
            has_badge_word = "#" in around or nearby & (_BADGE_WORDS | self._vocabulary.titles)
            for badge in badges:
                if has_badge_word or len(badge) >= _LONG_BADGE:
                    named |= self._by_badge[badge]
        return named


def _fold_name(name: str) -> list[str]:
    return [_strip_apostrophes(word) for word in _WORD.findall(fold_text(name))]


def _list_spellings(name: str) -> list[str]:
    """Return the words of a name, those of other alphabets in Latin letters, too."""
    words = _fold_name(name)
    return [*words, *(other_alphabets.romanize(word) for word in words if other_alphabets.is_elsewhere(word))]


def _split_words(text: str, titles: frozenset[str]) -> Iterator[_Token]:
    """Yield the words of a text. Hyphens separate words; a possessive "'s" is left out."""
    end, before = 0, ""
    for match in _WORD.finditer(text):
        gap, word = text[end : match.start()], match[0]
        folded = re.sub("'s$", "", fold_text(word))
        is_abbreviation = gap.startswith(".") and (before in titles or len(before) == 1)
        plain_gap = gap[1:] if is_abbreviation else gap
        yield _Token(
            text=_strip_apostrophes(folded),
            is_capitalized=word[:1].isupper(),
            starts_sentence=not end or bool(re.search(r"[.!?\n]", plain_gap)),
            follows_directly=bool(end) and not plain_gap.strip(" \t\xa0-\u2010\u2011"),
            has_period=text[match.end() : match.end() + 1] == ".",
            is_quoted=bool(re.search("[\"'“”‘«]$", gap)) and text[match.end() : match.end() + 1] in "\"'”’»,",
        )
        end, before = match.end(), _strip_apostrophes(folded)


def _strip_apostrophes(word: str) -> str:
    return word.replace("'", "")


def _is_initial(token: _Token) -> bool:
    """Return whether a single letter is an initial: with a period, or a capital other than the words "I" and "A"."""
    return len(token.text) == 1 and (token.has_period or (token.is_capitalized and token.text not in ("i", "a")))


def _normalize_badge(text: str) -> str:
    return re.sub(r"[\W_]", "", fold_text(text)).lstrip("0")


def _delete_letters(word: str) -> set[str]:
    """Return the word and its forms with one letter missing: two words with one in common are at most two edits apart."""
    return {word, *(word[:index] + word[index + 1 :] for index in range(len(word)))}


def _is_one_letter_off(word: str, name: str) -> bool:
    """Return whether one letter more, less, other or swapped with its neighbor makes `word` of `name`."""
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    start = 0
    while start < min(len(word), len(name)) and word[start] == name[start]:
        start += 1
    if len(word) == len(name):
        swapped = word[start : start + 2] == name[start : start + 2][::-1] and word[start + 2 :] == name[start + 2 :]
        return swapped or word[start + 1 :] == name[start + 1 :]
    longer, shorter = (word, name) if len(word) > len(name) else (name, word)
    return longer[start + 1 :] == shorter[start:]

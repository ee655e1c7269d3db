"""Finds members of staff in words of other alphabets: "Линдхольм", "ليندهولم" or "リンドホルム" for Lindholm.

A name is written there by its sound, with other vowels or none. So each word is romanized (anyascii), reduced to classes of
consonants, and compared with the surnames, which are reduced in the same way. A wrong match costs a supervisor a minute; a missed
one shows a tip to the person it names. Short names match only beside a title or a first name, as they sound like many words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from anyascii import anyascii

from core.plain_text import fold_text

_WORD = re.compile(r"[^\W\d_]+(?:['’`´ʼ-][^\W\d_]+)*")
_ELSEWHERE = re.compile("[\u0370-\u1dff\u2c00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0002ffff]")
# Written without spaces: Chinese characters, and Japanese names in them. A run of katakana is a word of its own.
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]+")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]+")
_EAST_ASIAN = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # where l and r are one sound
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
# Sounds that alphabets write as one another; vowels, half-vowels and h are left out.
_SOUNDS = str.maketrans({"b": "p", "c": "k", "q": "k", "g": "k", "d": "t", "z": "s", "f": "v", "j": "s", "x": "ks"})
_SILENT = re.compile(r"[^a-z]|[aeiouyh]")
_DOUBTFUL = {"г": "х", "Г": "Х", "ו": "o"}
_LONGEST_HAN = 6  # characters of a transcribed surname
_CERTAIN, _MIN = 4, 3  # consonants from which a name counts by itself, and at all
_SIMILAR, _VERY_SIMILAR, _BESIDE_TITLE = 0.55, 0.75, 0.3
_NEAR = 2  # words between a name and its title or first name


@dataclass(frozen=True, slots=True)
class _SoundingName:
    account_id: int
    spelling: str
    is_ordinary: bool


class AlphabetIndex:
    """Names of staff by their sound. `titles` and `spaceless_titles` are words such as "офицер" and "警官"."""

    def __init__(self, titles: Iterable[str], spaceless_titles: Iterable[str]) -> None:
        self._titles = {fold_text(title) for title in titles}
        self._spaceless_title = re.compile("|".join(map(re.escape, spaceless_titles)))
        self._by_sound: dict[str, list[_SoundingName]] = defaultdict(list)
        self._by_spelling: dict[str, set[int]] = defaultdict(set)
        self._by_full_name: dict[str, set[int]] = defaultdict(set)
        self._first_names: dict[int, set[str]] = defaultdict(set)

    def add(self, account_id: int, first_names: Iterable[str], surnames: dict[str, bool]) -> None:
        """Add a person; `surnames` says of each whether it is an ordinary word as well."""
        first_names = [romanize(name) for name in first_names]
        self._first_names[account_id] |= {sound for name in first_names for sound in _list_sounds(name)}
        for surname, is_ordinary in surnames.items():
            spelling = romanize(surname)
            self._by_spelling[spelling].add(account_id)
            for sound in _list_sounds(spelling):
                self._by_sound[sound].append(_SoundingName(account_id, spelling, is_ordinary))
            for first_name in first_names:
                self._by_full_name[spelling + first_name].add(account_id)
                self._by_full_name[first_name + spelling].add(account_id)

    def find_named(self, text: str) -> set[int]:
        """Return the ids of the accounts whose people the text names in another alphabet."""
        if not _ELSEWHERE.search(text):
            return set()
        _load_all()
        named = {account_id for run in _HAN.findall(text) for account_id in self._find_in_run(run)}
        words = [match[0] for match in _WORD.finditer(_HAN.sub(" ", _KATAKANA.sub(r" \g<0> ", text)))]
        for position, word in enumerate(words):
            if _ELSEWHERE.search(word):
                near = words[max(0, position - _NEAR) : position] + words[position + 1 : position + 1 + _NEAR]
                named |= set(self._find_word(word, near))
        return named

    def _find_word(self, word: str, near: list[str], *, has_title: bool = False) -> Iterator[int]:
        for spelling in _list_spellings(word):
            for sound in _list_sounds(spelling, word):
                for name in self._by_sound.get(sound, ()):
                    has_context = has_title or self._has_context(name.account_id, near)
                    if _is_meant(name, sound, spelling, has_context=has_context):
                        yield name.account_id

    def _has_context(self, account_id: int, near: list[str]) -> bool:
        """Return whether a title or the person's first name is among the words near a name."""
        return any(
            fold_text(other) in self._titles or self._first_names[account_id] & _list_sounds(romanize(other), other)
            for other in near
        )

    def _find_in_run(self, run: str) -> Iterator[int]:
        """Find full names of two to four characters, and surnames right before a title, in a run of Chinese characters."""
        spellings = [romanize(character) for character in run]
        for start in range(len(run)):
            for end in range(start + 2, min(start + 4, len(run)) + 1):
                yield from self._by_full_name.get("".join(spellings[start:end]), ())
        for title in self._spaceless_title.finditer(run):
            for start in range(max(0, title.start() - _LONGEST_HAN), title.start()):
                yield from self._by_spelling.get("".join(spellings[start : title.start()]), ())
                yield from self._find_word(run[start : title.start()], [], has_title=True)


def romanize(text: str) -> str:
    """Return the text in small letters from a to z."""
    return re.sub("[^a-z]", "", anyascii(fold_text(text)).lower())


def is_elsewhere(text: str) -> bool:
    """Return whether the text has letters of another alphabet than the Latin."""
    return bool(_ELSEWHERE.search(text))


def _is_meant(name: _SoundingName, sound: str, spelling: str, *, has_context: bool) -> bool:
    similarity = SequenceMatcher(None, name.spelling, spelling, autojunk=False).ratio()
    if has_context:
        return similarity >= _BESIDE_TITLE
    if name.is_ordinary:
        return False
    return similarity >= (_SIMILAR if len(sound) >= _CERTAIN else _VERY_SIMILAR)


def _list_spellings(word: str) -> list[str]:
    """Return how a word may be spelt in Latin letters, where a letter stands for several sounds.

    Greek chi is h, Hebrew vav can be a vowel, and Cyrillic ghe is h in older transcriptions.
    """
    spelling = romanize(word)
    if _GREEK.search(word):
        return [spelling.replace("ch", "h")]
    return [spelling, *(romanize(re.sub(letter, other, word)) for letter, other in _DOUBTFUL.items() if letter in word)]


def _list_sounds(spelling: str, word: str = "") -> set[str]:
    """Return the consonants of a spelling, with w as v or silent, and without the endings of Russian cases.

    Of a word in an East Asian script, and of names, there is a form in which l is r.
    """
    plain = re.sub("c(?=[eiy])", "s", spelling.replace("kh", "h").replace("ph", "f").replace("sch", "sh"))
    sounds = {_reduce(plain.replace("w", silent_or_v)) for silent_or_v in ("", "v")}
    if not word or _EAST_ASIAN.search(word):
        sounds |= {"*" + sound.replace("l", "r") for sound in sounds}
    if re.search("(a|u|om|ym|em|oi|y|e|i)$", spelling) and word:
        sounds |= {_reduce(re.sub("[aeiouy]+m?$", "", plain))}
    return {sound for sound in sounds if len(sound.lstrip("*")) >= _MIN - 1}


def _reduce(spelling: str) -> str:
    return re.sub(r"(.)\1+", r"\1", _SILENT.sub("", spelling).translate(_SOUNDS))


@cache
def _load_all() -> None:
    """Load the library's tables at once: one that is loaded for a letter would tell in which alphabet a source wrote."""
    for code in range(0x300, 0x30000, 0x100):
        if not 0xD800 <= code <= 0xDFFF:
            anyascii(chr(code))

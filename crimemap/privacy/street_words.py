"""The words of addresses in data/street_words.toml, and the form in which words are compared with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_DATA = Path(__file__).resolve().parent.parent / "data"


def load_vocabulary(file_name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / file_name).read_text(encoding="utf-8"))


VOCABULARY = load_vocabulary("street_words.toml")


def list_words(name: str) -> set[str]:
    return set(VOCABULARY[name].split())


def bare(word: str) -> str:
    return word.casefold().rstrip(".")


DIRECTIONS, HOME_WORDS, NUMBER_WORDS = list_words("directions"), list_words("home_words"), list_words("number_words")

"""Spell a receipt's words so that a caller hears each letter right."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# The alphabet that American police say on the radio and to callers (APCO Project 14). The receipts' words are English.
_NAMES = (
    "Adam Boy Charles David Edward Frank George Henry Ida John King Lincoln Mary Nora Ocean Paul Queen Robert Sam Tom Union Victor"
    " William X-ray Young Zebra"
)
_LETTERS = {name[0].lower(): name for name in _NAMES.split()} | {"-": "hyphen"}


def spell_word(word: str) -> str:
    """Return the names of a word's letters: "Adam Charles Tom" for "act"."""
    return " ".join(_LETTERS[letter] for letter in word)


def list_spelled(receipt: str) -> SafeString:
    """Return the words as items of an HTML list, each with its letters' names."""
    items = ((word, spell_word(word)) for word in receipt.split())
    return format_html_join("", "{}", ((format_html("<li><b>{}</b> <span>{}</span></li>", *item),) for item in items))

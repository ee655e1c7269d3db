from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from core import plain_text

BIDI_CONTROLS = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"]
CLEANERS = [plain_text.clean_typed_text, plain_text.clean_published_text]
EVERYTHING = "".join(map(chr, range(0x110000)))


@pytest.mark.parametrize("clean", CLEANERS)
def test_a_control_character_never_merges_two_words(clean: Callable[[str], str]) -> None:
    for character in [*BIDI_CONTROLS, *CONTROLS, "\ufeff", "\ufffe", "\uffff"]:
        gap = (
            "\n"
            if character in "\x0b\x0c\x85"
            else " "
            if "\x1c" <= character <= "\x1f" or "\x80" <= character <= "\x9f"
            else ""
        )
        assert clean(f"left{character}right") == f"left{gap}right", f"U+{ord(character):04X}"


@pytest.mark.parametrize("clean", CLEANERS)
def test_letters_tabs_and_empty_lines_are_preserved(clean: Callable[[str], str]) -> None:
    text = "Ünïcode\tطريق\n\nשלום 🚲 می\u200cخواهم e\u0301"
    assert clean(text) == text


@pytest.mark.parametrize("clean", CLEANERS)
def test_cr_and_crlf_become_one_line_feed(clean: Callable[[str], str]) -> None:
    assert clean("a\r\nb\rc\n\rd") == "a\nb\nc\n\nd"


@pytest.mark.parametrize("clean", CLEANERS)
def test_text_has_one_kind_of_line_end(clean: Callable[[str], str]) -> None:
    """Word writes a line break within a paragraph as U+000B."""
    assert clean("a\x0bb\x0cc\x85d\u2028e\u2029f") == "a\nb\nc\nd\ne\nf"


def test_a_published_title_has_one_line() -> None:
    assert plain_text.clean_published_line("Car ABC123\x0bBlue\r\n") == "Car ABC123 Blue "


def test_direction_marks_stay_in_typed_text_and_are_removed_from_published_text() -> None:
    assert plain_text.clean_typed_text("a\u200e\u200fb") == "a\u200e\u200fb"
    assert plain_text.clean_published_text("a\u200e\u200f\u200b\u2060\U000e0041\ufff9b") == "ab"


def test_typed_text_never_becomes_longer_and_can_be_stored() -> None:
    cleaned = plain_text.clean_typed_text(EVERYTHING)
    assert len(cleaned) <= len(EVERYTHING)
    assert plain_text.clean_typed_text(cleaned) == cleaned
    cleaned.encode()  # no half of a surrogate pair is left


def test_control_characters_are_escaped_visibly() -> None:
    assert (
        plain_text.show_steering("a\u202eb\x1b[31m\x00\U000e0041\r\nc") == "a[U+202E]b[U+001B][31m[U+0000][U+E0041]\nc"
    )
    assert plain_text.show_steering("plain\ttext\n<b>&") == "plain\ttext\n<b>&"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_hold_becomes_a_space(character: str) -> None:
    assert plain_text.replace_non_xml(f"a{character}b") == "a b"


def test_xml_can_hold_every_remaining_character() -> None:
    left = plain_text.replace_non_xml(EVERYTHING).translate(str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"}))
    assert ElementTree.fromstring(f"<a>{left}</a>").text == re.sub(
        "\r\n?", "\n", plain_text.replace_non_xml(EVERYTHING)
    )


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("O\u2019Hare O\u02bcHare O\u00b4Hare O`Hare O\uff07Hare", "o'hare o'hare o'hare o'hare o'hare"),
        ("well\u2011known \u2013 \u2014 \u2212 \ufe63 \uff0d", "well-known - - - - -"),
        ("\u201cMill\u201d \u00abMill\u00bb \uff02Mill\uff02", '"mill" "mill" "mill"'),
        ("José JOSE\u0301 Søren Łódź Æsir Straße İstanbul ısı", "jose jose soren lodz aesir strasse istanbul isi"),
        ("ＡＲＤＥＮ　ﬁne ①", "arden fine 1"),
        ("wil\u00adlow ar\u200bden\u200d \ufeff2\ufe0f\u20e3 \u2066x\u2069 a\u034fb", "willow arden 2 x ab"),
        ("  a\u00a0b\u2009c\td\r\ne\x0bf\x00g\u2028", "a b c d e f g"),
        ("がぎ 각 हिन्दी", "がぎ 각 हिन्दी"),  # voicing, syllables and vowel signs are letters, not accents
        ("\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u0627 שָׁלוֹם", "\u0645\u0631\u062d\u0628\u0627 שלום"),
    ],
)
def test_text_folds_to_the_same_however_it_was_written(written: str, folded: str) -> None:
    assert plain_text.fold_text(written) == folded


def test_folded_text_has_no_case_and_does_not_change_when_folded_again() -> None:
    for start in (*range(0, 0x20000, 0x100), 0xE0000, 0xE0100):
        folded = plain_text.fold_text(" ".join(f"a{chr(code)}b" for code in range(start, start + 0x100)))
        assert folded == plain_text.fold_text(folded), hex(start)
        assert folded == folded.casefold(), hex(start)
    assert plain_text.fold_text("\ud800") == ""

"""Matching words with texts: against a plain oracle, and the examples that the desk promises."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plain_text import fold_text
from tips.desk.search import matching

ALPHABET = "abeg17 -'.\"\n\u2019\u00e9\u00c9\u00df\u0130\u0436\u0416\ufb01\u200b\u00a0\u0939\u093f\uff17\U0001f52b"


def is_compared(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" or unicodedata.category(character) == "So"


def occurs(piece: str, text: str) -> bool:
    """Say the rule as plainly as possible: try each place of the folded text, letter by letter."""
    wanted = [(character, is_compared(character)) for character in piece]
    letters = [character for character, compared in wanted if compared]
    has_digit = any(letter.isdigit() for letter in letters)
    for start in range(len(text)):
        at, spaces_allowed = start, False
        remaining = list(wanted)
        while remaining and not remaining[0][1]:
            remaining.pop(0)
        is_first = True
        while remaining:
            character, compared = remaining[0]
            if not compared:
                spaces_allowed = True
                remaining.pop(0)
                continue
            while not is_first and at < len(text) and not is_compared(text[at]):
                if text[at] == " " and not (spaces_allowed or has_digit):
                    break
                at += 1
            if at >= len(text) or text[at] != character:
                break
            at, spaces_allowed, is_first = at + 1, False, False
            remaining.pop(0)
        if not any(compared for _, compared in remaining):
            return True
    return False


def oracle(words: str, texts: list[str]) -> bool:
    folded = fold_text(words)
    pieces, rest = [], folded
    while '"' in rest:
        before, _, after = rest.partition('"')
        if '"' not in after or (before and not before.endswith(" ")):
            break
        phrase, _, rest = after.partition('"')
        pieces += [*before.split(), phrase]
    pieces += rest.split()
    pieces = [piece for piece in pieces if any(map(is_compared, piece))]
    return all(any(occurs(piece, fold_text(text)) for text in texts) for piece in pieces)


@settings(max_examples=300)
@given(
    words=st.text(ALPHABET, min_size=1, max_size=8),
    texts=st.lists(st.text(ALPHABET, max_size=24), min_size=1, max_size=3),
    cut=st.tuples(st.integers(0, 20), st.integers(1, 6)),
)
def test_all_that_the_plain_rule_finds_is_found_and_nothing_else(
    words: str, texts: list[str], cut: tuple[int, int]
) -> None:
    part = texts[0][cut[0] : cut[0] + cut[1]]
    spelled_otherwise = (part.replace(" ", "-"), f'"{part}"', "".join(part.split()), "-".join(part))
    for asked in (words, part, *spelled_otherwise):
        terms = matching.parse_words(asked)
        assert matching.matches(terms, matching.prepare_texts(texts)) == oracle(asked, texts), (asked, terms)


@settings(max_examples=300)
@given(words=st.text("ab1 -", min_size=1, max_size=5), text=st.text("ab1 -", min_size=3, max_size=12))
def test_spaces_and_signs_count_as_the_plain_rule_says(words: str, text: str) -> None:
    """Few letters, so that most examples are near a match."""
    for asked in (words, f'"{words}"'):
        assert matching.matches(matching.parse_words(asked), matching.prepare_texts([text])) == oracle(asked, [text])


@pytest.mark.parametrize(
    ("words", "text", "is_found"),
    [
        ("7KT", "plate 7 kt 44", True),
        ("7KT", "plate 7-KT", True),
        ("7ABC-123", "7abc 123", True),
        ("7abc 123", "7ABC\u2013123", True),
        ("c12", "7ABC\u00b7123", True),
        ("van", "a CARAVAN", True),
        ("bun", "the cab under it", False),
        ("obrien", "Sgt. O\u2019Brien", True),
        ("anti-gun", "an anti gun march", True),
        ("anti-gun", "antigun", True),
        ("blue van", "a van, dark blue", True),
        ('"blue van"', "a van, dark blue", False),
        ('"blue van"', "a blue\nvan", True),
        ("jose", "Jos\u00e9", True),
        (".*", "anything", True),  # no letters: parse_words() returns no term
        ("(a+)+$", "aaa", True),
        ("\u7070\u8272", "\u4e00\u8f86\u7070\u8272\u8f7f\u8f66", True),
    ],
)
def test_the_examples_of_the_desk(words: str, text: str, is_found: bool) -> None:
    assert matching.matches(matching.parse_words(words), matching.prepare_texts([text])) is is_found


def test_a_word_does_not_match_across_two_texts() -> None:
    texts = matching.prepare_texts(["ends with 7", "KT begins"])
    assert not matching.matches(matching.parse_words("7kt"), texts)


def test_words_without_letters_make_no_term() -> None:
    assert matching.parse_words(' .* "-" ') == ()


def test_an_excerpt_marks_the_match_as_the_source_wrote_it() -> None:
    text = "Long before. " * 20 + "Plate 7\u2013KT 44 of Jos\u00e9\u2019s van" + " and after" * 30
    pieces = matching.mark_matches(matching.parse_words("7kt44 jose"), text)
    assert [piece.text for piece in pieces if piece.is_match] == ["7\u2013KT 44", "Jos\u00e9"]
    assert len("".join(piece.text for piece in pieces)) < 200
    assert matching.mark_matches(matching.parse_words("absent"), text) == []

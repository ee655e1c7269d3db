from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tips import receipts

RECEIPT = "amber kettle violin harvest otter maple zebra"


def of_the_list(*positions: int) -> str:
    return receipts.spell_receipt(positions)


def test_the_word_list_is_the_effs() -> None:
    assert len(receipts.load_words()) == len(set(receipts.load_words())) == 7776
    assert receipts.load_words()[0] == "abacus"
    assert receipts.load_words()[-1] == "zoom"


def test_a_receipt_has_seven_words() -> None:
    assert len(receipts.spell_receipt(receipts.draw_positions()).split(" ")) == 7


@given(st.lists(st.integers(0, 7775), min_size=7, max_size=7))
def test_a_displayed_receipt_is_parsed(positions: list[int]) -> None:
    receipt = receipts.spell_receipt(positions)
    assert receipts.parse_receipt(receipt) == receipt


@pytest.mark.parametrize("separator", [" ", "  ", "-", ", ", ",", "\n", "\t", " \u2013 ", "."])
def test_any_separator_and_case_is_accepted(separator: str) -> None:
    receipt = of_the_list(0, 1, 2, 7748, 7775, 2009, 6640)
    assert receipts.parse_receipt("  " + receipt.upper().replace(" ", separator) + " ") == receipt


def test_one_typo_per_word_is_corrected() -> None:
    receipt = of_the_list(10, 3000, 4000, 5000, 6000, 7000, 7748)
    for slipped in ("swap", "drop", "add", "change"):
        words = receipt.split(" ")
        words[1] = slip(words[1], slipped)
        assert receipts.parse_receipt(" ".join(words)) == receipt, (slipped, words[1])


def slip(word: str, kind: str) -> str:
    return {
        "swap": word[:2] + word[3] + word[2] + word[4:],
        "drop": word[:2] + word[3:],
        "add": word[:2] + "q" + word[2:],
        "change": word[:2] + "q" + word[3:],
    }[kind]


def test_an_ambiguous_typo_gets_suggestions() -> None:
    near = next(
        (word, other)
        for word in receipts.load_words()
        for other in receipts.load_words()
        if word != other and len(word) == len(other) == 5 and word[1:] == other[1:]
    )
    typed = "q" + near[0][1:]
    with pytest.raises(receipts.UnknownWordsError) as caught:
        receipts.parse_receipt(" ".join([typed, *RECEIPT.split()[1:]]))
    assert list(caught.value.suggestions) == [typed]
    assert set(near) <= set(caught.value.suggestions[typed]) or len(caught.value.suggestions[typed]) == 3


def test_every_word_with_a_slip_gets_suggestions_at_once() -> None:
    with pytest.raises(receipts.UnknownWordsError) as caught:
        receipts.parse_receipt("wllww zoom abbbacuss unpadded qqqqqq cactus zoom")
    assert [*caught.value.suggestions] == ["wllww", "abbbacuss", "qqqqqq"]
    assert [words[:1] for words in caught.value.suggestions.values()] == [["willow"], ["abacus"], []]


@pytest.mark.parametrize(
    ("typed", "word_count"), [("", 0), ("abacus abdomen", 2), ("abacus " * 8, 8), ("\x00\ufffd 123", 0)]
)
def test_a_wrong_number_of_words_is_refused(typed: str, word_count: int) -> None:
    with pytest.raises(receipts.WordCountError) as caught:
        receipts.parse_receipt(typed)
    assert caught.value.word_count == word_count


MEANT = "willow zoom abacus unpadded yo-yo cactus wildfire"


@pytest.mark.parametrize(
    "typed",
    [
        "willow zóom abacus unpàdded yo-yo cactus wíldfire",  # autocorrected accents
        "Willow–Zoom—Abacus−Unpadded Yo‑Yo Cactus·Wildfire",  # any dash
        "WillowZoomAbacusUnpaddedYo-YoCactusWildfire",
        "ｗｉｌｌｏｗ　ｚｏｏｍ　ａｂａｃｕｓ　ｕｎｐａｄｄｅｄ　ｙｏ－ｙｏ　ｃａｃｔｕｓ　ｗｉｌｄｆｉｒｅ",  # full width
        "wil\u200dlow zo\u00adom aba\u2060cus unpadded yo-yo cactus\ufeff wildfire\u200b",
        "1. willow\n2. zoom\n3. abacus\n4. unpadded\n5. yo-yo\n6. cactus\n7. wildfire\n",
        "1) willow 2) zoom 3) abacus 4) unpadded 5) yo-yo 6) cactus 7) wildfire",
        "“willow, zoom, abacus, unpadded, yo-yo, cactus, wildfire.”",
        "willow\u2003zoom\u00a0abacus\u2028unpadded\u3000yo-yo\tcactus\r\nwildfire",
        "willow zoomabacus unpadded yo-yo cactus wildfire",
        "WILLOW ZOOM ABACUS UNPADDED YO-YO CACTUS WILDFİRE",  # as Turkish phones write capitals
        "willow zoom abaccus unpadded yo-yo cactus wildfire",
    ],
)
def test_a_receipt_is_the_words_meant_however_it_is_written(typed: str) -> None:
    assert receipts.parse_receipt(typed) == MEANT


@pytest.mark.parametrize(
    "typed",
    [
        "willowzoomabaccusunpaddedcactuswildfirezoom",
        "will ow zoom aba cus unpadded cactus wild fire zoom",
        "willow\u200bzoom\u200babacus\u200bunpadded\u200bcactus\u200bwildfire\u200bzoom",
    ],
)
def test_spaces_may_be_anywhere_or_missing_and_a_slip_is_forgiven(typed: str) -> None:
    assert receipts.parse_receipt(typed) == "willow zoom abacus unpadded cactus wildfire zoom"


def test_every_word_is_read_without_spaces() -> None:
    words = [word for word in receipts.load_words() if word != "yo-yo"]  # without its hyphen it is "yoyo"
    for start in range(0, len(words) - 7, 7):
        seven = words[start : start + 7]
        assert receipts.parse_receipt("".join(seven)) == " ".join(seven)


@pytest.mark.parametrize(
    ("typed", "nearest"), [("wllww", "willow"), ("abbbacuss", "abacus"), ("wildfyier", "wildfire")]
)
def test_an_unknown_word_suggests_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(receipts.UnknownWordsError) as caught:
        receipts.parse_receipt(f"{typed} zoom abacus unpadded yo-yo cactus zoom")
    assert caught.value.suggestions[typed][0] == nearest


@given(st.text(max_size=2000))
def test_any_text_is_parsed_or_refused(typed: str) -> None:
    with suppress(receipts.ReceiptError):
        assert len(receipts.parse_receipt(typed).split()) == 7


def test_each_receipt_derives_its_own_secret() -> None:
    one = of_the_list(1, 2, 3, 4, 5, 6, 7)
    other = of_the_list(1, 2, 3, 4, 5, 6, 8)
    assert receipts.stretch_receipt(one) == receipts.stretch_receipt(one)
    assert receipts.stretch_receipt(one).token != receipts.stretch_receipt(other).token
    assert receipts.stretch_receipt(one).token != receipts.stretch_receipt(one).seed


def test_a_full_queue_refuses_at_once_and_sixteen_concurrent_requests_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    waiting = threading.Semaphore(0)

    def slow(secret: bytes, salt: bytes) -> str:
        waiting.release()
        release.wait(20)
        return "done"

    monkeypatch.setattr(receipts.vault, "stretch_secret", slow)
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda: done.append(receipts.stretch_receipt(RECEIPT)))
        for _ in range(receipts.QUEUE_LENGTH)
    ]
    for thread in threads:
        thread.start()
    for _ in range(receipts.MAX_CONCURRENT):
        assert waiting.acquire(timeout=120)
    full = False
    while not full:  # the others reach the line within moments; each probe itself leaves it again only when refused
        full = receipts.is_queue_full()
    with pytest.raises(receipts.ReceiptQueueFullError):
        receipts.stretch_receipt(RECEIPT)
    release.set()
    for thread in threads:
        thread.join(20)
    assert done == ["done"] * receipts.QUEUE_LENGTH
    assert receipts.QUEUE_LENGTH >= 16


def test_sign_ins_always_leave_room_for_a_tip(monkeypatch: pytest.MonkeyPatch) -> None:
    release, started = threading.Event(), threading.Semaphore(0)

    def slow(secret: bytes, salt: bytes) -> str:
        started.release()
        if secret == b"guess":
            release.wait(20)
        return "done"

    monkeypatch.setattr(receipts.vault, "stretch_secret", slow)
    guesses = [
        threading.Thread(target=receipts.stretch_for_sign_in, args=["guess"]) for _ in range(receipts.QUEUE_LENGTH)
    ]
    for guess in guesses:
        guess.start()
    assert started.acquire(timeout=120)
    assert receipts.stretch_receipt(RECEIPT) == "done"
    assert not release.is_set()
    release.set()
    for guess in guesses:
        guess.join(20)


def test_the_word_list_has_its_license() -> None:
    assert "EFF" in (Path(receipts.WORD_LIST).parent / "README.md").read_text()

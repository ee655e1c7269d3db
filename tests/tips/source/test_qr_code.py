"""The QR code of a receipt is the one that segno draws."""

from __future__ import annotations

import re

from tips import receipts
from tips.source import qr_code


def modules_of(drawing: str) -> int:
    """Return the modules of a drawing in the form of qr_code.encode."""
    rows = [["0"] * 37 for _ in range(37)]
    column = row = -4
    for command, across, down in re.findall(r"([Mhm])(-?\d+)(?: (\d+))?", drawing.split('stroke="#000" d="')[1]):
        for offset in range(int(across) if command == "h" else 0):
            rows[row][column + offset] = "1"
        column, row = column + int(across), row + int(down or 0)
    return int("".join("".join(row) for row in rows), 2)


def test_a_code_put_together_from_its_bits_is_the_one_that_segno_draws() -> None:
    for _ in range(50):
        receipt = receipts.spell_receipt(receipts.draw_positions())
        expected = qr_code.encode(receipt.ljust(qr_code.TEXT_BYTES))
        assert modules_of(qr_code.draw(receipt)) == expected


def test_the_longest_and_hyphenated_receipts_are_drawn_whole() -> None:
    words = receipts.load_words()
    longest = sorted(words, key=len)[-receipts.WORD_COUNT :]
    hyphenated = [word for word in words if "-" in word][: receipts.WORD_COUNT]
    for receipt in (" ".join(longest), " ".join(hyphenated), " ".join([*longest[1:], hyphenated[0]])):
        assert modules_of(qr_code.draw(receipt)) == qr_code.encode(receipt.ljust(qr_code.TEXT_BYTES))


def test_the_spaces_that_fill_a_code_up_do_not_keep_its_words_from_being_read() -> None:
    receipt = receipts.spell_receipt(receipts.draw_positions())
    assert receipts.parse_receipt(receipt.ljust(qr_code.TEXT_BYTES)) == receipt

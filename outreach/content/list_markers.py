"""The markers of pasted lists in Markdown, so that each item keeps the number or letter that the text may refer to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LETTER_STYLES = {"a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_STYLE = re.compile(r"list-style-type:\s*([-\w]+)")
_ROMAN = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MAX_NUMBER = 999_999


@dataclass(slots=True)
class _OpenList:
    is_numbered: bool
    style: str
    number: int  # of the next item
    width: int = 0  # of the last item's marker: nested items are indented by it


class ListMarkers:
    """The lists that are open, the innermost last.

    Markdown counts by itself from the first item's number. Where a number does not follow the one before, another sign after
    it, "." or ")", begins a new list.
    """

    def __init__(self) -> None:
        self._lists: list[_OpenList] = []
        self._last: dict[int, tuple[int, str]] = {}  # by depth: number of the last item and the sign after it

    def open_list(self, tag: str, attributes: Mapping[str, str]) -> None:
        style = _LETTER_STYLES.get(attributes.get("type", ""), "") or _style_of(attributes)
        self._lists.append(_OpenList(tag == "ol", style, _parse_number(attributes.get("start", ""), 1)))

    def close_list(self) -> None:
        if self._lists:
            self._lists.pop()

    def next_marker(self, attributes: Mapping[str, str], *, follows_item: bool) -> str:
        """Return the marker of the next item, indented. `follows_item`: the block before it is an item, too."""
        if not self._lists:
            return "- "
        innermost = self._lists[-1]
        number = _parse_number(attributes.get("value", ""), innermost.number)
        innermost.number = number + 1
        indent = " " * sum(each.width for each in self._lists[:-1])
        style = _style_of(attributes) or innermost.style
        if not innermost.is_numbered:
            self._forget_deeper(len(self._lists) - 1)
            marker = "- "
        elif letters := _format_letters(number, style):
            marker = f"- {letters}) "
        else:
            marker = self.number_marker(str(number), follows_item=follows_item)
        innermost.width = 2 if marker.startswith(("- ", "+ ")) else len(marker)
        return indent + marker

    def number_marker(self, number: str, *, follows_item: bool) -> str:
        """Return the marker for a number or letter that is written out, as in "3." or "a)"."""
        if not number.isdecimal():
            return f"- {number}) "
        depth = len(self._lists)
        last_number, sign = self._last.get(depth, (0, ".")) if follows_item else (int(number) - 1, ".")
        if int(number) != last_number + 1:
            sign = ")" if sign == "." else "."
        self._forget_deeper(depth)
        self._last[depth] = int(number), sign
        return f"{number}{sign} "

    def _forget_deeper(self, depth: int) -> None:
        self._last = {each: last for each, last in self._last.items() if each <= depth}


def _style_of(attributes: Mapping[str, str]) -> str:
    match = _STYLE.search(attributes.get("style", ""))
    return match[1] if match else ""


def _parse_number(text: str, default: int) -> int:
    return min(int(text), _MAX_NUMBER) if text.isdecimal() else default


def _format_letters(number: int, style: str) -> str:
    """Return the letter or Roman number of a style, or an empty string for a style of digits."""
    upper = style.startswith("upper")
    if style.endswith(("-alpha", "-latin")) and 1 <= number <= 26:
        letters = chr(ord("a") + number - 1)
    elif style.endswith("-roman") and 1 <= number <= 100:
        letters, rest = "", number
        for value, numeral in _ROMAN:
            letters += numeral * (rest // value)
            rest %= value
    else:
        return ""
    return letters.upper() if upper else letters

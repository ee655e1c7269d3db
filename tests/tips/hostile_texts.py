"""Texts that a hostile source may write: each must stay text wherever officers meet it."""

from __future__ import annotations

import re

from core.plain_text import clean_typed_text

TEXTS = {
    "script": "<script>alert(1)</script></textarea><img src=x onerror=alert(2)>",
    "template": "{{ 7|add:7 }} {% load static %} ${7*7} %(number)s {count} %s",
    "formula": '=HYPERLINK("http://evil.example","Pay")\n+1\n-1\n@SUM(A1)',
    "mail headers": "Urgent\r\nBcc: everyone@evil.example\r\n\r\n<b>Call me</b>",
    "bidi": "gun \u202eecilop\u2066 end",
    "controls": "bell\x07 escape\x1b[31m null\x00 end",
    "zalgo": "Z" + "\u0335\u0321\u0322\u0327" * 200 + "algo",
    "homoglyphs": "p\u0430ypal \u0455ource",
    "invisible": "a\u200b\u2060\U000e0041b",
    "right to left": "\u0631\u0623\u064a\u062a \u0633\u064a\u0627\u0631\u0629 \u0628\u064a\u0636\u0627\u0621 (7ABC-123)",
    "one word": "W" * 9_000,
}
ACTIVE = re.compile(r"<script>alert|<img src=x|[\u202a-\u202e\u2066-\u2069\x00\x07\x1b]")


def clean(text: str) -> str:
    """Return a text of staff as it is stored: cleaned, without spaces around it."""
    return clean_typed_text(text).strip()

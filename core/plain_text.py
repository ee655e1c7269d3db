"""Remove, replace or show characters that do something to a reader's screen instead of being read.

Control characters can make a terminal, a printer or an export act. The embedding, override and isolate controls of
right-to-left text can show an officer something else than the text says ("Trojan Source", CVE-2021-42574). Each function
below serves one kind of text: what people type, what staff publish, what officers read, and what goes into XML.
"""

from __future__ import annotations

import re

# Pieces of character classes. C0 keeps tab and line feed.
_C0_AND_C1 = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
_BYTE_ORDER_MARK = "\ufeff"
_NONCHARACTERS = "\ufffe\uffff"
_SURROGATES = "\ud800-\udfff"
_ANNOTATIONS_AND_TAGS = "\ufff9-\ufffb\U000e0000-\U000e007f"
# The plain marks of direction, and zero-width characters that join nothing (U+200C and U+200D do join).
_DIRECTION_MARKS = "\u200e\u200f"
_ZERO_WIDTH = "\u200b\u2060-\u2065\u206a-\u206f"

_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_TYPED = re.compile(f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_SURROGATES}{_NONCHARACTERS}]")
_PUBLISHED = re.compile(
    f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_NONCHARACTERS}"
    f"{_DIRECTION_MARKS}{_ZERO_WIDTH}{_ANNOTATIONS_AND_TAGS}]"
)
_STEERING = re.compile(f"[{_C0_AND_C1}{_BIDI_CONTROLS}{_BYTE_ORDER_MARK}{_ANNOTATIONS_AND_TAGS}]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean_typed_text(text: str) -> str:
    """Return `text` with "\\n" as its only line end and without control characters; never longer than before.

    For what residents and officers type, before anything else sees it. Direction marks (U+200E, U+200F) and joiners stay:
    Persian and Hebrew need them, and pages isolate every text with <bdi> or dir="auto".
    """
    return _TYPED.sub("", _LINE_ENDS.sub("\n", text))


def clean_published_text(text: str) -> str:
    """Return `text` with "\\n" for CR and CRLF, without control characters and without anything invisible but joiners.

    For stories, events and guides, which go into pages, feeds and calendars.
    """
    return _PUBLISHED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def show_steering(text: str) -> str:
    """Return `text` with each steering character written out, as [U+202E]; escaping is the template's.

    For what officers read: tips are cleaned on arrival, but text that was sealed by other means must not be able to show an
    officer something else than it says.
    """
    return _STEERING.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.replace("\r\n", "\n"))


def replace_non_xml(text: str) -> str:
    """Return `text` with a space for each character that XML 1.0 cannot hold (its production 2, Char)."""
    return _NOT_IN_XML.sub(" ", text)

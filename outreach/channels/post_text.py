"""The text of a post as its channel reads it: its length in the channel's own count, its links and hashtags."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

import regex

_LINK = regex.compile(r"https?://\S+")
_AFTER_LINK = ".,;:!?'\"”’»…)]}"  # ends a sentence and no link
_HASHTAG = regex.compile(r"(?<![\w&/])#(?=\w*[^\W\d])\w+")
_GRAPHEME = regex.compile(r"\X")
_MASTODON_LINK_CHARACTERS = 23  # Mastodon counts each link as this many, whatever its length
_MAX_BLUESKY_BYTES = 3000  # beside the limit of graphemes (lexicon app.bsky.feed.post)


def find_links(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each link, without the punctuation that follows it."""
    for match in _LINK.finditer(text):
        start, end = match.span()
        while text[end - 1] in _AFTER_LINK and not _closes_bracket(text[start:end]):
            end -= 1
        yield start, end


def _closes_bracket(link: str) -> bool:
    return link.endswith(")") and link.count("(") >= link.count(")")


def count_characters(text: str, kind: str) -> int:
    """Count characters as the channel does: `kind` is a key of outreach.channels.transport.KINDS.

    Mastodon and Bluesky count what a reader sees as one, so a family or a flag is one character. The others don't say;
    UTF-16 code units are the most that any of them can count.
    """
    if kind == "mastodon":
        for start, end in reversed(list(find_links(text))):
            text = text[:start] + "x" * _MASTODON_LINK_CHARACTERS + text[end:]
    if kind in ("mastodon", "bluesky"):
        return sum(1 for _grapheme in _GRAPHEME.finditer(text))
    return len(text.encode("utf-16-le")) // 2


def fits(text: str, kind: str, max_characters: int) -> bool:
    return count_characters(text, kind) <= max_characters and not (
        kind == "bluesky" and len(text.encode()) > _MAX_BLUESKY_BYTES
    )


def shorten(text: str, is_short_enough: Callable[[str], bool]) -> str:
    """Return the longest beginning of the text with an ellipsis that is short enough, or an empty string."""
    graphemes = _GRAPHEME.findall(text)

    def begin(length: int) -> str:
        return "".join(graphemes[:length]).rstrip() + "…" if length else ""

    longest = bisect_right(range(1, len(graphemes)), False, key=lambda length: not is_short_enough(begin(length)))
    return begin(longest)


def teams_markdown(text: str) -> str:
    """Return the text in the Markdown of Teams' cards, where a bare link stays text and one line end is a space."""
    markdown, last = "", 0
    for start, end in find_links(text):
        link = text[start:end]
        address = link.replace("(", "%28").replace(")", "%29")
        markdown += f"{_escape_markdown(text[last:start])}[{_escape_markdown(link)}]({address})"
        last = end
    return (markdown + _escape_markdown(text[last:])).replace("\n", "\n\n")


def _escape_markdown(text: str) -> str:
    return str(regex.sub(r"([\\`*_\[\]~])", r"\\\1", text))


def bluesky_facets(text: str) -> list[dict[str, object]]:
    """Return the facets of a Bluesky post, without which its links and hashtags are dead (app.bsky.richtext.facet)."""
    links = [
        (start, end, {"$type": "app.bsky.richtext.facet#link", "uri": text[start:end]})
        for start, end in find_links(text)
    ]
    tags = [
        (match.start(), match.end(), {"$type": "app.bsky.richtext.facet#tag", "tag": match[0][1:]})
        for match in _HASHTAG.finditer(text)
        if not any(start <= match.start() < end for start, end, _feature in links)
    ]
    # Positions are bytes of the text in UTF-8.
    return [
        {"index": {"byteStart": len(text[:start].encode()), "byteEnd": len(text[:end].encode())}, "features": [feature]}
        for start, end, feature in sorted(links + tags, key=lambda facet: facet[0])
    ]

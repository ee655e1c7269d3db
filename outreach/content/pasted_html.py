"""HTML from the clipboard becomes Markdown: what a word processor or a web page puts there, without its clothes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3
from django.utils.translation import gettext as _

from core.plain_text import clean_published_text
from outreach.content import markdown as rendering

# A page from Word has some 40,000 characters and 500 tags, and a story a few pages.
_LONGEST, _MOST_TAGS, _LONGEST_BARE = 1_500_000, 10_000, 200_000
_SILENT = {"script", "style", "head", "title", "xml", "noscript", "iframe", "object", "svg", "math", "template"}
_BLOCKS = {
    "p",
    "div",
    "section",
    "article",
    "table",
    "tr",
    "ul",
    "ol",
    "pre",
    "figure",
    "header",
    "footer",
    "body",
    "html",
}
_HEADINGS = {f"h{level}" for level in range(1, 7)}
_KEPT = {
    *_BLOCKS,
    *_HEADINGS,
    "li",
    "blockquote",
    "td",
    "th",
    "br",
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
}
_KEPT_ATTRIBUTES = {"a": {"href"}, "b": {"style"}, "p": {"class", "style"}}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "strike": "~~", "del": "~~"}
_SCHEMES = {"http", "https", "mailto", "tel"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>~])")
_BULLET = re.compile(r"^\s*(?:[·•○▪◦‣\uf0a7\uf0b7§]|o(?=\s{2,}|\u00a0))[\s\u00a0]*")
_NUMBER = re.compile(r"^\s*(\d{1,3}|[a-z])[.)][\s\u00a0]+")


def markdown(html: str) -> str:
    """Markdown of pasted HTML: headings, paragraphs, lists, links, bold and italic, tables.

    Raises rendering.TooMuchError for what is larger than any text.
    """
    too_much = rendering.TooMuchError(_("That is too much to paste at once. Paste it in parts."))
    if html.count("<") > _MOST_TAGS or len(html) > _LONGEST:
        raise too_much
    reader = _Reader()
    bare = nh3.clean(
        html, tags=_KEPT, clean_content_tags=_SILENT, attributes=_KEPT_ATTRIBUTES, link_rel=None, url_schemes=_SCHEMES
    )
    if len(bare) > _LONGEST_BARE:
        raise too_much
    reader.feed(bare)
    reader.close()
    reader.end_block()
    return clean_published_text(_joined(reader.blocks))


def _joined(blocks: list[tuple[str, str]]) -> str:
    """Blocks with an empty line between, items of one list and rows of one table without."""
    text, before = "", ""
    for kind, block in blocks:
        text += ("\n" if kind == before and kind in ("item", "row") else "\n\n" if text else "") + block
        before = kind
    return text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._lists: list[list[int]] = []  # of each open list: its next number; 0 for bullets
        self._start = ("", "paragraph")  # what the block under way begins with, and its kind
        self._links: list[str] = []
        self._quotes = 0
        self._cells: list[str] | None = None
        self._rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _MARKS:
            # Some wrap everything in <b style="font-weight:normal">.
            if not re.search(r"(?<![-\w])font-weight:\s*normal", given.get("style", "")):
                self._text.append(f"\x00{_MARKS[tag]}")
        elif tag == "a":
            self._links.append(given.get("href", ""))
            self._text.append("\x00[")
        elif tag == "br":
            self._text.append("\n")
        elif tag in ("td", "th"):
            self._begin_cell()
        else:
            self._begin_block(tag, given)

    def _begin_block(self, tag: str, given: dict[str, str]) -> None:
        if self._cells is not None and tag != "tr":
            self._text.append(" ")
            return
        if tag in _HEADINGS:
            self.end_block()
            self._start = (f"{'#' * max(2, int(tag[1]))} ", "heading")
        elif tag in ("ul", "ol"):
            self.end_block()
            self._lists.append([1 if tag == "ol" else 0])
        elif tag == "li":
            self.end_block()
            self._start = (self._item(), "item")
        elif tag == "blockquote":
            self.end_block()
            self._quotes += 1
        elif tag == "table":
            self.end_block()
            self._rows = 0
        elif tag == "tr":
            self.end_block()
            self._cells = []
        elif tag in _BLOCKS and self._start[1] != "item":
            self.end_block()
            if re.search(r"MsoList|mso-list", f"{given.get('class', '')} {given.get('style', '')}"):
                self._start = ("", "word item")

    def _item(self) -> str:
        indent = "   " * max(0, len(self._lists) - 1)
        if not self._lists or not self._lists[-1][0]:
            return f"{indent}- "
        self._lists[-1][0] += 1
        return f"{indent}{self._lists[-1][0] - 1}. "

    def handle_endtag(self, tag: str) -> None:
        if tag in _MARKS:
            self._text.append(f"\x01{_MARKS[tag]}")
        elif tag == "a" and self._links:
            self._text.append(f"\x01]{self._links.pop()}\x02")
        elif tag in ("td", "th") and self._cells is not None:
            self._begin_cell()
        elif tag == "tr":
            self._end_row()
        elif self._cells is None:
            self._end(tag)

    def _end(self, tag: str) -> None:
        if tag in _BLOCKS or tag in ("li", "blockquote") or tag in _HEADINGS:
            self.end_block()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)

    def handle_data(self, data: str) -> None:
        self._text.append(_SPECIAL.sub(r"\\\1", re.sub(r"[\x00\x01\x02]", "", data).replace("\n", " ")))

    def _begin_cell(self) -> None:
        if self._cells is None:
            self._cells = []
        if content := self._inline().replace("\n", " ").replace("|", "\\|"):
            self._cells.append(content)

    def _end_row(self) -> None:
        self._begin_cell()
        cells, self._cells = self._cells or [], None
        if cells:
            self.blocks.append(("row", f"| {' | '.join(cells)} |"))
            if not self._rows:
                self.blocks.append(("row", f"|{' --- |' * len(cells)}"))
            self._rows += 1

    def end_block(self) -> None:
        content, (start, kind) = self._inline(), self._start
        self._start = ("", "paragraph")
        if kind == "word item":
            number = _NUMBER.match(content)
            start = f"{number[1]}. " if number and number[1].isdigit() else "- "
            content, kind = _NUMBER.sub("", _BULLET.sub("", content), count=1), "item"
        elif kind == "paragraph" and _BULLET.match(content):
            start, content, kind = "- ", _BULLET.sub("", content), "item"
        if not content:
            return
        if kind == "paragraph":
            content = re.sub(r"^(#{1,6} |[-+] |\d+[.)] )", r"\\\1", content)
        quote = "> " * min(self._quotes, 3)
        lines = (start + content.replace("\n", "\\\n")).split("\n")
        self.blocks.append((kind, "\n".join(quote + line for line in lines)))

    def _inline(self) -> str:
        """The text gathered so far, its marks set tight around words."""
        text = re.sub(r"[ \t\u00a0]+", " ", "".join(self._text)).replace("\r", "")
        self._text = []
        for mark in ("**", "*", "~~"):
            text = _tight(text, mark)
        text = re.sub(r"\x00\[([^\x00\x01]*)\x01\]([^\x02]*)\x02", _link, text)
        text = re.sub(r"\x01\][^\x02]*\x02|\x00(?:\*\*|\*|~~|\[)|\x01(?:\*\*|\*|~~)|[\x00\x01\x02]", "", text)
        return re.sub(r" ?\n ?", "\n", text).strip()


def _tight(text: str, mark: str) -> str:
    """Begin, words, end -> ** around the words, spaces outside; nothing around nothing."""
    escaped = re.escape(mark)

    def around(found: re.Match[str]) -> str:
        words = found[1]
        bare = words.strip()
        if not bare:
            return words
        before, after = words[: len(words) - len(words.lstrip())], words[len(words.rstrip()) :]
        return f"{before}{mark}{bare}{mark}{after}"

    return re.sub(rf"\x00{escaped}([^\x00\x01]*)\x01{escaped}", around, text)


def _link(found: re.Match[str]) -> str:
    words, address = found[1].strip(), found[2].strip()
    if not words or not re.match(r"(https?://|mailto:|tel:|/|#)", address, re.IGNORECASE):
        return found[1]
    safe = re.sub(r"[\s<>()\\]", lambda letter: f"%{ord(letter[0]):02X}", address)
    return f"[{words}]({safe})"

"""Converts HTML from the clipboard, as word processors and browsers put it there, to Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3
from django.utils.translation import gettext as _

from core.plain_text import clean_published_text
from outreach.content import markdown

# A page from Word has some 40,000 characters and 500 tags, and a story a few pages.
_MAX_CHARACTERS, _MAX_TAGS, _MAX_CLEAN_CHARACTERS = 1_500_000, 10_000, 200_000
_DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "head",
    "title",
    "xml",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "template",
}
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
_ALLOWED_TAGS = {
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
_ALLOWED_ATTRIBUTES = {"a": {"href"}, "b": {"style"}, "p": {"class", "style"}}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "strike": "~~", "del": "~~"}
_SCHEMES = {"http", "https", "mailto", "tel"}
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>~])")
_BULLET = re.compile(r"^\s*(?:[·•○▪◦‣\uf0a7\uf0b7§]|o(?=\s{2,}|\u00a0))[\s\u00a0]*")
_NUMBER = re.compile(r"^\s*(\d{1,3}|[a-z])[.)][\s\u00a0]+")


def convert_to_markdown(html: str) -> str:
    """Convert pasted HTML: headings, paragraphs, lists, links, bold and italic, tables.

    Raises markdown.TextTooComplexError for input larger than any story.
    """
    too_large = markdown.TextTooComplexError(_("That is too much to paste at once. Paste it in parts."))
    if html.count("<") > _MAX_TAGS or len(html) > _MAX_CHARACTERS:
        raise too_large
    writer = _MarkdownWriter()
    sanitized = nh3.clean(
        html,
        tags=_ALLOWED_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ALLOWED_ATTRIBUTES,
        link_rel=None,
        url_schemes=_SCHEMES,
    )
    if len(sanitized) > _MAX_CLEAN_CHARACTERS:
        raise too_large
    writer.feed(sanitized)
    writer.close()
    writer.end_block()
    return clean_published_text(_join_blocks(writer.blocks))


def _join_blocks(blocks: list[tuple[str, str]]) -> str:
    """Join (kind, text) blocks by empty lines; items of one list and rows of one table by a line end alone."""
    text, last_kind = "", ""
    for kind, block in blocks:
        text += ("\n" if kind == last_kind and kind in ("item", "row") else "\n\n" if text else "") + block
        last_kind = kind
    return text


class _MarkdownWriter(HTMLParser):
    """Collects (kind, Markdown) blocks from HTML.

    Marks and links are first written between \\x00, \\x01 and \\x02, which the input cannot contain, and resolved by
    `_take_inline` once the whole block is known.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._lists: list[list[int]] = []  # the next number of each open list; 0 for bullets
        self._start = ("", "paragraph")  # prefix and kind of the present block
        self._links: list[str] = []
        self._quotes = 0
        self._cells: list[str] | None = None
        self._rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in _MARKS:
            # Google Docs wraps everything in <b style="font-weight:normal">.
            if not re.search(r"(?<![-\w])font-weight:\s*normal", attributes.get("style", "")):
                self._text.append(f"\x00{_MARKS[tag]}")
        elif tag == "a":
            self._links.append(attributes.get("href", ""))
            self._text.append("\x00[")
        elif tag == "br":
            self._text.append("\n")
        elif tag in ("td", "th"):
            self._begin_cell()
        else:
            self._begin_block(tag, attributes)

    def _begin_block(self, tag: str, attributes: dict[str, str]) -> None:
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
            self._start = (self._item_prefix(), "item")
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
            if re.search(r"MsoList|mso-list", f"{attributes.get('class', '')} {attributes.get('style', '')}"):
                self._start = ("", "word item")

    def _item_prefix(self) -> str:
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
            self._end_element(tag)

    def _end_element(self, tag: str) -> None:
        if tag in _BLOCKS or tag in ("li", "blockquote") or tag in _HEADINGS:
            self.end_block()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)

    def handle_data(self, data: str) -> None:
        self._text.append(_MARKDOWN_SPECIAL.sub(r"\\\1", re.sub(r"[\x00\x01\x02\n]", " ", data)))

    def _begin_cell(self) -> None:
        if self._cells is None:
            self._cells = []
        if content := self._take_inline().replace("\n", " ").replace("|", "\\|"):
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
        content, (start, kind) = self._take_inline(), self._start
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

    def _take_inline(self) -> str:
        """Return the text gathered so far with its marks tight around words, and begin a new one."""
        text = re.sub(r"[ \t\u00a0]+", " ", "".join(self._text)).replace("\r", "")
        self._text = []
        for mark in ("**", "*", "~~"):
            text = _tighten_marks(text, mark)
        text = re.sub(r"\x00\[([^\x00\x01]*)\x01\]([^\x02]*)\x02", _format_link, text)
        text = re.sub(r"\x01\][^\x02]*\x02|\x00(?:\*\*|\*|~~|\[)|\x01(?:\*\*|\*|~~)|[\x00\x01\x02]", "", text)
        return re.sub(r" ?\n ?", "\n", text).strip()


def _tighten_marks(text: str, mark: str) -> str:
    """Put the mark around the words it encloses, with surrounding spaces outside; drop marks around nothing."""
    escaped = re.escape(mark)

    def put_around(match: re.Match[str]) -> str:
        enclosed = match[1]
        words = enclosed.strip()
        if not words:
            return enclosed
        before, after = enclosed[: len(enclosed) - len(enclosed.lstrip())], enclosed[len(enclosed.rstrip()) :]
        return f"{before}{mark}{words}{mark}{after}"

    return re.sub(rf"\x00{escaped}([^\x00\x01]*)\x01{escaped}", put_around, text)


def _format_link(match: re.Match[str]) -> str:
    words, address = match[1].strip(), match[2].strip()
    if not words or not re.match(r"(https?://|mailto:|tel:|/|#)", address, re.IGNORECASE):
        return match[1]
    safe = re.sub(r"[\s<>()\\]", lambda letter: f"%{ord(letter[0]):02X}", address)
    return f"[{words}]({safe})"

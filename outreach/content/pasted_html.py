"""Converts HTML from the clipboard, as word processors and browsers put it there, to Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3
from django.utils.translation import gettext as _

from core.plain_text import clean_published_text
from outreach.content import markdown
from outreach.content.list_markers import ListMarkers
from outreach.content.pasted_table import PastedTable

# A page from Word has some 40,000 characters and 500 tags, and a story a few pages.
_MAX_CHARACTERS, _MAX_TAGS, _MAX_CLEAN_CHARACTERS = 1_500_000, 10_000, 200_000
_DROPPED_WITH_CONTENT = {
    "script", "style", "head", "title", "xml", "noscript", "iframe", "object", "svg", "math", "template",
}  # fmt: skip
_BLOCKS = {
    "p", "div", "section", "article", "table", "tr", "ul", "ol", "pre", "figure", "header", "footer", "body", "html",
    "address", "aside", "caption", "center", "dd", "details", "dl", "dt", "fieldset", "figcaption", "form", "hr", "legend",
    "main", "nav", "summary",
}  # fmt: skip
_HEADINGS = {f"h{level}" for level in range(1, 7)}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "strike": "~~", "del": "~~"}
_ALLOWED_TAGS = {*_BLOCKS, *_HEADINGS, *_MARKS, "li", "blockquote", "td", "th", "br", "a", "span", "sup", "sub", "q"}
_ALLOWED_ATTRIBUTES = {
    "a": {"href"},
    "b": {"style"},
    "span": {"style"},
    "p": {"class", "style"},
    "ol": {"start", "type", "style"},
    "li": {"value", "style"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
# Emphasis as Google Docs, Pages and browsers write it
_STYLE_MARKS = (
    ("**", re.compile(r"(?<![-\w])font-weight:\s*(?:bold|[6-9]00)")),
    ("*", re.compile(r"(?<![-\w])font-style:\s*italic")),
    ("~~", re.compile(r"text-decoration[-\w]*:[^;]*line-through")),
)
# Marks in the gathered text: \x00 begins, \x01 and \x02 end; \x03 to \x06 are around raised and lowered text.
_INTERNAL = re.compile(r"[\x00-\x06]")
_RAISED, _LOWERED = re.compile("\x03([^\x04]*)\x04"), re.compile("\x05([^\x06]*)\x06")
_SUPERSCRIPTS = str.maketrans("0123456789+-\u2212=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_SUBSCRIPTS = str.maketrans("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SCHEMES = {"http", "https", "mailto", "tel"}
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>~])")
_BULLET = re.compile(r"^\s*(?:[·•○▪◦‣\uf0a7\uf0b7§]|o(?=\s{2,}|\u00a0))[\s\u00a0]*")
_NUMBER = re.compile(r"^\s*(\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})(?:\\?[.)])[\s\u00a0]+")


_LOST_PICTURES = re.compile(r"<(?:img|v:imagedata)\b", re.IGNORECASE)
_LOST_DRAWINGS = re.compile(r"<(?:math|m:oMath|svg|object|embed|iframe|video|audio|canvas)\b", re.IGNORECASE)
_LOST_UNDERLINES = re.compile(r"<u\b|<(?!a\b)\w+\b[^<>]*text-decoration[-\w]*:[^;\"'<>]*underline", re.IGNORECASE)
_MERGED_CELLS = re.compile(r"<t[dh]\b[^<>]*\b(?:col|row)span\s*=\s*[\"']?(?:[2-9]|1\d)", re.IGNORECASE)


def convert_to_markdown(html: str) -> str:
    """Convert pasted HTML: headings, paragraphs, lists with their numbers, links, emphasis, tables with their empty cells.

    Raises markdown.TextTooComplexError for input larger than any story.
    """
    too_large = markdown.TextTooComplexError(_("That's too much to paste at once. Paste it in parts."))
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


def find_losses(html: str) -> list[str]:
    """Return a sentence for each kind of content in pasted HTML that `convert_to_markdown` cannot carry over."""
    sentences = [
        (_LOST_PICTURES, _("Pictures are not pasted. Add them as pictures of their own.")),
        (_LOST_DRAWINGS, _("Formulas, drawings and videos are left out.")),
        (_LOST_UNDERLINES, _("Underlining is left out. Use bold instead.")),
        (_MERGED_CELLS, _("Merged cells of a table are split. Check that each figure is in its column.")),
    ]
    losses = [sentence for pattern, sentence in sentences if pattern.search(html)]
    if re.search(r"<table\b(?:(?!</table\b).)*<table\b", html, re.IGNORECASE | re.DOTALL):
        losses.append(_("A table inside a table became plain text. Check it."))
    return losses


def _join_blocks(blocks: list[tuple[str, str]]) -> str:
    """Join (kind, text) blocks by empty lines; items of one list by a line end alone."""
    text, last_kind = "", ""
    for kind, block in blocks:
        text += ("\n" if kind == last_kind and kind == "item" else "\n\n" if text else "") + block
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
        self._markers = ListMarkers()
        self._start = ("", "paragraph")  # prefix and kind of the present block
        self._links: list[str] = []
        self._span_marks: list[list[str]] = []
        self._quotes = 0
        self._pre = 0
        self._table: PastedTable | None = None
        self._table_depth = 0  # a table within a cell is text of that cell
        self._cell: dict[str, str] | None = None  # attributes of the open cell

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        style = attributes.get("style", "")
        match tag:
            case "a":
                self._links.append(attributes.get("href", ""))
                self._text.append("\x00[")
            case "br":
                self._text.append("\n")
            case "q":
                self._text.append("“")
            case "sup":
                self._text.append("\x03")
            case "sub":
                self._text.append("\x05")
            case "span":
                self._span_marks.append([mark for mark, pattern in _STYLE_MARKS if pattern.search(style)])
                self._text += [f"\x00{mark}" for mark in self._span_marks[-1]]
            case _ if tag in _MARKS:
                # Google Docs wraps everything in <b style="font-weight:normal">.
                if not re.search(r"(?<![-\w])font-weight:\s*normal", style):
                    self._text.append(f"\x00{_MARKS[tag]}")
            case "table" | "tr" | "td" | "th":
                self._begin_table_part(tag, attributes)
            case _ if self._cell is not None:
                self._text.append(" ")
            case _:
                self._begin_block(tag, attributes)

    def _begin_table_part(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table":
            self._table_depth += 1
            if self._table_depth == 1:
                self.end_block()
                self._table = PastedTable()
                return
        if self._table is None or self._table_depth > 1:
            self._text.append(" ")
            return
        self._end_cell()
        if tag == "tr":
            self.end_block()
            self._table.begin_row()
        else:
            self.end_block()
            self._cell = attributes

    def _begin_block(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _HEADINGS:
            self.end_block()
            self._start = (f"{'#' * max(2, int(tag[1]))} ", "heading")
        elif tag in ("ul", "ol"):
            self.end_block()
            self._markers.open_list(tag, attributes)
        elif tag == "li":
            self.end_block()
            self._start = (self._markers.next_marker(attributes, follows_item=self._follows_item()), "item")
        elif tag == "blockquote":
            self.end_block()
            self._quotes += 1
        elif tag == "hr":
            self.end_block()
            self.blocks.append(("rule", "---"))
        elif tag in _BLOCKS and self._start[1] != "item":
            self.end_block()
            self._pre += tag == "pre"
            if re.search(r"MsoList|mso-list", f"{attributes.get('class', '')} {attributes.get('style', '')}"):
                self._start = ("", "word item")

    def _follows_item(self) -> bool:
        return bool(self.blocks) and self.blocks[-1][0] == "item"

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "a" if self._links:
                self._text.append(f"\x01]{self._links.pop()}\x02")
            case "q":
                self._text.append("”")
            case "sup":
                self._text.append("\x04")
            case "sub":
                self._text.append("\x06")
            case "span" if self._span_marks:
                self._text += [f"\x01{mark}" for mark in reversed(self._span_marks.pop())]
            case _ if tag in _MARKS:
                self._text.append(f"\x01{_MARKS[tag]}")
            case "td" | "th" | "tr" if self._table_depth == 1:
                self._end_cell()
            case "table":
                self._end_table()
            case _ if self._cell is not None:
                self._text.append(" ")
            case _:
                self._end_element(tag)

    def _end_element(self, tag: str) -> None:
        if tag in _BLOCKS or tag in ("li", "blockquote") or tag in _HEADINGS:
            self.end_block()
        if tag in ("ul", "ol"):
            self._markers.close_list()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        if tag == "pre":
            self._pre = max(0, self._pre - 1)

    def handle_data(self, data: str) -> None:
        data = _MARKDOWN_SPECIAL.sub(r"\\\1", _INTERNAL.sub(" ", data))
        self._text.append(data if self._pre else data.replace("\n", " "))

    def _end_cell(self) -> None:
        if self._cell is None or self._table is None:
            return
        content = self._take_inline().replace("\n", " ").replace("|", "\\|")
        self._table.add_cell(content, self._cell.get("colspan", ""), self._cell.get("rowspan", ""))
        self._cell = None

    def _end_table(self) -> None:
        self._table_depth = max(0, self._table_depth - 1)
        if self._table_depth or self._table is None:
            self._text.append(" ")
            return
        self._end_cell()
        self.end_block()
        if content := self._table.markdown():
            self._add_block("table", content)
        self._table = None

    def end_block(self) -> None:
        content, (start, kind) = self._take_inline(), self._start
        self._start = ("", "paragraph")
        number = _NUMBER.match(content)
        if kind == "word item" and number:
            marker = self._markers.number_marker(number[1], follows_item=self._follows_item())
            start, content, kind = marker, content[number.end() :], "item"
        elif kind == "word item" or (kind == "paragraph" and _BULLET.match(content)):
            start, content, kind = "- ", _BULLET.sub("", content), "item"
        if not content:
            return
        if kind in ("paragraph", "item"):
            content = re.sub(r"^(#{1,6} |[-+] |(\d+)([.)] ))", _escape_start, content)
        if kind == "heading":
            content = content.replace("**", "")
        self._add_block(kind, start + content.replace("\n", "\\\n"))

    def _add_block(self, kind: str, content: str) -> None:
        quote = "> " * min(self._quotes, 3)
        self.blocks.append((kind, "\n".join(quote + line for line in content.split("\n"))))

    def _take_inline(self) -> str:
        """Return the text gathered so far with its marks tight around words, and begin a new one."""
        text = re.sub(r"[ \t\u00a0]+", " ", "".join(self._text)).replace("\r", "")
        self._text = []
        text = _RAISED.sub(lambda match: _translate_all(match[1], _SUPERSCRIPTS), text)
        text = _LOWERED.sub(lambda match: _translate_all(match[1], _SUBSCRIPTS), text)
        text = re.sub(r"\x01(\*\*|\*|~~)(\s*)\x00\1(?!\*)", r"\2", text)  # two neighbors of the same emphasis are one
        for _depth in range(3):  # emphasis within emphasis or around a link
            for mark in ("**", "*", "~~"):
                text = _tighten_marks(text, mark)
            text = re.sub(r"\x00\[([^\x00\x01]*)\x01\]([^\x02]*)\x02", _format_link, text)
        text = re.sub(r"\x01\][^\x02]*\x02|\x00(?:\*\*|\*|~~|\[)|\x01(?:\*\*|\*|~~)|[\x00-\x06]", "", text)
        return re.sub(r" ?\n ?", "\n", text).strip()


def _translate_all(text: str, table: dict[int, int]) -> str:
    """Translate the text if each of its characters can be, so that m² does not become m2, and 1st stays."""
    return text.translate(table) if text and all(ord(letter) in table for letter in text) else text


def _escape_start(match: re.Match[str]) -> str:
    return f"{match[2]}\\{match[3]}" if match[2] else f"\\{match[0]}"


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

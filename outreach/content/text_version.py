"""Markdown as plain text, for calendars and search engines: lists keep their marks, links their addresses."""

from __future__ import annotations

from markdown_it.token import Token

from outreach.content import markdown


def render_text(text: str, base_url: str) -> str:
    """Render Markdown as plain text. `base_url` completes the addresses of our own pages. Raises TextTooComplexError."""
    writer = _TextWriter(base_url)
    for token in markdown.parse(text):
        writer.write(token)
    return writer.text


class _TextWriter:
    """Collects the text of markdown-it's block tokens, in their order."""

    def __init__(self, base_url: str) -> None:
        self.text = ""
        self._base_url = base_url
        self._last_kind = ""
        self._numbers: list[int | None] = []  # of each open list, the number of its next item; None for bullets
        self._marker = ""
        self._cells: list[str] | None = None

    def write(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
                self._last_kind = self._last_kind if self._numbers else ""
            case "list_item_open":
                self._begin_item()
            case "footnote_open":
                self._marker = f"[{_footnote_number(token)}] "
            case "tr_open":
                self._cells = []
            case "tr_close":
                self._add("row", " | ".join(self._cells or []))
                self._cells = None
            case "table_close":
                self._last_kind = ""
            case "inline":
                self._write_inline(token)
            case "fence" | "code_block":
                self._add("paragraph", token.content.rstrip())

    def _begin_item(self) -> None:
        number = self._numbers[-1]
        self._marker = "  " * (len(self._numbers) - 1) + ("- " if number is None else f"{number}. ")
        if number is not None:
            self._numbers[-1] = number + 1

    def _write_inline(self, token: Token) -> None:
        content = _inline_text(token.children or [], self._base_url)
        if self._cells is not None:
            self._cells.append(content)
            return
        self._add("item" if self._numbers else "paragraph", self._marker + content)
        self._marker = ""

    def _add(self, kind: str, content: str) -> None:
        """Append a block after an empty line, or after a line end alone within a list or table."""
        separator = "\n" if kind == self._last_kind and kind in ("item", "row") else "\n\n"
        self.text += (separator if self.text else "") + content
        self._last_kind = kind


def _inline_text(tokens: list[Token], base_url: str) -> str:
    text, link, link_start = "", "", 0
    for token in tokens:
        match token.type:
            case "text" | "code_inline" | "image":
                text += token.content
            case "softbreak":
                text += " "
            case "hardbreak":
                text += "\n"
            case "footnote_ref":
                text += f"[{_footnote_number(token)}]"
            case "link_open":
                link, link_start = str(token.attrGet("href") or ""), len(text)
            case "link_close":
                text += _address_after(text[link_start:], link, base_url)
    return text.strip()


def _address_after(words: str, link: str, base_url: str) -> str:
    """Return the address in brackets, or nothing if the words of the link are its address or it leads to a heading."""
    address = link.removeprefix("mailto:").removeprefix("tel:")
    address = base_url + address if address.startswith("/") else address
    return (
        "" if address.startswith("#") or address in (words, f"http://{words}", f"https://{words}") else f" ({address})"
    )


def _footnote_number(token: Token) -> int:
    return int(token.meta["id"]) + 1

"""Markdown to safe HTML: the only place where text from the desk becomes HTML.

HTML in the text is escaped. The renderer's output is sanitized once more with an allow-list (nh3), so that a fault in one
of the two does no harm. Only our own pictures are shown: `![alt text](picture:12)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from core.plain_text import clean_published_text

MAX_CHARACTERS = 60_000  # characters; a long story has 6,000
# Beyond these limits, parsing time grows faster than the text (measured: tests/outreach/content/test_markdown.py).
_MAX_LINE_CHARACTERS = 20_000
_MAX_PARAGRAPH_MARKS = 3_000  # in one paragraph
_MARKS = re.compile(r"[*_~\[\]`<>!\\&]")

SCHEMES = ("http", "https", "mailto", "tel")
_PICTURE_REFERENCE = re.compile(r"picture:([0-9]{1,9})")

_TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "blockquote", "code", "pre",
    "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td", "sup", "section",
    "div", "figure", "figcaption", "small", "picture", "source", "img",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "id", "aria-label"},
    "ol": {"start"},
    "li": {"id"},
    "th": {"scope"},
    "div": {"tabindex", "role", "aria-label"},
    "section": {"aria-label"},
    "source": {"type", "srcset", "sizes"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading"},
}
_CLASSES = {
    "div": {"table-scroll"},
    "section": {"footnotes"},
    "a": {"footnote-backref"},
    "sup": {"footnote-ref"},
    "th": {"end", "center"},
    "td": {"end", "center"},
}
_DEFAULT_SIZES = "(min-width: 48em) 44rem, 100vw"


class TextTooComplexError(ValueError):
    """The text is too long or too deeply marked up to render. The message is a sentence for the editor."""


@dataclass(frozen=True, slots=True)
class ResponsivePicture:
    """A picture in several widths. `variants` are as in Picture; `address` is the path of its files, ending in a slash."""

    alt: str
    credit: str
    variants: tuple[Mapping[str, Any], ...]
    address: str

    def srcset(self, form: str) -> str:
        """Return "/stories/media/<digest>.webp 400w, ..." for the format "webp" or "jpg"."""
        return ", ".join(
            f"{self.address}{each['digest']}.{form} {each['width']}w"
            for each in self.variants
            if each["format"] == form
        )

    @property
    def fallback(self) -> Mapping[str, Any] | None:
        """The JPEG for browsers without srcset: the widest of up to 800 pixels, else the widest there is."""
        jpegs = [each for each in self.variants if each["format"] == "jpg"]
        fitting = [each for each in jpegs if each["width"] <= 800]
        return (fitting or jpegs)[-1] if jpegs else None

    def html(self, alt: str = "", *, sizes: str = _DEFAULT_SIZES, lazy: bool = True) -> SafeString:
        """Return a <picture> element, or the alt text while no file is ready."""
        fallback = self.fallback
        if fallback is None:
            return SafeString(escape(alt or self.alt))
        source = f'<source type="image/webp" srcset="{escape(self.srcset("webp"))}" sizes="{escape(sizes)}">'
        image = (
            f'<img src="{escape(self.address)}{fallback["digest"]}.jpg" srcset="{escape(self.srcset("jpg"))}"'
            f' sizes="{escape(sizes)}" alt="{escape(alt or self.alt)}" width="{int(fallback["width"])}"'
            f' height="{int(fallback["height"])}"{" loading=lazy" if lazy else ""}>'
        )
        return mark_safe(f"<picture>{source}{image}</picture>")  # noqa: S308  (each value is escaped or a number)


@dataclass(frozen=True, slots=True)
class References:
    """References in a text: ids of our pictures, addresses of links, addresses of pictures on other sites."""

    pictures: list[int]
    links: list[str]
    foreign: list[str]


def render(text: str, pictures: Mapping[int, ResponsivePicture] | None = None) -> SafeString:
    """Render Markdown as HTML whose headings start at h2. Raises TextTooComplexError.

    Pictures that are not in `pictures`, by id, are replaced by their alt text.
    """
    tokens = parse(text)
    _renumber_headings(tokens)
    environment = {"pictures": pictures or {}}
    html = _parser().renderer.render(tokens, _parser().options, environment)
    addresses = tuple({picture.address for picture in environment["pictures"].values()})

    def drop_foreign_files(_tag: str, name: str, value: str) -> str | None:
        if name in ("src", "srcset") and not (addresses and value.startswith(addresses)):
            return None
        return value

    return mark_safe(  # noqa: S308  (sanitized by nh3)
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            allowed_classes=_CLASSES,
            url_schemes=set(SCHEMES),
            link_rel="noopener",
            attribute_filter=drop_foreign_files,
        )
    )


def find_references(text: str) -> References:
    """Return the pictures and links of a text, each once. Raises TextTooComplexError."""
    pictures, links, foreign = [], [], []
    for token in _flatten(parse(text)):
        if token.type == "link_open":
            links.append(str(token.attrGet("href") or ""))
        elif token.type == "image":
            address = str(token.attrGet("src") or "")
            reference = _PICTURE_REFERENCE.fullmatch(address)
            if reference:
                pictures.append(int(reference[1]))
            else:
                foreign.append(address)
    return References(list(dict.fromkeys(pictures)), list(dict.fromkeys(links)), list(dict.fromkeys(foreign)))


def _flatten(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *_flatten(token.children or []))]


def parse(text: str) -> list[Token]:
    """Return the blocks of a text as markdown-it's tokens. Raises TextTooComplexError."""
    text = clean_published_text(text)
    if len(text) > MAX_CHARACTERS:
        raise TextTooComplexError(
            _("This text is too long. Use up to %(most)s characters.") % {"most": f"{MAX_CHARACTERS:,}"}
        )
    for block in re.split(r"\n[ \t]*\n", text):
        has_too_many_marks = len(_MARKS.findall(block)) > _MAX_PARAGRAPH_MARKS
        if has_too_many_marks or (
            len(block) > _MAX_LINE_CHARACTERS and max(map(len, block.split("\n"))) > _MAX_LINE_CHARACTERS
        ):
            raise TextTooComplexError(
                _("A paragraph of this text is too long or too complex. Split it with blank lines.")
            )
    return _parser().parse(text)


@cache
def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "maxNesting": 12})
    markdown.enable(["table", "strikethrough"]).use(footnote_plugin, inline=False)
    markdown.validateLink = _is_allowed_link  # type: ignore[assignment,method-assign]
    renderer: Any = markdown.renderer
    renderer.rules |= {
        "paragraph_open": _open_paragraph,
        "paragraph_close": _close_paragraph,
        "image": _render_image,
        "table_open": lambda *_args: _open_table(),
        "table_close": lambda *_args: "</table></div>\n",
        "th_open": lambda tokens, index, *_args: f'<th scope="col"{_alignment_class(tokens[index])}>',
        "td_open": lambda tokens, index, *_args: f"<td{_alignment_class(tokens[index])}>",
        "footnote_block_open": lambda *_args: f'<section class="footnotes" aria-label="{escape(_("Notes"))}"><ol>\n',
        "footnote_block_close": lambda *_args: "</ol></section>\n",
        "footnote_open": _open_footnote,
        "footnote_anchor": _render_footnote_backlink,
        "footnote_ref": _render_footnote_reference,
        "fence": lambda tokens, index, *_args: f"<pre><code>{escape(tokens[index].content)}</code></pre>\n",
    }
    return markdown


def _is_allowed_link(address: str) -> bool:
    address = address.strip().lower()
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        return False
    return (
        scheme in SCHEMES or _PICTURE_REFERENCE.fullmatch(address) is not None or (not scheme and address[:1] in "/#")
    )


def _renumber_headings(tokens: list[Token]) -> None:
    """Make top headings h2, the next level h3, and so on without gaps. The page's own title is the h1."""
    open_levels: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            open_levels = [*(outer for outer in open_levels if outer < level), level]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(len(open_levels) + 1, 6)}"


# A picture that is alone in its paragraph becomes a figure with a caption


def _is_lone_picture(tokens: list[Token], index: int) -> bool:
    visible = [child for child in tokens[index].children or [] if child.type == "image" or child.content.strip()]
    return len(visible) == 1 and visible[0].type == "image"


def _open_paragraph(tokens: list[Token], index: int, *_args: Any) -> str:
    if tokens[index].hidden:
        return ""
    return "<figure>" if _is_lone_picture(tokens, index + 1) else "<p>"


def _close_paragraph(tokens: list[Token], index: int, _options: Any, environment: Any) -> str:
    if tokens[index].hidden:
        return ""
    content = index - 1 if tokens[index - 1].type == "inline" else index - 2
    if not _is_lone_picture(tokens, content):
        return "</p>\n"
    image = next(child for child in tokens[content].children or [] if child.type == "image")
    picture = _look_up_picture(image, environment)
    title = escape(str(image.attrGet("title") or ""))
    credit = f"<small>{escape(_('Picture: %(credit)s') % {'credit': picture.credit})}</small>" if picture else ""
    caption = f"{title} {credit}".strip()
    return f"<figcaption>{caption}</figcaption></figure>\n" if caption else "</figure>\n"


def _look_up_picture(image: Token, environment: Any) -> ResponsivePicture | None:
    reference = _PICTURE_REFERENCE.fullmatch(str(image.attrGet("src") or ""))
    picture: ResponsivePicture | None = environment["pictures"].get(int(reference[1])) if reference else None
    return picture


def _render_image(tokens: list[Token], index: int, _options: Any, environment: Any) -> str:
    picture, alt = _look_up_picture(tokens[index], environment), tokens[index].content
    return picture.html(alt) if picture else str(escape(alt))


def _open_table() -> str:
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(_("Table"))}"><table>\n'


def _alignment_class(token: Token) -> str:
    style = str(token.attrGet("style") or "")
    return next((f' class="{name}"' for way, name in (("right", "end"), ("center", "center")) if way in style), "")


def _footnote_number(token: Token) -> int:
    return int(token.meta["id"]) + 1


def _open_footnote(tokens: list[Token], index: int, *_args: Any) -> str:
    return f'<li id="fn{_footnote_number(tokens[index])}">'


def _render_footnote_reference(tokens: list[Token], index: int, *_args: Any) -> str:
    number, repeat = _footnote_number(tokens[index]), int(tokens[index].meta["subId"])
    reference = f"fnref{number}" + (f"-{repeat}" if repeat else "")
    label = escape(_("Note %(number)s") % {"number": number})
    return f'<sup class="footnote-ref"><a href="#fn{number}" id="{reference}" aria-label="{label}">{number}</a></sup>'


def _render_footnote_backlink(tokens: list[Token], index: int, *_args: Any) -> str:
    number, repeat = _footnote_number(tokens[index]), int(tokens[index].meta["subId"])
    reference = f"fnref{number}" + (f"-{repeat}" if repeat else "")
    label = escape(_("Back to the text"))
    return f' <a href="#{reference}" class="footnote-backref" aria-label="{label}">↩</a>'

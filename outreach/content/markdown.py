"""Markdown in, harmless HTML out: the one place where text of the desk becomes HTML.

HTML in the text is text. What Markdown makes is cleaned again by a list of what may be there (nh3), so that a fault in one
of the two is not enough. Pictures are ours alone: `![what it shows](picture:12)`.
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

LONGEST = 60_000  # characters; a long story has 6,000
# Text beyond these costs more time than its length, and nobody writes so (measured: tests/outreach/content/test_markdown.py).
_LONGEST_LINE = 20_000
_MOST_MARKS = 3_000  # in one paragraph
_MARKS = re.compile(r"[*_~\[\]`<>!\\&]")

SCHEMES = ("http", "https", "mailto", "tel")
_PICTURE = re.compile(r"picture:([0-9]{1,9})")

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
_SIZES = "(min-width: 48em) 44rem, 100vw"


class TooMuchError(ValueError):
    """The text is longer, or more tangled, than the portal renders. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture as pages show it. `variants` as in Picture; `address` is where files are, ending in a slash."""

    alt: str
    credit: str
    variants: tuple[Mapping[str, Any], ...]
    address: str

    def srcset(self, form: str) -> str:
        """ "/stories/media/<digest>.webp 400w, ..." of the format "webp" or "jpg"."""
        return ", ".join(
            f"{self.address}{each['digest']}.{form} {each['width']}w"
            for each in self.variants
            if each["format"] == form
        )

    @property
    def middle(self) -> Mapping[str, Any] | None:
        """The JPEG for browsers that choose none: 800 pixels wide, or the widest there is."""
        found = [each for each in self.variants if each["format"] == "jpg"]
        fitting = [each for each in found if each["width"] <= 800]
        return (fitting or found)[-1] if found else None

    def html(self, alt: str = "", *, sizes: str = _SIZES, lazy: bool = True) -> SafeString:
        """A <picture>, or its alt text in words while no file is ready."""
        shown = self.middle
        if shown is None:
            return SafeString(escape(alt or self.alt))
        source = f'<source type="image/webp" srcset="{escape(self.srcset("webp"))}" sizes="{escape(sizes)}">'
        image = (
            f'<img src="{escape(self.address)}{shown["digest"]}.jpg" srcset="{escape(self.srcset("jpg"))}"'
            f' sizes="{escape(sizes)}" alt="{escape(alt or self.alt)}" width="{int(shown["width"])}"'
            f' height="{int(shown["height"])}"{" loading=lazy" if lazy else ""}>'
        )
        return mark_safe(f"<picture>{source}{image}</picture>")  # noqa: S308  (each value is escaped or a number)


@dataclass(frozen=True, slots=True)
class Found:
    """What a text refers to: numbers of our pictures, addresses of links, and of pictures that are not ours."""

    pictures: list[int]
    links: list[str]
    foreign: list[str]


def rendered(text: str, pictures: Mapping[int, ShownPicture] | None = None) -> SafeString:
    """`text` as HTML whose headings start at h2. Raises TooMuchError.

    Pictures that `pictures` does not hold stand as their alt text.
    """
    tokens = _parsed(text)
    _level_headings(tokens)
    environment = {"pictures": pictures or {}}
    html = _markdown().renderer.render(tokens, _markdown().options, environment)
    addresses = tuple({picture.address for picture in environment["pictures"].values()})

    def ours_alone(_tag: str, name: str, value: str) -> str | None:
        if name in ("src", "srcset") and not (addresses and value.startswith(addresses)):
            return None
        return value

    return mark_safe(  # noqa: S308  (what nh3 lets through)
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            allowed_classes=_CLASSES,
            url_schemes=set(SCHEMES),
            link_rel="noopener",
            attribute_filter=ours_alone,
        )
    )


def found_in(text: str) -> Found:
    """Pictures and links of a text. Raises TooMuchError."""
    pictures, links, foreign = [], [], []
    for token in _walk(_parsed(text)):
        if token.type == "link_open":
            links.append(str(token.attrGet("href") or ""))
        elif token.type == "image":
            address = str(token.attrGet("src") or "")
            ours = _PICTURE.fullmatch(address)
            if ours:
                pictures.append(int(ours[1]))
            else:
                foreign.append(address)
    return Found(list(dict.fromkeys(pictures)), list(dict.fromkeys(links)), list(dict.fromkeys(foreign)))


def _walk(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *_walk(token.children or []))]


def _parsed(text: str) -> list[Token]:
    text = clean_published_text(text)
    if len(text) > LONGEST:
        raise TooMuchError(_("This text is too long: %(most)s characters are taken.") % {"most": f"{LONGEST:,}"})
    for block in re.split(r"\n[ \t]*\n", text):
        tangled = len(_MARKS.findall(block)) > _MOST_MARKS
        if tangled or (len(block) > _LONGEST_LINE and max(map(len, block.split("\n"))) > _LONGEST_LINE):
            raise TooMuchError(_("A paragraph of this text is too long or too tangled. Divide it by empty lines."))
    return _markdown().parse(text)


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "maxNesting": 12})
    markdown.enable(["table", "strikethrough"]).use(footnote_plugin, inline=False)
    markdown.validateLink = _is_allowed  # type: ignore[assignment,method-assign]
    renderer: Any = markdown.renderer
    renderer.rules |= {
        "paragraph_open": _paragraph_open,
        "paragraph_close": _paragraph_close,
        "image": _image,
        "table_open": lambda *_args: _scrolled(),
        "table_close": lambda *_args: "</table></div>\n",
        "th_open": lambda tokens, index, *_args: f'<th scope="col"{_aligned(tokens[index])}>',
        "td_open": lambda tokens, index, *_args: f"<td{_aligned(tokens[index])}>",
        "footnote_block_open": lambda *_args: f'<section class="footnotes" aria-label="{escape(_("Notes"))}"><ol>\n',
        "footnote_block_close": lambda *_args: "</ol></section>\n",
        "footnote_open": _footnote_open,
        "footnote_anchor": _footnote_anchor,
        "footnote_ref": _footnote_ref,
        "fence": lambda tokens, index, *_args: f"<pre><code>{escape(tokens[index].content)}</code></pre>\n",
    }
    return markdown


def _is_allowed(address: str) -> bool:
    address = address.strip().lower()
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        return False
    return scheme in SCHEMES or _PICTURE.fullmatch(address) is not None or (not scheme and address[:1] in "/#")


def _level_headings(tokens: list[Token]) -> None:
    """A heading under no other becomes h2, one under it h3, whatever was typed: the page's own title is the h1."""
    above: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            typed = int(token.tag[1])
            above = [*(level for level in above if level < typed), typed]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(len(above) + 1, 6)}"


# One picture alone in its paragraph is a figure; in running text it is a picture


def _alone(tokens: list[Token], index: int) -> bool:
    inline = tokens[index]
    seen = [child for child in inline.children or [] if child.type == "image" or child.content.strip()]
    return len(seen) == 1 and seen[0].type == "image"


def _paragraph_open(tokens: list[Token], index: int, *_args: Any) -> str:
    if tokens[index].hidden:
        return ""
    return "<figure>" if _alone(tokens, index + 1) else "<p>"


def _paragraph_close(tokens: list[Token], index: int, _options: Any, environment: Any) -> str:
    if tokens[index].hidden:
        return ""
    opened = index - 1 if tokens[index - 1].type == "inline" else index - 2
    if not _alone(tokens, opened):
        return "</p>\n"
    image = next(child for child in tokens[opened].children or [] if child.type == "image")
    picture = _ours(image, environment)
    title = escape(str(image.attrGet("title") or ""))
    credit = f"<small>{escape(_('Picture: %(credit)s') % {'credit': picture.credit})}</small>" if picture else ""
    caption = f"{title} {credit}".strip()
    return f"<figcaption>{caption}</figcaption></figure>\n" if caption else "</figure>\n"


def _ours(image: Token, environment: Any) -> ShownPicture | None:
    number = _PICTURE.fullmatch(str(image.attrGet("src") or ""))
    shown: ShownPicture | None = environment["pictures"].get(int(number[1])) if number else None
    return shown


def _image(tokens: list[Token], index: int, _options: Any, environment: Any) -> str:
    picture, alt = _ours(tokens[index], environment), tokens[index].content
    return picture.html(alt) if picture else str(escape(alt))


def _scrolled() -> str:
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(_("Table"))}"><table>\n'


def _aligned(token: Token) -> str:
    style = str(token.attrGet("style") or "")
    return next((f' class="{name}"' for way, name in (("right", "end"), ("center", "center")) if way in style), "")


def _number(token: Token) -> int:
    return int(token.meta["id"]) + 1


def _footnote_open(tokens: list[Token], index: int, *_args: Any) -> str:
    return f'<li id="fn{_number(tokens[index])}">'


def _footnote_ref(tokens: list[Token], index: int, *_args: Any) -> str:
    number, again = _number(tokens[index]), int(tokens[index].meta["subId"])
    reference = f"fnref{number}" + (f"-{again}" if again else "")
    label = escape(_("Note %(number)s") % {"number": number})
    return f'<sup class="footnote-ref"><a href="#fn{number}" id="{reference}" aria-label="{label}">{number}</a></sup>'


def _footnote_anchor(tokens: list[Token], index: int, *_args: Any) -> str:
    number, again = _number(tokens[index]), int(tokens[index].meta["subId"])
    reference = f"fnref{number}" + (f"-{again}" if again else "")
    label = escape(_("Back to the text"))
    return f' <a href="#{reference}" class="footnote-backref" aria-label="{label}">↩</a>'

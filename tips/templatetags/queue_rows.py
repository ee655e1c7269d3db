"""`{% load queue_rows %}`: a row of the queue, written without a template: a page has fifty, which took a tenth of its time."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from tips.desk.queue.rows import Row
from tips.desk.queue.targets import Due
from tips.desk.search.matching import ExcerptPiece

register = template.Library()

_OPEN = SafeString(' aria-current="true"')
_UNTRANSLATED = SafeString(' translate="no"')
_NO_PICK = SafeString("<span></span>")


@register.simple_tag(takes_context=True)
def queue_row(context: Context, row: Row, where: str = "", pieces: Sequence[ExcerptPiece] = ()) -> SafeString:
    """`{% queue_row row %}`: a row of the queue; of a search, with the place and the passage of what was found."""
    is_open, may_act = row.pk == context.get("open_tip_id"), bool(context.get("may_act"))
    return write_row(row, is_open=is_open, may_act=may_act, where=where, pieces=pieces)


def write_row(
    row: Row, *, is_open: bool, may_act: bool, where: str = "", pieces: Sequence[ExcerptPiece] = ()
) -> SafeString:
    """Return the row as an item of a list.

    `is_open`: its tip is beside the queue. `may_act`: it can be chosen. A row that a search found says `where`, and shows the `pieces` of
    its text.
    """
    return format_html(
        '<li class="{}" id="tip-{}"{}>{}<div class="l1"><p class="first">{}</p>{}</div>'
        '<div class="l2"><p class="second">{}</p><p class="has" data-here="{}">{}</p></div></li>',
        row.css_class,
        row.shown_number,
        _OPEN if is_open else "",
        _write_pick(row) if may_act else _NO_PICK,
        _write_line(row, pieces),
        _write_due(row.due) if row.due else "",
        _write_second_line(row, where),
        row.pk,
        row.assignee,
    )


def _write_pick(row: Row) -> SafeString:
    return format_html(
        '<label class="pick"><input type="checkbox" name="tips" value="{}"><span class="visually-hidden">{}</span></label>',
        row.pk,
        row.pick_words,
    )


def _write_line(row: Row, pieces: Sequence[ExcerptPiece]) -> SafeString:
    """Return the number, and the source's words as a link in their own language and direction."""
    text: str | SafeString = row.line
    if pieces:
        marked = (format_html("<mark>{}</mark>", each.text) if each.is_match else each.text for each in pieces)
        text = format_html_join("", "{}", ((each,) for each in marked))
    return format_html(
        '<span class="no" aria-hidden="true">{}</span><a href="{}"><span class="visually-hidden">{} </span>'
        '<bdi dir="auto"{}{}>{}</bdi></a>',
        row.shown_number,
        row.address,
        row.open_words,
        format_html(' lang="{}"', row.line_language) if row.line_language and row.has_line else "",
        _UNTRANSLATED if row.has_line else "",
        text,
    )


def _write_due(due: Due) -> SafeString:
    """Return the time left, with a pie of the share that is used up."""
    return format_html(
        '<p class="due"{}><svg class="pie {}" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7"'
        ' stroke-width="1.5"/><circle cx="8" cy="8" r="2.75" stroke-width="5.5" pathLength="100" stroke-dasharray="{}"'
        ' transform="rotate(-90 8 8)"/></svg><span>{}{}</span></p>',
        format_html(' title="{}"', due.hint) if due.hint else "",
        due.pie,
        due.dashes,
        due.words,
        format_html(" <small>{}</small>", due.target) if due.target else "",
    )


def _write_second_line(row: Row, where: str) -> SafeString:
    parts = [
        format_html('<span class="word {}">{}</span>', row.chip_class, row.chip)
        if row.chip
        else format_html("<span>{}</span>", row.state)
    ]
    if where:
        parts.append(format_html('<span class="where">{}</span>', where))
    if row.place:
        parts.append(format_html('<span class="place"><bdi>{}</bdi></span>', row.place))
    parts.append(format_html_join("", "<span>{}</span>", ((each,) for each in row.details)))
    return format_html_join("", "{}", ((each,) for each in parts))

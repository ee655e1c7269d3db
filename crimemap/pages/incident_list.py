"""The list of a selection: a page of rows in an order that residents choose.

The published rows stand by time alone. Another order is the same rows by parts, each newest first: the counts of the parts
tell which of them a page is made of, so that no order costs more than the page itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap import wording
from crimemap.places import areas
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.format import LAYERS
from crimemap.snapshot.reader import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

SIZE = 50
# What `sort` may say, and the words for it. "-" turns an order round.
ORDERS: dict[str, str | Promise] = {
    "-date": gettext_lazy("Newest first"),
    "date": gettext_lazy("Oldest first"),
    "type": gettext_lazy("Type, A to Z"),
    "-type": gettext_lazy("Type, Z to A"),
    "area": gettext_lazy("Area, A to Z"),
    "-area": gettext_lazy("Area, Z to A"),
}
USUAL = "-date"


@dataclass(frozen=True, slots=True)
class Listing:
    """One page; `first` is the place of its first row in the whole list, from 1."""

    rows: list[IncidentRow]
    total: int
    order: str
    number: int
    pages: int
    first: int


def listing(published: PublishedIncidents, chosen: Filter, total: int, order: str, number: str) -> Listing:
    """The page `number` of the filter's `total` rows, both as an address has them. Raises FilterError."""
    pages = max(1, -(-total // SIZE))
    wanted = _read(chosen, order, number, pages)
    offset = (wanted - 1) * SIZE
    if order == "date":
        start = max(0, total - offset - SIZE)
        rows = published.rows(chosen, offset=start, limit=total - offset - start).rows[::-1]
    elif order == USUAL:
        rows = published.rows(chosen, offset=offset, limit=SIZE).rows
    else:
        rows = list(_of_parts(published, _parts(published, chosen, order), offset))
    return Listing(rows, total, order, wanted, pages, offset + 1)


def _read(chosen: Filter, order: str, number: str, pages: int) -> int:
    problems = []
    if order not in ORDERS:
        orders = ", ".join(ORDERS)
        problems.append(
            FilterProblem("sort", _("The list is sorted by one of %(orders)s.") % {"orders": orders}, USUAL)
        )
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if not 1 <= wanted <= pages:
        offer = str(pages if wanted else 1)
        problems.append(FilterProblem("page", _("This list has the pages 1 to %(pages)d.") % {"pages": pages}, offer))
    if problems:
        raise FilterError(problems, chosen)
    return wanted


def _of_parts(published: PublishedIncidents, parts: list[tuple[Filter, int]], offset: int) -> Iterator[IncidentRow]:
    left = SIZE
    for part, count in parts:
        if offset < count and left:
            rows = published.rows(part, offset=offset, limit=left).rows
            left -= len(rows)
            yield from rows
        offset = max(0, offset - count)


def _parts(published: PublishedIncidents, chosen: Filter, order: str) -> list[tuple[Filter, int]]:
    """The filter in parts, in the order asked for, with their counts; rows of no known area come last."""
    if order.endswith("type"):
        counts = published.categories(chosen)
        slugs = sorted(counts, key=published.names.__getitem__, reverse=order.startswith("-"))
        return [(replace(chosen, categories=frozenset([slug])), counts[slug]) for slug in slugs]
    layer = layer_of(published, chosen)
    counts = published.by_area(chosen, layer)
    names = areas.area_names(layer)
    codes = sorted(filter(None, counts), key=lambda code: wording.area(layer, code, names), reverse=order[0] == "-")
    if "" in counts:
        codes.append("")
    return [(replace(chosen, area=(layer, code)), counts[code]) for code in codes]


def layer_of(published: PublishedIncidents, chosen: Filter) -> str:
    """The layer whose areas the list names: that of the filter's area, else the smallest that has any, beats excepted."""
    if chosen.area:
        return chosen.area[0]
    layers = [layer for layer in ("neighbourhood", "district", *LAYERS) if any(published.areas.get(layer, []))]
    return layers[0] if layers else "district"

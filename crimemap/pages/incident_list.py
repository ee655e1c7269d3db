"""The list of a selection: a page of rows in an order that residents choose.

Published rows are stored in order of time. For any other order the filter is split into parts, such as one for each category,
with the rows of a part newest first. The counts of the parts tell which parts a page is made of, so that every order costs no
more than reading the page itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap import wording
from crimemap.incident_summary import incident_address
from crimemap.pages import symbols
from crimemap.places import areas
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.format import LAYERS
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

PAGE_ROWS = 50
# Values of the `sort` parameter and their labels; "-" reverses an order.
ORDERS: dict[str, str | Promise] = {
    "-date": gettext_lazy("Newest first"),
    "date": gettext_lazy("Oldest first"),
    "type": gettext_lazy("Type, A to Z"),
    "-type": gettext_lazy("Type, Z to A"),
    "area": gettext_lazy("Area, A to Z"),
    "-area": gettext_lazy("Area, Z to A"),
}
DEFAULT_ORDER = "-date"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list; `first_row` is the 1-based position of its first row in the whole list."""

    rows: list[IncidentRow]
    total: int
    order: str
    page_number: int
    page_count: int
    first_row: int


def draw_rows(published: PublishedIncidents, rows: Sequence[IncidentRow], layer: str) -> SafeString:
    """Return rows as a table's HTML. They are written here because a template takes longer for them than for the rest of the page."""
    names = areas.area_names(layer)
    lines = []
    for row in rows:
        place, code = wording.describe_place(row), row.areas.get(layer, "")
        area = wording.area_name(layer, code, names) if code else ""
        address = incident_address(row.public_id)
        symbol = symbols.draw_type_picture(row.category, published.families[row.category])
        name, time = published.category_names[row.category], wording.describe_time(row)
        lines.append((address, symbol, name, time, place, "" if area == place else area, row.outcome))
    return format_html_join(
        "\n",
        '<tr><th scope="row"><a href="{}">{}{}</a></th><td>{}</td><td dir="auto">{}</td><td dir="auto">{}</td>'
        '<td dir="auto">{}</td></tr>',
        lines,
    )


def build_page(published: PublishedIncidents, chosen: Filter, total: int, order: str, page_text: str) -> ListPage:
    """Read one page of the filter's `total` rows. `order` and `page_text` are query parameters.

    Raises FilterError with the nearest valid value of each.
    """
    page_count = max(1, -(-total // PAGE_ROWS))
    page_number = _parse_page(chosen, order, page_text, page_count)
    offset = (page_number - 1) * PAGE_ROWS
    if order == "date":
        start = max(0, total - offset - PAGE_ROWS)
        rows = published.read_page(chosen, offset=start, limit=total - offset - start).rows[::-1]
    elif order == DEFAULT_ORDER:
        rows = published.read_page(chosen, offset=offset, limit=PAGE_ROWS).rows
    else:
        rows = list(_read_parts(published, _split_by_order(published, chosen, order), offset))
    return ListPage(rows, total, order, page_number, page_count, offset + 1)


def _parse_page(chosen: Filter, order: str, page_text: str, page_count: int) -> int:
    """Return the page number. Raises FilterError for an unknown order or a page that does not exist."""
    problems = []
    if order not in ORDERS:
        orders = ", ".join(ORDERS)
        problems.append(
            FilterProblem("sort", _("The sort order must be one of: %(orders)s.") % {"orders": orders}, DEFAULT_ORDER)
        )
    page_number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 10 else 0
    if not 1 <= page_number <= page_count:
        offer = str(page_count if page_number else 1)
        problems.append(
            FilterProblem(
                "page",
                _("The page must be a number from 1 to %(pages)s.") % {"pages": wording.format_count(page_count)},
                offer,
            )
        )
    if problems:
        raise FilterError(problems, chosen)
    return page_number


def _read_parts(published: PublishedIncidents, parts: list[tuple[Filter, int]], offset: int) -> Iterator[IncidentRow]:
    remaining = PAGE_ROWS
    for part, count in parts:
        if offset < count and remaining:
            rows = published.read_page(part, offset=offset, limit=remaining).rows
            remaining -= len(rows)
            yield from rows
        offset = max(0, offset - count)


def _split_by_order(published: PublishedIncidents, chosen: Filter, order: str) -> list[tuple[Filter, int]]:
    """Split the filter into parts with their counts, in the given order; rows without a known area come last."""
    if order.endswith("type"):
        counts = published.count_by_category(chosen)
        slugs = sorted(counts, key=published.category_names.__getitem__, reverse=order.startswith("-"))
        return [(replace(chosen, categories=frozenset([slug])), counts[slug]) for slug in slugs]
    layer = find_area_layer(published, chosen)
    counts = published.count_by_area(chosen, layer)
    names = areas.area_names(layer)
    codes = sorted(
        filter(None, counts), key=lambda code: wording.area_name(layer, code, names), reverse=order[0] == "-"
    )
    if "" in counts:
        codes.append("")
    return [(replace(chosen, area=(layer, code)), counts[code]) for code in codes]


def find_area_layer(published: PublishedIncidents, chosen: Filter) -> str:
    """Return the layer whose areas the list shows: the filter's own, else the first with areas, neighborhoods first."""
    if chosen.area:
        return chosen.area[0]
    layers = [layer for layer in ("neighbourhood", "district", *LAYERS) if any(published.areas.get(layer, []))]
    return layers[0] if layers else "district"

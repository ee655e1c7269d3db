"""Every figure that the pages of a selection say agrees with SQL over the published rows, for random selections."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crimemap.offence_families import BY_SLUG
from crimemap.snapshot.filters import PRESETS, Filter
from crimemap.snapshot.published_incidents import PublishedIncidents, comparison_filters
from tests.crimemap.pages.test_map import FAMILIES, get_page
from tests.crimemap.rows_table import numbers, sql_count, store_rows

TYPES = {"burglary": "Burglary", "fraud": "Fraud", "assault": "Assault"}
AREAS = {"neighbourhood:old-town": "Old Town", "neighbourhood:millside": "Millside", "district:1": "", "": ""}


@st.composite
def selections(draw: st.DrawFn) -> dict[str, str]:
    """Return the query of a selection of tests/crimemap/published_city.py."""
    query = {"days": str(draw(st.sampled_from(PRESETS)))}
    if draw(st.booleans()):
        first = date(2023, 9, 1) + timedelta(draw(st.integers(0, 380)))
        query = {"from": first.isoformat(), "to": (first + timedelta(draw(st.integers(0, 120)))).isoformat()}
    chosen = draw(st.sets(st.sampled_from(sorted(TYPES)), max_size=2))
    return query | {
        "category": ",".join(sorted(chosen)),
        "area": draw(st.sampled_from(sorted(AREAS))),
        "hour": draw(st.sampled_from(["", "6-11"])),
    }


class Counted:
    """The selection in SQL: counts of its rows with further conditions, or with others in place of its own."""

    def __init__(self, chosen: Filter, query: dict[str, str]) -> None:
        layer, _colon, code = query["area"].partition(":")
        types = [TYPES[slug] for slug in filter(None, query["category"].split(","))]
        self.parts: dict[str, tuple[str, list[Any]]] = {
            "days": ("day BETWEEN %s AND %s", [chosen.since, chosen.until]),
            "types": ("category = ANY(%s)", [types]) if types else ("true", []),
            "area": (f"{layer} = %s", [code]) if code else ("true", []),
            "hours": ("hour BETWEEN 6 AND 11", []) if query["hour"] else ("true", []),
        }

    def __call__(self, more: str = "true", *values: Any, **other: tuple[str, list[Any]]) -> int:
        parts = [*(self.parts | other).values(), (more, list(values))]
        return sql_count(
            " AND ".join(each for each, _values in parts), [each for _part, some in parts for each in some]
        )


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def first(text: str) -> int:
    return numbers(text)[0]


def check_lead(page: str, total: int, before: int, year_ago: int) -> None:
    said = re.search(r'class="(?:lead|embed-lead)"(?: id="lead")?>(.*?)</p>', page, re.DOTALL)
    assert said
    words = text_of(said[1]).strip()
    assert (first(words) if "happened" in words else 0) == total
    comparison = re.search(r"([\d,]+) (more|fewer) (?:\(\d+%\) )?than the ([\d,]+) of", words)
    if comparison:
        other = year_ago if "of the same days a year before." in words else before
        assert (first(comparison[1]), first(comparison[3])) == (abs(total - other), other)
        assert (comparison[2] == "more") == (total > other)


@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(query=selections())
def check_pages(client: Client, incidents: PublishedIncidents, query: dict[str, str]) -> None:
    chosen = Filter.parse({name: value for name, value in query.items() if value}, incidents)
    covered = chosen.covered_by(incidents)
    assert covered
    counted = Counted(chosen, query)
    total = counted()
    earlier = comparison_filters(covered)
    before, year_ago = (counted(days=("day BETWEEN %s AND %s", [each.since, each.until])) for each in earlier)
    wanted = {name: value for name, value in query.items() if value}
    unmapped = counted("latitude IS NULL")
    everything = ("true", [])
    families = {
        slug: counted(
            "category = ANY(%s)", [TYPES[each] for each, its in FAMILIES.items() if its == slug], types=everything
        )
        for slug in set(FAMILIES.values())
    }
    pages = {name: get_page(client, f"/map/{name}", **wanted) for name in ("", "list/", "charts/", "embed/")}
    for page in pages.values():
        check_lead(page, total, before, year_ago)
        note = re.search(r"([\d,]+) incidents? (?:is|are) listed but not on the map", page)
        assert (first(note[1]) if note else 0) == (unmapped if (total and "status" in page) or note else 0)

    # The map: heading, legend, shaded areas, days of the list, time brush
    page = pages[""]
    heading = re.search(r'id="map-heading"[^>]*>([^<]*)<', page)
    assert heading
    assert first(heading[1]) == total
    keys = re.findall(r'data-family="(\w+)">.*?<b>([\d,]+)</b>', page)
    assert {slug: first(count) for slug, count in keys} == families
    shaded = dict(re.findall(r'class="ar [^"]*" href="[^"]*" aria-label="([^:"]+): ([\d,]+) incident', page))
    for area, name in AREAS.items():
        if name and name in shaded:
            assert first(shaded[name]) == counted("neighbourhood = %s", area.partition(":")[2])
    bars = re.search(r"<p id=\"brush-title\"><b>[^<]*</b> <span>(\d+) days?, ([\d,]+) incidents?", page)
    assert bars
    assert numbers(" ".join(bars.groups())) == [(covered.until - covered.since).days + 1, total]
    listed = re.findall(r'class="list-day">[^<]*<span>([\d,]+) incidents?</span>', page)
    assert sum(map(first, listed)) == total or len(re.findall('<a class="row"', page)) == 50

    # Charts: types with their other period, hours
    rows = re.findall(
        r">([^<>]+)</a></span></th>.*?class=\"number\">([\d,]+)</td><td class=\"number muted\">([\d,]*)",
        pages["charts/"],
    )
    for name, count, count_before in rows:
        assert first(count) == counted("category = %s", name)
        if count_before:
            days = ("day BETWEEN %s AND %s", [earlier[0].since, earlier[0].until])
            assert first(count_before) == counted("category = %s", name, days=days)
    assert sum(first(count) for _name, count, _before in rows) == total
    unknown = re.search(
        r"([\d,]+) incidents? (?:is|are) not in this grid, because we don't know (?:its|their) hour", pages["charts/"]
    )
    assert (first(unknown[1]) if unknown else 0) == (counted("hour IS NULL") if total else 0)

    # The frame counts what it draws
    shown = re.findall(r"</svg>\s*([^<]+) <b>([\d,]+)</b></li>", pages["embed/"])
    of_types = {
        BY_SLUG[slug].name: counted(
            "category = ANY(%s)", [TYPES[each] for each, its in FAMILIES.items() if its == slug]
        )
        for slug in families
    }
    assert {name: first(count) for name, count in shown} == {name: count for name, count in of_types.items() if count}


@pytest.mark.usefixtures("riverton")
def test_every_figure_in_words_agrees_with_sql(client: Client, incidents: PublishedIncidents) -> None:
    store_rows(incidents)
    check_pages(client, incidents)
    index = get_page(client, "/map/areas/")
    month = Filter.parse({"days": "30"}, incidents)
    counts = re.findall(r'href="/map/area/(\w+)/([\w-]+)/" dir="auto">[^<]*</a> <b class="count">([\d,]+)', index)
    assert len(counts) >= 7
    for layer, code, count in counts:
        days = [month.since, month.until]
        if layer != "beat":
            assert first(count) == sql_count(f"{layer} = %s AND day BETWEEN %s AND %s", [code, *days])
            if first(count):
                others = (
                    sql_count(f"{layer} = %s AND day BETWEEN %s AND %s", [code, each.since, each.until])
                    for each in comparison_filters(month)
                )
                check_lead(get_page(client, f"/map/area/{layer}/{code}/"), first(count), *others)

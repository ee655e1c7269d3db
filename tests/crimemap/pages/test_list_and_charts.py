"""The other views of a selection: list, charts, about the data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest

from crimemap import glossary
from crimemap.pages import about_data, charts, incident_list
from crimemap.snapshot.filters import Filter, FilterError
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import HourCounts
from tests.crimemap.pages.test_map import get_page, parse_filter

# The list


def read_all_pages(incidents: PublishedIncidents, order: str, chosen: Filter) -> list[Any]:
    total = incidents.count(chosen)
    pages = range(1, -(-total // incident_list.PAGE_ROWS) + 1)
    return [row for page in pages for row in incident_list.build_page(incidents, chosen, total, order, str(page)).rows]


@pytest.mark.parametrize("order", incident_list.ORDERS)
@pytest.mark.parametrize("query", [{}, {"days": "90", "category": "burglary"}, {"area": "district:2", "days": "90"}])
def test_every_order_lists_every_incident_once(riverton, incidents: PublishedIncidents, order, query):
    chosen = parse_filter(incidents, **query)
    every = [row for offset in (0, 1000) for row in incidents.read_page(chosen, offset=offset, limit=1000).rows]
    assert sorted(row.public_id for row in read_all_pages(incidents, order, chosen)) == sorted(
        row.public_id for row in every
    )


def test_each_order_sorts_by_its_own_key(riverton, incidents: PublishedIncidents):
    chosen = parse_filter(incidents, days="90")
    dates = [row.at for row in read_all_pages(incidents, "-date", chosen)]
    assert dates == sorted(dates, reverse=True)
    dates = [row.at for row in read_all_pages(incidents, "date", chosen)]
    assert dates == sorted(dates)
    kinds = [incidents.category_names[row.category] for row in read_all_pages(incidents, "type", chosen)]
    assert kinds == sorted(kinds)
    assert [incidents.category_names[row.category] for row in read_all_pages(incidents, "-type", chosen)] == sorted(
        kinds, reverse=True
    )
    areas = [row.areas["neighbourhood"] for row in read_all_pages(incidents, "area", chosen)]
    assert areas == sorted(areas)  # Millside, Old Town: codes and names have the same order
    assert [row.areas["neighbourhood"] for row in read_all_pages(incidents, "-area", chosen)] == sorted(
        areas, reverse=True
    )


def test_rows_of_one_type_are_newest_first(riverton, incidents: PublishedIncidents):
    rows = read_all_pages(incidents, "type", parse_filter(incidents, days="90"))
    dates = [row.at for row in rows if row.category == "burglary"]
    assert dates == sorted(dates, reverse=True)


def test_page_links_keep_order_and_filter(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/list/", days="90", sort="type", page="2")
    assert "Page 2 of" in page
    assert page.count("/map/incident/") == incident_list.PAGE_ROWS
    for rel, number in (("prev", "1"), ("next", "3")):
        address = unescape(re.search(rf'<a href="([^"]*)" rel="{rel}"', page)[1])
        assert address == f"?days=90&sort=type&page={number}"
    assert re.search(r'<th scope="col" aria-sort="ascending">What', page)


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ({"page": "9999"}, "days=30&page="),
        ({"page": "0"}, "days=30&page=1"),
        ({"page": "-1"}, "days=30&page=1"),
        ({"page": "1e3"}, "days=30&page=1"),
        ({"page": "9" * 3000}, "days=30&page=1"),
        ({"sort": "newest"}, "days=30&sort=-date"),
        ({"page": "٣"}, "days=30&page=1"),
    ],
)
def test_unknown_page_or_order_is_refused_with_a_valid_one(
    client, riverton, incidents: PublishedIncidents, query, offered
):
    answer = client.get("/map/list/", query)
    assert answer.status_code == 400
    nearest = unescape(re.search(r'class="btn" href="([^"]*)"', answer.content.decode())[1])
    assert nearest.startswith(f"/map/list/?{offered}")
    assert client.get(nearest).status_code == 200


def test_query_of_ten_thousand_characters_is_refused(client, riverton, incidents: PublishedIncidents):
    for address in ("/map/", "/map/list/", "/map/charts/", "/map/about/", "/map/compare/"):
        answer = client.get(f"{address}?days={'x' * 10_000}")
        assert answer.status_code == 400
        assert len(answer.content) < 20_000


def test_list_row_is_no_more_exact_than_the_publication(client, riverton, incidents: PublishedIncidents):
    chosen = parse_filter(incidents)
    rows = incidents.read_page(chosen, limit=1000).rows
    assert any(row.precision == "day" for row in rows)
    page = get_page(client, "/map/list/")
    shown = re.findall(r"/map/incident/(\w+)/.*?</th><td>([^<]*)</td>", page)
    by_id = {row.public_id: row for row in rows}
    assert len(shown) == incident_list.PAGE_ROWS
    for public_id, when in shown:
        assert ("about" in when) is (by_id[public_id].precision == "hour")


# Charts


def test_trend_counts_every_incident_once(incidents: PublishedIncidents):
    for query, unit in (
        ({"days": "14"}, "day"),
        ({"days": "90"}, "week"),
        ({}, "month"),
        ({"days": "30", "category": "burglary"}, "week"),
    ):
        chosen = parse_filter(incidents, **query)
        trend = charts.build_trend(incidents, chosen)
        assert trend.unit == unit
        assert trend.total == sum(bar.count for bar in trend.bars) == incidents.count(chosen)


def test_trend_is_compared_with_the_period_before_and_a_year_ago(incidents: PublishedIncidents):
    chosen = parse_filter(incidents, days="30")
    trend = charts.build_trend(incidents, chosen)
    comparison = incidents.compare_periods(chosen)
    assert [line.total for line in trend.comparisons] == [comparison.before, comparison.year_ago]
    assert trend.axis_max >= max(bar.count for bar in trend.bars)
    assert all(0 <= bar.height <= 100 for bar in trend.bars)
    first = parse_filter(incidents, **{"from": incidents.since.isoformat(), "to": incidents.until.isoformat()})
    assert charts.build_trend(incidents, first).comparisons == []


def test_weeks_are_cut_back_from_the_last_day_and_a_partial_week_is_marked(incidents: PublishedIncidents):
    trend = charts.build_trend(incidents, parse_filter(incidents, days="30"))
    assert [bar.is_partial for bar in trend.bars] == [True, False, False, False, False]
    chosen = replace(parse_filter(incidents), since=date(2024, 3, 1), until=date(2024, 8, 31), days=0)
    assert not charts.build_trend(incidents, chosen).has_partial_bars
    chosen = replace(chosen, since=date(2024, 3, 2))
    assert [bar.is_partial for bar in charts.build_trend(incidents, chosen).bars] == [True, *[False] * 5]


def test_small_numbers_are_marked_as_small(client, riverton, incidents: PublishedIncidents):
    assert "These numbers are small" in get_page(client, "/map/charts/", days="7", category="fraud")
    assert "These numbers are small" not in get_page(client, "/map/charts/", days="90")


def test_figures_of_every_chart_are_in_a_table(client, riverton, incidents: PublishedIncidents):
    chosen = parse_filter(incidents, days="90")
    page = get_page(client, "/map/charts/", days="90")
    for bar in charts.build_trend(incidents, chosen).bars:
        assert re.search(rf'{re.escape(bar.name)}[^<]*</th><td class="number">{bar.count}</td>', page)
    for category in charts.count_by_category(incidents, chosen):
        assert f'<td class="number">{category.count}</td><td class="number muted">{category.count_before}</td>' in page
    hours = incidents.count_by_hour(chosen)
    table = page[page.index('class="plain hours"') :]
    written = [int(each) for each in re.findall(r'<td class="number">(\d+)</td>', table[: table.index("</table>")])]
    expected = [n for line, unknown in zip(hours.grid, hours.no_hour, strict=True) for n in [*line, unknown]]
    assert written == expected
    assert f"{sum(hours.no_hour)} incidents are not in this grid, because we don't know their hour" in page


def test_hour_grid_names_the_busiest_hours_and_shades_by_count():
    counts = [[0] * 24 for _ in range(7)]
    counts[4][23], counts[5][0], counts[5][1] = 50, 40, 10
    grid = charts.build_hour_grid(HourCounts(counts, [1, 0, 0, 0, 0, 0, 0], 2))
    assert "100%" in grid.busiest
    assert grid.weekdays[4].cells[23] == (23, 50, 5)
    assert grid.weekdays[5].cells[1] == (1, 10, 1)
    assert grid.weekdays[0].cells[0] == (0, 0, 0)
    assert (grid.known, grid.unknown_hour, grid.unknown_day) == (100, 1, 2)


# About the data


def test_about_page_says_what_is_published_and_what_is_not(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/about/")
    assert "Incidents appear 7 days after they happen, or later" in page
    assert "These are first reports and can change." in page
    assert "Don't use it to judge people." in page
    for name in (incidents.category_names[slug] for slug in incidents.families):
        assert f"<dt>{name}</dt>" in page
    for year, hidden, _held in about_data.withheld_counts(incidents):
        assert f'<th scope="row">{year}</th><td class="number">{hidden}</td>' in page


def test_withheld_counts_cover_only_the_whole_agency(incidents: PublishedIncidents, monkeypatch):
    monkeypatch.setitem(incidents.meta, "not_shown", {"2023": {"hidden": None, "held": 12}, "2024": {"hidden": 1234}})
    assert about_data.withheld_counts(incidents) == [(2024, "1,234", "–"), (2023, "fewer than 5", "12")]
    totals = {"categories": [["assault", 2023, 70]], "areas": [["1", "assault", 2023, 40]]}
    monkeypatch.setitem(incidents.meta, "totals", totals)
    assert about_data.withheld_totals(incidents) == ([2023], [("Assault", ["70"])])


def test_source_age_counts_from_its_last_import_and_is_late_past_the_expected_interval(
    incidents: PublishedIncidents, monkeypatch
):
    from django.utils import timezone

    last = (timezone.now() - timedelta(days=3)).isoformat()
    sources = [
        {"slug": "a", "name": "A", "last_success_at": last, "expected_interval": 24},
        {"slug": "b", "name": "B", "last_success_at": last, "expected_interval": 100},
        {"slug": "c", "name": "C", "last_success_at": None, "expected_interval": 24},
    ]
    monkeypatch.setattr(incidents, "sources", sources)
    assert [(each.age, each.is_late) for each in about_data.source_ages(incidents)] == [
        ("3 days old", True),
        ("3 days old", False),
        ("–", False),
    ]


def test_every_default_category_has_a_definition():
    import csv
    from pathlib import Path

    import crimemap

    with (Path(crimemap.__file__).parent / "data" / "categories.csv").open(encoding="utf-8") as file:
        shown = {row["slug"] for row in csv.DictReader(file) if row["least_visibility"] != "hidden"}
    assert shown == set(glossary.CATEGORY_MEANINGS)


def test_list_reports_every_invalid_parameter(incidents: PublishedIncidents):
    with pytest.raises(FilterError) as raised:
        incident_list.build_page(incidents, parse_filter(incidents), 100, "x", "y")
    assert [problem.part for problem in raised.value.problems] == ["sort", "page"]

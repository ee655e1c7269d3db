"""The other views of a selection: list, charts, about the data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest

from crimemap.pages import about_data, charts, incident_list
from crimemap.snapshot.filters import Filter, FilterError
from crimemap.snapshot.reader import PublishedIncidents
from crimemap.snapshot.results import HourCounts
from tests.crimemap.pages.test_map import read, usual

# The list


def listed(incidents: PublishedIncidents, order: str, chosen: Filter) -> list[Any]:
    total = incidents.count(chosen)
    pages = range(1, -(-total // incident_list.SIZE) + 1)
    return [row for page in pages for row in incident_list.listing(incidents, chosen, total, order, str(page)).rows]


@pytest.mark.parametrize("order", incident_list.ORDERS)
@pytest.mark.parametrize("query", [{}, {"days": "90", "category": "burglary"}, {"area": "district:2", "days": "90"}])
def test_every_order_lists_every_incident_once(riverton, incidents: PublishedIncidents, order, query):
    chosen = usual(incidents, **query)
    every = [row for offset in (0, 1000) for row in incidents.rows(chosen, offset=offset, limit=1000).rows]
    assert sorted(row.public_id for row in listed(incidents, order, chosen)) == sorted(row.public_id for row in every)


def test_orders(riverton, incidents: PublishedIncidents):
    chosen = usual(incidents, days="90")
    dates = [row.at for row in listed(incidents, "-date", chosen)]
    assert dates == sorted(dates, reverse=True)
    dates = [row.at for row in listed(incidents, "date", chosen)]
    assert dates == sorted(dates)
    kinds = [incidents.names[row.category] for row in listed(incidents, "type", chosen)]
    assert kinds == sorted(kinds)
    assert [incidents.names[row.category] for row in listed(incidents, "-type", chosen)] == sorted(kinds, reverse=True)
    areas = [row.areas["neighbourhood"] for row in listed(incidents, "area", chosen)]
    assert areas == sorted(areas)  # Millside, Old Town: codes and names have the same order
    assert [row.areas["neighbourhood"] for row in listed(incidents, "-area", chosen)] == sorted(areas, reverse=True)


def test_within_a_type_the_newest_comes_first(riverton, incidents: PublishedIncidents):
    rows = listed(incidents, "type", usual(incidents, days="90"))
    dates = [row.at for row in rows if row.category == "burglary"]
    assert dates == sorted(dates, reverse=True)


def test_pages_lead_on_and_keep_order_and_filter(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/list/", days="90", sort="type", page="2")
    assert "Page 2 of" in page
    assert page.count("/map/incident/") == incident_list.SIZE
    for rel, number in (("prev", "1"), ("next", "3")):
        address = unescape(re.search(rf'<a href="([^"]*)" rel="{rel}"', page)[1])
        assert address == f"?days=90&sort=type&page={number}"
    assert re.search(r'<th scope="col" aria-sort="ascending">What', page)


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ({"page": "9999"}, "days=365&page="),
        ({"page": "0"}, "days=365&page=1"),
        ({"page": "-1"}, "days=365&page=1"),
        ({"page": "1e3"}, "days=365&page=1"),
        ({"page": "9" * 3000}, "days=365&page=1"),
        ({"sort": "newest"}, "days=365&sort=-date"),
        ({"page": "٣"}, "days=365&page=1"),
    ],
)
def test_a_page_or_an_order_that_is_none_is_refused_with_one_that_is(
    client, riverton, incidents: PublishedIncidents, query, offered
):
    answer = client.get("/map/list/", query)
    assert answer.status_code == 400
    nearest = unescape(re.search(r'class="btn" href="([^"]*)"', answer.content.decode())[1])
    assert nearest.startswith(f"/map/list/?{offered}")
    assert client.get(nearest).status_code == 200


def test_ten_thousand_characters_of_query_are_refused(client, riverton, incidents: PublishedIncidents):
    for address in ("/map/", "/map/list/", "/map/charts/", "/map/about/", "/map/compare/"):
        answer = client.get(f"{address}?days={'x' * 10_000}")
        assert answer.status_code == 400
        assert len(answer.content) < 20_000


def test_a_row_says_no_more_than_is_published(client, riverton, incidents: PublishedIncidents):
    chosen = usual(incidents)
    rows = incidents.rows(chosen, limit=1000).rows
    assert any(row.precision == "day" for row in rows)
    page = read(client, "/map/list/")
    shown = re.findall(r"/map/incident/(\w+)/.*?</th><td>([^<]*)</td>", page)
    by_id = {row.public_id: row for row in rows}
    assert len(shown) == incident_list.SIZE
    for public_id, when in shown:
        assert ("about" in when) is (by_id[public_id].precision == "hour")


# Charts


def test_a_trend_counts_everything_once(incidents: PublishedIncidents):
    for query, unit in (
        ({"days": "14"}, "day"),
        ({"days": "90"}, "week"),
        ({}, "month"),
        ({"days": "30", "category": "burglary"}, "week"),
    ):
        chosen = usual(incidents, **query)
        told = charts.trend(incidents, chosen)
        assert told.unit == unit
        assert told.total == sum(bar.count for bar in told.bars) == incidents.count(chosen)


def test_a_trend_is_compared_with_the_days_before_and_a_year_ago(incidents: PublishedIncidents):
    chosen = usual(incidents, days="30")
    told = charts.trend(incidents, chosen)
    comparison = incidents.compare(chosen)
    assert [line.total for line in told.lines] == [comparison.before, comparison.year_ago]
    assert told.highest >= max(bar.count for bar in told.bars)
    assert all(0 <= bar.height <= 100 for bar in told.bars)
    first = usual(incidents, **{"from": incidents.since.isoformat(), "to": incidents.until.isoformat()})
    assert charts.trend(incidents, first).lines == []


def test_weeks_run_back_from_the_last_day_and_the_cut_one_is_marked(incidents: PublishedIncidents):
    told = charts.trend(incidents, usual(incidents, days="30"))
    assert [bar.is_cut for bar in told.bars] == [True, False, False, False, False]
    chosen = replace(usual(incidents), since=date(2024, 3, 1), until=date(2024, 8, 31), days=0)
    assert not charts.trend(incidents, chosen).has_cut
    chosen = replace(chosen, since=date(2024, 3, 2))
    assert [bar.is_cut for bar in charts.trend(incidents, chosen).bars] == [True, *[False] * 5]


def test_small_numbers_are_said_to_be_small(client, riverton, incidents: PublishedIncidents):
    assert "These numbers are small" in read(client, "/map/charts/", days="7", category="fraud")
    assert "These numbers are small" not in read(client, "/map/charts/", days="90")


def test_the_figures_of_every_chart_are_in_a_table(client, riverton, incidents: PublishedIncidents):
    chosen = usual(incidents, days="90")
    page = read(client, "/map/charts/", days="90")
    for bar in charts.trend(incidents, chosen).bars:
        assert re.search(rf'{re.escape(bar.name)}[^<]*</th><td class="number">{bar.count}</td>', page)
    for kind in charts.kinds(incidents, chosen):
        assert f'<td class="number">{kind.count}</td><td class="number muted">{kind.before}</td>' in page
    hours = incidents.hours(chosen)
    table = page[page.index('class="plain hours"') :]
    told = [int(each) for each in re.findall(r'<td class="number">(\d+)</td>', table[: table.index("</table>")])]
    expected = [n for line, unknown in zip(hours.grid, hours.no_hour, strict=True) for n in [*line, unknown]]
    assert told == expected
    assert f"{sum(hours.no_hour)} incidents have a day but no known hour" in page


def test_the_grid_names_the_busiest_hours_and_shades_by_count():
    counts = [[0] * 24 for _ in range(7)]
    counts[4][23], counts[5][0], counts[5][1] = 50, 40, 10
    told = charts.grid(HourCounts(counts, [1, 0, 0, 0, 0, 0, 0], 2))
    assert "100%" in told.busiest
    assert told.weekdays[4].cells[23] == (23, 50, 5)
    assert told.weekdays[5].cells[1] == (1, 10, 1)
    assert told.weekdays[0].cells[0] == (0, 0, 0)
    assert (told.known, told.no_hour, told.no_day) == (100, 1, 2)


# About the data


def test_the_page_says_what_is_published_and_what_is_not(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/about/")
    assert "7 days after it happened" in page
    assert "preliminary and may change" in page
    assert "not for judging people" in page
    for name in (incidents.names[slug] for slug in incidents.families):
        assert f"<dt>{name}</dt>" in page
    for year, hidden, _held in about_data.not_shown(incidents):
        assert f'<th scope="row">{year}</th><td class="number">{hidden}</td>' in page


def test_what_is_not_shown_is_told_for_the_whole_agency_alone(incidents: PublishedIncidents, monkeypatch):
    monkeypatch.setitem(incidents.meta, "not_shown", {"2023": {"hidden": None, "held": 12}, "2024": {"hidden": 1234}})
    assert about_data.not_shown(incidents) == [(2024, "1,234", "–"), (2023, "fewer than 5", "12")]
    totals = {"categories": [["assault", 2023, 70]], "areas": [["1", "assault", 2023, 40]]}
    monkeypatch.setitem(incidents.meta, "totals", totals)
    assert about_data.totals(incidents) == ([2023], [("Assault", ["70"])])


def test_a_source_is_as_old_as_its_last_import_and_late_when_the_next_is_due(
    incidents: PublishedIncidents, monkeypatch
):
    from django.utils import timezone

    last = (timezone.now() - timedelta(days=3)).isoformat()
    told = [
        {"slug": "a", "name": "A", "last_success_at": last, "expected_interval": 24},
        {"slug": "b", "name": "B", "last_success_at": last, "expected_interval": 100},
        {"slug": "c", "name": "C", "last_success_at": None, "expected_interval": 24},
    ]
    monkeypatch.setattr(incidents, "sources", told)
    assert [(each.age, each.is_late) for each in about_data.sources(incidents)] == [
        ("3 days old", True),
        ("3 days old", False),
        ("–", False),
    ]


def test_every_usual_category_is_explained():
    import csv
    from pathlib import Path

    import crimemap

    with (Path(crimemap.__file__).parent / "data" / "categories.csv").open(encoding="utf-8") as file:
        shown = {row["slug"] for row in csv.DictReader(file) if row["least_visibility"] != "hidden"}
    assert shown == set(about_data.DEFINITIONS)


def test_a_listing_refuses_with_all_that_is_wrong(incidents: PublishedIncidents):
    with pytest.raises(FilterError) as told:
        incident_list.listing(incidents, usual(incidents), 100, "x", "y")
    assert [problem.part for problem in told.value.problems] == ["sort", "page"]

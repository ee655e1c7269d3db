"""Every answer about published incidents equals that of SQL over the same rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extras import execute_values

from crimemap.privacy import visibility
from crimemap.publishing import prefix_sums, publisher
from crimemap.snapshot import bubbles, format, period_counts, published_incidents, reader, results, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from tests.crimemap.sample_incidents import TODAY, records, rule

ROWS = 3000
CITY = (41.70, -87.75, 41.95, -87.50)
FIRST = date(1970, 1, 1) + timedelta(TODAY - 900)
LAST = date(1970, 1, 1) + timedelta(TODAY)
DISTANCE_METERS = """111320 * sqrt((lat - %(lat)s) ^ 2 + ((lon - %(lon)s) * cos(radians((lat + %(lat)s) / 2))) ^ 2)"""


@dataclass
class Both:
    """The folder and the same rows in a table of PostgreSQL."""

    published: PublishedIncidents
    connection: Any

    def sql(self, what: str, chosen: Filter, rest: str = "", **values: Any) -> list[tuple[Any, ...]]:
        conditions, parameters = where(chosen)
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {what} FROM shown WHERE {conditions} {rest}", parameters | values)
            return cursor.fetchall()


def where(chosen: Filter) -> tuple[str, dict[str, Any]]:
    parts, values = ["at::date BETWEEN %(since)s AND %(until)s"], {"since": chosen.since, "until": chosen.until}
    if chosen.categories:
        parts.append("category = ANY(%(categories)s)")
        values["categories"] = list(chosen.categories)
    if chosen.hours:
        parts.append("precision = 'hour' AND extract(hour FROM at) = ANY(%(hours)s)")
        values["hours"] = list(chosen.hours)
    if chosen.weekdays:
        parts.append("precision <> 'month' AND extract(isodow FROM at) - 1 = ANY(%(weekdays)s)")
        values["weekdays"] = list(chosen.weekdays)
    if chosen.area:
        parts.append(f"{chosen.area[0]} = %(code)s")
        values["code"] = chosen.area[1]
    if chosen.circle:
        parts.append(f"{DISTANCE_METERS} <= %(radius)s")
        values |= dict(zip(("lat", "lon", "radius"), chosen.circle, strict=True))
    if chosen.box:
        parts.append("lat BETWEEN %(south)s AND %(north)s AND lon BETWEEN %(west)s AND %(east)s")
        values |= dict(zip(("south", "west", "north", "east"), chosen.box, strict=True))
    return " AND ".join(parts), values


def made_rows() -> list[dict[str, Any]]:
    random = np.random.default_rng(7)
    points = np.round(random.random((60, 2)) * [0.2, 0.2] + [41.72, -87.72], 5).tolist()
    result = []
    for _ in range(ROWS):
        place = int(random.integers(70))
        result.append(
            {
                "code": int(random.choice([1, 1, 2, 3, 6])),
                "precision": str(random.choice(["minute", "hour", "day", "month"], p=[0.7, 0.1, 0.15, 0.05])),
                "point": points[place] if place < 60 else None,
                "block": f"{place}00 block of Arden St",
                "district": f"{place % 4:03}" if place else "",
                "beat": f"{place % 9:04}",
                "neighbourhood": str(int(random.integers(5))),
                "description": str(random.choice(["", "STREET", "ALLEY"])),
                "outcome": str(random.choice(["", "Arrest"])),
                "day": TODAY - 10 - int(random.integers(880)),
                "hour": int(random.integers(24)),
                "public_id": f"{random.integers(36**7):012}",
            }
        )
    return result


@pytest.fixture(scope="module", params=["with prefix sums", "with small ones alone", "without"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("published")
    stored = records(*made_rows())
    with pytest.MonkeyPatch.context() as patch:
        # With as many rows as a city has, or with very few.
        patch.setattr(prefix_sums, "MAX_NUMBERS_PER_ROW", 0 if request.param == "without" else 10**6)
        if request.param == "with small ones alone":
            patch.setattr(prefix_sums, "MAX_CUBE_NUMBERS", 2000)
        publisher.write_version(folder, stored, visibility.decide_levels(stored, rule()), rule(), [])
    with override_settings(INCIDENT_SNAPSHOTS=folder):
        published = reader.current()
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE shown (public_id text, at timestamp, precision text, category text, lat float8, lon float8,"
            " district text, beat text, neighbourhood text)"
        )
        page = published.read_page(Filter(published.since, published.until), limit=1000)
        rows = [row for start in range(0, page.total, 1000) for row in everything(published, start)]
        assert len(rows) == page.total == ROWS
        lines = [
            (
                *(row.public_id, row.at, row.precision, row.category, row.latitude, row.longitude),
                *(row.areas.get(layer, "") for layer in format.LAYERS),
            )
            for row in rows
        ]
        execute_values(cursor, "INSERT INTO shown VALUES %s", lines)
    yield Both(published, connection)
    connection.close()


def everything(published: PublishedIncidents, offset: int) -> list[results.IncidentRow]:
    return published.read_page(Filter(published.since, published.until), offset=offset, limit=1000).rows


days = st.dates(FIRST - timedelta(40), LAST + timedelta(40))
points = st.tuples(st.floats(41.68, 41.97), st.floats(-87.77, -87.48)).map(lambda p: (round(p[0], 5), round(p[1], 5)))
circles = st.tuples(points, st.sampled_from([150.0, 700.0, 5000.0, 50_000.0])).map(lambda c: (*c[0], c[1]))
boxes = st.tuples(points, points).map(
    lambda ends: (
        *(min(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])),
        *(max(ends[0][0], ends[1][0]), max(ends[0][1], ends[1][1])),
    )
)
areas = st.one_of(
    st.tuples(st.just("district"), st.sampled_from(["", "000", "003", "nowhere"])),
    st.tuples(st.just("beat"), st.sampled_from(["", "0002"])),
    st.tuples(st.just("neighbourhood"), st.sampled_from(["0", "4"])),
)
filters = st.builds(
    lambda ends, **parts: Filter(min(ends), max(ends), **parts),
    st.one_of(st.just((FIRST, LAST)), st.tuples(days, days)),
    categories=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(["burglary", "assault", "fraud"]))),
    hours=st.one_of(st.just(frozenset()), st.frozensets(st.integers(0, 23), max_size=8)),
    weekdays=st.one_of(st.just(frozenset()), st.frozensets(st.integers(0, 6), max_size=4)),
    area=st.one_of(st.none(), st.none(), areas),
    circle=st.one_of(st.none(), st.none(), circles),
    box=st.one_of(st.none(), st.none(), boxes),
)
quick = settings(max_examples=30, deadline=None)


@quick
@given(chosen=filters)
def test_counts_equal_sql(both: Both, chosen: Filter) -> None:
    published = both.published
    ((count, unmapped),) = both.sql("count(*), count(*) FILTER (WHERE lat IS NULL)", chosen)
    assert published.count(chosen) == count
    assert published.count_unmapped(chosen) == unmapped
    assert published.count_by_category(chosen) == dict(both.sql("category, count(*)", chosen, "GROUP BY 1"))
    for layer in format.LAYERS:
        assert published.count_by_area(chosen, layer) == dict(both.sql(f"{layer}, count(*)", chosen, "GROUP BY 1"))


@quick
@given(chosen=filters)
def test_counts_by_month_equal_sql(both: Both, chosen: Filter) -> None:
    result = both.published.count_by_month(chosen)
    in_sql = dict(both.sql("date_trunc('month', at)::date, count(*)", chosen, "GROUP BY 1"))
    assert {month: count for month, count in result if count} == in_sql
    months = [month for month, _ in result]
    assert months == sorted(set(months))
    assert not result or len(result) == (months[-1].year - months[0].year) * 12 + months[-1].month - months[0].month + 1


@quick
@given(chosen=filters)
def test_counts_by_day_equal_sql(both: Both, chosen: Filter) -> None:
    result = both.published.count_by_day(chosen)
    first = max(chosen.since, both.published.since)
    in_sql = dict(both.sql("at::date, count(*)", chosen, "AND precision <> 'month' GROUP BY 1"))
    assert {first + timedelta(number): count for number, count in enumerate(result) if count} == in_sql
    assert len(result) == max(0, (min(chosen.until, both.published.until) - first).days + 1)


def test_the_bounds_contain_every_point(both: Both) -> None:
    everything = Filter(both.published.since, both.published.until)
    assert both.published.bounds == both.sql("min(lat), min(lon), max(lat), max(lon)", everything)[0]


@quick
@given(chosen=filters)
def test_counts_by_hour_equal_sql(both: Both, chosen: Filter) -> None:
    hours = both.published.count_by_hour(chosen)
    grid = both.sql(
        "extract(isodow FROM at)::int - 1, extract(hour FROM at)::int, count(*)",
        chosen,
        "AND precision = 'hour' GROUP BY 1, 2",
    )
    no_hour = both.sql("extract(isodow FROM at)::int - 1, count(*)", chosen, "AND precision = 'day' GROUP BY 1")
    ((no_day,),) = both.sql("count(*)", chosen, "AND precision = 'month'")
    assert {(d, h, n) for d, line in enumerate(hours.grid) for h, n in enumerate(line) if n} == set(grid)
    assert {(d, n) for d, n in enumerate(hours.no_hour) if n} == set(no_hour)
    assert hours.no_day == no_day


def test_periods_whose_data_differ_are_not_compared(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Filter(date(2024, 2, 1), date(2024, 2, 29))
    plain = both.published.compare_periods(chosen)
    assert period_counts.compare_like_periods(both.published, chosen) == plain
    broken = (date(2023, 2, 1), date(2023, 2, 28))
    monkeypatch.setattr(period_counts, "find_break", lambda *given: "types" if given[2] == broken else "")
    assert period_counts.compare_like_periods(both.published, chosen) == replace(plain, year_ago=None)


@quick
@given(ages=st.tuples(*[st.integers(-40, 920)] * 4))
def test_a_value_of_one_period_alone_is_found_as_in_sql(both: Both, ages: tuple[int, int, int, int]) -> None:
    days = [date(1970, 1, 1) + timedelta(TODAY - age) for age in ages]
    now, before = (min(days[:2]), max(days[:2])), (min(days[2:]), max(days[2:]))

    def differs(column: str) -> bool:
        one, other = (
            {value for (value,) in both.sql(f"DISTINCT {column}", Filter(*each)) if value} for each in (now, before)
        )
        return one != other

    columns = {"source": "1", "types": "category", "areas": "district"}
    expected = next((name for name, column in columns.items() if differs(column)), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(period_counts, "BREAK_COUNT", 1)
        assert period_counts.find_break(both.published, now, before, "district") == expected


@quick
@given(chosen=filters)
def test_the_period_before_is_counted_as_in_sql(both: Both, chosen: Filter) -> None:
    result = both.published.compare_periods(chosen)
    days = (chosen.until - chosen.since).days + 1
    before = Filter(chosen.since - timedelta(days), chosen.until - timedelta(days), *_rest(chosen))
    assert result.this == both.sql("count(*)", chosen)[0][0]
    expected = both.sql("count(*)", before)[0][0] if before.since >= both.published.since else None
    assert result.before == expected


def _rest(chosen: Filter) -> list[Any]:
    return [0, chosen.categories, chosen.hours, chosen.weekdays, chosen.area, chosen.circle, chosen.box]


def test_the_same_period_a_year_ago_is_counted(both: Both) -> None:
    result = both.published.compare_periods(Filter(date(2024, 2, 1), date(2024, 2, 29)))
    assert result.year_ago == both.sql("count(*)", Filter(date(2023, 2, 1), date(2023, 2, 28)))[0][0]
    assert both.published.compare_periods(Filter(date(2022, 5, 1), date(2022, 6, 1))).year_ago is None


@quick
@given(chosen=filters, offset=st.integers(0, ROWS), limit=st.integers(0, 60))
def test_pages_are_newest_first_at_any_offset(both: Both, chosen: Filter, offset: int, limit: int) -> None:
    page = both.published.read_page(chosen, offset=offset, limit=limit)
    in_sql = both.sql("at, public_id", chosen, "ORDER BY at DESC")
    assert page.total == len(in_sql)
    assert [row.at for row in page.rows] == [at for at, _ in in_sql[offset : offset + limit]]
    assert {(row.at, row.public_id) for row in page.rows} <= set(in_sql)
    whole = both.published.read_page(chosen, limit=1000).rows
    if offset + limit <= len(whole):
        assert page.rows == whole[offset : offset + limit]


@quick
@given(chosen=filters, at_once=st.integers(1, 400), piece=st.sampled_from([16, 300, 1 << 17]))
def test_iteration_yields_all_rows_newest_first(both: Both, chosen: Filter, at_once: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_scan, "SLICE_ROWS", piece)
        lists = list(both.published.iterate_newest(chosen, batch_rows=at_once))
    read = [row for rows in lists for row in rows]
    assert all(len(rows) <= at_once for rows in lists)
    assert len(read) == both.published.count(chosen)
    assert [row.public_id for row in read[:1000]] == [
        row.public_id for row in both.published.read_page(chosen, limit=1000).rows
    ]


@quick
@given(chosen=filters, number=st.integers(0, ROWS), piece=st.sampled_from([16, 1 << 17]))
def test_iteration_continues_after_any_row(both: Both, chosen: Filter, number: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_scan, "SLICE_ROWS", piece)
        read = ids(both.published.iterate_newest(chosen))
        last = everything(both.published, number - number % 1000)[number % 1000 : number % 1000 + 1]
        for row in last:  # of all rows: it need not be one of the filter's
            hour = int((row.at - published_incidents.EPOCH_MIDNIGHT).total_seconds()) // 3600
            rest = ids(both.published.iterate_newest(chosen, after=(hour, row.public_id)))
            order = ids(both.published.iterate_newest(Filter(both.published.since, both.published.until)))
            follow = set(order[order.index(row.public_id) + 1 :])
            assert rest == [each for each in read if each in follow]


def ids(lists: Iterator[list[results.IncidentRow]]) -> list[str]:
    return [row.public_id for rows in lists for row in rows]


@quick
@given(chosen=filters, number=st.integers(0, 59))
def test_rows_at_a_point_equal_sql(both: Both, chosen: Filter, number: int) -> None:
    latitude, longitude = made_points()[number]
    page = both.published.read_page_at_point(chosen, latitude, longitude, limit=1000)
    in_sql = both.sql("public_id", chosen, "AND lat = %(a)s AND lon = %(b)s", a=latitude, b=longitude)
    assert sorted(row.public_id for row in page.rows) == sorted(public_id for (public_id,) in in_sql)
    assert page.total == len(in_sql)


def made_points() -> list[list[float]]:
    return np.round(np.random.default_rng(7).random((60, 2)) * [0.2, 0.2] + [41.72, -87.72], 5).tolist()


CELL_X = "floor((lon + 180) / 360 * %(cells)s)"
CELL_Y = "floor((0.5 - ln((1 + sin(radians(lat))) / (1 - sin(radians(lat)))) / (4 * pi())) * %(cells)s)"


@quick
@given(chosen=filters, zoom=st.integers(2, 19), view=st.one_of(st.just(CITY), boxes))
def test_bubbles_equal_sql(both: Both, chosen: Filter, zoom: int, view: row_scan.Box) -> None:
    shown = bubbles.view_of(view, zoom)
    result = bubbles.bubbles(both.published, chosen, shown)
    in_sql = both.sql(
        f"avg(lat), avg(lon), count(*), count(*) FILTER (WHERE category = 'assault'), {CELL_X}, {CELL_Y}",
        chosen,
        f"AND {CELL_X} BETWEEN %(left)s AND %(right)s AND {CELL_Y} BETWEEN %(top)s AND %(bottom)s GROUP BY 5, 6",
        cells=2.0 ** (shown.zoom + 2),
        left=shown.west,
        right=shown.east,
        top=shown.north,
        bottom=shown.south,
    )
    assert len(result) == len(in_sql)
    expected = sorted((round(lat, 7), round(lon, 7), count, people) for lat, lon, count, people, _, _ in in_sql)
    found = sorted((round(b.latitude, 7), round(b.longitude, 7), b.count, b.families.get("people", 0)) for b in result)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=2e-7)
    assert all(sum(bubble.families.values()) == bubble.count for bubble in result)


def test_zooms_have_prefix_sums_by_month_or_by_year(both: Both, request: pytest.FixtureRequest) -> None:
    zooms = range(format.MONTH_ZOOMS.start, format.YEAR_ZOOMS.stop)
    by = ["".join(name for name in ("month", "year") if f"{name}_count_{z}" in both.published.columns) for z in zooms]
    months = by.count("month")
    assert by == ["month"] * months + ["year"] * by.count("year") + [""] * by.count("")
    if request.node.callspec.params["both"] == "with small ones alone":
        assert 0 < months < len(format.MONTH_ZOOMS)
        assert "year" in by
    has_days = request.node.callspec.params["both"] == "with prefix sums"
    for name in ("by_day", "district_by_day"):
        assert (name in both.published.columns) == has_days, (
            "counts of the whole city come from sums by day, or from rows"
        )


def test_a_bubble_says_if_no_zoom_splits_it(both: Both) -> None:
    published = both.published
    whole = Filter(published.since, published.until)
    near = bubbles.bubbles(published, whole, bubbles.view_of(CITY, 17))
    assert {bubble.one_point for bubble in near} == {True}
    for bubble in near[:10]:
        assert published.read_page_at_point(whole, bubble.latitude, bubble.longitude).total == bubble.count
    assert not any(bubble.one_point for bubble in bubbles.bubbles(published, whole, bubbles.view_of(CITY, 5)))


@given(
    st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 4),
    st.integers(-(10**9), 10**9),
)
def test_any_view_has_a_bounded_size(box: row_scan.Box, zoom: int) -> None:
    view = bubbles.view_of(box, zoom)
    assert (view.east - view.west + 1) * (view.south - view.north + 1) <= bubbles.MAX_VIEW_CELLS
    assert bubbles.MIN_ZOOM <= view.zoom <= format.DEEPEST


def test_boxes_of_the_same_cells_have_the_same_view() -> None:
    view = bubbles.view_of((41.8001, -87.7001, 41.8999, -87.6001), 13)
    assert bubbles.view_of((41.8002, -87.7002, 41.8998, -87.6002), 13) == view


def test_an_incident_is_found_by_its_public_id(both: Both) -> None:
    for row in everything(both.published, 0)[::25]:
        assert both.published.find_incident(row.public_id) == row
    for unknown in ("", "x", "000000000000", "é" * 12, "a" * 5000, "\0" * 12):
        with pytest.raises(published_incidents.UnknownIncidentError):
            both.published.find_incident(unknown)


def test_every_row_is_found_by_its_id_even_among_many(tmp_path: Path) -> None:
    """More rows than one sample of the index holds."""
    random = np.random.default_rng(3)
    ids = [f"{number:012x}" for number in random.choice(16**9, 5000, replace=False).tolist()]
    stored = records(*({"public_id": public_id} for public_id in ids))
    publisher.write_version(tmp_path, stored, visibility.decide_levels(stored, rule()), rule(), [])
    with override_settings(INCIDENT_SNAPSHOTS=tmp_path):
        published = reader.current()
    assert [published.find_incident(public_id).public_id for public_id in ids] == ids


def test_midnight_of_a_time_without_hour_is_not_an_hour(both: Both) -> None:
    """Rows that are only known by the day are not counted at 00:00."""
    published = both.published
    midnight = Filter(published.since, published.until, hours=frozenset({0}))
    rows = published.read_page(midnight, limit=1000).rows
    assert rows
    assert {row.precision for row in rows} == {"hour"}
    assert {row.at.hour for row in rows} == {0}


def test_dates_outside_of_the_data_are_accepted(both: Both) -> None:
    for chosen in (Filter(date.min, date.max), Filter(date.min, date.min), Filter(date.max, date.max)):
        both.published.count_by_month(chosen)
        both.published.compare_periods(chosen)
        assert both.published.count(chosen) == (ROWS if chosen.until > chosen.since else 0)


def test_local_time_has_no_zone(both: Both) -> None:
    assert all(isinstance(row.at, datetime) and row.at.tzinfo is None for row in everything(both.published, 0)[:5])

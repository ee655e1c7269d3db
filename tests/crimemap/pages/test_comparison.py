"""Two areas or two periods side by side: figures, words, addresses and files."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

from core.web import page_cache
from crimemap import wording
from crimemap.models import Area
from crimemap.places import areas
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.usual_range import judge_count
from tests.crimemap import published_city
from tests.crimemap.pages.test_map import get_page, parse_filter

AREAS, PERIODS = "/map/compare/", "/map/compare/periods/"
EPOCH = date(1970, 1, 1)


def read_csv(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page)))


def cell_row(page: str, head: str) -> list[str]:
    """Return the numbers of the table's row that starts with `head`."""
    (line,) = re.findall(
        rf"<tr[^>]*><th scope=\"row\">(?:<span class=\"kind\">.*?</svg>)?{head}<.*?</tr>", page, re.DOTALL
    )
    return [unescape(each) for each in re.findall(r'<td class="number">([^<]*)</td>', line)]


def month_rows(count: int, first: date, **more: Any) -> list[dict[str, Any]]:
    point = (41.48512, -38.50231)
    return [
        {"code": 1 + each % 2, "point": point, "day": (first - EPOCH).days + each % 28, "hour": 3, "district": "1",
         "public_id": f"{first:%y%m}{each:08}", **more}
        for each in range(count)
    ]  # fmt: skip


def test_periods_are_compared_in_figures_words_and_a_file(client, riverton, settings, tmp_path):
    counts = {date(2024, 9, 1): 34, date(2024, 8, 1): 50, date(2023, 9, 1): 44, date(2022, 9, 1): 40, date(2021, 9, 1): 42,
              date(2021, 8, 1): 1}  # fmt: skip
    rows = [row for first, count in counts.items() for row in month_rows(count, first)]
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    query = "from=2024-09-01&to=2024-09-20"
    page = get_page(client, f"{PERIODS}?{query}")
    first, second = (sum(1 for row in rows if lower <= row["day"] <= upper) for lower, upper in (
        ((date(year, 9, 1) - EPOCH).days, (date(year, 9, 20) - EPOCH).days) for year in (2024, 2023)
    ))  # fmt: skip
    percent = round((second - first) / second * 100)
    assert f"{second - first} fewer ({percent}%) than the {second} of Sept. 1–20, 2023." in text_of(page)
    assert "of the 3 years before" in text_of(page)
    assert cell_row(page, "All") == [str(first), str(second), f"−{second - first}"]
    answer = client.get(f"/map/compare/periods.csv?{query}&with=year")
    lines = read_csv(answer)
    assert 'filename="comparison_' in answer["Content-Disposition"]
    assert (lines[0]["first_count"], lines[0]["second_count"], lines[0]["difference"]) == (
        str(first), str(second), str(first - second),
    )  # fmt: skip
    assert (lines[0]["first_from"], lines[0]["second_to"], lines[0]["first_area"]) == (
        "2024-09-01",
        "2023-09-20",
        settings.CITY_NAME,
    )
    assert sum(int(line["first_count"]) for line in lines[1:]) == first
    assert f"{PERIODS}?{query}&with=year" in unescape(page)
    assert lines[0]["page"] == f"{settings.PORTAL_URL}{PERIODS}?{query}&with=year"
    assert client.get(f"/map/compare/periods.csv?{query}", headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_the_lead_of_map_and_charts_says_whether_a_count_is_usual(client, riverton, settings, tmp_path):
    earlier = {2023: 44, 2022: 40, 2021: 42}
    for count, words in (
        (41, "in the usual range: {} to {}"),
        (90, "▲ more than usual: {} to {}"),
        (28, "▼ fewer than usual: {} to {}"),
    ):
        folder = tmp_path / str(count)
        folder.mkdir()
        rows = [row for year, each in ({2024: count} | earlier).items() for row in month_rows(each, date(year, 9, 1))]
        settings.INCIDENT_SNAPSHOTS = published_city.write(folder, [*rows, *month_rows(1, date(2021, 8, 1))])
        now, *before = (
            sum(1 for row in rows if (date(year, 9, 1) - EPOCH).days <= row["day"] <= (date(year, 9, 20) - EPOCH).days)
            for year in (2024, 2023, 2022, 2021)
        )
        usual = judge_count(now, before)
        for name in ("", "charts/"):
            page = text_of(get_page(client, f"/map/{name}?from=2024-09-01&to=2024-09-20"))
            assert f"That is {words.format(usual.low, usual.high)} in the 3 years before." in page
            longer = text_of(get_page(client, f"/map/{name}?from=2023-01-01&to=2024-09-20"))
            assert "in the 3 years before" not in longer, "days of a year and more overlap"


def test_figures_of_periods_are_those_of_the_selection(client, riverton, incidents: PublishedIncidents):
    chosen = parse_filter(incidents, days="30", category="family:theft", area="district:1")
    page = get_page(client, f"{PERIODS}?category=family:theft&days=30&area=district:1&with=before")
    before = chosen.shifted(30)
    both = [incidents.count(each) for each in (chosen, before)]
    assert cell_row(page, "All")[:2] == [str(count) for count in both]
    assert f"{wording.area_name('district', '1', areas.area_names('district'))}: 2 types." in text_of(page)
    own = get_page(
        client, f"{PERIODS}?days=30&with=dates&with_from={incidents.since}&with_to={incidents.since + timedelta(9)}"
    )
    other = Filter(incidents.since, incidents.since + timedelta(9))
    assert cell_row(own, "All")[1] == str(incidents.count(other))
    assert "The periods are not equally long: 30 days and 10 days." in text_of(own)
    shared = get_page(client, f"{PERIODS}?days=30&with=dates&with_from={incidents.until}&with_to={incidents.until}")
    assert "Incidents of these days count in both." in text_of(shared)
    missing = text_of(
        get_page(client, f"{PERIODS}?from={incidents.since}&to={incidents.since + timedelta(5)}&with=before")
    )
    assert "We don't have all data for" in missing
    assert "fewer than" not in missing
    assert cell_row(get_page(client, f"{PERIODS}?from=0001-01-01&to=0001-01-02&with=before"), "All")[2] == "–"


def test_the_form_of_periods_leads_to_an_address_that_says_all(client, riverton, incidents: PublishedIncidents):
    def submit(**fields: str) -> str:
        return client.get(PERIODS, {"area": "", "category": "", "with": "year"} | fields).headers["Location"]

    assert submit(period="newest-30") == f"{PERIODS}?days=30&with=year"
    month = submit(period="2024-08", area="district:1", **{"with": "before"})
    assert month == f"{PERIODS}?from=2024-08-01&to=2024-08-31&area=district:1&with=before"
    page = get_page(client, month)
    assert "<h1>August 2024 and July 2024</h1>" in page
    assert '<option value="2024-08" selected>' in page
    assert (
        submit(period="dates", **{"from": "2024-05-01", "to": "2024-05-10"})
        == f"{PERIODS}?from=2024-05-01&to=2024-05-10&with=year"
    )
    dates = {"with": "dates", "with_from": "2024-04-01", "with_to": "2024-04-10"}
    assert submit(period="newest-7", **dates) == f"{PERIODS}?days=7&with=dates&with_from=2024-04-01&with_to=2024-04-10"
    for fields in (
        {"period": "1999-13"}, {"period": "dates", "from": "x"}, {"period": "newest-30", "with": "dates"},
        {"period": "newest-30", "with": "moon"}, {"period": "newest-30", **dates, "with_to": "2024-03-01"},
        {"period": "newest-30", "area": "district:77"},
    ):  # fmt: skip
        assert client.get(PERIODS, fields).status_code == 400, fields
    assert client.post(PERIODS).status_code == 405


def test_other_types_or_systems_in_one_period_break_the_comparison(client, riverton, settings, tmp_path):
    rows = (
        month_rows(60, date(2024, 8, 1), code=1)
        + month_rows(60, date(2023, 8, 1), code=2)
        + month_rows(60, date(2024, 9, 1))
    )
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    page = get_page(client, f"{PERIODS}?from=2024-08-02&to=2024-08-20")
    assert "incidents were sorted into other types, so we don't compare." in text_of(page)
    assert "fewer" not in text_of(page).partition("<form")[0].partition("Compare two areas instead")[0]
    assert cell_row(page, "All")[2] == "–"
    lines = read_csv(client.get("/map/compare/periods.csv?from=2024-08-02&to=2024-08-20"))
    assert lines[0]["difference"] == ""


def test_areas_have_a_file_with_escaped_names_and_the_pages_address(
    client, riverton, incidents: PublishedIncidents, settings
):
    Area.objects.filter(layer="district", code="1").delete()
    Area.objects.create(layer="district", code="1", name="=Harbor", outline={}, latitude=0, longitude=0)
    page_cache.clear()
    query = "a=district:1&b=neighbourhood:old-town&days=90"
    page = get_page(client, f"{AREAS}?{query}")
    lines = read_csv(client.get(f"/map/compare.csv?{query}"))
    filters = [parse_filter(incidents, days="90", area=area) for area in ("district:1", "neighbourhood:old-town")]
    assert [lines[0][f"{side}_count"] for side in ("first", "second")] == [
        str(incidents.count(each)) for each in filters
    ]
    assert lines[0]["first_area"] == "'=Harbor"
    assert lines[0]["page"] == f"{settings.PORTAL_URL}{AREAS}?{query}"
    assert f"/map/compare.csv?{query}" in unescape(page)
    by_category = incidents.count_by_category(replace(filters[0], categories=frozenset()))
    assert {
        line["category"]: int(line["first_count"]) for line in lines[1:] if line["first_count"] != "0"
    } == by_category
    assert client.get("/map/compare.csv?a=district:1").status_code == 400
    page_cache.clear()

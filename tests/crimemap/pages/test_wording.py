"""Sentences with periods, shares, comparisons and distances are true of the data they are about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import unescape

import pytest
from django.utils.formats import date_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crimemap import glossary, wording
from crimemap.importing import profiles
from crimemap.models import Block, Intersection
from crimemap.pages import charts
from crimemap.snapshot.filters import PRESETS, Filter
from crimemap.snapshot.published_incidents import PublishedIncidents, comparison_filters
from crimemap.snapshot.results import HourCounts, PeriodComparison
from tests.crimemap.pages.test_map import get_page, parse_filter


@dataclass
class PublishedDays:
    since: date
    until: date
    families: dict[str, str] = field(default_factory=dict)
    areas: dict[str, list[str]] = field(default_factory=dict)
    least_radius: int = 150


DATA = PublishedDays(date(2024, 1, 1), date(2026, 11, 21))
DAYS = st.integers(0, 4000).map(lambda number: date(2020, 1, 1) + timedelta(number))
# A busy machine must not fail a test for being slow.
quick = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def newest(days: int, published: PublishedDays = DATA) -> Filter:
    return Filter(published.until - timedelta(days - 1), published.until, days)


def days_in(sentence: str) -> list[date]:
    """Return the days that a sentence names, however they are shortened: "Nov. 15-21, 2026", "Jan. 1 to Nov. 21, 2026"."""
    months = {date_format(date(2024, month, 1), "N"): month for month in range(1, 13)}
    name = "|".join(map(re.escape, sorted(months, key=len, reverse=True)))
    found = re.findall(rf"({name}) (\d+)(?:–(\d+))?(?:, (\d+))?", sentence)
    years = [int(year) for *_rest, year in found if year]
    return [
        date(int(year or years[-1]), months[month], int(day))
        for month, first, last, year in found
        for day in (first, last)
        if day
    ]


@pytest.mark.parametrize(
    ("count", "chosen", "sentence"),
    [
        (207, newest(7), "207 incidents happened Nov. 15–21, 2026 (the newest 7 days we have)."),
        (1, newest(30), "1 incident happened from Oct. 23 to Nov. 21, 2026 (the newest 30 days we have)."),
        (1326, newest(365), "1,326 incidents happened from Nov. 22, 2025 to Nov. 21, 2026 (the newest year we have)."),
        (0, newest(7), "We have no incidents to show for Nov. 15–21, 2026 (the newest 7 days we have)."),
        (9, Filter(date(2026, 1, 1), date(2026, 11, 21)), "9 incidents happened from Jan. 1 to Nov. 21, 2026."),
        (9, Filter(date(2026, 11, 21), date(2026, 11, 21)), "9 incidents happened on Nov. 21, 2026."),
        (9, Filter(date(2026, 11, 1), date(2026, 12, 31)), "9 incidents happened Nov. 1–21, 2026."),
        (
            0,
            Filter(date(2027, 1, 1), date(2027, 2, 1)),
            "We have no data for these days. Our data runs from Jan. 1, 2024 to Nov. 21, 2026.",
        ),
    ],
)
def test_a_count_says_of_which_days_it_is(count: int, chosen: Filter, sentence: str) -> None:
    assert wording.describe_count(count, chosen, DATA) == sentence


@quick
@given(first=DAYS, last=DAYS, since=DAYS, until=DAYS, days=st.sampled_from((0, *PRESETS)), count=st.integers(0, 10**6))
def test_a_count_never_names_a_day_without_data(
    first: date, last: date, since: date, until: date, days: int, count: int
) -> None:
    published = PublishedDays(min(since, until), max(since, until))
    chosen = newest(days, published) if days else Filter(min(first, last), max(first, last))
    sentence = wording.describe_count(count, chosen, published)
    named = days_in(sentence)
    if chosen.covered_by(published) is None:
        assert named == [published.since, published.until]
        assert "no data" in sentence
        return
    covered = (max(chosen.since, published.since), min(chosen.until, published.until))
    assert (min(named), max(named)) == covered
    size = (covered[1] - covered[0]).days + 1
    promised = re.search(r"newest (\d+) day|newest year", sentence)
    assert bool(promised) == (days == size)
    assert not promised or int(promised[1] or 365) == size


@quick
@given(before=st.integers(0, 400), this=st.integers(0, 400), days=st.sampled_from((1, 7, 14, 30, 90, 181, 365, 366)))
def test_a_comparison_names_what_it_compares_with(before: int, this: int, days: int) -> None:
    sentence = wording.describe_comparison(PeriodComparison(this, before, None, days))
    span = "year before" if days in (365, 366) else "day before" if days == 1 else f"{days} days before"
    if this == before:
        assert sentence == (f"As many as the {before} of the {span}." if this else "")
        return
    percent = round(abs(this - before) / before * 100) if min(this, before) >= 20 else 0
    share = f" ({percent}%)" if percent else ""
    direction = "more" if this > before else "fewer"
    assert sentence == f"{abs(this - before)} {direction}{share} than the {before} of the {span}."


def test_the_same_days_a_year_ago_come_before_the_days_before() -> None:
    sentence = wording.describe_comparison(PeriodComparison(928, 890, 900, 30))
    assert sentence == "28 more (3%) than the 900 of the same days a year before."
    assert "of the 400 days before" in wording.describe_comparison(PeriodComparison(928, 890, 900, 400))


def test_outcomes_are_explained() -> None:
    texts = {
        text
        for profile in map(profiles.get_profile, set(profiles.NAMES) - {profiles.GENERIC})
        for text in profile.outcomes.values()
        if text
    }
    for outcome in {*texts, "Inactive", "Cleared by arrest", "Under investigation"}:  # the last three: Riverton's
        assert glossary.explain_outcome(outcome), outcome
    assert glossary.explain_outcome("Something else") == ""


def test_nothing_is_compared_with_days_before_the_data() -> None:
    assert wording.describe_comparison(PeriodComparison(5, None, None, 7)) == ""


def test_days_after_the_end_of_the_data_are_no_decrease(incidents: PublishedIncidents) -> None:
    chosen = parse_filter(incidents, days="30")
    open_end = Filter(chosen.since, chosen.until + timedelta(60))
    assert incidents.compare_covered_days(open_end) == incidents.compare_periods(chosen)
    beyond = Filter(incidents.until + timedelta(1), incidents.until + timedelta(30))
    assert incidents.compare_covered_days(beyond) is None


@quick
@given(part=st.integers(0, 5000), rest=st.integers(0, 5000))
def test_only_nothing_is_zero_percent_and_only_all_is_a_hundred(part: int, rest: int) -> None:
    if part + rest == 0:
        return
    percent = int(wording.format_percent(part, part + rest).removesuffix("%"))
    assert (percent == 0) == (part == 0)
    assert (percent == 100) == (rest == 0)
    assert abs(percent - part / (part + rest) * 100) <= 1


def spread_over_day(by_hour: list[int]) -> HourCounts:
    return HourCounts([by_hour] + [[0] * 24] * 6, [0] * 7, 0)


@quick
@given(by_hour=st.lists(st.integers(0, 40), min_size=24, max_size=24))
def test_the_busiest_hours_are_the_busiest(by_hour: list[int]) -> None:
    sentence = charts.build_hour_grid(spread_over_day(by_hour)).busiest
    if sum(by_hour) < wording.MIN_COUNT_FOR_PERCENT:
        assert not sentence
        return
    sums = {start: sum((by_hour * 2)[start : start + 6]) for start in range(24)}
    best = [start for start, count in sums.items() if count == max(sums.values())]
    spans = [f"{wording.format_hour(start)} to {wording.format_hour(start + 6)}" for start in best]
    assert any(span in sentence for span in spans)
    assert wording.format_percent(sums[best[0]], sum(by_hour)) in sentence
    assert ("The busiest six hours" in sentence) == (len(best) == 1)
    assert ("as many" in sentence) == (len(best) > 1)
    assert "most" not in sentence.lower()


def test_chosen_hours_are_not_called_the_busiest() -> None:
    assert charts.build_hour_grid(spread_over_day([9] * 24), is_part_of_day=True).busiest == ""


@pytest.mark.parametrize(
    ("meters", "text"),
    [(150, "490 feet (150 m)"), (500, "0.3 miles (500 m)"), (1000, "0.6 miles (1 km)"), (2500, "1.6 miles (2.5 km)")],
)
def test_distances_are_in_miles_first(meters: float, text: str) -> None:
    assert wording.format_distance(meters) == text


@pytest.fixture
def corner(db: None) -> None:
    Block.objects.create(street="Arden Street", hundred=400, latitude=41.5, longitude=-38.5)
    Intersection.objects.create(first="Arden Street", second="Mill Street", latitude=41.501, longitude=-38.5)


@pytest.mark.usefixtures("corner")
@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [
        (41.5, -38.5, "400 block of Arden Street"),
        (41.501, -38.5, "Arden Street and Mill Street"),
        (41.5004, -38.5, "a point near 400 block of Arden Street"),
        (42.5, -38.5, "a point on the map"),
    ],
)
def test_a_point_is_named_only_by_what_is_there(latitude: float, longitude: float, name: str) -> None:
    assert wording.describe_point(latitude, longitude) == name


@pytest.mark.usefixtures("riverton")
def test_a_circle_says_what_it_is_around(client, incidents: PublishedIncidents) -> None:
    block = Block.objects.order_by("pk")[0]
    page = get_page(client, "/map/", near=f"{block.latitude:.5f},{block.longitude:.5f}", radius="500")
    assert f"Within 0.3 miles (500 m) of {block}" in page
    assert "of a place" not in page


@quick
@given(start=st.integers(0, 399), size=st.integers(0, 399))
def test_lines_of_a_chart_compare_equal_days(incidents: PublishedIncidents, start: int, size: int) -> None:
    first = incidents.since + timedelta(start)
    chosen = Filter(first, first + timedelta(size))
    covered = chosen.covered_by(incidents) or chosen
    trend = charts.build_trend(incidents, chosen)
    assert trend.total + trend.unknown_day == incidents.count(chosen)
    names = [line.name for line in trend.comparisons]
    if trend.unit == "month":  # parts of months are only like those of another year
        assert set(names) <= {"Same days a year before"}
    for line in trend.comparisons:
        before, year_ago = comparison_filters(covered)
        other = year_ago if line.css_class == "year-ago" else before
        assert other.since >= incidents.since
        assert line.total <= incidents.count(other)


@pytest.fixture
def pages(client, riverton, incidents: PublishedIncidents) -> dict[str, str]:
    row = incidents.read_page(parse_filter(incidents)).rows[0]
    addresses = (
        "/", "/map/", "/map/list/", "/map/charts/", "/map/about/", "/map/areas/", "/map/area/district/1/", "/map/embed/",
        "/map/compare/?a=district:1&b=district:2", "/map/?days=7&hour=3&weekday=mon", f"/map/incident/{row.public_id}/",
        "/map/?from=2030-01-01", "/api/", "/map/feed/all.atom", "/map/embed/?hour=18-22", "/map/list/?hour=18-22&weekday=mon",
    )  # fmt: skip
    return {address: client.get(address).content.decode() for address in addresses}


def test_no_sentence_ends_in_two_periods(pages: dict[str, str]) -> None:
    """As after an hour: "about 5 p.m.."."""
    assert [address for address, page in pages.items() if re.search(r"[a-z]\.\.(?!\.)", unescape(page))] == []


def test_no_page_calls_old_days_the_last_ones(pages: dict[str, str]) -> None:
    """The data ends days ago: "the last 30 days" would be the reader's."""
    for address, page in pages.items():
        words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
        assert not re.search(r"\b(in|of|from) the last (\d+ (days|months)|year|week|month)\b", words), address
        assert not re.search(r"\bperiod before\b|\bthe middle\b|\bselection\b|\bmost were\b", words, re.IGNORECASE), (
            address
        )

"""Parsing of filters: meaning, problems, and suggestions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from crimemap.snapshot.filters import PARTS, Filter, FilterError


@dataclass
class Vocabulary:
    families: dict[str, str] = field(
        default_factory=lambda: {"burglary": "theft", "theft": "theft", "assault": "people"}
    )
    areas: dict[str, list[str]] = field(default_factory=lambda: {"district": ["", "004", "007"], "beat": []})
    since: date = date(2020, 3, 1)
    until: date = date(2026, 11, 17)
    least_radius: int = 150


def parse(text: str) -> Filter:
    return Filter.parse(QueryDict(text), Vocabulary())


YEAR = {"since": date(2025, 11, 18), "until": date(2026, 11, 17), "days": 365}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("other=1&q=main", {}),
        ("category=burglary", {"categories": {"burglary"}}),
        ("category=burglary,assault", {"categories": {"burglary", "assault"}}),
        ("category=burglary&category=assault", {"categories": {"burglary", "assault"}}),
        ("category=family:theft", {"categories": {"burglary", "theft"}}),
        ("category=", {}),
        ("days=7", {"since": date(2026, 11, 11), "days": 7}),
        ("days=30", {"since": date(2026, 10, 19), "days": 30}),
        ("from=2026-01-01&to=2026-01-31", {"since": date(2026, 1, 1), "until": date(2026, 1, 31), "days": 0}),
        ("from=2026-01-01", {"since": date(2026, 1, 1), "days": 0}),
        ("to=2021-01-31", {"since": date(2020, 3, 1), "until": date(2021, 1, 31), "days": 0}),
        ("days=7&from=2026-01-01", {"since": date(2026, 1, 1), "days": 0}),
        ("hour=22-4", {"hours": {22, 23, 0, 1, 2, 3, 4}}),
        ("hour=8,9&hour=17-18", {"hours": {8, 9, 17, 18}}),
        ("hour=0-23", {}),
        ("weekday=sat,Sun", {"weekdays": {5, 6}}),
        ("weekday=mon,tue,wed,thu,fri,sat,sun", {}),
        ("area=district:004", {"area": ("district", "004")}),
        ("near=41.88,-87.63&radius=300", {"circle": (41.88, -87.63, 300.0)}),
        ("near=41.88,-87.63", {"circle": (41.88, -87.63, 500.0)}),
        ("near=41.88&near=-87.63&radius=150", {"circle": (41.88, -87.63, 150.0)}),
        ("near=45,45", {"circle": (45.0, 45.0, 500.0)}),
        ("box=41.8,-87.7,41.9,-87.6", {"box": (41.8, -87.7, 41.9, -87.6)}),
    ],
)
def test_parses_query_string(text: str, expected: dict[str, Any]) -> None:
    values = {name: frozenset(value) if isinstance(value, set) else value for name, value in expected.items()}
    assert parse(text) == Filter(**(YEAR | values))


@pytest.mark.parametrize(
    ("text", "part", "offer"),
    [
        ("category=burglry", "category", "burglary"),
        ("category=family:thefts", "category", "family:theft"),
        ("category=zzzz", "category", ""),
        ("days=8", "days", "7"),
        ("days=400", "days", "365"),
        ("days=-3", "days", "365"),
        ("days=7,14", "days", "7"),
        ("from=2026-02-30", "from", "2026-02-28"),
        ("to=yesterday", "to", "2026-11-17"),
        ("from=01/02/2026", "from", "2020-03-01"),
        ("from=2026-05-02&to=2026-05-01", "from", "2026-05-01"),
        ("hour=24", "hour", "23"),
        ("hour=20-25", "hour", "20-23"),
        ("hour=noon", "hour", "0-23"),
        ("weekday=satur", "weekday", "sat"),
        ("area=district:04", "area", "district:004"),
        ("area=river", "area", ""),
        ("near=41.88,-87.63&radius=50", "radius", "150"),
        ("near=41.88,-87.63&radius=99999999", "radius", "50000"),
        ("near=41.88,-87.63&radius=wide", "radius", "150"),
        ("near=here", "near", ""),
        ("near=95,0", "near", "90,0"),
        ("near=nan,0", "near", ""),
        ("radius=300", "radius", ""),
        ("box=1,2,3", "box", ""),
        ("box=41.9,-87.7,41.8,-87.6", "box", "41.8,-87.7,41.9,-87.6"),
    ],
)
def test_error_names_the_part_and_offers_the_nearest_value(text: str, part: str, offer: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse(text)
    (problem,) = raised.value.problems
    assert (problem.part, problem.offer) == (part, offer)
    assert problem.message.endswith(".")
    assert problem.message in str(raised.value)


def test_offered_value_is_accepted() -> None:
    """Replacing an invalid value by the offered one gives a valid filter, equal to the error's own."""
    for text in ("category=burglry", "days=8", "from=2026-02-30", "hour=20-25", "area=district:04", "weekday=satur"):
        with pytest.raises(FilterError) as raised:
            parse(text)
        (problem,) = raised.value.problems
        assert parse(f"{problem.part}={problem.offer}") == raised.value.filter


def test_error_lists_all_problems() -> None:
    with pytest.raises(FilterError) as raised:
        parse("category=burglary,nope&hour=99&days=1&near=x")
    assert [problem.part for problem in raised.value.problems] == ["days", "category", "hour", "near"]
    assert raised.value.filter.categories == {"burglary"}


def test_an_agency_may_require_a_wider_circle() -> None:
    with pytest.raises(FilterError) as raised:
        Filter.parse({"near": "41.88,-87.63", "radius": "300"}, Vocabulary(least_radius=400))
    assert raised.value.problems[0].offer == "400"
    assert Filter.parse({"near": "41.88,-87.63"}, Vocabulary(least_radius=900)).circle == (41.88, -87.63, 900.0)


@pytest.mark.parametrize(
    "text",
    [
        "days=30",
        "category=assault,burglary&days=365&hour=0,1,22,23&weekday=sat,sun",
        "from=2026-01-01&to=2026-01-31&area=district:004",
        "days=7&near=41.88000,-87.63000&radius=300",
        "days=7&box=41.80000,-87.70000,41.90000,-87.60000",
    ],
)
def test_a_filter_survives_its_query_string(text: str) -> None:
    assert parse(text).query_string() == text
    assert parse(parse(text).query_string()) == parse(text)


def test_equal_filters_have_the_same_query_string() -> None:
    texts = (
        "category=assault&category=burglary",
        "x=1&category=burglary,assault&days=365",
        "category=burglary,,assault,",
    )
    assert len({parse(text).query_string() for text in texts}) == 1


@given(st.dictionaries(st.sampled_from([*PARTS, "other"]), st.text(max_size=300)))
def test_any_query_string_is_parsed_or_refused(query: dict[str, str]) -> None:
    """Any text ends as a filter or as problems with sentences; both leave a filter of bounded size."""
    try:
        chosen = Filter.parse(query, Vocabulary())
        problems = []
    except FilterError as error:
        chosen, problems = error.filter, error.problems
    assert all(problem.part in PARTS and problem.message for problem in problems)
    assert chosen.since <= chosen.until
    assert chosen.categories <= {"burglary", "theft", "assault"}
    assert chosen.circle is None or 150 <= chosen.circle[2] <= 50_000
    assert len(chosen.query_string()) < 1000


def test_too_many_values_are_refused_early() -> None:
    flood = QueryDict("&".join(f"category={number},nope{number}" for number in range(200)) + "&hour=" + "9," * 9000)
    with pytest.raises(FilterError) as raised:
        Filter.parse(flood, Vocabulary())
    assert len(raised.value.problems) <= 50
    assert raised.value.filter.hours == {9}

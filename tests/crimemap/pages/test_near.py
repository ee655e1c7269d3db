"""The page about a place: its search, its figures, its addresses, and that a typed place is in none of them."""

from __future__ import annotations

import logging
import random
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.logs import PrivateFormatter
from core.web import page_cache
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.models import Block, Intersection, Landmark
from crimemap.near import addresses, periods
from crimemap.near.distances import DISTANCES
from crimemap.pages import outcomes
from crimemap.places import lookup
from crimemap.places.lookup import Place
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.usual_range import UsualRange, Verdict, judge_count
from tests.crimemap import published_city
from tests.crimemap.rows_table import numbers, sql_count, store_rows
from tests.crimemap.sample_incidents import TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("riverton")]
SELECTIONS = 24  # that the figures are compared with SQL for
YEARS = 7


@pytest.fixture(scope="module")
def old_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Incidents of seven years: enough for usual ranges, and for numbers that are too small."""
    draw = random.Random(7)
    rows = published_city.rows(6000)
    for row in rows:
        row["day"] = TODAY - 8 - draw.randrange(YEARS * 365)
    return published_city.write(tmp_path_factory.mktemp("old"), rows)


@pytest.fixture
def old_incidents(old_folder: Path, settings: Any) -> PublishedIncidents:
    settings.INCIDENT_SNAPSHOTS = old_folder
    return reader.current()


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    page_cache.clear()


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def post(client: Client, **fields: str) -> str:
    response = client.post("/near/", fields)
    assert response.status_code == 200
    return response.content.decode()


def section(html: str, name: str) -> str:
    """Return the part of the page whose heading has this id, up to the end of the section."""
    return html.partition(f'id="{name}"')[2].partition("</section>")[0]


# Privacy


def test_the_answer_to_a_typed_place_names_it_in_no_address(client: Client, incidents: PublishedIncidents) -> None:
    response = client.post("/near/", {"q": "412 arden street", "within": "805", "period": "2024-08"})
    html = response.content.decode()
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response.headers["X-Robots-Tag"]
    assert not response.cookies
    assert "within ½ mile of 400 block of Arden Street in August 2024" in text_of(html)
    assert "Arden" not in re.search(r"<title>(.*?)</title>", html)[1]  # type: ignore[index]  # histories keep titles
    place = lookup.search_places("412 arden street")[0]
    for target in re.findall(r'(?:href|src|action)="([^"]*)"', html):
        assert "arden" not in target.lower()
        assert "near=" not in target
        assert f"{place.latitude:.3f}" not in target
    shared = post(client, place=place.ref, period="2024-08", share="1")
    assert "/near/400-arden-street/2024-08/" in shared
    assert 'id="share"' not in html
    assert client.post("/near/", {"q": ""}).status_code == 422


def test_pages_about_places_are_kept_by_nobody(
    client: Client, incidents: PublishedIncidents, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [
        "/near/",
        "/near/millside-school/",
        "/near/millside-school/2024-08/",
        "/near/secret-street/",
        "/near/old-town/2030-01/",
    ]
    with caplog.at_level(logging.DEBUG):
        responses = [client.get(path) for path in paths]
    assert [each.status_code for each in responses] == [200, 200, 200, 404, 404]
    for each in responses:
        assert each.headers["Cache-Control"] == "no-store"
        assert "noindex" in each.headers["X-Robots-Tag"]
    assert "/near/secret" not in "\n".join(map(PrivateFormatter().format, caplog.records))
    found = client.post("/near/matches.json", {"q": "ardne"})
    assert found.headers["Cache-Control"] == "no-store"
    assert all("Arden Street" in each["name"] for each in found.json()["places"])
    assert client.get("/near/matches.json").status_code == 405


def test_an_alert_is_filled_in_without_an_address_that_names_the_place(
    client: Client, incidents: PublishedIncidents
) -> None:
    place = lookup.search_places("412 arden street")[0]
    response = client.post("/map/alerts/", {"prefill": "1", "place_ref": place.ref, "radius": "536"})
    html = response.content.decode()
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert re.search(rf'value="{place.ref}"[^>]*checked|checked[^>]*value="{place.ref}"', html)
    assert "is-invalid" not in html
    odd = client.post("/map/alerts/", {"prefill": "1", "place_ref": "block:999999999", "radius": "x"})
    assert odd.status_code == 200


# Search


def test_search_forgives_slips_and_says_what_a_match_is(client: Client, incidents: PublishedIncidents) -> None:
    for text, expected in {
        "millside scool": "Millside School",
        "412 Ardne St Apt 3, Riverton 12345": "400 block of Arden Street",
        "corner of arden and mill": "Arden Street and Mill Street",
    }.items():
        assert expected in [place.name for place in lookup.search_places(text)], text
    schools = [landmark.name for landmark in Landmark.objects.filter(kind="school")]
    for text in ("school", "Schools", "scool"):
        html = post(client, q=text)
        assert len(schools) > 4
        for name in schools:
            assert f'<b dir="auto">{name}</b>' in html
    assert re.search(r"Millside School</b> <span[^>]*>School, <bdi>\w", html)
    assert "No place found" in post(client, q="xqzzt")
    hostile = client.post(
        "/near/", {"q": "<script>'%\\\x00" + "a" * 500, "within": "9" * 40, "period": "../..", "page": "-1"}
    )
    assert hostile.status_code == 200
    assert "<script>'" not in hostile.content.decode()


def test_a_new_text_replaces_the_place_that_was_chosen(client: Client, incidents: PublishedIncidents) -> None:
    place = lookup.search_places("millside school")[0]
    same = post(client, q=place.name, known=place.name, place=place.ref, within="402", period="newest-30")
    assert "within ¼ mile of Millside School" in text_of(same)
    other = post(client, q="old town school", known=place.name, place=place.ref)
    assert "of Old Town School" in text_of(other)


# Addresses


def test_each_kind_of_place_has_an_address_of_its_name(incidents: PublishedIncidents) -> None:
    crossing, block = Intersection.objects.order_by("pk").first(), Block.objects.order_by("pk").first()
    assert crossing
    assert block
    texts = ["millside school", "old town"]
    places: list[Place] = [lookup.search_places(text)[0] for text in texts]
    places += [
        place for ref in (f"intersection:{crossing.pk}", f"block:{block.pk}") if (place := lookup.find_place(ref))
    ]
    for place in places:
        found = addresses.find_places(addresses.address_of(place))
        assert [each.ref for each in found] == [place.ref]
    assert re.fullmatch(r"\d+-[\w-]+", addresses.address_of(places[-1]))
    for odd in (
        "",
        "-and-",
        "a-and-b-and-c",
        "999999-arden-street",
        "millside-school@x",
        "millside-school@nan,nan",
        "@" * 300,
    ):
        assert addresses.find_places(odd) == []


def test_a_shared_name_is_told_apart_by_its_point(client: Client, incidents: PublishedIncidents) -> None:
    original = lookup.search_places("millside school")[0]
    twin = Landmark.objects.create(kind="school", name="Millside School", latitude=41.5101, longitude=-38.5002)
    page_cache.clear()
    both = [original.ref, f"landmark:{twin.pk}"]
    for ref in both:
        place = lookup.find_place(ref)
        assert place
        address = addresses.address_of(place)
        assert address.startswith("millside-school@")
        assert [each.ref for each in addresses.find_places(address)] == [ref]
    html = client.get("/near/millside-school/").content.decode()
    assert all(f'value="{ref}"' in html for ref in both)


# Figures


@pytest.mark.parametrize(
    ("count", "before", "expected"),
    [
        (30, [33, 28, 25, 38, 34], UsualRange(Verdict.USUAL, 21, 42, 5)),
        (43, [33, 28, 25, 38, 34], UsualRange(Verdict.MORE, 21, 42, 5)),
        (20, [33, 28, 25, 38, 34], UsualRange(Verdict.FEWER, 21, 42, 5)),
        (9, [4, 4, 4], UsualRange(Verdict.TOO_FEW, years=3)),
        (10, [4, 4, 4], UsualRange(Verdict.MORE, 0, 8, 3)),
        (0, [9, 9, 9, 9], UsualRange(Verdict.FEWER, 3, 15, 4)),
        (50, [1, 50, 50], UsualRange(Verdict.USUAL, 1, 50, 3)),
        (500, [90, 90], UsualRange(Verdict.NO_RANGE, years=2)),
        (0, [], UsualRange(Verdict.NO_RANGE, years=0)),
    ],
)
def test_the_usual_range_follows_the_stated_rule(count: int, before: list[int], expected: UsualRange) -> None:
    assert judge_count(count, before) == expected


def condition_of(place: Place, meters: int) -> tuple[str, list[Any]]:
    if place.area:
        layer, _colon, code = place.area.partition(":")
        return f"{layer} = %s", [code]
    distance = "sqrt((latitude - %s) ^ 2 + ((longitude - %s) * cosd((latitude + %s) / 2)) ^ 2) * %s <= %s"
    return distance, [place.latitude, place.longitude, place.latitude, METERS_PER_DEGREE, meters]


def test_every_figure_in_words_agrees_with_sql(client: Client, old_incidents: PublishedIncidents) -> None:
    store_rows(old_incidents)
    draw = random.Random(19)
    blocks = list(Block.objects.filter(latitude__range=(41.488, 41.512), longitude__range=(-38.515, -38.485)))
    choices = [lookup.find_place(f"block:{block.pk}") for block in draw.sample(blocks, SELECTIONS // 2)]
    choices += (
        lookup.search_places("school")[:4] + lookup.search_places("old town")[:1] + lookup.search_places("millside")[:1]
    )
    offered = periods.list_periods(old_incidents)
    verdicts = set()
    for number in range(SELECTIONS):
        place, period, distance = choices[number % len(choices)], draw.choice(offered), draw.choice(DISTANCES)
        assert place
        where, values = condition_of(place, distance.meters)

        def counted(
            days: tuple[Any, Any], more: str = "true", *, _where: str = where, _values: list[Any] = values
        ) -> int:
            return sql_count(f"{_where} AND day BETWEEN %s AND %s AND {more}", [*_values, *days])

        days = (period.since, period.until)
        html = post(client, place=place.ref, within=str(distance.meters), period=period.token)
        heading = text_of(section(html, "answer").partition(">")[2].partition("</h1>")[0])
        now = counted(days)
        assert heading.startswith(f"{now:,} incident" if now else "No incidents"), heading
        before = [
            counted(earlier)
            for years in range(1, 6)
            if periods.is_published(old_incidents, earlier := period.years_before(years))
        ]
        words = text_of(section(html, "answer").partition('verdict">')[2].partition("</p>")[0])
        comparison = re.match(r"(?:(\d+) (more|fewer)(?: \((\d+)%\))? than the (\d+) of |As many)", words)
        if before and comparison and comparison[1]:
            difference, direction, percent, old = comparison.groups()
            assert int(old) == before[0]
            assert int(difference) == abs(now - before[0])
            assert (direction == "more") == (now > before[0])
            share = round(abs(now - before[0]) / before[0] * 100) if min(now, before[0]) >= 20 else 0
            assert int(percent or 0) == share
        elif before and (now or before[0]):
            assert words.startswith("As many") == (now == before[0])
        usual = judge_count(now, before)
        verdicts.add(usual.verdict)
        said = {
            Verdict.USUAL: "in the usual range", Verdict.MORE: "more than usual", Verdict.FEWER: "fewer than usual",
            Verdict.TOO_FEW: "Too few to tell", Verdict.NO_RANGE: "no usual range yet",
        }  # fmt: skip
        assert said[usual.verdict] in words
        if usual.is_known:
            assert f"{usual.low:,} to {usual.high:,} in" in words
            assert f"of the {len(before)} years before" in words
        kinds = re.findall(
            r'<span>([^<]+)</span></span></th><td class="n">([\d,]+)</td><td class="n">([\d,]+|–)</td>', html
        )
        for name, count, year_ago in kinds:
            assert numbers(count)[0] == sql_count(
                f"{where} AND day BETWEEN %s AND %s AND category = %s", [*values, *days, name]
            )
            if year_ago != "–":
                assert numbers(year_ago)[0] == sql_count(
                    f"{where} AND day BETWEEN %s AND %s AND category = %s", [*values, *period.years_before(1), name]
                )
        assert sum(numbers(count)[0] for _name, count, _year_ago in kinds) == now
        bands = [numbers(count)[0] for count in re.findall(r'</svg><b class="n">([\d,]+)</b>', html)]
        if kinds:
            assert bands == [counted(days, f"hour BETWEEN {hour} AND {hour + 2}") for hour in range(0, 24, 3)]
            unknown = counted(days, "hour IS NULL")
            note = re.search(r"([\d,]+) of the ([\d,]+) ha(?:s|ve) no known time", text_of(html))
            assert [numbers(part)[0] for part in note.groups()] == [unknown, now] if note else unknown == 0
        assert html.count("<time>") == min(now, 45)
        unmapped = re.search(r"([\d,]+) more incidents? happened somewhere in ([\w ]+)\.", text_of(html))
        if unmapped:
            code = {"Old Town": "old-town", "Millside": "millside"}[unmapped[2]]
            assert numbers(unmapped[1])[0] == sql_count(
                "latitude IS NULL AND neighbourhood = %s AND day BETWEEN %s AND %s", [code, *days]
            )
    assert {Verdict.USUAL, Verdict.TOO_FEW} <= verdicts


def test_streets_around_a_place_are_named_beside_the_symbols(client: Client, old_incidents: PublishedIncidents) -> None:
    block = Block.objects.filter(latitude__range=(41.498, 41.506), longitude__range=(-38.504, -38.496)).order_by("pk")[
        0
    ]
    html = post(client, place=f"block:{block.pk}", within="500", period="newest-90")
    drawing = html[html.index('class="stillmap"') : html.index("</figure>")]
    names = re.findall(r'<text class="label street" x="(\d+)" y="(\d+)"[^>]*>([^<]+)<', drawing)
    assert {name for _x, _y, name in names} <= set(Block.objects.values_list("street", flat=True))
    assert len(names) == len({name for _x, _y, name in names}) >= 3, "each street once"
    symbols = re.findall(r'<g class="(?:pile|one-type)" transform="translate\((\d+) (\d+)\)', drawing)
    assert symbols
    for x, y, _name in names:
        assert 0 < int(y) < 804
        assert all(abs(int(x) - int(left)) + abs(int(y) - int(top)) >= 38 for left, top in symbols), (
            "no symbol on a name"
        )


def test_a_change_of_the_data_ends_the_comparison(tmp_path: Path, settings: Any, client: Client) -> None:
    """A type that was not in the data before would look like an increase."""
    rows = published_city.rows(3000)
    draw = random.Random(5)
    for number, row in enumerate(rows):
        row["day"] = TODAY - 8 - draw.randrange(4 * 365)
        row["code"] = 3 if number % 2 and row["day"] > TODAY - 500 else 1
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    html = post(client, q="millside school", within="805", period="newest-90")
    assert "sorted into other types" in text_of(html)
    assert "no usual range yet" in text_of(html)


def test_words_are_explained_and_outcomes_counted_where_they_are_shown(
    client: Client, incidents: PublishedIncidents
) -> None:
    area = text_of(client.get("/map/area/neighbourhood/old-town/").content.decode())
    year = Filter(incidents.until - timedelta(364), incidents.until, 365, area=("neighbourhood", "old-town"))
    arrests = sum(row.outcome == "Arrest" for batch in incidents.iterate_newest(year) for row in batch)
    others = incidents.count(year) - arrests
    assert f"Arrest {arrests} Someone was arrested. Not published {others} We have no outcome" in area
    few = Filter(incidents.until, incidents.until, circle=(41.5, -38.5, 150.0))
    assert incidents.count(few) < outcomes.MIN_SHOWN
    assert outcomes.count_outcomes(incidents, few) == []
    for path in ("/map/list/", "/map/area/neighbourhood/old-town/", "/near/millside-school/"):
        html = client.get(path).content.decode()
        assert "What these words mean" in html, path
        assert "Someone was attacked or hurt, or someone tried to." in html, path
    left_out = text_of(client.get("/map/not-shown/").content.decode())
    for subject in ("Heat maps", "Predictions", "Safety scores", "Homes of offenders", "Live calls"):
        assert subject in left_out


def test_late_feeds_are_said_on_every_page_that_shows_their_data(
    incidents: PublishedIncidents, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {"name": "Records system", "last_success_at": "2024-09-20T08:00:00+00:00", "expected_interval": 24}
    monkeypatch.setattr(incidents, "sources", [late])
    public_id = published_city.rows(1)[0]["public_id"]
    paths = ["/near/millside-school/", "/map/", "/map/list/", "/map/charts/", "/map/area/neighbourhood/old-town/",
             "/map/areas/", f"/map/incident/{public_id}/", "/map/compare/", "/"]  # fmt: skip
    for path in paths:
        assert re.search(r"Data from Records system are \d+ days late", client.get(path).content.decode()), path

"""The map as residents without script have it: the picture, its links, the filter's form."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict

from core.web import page_cache
from crimemap import wording
from crimemap.models import Area, BaseLayer, Block
from crimemap.pages import base_map_svg
from crimemap.pages.filter_form import parse_form
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

FAMILIES = {"burglary": "theft", "fraud": "theft", "assault": "people"}


def read(client: Any, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    assert not answer.cookies
    page = answer.content.decode()
    assert "style=" not in page
    assert page.count("<h1") == 1
    return page


def links(page: str, css: str) -> list[tuple[str, str]]:
    """(address, name) of the picture's links of a class."""
    found = re.findall(rf'<a class="{css}" href="([^"]*)" aria-label="([^"]*)"', page)
    return [(unescape(address), unescape(name)) for address, name in found]


def number(name: str) -> int:
    found = re.match(r"[\d,]+", name)
    assert found, name
    return int(found[0].replace(",", ""))


def usual(published: PublishedIncidents, **query: str) -> Filter:
    return Filter.parse(query, published)


# The picture


def test_the_page_draws_the_city_and_all_that_has_a_place(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/")
    chosen = usual(incidents)
    assert 'class="streets minor"' in page
    assert "Old Town" in page
    assert f"{incidents.count(chosen):,} incidents reported in the last year" in page
    marks = links(page, "many") + links(page, "one")
    assert sum(number(name) for _address, name in marks) == incidents.count(chosen) - incidents.count_unmapped(chosen)


def test_a_mark_leads_to_the_list_of_just_what_it_counts(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", days="30")
    marks = [each for each in links(page, "many") + links(page, "one") if "zoom in" not in each[1]]
    assert marks
    for address, name in marks:
        listed = read(client, address)
        assert f"{number(name):,} incident" in listed
        assert listed.count("/map/incident/") == number(name)


def test_a_large_bubble_leads_nearer_and_parts(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/")
    address, name = max(links(page, "many"), key=lambda link: number(link[1]))
    assert "zoom in" in name
    assert urlsplit(address).fragment == "crime-map"
    nearer = read(client, address)
    assert len(links(nearer, "many")) > 1
    assert max(number(each) for _address, each in links(nearer, "many")) < number(name)


def test_a_single_incident_is_drawn_as_its_family(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", days="7")
    singles = re.findall(r'aria-label="1 incident: ([^"]*)"><g class="sym (\w+)"', page)
    assert singles
    assert set(singles) <= {("Against people", "people"), ("Theft and burglary", "theft")}


def test_links_move_the_map_and_keep_the_selection(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", days="30", at="41.50000,-38.50000,16")
    found = re.findall(r'<a href="([^"]*)">(North|East|Zoom in|Zoom out)</a>', page)
    moves = {name: parse_qs(urlsplit(unescape(address)).query) for address, name in found}
    assert all(query["days"] == ["30"] for query in moves.values())
    at = {name: query["at"][0].split(",") for name, query in moves.items()}
    assert float(at["North"][0]) > 41.5
    assert float(at["East"][1]) > -38.5
    assert (at["Zoom in"][2], at["Zoom out"][2]) == ("17", "15")


@pytest.mark.parametrize("at", ["here", "41.5,-38.5", "41.5,-38.5,99", "99,0,12", "nan,0,12", "1" * 5000])
def test_a_part_of_the_map_that_is_none_is_refused_with_one_that_is(
    client, riverton, incidents: PublishedIncidents, at
):
    answer = client.get("/map/", {"at": at, "days": "30"})
    assert answer.status_code == 400
    nearest = unescape(re.search(r'class="btn" href="([^"]*)"', answer.content.decode())[1])
    assert parse_qs(urlsplit(nearest).query)["days"] == ["30"]
    assert client.get(nearest).status_code == 200


def test_an_area_and_a_circle_are_drawn_and_shown_whole(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", area="district:1")
    assert '<path class="chosen"' in page
    assert "North District" in page
    page = read(client, "/map/", near="41.5,-38.5", radius="500")
    assert '<ellipse class="chosen"' in page


def test_without_a_base_map_incidents_are_shown_all_the_same(client, db, incidents: PublishedIncidents):
    for model in (Area, BaseLayer, Block):
        model._default_manager.all().delete()
    page = read(client, "/map/")
    assert links(page, "many")
    assert "has not put its streets in yet" in page


def test_without_anything_published_the_page_says_so(client, riverton, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    for name in ("", "list/", "charts/", "about/", "areas/", "area/district/1/", "compare/"):
        answer = client.get(f"/map/{name}?set=1", follow=True) if name == "" else client.get(f"/map/{name}")
        assert "not published yet" in answer.content.decode()
    assert client.get("/map/incident/00000abcdefg/").status_code == 404


def test_the_page_is_light(client, riverton, incidents: PublishedIncidents):
    answer = client.get("/map/", headers={"accept-encoding": "gzip"})
    assert len(gzip.compress(gzip.decompress(answer.content))) < 60_000


def test_a_city_with_very_many_streets_is_drawn_with_its_wide_ones():
    line = [[0.001 * number, 0.0005 * (number % 2)] for number in range(base_map_svg.MAX_STREET_POINTS)]
    streets = [
        {"geometry": {"type": "LineString", "coordinates": line}, "properties": {"rank": rank}}
        for rank in ("minor", "major")
    ]
    renderer = base_map_svg.BaseMapRenderer(
        {"bounds": [[0.0, 0.0], [1.0, 8.0]], "layers": [{"name": "streets", "features": streets}]}
    )
    assert [shape.css_class for shape in renderer.draw().shapes] == ["streets major"]
    close_up = renderer.draw((0.0, 0.0, 0.01, 0.05))
    assert [shape.css_class for shape in close_up.shapes] == ["streets minor", "streets major"]
    assert len(close_up.shapes[0].path) < 2000


@pytest.mark.parametrize("at", ["41.44,-38.60,17", "41.56,-38.40,17"])
def test_the_edge_of_the_city_can_be_left_by_no_link(client, riverton, incidents: PublishedIncidents, at):
    """From a corner every link leads to a part of the map that is shown."""
    corner = parse_qs(
        urlsplit(
            unescape(re.search(r'class="btn" href="([^"]*)"', client.get("/map/", {"at": at}).content.decode())[1])
        ).query
    )["at"][0]
    page = read(client, "/map/", at=corner)
    moves = re.findall(r'<a href="([^"#]*)#crime-map">', page[page.index('id="moves"') :])
    assert len(moves) >= 6
    assert {client.get(unescape(address)).status_code for address in moves} == {200}


# Places looked for


def test_a_place_found_leads_to_what_was_reported_there(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", q="412 arden")
    assert "1 place found" in page
    address = unescape(re.search(r'<a href="(\?[^"]*)" dir="auto">400 block of Arden Street', page)[1])
    query = parse_qs(urlsplit(address).query)
    assert query["radius"] == ["500"]
    assert client.get(f"/map/{address}").status_code == 200


def test_an_area_found_is_a_filter_of_that_area(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/list/", q="old town", days="30")
    assert "days=30&amp;area=neighbourhood:old-town" in page


def test_a_search_without_result_says_so_and_keeps_the_words(client, riverton, incidents: PublishedIncidents):
    page = read(client, "/map/", q="zzzz<b>")
    assert "No such place found" in page
    assert 'value="zzzz&lt;b&gt;"' in page


# The form


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("category=family:theft&category=family:people", ""),
        ("category=family:theft", "category=family:theft"),
        ("category=family:theft&category=family:people&category=fraud", "category=family:people,fraud"),
        ("category=fraud", "category=fraud"),
        ("days=30&from=2026-01-01&to=2026-02-01", "days=30"),
        ("days=&from=2026-01-01&to=", "from=2026-01-01"),
        ("hour_from=22&hour_to=4", "hour=22-4"),
        ("hour_from=&hour_to=4", "hour=0-4"),
        ("hour_from=&hour_to=&hour=1,3,9", "hour=1,3,9"),
        ("area=&near=&radius=500&q=arden&set=1", ""),
        ("near=1,2&radius=500&weekday=sat&weekday=sun", "near=1,2&radius=500&weekday=sat,sun"),
        ("days=8", "days=8"),
    ],
)
def test_what_a_sent_form_means(sent, expected):
    result = parse_form(QueryDict(sent), FAMILIES)
    told = "&".join(
        f"{name}={','.join(filter(None, values))}" for name, values in result.lists() if any(filter(None, values))
    )
    assert sorted(told.split("&")) == sorted(expected.split("&"))


def test_a_sent_form_leads_to_the_short_address_of_the_same_view(client, incidents: PublishedIncidents, riverton):
    sent = "set=1&q=&days=30&from=&to=&category=family:people&category=family:theft&category=burglary&area=district:1"
    answer = client.get(f"/map/charts/?{sent}&hour_from=&hour_to=")
    assert answer.status_code == 302
    assert answer["Location"] == "/map/charts/?category=assault,burglary&days=30&area=district:1"


def test_a_sent_form_with_a_wrong_date_is_refused(client, incidents: PublishedIncidents, riverton):
    answer = client.get("/map/list/?set=1&days=&from=2024-02-31&to=2024-03-05")
    assert answer.status_code == 400
    assert "from=2024-02-29&amp;to=2024-03-05" in answer.content.decode()


def test_the_form_shows_the_filter_it_made(client, incidents: PublishedIncidents, riverton):
    query = "category=burglary&days=30&hour=22-4&weekday=sat&area=district:1&near=41.5,-38.5&radius=300"
    page = read(client, f"/map/list/?{query}")
    assert '<option value="district:1" selected>North District</option>' in page
    for field in (
        'name="days" value="30" checked',
        'name="category" value="burglary" checked',
        'name="category" value="family:theft" checked',
        'name="weekday" value="sat" checked',
        'name="near" value="41.50000,-38.50000"',
    ):
        assert field in page
    assert 'value="family:people" checked' not in page
    assert re.search(r'<option value="22" selected>10 p\.m\.</option>', page)
    assert re.search(r'<option value="4" selected>5 a\.m\.</option>', page)


def test_the_legend_counts_what_the_rest_of_the_filter_leaves(client, incidents: PublishedIncidents, riverton):
    chosen = usual(incidents, days="90", category="burglary")
    counts = incidents.count_by_category(replace(chosen, categories=frozenset()))
    page = read(client, "/map/", days="90", category="burglary")
    told = dict(re.findall(r'<span>([^<]*)</span> <b class="count">(\d+)</b>', page))
    assert int(told["Assault"]) == counts["assault"]
    assert int(told["Theft and burglary"]) == counts["burglary"] + counts["fraud"]
    assert f"{counts['burglary']} incidents reported in the last 90 days" in page


def test_an_empty_selection_offers_wider_ones(client, incidents: PublishedIncidents, riverton):
    query = "category=fraud&days=7&hour=3&weekday=mon&near=41.2,-38.5&radius=150"
    page = read(client, f"/map/?{query}")
    assert "No incidents match" in page
    empty = page[page.index('id="empty"') :]
    offered = [unescape(address) for address in re.findall(r'<a href="(\?[^"]*)"', empty[: empty.index("</ul>")])]
    assert len(offered) >= 4
    assert all(client.get(f"/map/{address}").status_code == 200 for address in offered)


# Words


def test_hours_over_midnight_are_one_stretch():
    assert wording.group_hours(frozenset({22, 23, 0, 1, 9})) == [(9, 9), (22, 1)]
    assert wording.describe_hours(frozenset({22, 23, 0})) == "10 p.m. to 1 a.m."


# The home page


def test_the_home_page_tells_the_last_30_days(client, riverton, incidents: PublishedIncidents):
    page_cache.forget()
    page = read(client, "/")
    assert f"<b>{incidents.count(usual(incidents, days='30'))} incidents</b> in the last 30 days" in page
    assert "Data to " in page


def test_the_home_page_has_no_figures_before_there_are_any(client, riverton, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    page_cache.forget()
    assert "in the last 30 days" not in read(client, "/")


@pytest.mark.parametrize("address", ["/map/", "/map/list/", "/map/data/bubbles.json", "/map/download.csv"])
def test_ten_kilobytes_of_address_are_refused(client, riverton, incidents: PublishedIncidents, address):
    answer = client.get(address, {"what": "ever" * 2500})
    assert answer.status_code == 400
    assert "It has 10005 characters, and no selection needs more than 4096." in answer.content.decode()

"""The map without script: the drawing, its links, the filter's form."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.http import QueryDict

from core.web import page_cache
from crimemap import wording
from crimemap.models import Area, BaseLayer, Block
from crimemap.pages import area_shading, base_map_svg, map_marks, server_map
from crimemap.pages.filter_form import parse_form
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

FAMILIES = {"burglary": "theft", "fraud": "theft", "assault": "people"}


def get_page(client: Any, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    assert not answer.cookies
    page = answer.content.decode()
    assert "style=" not in page
    assert page.count("<h1") == 1
    return page


def links(page: str, css: str) -> list[tuple[str, str]]:
    """Return (URL, name) of the drawing's links with a CSS class: "ar" areas, "mk" rings, symbols and piles."""
    found = re.findall(rf'<a class="{css}[^"]*" href="([^"]*)" aria-label="([^"]*)"', page)
    return [(unescape(address), unescape(name)) for address, name in found]


def named_count(name: str) -> int:
    """Return the number of incidents that a mark's name says; the name of a single incident says none."""
    found = re.search(r": ([\d,]+) incident", name)
    return int(found[1].replace(",", "")) if found else 1


MIDDLE, STREET = "41.50000,-38.50000,15", "41.50000,-38.50000,16"


def parse_filter(published: PublishedIncidents, **query: str) -> Filter:
    return Filter.parse(query, published)


def test_the_map_as_most_readers_open_it_is_built_once_for_all(client, riverton, incidents, monkeypatch):
    page, week = get_page(client, "/map/"), get_page(client, "/map/", days="7")
    assert "the newest 30 days" in page
    assert "the newest 7 days" in week
    monkeypatch.setattr("crimemap.pages.map_list.build_list", lambda *given: 1 / 0)
    assert get_page(client, "/map/") == page
    assert get_page(client, "/map/", days="7") == week
    first, again = (client.get("/map/", headers={"accept-encoding": "gzip"}).content for _ in range(2))
    assert gzip.decompress(first).decode() == page
    assert again == first  # Django would compress it anew, with a name of another length
    for query in ({"days": "14"}, {"days": "7", "hour": "7"}):
        with pytest.raises(ZeroDivisionError):
            client.get("/map/", query)


# The drawing


def test_the_whole_city_is_shaded_by_the_incidents_of_its_areas(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/")
    chosen = parse_filter(incidents, days="30")
    assert 'class="streets minor"' in page
    assert "Old Town" in page
    assert f"{incidents.count(chosen):,} incidents happened " in page
    assert f">{incidents.count(chosen):,} incidents in Riverton</h1>" in page
    counts = incidents.count_by_area(chosen, "neighbourhood")
    named = {name.split(":")[0]: (address, named_count(name)) for address, name in links(page, "ar")}
    assert {name: count for name, (_address, count) in named.items() if count} == {
        "Old Town": counts["old-town"],
        "Millside": counts["millside"],
    }
    assert not links(page, "mk")
    assert "no usual range yet" in page, "the data go back one year"
    assert 'by-change"' in get_page(client, "/map/", shade="change")
    closer = get_page(client, named["Old Town"][0])
    assert links(closer, "mk")


def test_the_home_page_shows_the_city_and_its_newest_days(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/")
    chosen = parse_filter(incidents, days="30")
    days = wording.format_published_days(chosen, incidents)
    assert f"<small>{incidents.count(chosen):,} incidents, {days}</small>" in page
    assert f"{incidents.count(chosen):,} incidents happened " in page
    paths = re.findall(r'<path class="c(\d)" d="(M[^"]+)"/>', page)
    shading = area_shading.shade_areas(incidents, chosen)
    assert shading is not None
    assert [int(shade) for shade, _path in paths] == [each.shade for each in shading.areas]
    width, height = map(int, re.findall(r'viewBox="-2 -2 (\d+) (\d+)"', page)[0])
    assert max(width, height) == 164
    starts = [tuple(map(int, path[1:].split("l")[0].split())) for _shade, path in paths]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in starts)
    Area.objects.all().delete()
    page_cache.clear()
    assert "<path class=" not in get_page(client, "/"), "a city without outlines has a door without a picture"


def test_rings_count_every_mapped_incident_by_family(client, riverton, incidents: PublishedIncidents):
    area = {"days": "365", "area": "neighbourhood:old-town"}
    page = get_page(client, "/map/", **area, at="41.50000,-38.50000,14")
    chosen = parse_filter(incidents, **area)
    marks = links(page, "mk")
    assert sum(named_count(name) for _address, name in marks) == incidents.count(chosen) - incidents.count_unmapped(
        chosen
    )
    pattern = r"(Old Town|Millside), near \d+00 block of Arden Street: [\d,]+ incidents?: Against people \d+, Theft and burglary \d+\. .+"
    assert any(re.fullmatch(pattern, name) for _address, name in marks), marks[:3]
    ring = page[page.index('class="mk"') :].split("</g>")[0]
    lengths = [float(length) for length in re.findall(r'stroke-dasharray="([\d.]+) 100"', ring)]
    assert 95 < sum(lengths) <= 100


def test_no_ring_covers_the_name_of_an_area(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", days="365", area="district:1")
    assert "A ring counts the incidents of a few blocks." in page
    rings = [
        (int(x), int(y))
        for x, y in re.findall(r'<g transform="translate\((-?\d+) (-?\d+)\)"><circle class="hole"', page)
    ]
    names = re.findall(r'<text class="label area" x="(\d+)" y="(\d+)"[^>]*>([^<]+)<', page)
    assert len(rings) > 5
    assert names
    for x, y in rings:
        assert not [
            name for left, top, name in names if abs(x - int(left)) < 9 * len(name) and abs(y - int(top)) < 15 + 19
        ]


def test_no_symbol_covers_the_name_of_an_area(client, riverton, incidents: PublishedIncidents):
    chosen = parse_filter(incidents, days="30")
    drawing = server_map.draw_unkept(base_map_svg.box_around(*map(float, STREET.split(","))))
    first = map_marks.build_symbols(incidents, chosen, drawing)[0]
    name = base_map_svg.MapLabel("area", "Old Town", first.x + 20, first.y - 5, 0)
    drawing.labels.append(name)
    marks = map_marks.build_symbols(incidents, chosen, drawing)
    assert first.url in [mark.url for mark in marks]
    for mark in marks:
        assert abs(mark.x - name.x) > 9 * len(name.text) or abs(mark.y - name.y) > 15 + 20


def test_mark_links_to_the_list_of_the_incidents_it_counts(client, riverton, incidents: PublishedIncidents):
    for at in (MIDDLE, STREET):
        marks = [each for each in links(get_page(client, "/map/", days="30", at=at), "mk") if "Zoom in" not in each[1]]
        assert marks
        for address, name in marks:
            listed = get_page(client, address)
            assert f"{named_count(name):,} incident" in listed
            assert listed.count("/map/incident/") == named_count(name)


def test_large_ring_links_to_a_closer_map_where_it_splits(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", days="365", at=MIDDLE)
    address, name = max(links(page, "mk"), key=lambda link: named_count(link[1]))
    assert "Zoom in" in name
    nearer = links(get_page(client, address), "mk")
    assert len(nearer) > 1
    assert max(named_count(each) for _address, each in nearer) < named_count(name)


def test_street_zoom_draws_one_symbol_an_incident_and_piles(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", days="30", at=STREET)
    marks = links(page, "mk")
    singles = [name for _address, name in marks if name.endswith("Show it")]
    piles = [name for _address, name in marks if name.endswith("Show them as a list")]
    assert singles
    assert piles
    assert len(singles) + len(piles) == len(marks)
    assert re.fullmatch(r"\d+00 block of Arden Street, (Old Town|Millside): (Burglary|Assault)\. Show it", singles[0])
    assert re.search(r'<g class="ty people">.*?#g-assault', page)


def test_the_legend_over_the_map_turns_a_family_off_and_on(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/")
    keys = dict(re.findall(r'<a class="key[^"]*" href="([^"]*)" data-family="(\w+)"', page))
    without = {family: unescape(address) for address, family in keys.items()}
    off = get_page(client, "/map/" + without["theft"])
    assert without["theft"] == "?category=assault&days=30"
    assert re.search(r'class="key off" href="\?days=30" data-family="theft"', off)
    only = get_page(client, "/map/?category=family:theft&days=30")
    assert "?category=family:theft&amp;days=30" in only, "a family is one word of the address"


def test_the_list_beside_the_map_is_of_the_selection_day_by_day(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", days="7")
    chosen = parse_filter(incidents, days="7")
    assert page.count('<a class="row"') == min(50, incidents.count(chosen))
    counted = [int(count) for count in re.findall(r'class="list-day">[^<]*<span>(\d+) incidents?</span>', page)]
    assert sum(counted) == incidents.count(chosen)
    assert "Show more of" in get_page(client, "/map/", days="90")


def test_the_brush_has_a_bar_for_each_day_and_offers_slices(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/")
    brush = page[page.index('id="brush"') :]
    bars = re.findall(r'<rect class="(on|off)"[^>]*data-first="([-\d]+)" data-last="([-\d]+)"', brush)
    assert len(bars) == 91
    assert [css for css, _first, _last in bars].count("on") == 30
    assert bars[-1][2] == incidents.until.isoformat()
    assert "not published yet" in brush
    assert "?days=30&amp;hour=7,8,14,15&amp;weekday=mon,tue,wed,thu,fri" in brush
    assert len(re.findall('<rect class="on"', get_page(client, "/map/", days="365"))) == 53, "a bar a week"
    month = re.search(r'class="ck" href="\?(from=[-\d]+&amp;to=[-\d]+)"', page)
    assert month
    assert "Last calendar month" in page
    assert re.findall(r'<text x="[\d.]+%" y="14">([^<]*)<', brush) == ["Aug. 1", "Sept. 1"]
    assert get_page(client, f"/map/?{unescape(month[1])}")
    week = incidents.until - timedelta(200)
    old = get_page(client, "/map/", **{"from": week.isoformat(), "to": (week + timedelta(6)).isoformat()})
    bars = re.findall(r'<rect class="(on|off)"', old[old.index('id="brush"') :])
    assert 3 <= bars.index("on") < 10, "the first day can be moved back"


def test_move_links_keep_the_selection(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", days="30", at="41.50000,-38.50000,16")
    found = re.findall(r'<a href="([^"]*)">(Move north|Move east|Zoom in|Zoom out)</a>', page)
    moves = {name: parse_qs(urlsplit(unescape(address)).query) for address, name in found}
    assert all(query["days"] == ["30"] for query in moves.values())
    at = {name: query["at"][0].split(",") for name, query in moves.items()}
    assert float(at["Move north"][0]) > 41.5
    assert float(at["Move east"][1]) > -38.5
    assert (at["Zoom in"][2], at["Zoom out"][2]) == ("17", "15")
    assert client.get("/map/", {"at": "41.50000,-38.50000,12.3"}).status_code == 200, "the city fills any screen"


@pytest.mark.parametrize("at", ["here", "41.5,-38.5", "41.5,-38.5,99", "99,0,12", "nan,0,12", "1" * 5000])
def test_invalid_map_position_is_refused_with_the_nearest_valid_one(
    client, riverton, incidents: PublishedIncidents, at
):
    answer = client.get("/map/", {"at": at, "days": "30"})
    assert answer.status_code == 400
    nearest = unescape(re.search(r'class="btn" href="([^"]*)"', answer.content.decode())[1])
    assert parse_qs(urlsplit(nearest).query)["days"] == ["30"]
    assert client.get(nearest).status_code == 200


def test_area_and_circle_of_the_filter_are_drawn_completely(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", area="district:1")
    assert '<path class="chosen"' in page
    assert "North District" in page
    page = get_page(client, "/map/", near="41.5,-38.5", radius="500")
    assert '<ellipse class="chosen"' in page


def test_incidents_are_drawn_without_a_base_map(client, db, incidents: PublishedIncidents):
    for model in (Area, BaseLayer, Block):
        model._default_manager.all().delete()
    page = get_page(client, "/map/")
    assert links(page, "mk")
    assert "We don't have a street map of the city yet" in page


def test_map_page_says_when_nothing_is_published(client, riverton, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    for name in ("", "list/", "charts/", "about/", "areas/", "area/district/1/", "compare/"):
        answer = client.get(f"/map/{name}?set=1", follow=True) if name == "" else client.get(f"/map/{name}")
        assert "We haven't published any incidents yet" in answer.content.decode()
    assert client.get("/map/incident/00000abcdefg/").status_code == 404


def test_map_page_is_small(client, riverton, incidents: PublishedIncidents):
    answer = client.get("/map/", headers={"accept-encoding": "gzip"})
    assert len(gzip.compress(gzip.decompress(answer.content))) < 60_000


def test_only_wide_streets_are_drawn_where_there_are_too_many():
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
def test_no_link_leaves_the_edge_of_the_city(client, riverton, incidents: PublishedIncidents, at):
    """Every link from a corner leads to a part of the map that can be shown."""
    corner = parse_qs(
        urlsplit(
            unescape(re.search(r'class="btn" href="([^"]*)"', client.get("/map/", {"at": at}).content.decode())[1])
        ).query
    )["at"][0]
    page = get_page(client, "/map/", at=corner)
    moves = re.findall(r'<a href="([^"]*)">', page[page.index('id="moves"') :].split("</nav>")[0])
    assert len(moves) >= 6
    assert {client.get(unescape(address)).status_code for address in moves} == {200}


# Place search


def test_place_match_links_to_the_incidents_there(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/", q="412 arden")
    assert "1 place found" in page
    address = unescape(re.search(r'<a href="(\?[^"]*)" dir="auto">400 block of Arden Street', page)[1])
    query = parse_qs(urlsplit(address).query)
    assert query["radius"] == ["500"]
    assert client.get(f"/map/{address}").status_code == 200


def test_area_match_filters_by_that_area(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/list/", q="old town", days="30")
    assert "days=30&amp;area=neighbourhood:old-town" in page


def test_search_without_a_match_says_so(client, riverton, incidents: PublishedIncidents):
    assert "No place found" in get_page(client, "/map/", q="zzzz<b>")


def test_no_form_puts_a_typed_place_into_an_address(client, riverton, incidents: PublishedIncidents):
    for path in ("/map/", "/map/list/", "/map/charts/"):
        forms = re.findall(r"<form[^>]*>.*?</form>", get_page(client, path), re.DOTALL)
        asking = [form for form in forms if 'name="q"' in form]
        assert asking, path
        assert all('method="post" action="/near/"' in form for form in asking), path


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
def test_submitted_form_becomes_filter_parameters(sent, expected):
    result = parse_form(QueryDict(sent), FAMILIES)
    query = "&".join(
        f"{name}={','.join(filter(None, values))}" for name, values in result.lists() if any(filter(None, values))
    )
    assert sorted(query.split("&")) == sorted(expected.split("&"))


def test_submitted_form_redirects_to_the_short_url_of_the_same_view(client, incidents: PublishedIncidents, riverton):
    sent = "set=1&q=&days=30&from=&to=&category=family:people&category=family:theft&category=burglary&area=district:1"
    answer = client.get(f"/map/charts/?{sent}&hour_from=&hour_to=")
    assert answer.status_code == 302
    assert answer["Location"] == "/map/charts/?category=assault,burglary&days=30&area=district:1"


def test_submitted_form_with_an_invalid_date_is_refused(client, incidents: PublishedIncidents, riverton):
    answer = client.get("/map/list/?set=1&days=&from=2024-02-31&to=2024-03-05")
    assert answer.status_code == 400
    assert "from=2024-02-29&amp;to=2024-03-05" in answer.content.decode()


def test_form_shows_the_filter_that_it_produced(client, incidents: PublishedIncidents, riverton):
    query = "category=burglary&days=30&hour=22-4&weekday=sat&area=district:1&near=41.5,-38.5&radius=300"
    page = get_page(client, f"/map/list/?{query}")
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


def test_legend_counts_incidents_under_the_rest_of_the_filter(client, incidents: PublishedIncidents, riverton):
    chosen = parse_filter(incidents, days="90", category="burglary")
    counts = incidents.count_by_category(replace(chosen, categories=frozenset()))
    page = get_page(client, "/map/", days="90", category="burglary")
    legend = dict(re.findall(r'<span>([^<]*)</span> <b class="count">(\d+)</b>', page))
    assert int(legend["Assault"]) == counts["assault"]
    assert int(legend["Theft and burglary"]) == counts["burglary"] + counts["fraud"]
    assert f"{counts['burglary']} incidents happened " in page
    assert "(the newest 90 days we have)" in page


def test_empty_selection_suggests_wider_ones(client, incidents: PublishedIncidents, riverton):
    query = "category=fraud&days=7&hour=3&weekday=mon&near=41.2,-38.5&radius=150"
    page = get_page(client, f"/map/?{query}")
    assert "No incidents match" in page
    empty = page[page.index('id="empty"') :]
    offered = [unescape(address) for address in re.findall(r'<a href="(\?[^"]*)"', empty[: empty.index("</ul>")])]
    assert len(offered) >= 4
    assert all(client.get(f"/map/{address}").status_code == 200 for address in offered)


# Wording


def test_hours_across_midnight_are_one_group():
    assert wording.group_hours(frozenset({22, 23, 0, 1, 9})) == [(9, 9), (22, 1)]
    assert wording.describe_hours(frozenset({22, 23, 0})) == "10 p.m. to 1 a.m."


# The home page


def test_home_page_shows_counts_of_the_last_30_days(client, riverton, incidents: PublishedIncidents):
    page_cache.clear()
    page = get_page(client, "/")
    chosen = parse_filter(incidents, days="30")
    assert wording.describe_count(incidents.count(chosen), chosen, incidents) in page


def test_home_page_has_no_counts_while_nothing_is_published(client, riverton, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    page_cache.clear()
    assert "the newest 30 days" not in get_page(client, "/")


@pytest.mark.parametrize("address", ["/map/", "/map/list/", "/map/data/bubbles.json", "/map/download.csv"])
def test_url_of_ten_kilobytes_is_refused(client, riverton, incidents: PublishedIncidents, address):
    answer = client.get(address, {"what": "ever" * 2500})
    assert answer.status_code == 400
    assert "The web address is too long: 10005 characters. The most we can read is 4096." in answer.content.decode()


HOSTILE = [
    "", "\x00", "%00", "\ud800", "\u202e", "\u06f7", "-1", "0", "1e308", "nan", "inf", "9" * 400, "' OR 1=1 --", "{{7*7}}", "../../etc/passwd",
    "district:/x", "district:..", "district:\n", ":", ",", "a:b:c", "9999-12-31", "0001-01-01", "2024-02-30", "22-4-3", "-0", "91,181",
    "90,180", "-90,-180", "0,0,0,0", "90,180,90,180", "nan,nan", "41.5,-38.5,17", "<svg onload=1>", "x" * 3000,
]  # fmt: skip
FILTER_PARTS = ("category", "days", "from", "to", "hour", "weekday", "area", "near", "radius", "box")
OTHER_PARTS = [  # what single views read besides the filter
    ("/map/", "at"), ("/map/", "set"), ("/map/list/", "q"), ("/map/list/", "sort"), ("/map/list/", "page"), ("/map/compare/", "a"),
    ("/map/data/bubbles.json", "view"), ("/map/data/bubbles.json", "z"), ("/map/data/list.html", "page"), ("/map/data/points.json", "view"), ("/map/", "shade"),
    ("/api/v1/bubbles", "zoom"), ("/api/v1/counts/areas", "layer"), ("/api/v1/incidents", "limit"), ("/api/v1/incidents", "after"),
    ("/map/alerts/", "area"), ("/map/embed/", "area"), ("/map/charts/", "near"),
]  # fmt: skip
PATHS = (
    "/map/area/district/{}/", "/map/area/{}/1/", "/map/feed/district/{}.atom", "/map/feed/category/{}.atom", "/map/incident/{}/",
    "/api/v1/incidents/{}", "/map/base/{}.json",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:30])
def test_no_query_and_no_path_breaks_a_page(client, riverton, incidents: PublishedIncidents, value):
    text = value.encode("utf-8", "surrogatepass")
    everything = [(path, dict.fromkeys(FILTER_PARTS, text)) for path in ("/map/", "/map/embed/", "/api/v1/incidents")]
    for path, query in [*everything, *((path, {part: text}) for path, part in OTHER_PARTS)]:
        assert client.get(path, query).status_code in (200, 302, 400, 404), (path, query)
    for path in PATHS:
        assert client.get(path.format(quote(text))).status_code in (200, 301, 302, 400, 404, 410), path

"""Pages of one incident, of areas, and of two areas side by side."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from core.web import page_cache
from crimemap import incident_summary, wording
from crimemap.models import Area
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import CategoryChange, IncidentRow
from tests.crimemap import published_city
from tests.crimemap.pages.test_map import get_page, parse_filter
from tests.crimemap.sample_incidents import TODAY

EVIL = "<script>alert(1)</script>"


def find_incident(incidents: PublishedIncidents, **wanted: Any) -> IncidentRow:
    rows = incidents.read_page(parse_filter(incidents), limit=1000).rows
    return next(row for row in rows if all(getattr(row, name) == value for name, value in wanted.items()))


# One incident


def test_incident_page_is_no_more_exact_than_the_publication(client, riverton, incidents: PublishedIncidents):
    row = find_incident(incidents, category="burglary", precision="hour", outcome="Arrest", description="Street")
    page = get_page(client, f"/map/incident/{row.public_id}/")
    assert ">Burglary<" in page
    assert row.block in page
    assert "(we show only the hour)" in page
    assert "Arrest" in page
    assert "Someone was arrested." in page
    assert "Street" in page
    assert f'href="/map/area/district/{row.areas["district"]}/"' in page
    assert re.search(r'<g class="ty theft">.*?#g-burglary', page)


def test_the_map_of_an_incident_names_the_streets_around_its_block(client, riverton, incidents: PublishedIncidents):
    row = find_incident(incidents, category="burglary")
    page = get_page(client, f"/map/incident/{row.public_id}/")
    left, top, width, height = map(
        int, re.search(r'class="city block" viewBox="(\d+) (\d+) (\d+) (\d+)"', page).groups()
    )
    names = re.findall(r'<text class="label street" x="(\d+)" y="(\d+)"', page)
    assert len(names) >= 2
    for x, y in names:
        assert left < int(x) < left + width
        assert top < int(y) < top + height


def test_incident_page_shows_a_day_without_an_hour_and_an_area_without_a_point(
    client, riverton, incidents: PublishedIncidents
):
    fraud = find_incident(incidents, category="fraud")
    page = get_page(client, f"/map/incident/{fraud.public_id}/")
    assert "(we show only the hour)" not in page
    assert "about " not in re.search(r"<dt>When</dt><dd>(.*?)</dd>", page, re.DOTALL)[1]
    assert "isn't on the map" in unescape(page)
    assert '<svg class="city' not in page


def test_incident_page_links_to_incidents_at_the_same_point(client, riverton, incidents: PublishedIncidents):
    row = find_incident(incidents, category="assault")
    page = get_page(client, f"/map/incident/{row.public_id}/")
    address = unescape(re.search(r'href="(/map/list/\?[^"]*)"', page)[1])
    assert row.public_id in get_page(client, address)


def test_incident_page_reports_a_reclassification(client, riverton, incidents: PublishedIncidents, monkeypatch):
    row = find_incident(incidents, category="burglary")
    changes = [CategoryChange(date(2024, 9, 1), "fraud", "burglary"), CategoryChange(date(2024, 9, 2), "", "burglary")]
    monkeypatch.setattr(PublishedIncidents, "category_changes", lambda self, public_id: changes)
    page = get_page(client, f"/map/incident/{row.public_id}/")
    assert "On Sept. 1, 2024 the type was changed from Fraud to Burglary." in page
    assert "On Sept. 2, 2024 the type was changed to Burglary." in page


def test_withdrawn_incident_answers_410_and_unknown_one_404(client, riverton, settings, tmp_path):
    rows = published_city.rows(50)
    rows[0]["removed"] = True
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    answer = client.get(f"/map/incident/{rows[0]['public_id']}/")
    assert answer.status_code == 410
    assert "was withdrawn" in answer.content.decode()
    for public_id in ("zzzzzzzzzzzz", "short", "é" * 12, "x" * 500):
        assert client.get(f"/map/incident/{public_id}/").status_code == 404


def test_tip_form_is_opened_by_post_without_the_incident_in_the_referrer(
    client, riverton, incidents: PublishedIncidents
):
    row = find_incident(incidents, category="burglary")
    answer = client.get(f"/map/incident/{row.public_id}/")
    assert answer["Referrer-Policy"] == "strict-origin"
    form = re.search(r'<form[^>]*method="post" action="/tips/">(.*?)</form>', answer.content.decode(), re.DOTALL)[1]
    assert f'name="incident" value="{row.public_id}"' in form


def test_other_apps_get_a_summary_of_an_incident(riverton, incidents: PublishedIncidents):
    row = find_incident(incidents, category="burglary", precision="hour")
    words = incident_summary.summarize(row.public_id)
    assert words.startswith(f"Burglary, {row.block}, ")
    assert incident_summary.summarize("zzzzzzzzzzzz") == ""
    assert incident_summary.summarize("é") == ""


def test_there_is_no_summary_while_nothing_is_published(riverton, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert incident_summary.summarize("00001abcdefg") == ""


# Areas


def test_area_page_shows_its_own_counts(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/area/district/1/")
    month, year = (parse_filter(incidents, days=days, area="district:1") for days in ("30", "365"))
    month_days, year_days = (wording.format_published_days(chosen, incidents) for chosen in (month, year))
    assert '<h1 dir="auto">North District</h1>' in page
    assert f"{incidents.count(month)} incidents happened " in page
    assert "(the newest 30 days we have)." in page
    assert f"<dt>{month_days}</dt><dd>{incidents.count(month)}</dd>" in page
    assert f"<dt>{year_days}</dt><dd>{incidents.count(year)}</dd>" in page
    assert '<path class="chosen"' in page
    assert 'class="city crop"' in page, "a phone shows the middle square, which has all of the area"
    assert "/map/feed/district/1.atom" in page
    for public_id in re.findall(r"/map/incident/(\w+)/", page):
        assert incidents.find_incident(public_id).areas["district"] == "1"


def test_officers_contact_is_escaped_text_in_paragraphs(client, riverton, incidents: PublishedIncidents):
    page_cache.clear()
    Area.objects.filter(layer="district", code="1").update(contact=f"Sergeant Okoye\n\n{EVIL}")
    page = get_page(client, "/map/area/district/1/")
    assert "<p>Sergeant Okoye</p>" in page
    assert EVIL not in page
    assert page.count("Sergeant Okoye") == 1  # the foot of the page has the agency's own words
    assert "Your officers" not in get_page(client, "/map/area/beat/11/")


def test_area_page_says_when_nothing_was_reported(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/area/district/4/")
    assert "We have no incidents to show here for " in page
    assert "area=district:4" not in page  # no filter knows it


@pytest.mark.parametrize("address", ["/map/area/district/1/", "/map/", "/map/list/", "/map/about/"])
def test_every_link_of_a_page_resolves(client, riverton, incidents: PublishedIncidents, address):
    page = get_page(client, address)
    found = {unescape(each) for each in re.findall(r'href="((?:/map/|\?)[^"#]*)', page)}
    found = {each if each.startswith("/") else f"{address}{each}" for each in found}
    chosen = sorted(each for each in found if "/incident/" not in each and "box=" not in each and "at=" not in each)
    assert len(chosen) >= 8
    assert {each: client.get(each).status_code for each in chosen} == dict.fromkeys(chosen, 200)


@pytest.mark.parametrize("area", ["district/99", "city/riverton", "street/1", "district/%3Cb%3E", "beat/" + "1" * 300])
def test_unknown_area_is_not_found(client, riverton, incidents: PublishedIncidents, area):
    assert client.get(f"/map/area/{area}/").status_code == 404


def test_area_known_only_from_incidents_has_a_page(client, riverton, incidents: PublishedIncidents):
    Area.objects.filter(layer="district", code="1").delete()
    page_cache.clear()
    page = get_page(client, "/map/area/district/1/")
    assert "District 1" in page


def test_index_lists_all_areas_with_their_counts(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/areas/")
    for code, count in incidents.count_by_area(parse_filter(incidents, days="30"), "district").items():
        assert re.search(rf'/map/area/district/{code}/" dir="auto">[^<]*</a> <b class="count">{count}<', page)
    assert "Harbor District" in page  # of no incident in these


# Two areas


def test_comparison_shows_two_areas_side_by_side(client, riverton, incidents: PublishedIncidents):
    page = get_page(client, "/map/compare/", a="district:1", b="neighbourhood:old-town", days="90", category="burglary")
    counts = [
        incidents.count(parse_filter(incidents, days="90", category="burglary", area=area))
        for area in ("district:1", "neighbourhood:old-town")
    ]
    assert re.search(rf'All</th><td class="number">{counts[0]}</td><td class="number">{counts[1]}</td>', page)
    assert "These are counts, not rates." in page
    assert len(set(re.findall(r'class="axis" aria-hidden="true"><span>([\d,]+)</span>', page))) == 1


def test_comparison_has_a_form_and_refuses_unknown_areas(client, riverton, incidents: PublishedIncidents):
    assert "Choose an area" in get_page(client, "/map/compare/")
    assert "counts, not rates" not in get_page(client, "/map/compare/", a="district:1")
    for query_string in ("a=district:1&b=district:77", "a=river&b=district:1", "a=district:1&b=district:2&days=8"):
        assert client.get(f"/map/compare/?{query_string}").status_code == 400


# Codes as agencies write them

ODD_CODES = (
    "North/South", "L'Exemple", "Ñuñoa – Saint-Étienne", "A:B", "A, B & C", "50% Hill", "Who? #1", "..", ".", "/", "//", "a//b/",
    "~2F", "100%25", 'Q"<b>', "C:\\D", "+", "x.atom", "tag=1&days=7",
)  # fmt: skip


def test_every_page_answers_for_areas_with_any_character(client, riverton, settings, tmp_path):
    """Each page that an area's code leads to, from the area's own page and the incident's, and each filter by it."""
    rows = published_city.rows(len(ODD_CODES) * 2)
    for number, row in enumerate(rows):
        row |= {"district": ODD_CODES[number % len(ODD_CODES)], "neighbourhood": ODD_CODES[number % len(ODD_CODES)]}
        row |= {"code": 1, "precision": "hour", "day": TODAY - 20}
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    page_cache.clear()
    index = get_page(client, "/map/areas/")
    links = {unescape(href) for href in re.findall(r'href="(/map/area/neighbourhood/[^"]*)"', index)}
    assert len([link for link in links if "old-town" not in link]) >= len(ODD_CODES)
    for number, code in enumerate(ODD_CODES):
        incident = get_page(client, f"/map/incident/{rows[number]['public_id']}/")
        link = unescape(re.search(r'href="(/map/area/neighbourhood/[^"]*)"', incident)[1])
        assert link in links
        assert "/../" not in link
        area = get_page(client, link)
        feed = unescape(re.search(r'href="(/map/feed/neighbourhood/[^"]*)"', area)[1])
        assert client.get(feed).status_code == 200
        query = {"area": f"neighbourhood:{code}", "days": "365"}
        view = {"view": "41.4,-38.6,41.6,-38.4", "z": "13", "layer": "neighbourhood"}
        for path in ("/map/", "/map/list/", "/map/charts/", "/map/embed/", "/map/alerts/", "/map/download.csv", "/map/data/list.html",
                     "/map/data/bubbles.json", "/api/v1/counts/months", "/api/v1/counts/areas"):  # fmt: skip
            answer = client.get(
                path, query | (view if "data" in path else {"layer": view["layer"]} if path.endswith("areas") else {})
            )
            assert answer.status_code == 200, (path, code)
            b"".join(answer)  # a download holds its place until it is read
        assert client.get("/api/v1/incidents", query).json()["total"] == 2, code
        assert get_page(client, f"/map/compare/?{urlencode({'a': query['area'], 'b': 'district:' + code})}")
        hrefs = set(re.findall(r'href="(/map/[^"#]*area=[^"]*)"', area)) if number < 5 else ()
        for href in hrefs:
            answer = client.get(unescape(href))
            assert answer.status_code == 200, (href, code)
            b"".join(answer)

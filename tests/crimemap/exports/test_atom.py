"""Atom feeds: conformance to RFC 4287, caching, and no detail beyond the publication."""

from __future__ import annotations

import html
import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from django.test import Client
from django.utils import timezone

from crimemap.exports import atom
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

ATOM = {"a": "http://www.w3.org/2005/Atom", "g": "http://www.georss.org/georss"}
ALL, DISTRICT, BURGLARY = "/map/feed/all.atom", "/map/feed/district/1.atom", "/map/feed/category/burglary.atom"
FEEDS = [ALL, DISTRICT, BURGLARY]
pytestmark = pytest.mark.django_db

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
URI = re.compile(r"[a-z]+:[\w\-.~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)


def read(client: Client, address: str) -> ElementTree.Element:
    return ElementTree.fromstring(client.get(address).content)


def text(element: ElementTree.Element, path: str) -> str:
    found = element.findall(path, ATOM)
    assert len(found) == 1, path
    return found[0].text or ""


def local_midnight(element: ElementTree.Element) -> date:
    """Return the agency's day that `updated` begins."""
    moment = timezone.localtime(datetime.fromisoformat(text(element, "a:updated")))
    assert moment.time() == time()
    return moment.date()


def entries(feed: ElementTree.Element) -> list[ElementTree.Element]:
    return feed.findall("a:entry", ATOM)


@pytest.mark.parametrize("address", FEEDS)
def test_the_feed_is_valid_atom(client: Client, incidents: PublishedIncidents, address: str) -> None:
    answer = client.get(address)
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.content)
    assert feed.tag == f"{{{ATOM['a']}}}feed"
    assert text(feed, "a:author/a:name")  # entries have none of their own
    links = {link.get("rel"): link.get("href", "") for link in feed.findall("a:link", ATOM)}
    assert links["self"] == f"http://127.0.0.1:8000{address}"
    assert links["alternate"].startswith("http://127.0.0.1:8000/map/?")
    for element in [feed, *entries(feed)]:
        assert text(element, "a:title")
        assert URI.fullmatch(text(element, "a:id"))
        assert RFC3339.fullmatch(text(element, "a:updated"))
    ids = [text(entry, "a:id") for entry in entries(feed)]
    assert len(set(ids)) == len(ids) == atom.ENTRIES
    for entry in entries(feed):
        (link,) = entry.findall("a:link", ATOM)
        assert (link.get("rel"), URI.fullmatch(link.get("href", "")) is not None) == ("alternate", True)
    assert client.get(links["alternate"].removeprefix("http://127.0.0.1:8000")).status_code == 200
    read = feedparser.parse(answer.content)
    assert (read.bozo, read.version, [entry.id for entry in read.entries]) == (False, "atom10", ids)


@pytest.mark.parametrize(
    ("address", "part"),
    [(ALL, {}), (DISTRICT, {"area": ("district", "1")}), (BURGLARY, {"categories": frozenset(["burglary"])})],
)
def test_a_feed_has_the_newest_incidents_of_its_area_or_category(
    client: Client, incidents: PublishedIncidents, address: str, part: dict[str, Any]
) -> None:
    rows = incidents.read_page(Filter(incidents.since, incidents.until, **part), limit=atom.ENTRIES).rows
    found = entries(read(client, address))
    assert [text(entry, "a:id").rpartition("/")[2] for entry in found] == [row.public_id for row in rows]
    for entry, row in zip(found, rows, strict=True):
        assert text(entry, "a:title").startswith(incidents.category_names[row.category])
        (link,) = entry.findall("a:link", ATOM)
        assert link.get("href", "").endswith(f"/map/incident/{row.public_id}/")
        points = [point.text for point in entry.findall("g:point", ATOM)]
        assert points == ([] if row.latitude is None else [f"{row.latitude} {row.longitude}"])


@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Honolulu", "Pacific/Auckland"])
def test_times_are_the_beginning_of_the_agencys_day(
    client: Client, incidents: PublishedIncidents, settings: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    feed = read(client, ALL)
    assert local_midnight(feed) == incidents.made_on
    rows = incidents.read_page(Filter(incidents.since, incidents.until), limit=atom.ENTRIES).rows
    for entry, row in zip(entries(feed), rows, strict=True):
        assert local_midnight(entry) == row.at.date()


def test_an_entry_stays_the_same_in_a_later_version(
    client: Client, tmp_path: Path, settings: Any, incidents: PublishedIncidents
) -> None:
    before = {text(entry, "a:id"): ElementTree.tostring(entry) for entry in entries(read(client, ALL))}
    newer = {"day": TODAY - 8, "hour": 23, "point": None, "public_id": "zzzzzzzzzzzz"}
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [*published_city.rows(), newer])
    after = {text(entry, "a:id"): ElementTree.tostring(entry) for entry in entries(read(client, ALL))}
    assert reader.current().version != incidents.version
    assert "tag:127.0.0.1,2026:incident/zzzzzzzzzzzz" in after
    common = set(before) & set(after)
    assert len(common) == atom.ENTRIES - 1
    assert all(before[name] == after[name] for name in common)


def test_text_is_escaped(client: Client, tmp_path: Path, settings: Any) -> None:
    odd = "<b>&\x0b\x00\ufffe]]>"
    row = {
        "block": "",
        "point": None,
        "outcome": f"Arrest {odd[2:]}",
        "neighbourhood": odd,
        "code": 1,
    }  # made of known words
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [row])
    (entry,) = entries(read(client, ALL))
    assert "<b>&" in text(entry, "a:title")
    summary = entry.findall("a:summary", ATOM)[0]
    assert summary.get("type") == "html"
    assert "<" not in (summary.text or "")
    assert "Arrest >&" in html.unescape(summary.text or "")


def test_an_area_with_any_code_has_a_feed(client: Client, tmp_path: Path, settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [{"district": "Łódź & West", "point": None}])
    published = reader.current()
    from django.urls import reverse

    address = reverse("crimemap:feed_area", args=["district", "Łódź & West"])
    feed = read(client, address)
    assert "Łódź & West" in text(feed, "a:title")
    assert URI.fullmatch(text(feed, "a:id"))
    assert len(entries(feed)) == 1
    assert published.areas["district"] == ["", "Łódź & West"]


@pytest.mark.parametrize("address", FEEDS)
def test_an_unchanged_feed_is_answered_with_304(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    first = client.get(address)
    assert first["Cache-Control"] == "public, max-age=60"
    assert not first.cookies
    monkeypatch.setattr(atom, "build_feed", lambda *given, **more: 1 / 0)
    assert client.get(address, headers={"if-none-match": first["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "address",
    [
        "/map/feed/district/99.atom",
        "/map/feed/planet/1.atom",
        "/map/feed/category/sexual.atom",
        "/map/feed/district/.atom",
    ],
)
def test_unpublished_areas_and_categories_have_no_feed(
    client: Client, incidents: PublishedIncidents, address: str
) -> None:
    assert client.get(address).status_code == 404


def test_an_area_without_incidents_has_a_feed(client: Client, incidents: PublishedIncidents, riverton: None) -> None:
    assert "4" not in incidents.areas["district"]
    feed = read(client, "/map/feed/district/4.atom")
    assert entries(feed) == []
    assert text(feed, "a:title")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("days=30", ALL),
        ("area=district:1&category=burglary", DISTRICT),
        ("category=burglary", BURGLARY),
        ("category=burglary,assault", ALL),
    ],
)
def test_filtered_pages_link_to_the_matching_feed(
    client: Client, incidents: PublishedIncidents, riverton: None, query: str, expected: str
) -> None:
    for path in ("/map/list/", "/map/about/"):
        page = client.get(f"{path}?{query}").content.decode()
        assert f'<link rel="alternate" type="application/atom+xml" href="{expected}"' in page
        assert f'<a href="{expected}">' in page
        for address in ("/map/download.csv?", "/map/download.geojson?"):
            assert address in page
    assert "&lt;iframe src=" in page


def test_without_published_incidents_there_is_no_feed(client: Client, tmp_path: Path, settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert client.get(ALL).status_code == 404


def test_an_empty_feed_is_valid(client: Client, tmp_path: Path, settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [{"code": 4}])  # hidden
    feed = read(client, ALL)
    assert entries(feed) == []
    assert date.fromisoformat(text(feed, "a:updated")[:10])

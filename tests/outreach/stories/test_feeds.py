"""The Atom feed (RFC 4287) and the site map (sitemaps.org), checked by their structure."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from django.utils import timezone

from core.web import page_cache
from outreach import sitemap
from outreach.models import Event, Guide
from outreach.stories import feeds
from tests.outreach.published import create_published_story

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture(autouse=True)
def _address(settings):
    settings.PORTAL_URL = "https://portal.example"


def feed(client) -> ElementTree.Element:
    response = client.get("/stories/feed.atom")
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(response.content)


def locations(client) -> dict[str, str | None]:
    page_cache.clear()
    response = client.get("/sitemap.xml")
    assert response["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(response.content)
    assert root.tag == f"{SITEMAP}urlset"
    return {url.findtext(f"{SITEMAP}loc"): url.findtext(f"{SITEMAP}lastmod") for url in root}


def test_the_feed_has_the_elements_that_atom_requires(client):
    create_published_story("one", title="Ends & <b>begins</b>", summary="A & B", how_soon="hour", tags=("Bicycles",))
    root = feed(client)
    assert root.tag == f"{ATOM}feed"
    for element in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{element}")
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links == {"alternate": "https://portal.example/stories/", "self": "https://portal.example/stories/feed.atom"}
    [entry] = root.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Ends & <b>begins</b>"
    assert entry.findtext(f"{ATOM}id") == "https://portal.example/stories/one/"
    summary = entry.find(f"{ATOM}summary")
    assert summary.get("type") == "html"
    assert summary.text == "A &amp; B (Within an hour)"
    assert {category.get("term") for category in entry.findall(f"{ATOM}category")} == {"Something else", "Bicycles"}
    read = feedparser.parse(ElementTree.tostring(root))
    assert (read.bozo, read.version, read.entries[0].title) == (False, "atom10", "Ends & <b>begins</b>")


def test_feeds_and_metadata_have_the_agencys_day_and_no_hour_of_publication(client):
    """March 8 is the day on which the zone's offset changes."""
    create_published_story(on=dt.date(2026, 3, 8), corrected_on=dt.date(2026, 3, 20))
    [entry] = feed(client).findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}published") == "2026-03-08T00:00:00-06:00"
    assert entry.findtext(f"{ATOM}updated") == "2026-03-20T00:00:00-05:00"
    page = client.get("/stories/bicycles/").content.decode()
    assert '<meta property="article:published_time" content="2026-03-08T00:00:00-06:00">' in page
    assert '<meta property="article:modified_time" content="2026-03-20T00:00:00-05:00">' in page


def test_the_site_map_dates_an_events_change_by_the_agencys_day(client):
    starts = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    Event.objects.create(
        slug="fair", title="Fair", place="Hall", starts_at=starts, ends_at=starts + dt.timedelta(hours=1),
        status="published", changed_at=dt.datetime(2026, 3, 15, 2, tzinfo=dt.UTC),
    )  # fmt: skip
    assert locations(client)["https://portal.example/events/fair/"] == "2026-03-14"


def test_the_feed_is_the_newest_and_may_be_empty(client):
    assert feed(client).findall(f"{ATOM}entry") == []
    for number in range(feeds.MAX_FEED_ENTRIES + 5):
        create_published_story(f"s{number}", on=dt.date(2026, 1, 1) + dt.timedelta(days=number))
    entries = feed(client).findall(f"{ATOM}entry")
    assert len(entries) == feeds.MAX_FEED_ENTRIES
    assert entries[0].findtext(f"{ATOM}title") == f"Title of s{feeds.MAX_FEED_ENTRIES + 4}"


def test_pages_name_the_feed(client):
    create_published_story()
    for path in ("/stories/", "/stories/bicycles/"):
        assert (
            '<link rel="alternate" type="application/atom+xml" href="/stories/feed.atom"'
            in client.get(path).content.decode()
        )


def test_the_site_map_lists_pages_stories_guides_and_events_that_answer(client):
    create_published_story(corrected_on=dt.date(2026, 3, 20))
    Guide.objects.create(slug="our-guide", title="G", summary="s", body="b", shown=True)
    now = timezone.now() + dt.timedelta(days=2)
    for slug, status in (("fair", "published"), ("secret-fair", "draft")):
        Event.objects.create(
            slug=slug, title=slug, place="Hall", starts_at=now, ends_at=now + dt.timedelta(hours=1), status=status
        )
    found = locations(client)
    assert found["https://portal.example/stories/bicycles/"] == "2026-03-20"
    for path in ("/", "/map/", "/impact/", "/guides/our-guide/", "/events/fair/"):
        assert f"https://portal.example{path}" in found
    assert not [address for address in found if "secret" in address]
    kept_out = re.findall(r"Disallow: (\S+)", client.get("/robots.txt").content.decode())
    assert "/tips/" in kept_out
    for address in found:
        path = urlsplit(address).path
        assert client.get(path).status_code == 200, address
        assert not path.startswith(tuple(kept_out))


def test_a_site_map_ends_at_the_limit_of_a_file(client, monkeypatch):
    monkeypatch.setattr(sitemap, "MAX_URLS", 20)
    for number in range(25):
        create_published_story(f"s{number}")
    assert len(locations(client)) == 20

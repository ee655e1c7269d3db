"""The map inside a page of another site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crimemap import freshness
from crimemap.pages import server_map
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

EMBED = "/map/embed/"
REFUSED = f"{EMBED}?category=burglry"


@pytest.mark.parametrize("address", [EMBED, f"{EMBED}?area=district:1&days=30", REFUSED])
def test_only_the_embedded_map_may_be_framed(
    client: Client, incidents: PublishedIncidents, riverton: None, address: str
) -> None:
    answer = client.get(address)
    assert "X-Frame-Options" not in answer
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "*"
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not answer.cookies
    for page in ("/", "/map/", "/tips/", "/map/list/", "/map/columns.txt", "/api/v1/about"):
        other = client.get(page)
        assert other["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in other["Content-Security-Policy"]


def test_embedded_map_needs_no_script_and_shows_the_filter(
    client: Client, incidents: PublishedIncidents, riverton: None
) -> None:
    page = client.get(f"{EMBED}?category=burglary&days=90").content.decode()
    assert "<script" not in page
    assert "style=" not in page
    assert '<base target="_top">' in page
    total = incidents.count(Filter.parse({"category": "burglary", "days": "90"}, incidents))
    assert f"{total} incidents happened " in page
    assert "Filters: Burglary</p>" in page
    assert page.count('class="ar ') > 3
    assert 'href="/map/?category=burglary&amp;days=90"' in page
    assert not re.findall(r'(?:href|src)="(?!/|#)[^"]*"', page)


def test_embedded_map_says_that_a_feed_is_late_also_when_it_was_cached(
    client: Client, incidents: PublishedIncidents, riverton: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(EMBED)
    age = freshness.Freshness("", "", ["Data from City are 3 days late."])
    monkeypatch.setattr(freshness, "describe_freshness", lambda _published: age)
    later = client.get(EMBED, headers={"if-none-match": first["ETag"]})
    assert later.status_code == 200
    assert "Data from City are 3 days late." in later.content.decode()


def test_invalid_filter_links_to_the_nearest_valid_one(
    client: Client, incidents: PublishedIncidents, riverton: None
) -> None:
    answer = client.get(REFUSED)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "We have no type called “burglry”" in page
    assert "/map/?category=burglary&amp;days=365" in page
    assert "<nav" not in page


def test_embedded_map_says_when_nothing_is_published(client: Client, tmp_path: Path, settings: Any, db: None) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    answer = client.get(EMBED)
    assert answer.status_code == 200
    assert "We haven't published any incidents yet" in answer.content.decode()
    assert "X-Frame-Options" not in answer


def test_unchanged_embedded_map_is_not_drawn_again(
    client: Client, incidents: PublishedIncidents, riverton: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(EMBED)
    assert first["Cache-Control"] == "public, max-age=60"
    monkeypatch.setattr(server_map, "draw_map", lambda *given: 1 / 0)
    assert client.get(EMBED, headers={"if-none-match": first["ETag"]}).status_code == 304

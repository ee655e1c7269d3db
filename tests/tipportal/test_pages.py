"""Pages for every visitor: their content, what they must not contain, and error pages."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from environs import ValidationError

from core.roles import Role
from core.staff import tip_access
from core.web import context_processors, page_cache
from crimemap.places import base_map
from outreach.events import public_events
from outreach.stories import impact
from outreach.templatetags import outreach_places
from tipportal import views
from tipportal.settings import check_phone_lines
from tips import statistics

PAGES = ["/", "/privacy/", "/tips/safety/"]
FOREIGN = re.compile(r"""(?:src|href|action|srcset|data-[\w-]+)=["'](?:https?:)?//[^"']*""")


def text_of(response: HttpResponse) -> str:
    return html.unescape(response.content.decode())


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the pages what they would query once a minute: empty figures, and that there are two supervisors."""
    monkeypatch.setattr(tip_access, "has_four_eyes", lambda: True)
    monkeypatch.setattr(statistics, "read_figures", lambda: statistics.TipFigures(None, None, None))
    monkeypatch.setattr(impact, "total_outcomes", lambda: impact.Outcomes(None, 0, 0, 0, 0))
    monkeypatch.setattr(impact, "list_latest_stories", list)
    monkeypatch.setattr(outreach_places, "_list_guides", list)
    monkeypatch.setattr(base_map, "base_map_version", lambda: "")
    monkeypatch.setattr(public_events, "upcoming_events", lambda *_area: [])


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_sets_no_cookie_and_makes_no_query(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("path", [*PAGES, "/nowhere/", "/tips/nowhere/"])
def test_a_page_has_no_inline_code_and_loads_nothing_from_other_sites(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page)
    elsewhere = [found for found in FOREIGN.findall(page) if live_settings.LEAVE_URL not in found]
    assert elsewhere == []


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("path", PAGES)
def test_the_emergency_line_comes_before_everything_else(client: Client, path: str, settings) -> None:
    settings.EMERGENCY_NUMBER = "112"
    words = re.sub(r"<[^>]+>|\s+", " ", text_of(client.get(path)).split("<header>")[1]).split()
    assert " ".join(words).startswith("Emergency? Call 112 ")
    assert re.search(r'<a[^>]*href="tel:112">', text_of(client.get(path)))


@pytest.mark.usefixtures("figures")
def test_crisis_lines_stand_beside_the_emergency_number(client: Client, settings) -> None:
    settings.CRISIS_LINES = ["Crisis line=988", "Shelter <b>=(555) 0170"]
    page = client.get("/privacy/").content.decode()
    assert '<a class="call" href="tel:988">Crisis line 988</a>' in page
    assert "0170" not in page, "only the first has room at the top"
    page = client.get("/tips/safety/").content.decode()
    assert '<a class="call" href="tel:988">988</a>' in page
    assert 'Shelter &lt;b&gt;</span>: <a class="call" href="tel:5550170">(555) 0170</a>' in page
    assert "list of calls" in page
    settings.CRISIS_LINES = []
    page_cache.clear()
    for path in PAGES:
        assert "risis line" not in client.get(path).content.decode()
    assert "list of calls" in client.get("/tips/safety/").content.decode(), "the emergency number leaves traces too"


@pytest.mark.parametrize("lines", [["988"], ["Crisis line="], ["=988"], ["Crisis line=none"]])
def test_a_crisis_line_without_name_or_number_is_refused_at_start(lines: list[str]) -> None:
    check_phone_lines(["Crisis line=988", "Shelter=1-800-799-7233"])
    with pytest.raises(ValidationError, match="equals sign"):
        check_phone_lines(lines)


@pytest.mark.usefixtures("figures")
def test_home_shows_no_figures_without_data(client: Client) -> None:
    assert "nums" not in text_of(client.get("/"))


@pytest.mark.usefixtures("figures")
def test_home_shows_every_available_figure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        statistics, "read_figures", lambda: statistics.TipFigures(received=41, answered=None, median_minutes=1)
    )
    page = text_of(client.get("/"))
    assert "<dd>41</dd>" in page
    assert "minute: typical wait until an officer reads a tip" in page
    assert "tips answered" not in page


@pytest.mark.usefixtures("figures")
def test_the_home_page_opens_three_doors(client: Client) -> None:
    page = text_of(client.get("/"))
    doors = re.findall(r'<li class="door">.*?<h2>(.*?)</h2>.*?</li>', page, re.DOTALL)
    assert doors == ["Tell us", "Look around", "Read our answer"]
    first = page.split('class="doors"')[1].split("</ul>")[0]
    assert 'href="/tips/"' in first
    assert 'href="/map/"' in first
    assert 'href="/tips/inbox/"' in first
    forms = re.findall(r'<form class="(.*?)" method="post" action="(.*?)"', page)
    assert forms == [("near-ask", "/near/")], (
        "no address has what was typed, and receipts are typed where one can leave"
    )


def test_a_tip_page_has_a_leave_bar_and_a_neutral_title(client: Client, settings) -> None:
    settings.LEAVE_URL = "https://weather.example/"
    response = client.get("/tips/safety/")
    page = text_of(response)
    assert "<title>Form - Riverton</title>" in page
    assert page.count('data-leave="https://weather.example/"') == 2, "the bar and the skip link"
    assert '<form id="leave-form" method="post" action="/tips/leave/">' in page
    assert 'class="has-exit"' in page
    assert 'name="robots" content="noindex' in page
    assert "img/page" in page.split("</head>")[0]
    assert response.headers["Cache-Control"] == "no-store"


def test_an_unknown_url_below_tips_has_the_leave_bar(client: Client) -> None:
    for path, can_leave in (("/nowhere/", False), ("/tips/nowhere/", True)):
        response = client.get(path)
        assert response.status_code == 404
        assert "This page doesn't exist" in text_of(response)
        assert "nowhere" not in text_of(response), "an address can hold what somebody typed"
        assert ("data-leave" in text_of(response)) == can_leave


def test_error_pages_need_neither_database_nor_request(settings) -> None:
    settings.EMERGENCY_NUMBER = "112"
    for template in ("500.html", "503.html"):
        page = html.unescape(render_to_string(template))
        assert re.search(r'<a[^>]*href="tel:112">.*Call 112</a>', page)
        assert settings.LEAVE_URL in page
    assert views.server_error(RequestFactory().get("/")).status_code == 500


def test_an_expired_admin_form_is_explained() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/admin/login/", {"username": "a", "password": "b"}, headers={"Origin": "http://testserver"})
    assert response.status_code == 403
    assert "open too long" in text_of(response)
    assert "CSRF" not in text_of(response)


@pytest.mark.usefixtures("figures")
def test_the_privacy_page_links_to_the_results_of_the_theft_test(client: Client) -> None:
    assert 'href="/security/"' in client.get("/privacy/").content.decode()
    response = client.get("/security/")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "## The theft test" in text_of(response)
    assert not response.cookies


def test_search_engines_are_excluded_from_tips(client: Client) -> None:
    response = client.get("/robots.txt")
    lines = response.content.decode().splitlines()
    assert lines == ["User-agent: *", "Disallow: /tips/", f"Sitemap: {live_settings.PORTAL_URL}/sitemap.xml"]


def test_template_facts_need_no_user_and_no_session() -> None:
    request = RequestFactory().get("/tips/")
    assert not hasattr(request, "session")
    facts = context_processors.portal_context(request)
    assert facts["agency"] == live_settings.AGENCY_NAME
    assert facts["error_base"] == "base_tip.html"


def test_the_staff_side_links_only_pages_it_has(settings) -> None:
    settings.ROLE = Role.STAFF
    page = render_to_string("404.html", context_processors.portal_context(RequestFactory().get("/nowhere/")))
    assert "/tips/" not in page
    assert "/privacy/" not in page


def test_every_icon_that_is_named_exists() -> None:
    root = live_settings.BASE_DIR
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (root / "static/img/icons.svg").read_text()))
    templates: list[Path] = [*(root / "templates").rglob("*.html")]
    named = {name for path in templates for name in re.findall(r'{% icon "([\w-]+)"', path.read_text())}
    assert named - drawn == set()
    assert set(re.findall(r'"icon": "([\w-]+)"', (root / "tips/taxonomy.json").read_text())) - drawn == set()

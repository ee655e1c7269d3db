"""The guides that come with the portal, and their pages."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.urls import resolve

from core.web import context_processors, page_cache
from outreach import guides
from outreach.content import links, markdown
from outreach.models import Guide

pytestmark = pytest.mark.django_db

SHIPPED = sorted(guides._STARTER_FOLDER.glob("*.md"))


@pytest.fixture(autouse=True)
def _shipped():
    guides.ensure_guides()


def words_of(text: str) -> list[str]:
    return re.findall(r"[A-Za-z’']+", text)


def test_the_five_starter_guides_exist_and_are_shown(client):
    page = client.get("/guides/").content.decode()
    for title in (
        "How to describe a person",
        "What happens to your tip",
        "How this portal keeps you anonymous",
        "Reading the crime map",
        "Staying safe while you report",
    ):
        assert title in page
    assert set(Guide.objects.values_list("place", flat=True)) == {"tip_form", "receipt", "map"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_starter_guide_is_short_plain_and_has_working_links(path: Path, client):
    head, text = guides.read_guide_file(path)
    assert not re.search(r"{\w+}", text), "a fact that was not filled in"
    assert 300 <= len(words_of(text)) <= 700
    assert len(head["summary"]) <= 300
    # Flesch and Kincaid's grade (1975), syllables counted as groups of vowels: 7 is about twelve years of age.
    plain = re.sub(r"[*#|>\-]|\d+\.|\(/[\w/-]+\)", " ", text)
    sentences = [one for one in re.split(r"[.!?:]\s|\n\n|\n\s", plain) if words_of(one)]
    words = words_of(plain)
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", word.lower())))) for word in words)
    assert 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59 < 7
    found = markdown.find_references(text)
    assert links.find_broken_links(found.links) == []
    assert all(resolve(link) for link in found.links if not link.startswith("tel:"))
    page = client.get(f"/guides/{path.stem}/")
    assert page.status_code == 200
    assert html.escape(head["title"]) in page.content.decode()


def test_guides_changed_or_hidden_by_the_agency_are_not_overwritten(client):
    Guide.objects.filter(slug="staying-safe").update(body="Our own words.", shown=False)
    guides.ensure_guides()
    guide = Guide.objects.get(slug="staying-safe")
    assert (guide.body, guide.shown) == ("Our own words.", False)
    assert Guide.objects.count() == len(SHIPPED)


def test_a_shipped_guide_has_its_first_version():
    guide = Guide.objects.get(slug="staying-safe")
    assert [(version.number, version.by) for version in guide.revisions.all()] == [(1, None)]
    assert guide.revisions.get().snapshot["body"] == guide.body


def test_the_facts_of_the_agency_are_filled_in(settings):
    settings.EMERGENCY_NUMBER = "112"
    settings.TIP_RETENTION_DAYS = 30
    texts = " ".join(guides.read_guide_file(path)[1] for path in SHIPPED)
    assert "call [112](tel:112)" in texts
    assert context_processors.agency_facts()["tips_kept"] in texts


def test_a_hidden_guide_is_on_no_page(client):
    Guide.objects.filter(slug="staying-safe").update(shown=False)
    page_cache.clear()
    assert client.get("/guides/staying-safe/").status_code == 404
    for page in ("/guides/", "/sitemap.xml", "/guides/describe-a-person/"):
        assert "staying-safe" not in client.get(page).content.decode().replace("/guides/staying-safe/)", "")
    assert Template('{% load outreach_places %}{% guide_link "staying-safe" %}').render(Context()) == ""
    assert "staying-safe" not in Template('{% load outreach_places %}{% guide_links "tip_form" %}').render(Context())


def test_a_guide_can_be_left_in_a_hurry_and_printed(client):
    page = client.get("/guides/staying-safe/").content.decode()
    assert page.count("data-leave=") == 2
    assert "data-print" in page
    assert "js/leave" in page


def test_tags_link_a_guide_by_its_own_title():
    Guide.objects.filter(slug="describe-a-person").update(title="Saying <what> you saw")
    link = Template('{% load outreach_places %}{% guide_link "describe-a-person" %}').render(Context())
    assert link == '<a href="/guides/describe-a-person/">Saying &lt;what&gt; you saw</a>'
    links_of_form = Template('{% load outreach_places %}{% guide_links "tip_form" %}').render(Context())
    assert re.findall(r'href="([^"]+)"', links_of_form.replace("#", ""))[-1:] != []
    assert "/guides/describe-a-person/" in links_of_form
    assert "/guides/reading-the-crime-map/" not in links_of_form


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/tips/", "describe-a-person"),
        ("/tips/", "how-you-stay-anonymous"),
        ("/tips/", "staying-safe"),
        ("/map/", "reading-the-crime-map"),
        ("/", "what-happens-to-your-tip"),
    ],
)
def test_guides_are_linked_where_they_help(client, path, slug):
    assert f'href="/guides/{slug}/"' in client.get(path).content.decode()

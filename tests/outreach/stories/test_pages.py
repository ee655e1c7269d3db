"""Residents' pages of stories in each state, also when addresses are guessed."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import Account
from core.web import page_cache
from crimemap.models import Area
from outreach.models import Correction, Guide, Picture, PreviewLink, PublishedStory, Status, Withdrawal
from outreach.stories import previews, search, share_links
from tests.outreach.published import create_draft, create_picture, create_published_story
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.fixture
def area():
    made = Area(
        layer="district", code="4", name="Harbor District", key="harbor", outline=SQUARE, latitude=0, longitude=0
    )
    made.save()
    page_cache.clear()
    return made


def text_of(response) -> str:
    return html.unescape(response.content.decode())


# The list and its filters


def test_stories_are_listed_newest_first(client):
    for number, name in enumerate(("old", "older", "oldest")):
        create_published_story(name, on=dt.date(2026, 5, 20 - number))
    page = text_of(client.get("/stories/"))
    assert page.index("Title of old<") < page.index("Title of older") < page.index("Title of oldest")


def test_without_stories_the_page_says_so(client):
    assert "No stories yet" in text_of(client.get("/stories/"))
    assert "No stories yet" in text_of(client.get("/stories/archive/"))


def test_each_filter_lists_only_matching_stories(client, area):
    create_published_story(
        "arrest", category="arrest", tags=("Fraud",), on=dt.date(2025, 2, 1), areas=[["district", "4"]]
    )
    create_published_story("weapons", category="weapons", tags=("Guns", "Fraud"), on=dt.date(2026, 2, 1))
    page_cache.clear()

    def shown(query: str) -> set[str]:
        return set(re.findall(r'href="/stories/(arrest|weapons)/"', client.get(f"/stories/?{query}").content.decode()))

    assert shown("") == {"arrest", "weapons"}
    assert shown("category=arrest") == {"arrest"}
    assert shown("tag=guns") == {"weapons"}
    assert shown("tag=fraud") == {"arrest", "weapons"}
    assert shown("area=district/4") == {"arrest"}
    assert shown("year=2026") == {"weapons"}
    assert shown("tag=fraud&year=2025&category=arrest") == {"arrest"}
    assert shown("tag=fraud&year=2024") == set()


@pytest.mark.parametrize(
    "query",
    ["year=0000", "year=99999", "year=२०२६", "category=%00", "tag=%00x", "area=%00/1", "area=a", "page=9e9", "page=-1",
     "page=0", "q=%27%3B--", "category=" + "x" * 500],
)  # fmt: skip
def test_an_invalid_filter_gives_an_empty_list(client, query):
    create_published_story()
    for path in ("/stories/", "/stories/search/"):
        assert client.get(f"{path}?{query}").status_code == 200


def test_filters_offer_only_values_in_use_with_their_counts(client, area):
    create_published_story("a", category="arrest", tags=("Fraud",), areas=[["district", "4"], ["district", "gone"]])
    create_published_story("b", category="arrest")
    page_cache.clear()
    page = text_of(client.get("/stories/?category=arrest"))
    assert '<option value="arrest" selected>An arrest (2)</option>' in page
    assert '<option value="district/4">Harbor District (1)</option>' in page
    assert "weapons" not in page.split("<select")[1]
    assert "gone" not in page


def test_long_lists_have_pages_that_keep_the_filter(client):
    for number in range(30):
        create_published_story(f"s{number}", category="arrest")
    first = text_of(client.get("/stories/?category=arrest"))
    assert first.count("<article") == 12
    assert 'href="?category=arrest&page=3"' in first
    last = text_of(client.get("/stories/?category=arrest&page=3"))
    assert last.count("<article") == 6
    assert 'aria-current="page"><span class="visually-hidden">Page</span> 3' in last


def test_tags_areas_and_years_have_pages(client, area):
    create_published_story("here", tags=("Fraud",), areas=[["district", "4"]], on=dt.date(2025, 2, 1))
    create_published_story("there", on=dt.date(2026, 2, 1))
    for path, heading in (
        ("/stories/tag/fraud/", "Stories: Fraud"),
        ("/stories/area/district/4/", "Stories from Harbor District"),
        ("/stories/archive/2025/", "Stories of 2025"),
    ):
        page = text_of(client.get(path))
        assert f">{heading}</h1>" in page
        assert "/stories/here/" in page
        assert "/stories/there/" not in page
    for path in ("/stories/tag/none/", "/stories/area/district/9/", "/stories/area/x/4/", "/stories/archive/1999/",
                 "/stories/archive/0/", "/stories/archive/10000/"):  # fmt: skip
        assert client.get(path).status_code == 404


# Search


def test_search_finds_inflected_words_and_ranks_titles_first(client):
    create_published_story("text", body="Somebody stole bicycles here.")
    create_published_story("title", title="Bicycles came home")
    create_published_story("other", body="Nothing of the kind.")
    page = text_of(client.get("/stories/search/?q=bicycle"))
    assert "2 stories for" in page
    assert page.index("/stories/title/") < page.index("/stories/text/")
    assert "/stories/other/" not in page
    assert "Nothing found" in text_of(client.get("/stories/search/?q=zeppelin"))
    assert "What are you looking for" in text_of(client.get("/stories/search/?q=+"))


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("The neighbor\u2019s bike", "neighbor's"),
        ("The neighbor's bike", "neighbor\u2019s"),
        ("Called \u2018bicycles\u2019 here", "bicycle"),
        ("Called \u201cbicycles\u201d here", "bicycle"),
        ("Bicycles\u2014many of them", "bicycles many"),
        ("Arden\u2013Mill corner", "arden-mill"),
        ("Arden\u2011Mill corner", "arden-mill"),
        ("A bi\u00adcycle", "bicycle"),
        ("The o\ufb03ce", "office"),
        ("The café", "cafe"),
        ("The cafe", "CAFÉ"),
        ("A cafe\u0301", "café"),
        ("\uff22\uff49\uff4b\uff45 found", "bike"),
        ("Straße", "strasse"),
        ("a\u00a0bike", "bike"),
        ("Two red bikes", "\u201cred bikes\u201d"),
    ],
)
def test_search_finds_words_however_they_are_written(client, written, typed):
    for place, fields in (
        ("title", {"title": written}),
        ("body", {"body": written}),
        ("summary", {"summary": written}),
    ):
        create_published_story(place, **fields)
    page = text_of(client.get("/stories/search/", {"q": typed}))
    for place in ("title", "body", "summary"):
        assert f"/stories/{place}/" in page
    assert "Nothing found" in text_of(client.get("/stories/search/", {"q": "\u201cbikes red\u201d"}))


def test_stories_from_before_are_indexed_by_the_migration(client):
    create_published_story(title="The neighbor\u2019s bike")
    PublishedStory.objects.update(search=None)
    assert search.find_matching_ids("neighbor's") == []
    import_module("outreach.migrations.0002_folded_story_search").index_stories(apps, None)
    assert len(search.find_matching_ids("neighbor's")) == 1


@pytest.mark.parametrize(
    "query",
    ["a & b | !", '"', "'", "\0", "<b>", "%", "word " * 500, "-", "OR", "قصة", ":*", "\\", "-" * 33, "- " * 100],
)
def test_search_accepts_any_input(client, query):
    response = client.get("/stories/search/", {"q": query})
    assert response.status_code == 200
    assert "<b>" not in response.content.decode().split("<main")[1].split("<h1")[1].split("</h1>")[1].split("links")[0]


# Signs that a search could mistake for operators, alone and in rows, beside any text at all.
_SIGNS = st.text("-!&|()<>:*\"'\\ \t\u00a0\u2013_aä1OR", min_size=1, max_size=250)
_SIGN = st.sampled_from(["-", "- ", "-!", "-(", "!", "(", '"', '-"', "a-", "-a ", "&-"])
_ROWS = st.builds(lambda sign, count: sign * count, _SIGN, st.integers(1, 200))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_SIGNS | _ROWS | st.text(max_size=250))
def test_any_text_can_be_searched_for(client, text):
    assert client.get("/stories/search/", {"q": text.encode(errors="replace")}).status_code == 200


def test_a_row_of_hyphens_is_not_an_operator(client):
    create_published_story("lot", title="Bicycles in the parking lot")
    assert "/stories/lot/" in text_of(client.get("/stories/search/", {"q": "bicycles -- parking"}))
    assert "/stories/lot/" not in text_of(client.get("/stories/search/", {"q": "bicycles -parking"}))


def test_very_common_words_find_the_newest_stories(client, monkeypatch):
    monkeypatch.setattr(search, "MAX_RANKED", 2)
    for number in range(4):
        create_published_story(f"s{number}", body="common", on=dt.date(2026, 1, 1 + number))
    found = search.load_stories(search.find_matching_ids("common"))
    assert {story.slug for story in found} == {"s3", "s2"}
    assert "Showing the newest results." in text_of(client.get("/stories/search/?q=common"))
    assert "Showing the newest results." not in text_of(client.get("/stories/search/?q=nothing"))


# A story


def test_a_story_shows_all_its_fields(client, area):
    lead, inside = create_picture(b"lead"), create_picture(b"inside", alt="A frame")
    story = create_published_story(
        "bicycles", title="Home again", summary="A van of bicycles.", body=f"Some *text*.\n\n![A frame](picture:{inside.pk})",
        category="property", tags=("Bicycles",), areas=[["district", "4"]], lead=lead, what_happened="A store was found",
        how_soon="day", arrests=2, property_returned=22, property_words="bicycles", quote="I had given up.",
        quote_by="An owner", you_said="They come at night.", we_did="We looked at night.",
    )  # fmt: skip
    story.pictures.set([lead, inside])
    page = text_of(client.get("/stories/bicycles/"))
    for part in (
        "Home again", "A van of bicycles.", "<em>text</em>", "A store was found", "The same day", "bicycles returned",
        "I had given up.", "An owner", "They come at night.", "We looked at night.", "Harbor District", "Bicycles",
        "March 14, 2026", "Picture: Nobody",
    ):  # fmt: skip
        assert part in page, part
    for each in (lead, inside):
        assert f"/stories/media/{each.variants[0]['digest']}.webp 400w" in page
    assert re.search(r'<img [^>]*alt="Three bicycles" width="800" height="400"', page)


def test_empty_facts_are_left_out(client):
    create_published_story()
    page = text_of(client.get("/stories/bicycles/"))
    for part in ("fact-panel", "<blockquote", "said-did", "lead-picture", 'id="corrections"'):
        assert part not in page


def test_a_correction_is_dated_and_shown_with_the_story(client):
    story = create_published_story(corrected_on=dt.date(2026, 3, 20))
    Correction.objects.create(published=story, on=dt.date(2026, 3, 20), note="It was 22, not 21.")
    page = text_of(client.get("/stories/bicycles/"))
    assert "Corrected on March 20, 2026" in page
    assert "It was 22, not 21." in page
    assert "Corrected" in text_of(client.get("/stories/"))


def test_related_stories_share_a_tag_or_else_the_category(client):
    story = create_published_story("one", category="arrest", tags=("Fraud",))
    create_published_story("same-tag", tags=("Fraud",), category="other")
    create_published_story("same-kind", category="arrest")
    create_published_story("neither", category="weapons")
    assert [other.slug for other in search.find_related(story)] == ["same-tag", "same-kind"]


def test_a_story_has_structured_data(client, settings):
    settings.PORTAL_URL = "https://portal.example"
    create_published_story(title='"Home" </script> & <b>', tags=("Bicycles",), corrected_on=dt.date(2026, 3, 20))
    page = client.get("/stories/bicycles/").content.decode()
    [data] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert "<" not in data
    article = json.loads(data)
    assert article["@type"] == "NewsArticle"
    assert article["headline"] == '"Home" </script> & <b>'
    assert (article["datePublished"], article["dateModified"]) == (
        "2026-03-14T00:00:00-05:00",
        "2026-03-20T00:00:00-05:00",
    )
    assert article["url"] == "https://portal.example/stories/bicycles/"
    properties = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)"', page))
    assert html.unescape(properties["og:title"]) == article["headline"]
    assert properties["og:image"] == article["image"][0]
    card = urlsplit(properties["og:image"])
    answer = client.get(f"{card.path}?{card.query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["Cache-Control"] == "public, max-age=86400"
    assert "max-age" not in client.get(f"{card.path}?v=older")["Cache-Control"]


def test_a_page_of_stories_loads_nothing_from_elsewhere_and_sets_no_cookie(client):
    create_published_story(tags=("Bicycles",))
    for path in (
        "/stories/",
        "/stories/bicycles/",
        "/stories/bicycles/share/?server=social.example",
        "/impact/",
        "/guides/",
    ):
        response = client.get(path)
        page = response.content.decode()
        assert not response.cookies
        assert not re.findall(r'(?:src|srcset|action)="(?:https?:)?//', page)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<iframe", page)


# Telling it on


def test_share_links_carry_title_and_address(client, settings):
    settings.PORTAL_URL = "https://portal.example"
    create_published_story(title="Home & away")
    page = text_of(client.get("/stories/bicycles/"))
    links = dict(re.findall(r'href="(https://[^"]+|mailto:[^"]+)" rel="noopener noreferrer nofollow">([^<]+)<', page))
    parameters = {name: parse_qs(urlsplit(link).query) for link, name in links.items()}
    assert parameters["Bluesky"]["text"] == ["Home & away https://portal.example/stories/bicycles/"]
    assert parameters["X"] == {"text": ["Home & away"], "url": ["https://portal.example/stories/bicycles/"]}
    assert parameters["Facebook"]["u"] == ["https://portal.example/stories/bicycles/"]
    assert parameters["WhatsApp"]["text"] == parameters["Bluesky"]["text"]
    assert parameters["Email"]["subject"] == ["Home & away"]
    assert 'data-copy="https://portal.example/stories/bicycles/"' in page


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("mastodon.social", "mastodon.social"),
        ("  https://Mastodon.Social/ ", "mastodon.social"),
        ("@me@social.example", "social.example"),
        ("me@social.example", "social.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("https://mastodon.social/@me", "mastodon.social"),
        ("https://mastodon.social/@me/", "mastodon.social"),
        ("https://mastodon.social/@me/with_replies", "mastodon.social"),
        ("mastodon.social/@me", "mastodon.social"),
        ("https://mastodon.social/@me@other.example", "mastodon.social"),
        ("https://mastodon.social/web/@me", "mastodon.social"),
        ("https://mastodon.social/users/me", "mastodon.social"),
        ("https://mastodon.social/@me?utm_source=x", "mastodon.social"),
    ],
)
def test_a_mastodon_server_is_recognized_in_every_spelling(client, typed, host):
    create_published_story(title="Home")
    page = text_of(client.get("/stories/bicycles/share/", {"server": typed}))
    assert f'href="https://{host}/share?text=Home+' in page
    assert f"Continue to {host}" in page


@pytest.mark.parametrize(
    "typed",
    ["localhost", "127.0.0.1", "[::1]", "a.example:8080", "a.example/path", "a.example?x", "a.example#x", "user:pw@a.example/",
     "javascript:alert(1)", "//a.example", "a b.example", "-a.example", "a..example", "x" * 64 + ".example", "example", "\0",
     "a.example\\@b.example", "https://user:pw@a.example/@me", "https://a.example:8080/@me", "https://a.example@b.example:1"],
)  # fmt: skip
def test_text_that_is_no_server_gets_a_sentence_and_no_link(client, typed):
    create_published_story()
    response = client.get("/stories/bicycles/share/", {"server": typed})
    page = text_of(response)
    assert response.status_code == 200, "never a redirect"
    assert "Enter a name like mastodon.social." in page
    assert "Continue to" not in page
    assert share_links.parse_mastodon_host(typed) is None


# Unpublished stories


@pytest.mark.parametrize("status", [each for each in Status if each not in (Status.PUBLISHED, Status.CORRECTED)])
def test_an_unpublished_story_is_on_no_page(client, status):
    hidden = create_picture(b"secret")
    times = {"publish_at": timezone.now() + dt.timedelta(days=1)} if status == Status.SCHEDULED else {}
    story = create_draft("secret-plan", status, title="Secretword", body=f"secretword ![x](picture:{hidden.pk})", lead=hidden,
                  category="arrest", areas=[["district", "4"]], arrests=7, you_said="secretword", we_did="x", **times)  # fmt: skip
    story.pictures.add(hidden)
    create_published_story("shown")
    page_cache.clear()
    pages = ["/", "/stories/", "/stories/?category=arrest", "/stories/search/?q=secretword", "/stories/feed.atom",
             "/sitemap.xml", "/stories/archive/", "/impact/", "/stories/shown/"]  # fmt: skip
    for path in pages:
        page = client.get(path).content.decode()
        assert "Secretword" not in page, path
        assert "secret-plan" not in page, path
    for path in ("/stories/secret-plan/", "/stories/secret-plan/share/", "/stories/card/secret-plan.png"):
        assert client.get(path).status_code == 404
    for variant in hidden.variants:
        assert client.get(f"/stories/media/{variant['digest']}.{variant['format']}").status_code == 404
    with acting_as("public"):
        assert not Picture.objects.filter(pk=hidden.pk).only("id").exists()


def test_a_withdrawn_story_and_its_pictures_are_gone(client):
    shown = create_picture()
    story = create_published_story(lead=shown, title="Secretword")
    story.pictures.add(shown)
    address = f"/stories/media/{shown.variants[0]['digest']}.webp"
    assert client.get(address).status_code == 200
    story.delete()
    Withdrawal.objects.create(slug="bicycles", on=dt.date(2026, 4, 1))
    page_cache.clear()
    for path in ("/stories/bicycles/", "/stories/bicycles/share/"):
        response = client.get(path)
        assert response.status_code == 410
        assert "removed it on April 1, 2026" in text_of(response)
        assert "Secretword" not in text_of(response)
        assert response["Cache-Control"] == "no-store"
    assert client.get("/stories/card/bicycles.png").status_code == 404
    assert client.get(address).status_code == 404
    for path in ("/", "/stories/", "/stories/search/?q=secretword", "/stories/feed.atom", "/sitemap.xml"):
        assert "Secretword" not in client.get(path).content.decode()


def test_residents_read_the_approved_text_while_the_desk_changes_it(client):
    story = create_published_story(title="As approved")
    story.story.title, story.story.status = "Half a sentence", Status.DRAFT
    story.story.save()
    page = text_of(client.get("/stories/bicycles/"))
    assert "As approved" in page
    assert "Half a sentence" not in page


def test_a_picture_is_served_with_its_type_and_cannot_run_scripts(client):
    shown = create_picture()
    create_published_story().pictures.add(shown)
    for variant in shown.variants:
        response = client.get(f"/stories/media/{variant['digest']}.{variant['format']}")
        assert response.content.startswith(b"a picture")
        assert response["Content-Type"] == {"webp": "image/webp", "jpg": "image/jpeg"}[variant["format"]]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
    other = {"webp": "jpg", "jpg": "webp"}[shown.variants[0]["format"]]
    assert client.get(f"/stories/media/{shown.variants[0]['digest']}.{other}").status_code == 404
    assert client.get(f"/stories/media/{'0' * 64}.jpg").status_code == 404


def test_a_guides_picture_is_public_only_with_the_guide(client):
    shown = create_picture()
    guide = Guide.objects.create(slug="g", title="G", summary="s", body=f"![x](picture:{shown.pk})", shown=True)
    guide.pictures.add(shown)
    address = f"/stories/media/{shown.variants[0]['digest']}.webp"
    assert address in client.get("/guides/g/").content.decode()
    assert client.get(address).status_code == 200
    Guide.objects.update(shown=False)
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("path", ["/stories/", "/stories/bicycles/", "/stories/search/?q=text", "/stories/feed.atom", "/",
                                  "/sitemap.xml", "/impact/", "/guides/", "/stories/archive/2026/", "/stories/tag/fraud/",
                                  "/stories/bicycles/share/", "/stories/card/bicycles.png"])  # fmt: skip
def test_every_page_asks_for_no_more_than_the_public_role_may_read(client, path):
    lead = create_picture()
    create_published_story(lead=lead, tags=("Fraud",), corrected_on=dt.date(2026, 3, 20)).pictures.add(lead)
    page_cache.clear()
    with acting_as("public"):
        assert client.get(path).status_code == 200


# Preview


@pytest.fixture
def previewed():
    lead = create_picture()
    story = create_draft("not-yet", Status.IN_REVIEW, title="Not yet", lead=lead, body=f"![x](picture:{lead.pk})")
    story.pictures.add(lead)
    link, token = previews.create_link(story, Account.objects.get(username="writer"))
    return story, link, token


def test_a_preview_link_shows_the_story_as_it_is_now(client, previewed):
    story, _link, token = previewed
    with acting_as("public"):
        response = client.get(f"/stories/preview/{token}/")
    page = text_of(response)
    assert "Preview, not published." in page
    assert "Not yet" in page
    assert 'content="noindex, nofollow"' in page
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Cache-Control"] == "no-store"
    assert "ld+json" not in page
    assert "og:title" not in page
    assert "bsky.app" not in page
    [address] = set(re.findall(r"(/stories/preview/[\w-]+/media/[0-9a-f]{64}\.webp) 400w", page))
    with acting_as("public"):
        assert client.get(address).content.startswith(b"a picture")
    assert client.get(address)["Cache-Control"] == "no-store"
    assert client.get(address.replace(f"/preview/{token}", "")).status_code == 404
    story.title = "Changed since"
    story.save()
    assert "Changed since" in text_of(client.get(f"/stories/preview/{token}/"))


def test_a_preview_link_expires(client, previewed):
    story, link, token = previewed
    address = f"/stories/preview/{token}/"
    picture_address = f"{address}media/{story.lead.variants[0]['digest']}.webp"
    link.expires_at = timezone.now() - dt.timedelta(seconds=1)
    link.save()
    for each in (address, picture_address):
        assert client.get(each).status_code == 404
    assert "This link has expired" in text_of(client.get(address))
    link.expires_at = timezone.now() + dt.timedelta(days=1)
    link.save()
    assert client.get(address).status_code == 200
    story.status = Status.WITHDRAWN
    story.save()
    assert client.get(address).status_code == 404
    PreviewLink.objects.all().delete()
    assert client.get(address).status_code == 404


def test_a_preview_link_is_stored_as_a_hash_and_opens_one_story(client, previewed):
    _story, link, token = previewed
    assert token.encode() not in bytes(PreviewLink.objects.get().token_hash)
    assert len(token) >= 40
    other = create_picture(b"another")
    create_draft("other").pictures.add(other)
    assert client.get(f"/stories/preview/{token}/media/{other.variants[0]['digest']}.webp").status_code == 404
    for guess in (token[:-1], token + "x", "x", bytes(link.token_hash).hex()):
        assert client.get(f"/stories/preview/{guess}/").status_code == 404
    with acting_as("public"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM story_preview(%s)", [b"0" * 32])
        assert cursor.fetchone() == (0,)


def test_visits_of_stories_are_not_counted(client):
    create_published_story()
    before = list(PublishedStory.objects.values())
    client.get("/stories/bicycles/")
    assert list(PublishedStory.objects.values()) == before

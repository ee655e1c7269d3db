"""The tip form: which posts are accepted, and that no text is lost."""

from __future__ import annotations

import gzip
import io
import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from core import ephemeral_store
from core.web import padded_response, page_cache
from crimemap.places.lookup import Place
from tests.tips.source.pages import (
    TEXT,
    confirm_receipt,
    field_of,
    fill_form,
    main_of,
    receipt_of,
    send_tip,
    token_of,
    words_of,
)
from tips import conversation, form_tokens, intake, receipts, vault
from tips.models import Category, Question, Tip
from tips.source import inbox_session, throttle

pytestmark = pytest.mark.django_db
BAKERY = Place("block:7", "block", "400 block of Arden Street", 41.25, -96.5, "North District")


def opened(receipt: str) -> conversation.OpenedTip:
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return session.read()


def question(label: str) -> str:
    return f"answer_{Question.objects.get(label=label).pk}"


# Taken


def test_a_tip_is_accepted_and_its_receipt_shown(client: Client) -> None:
    page = send_tip(client)
    assert opened(receipt_of(page)).report["description"] == TEXT
    assert Tip.objects.get().category.slug == "vehicle"


def test_everything_said_is_in_the_sealed_report(client: Client) -> None:
    page = send_tip(
        client,
        danger="yes",
        place="behind the bakery",
        latitude="41.25001",
        longitude="-96.50001",
        when="about 10 at night",
        date="2026-03-31",
        **{question("License plate"): "4KT", question("Color"): "white"},
    )
    report = opened(receipt_of(page)).report
    assert report["answers"] == [
        {"question": "License plate", "answer": "4KT"},
        {"question": "Color", "answer": "white"},
    ]
    assert (report["place"], report["latitude"], report["longitude"]) == ("behind the bakery", 41.25001, -96.50001)
    assert "2026" in report["when"]
    assert "about 10 at night" in report["when"]
    assert report["danger"] == "yes"
    assert Tip.objects.get().get_priority_display() == "Urgent"


def test_answers_to_another_categorys_questions_are_stored_too(client: Client) -> None:
    page = send_tip(client, category="drugs", **{question("License plate"): "4KT"})
    assert opened(receipt_of(page)).report["answers"] == [{"question": "License plate", "answer": "4KT"}]


def test_no_page_of_the_form_sets_a_cookie_or_may_be_cached(client: Client) -> None:
    for page in (client.get("/tips/"), send_tip(client), send_tip(client, description="")):
        assert not page.cookies
        assert page["Cache-Control"] == "no-store"
        assert re.search("<title>Form - .*</title>", page.content.decode())


def test_the_first_page_explains_retention_before_it_asks(client: Client, settings: Any) -> None:
    settings.TIP_RETENTION_DAYS, settings.EMERGENCY_NUMBER = 91, "112"
    page = client.get("/tips/")
    text = words_of(page)
    assert text.index("for 91 days after we close the tip") < text.index("What is it about?")
    assert text.index("nobody can recover it") < text.index("What is it about?")
    assert "Call 112 now" in text
    assert 'href="/tips/safety/"' in page.content.decode()
    assert " checked" not in page.content.decode()
    assert (
        page.content.decode().count('<details class="more" data-category')
        == Category.objects.filter(active=True).count()
    )
    assert "<details open" not in page.content.decode()


def test_each_form_has_a_token_of_its_own(client: Client) -> None:
    assert len({token_of(client.get("/tips/")) for _ in range(3)}) == 3


def test_a_category_that_is_not_offered_cannot_be_chosen(client: Client) -> None:
    Category.objects.filter(slug="vehicle").update(active=False)
    page = send_tip(client)
    assert page.status_code == 422
    assert "Choose one of the topics in the list." in words_of(page)


# Once


def test_a_form_sent_twice_is_one_tip_with_one_receipt(client: Client) -> None:
    fields = fill_form(client)
    first, second = client.post("/tips/", fields), client.post("/tips/", fields)
    assert receipt_of(first) == receipt_of(second)
    assert "It was not sent twice" in words_of(second)
    assert "It was not sent twice" not in words_of(first)
    assert Tip.objects.count() == 1


def test_a_text_changed_after_sending_is_not_stored_and_the_page_says_so(client: Client) -> None:
    fields = fill_form(client)
    receipt = receipt_of(client.post("/tips/", fields))
    page = client.post("/tips/", fields | {"description": "Something else"})
    assert "Changes you made afterwards were not saved." in words_of(page)
    assert opened(receipt).report["description"] == TEXT


def test_the_token_alone_shows_the_receipt_of_a_tip_that_arrived(client: Client) -> None:
    fields = fill_form(client)
    receipt = receipt_of(client.post("/tips/", fields))
    page = client.post("/tips/", {"token": fields["token"]})
    assert receipt_of(page) == receipt
    assert "It was not sent twice" not in words_of(page)


def test_the_token_alone_sends_nothing(client: Client) -> None:
    assert client.post("/tips/", {"token": token_of(client.get("/tips/"))}).status_code == 422
    assert not Tip.objects.exists()


def test_the_same_form_shows_its_receipt_until_it_was_seen(client: Client) -> None:
    fields = fill_form(client)
    page = client.post("/tips/", fields)
    for _ in range(2):
        assert receipt_of(client.post("/tips/", {"token": fields["token"]})) == receipt_of(page)
    assert confirm_receipt(client, page).status_code == 204
    for again in (fields, {"token": fields["token"]}):
        answer = client.post("/tips/", again, follow=True)
        assert answer.redirect_chain == [("/tips/closed/", 302)]
        assert "This page has expired" in words_of(answer)
        assert receipt_of(page) not in words_of(answer)
        assert not re.search("receipt|your tip", main_of(answer), re.IGNORECASE), "it tells nobody that there is a tip"
    assert Tip.objects.count() == 1


def test_a_form_too_old_to_show_its_receipt_says_nothing_of_a_tip_once_it_was_seen(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = fill_form(client)
    confirm_receipt(client, client.post("/tips/", fields))
    monkeypatch.setattr(form_tokens, "LIFETIME_SECONDS", -1)
    assert client.post("/tips/", fields)["Location"] == "/tips/closed/"


def test_a_form_older_than_its_token_gets_a_fresh_one_and_keeps_its_text(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = fill_form(client)
    monkeypatch.setattr(form_tokens, "LIFETIME_SECONDS", -1)
    page = client.post("/tips/", fields)
    assert page.status_code == 422
    assert "This page was open for a long time. Nothing is lost. Press Send again." in words_of(page)
    assert field_of(page, "description") == TEXT
    monkeypatch.undo()
    kept = {name: field_of(page, name) for name in fields}
    assert kept["token"] != fields["token"]
    assert kept == fields | {"token": kept["token"]}
    receipt_of(client.post("/tips/", kept))


def test_an_old_form_whose_tip_is_here_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = fill_form(client)
    client.post("/tips/", fields)
    monkeypatch.setattr(form_tokens, "LIFETIME_SECONDS", -1)
    assert "Your tip has arrived" in words_of(client.post("/tips/", fields))
    assert Tip.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x", "ü" * 500, "A" * 400])
def test_a_token_that_is_none_gets_a_fresh_one(client: Client, token: str) -> None:
    page = client.post("/tips/", fill_form(client) | {"token": token})
    assert page.status_code == 422
    assert field_of(page, "description") == TEXT
    assert len(field_of(page, "token") or "") > 100


# Not taken, nothing lost


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"category": ""}, "Choose what your tip is about."),
        ({"category": "treason"}, "Choose one of the topics in the list."),
        ({"danger": "maybe"}, "Choose “Yes”, “No” or"),
        ({"description": " \n\t "}, "Write what you saw or know."),
        ({"date": "2999-01-01"}, "That date is in the future."),
        ({"date": "soon"}, "We couldn't read this date."),
        ({"latitude": "41.2"}, "We couldn't read the map point."),
        ({"place_ref": "block:999999"}, "We don't know this place."),
        ({"place": "x" * 501}, "This is 1 character too long. The limit is 500."),
        ({"subject": "buy"}, "A hidden field was filled in."),
    ],
)
def test_an_invalid_field_gets_a_sentence_and_no_text_is_lost(
    client: Client, wrong: dict[str, str], sentence: str
) -> None:
    plate = question("License plate")
    fields = fill_form(client, when="most nights", **{plate: "4KT"}) | wrong
    page = client.post("/tips/", fields)
    assert page.status_code == 422
    assert sentence in words_of(page)
    assert token_of(page) == fields["token"]
    for name in ("description", "when", plate):
        assert (field_of(page, name) or "").strip() == fields[name].strip()
    assert field_of(page, "subject") is None
    assert not Tip.objects.exists()
    right = {"category": "vehicle", "danger": "", "description": TEXT, "date": "", "latitude": "", "place_ref": ""}
    receipt_of(client.post("/tips/", fields | right | {"place": "", "subject": ""}))


def test_a_hundred_thousand_characters_get_a_sentence_and_stay(client: Client) -> None:
    text = "é" * 100_000
    page = send_tip(client, description=text)
    assert page.status_code == 422
    assert "This is 90000 characters too long. The limit is 10000." in words_of(page)
    assert field_of(page, "description") == text


def test_the_limit_counts_code_points_and_one_for_a_line_end(client: Client) -> None:
    text = "😀\r\n" * (intake.MAX_DESCRIPTION_LENGTH // 2 - 1) + "ab"
    assert send_tip(client, description=text).status_code == 200
    assert send_tip(client, description=text + "c").status_code == 422


def test_control_and_bidi_characters_are_removed_and_broken_utf8_is_accepted(client: Client) -> None:
    token = token_of(client.get("/tips/"))
    body = f"token={token}&category=drugs&description=".encode()
    body += b"a%00b%1B%5B31m%E2%80%AEc%E2%81%A6%0D%0Ad%09e%C2%85f %FF%FE g"
    page = client.post("/tips/", body, content_type="application/x-www-form-urlencoded")
    assert opened(receipt_of(page)).report["description"] == "ab[31mc\nd\te\nf \ufffd\ufffd g"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_post_cut_short_is_not_half_a_tip(client: Client, kind: str) -> None:
    token = token_of(client.get("/tips/"))
    body = f"token={token}&category=drugs&description=They+said+they+would+not".encode()
    if kind.startswith("multipart"):
        parts = {"token": token, "category": "drugs", "description": "They said they would not"}
        body = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
        ).encode()
    page = client.generic(
        "POST", "/tips/", CONTENT_TYPE=kind, CONTENT_LENGTH=str(len(body) + 40), **{"wsgi.input": io.BytesIO(body)}
    )
    assert page.status_code == 400
    assert "Part of what you sent got lost on the way" in words_of(page)
    assert not Tip.objects.exists()


@pytest.mark.parametrize("fields", [{"description": "x" * 2_100_000}, {f"f{n}": "" for n in range(400)}])
def test_more_than_the_server_takes_gets_a_plain_page(client: Client, fields: dict[str, str]) -> None:
    page = send_tip(client, **fields)
    assert page.status_code == 413
    assert "shorten it" in words_of(page)
    assert not Tip.objects.exists()


# Floods and failures


def test_under_a_flood_a_new_form_has_to_wait_and_keeps_its_text(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "CALM_POSTS", 0)
    fields = fill_form(client)
    page = client.post("/tips/", fields)
    assert page.status_code == 429
    seconds = int(page["Retry-After"])
    assert 5 <= seconds <= throttle.RIPE_SECONDS + 1
    assert f"Press Send again in {seconds} seconds." in words_of(page)
    assert {name: field_of(page, name) for name in fields} == fields
    monkeypatch.setattr(throttle, "RIPE_SECONDS", -1)
    receipt_of(client.post("/tips/", fields))


def test_an_old_form_waits_for_its_turn_under_a_flood_and_a_form_that_arrived_does_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = fill_form(client)
    receipt_of(client.post("/tips/", arrived))
    monkeypatch.setattr(throttle, "CALM_POSTS", 0)
    monkeypatch.setattr(throttle, "RIPE_SECONDS", -1)
    monkeypatch.setattr(throttle, "MOST_SAVED_TURNS", 0.0)
    fields = fill_form(client)
    page = client.post("/tips/", fields)
    assert page.status_code == 429
    assert int(page["Retry-After"]) == throttle.TURN_WAIT_SECONDS
    assert {name: field_of(page, name) for name in fields} == fields
    assert Tip.objects.count() == 1
    receipt_of(client.post("/tips/", arrived))


def test_what_a_flood_gets_asks_the_database_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(throttle, "CALM_POSTS", 0)
    fields = fill_form(client)
    with django_assert_num_queries(0):
        client.post("/tips/", fields)


def test_a_full_line_says_wait_and_keeps_the_text(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_receipt: str) -> None:
        raise receipts.ReceiptQueueFullError

    monkeypatch.setattr(receipts, "stretch_receipt", busy)
    page = send_tip(client)
    assert page.status_code == 503
    assert "We're getting many tips right now." in words_of(page)
    assert field_of(page, "description") == TEXT
    assert not Tip.objects.exists()


def test_without_an_agency_key_no_tip_is_accepted_and_the_text_stays(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    settings.AGENCY_PUBLIC_KEYS = tmp_path
    page = send_tip(client)
    assert page.status_code == 503
    assert "We can't accept tips right now." in words_of(page)
    assert field_of(page, "description") == TEXT
    assert vault.key_files(tmp_path, "pub") == []
    assert not Tip.objects.exists()


def test_without_a_database_everything_typed_is_in_a_page_that_sends_it_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise OperationalError("the server went away")

    fields = fill_form(client, when="most nights", danger="no")
    with monkeypatch.context() as patch:
        patch.setattr(intake, "accept_tip", down)
        page = client.post("/tips/", fields)
    assert page.status_code == 503
    assert "Everything you typed is still on this page" in words_of(page)
    kept = {name: field_of(page, name) for name in fields}
    assert kept == fields
    assert opened(receipt_of(client.post("/tips/", kept))).report["when"] == "most nights"


def test_without_the_memory_store_tips_are_accepted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise ephemeral_store.StoreDownError

    for name in ("get", "get_and_touch", "put", "put_once", "forget"):
        monkeypatch.setattr(ephemeral_store, name, down)
    receipt_of(send_tip(client))


# Where


@pytest.fixture
def bakery(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(
        "crimemap.places.search_places", lambda text, limit=8: [BAKERY] if "arden" in text.lower() else []
    )
    monkeypatch.setattr("crimemap.places.find_place", lambda ref: BAKERY if ref == BAKERY.ref else None)
    return BAKERY


def test_finding_a_street_keeps_the_page_and_sends_nothing(client: Client, bakery: Place) -> None:
    fields = fill_form(client, search="Arden", find_place="1", category="", place="near the oven")
    page = client.post("/tips/", fields)
    assert page.status_code == 200
    point = f'data-latitude="{bakery.latitude}" data-longitude="{bakery.longitude}"'
    assert f'value="{bakery.ref}" {point}' in page.content.decode(), "a chosen place moves the map without a request"
    assert bakery.name in words_of(page)
    assert "There is a problem" not in words_of(page)
    kept = [field_of(page, name) for name in ("description", "place", "search", "token")]
    assert kept == [TEXT, "near the oven", "Arden", fields["token"]]
    assert not Tip.objects.exists()


def test_a_street_that_is_not_found_gets_a_sentence(client: Client, bakery: Place) -> None:
    assert "We found no street or intersection with this name." in words_of(
        send_tip(client, search="Nowhere", find_place="1")
    )
    assert "Type a street name first." in words_of(send_tip(client, search=" ", find_place="1"))


def test_every_answer_of_a_look_up_has_the_same_length(client: Client, bakery: Place) -> None:
    """Compressed or not: a network's owner must not learn from it which street was looked up."""
    for encoding in ("gzip", ""):
        answers = [
            client.post(
                "/tips/",
                fill_form(client, description=TEXT * length, search=search, find_place="1"),
                headers={"Accept-Encoding": encoding},
            )
            for length, search in ((1, "Arden"), (1, "Nowhere"), (1, " "), (20, "Arden" * 20), (1, "arden and mill"))
        ]
        lengths = {len(answer.content) for answer in answers}
        assert lengths == {padded_response.BUCKET_BYTES if encoding else padded_response.PLAIN_BUCKET_BYTES}
        pages = [gzip.decompress(answer.content) if encoding else answer.content for answer in answers]
        assert bakery.ref.encode() in pages[0]
        assert b"We found no street" in pages[1]


def test_a_place_that_was_found_gives_its_point_and_name(client: Client, bakery: Place) -> None:
    report = opened(receipt_of(send_tip(client, place_ref=bakery.ref))).report
    assert (report["place_ref"], report["place"]) == (bakery.ref, bakery.name)
    assert (report["latitude"], report["longitude"]) == (bakery.latitude, bakery.longitude)


def test_words_and_a_point_picked_by_hand_come_before_the_found_place(client: Client, bakery: Place) -> None:
    page = send_tip(client, place_ref=bakery.ref, place="at the oven", latitude="41.3", longitude="-96.6")
    report = opened(receipt_of(page)).report
    assert (report["place"], report["latitude"], report["longitude"]) == ("at the oven", 41.3, -96.6)


def test_a_chosen_place_stays_chosen_on_an_error(client: Client, bakery: Place) -> None:
    page = send_tip(client, place_ref=bakery.ref, description="")
    assert re.search(f'value="{bakery.ref}" [^>]*id="[a-z_0-9]+" checked', page.content.decode())


# Sensitive categories


def test_a_new_portal_offers_no_sensitive_category_until_someone_is_named(client: Client) -> None:
    assert Category.objects.filter(is_sensitive=True, active=False).count() == 3
    assert "Hate crime" not in words_of(client.get("/tips/"))


def test_a_safety_note_stands_below_its_category_as_the_agency_wrote_it(client: Client, settings: Any) -> None:
    settings.EMERGENCY_NUMBER = "112"
    note = "Call {emergency}, or <b>the shelter</b>: 555-0170."
    Category.objects.filter(slug="home-abuse").update(active=True, safety_note=note)
    page_cache.clear()
    page = client.get("/tips/").content.decode()
    assert 'Call <a class="call" href="tel:112">112</a>, or &lt;b&gt;the shelter&lt;/b&gt;: 555-0170.' in page
    tile = page.partition('value="home-abuse"')[2].partition("<label")[0]
    assert 'aria-describedby="note-home-abuse"' in tile
    assert 'id="note-home-abuse"' in tile
    assert "Only people named for this topic can read your tip." in tile
    assert page.count("Only people named for this topic") == 1

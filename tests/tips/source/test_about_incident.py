"""A tip about an incident of the map: the form names it, the sealed report keeps it, nothing else does."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client

from tests.tips.desk import officers
from tests.tips.source.pages import TEXT, receipt_of, send_tip, token_of, words_of
from tips import receipts
from tips.source import inbox_session

pytestmark = pytest.mark.django_db
ID = "aB3dE5gH7jK9"
WORDS = "Burglary, 400 block of <W> 24th Pl, May 3, 2026, about 6 p.m."


@pytest.fixture(autouse=True)
def one_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map with only this incident."""
    monkeypatch.setattr("crimemap.incident_summary.summarize", lambda public_id: WORDS if public_id == ID else "")


def report_of(receipt: str) -> dict[str, object]:
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return session.read().report


def test_the_button_of_an_incident_opens_a_form_that_names_it(client: Client) -> None:
    page = client.post("/tips/", {"incident": ID})
    assert page.status_code == 200
    assert f"About this incident: {WORDS}" in words_of(page)
    assert f'name="incident" value="{ID}"' in page.content.decode()
    assert "<W>" not in page.content.decode()
    assert token_of(page) != token_of(client.post("/tips/", {"incident": ID}))
    assert not page.cookies
    assert page["Cache-Control"] == "no-store"


def test_an_incident_that_is_none_opens_the_plain_form(client: Client) -> None:
    for public_id in ("gone", "", "<b>", "x" * 5000):
        page = client.post("/tips/", {"incident": public_id})
        assert page.status_code == 200
        assert "About this incident" not in words_of(page)
        assert 'name="incident"' not in page.content.decode()
    assert "About this incident" not in words_of(client.get("/tips/"))


def test_it_is_sealed_with_the_tip_and_stands_nowhere_in_clear(client: Client) -> None:
    report = report_of(receipt_of(send_tip(client, incident=ID)))
    assert (report["incident"], report["about"]) == (ID, WORDS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tips_tip::text, encode(report, 'escape') FROM tips_tip")
        ((stored, report),) = cursor.fetchall()
    for secret in (ID, "24th", ID.encode().hex()):
        assert secret not in stored
        assert secret not in report


def test_the_description_is_the_maps_and_not_a_posted_one(client: Client) -> None:
    report = report_of(receipt_of(send_tip(client, incident=ID, about="Murder")))
    assert report["about"] == WORDS


def test_one_that_is_gone_in_the_meantime_keeps_no_tip_from_arriving(client: Client) -> None:
    report = report_of(receipt_of(send_tip(client, incident="withdrawn")))
    assert (report["description"], report["incident"], report["about"]) == (TEXT, "", "")


def test_an_error_and_a_search_keep_it(client: Client) -> None:
    for fields in ({"description": ""}, {"find_place": "1", "search": "arden"}):
        page = send_tip(client, incident=ID, **fields)
        assert WORDS in words_of(page)
        assert re.search(rf'<input type="hidden" name="incident" value="{ID}"', page.content.decode())


def test_officers_and_the_source_read_it(client: Client) -> None:
    officer = officers.create_officer()
    tip = officers.send_opened_tip(officer, incident=ID, about=WORDS)
    page = words_of(officers.sign_in(officer).get(f"/admin/tips/tip/{tip.pk}/change/"))
    assert WORDS in page
    assert "Incident on the map" in page
    receipt = receipt_of(send_tip(client, incident=ID))
    client.post("/tips/inbox/", {"receipt": receipt})
    assert WORDS in words_of(client.get("/tips/inbox/conversation/"))

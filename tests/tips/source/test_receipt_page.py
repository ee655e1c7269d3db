"""The page after Send: the receipt as words, text file and QR code, and the next steps."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from core.web import page_cache
from tests.tips.source.pages import field_of, fill_form, receipt_of, send_tip, words_of
from tips import intake, receipts, statistics
from tips.form_tokens import spell_id
from tips.source import qr_code
from tips.statistics import TipFigures

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client) -> HttpResponse:
    return send_tip(client)


def test_the_receipt_parses_and_cannot_be_restored(page: HttpResponse) -> None:
    assert receipts.parse_receipt(receipt_of(page)) == receipt_of(page)
    assert "nobody can recover them" in words_of(page)


def test_the_text_file_is_in_the_page_and_holds_the_words_alone(page: HttpResponse) -> None:
    address, name = re.search(
        r'href="data:text/plain;charset=utf-8,([^"]+)" download="([^"]+)"', page.content.decode()
    ).groups()
    assert unquote(address) == receipt_of(page) + "\n"
    assert name == "words.txt"


def test_the_qr_code_is_a_drawing_without_style_or_script(page: HttpResponse) -> None:
    drawing = re.search(r"<svg viewBox=\"0 0 \d+ \d+\">.*?</svg>", page.content.decode(), re.DOTALL)[0]
    ElementTree.fromstring(drawing)
    assert "style" not in drawing
    assert qr_code.draw(receipt_of(page)) == drawing
    assert qr_code.draw(receipts.spell_receipt(receipts.draw_positions())) != drawing


def test_nothing_of_the_receipt_is_in_an_address_or_the_title(page: HttpResponse) -> None:
    content = page.content.decode()
    assert re.search("<title>Form - .*</title>", content)
    for address in re.findall(r'(?:href|action|src)="(?!data:)([^"]+)"', content):
        # One of the words may be drawn that an address has anyway, such as "safety".
        assert sum(word in address for word in receipt_of(page).split() if len(word) > 4) < 2
    assert page["Cache-Control"] == "no-store"


def is_shown_again(client: Client, token: str) -> bool:
    return client.post("/tips/", {"token": token}).status_code == 200


@pytest.fixture
def sent(client: Client) -> tuple[str, HttpResponse]:
    """The token of a form, and the page with its receipt."""
    fields = fill_form(client)
    return fields["token"], client.post("/tips/", fields)


def test_each_way_out_of_the_page_confirms_that_the_receipt_was_seen(
    client: Client, sent: tuple[str, HttpResponse]
) -> None:
    token, page = sent
    body = re.search(r"<body.*", page.content.decode(), re.DOTALL)[0]
    assert set(re.findall(r'<a [^>]*?href="([^":]+)["]', body)) == {"#main"}
    pages = re.findall(r'formaction="/tips/receipt/" name="page" value="([^"]+)"', body)
    assert {"/", "/tips/", "/tips/inbox/", "/tips/safety/"} <= set(pages)
    assert is_shown_again(client, token)
    answer = client.post("/tips/receipt/", {"form_id": field_of(page, "form_id"), "page": "/tips/inbox/"})
    assert answer["Location"] == "/tips/inbox/"
    assert not is_shown_again(client, token)


def test_leaving_closes_the_receipt(client: Client, sent: tuple[str, HttpResponse]) -> None:
    token, page = sent
    client.post("/tips/leave/", {"form_id": field_of(page, "form_id")})
    assert not is_shown_again(client, token)


def test_opening_the_tip_closes_the_receipt(client: Client, sent: tuple[str, HttpResponse]) -> None:
    token, page = sent
    client.post("/tips/inbox/", {"receipt": receipt_of(page)})
    assert not is_shown_again(client, token)


@pytest.mark.parametrize("form_id", ["", "x", "ü", "A" * 500, spell_id(bytes(16))])
def test_a_form_that_is_none_closes_nothing(client: Client, sent: tuple[str, HttpResponse], form_id: str) -> None:
    for path in ("/tips/receipt/", "/tips/leave/"):
        assert client.post(path, {"form_id": form_id, "script": "1"}).status_code == 204
    assert is_shown_again(client, sent[0])


@pytest.mark.parametrize("page", ["https://other.example/", "//other.example/", "javascript:alert(1)", ""])
def test_the_next_page_is_one_of_ours(client: Client, page: str) -> None:
    assert client.post("/tips/receipt/", {"page": page})["Location"] == "/tips/closed/"


def test_the_forms_id_opens_no_receipt(client: Client, sent: tuple[str, HttpResponse]) -> None:
    assert client.post("/tips/", {"token": field_of(sent[1], "form_id")}).status_code == 422


def test_leaving_works_without_the_database(client: Client, sent: tuple[str, HttpResponse], monkeypatch: Any) -> None:
    def down(**_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(intake, "mark_receipt_seen", down)
    assert client.post("/tips/leave/", {"form_id": field_of(sent[1], "form_id")}).status_code == 200


def test_the_promise_of_how_soon_tips_are_read_comes_from_the_measured_median(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "read_figures", lambda: TipFigures(None, None, 9))
    assert "Usually read within 9 minutes, but nobody watches all night." in words_of(send_tip(client))
    page_cache.clear()
    monkeypatch.setattr(statistics, "read_figures", lambda: TipFigures(None, None, None))
    page = words_of(send_tip(client))
    assert "It can take hours before an officer reads a tip" in page
    assert "Usually read" not in page


def test_a_failure_behind_the_figures_does_not_cost_the_receipt(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(statistics, "read_figures", down)
    receipt_of(send_tip(client))


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "1 minute"), (59, "59 minutes"), (60, "1 hour"), (61, "2 hours"), (2880, "2 days"), (2881, "3 days")],
)
def test_durations_are_in_peoples_words(minutes: int, words: str) -> None:
    assert statistics.describe_minutes(minutes) == words

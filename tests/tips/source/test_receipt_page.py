"""The page after Send: the receipt as words, text file and QR code, and the next steps."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from tests.tips.source.pages import receipt_of, send_tip, words_of
from tips import receipts, statistics
from tips.source import qr_code, throttle, wording
from tips.statistics import TipFigures

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "gate", throttle.FloodGate())


@pytest.fixture
def page(client: Client) -> HttpResponse:
    return send_tip(client)


def test_the_receipt_parses_and_cannot_be_restored(page: HttpResponse) -> None:
    assert receipts.parse_receipt(receipt_of(page)) == receipt_of(page)
    assert "nobody can restore them" in words_of(page)


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
        assert not any(word in address for word in receipt_of(page).split() if len(word) > 4)
    assert page["Cache-Control"] == "no-store"


def test_how_soon_tips_are_read_is_said_only_when_known(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "read_figures", lambda: TipFigures(None, None, 9))
    assert "Half of all tips are read within 9 minutes." in words_of(send_tip(client))
    monkeypatch.setattr(statistics, "read_figures", lambda: TipFigures(None, None, None))
    assert "Half of all tips" not in words_of(send_tip(client))


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
    assert wording.describe_duration(minutes) == words

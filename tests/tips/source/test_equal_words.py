"""A source cannot tell from their pages whether a tip was known before, linked to others or passed on."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.tips.desk import officers
from tests.tips.source.pages import receipt_of, send_tip
from tips.desk import referrals, triage
from tips.models import Category, Disposition, Tip

pytestmark = pytest.mark.django_db(transaction=True)
DOOR, TALK, DELETE = "/tips/inbox/", "/tips/inbox/conversation/", "/tips/inbox/delete/"
# A suspect who sends a tip about their own crime must not learn which of these it was.
IN_HAND = [Disposition.USEFUL, Disposition.REFERRED, Disposition.DUPLICATE, Disposition.NO_ACTION]


def read_pages(receipt: str) -> list[bytes]:
    """Return the bytes of all pages that the source reads, without what is new in each response."""
    client = Client()
    assert client.post(DOOR, {"receipt": receipt}).status_code == 302
    pages = [client.get(TALK).content, client.get(DELETE).content, client.post(DELETE, {"first": "1"}).content]
    changing = rb'(name="(?:token|form_id|ticket|csrfmiddlewaretoken)" value=")[^"]*'
    return [re.sub(changing, rb"\1", page) for page in pages]


def test_dispositions_that_say_what_the_police_knew_read_alike_to_the_byte(client: Client) -> None:
    receipts = [receipt_of(send_tip(client)) for _ in IN_HAND]
    officer = officers.create_officer()
    officers.screening_thread.run_round(rechecks=False)
    for tip, disposition in zip(Tip.objects.all(), IN_HAND, strict=True):
        triage.open_tip(tip.pk, officer)
        triage.close(tip, officer, disposition)
    assert len({tuple(read_pages(receipt)) for receipt in receipts}) == 1


def test_a_tip_with_another_category_and_unit_reads_as_before(client: Client) -> None:
    receipt = receipt_of(send_tip(client, category="theft"))
    officer = officers.create_officer()
    officers.screening_thread.run_round(rechecks=False)
    tip = Tip.objects.get()
    triage.open_tip(tip.pk, officer)
    before = read_pages(receipt)
    referrals.change_category(tip, officer, Category.objects.get(slug="weapons"), "A gun was seen", b"1" * 16)
    assert read_pages(receipt) == before

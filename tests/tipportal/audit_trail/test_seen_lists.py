"""Lists of what officers saw in the queue, opened by supervisors with a reason, and nothing of tips that they may not see."""

from __future__ import annotations

import datetime as dt

import pytest
from django.http import QueryDict
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account, AuditEntry
from core.staff import groups
from tests.tips.desk import officers
from tipportal.audit_trail import seen_lists
from tips.desk import queue, search_record, triage
from tips.desk.queue import summary_record
from tips.models import Category, SummaryList, Tip, Unit

pytestmark = pytest.mark.django_db
TRAIL = "/admin/core/auditentry/"


@pytest.fixture
def supervisor() -> Account:
    return officers.create_officer("sato", groups.SUPERVISOR, first_name="Yui", last_name="Sato")


def end_list(officer: Account) -> SummaryList:
    """Show the queue to an officer in a shift that is over, and return its list."""
    with freeze_clock(timezone.now() - dt.timedelta(hours=9)):
        queue.load(officer, QueryDict())
    summary_record.end_past_shifts()
    return SummaryList.objects.get(officer=officer)


def test_a_list_opens_for_a_reason_that_is_sealed_in_the_trail(supervisor: Account) -> None:
    okafor = officers.create_officer("okafor")
    read, skimmed = officers.send_tip(), officers.send_tip()
    triage.open_tip(read.pk, okafor)
    officers.write_as_source(read, "More", b"1")
    shown = end_list(okafor)
    client = officers.sign_in(supervisor)
    address = f"{TRAIL}lists/{shown.pk}/"
    assert f'<a href="{address}">Open the list</a>' in client.get(TRAIL).content.decode()
    asked = client.get(address).content.decode()
    assert "Why do you open it?" in asked
    assert str(read.number) not in asked
    for reason in ("", "ж" * 190):
        assert client.post(address, {"reason": reason}).status_code == 422
    assert not AuditEntry.objects.filter(action=seen_lists.OPENED).exists()
    page = client.post(address, {"reason": "Complaint of <b>June</b> 3"}).content.decode()
    for tip, words, opened in ((read, "the first words of 1 message", "Yes"), (skimmed, "the report", "No")):
        row = page[page.index(str(tip)) :].partition("</tr>")[0]
        assert words in row
        assert f"<td>{opened}</td>" in row
    line = AuditEntry.objects.get(action=seen_lists.OPENED)
    assert (line.actor, search_record.hide_words(line.detail)) == ("sato", f"list {shown.pk} of okafor")
    assert "June" not in line.detail
    assert "“Complaint of &lt;b&gt;June&lt;/b&gt; 3”" in client.get(TRAIL).content.decode()


def test_tips_that_the_supervisor_may_not_see_are_left_out_without_a_sign(supervisor: Account) -> None:
    okafor = officers.create_officer("okafor")
    kept, walled, foreign, gone = (officers.send_tip() for _number in range(4))
    shown = end_list(okafor)
    officers.write_as_source(walled, "Sergeant Sato takes money", b"1")
    unit = Unit.objects.create(name="Harbor")
    unit.members.add(okafor)
    Tip.objects.filter(pk=foreign.pk).update(unit=unit)
    Tip.objects.filter(pk=gone.pk).delete()
    page = officers.sign_in(supervisor).post(f"{TRAIL}lists/{shown.pk}/", {"reason": "Routine"}).content.decode()
    assert str(kept) in page
    for tip in (walled, foreign, gone):
        assert str(tip.number) not in page
    assert page.count("<tr>") == 2


def test_only_supervisors_open_lists_and_only_ended_and_unchanged_ones(supervisor: Account) -> None:
    okafor = officers.create_officer("okafor")
    Category.objects.first()
    officers.send_tip()
    shown = end_list(okafor)
    address = f"{TRAIL}lists/{shown.pk}/"
    for account in (okafor, officers.create_officer("ito", groups.ADMINISTRATOR)):
        client = officers.sign_in(account)
        assert client.post(address, {"reason": "Curious"}).status_code == 403
    queue.load(okafor, QueryDict())
    present = SummaryList.objects.get(audit_entry=None)
    client = officers.sign_in(supervisor)
    answer = client.post(f"{TRAIL}lists/{present.pk}/", {"reason": "Follow"}, follow=True).content.decode()
    assert "its shift isn&#x27;t over" in answer
    assert not AuditEntry.objects.filter(action=seen_lists.OPENED).exists()
    assert "was changed afterwards" not in client.get(address).content.decode()
    SummaryList.objects.filter(pk=shown.pk).update(content=bytes(present.content))
    page = client.post(address, {"reason": "Check"}).content.decode()
    assert "was changed afterwards" in page
    assert "can't be opened" in page

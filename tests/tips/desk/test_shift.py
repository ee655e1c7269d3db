"""One officer clears a hundred mixed tips on the desk's pages: no lost word, no missed alert, no closing without its reason."""

from __future__ import annotations

import html
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from core.models import Account
from core.staff import groups
from tests import staff_session
from tests.tips import hostile_texts
from tests.tips.desk import officers
from tips import conversation, officer_alerts
from tips.desk import triage
from tips.desk.acts import bulk, closings
from tips.models import Alert, Author, Category, DeskState, Disposition, Notification, PendingAct, State, Tip
from tips.officer_alerts import escalation

QUEUE = "/admin/tips/tip/"
SPAM, COPIES, URGENT, REOPENED, WALLED, FOREIGN = 36, 12, 8, 9, 6, 18
LANGUAGES = (
    "Dos hombres venden armas detrás de la escuela",
    "Двое продают оружие за школой",
    "رجلان يبيعان السلاح خلف المدرسة",
    "两个人在学校后面卖枪",
    "Hai người bán súng sau trường học",
    "דו מענטשן פארקויפן געווער",
)


@dataclass
class Desk:
    """An officer at the desk, and every word that they have typed by tip and kind."""

    client: Client
    officer: Account
    typed: dict[Any, Counter[tuple[str, str]]] = field(default_factory=dict)

    def read_rows(self, query: str = "") -> dict[str, str]:
        """Return the lines of the queue by the id of their tips, in order."""
        page = self.client.get(QUEUE + query).content.decode()
        self.queue_page = page
        rows = re.findall(r'name="tips" value="([^"]+)".*?<bdi dir="auto"[^>]*>(.*?)</bdi>', page, re.DOTALL)
        return {tip_id: html.unescape(line) for tip_id, line in rows}

    def choose(self, tip_ids: list[str], act: str, **data: str) -> str:
        """Run an act over rows of the queue as it was read last; return the page that follows."""
        hidden = dict(re.findall(r'name="(row_stamps|bulk_form)" value="([^"]*)"', self.queue_page))
        answer = self.client.post(QUEUE, {"act": act, "tips": tip_ids, **hidden, **data}, follow=True)
        return str(answer.content.decode())

    def close(self, tip_ids: list[str], disposition: str, reason: str) -> None:
        assert f"Done for {len(tip_ids)} tips." in self.choose(tip_ids, f"close:{disposition}", bulk_reason=reason)
        for tip_id in tip_ids:
            self.typed.setdefault(tip_id, Counter()).update([("close_reason", reason)])

    def open(self, tip_id: str) -> None:
        """Open the tip as its page does, without the second that drawing it takes; post() then sends what the page would."""
        triage.open_tip(UUID(tip_id), self.officer)
        tip = Tip.objects.get(pk=tip_id)
        stamp = triage.stamp(tip, tip.messages.count())
        self.tip_page = f'<input type="hidden" name="seen" value="{stamp}">'

    def read(self, tip_id: str) -> str:
        """Open the tip's page and return it."""
        answer = self.client.get(f"{QUEUE}{tip_id}/change/")
        assert answer.status_code == 200
        self.tip_page = str(answer.content.decode())
        return self.tip_page

    def post(self, tip_id: str, act: str, **typed: str) -> Any:
        """Post the form of the tip's page as it was opened last, and remember what was typed for this act."""
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.tip_page))
        fields = hidden | {"form_id": secrets.token_hex(16), "act": act, **typed}
        words = [(kind, typed[kind]) for kind in ("answer", "note") if typed.get(kind)]
        self.typed.setdefault(tip_id, Counter()).update(words)
        return self.client.post(f"{QUEUE}{tip_id}/change/", fields)


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.set_duty(officers.create_officer("okafor", first_name="Ana", last_name="Okafor"))


def send_hundred(lee: Account) -> dict[str, list[Tip]]:
    """Send the tips of a night, by kind. Those closed before have news of their sources."""
    life = Category.objects.get(slug="weapons")
    sent = {
        "spam": [officers.send_tip(f"Cheap watches, offer {number}, buy today") for number in range(SPAM)],
        "copies": [
            officers.send_tip(f"A red truck drove into the bakery on Mill Street, {number} people saw it")
            for number in range(COPIES)
        ],
        "urgent": [
            officers.send_tip(f"He has a gun in room {number}", category=life, danger="yes") for number in range(URGENT)
        ],
        "reopened": [officers.send_opened_tip(lee, description=f"Old garage {number}") for number in range(REOPENED)],
        "walled": [officers.send_tip(f"Officer Okafor sells what she seizes, {number}") for number in range(WALLED)],
        "foreign": [officers.send_tip(LANGUAGES[number % len(LANGUAGES)]) for number in range(FOREIGN)],
        "hostile": [officers.send_tip(text) for text in hostile_texts.TEXTS.values()],
    }
    for number, tip in enumerate(sent["reopened"]):
        triage.assign(tip, lee, lee)
        triage.close(tip, lee, Disposition.USEFUL)
        officers.write_as_source(tip, f"They are back, number {number}", b"1")
    return sent


def test_a_shift_of_a_hundred_tips_loses_no_word_no_alert_and_no_reason(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "SECONDS_AT_ONCE", 600.0)  # on a busy machine a long act would go on in a second request
    lee = officers.create_officer("lee", groups.SUPERVISOR, first_name="Mei", last_name="Lee")
    sent = send_hundred(lee)
    everything = [tip for tips in sent.values() for tip in tips]
    assert len(everything) == 100
    Tip.objects.filter(pk__in=[tip.pk for tip in sent["reopened"]]).update(assigned_to=None)
    officer_alerts.sweep_alerts()
    _check_alerts(sent)
    desk = Desk(officers.sign_in(okafor), okafor)
    _clear_urgent(desk, sent, lee)
    _clear_spam(desk, sent)
    _clear_news(desk, sent)
    _clear_copies(desk, sent)
    _clear_one_by_one(desk, sent)
    officers.let_acts_go_out()
    assert not PendingAct.objects.filter(due_at__isnull=False).exists()
    assert desk.read_rows("?view=needs-me") == {}, "nothing needs the officer"
    _check_words(desk)
    _check_closings(everything)
    _check_walls(desk, sent)
    _check_alerts_are_settled(sent)


def _clear_urgent(desk: Desk, sent: dict[str, list[Tip]], lee: Account) -> None:
    """Take and answer each, on top of the queue; a colleague is faster once, a session ends once, and one answer is undone."""
    urgent = [str(tip.pk) for tip in sent["urgent"]]
    assert set(list(desk.read_rows())[:URGENT]) == set(urgent), "urgent tips come first"
    for number, tip_id in enumerate(urgent):
        address, words = f"{QUEUE}{tip_id}/change/", f"Stay away from room {number}. We are coming."
        if number <= 1:
            desk.read(tip_id)
        else:
            desk.open(tip_id)
        if number == 0:  # a colleague takes the tip meanwhile
            triage.assign(sent["urgent"][0], lee, lee)
            refused = desk.post(tip_id, "take", answer=words)
            assert refused.status_code == 409
            desk.tip_page = refused.content.decode()
            assert f"{words}</textarea>" in desk.tip_page
            assert "Mei Lee" in desk.tip_page
            desk.typed.clear()
        if number == 1:  # the session ends while the officer writes
            staff_session.set_password(desk.officer)
            desk.client.cookies.pop("staff")
            page = desk.post(tip_id, "answer", answer=words)
            assert "What you typed is still here" in page.content.decode()
            resumed = staff_session.sign_in_on(page, desk.client, address, desk.officer)
            desk.tip_page = resumed.content.decode()
            assert f"{words}</textarea>" in desk.tip_page
            desk.typed.pop(tip_id)
        assert desk.post(tip_id, "answer", answer=words, ask="on").status_code == 302
        if number == 2:  # undone, and sent again
            undo = f"undo:{PendingAct.objects.get(tip=tip_id, kind=PendingAct.Kind.ANSWER).pk}"
            assert undo in desk.read(tip_id)
            back = desk.client.post(address, {"act": undo}).content.decode()
            assert f"{words}</textarea>" in back
            desk.typed.pop(tip_id)
            desk.tip_page = back
            desk.post(tip_id, "answer", answer=words, ask="on")


def _clear_spam(desk: Desk, sent: dict[str, list[Tip]]) -> None:
    """Mark it by its lines, over the selection, with the number typed; nothing else is dragged in."""
    chosen = [tip_id for tip_id, line in desk.read_rows("?shown=100").items() if line.startswith("Cheap watches")]
    assert set(chosen) == {str(tip.pk) for tip in sent["spam"]}
    assert f"You chose {SPAM} tips" in desk.choose(chosen, "spam")
    assert f"{SPAM} tips are spam." in desk.choose(chosen, "spam", confirmed_count=str(SPAM))
    assert DeskState.objects.filter(spam_since__isnull=False).count() == SPAM


def _clear_news(desk: Desk, sent: dict[str, list[Tip]]) -> None:
    """Read what sources of closed tips wrote, reopen those tips, and close them with the reason."""
    rows = desk.read_rows("?view=after-close")
    reopened = [str(tip.pk) for tip in sent["reopened"]]
    assert all("They are back" in rows[tip_id] for tip_id in reopened)
    for tip_id in reopened:
        desk.open(tip_id)
        desk.post(tip_id, "reopen-take")
    desk.read_rows("?shown=100")
    desk.close(reopened, "arrest", "A patrol found them at the garage")


def _clear_copies(desk: Desk, sent: dict[str, list[Tip]]) -> None:
    """Link the reports of one event, and close them."""
    copies = [tip_id for tip_id, line in desk.read_rows("?shown=100").items() if line.startswith("A red truck")]
    assert len(copies) == COPIES
    assert "are linked" in desk.choose(copies, "link")
    for tip_id in copies:
        desk.open(tip_id)
    desk.read_rows("?shown=100")
    desk.close(copies, "duplicate", "Reports of the crash that the patrol wrote up")


def _clear_one_by_one(desk: Desk, sent: dict[str, list[Tip]]) -> None:
    """Answer foreign ones, keep the words of hostile ones in a note, and close those."""
    for tip in sent["foreign"]:
        desk.open(str(tip.pk))
        desk.post(str(tip.pk), "answer", answer=f"Thank you for number {tip.number}. Which nights?", ask="on")
    hostile = [str(tip.pk) for tip in sent["hostile"]]
    for tip_id, text in zip(hostile, hostile_texts.TEXTS.values(), strict=True):
        desk.open(tip_id)
        desk.post(tip_id, "note", note=f"Its source writes: {text[:200]}")
    rows = desk.read_rows("?shown=100")
    assert set(hostile) <= set(rows)
    assert not hostile_texts.ACTIVE.search(desk.queue_page)
    desk.close(hostile, "unfounded", "Read twice: it tells of nothing")


def _check_words(desk: Desk) -> None:
    """Each text that was typed is stored once, in the tip it was typed for and in no other."""
    clean = hostile_texts.clean
    for tip_id, typed in desk.typed.items():
        tip = Tip.objects.get(pk=tip_id)
        messages = conversation.read_tip_as_officer(tip).messages
        kept = Counter(("answer", entry.text) for entry in messages if entry.author == Author.STAFF)
        kept.update(("note", note.text) for note in conversation.read_notes(tip))
        kept.update(("close_reason", each.ending.reason) for each in closings.list_records(tip) if each.ending.reason)
        assert kept == Counter((kind, clean(text)) for kind, text in typed), tip.number
    assert sum(map(Counter.total, desk.typed.values())) == 100 - SPAM - WALLED + len(hostile_texts.TEXTS)


def _check_closings(everything: list[Tip]) -> None:
    """Each closed tip has its disposition, officer and reason, a line in the audit trail, and words for its source."""
    lines = Counter(subject for _who, action, subject, _detail in officers.read_audit_trail() if action == "closed")
    closed = Tip.objects.filter(pk__in=[tip.pk for tip in everything], state=State.CLOSED)
    assert closed.count() == REOPENED + COPIES + len(hostile_texts.TEXTS)
    for tip in closed:
        last = closings.list_records(tip)[-1]
        assert last.officer is not None
        assert (last.ending.disposition, last.officer.username) == (tip.disposition, "okafor")
        assert last.ending.reason
        assert lines[f"tip {tip.number}"] >= 1
        assert Disposition(tip.disposition).label


def _check_walls(desk: Desk, sent: dict[str, list[Tip]]) -> None:
    """No page told the officer of the tips that name them, and what they tried there did nothing."""
    numbers = {str(tip.number) for tip in sent["walled"]}
    for query in ("?shown=100", "?view=&shown=100", "?view=urgent"):
        rows = desk.read_rows(query)
        assert not numbers & set(re.findall(r'id="tip-(\d+)"', desk.queue_page))
        assert not any("Okafor" in line for line in rows.values())
    walled = [str(tip.pk) for tip in sent["walled"]]
    answers = [desk.client.get(f"{QUEUE}{tip_id}/change/") for tip_id in (walled[0], str(UUID(int=0)))]
    assert answers[0].status_code == answers[1].status_code == 302
    assert answers[0]["Location"] == answers[1]["Location"]
    desk.choose(walled, "spam")
    assert set(Tip.objects.filter(pk__in=walled).values_list("state", flat=True)) == {State.NEW}
    assert not DeskState.objects.filter(tip__in=walled, spam_since__isnull=False).exists()


def _check_alerts(sent: dict[str, list[Tip]]) -> None:
    """Each tip but the walled ones has told the officer on duty, and each walled one another officer."""
    told = Notification.objects.filter(officer__username="okafor").values_list("alert__tip", flat=True)
    open_kinds = [tip for kind, tips in sent.items() if kind not in ("walled", "reopened") for tip in tips]
    assert {tip.pk for tip in open_kinds} <= set(told)
    assert not {tip.pk for tip in sent["walled"]} & set(told)
    assert Alert.objects.filter(tip__in=[tip.pk for tip in sent["walled"]]).count() == WALLED


def _check_alerts_are_settled(sent: dict[str, list[Tip]]) -> None:
    """Nobody is alerted again to an urgent tip that the officer has."""
    waiting = Alert.objects.filter(escalation.IS_WAITING)
    assert not waiting.filter(tip__in=[tip.pk for tip in sent["urgent"]]).exists()

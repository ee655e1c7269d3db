"""Acts on a selection: one undo for all, changed rows are left out and named, and many ask for their number."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import audit
from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips import conversation
from tips.desk import outbox
from tips.desk.acts import bulk, spam
from tips.desk.alike import links
from tips.models import AnswerTemplate, Category, DeskState, Notification, PendingAct, Priority, State, Tip

QUEUE = "/admin/tips/tip/"


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "SECONDS_AT_ONCE", 600.0)


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def choose(client: Client, tips: list[Tip], act: str, page: str = "", **data: Any) -> str:
    """Post an act on these rows of the queue's page as it was loaded, and return the page that follows."""
    page = page or client.get(QUEUE).content.decode()
    (stamps,) = re.findall(r'name="row_stamps" value="([^"]*)"', page)
    (form,) = re.findall(r'name="bulk_form" value="([^"]*)"', page)
    chosen = [str(tip.pk) for tip in tips]
    data = {"act": act, "tips": chosen, "row_stamps": stamps, "bulk_form": form, **data}
    return str(client.post(QUEUE, data, follow=True).content.decode())


def spam_count() -> int:
    return DeskState.objects.filter(spam_since__isnull=False).count()


def test_a_selection_is_spam_with_one_click_and_one_undo(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(3)], officers.sign_in(okafor)
    page = choose(client, tips[:2], "spam")
    assert "2 tips are spam. Nothing was sent." in page
    assert spam_count() == 2
    (act,) = re.findall(r'name="act" value="(undo-batch:[^"]*)"', page)
    page = client.post(QUEUE, {"act": act}, follow=True).content.decode()
    assert "Undone. 2 tips are as they were." in page
    assert spam_count() == 0


def test_a_row_that_changed_meanwhile_is_left_out_and_named(okafor: Account) -> None:
    same, changed, client = officers.send_tip(), officers.send_tip(), officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    officers.write_as_source(changed, "They are armed", b"1")
    page = choose(client, [same, changed], "spam", loaded)
    assert f"Tip {changed.number} was left out. Something changed meanwhile." in page
    assert [state.tip for state in DeskState.objects.all()] == [same]


def test_a_form_that_comes_twice_acts_once(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(2)], officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    for _ in range(2):
        choose(client, tips, "spam", loaded)
    assert PendingAct.objects.count() == 2


def test_from_31_tips_on_their_number_is_asked_for(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(31)], officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    assert "You chose 31 tips" in choose(client, tips, "spam", loaded)
    assert "isn&#x27;t the number" in choose(client, tips, "spam", loaded, confirmed_count="30").replace(
        "n't", "n&#x27;t"
    )
    assert spam_count() == 0
    assert "31 tips are spam." in choose(client, tips, "spam", loaded, confirmed_count="31")
    assert spam_count() == 31


def test_tips_of_others_and_unknown_acts_do_nothing(okafor: Account) -> None:
    hidden, client = officers.send_tip(), officers.sign_in(okafor)
    Category.objects.update(is_sensitive=True)
    for act in ("spam", "erase", "open"):
        assert "Nothing was done" in choose(client, [hidden], act)
    assert not DeskState.objects.exists()


def test_each_act_works_on_a_selection(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    tips, client = [officers.send_opened_tip(okafor) for _ in range(2)], officers.sign_in(okafor)
    choose(client, tips, f"assign:{lee.pk}")
    choose(client, tips, "priority:3")
    other = Category.objects.exclude(pk=tips[0].category_id).filter(active=True, concerns_life=False).first()
    assert other is not None
    choose(client, tips, f"category:{other.pk}", bulk_reason="Wrong list")
    officers.let_acts_go_out()
    choose(client, tips, "snooze:tomorrow", bulk_reason="The lab")
    for tip in Tip.objects.select_related("desk_state"):
        assert (tip.assigned_to, tip.priority, tip.category) == (lee, Priority.LOW, other)
        assert tip.desk_state.snoozed_until is not None
        assert "The lab" in conversation.read_notes(tip)[-1].text


def test_a_selection_is_closed_but_for_tips_that_need_a_second_person(okafor: Account) -> None:
    plain, urgent = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor, danger="yes")
    Category.objects.update(concerns_life=False)
    client = officers.sign_in(okafor)
    page = choose(client, [plain, urgent], "close:unfounded", bulk_reason="Checked both")
    assert f"Tip {urgent.number} was left out. Closing tip {urgent.number} needs a second person." in page
    officers.let_acts_go_out()
    assert [Tip.objects.get(pk=tip.pk).state for tip in (plain, urgent)] == [State.CLOSED, State.OPEN]


def test_a_second_person_agrees_on_the_tips_page(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    tip = officers.send_opened_tip(okafor, danger="yes")
    fields = {"disposition": "unfounded", "reason": "Called the school", "second_person": lee.pk}
    outbox.hold_back(tip, okafor, PendingAct.Kind.CLOSE, fields, b"1")
    client, page_of = officers.sign_in(lee), f"{QUEUE}{tip.pk}/change/"
    assert f"Closing Tip {tip.number} needs your decision." in client.get(QUEUE).content.decode()
    page = client.get(page_of).content.decode()
    assert "Called the school" in page
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', page)
    assert "agree-close" not in officers.sign_in(okafor).get(page_of).content.decode()
    client.post(page_of, {"act": "agree-close", "seen": seen, "form_id": "00" * 16})
    officers.let_acts_go_out()
    assert Tip.objects.get(pk=tip.pk).state == State.CLOSED


# Answer by template


@pytest.fixture
def thanks(db: None) -> dict[str, AnswerTemplate]:
    AnswerTemplate.objects.all().delete()
    texts = {"en": "Thank you for tip {number}. Call [name of the officer].", "es": "Gracias por el aviso {number}."}
    return {
        language: AnswerTemplate.objects.create(title="Thanks", language=language, text=text)
        for language, text in texts.items()
    }


SPANISH = (
    "Dos hombres venden droga en la calle de la casa de mi hombre, y no se lo que hay en el coche pero es muy malo"
)


def test_a_template_answers_each_source_apart_and_in_their_language(
    okafor: Account, thanks: dict[str, AnswerTemplate]
) -> None:
    english, spanish = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor, description=SPANISH)
    closed, unopened = officers.send_opened_tip(okafor), officers.send_tip()
    client = officers.sign_in(okafor)
    for tip in (english, spanish):
        client.get(f"{QUEUE}{tip.pk}/change/")  # the process knows their languages then
    chosen = [english, spanish, closed, unopened]
    queue = client.get(QUEUE).content.decode()
    Tip.objects.filter(pk=closed.pk).update(state=State.CLOSED, disposition="useful", closed_at=closed.received_at)
    page = choose(client, chosen, "answer", queue)
    assert page.count("1 tip gets it") == 2
    assert f"Gracias por el aviso {spanish.number}." in page
    assert f"Tip {closed.number} gets none. This tip is closed" in page
    assert f"Tip {unopened.number} gets none. No one has opened this tip yet." in page
    assert "Instead of [name of the officer]" in page
    assert not PendingAct.objects.exists()
    # An open bracket is never sent.
    page = choose(client, chosen, "answer-send", queue, template=str(thanks["en"].pk))
    assert "Fill in “[name of the officer]”" in page
    assert not PendingAct.objects.exists()
    sent = {"template": str(thanks["en"].pk), "blank-0": "Sgt. <b>Lee</b>", "ask": "on"}
    page = choose(client, chosen, "answer-send", queue, **sent)
    assert "2 tips answered." in page
    assert f"Tip {unopened.number} was left out. No one has opened this tip yet." in page
    (act,) = re.findall(r'name="act" value="(undo-batch:[^"]*)"', page)
    officers.sign_in(okafor).post(QUEUE, {"act": act})
    assert not PendingAct.objects.exists()
    choose(client, [english, spanish], "answer-send", **sent)
    officers.let_acts_go_out()
    texts = {tip: conversation.read_tip_as_officer(Tip.objects.get(pk=tip.pk)).messages for tip in (english, spanish)}
    assert [message.text for message in texts[english]] == [
        f"Thank you for tip {english.number}. Call Sgt. <b>Lee</b>."
    ]
    assert [message.text for message in texts[spanish]] == [f"Gracias por el aviso {spanish.number}."]
    assert set(Tip.objects.filter(pk__in=[english.pk, spanish.pk]).values_list("state", flat=True)) == {State.WAITING}
    answered = [line[2] for line in officers.read_audit_trail() if line[1] == "answered"]
    assert set(answered[-2:]) == {f"tip {english.number}", f"tip {spanish.number}"}


def test_answers_to_linked_tips_leave_apart_and_other_categories_get_none(okafor: Account) -> None:
    AnswerTemplate.objects.all().delete()
    one, two, other = (officers.send_opened_tip(okafor) for _ in range(3))
    links.link(one, [two.pk], okafor)
    elsewhere = Category.objects.exclude(pk=one.category_id).filter(is_sensitive=False).first()
    Tip.objects.filter(pk=other.pk).update(category=elsewhere)
    template = AnswerTemplate.objects.create(title="Thanks", category_id=one.category_id, text="Thank you.")
    client = officers.sign_in(okafor)
    page = choose(client, [one, two, other], "answer")
    assert "2 of them are linked to other tips" in page
    assert f"Tip {other.number} gets none. This template is for another category." in page
    choose(client, [one, two, other], "answer-send", template=str(template.pk))
    due = [act.due_at for act in PendingAct.objects.filter(kind=PendingAct.Kind.ANSWER)]
    assert len(due) == 2
    assert all(at is not None and at.second == 0 for at in due)
    AnswerTemplate.objects.all().delete()
    assert "There is no template for these tips." in choose(client, [other], "answer")
    assert "There is no template for these tips." in choose(client, [other], "answer-send")


def test_long_work_goes_on_in_the_next_request_and_says_how_far_it_is(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips, client = [officers.send_tip() for _ in range(31)], officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()

    def low_count() -> int:
        return Tip.objects.filter(priority=Priority.LOW).count()

    monkeypatch.setattr(bulk, "SECONDS_AT_ONCE", -1.0)
    assert "0 of 31 tips are done" in choose(client, tips, "priority:3", loaded, confirmed_count="31")
    monkeypatch.setattr(bulk, "SECONDS_AT_ONCE", 60.0)
    done = low_count()
    page = choose(client, tips[:5], "priority:3", loaded, confirmed_count="31", bulk_done="26", bulk_succeeded="26")
    assert "Done for 31 tips." in page
    assert low_count() == done + 5
    # A forged number asks for the count again, and does nothing.
    assert "You chose" in choose(client, tips[5:], "priority:3", loaded, confirmed_count="31", bulk_done="27")
    for forged in ("-1", "x", "9" * 40):
        assert "You chose" in choose(client, tips, "priority:3", loaded, confirmed_count="30", bulk_done=forged)
    assert low_count() == done + 5


def test_a_hundred_tips_are_spam_in_as_many_queries_as_ten(okafor: Account) -> None:
    tips, client, counts = [officers.send_tip() for _ in range(40)], officers.sign_in(okafor), []
    closed = officers.send_opened_tip(okafor)
    Tip.objects.filter(pk=closed.pk).update(state=State.CLOSED, disposition="useful", closed_at=closed.received_at)
    for chosen in (tips[:10], tips[10:]):
        with CaptureQueriesContext(connection) as queries:
            spam.mark_all([*chosen, closed], okafor, b"form", uuid.uuid4())
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 30
    assert spam_count() == 40
    assert not Notification.objects.filter(state="waiting").exists()
    lines = [line[2] for line in officers.read_audit_trail() if line[1] == "marked as spam"]
    assert sorted(lines) == sorted(f"tip {tip.number}" for tip in tips)
    audit.verify()
    act = PendingAct.objects.filter(tip=tips[0]).get()
    outbox.undo(act.pk, okafor)
    assert spam_count() == 39
    assert client.get(QUEUE).status_code == 200

"""A tip's page: one time line, one composer, conflicts, and where an act leads."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import Any

import pytest
import redis
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import audit, ephemeral_store
from core import queue as core_queue
from core.models import Account
from core.staff import groups
from tests.tips import hostile_texts
from tests.tips.desk import officers
from tips.desk import answer_templates, queue, tip_history, triage
from tips.models import AnswerTemplate, Category, Disposition, Message, Note, Notification, PendingAct, State, Tip
from tips.walls import visibility

LIST = "/admin/tips/tip/"


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


@pytest.fixture
def rivas(db: None) -> Account:
    return officers.create_officer("rivas", first_name="Tomás", last_name="Rivas")


def page_of(tip: Tip) -> str:
    return reverse("admin:tips_tip_change", args=[tip.pk])


def load(account: Account, tip: Tip) -> str:
    return str(officers.sign_in(account).get(page_of(tip)).content.decode())


def column(page: str) -> str:
    """Return the tip's own column, without the queue beside it."""
    return page[page.index('<form class="tip"') :]


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', column(page)))


def post(account: Account, tip: Tip, page: str = "", query: str = "", **data: Any) -> Any:
    """Post the tip's form as the page `page` shows it, or as it is now."""
    fields = hidden_fields(page or load(account, tip)) | {"form_id": secrets.token_hex(16)}
    return officers.sign_in(account).post(page_of(tip) + query, fields | data)


# Conflict


def test_a_late_answer_says_who_did_what_and_keeps_the_text(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    page = load(okafor, tip)
    triage.assign(tip, rivas, rivas, "", b"1")
    triage.answer(tip, rivas, "I was faster", b"1", ask=False)
    answer = post(okafor, tip, page, act="answer", answer="my own answer")
    shown = column(answer.content.decode())
    assert answer.status_code == 409
    assert re.search(
        r"Today [\d:]+ [ap]\.m\., Tomás Rivas took this tip\. Today [\d:]+ [ap]\.m\., Tomás Rivas answered\.", shown
    )
    for words in (
        "Not sent.",
        "Your text is still below.",
        "Send anyway",
        "Keep as a note",
        "my own answer</textarea>",
    ):
        assert words in shown
    assert not PendingAct.objects.filter(officer=okafor, kind=PendingAct.Kind.ANSWER).exists()
    anyway = post(okafor, tip, answer.content.decode(), act="answer", answer="my own answer")
    assert anyway.status_code == 302
    assert PendingAct.objects.filter(officer=okafor, kind=PendingAct.Kind.ANSWER).exists()


def test_a_refused_answer_can_be_kept_as_a_note(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    page = load(okafor, tip)
    triage.close(tip, rivas, Disposition.USEFUL)
    refused = post(okafor, tip, page, act="answer-next", answer="Which nights?")
    assert "Keep as a note" in refused.content.decode()
    assert "Send anyway" not in refused.content.decode()
    assert post(okafor, tip, refused.content.decode(), act="answer-as-note", answer="Which nights?").status_code == 302
    assert Note.objects.count() == 1
    assert "Which nights?" in column(load(okafor, tip))


def test_a_message_of_the_source_meanwhile_is_said_without_a_time(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    page = load(okafor, tip)
    officers.write_as_source(tip, "More", b"1")
    shown = post(okafor, tip, page, act="answer", answer="x").content.decode()
    assert "The source wrote to you." in shown


def test_a_forged_time_of_the_page_is_harmless(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    page = load(okafor, tip)
    triage.assign(tip, rivas, rivas, "", b"1")
    for forged in ("", "x", "-", "9" * 40 + "-1", "nan-nan"):
        answer = post(okafor, tip, page, act="answer", answer="x", shown=forged)
        assert answer.status_code == 409
        assert "Not sent." in answer.content.decode()


# One composer


def test_enter_in_a_small_field_takes_no_act_and_keeps_the_text(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    page = load(okafor, tip)
    first_button = re.search(r"<button[^>]*>", column(page))
    assert first_button is not None
    assert 'value="keep"' in first_button[0]
    answer = post(okafor, tip, page, act="keep", answer="Half a sentence", note="Half a note", kind="note")
    shown = column(answer.content.decode())
    assert answer.status_code == 200
    assert "Half a sentence</textarea>" in shown
    assert "Half a note</textarea>" in shown
    assert re.search(r'value="note" checked', shown)
    assert (Message.objects.count(), Note.objects.count(), PendingAct.objects.count()) == (0, 0, 0)


def test_a_send_button_sends_its_own_text_alone(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    shown = column(post(okafor, tip, act="note", answer="For the source", note="For us").content.decode())
    assert "For the source</textarea>" in shown
    assert "For us</textarea>" not in shown
    assert re.search(r'value="answer" checked', shown)
    assert not PendingAct.objects.exists()


@pytest.mark.parametrize(("chosen", "kind"), [("write-note", "note"), ("write-answer", "answer")])
def test_the_field_is_chosen_without_script(okafor: Account, chosen: str, kind: str) -> None:
    tip = officers.send_opened_tip(okafor)
    shown = column(post(okafor, tip, act=chosen, answer="typed").content.decode())
    assert re.search(rf'value="{kind}" checked', shown)
    assert "typed</textarea>" in shown
    assert re.search(
        r'value="note" checked', officers.sign_in(okafor).get(page_of(tip), {"write": "note"}).content.decode()
    )


def test_send_and_next_opens_the_next_row_of_the_same_view(okafor: Account) -> None:
    sent = {tip.pk: tip for tip in (officers.send_opened_tip(okafor) for _ in range(3))}
    tips = [sent[row.pk] for group in queue.load(okafor, QueryDict("view=nobody")).groups for row in group.rows]
    query = "?_changelist_filters=view%3Dnobody"
    client = officers.sign_in(okafor)
    page = client.get(page_of(tips[0]) + query).content.decode()
    next_id = hidden_fields(page)["next"]
    assert next_id == str(tips[1].pk)
    answer = post(okafor, tips[0], page, query, act="answer-next", answer="Thank you")
    assert answer["Location"].startswith(f"{LIST}{next_id}/change/")
    assert post(okafor, tips[0], page, query, act="answer-next", answer="x", next="nonsense").status_code in (302, 409)


def test_the_name_is_sent_only_if_the_officer_chooses(okafor: Account) -> None:
    for sign, text in (("", "Thank you"), ("on", "Thank you\n\nAna Okafor")):
        tip = officers.send_opened_tip(okafor)
        data = {"sign": sign} if sign else {}
        post(okafor, tip, act="answer", answer="Thank you", **data)
        assert f'dir="auto">{text}</div>' in column(load(okafor, tip))


def test_handing_over_leaves_a_word_for_the_next_officer(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = post(okafor, tip, act=f"assign:{rivas.pk}", assign_word="She calls back at ten.")
    assert answer.status_code == 302
    assert Tip.objects.get(pk=tip.pk).assigned_to == rivas
    shown = column(load(rivas, tip))
    assert "She calls back at ten." in shown
    assert "Ana Okafor assigned it to Tomás Rivas." in shown
    assert post(rivas, tip, act="assign:").status_code == 302
    assert Tip.objects.get(pk=tip.pk).assigned_to is None
    assert "Tomás Rivas handed it back, so nobody has it" in column(load(okafor, tip))


def test_a_menu_whose_form_was_refused_stands_open(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    sensitive = Category.objects.filter(is_sensitive=True).first() or Category.objects.last()
    assert sensitive is not None
    Category.objects.filter(pk=sensitive.pk).update(is_sensitive=True, active=True)
    shown = column(post(okafor, tip, act=f"category:{sensitive.pk}", answer="typed").content.decode())
    assert 'id="menu-category">' in shown
    assert 'id="menu-assign" popover' in shown
    assert "typed</textarea>" in shown


def test_a_closed_tip_is_reopened_and_taken_at_once(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.close(tip, rivas, Disposition.USEFUL)
    officers.write_as_source(tip, "They are leaving", b"1")
    shown = column(load(okafor, tip))
    assert "This tip was closed today" in shown
    post(okafor, tip, act="reopen-take")
    found = Tip.objects.get(pk=tip.pk)
    assert (found.state, found.assigned_to) == (State.OPEN, okafor)


# Time line


def test_acts_stand_between_the_messages_they_came_between(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="first words")
    triage.assign(tip, okafor, rivas, "", b"1")
    triage.answer(tip, rivas, "second words", b"1", ask=True)
    officers.write_as_source(tip, "third words", b"2")
    triage.note(tip, okafor, "note words", b"3")
    shown = column(load(okafor, tip))
    order = [shown.index(words) for words in ("first words", "assigned it to", "second words", "third words")]
    assert order == sorted(order)
    assert "Ana Okafor, today" in shown


def test_a_sources_time_is_no_finer_than_an_hour(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "later words", b"1")
    shown = column(load(okafor, tip))
    message = shown[: shown.index("later words")].rpartition("<article")[2]
    assert re.search(r"today, (\d+|noon|midnight)( [ap]\.m\.)? to (\d+|noon|midnight)", message), message


def test_the_history_is_silent_about_walls(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    for action in ("walled", "released to its unit", "kept walled", "referred outside", "viewed", "could not open"):
        audit.record(rivas, action, f"tip {tip.number}")
    assert [change.action for change in tip_history.list_changes(tip)] == ["opened"]
    assert not visibility.is_walled(tip)


def test_the_history_of_another_tip_with_a_similar_number_stays_away(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    audit.record(okafor, "reopened", f"tip {tip.number}1")
    audit.record(okafor, "reopened", f"file 1 of tip {tip.number}")
    assert [change.action for change in tip_history.list_changes(tip)] == ["opened"]


def test_new_is_what_this_officer_has_not_seen(
    okafor: Account, rivas: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "words that a colleague has read", b"1")
    load(rivas, tip)
    assert '<li id="new">' not in column(load(okafor, tip))  # within the hour of the last act, nobody can tell
    before = timezone.now() - dt.timedelta(hours=3)
    monkeypatch.setattr(tip_history, "find_last_act", lambda _number, _officer: before)
    shown = column(load(okafor, tip))
    assert shown.index('<li id="new">') < shown.index("words that a colleague has read")


def test_dispatch_is_to_be_told_of_each_new_message_of_a_source_in_danger(okafor: Account, settings: Any) -> None:
    settings.DISPATCH_NUMBER = "555-0142 (desk)"
    assert "Mark told" not in column(load(okafor, officers.send_opened_tip(okafor)))
    tip = officers.send_opened_tip(okafor, danger="yes")
    shown = column(load(okafor, tip))
    assert "Not told yet" in shown
    assert 'href="tel:5550142">Call 555-0142 (desk)</a>' in shown
    assert post(okafor, tip, act="dispatch").status_code == 302
    shown = column(load(okafor, tip))
    assert "Told by Ana Okafor" in shown
    assert "Mark told" not in shown
    assert "tel:" not in shown
    officers.write_as_source(tip, "He is at the door", b"1")
    assert "The newest message isn&#x27;t passed on yet" in column(load(okafor, tip))


# Templates


@pytest.fixture
def template(db: None) -> AnswerTemplate:
    category = Category.objects.first()
    AnswerTemplate.objects.create(title="Of another category", category=Category.objects.last(), text="Not offered")
    AnswerTemplate.objects.create(title="Thank you", text="Thank you for tip {number}.")
    return AnswerTemplate.objects.create(title="Call", category=category, text="Call us at [time]. {odd}")


def test_templates_of_the_category_come_first_and_are_filled_in(okafor: Account, template: AnswerTemplate) -> None:
    tip = officers.send_opened_tip(okafor)
    groups_offered = answer_templates.list_groups(tip)
    assert [[each.title for each in group.templates] for group in groups_offered] == [["Call"], ["Thank you"]]
    assert groups_offered[1].templates[0].text == f"Thank you for tip {tip.number}."
    assert "Not offered" not in load(okafor, tip)


def test_a_template_is_put_in_without_script(okafor: Account, template: AnswerTemplate) -> None:
    tip = officers.send_opened_tip(okafor)
    shown = column(post(okafor, tip, act="put-in", answer="Hello.", template=str(template.pk)).content.decode())
    assert "Hello.\n\nCall us at [time]. {odd}</textarea>" in shown
    other = AnswerTemplate.objects.get(title="Of another category")
    for wrong in (str(other.pk), "x", "", "-1", "9" * 30):
        assert post(okafor, tip, act="put-in", answer="Hello.", template=wrong).status_code == 200


def test_an_open_blank_of_a_template_is_not_sent(okafor: Account, template: AnswerTemplate) -> None:
    tip = officers.send_opened_tip(okafor)
    refused = post(okafor, tip, act="answer", answer="Call us at [time].")
    assert refused.status_code == 422
    assert "Fill in “[time]” or remove it." in refused.content.decode()
    assert post(okafor, tip, act="answer", answer="Call us at [ten].").status_code == 302


def test_supervisors_write_templates_and_each_change_is_recorded(okafor: Account) -> None:
    supervisor = officers.create_officer("lindqvist", groups.SUPERVISOR)
    add = reverse("admin:tips_answertemplate_add")
    data = {"title": "Thanks", "language": "es", "text": "Gracias.", "order": 10, "category": ""}
    assert officers.sign_in(okafor).post(add, data).status_code == 403
    assert officers.sign_in(supervisor).post(add, data).status_code == 302
    assert AnswerTemplate.objects.get().text == "Gracias."
    assert ("lindqvist", "added answer template", "answer template Thanks", "") in officers.read_audit_trail()


# Hostile text


@pytest.mark.parametrize("name", hostile_texts.TEXTS)
def test_hostile_text_is_inert_in_every_place_of_the_page(okafor: Account, name: str) -> None:
    text = hostile_texts.TEXTS[name]
    tip = officers.send_opened_tip(okafor, description=text, place=text[:150], when=text[:150])
    officers.write_as_source(tip, text, b"1")
    triage.note(tip, okafor, text, b"2")
    page = load(okafor, tip)
    assert not hostile_texts.ACTIVE.search(page)
    for article in re.findall(r'<div class="text" dir="[^"]*">', page):
        assert 'dir="auto"' in article


# Scale


def test_the_number_of_queries_does_not_depend_on_the_officers(okafor: Account) -> None:
    tip, client, counts = officers.send_opened_tip(okafor), officers.sign_in(okafor), []
    client.get(page_of(tip))
    for more in (1, 5):
        for number in range(more):
            officers.create_officer(f"officer-{more}-{number}")
        with CaptureQueriesContext(connection) as queries:
            page = client.get(page_of(tip)).content.decode()
        counts.append(len(queries))
    assert "officer-5-4" in page
    assert counts[0] == counts[1]


def test_the_desk_goes_on_while_the_broker_and_the_memory_store_are_away(
    okafor: Account, rivas: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts wait in their rows, drafts are not kept and say so, and nothing else is lost."""
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    away = redis.Redis(unix_socket_path="/nonexistent/socket", retry=Retry(NoBackoff(), 0))
    for module in (ephemeral_store, core_queue):
        monkeypatch.setattr(module, "_client", lambda: away)
    for address in ("/admin/", LIST, page_of(tip), f"{LIST}search/", "/admin/tips/alertchannel/mine/"):
        assert client.get(address).status_code == 200, address
    assert client.post(f"{LIST}{tip.pk}/drafts/", {"new": secrets.token_hex(16)}).json() == {"state": "down"}
    page = client.get(page_of(tip)).content.decode()
    for act, fields in (
        ("take", dict[str, str]()),
        ("answer", {"answer": "Which nights were they there?"}),
        (f"assign:{rivas.pk}", {"assign_word": "She calls back."}),
    ):
        form = hidden_fields(page) | {"form_id": secrets.token_hex(16), "act": act}
        assert client.post(page_of(tip), form | fields).status_code == 302, act
        page = client.get(page_of(tip)).content.decode()
    officers.let_acts_go_out()
    assert Message.objects.filter(tip=tip).count() == 1
    assert Tip.objects.get(pk=tip.pk).assigned_to == rivas
    assert Notification.objects.filter(officer=rivas, alert__tip=tip).exists()

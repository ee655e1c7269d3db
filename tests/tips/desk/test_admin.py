"""The admin of tips: list, a tip's page, duty, and accounts without permission."""

from __future__ import annotations

import datetime as dt
import html
import re
import secrets
import threading
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from core.sign_in.factors.factor_form import CODE_FIELD
from core.staff import form_author, groups
from crimemap import places
from tests import staff_session
from tests.tips.desk import officers
from tips import conversation, intake
from tips.desk import triage
from tips.models import Category, Disposition, Duty, Message, Note, Question, State, Tip

LIST = "/admin/tips/tip/"
OTHERS = [groups.ADMINISTRATOR, groups.COMMUNICATIONS]


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


@pytest.fixture
def supervisor(db: None) -> Account:
    return officers.create_officer("lindqvist", groups.SUPERVISOR)


def page_of(tip: Tip) -> str:
    return reverse("admin:tips_tip_change", args=[tip.pk])


def load_page(account: Account, address: str, **query: str) -> str:
    answer = officers.sign_in(account).get(address, query)
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def seen_in(page: str) -> str:
    return re.findall(r'name="seen" value="([0-9a-f]+)"', page)[0]


def act(account: Account, tip: Tip, name: str, *, seen: str | None = None, form_id: str = "", **data: Any) -> Any:
    """Post one of the page's forms with the stamp of the page as it is now, or with the stamp `seen`."""
    tip = Tip.objects.get(pk=tip.pk)
    stamp = seen or triage.stamp(tip, tip.messages.count())
    if "text" in data:
        data[name] = data.pop("text")
    data |= {"act": name, "seen": stamp, "form_id": form_id or secrets.token_hex(16)}
    answer = officers.sign_in(account).post(page_of(tip), data)
    officers.let_acts_go_out()
    return answer


def now(tip: Tip) -> Tip:
    return Tip.objects.get(pk=tip.pk)


# The list


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li [^>]*id="tip-(\d+)"', page)]


def test_the_list_shows_the_tip_with_the_least_time_left_first(okafor: Account) -> None:
    with freeze_clock(timezone.now() - dt.timedelta(hours=1)):
        late = officers.send_tip()
    urgent, last = officers.send_tip(danger="yes"), officers.send_tip()
    assert numbers(load_page(okafor, LIST)) == [late.number, urgent.number, last.number]


def test_the_list_shows_what_the_source_wrote_and_nothing_of_the_staff(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="said by the source")
    triage.answer(tip, okafor, "canary answer", b"1", ask=False)
    triage.note(tip, okafor, "canary note", b"2")
    page = load_page(okafor, LIST)
    assert "said by the source" in page
    assert "canary" not in page
    assert [line[1] for line in officers.read_audit_trail()] == ["opened", "answered", "wrote a note on"]


def test_the_list_reads_nothing_that_could_lead_to_a_source(okafor: Account) -> None:
    officers.send_tip()
    client = officers.sign_in(okafor)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(LIST)
    listed = [query["sql"] for query in queries if 'FROM "tips_tip"' in query["sql"]]
    assert listed
    for column in ("key_for_source", "token_hash", "form_hash"):
        assert [sql for sql in listed if re.search(rf'(?<!"tips_pendingact"\.)"{column}"', sql)] == []


def test_the_number_of_queries_of_the_list_is_constant(okafor: Account) -> None:
    client = officers.sign_in(okafor)
    categories = list(Category.objects.filter(active=True))
    counts = []
    for more in (1, 9):
        for number in range(more):
            tip = officers.send_opened_tip(okafor, category=categories[number % len(categories)])
            officers.write_as_source(tip, "More", b"1")
            triage.assign(tip, okafor, officers.create_officer(f"officer-{more}-{number}"))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(LIST)
        counts.append(len(queries))
    assert len(numbers(page.content.decode())) == 10
    assert (
        counts[0] == counts[1] <= 46
    )  # four count work that waits, one looks for tips to compare, two for tips alike and linked


def test_the_lists_wording(okafor: Account) -> None:
    officers.send_tip(danger="yes")
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor)
    officers.write_as_source(tip, "More", b"1")
    page = load_page(okafor, LIST)
    for word in ("Urgent", "Source wrote", "You", "Nobody", "15 min", "no place given"):
        assert word in page


def test_the_list_can_be_filtered(okafor: Account, supervisor: Account) -> None:
    new, urgent = officers.send_tip(), officers.send_tip(danger="yes", category=Category.objects.last())
    mine, others, closed = (officers.send_opened_tip(okafor) for _ in range(3))
    triage.assign(mine, okafor, okafor)
    triage.assign(others, okafor, supervisor)
    triage.wait(others, okafor)
    officers.write_as_source(mine, "More", b"1")
    triage.close(closed, okafor, Disposition.USEFUL)
    found = {
        (): {new, urgent, mine, others},
        ("state", "all"): {new, urgent, mine, others, closed},
        ("state", "new"): {new, urgent},
        ("state", "waiting"): {others},
        ("state", "closed"): {closed},
        ("state", "nonsense"): {new, urgent, mine, others},
        ("category", str(urgent.category_id)): {urgent},
        ("category", "1 OR 1"): {new, urgent, mine, others},
        ("who", "me"): {mine},
        ("who", "nobody"): {new, urgent},
        ("who", "others"): {others},
        ("news", "yes"): {new, urgent, mine},
        ("view", "needs-me"): {new, urgent, mine},
        ("view", "urgent"): {urgent},
        ("view", "nobody"): {new, urgent},
        ("view", "source-wrote"): {mine},
        ("view", "waiting"): {others},
        ("view", "closed"): {closed},
        ("view", "nonsense"): {new, urgent, mine, others},
    }
    for query, tips in found.items():
        page = load_page(okafor, LIST, **(dict([query]) if query else {}))  # type: ignore[arg-type]
        assert set(numbers(page)) == {tip.number for tip in tips}, query


def test_an_empty_list_says_so(okafor: Account) -> None:
    assert "No tips to work on" in load_page(okafor, LIST)
    triage.close(officers.send_opened_tip(okafor), okafor, Disposition.USEFUL)
    assert "No tips to work on" in load_page(okafor, LIST)
    assert "No tips match" in load_page(okafor, LIST, who="me")
    assert "No urgent tips" in load_page(okafor, LIST, view="urgent")


def test_a_tip_of_an_officer_who_left_says_whose_it_is(okafor: Account, supervisor: Account) -> None:
    left, moved = (officers.create_officer(name, first_name=name, last_name="Marsh") for name in ("lea", "mia"))
    texts = ("Dogs in cages behind the barn", "Somebody paints the lockers", "Bikes vanish every Friday night")
    tips = [officers.send_opened_tip(okafor, description=text) for text in texts]
    for tip, account in zip(tips, (left, moved, supervisor), strict=True):
        triage.assign(tip, okafor, account)
    Account.objects.filter(pk=left.pk).update(is_active=False)
    moved.groups.clear()
    page = load_page(okafor, LIST)
    assert "lea Marsh (account turned off)" in page
    assert "mia Marsh (no longer an officer)" in page
    assert set(numbers(load_page(okafor, LIST, who="left"))) == {tips[0].number, tips[1].number}
    page = load_page(okafor, page_of(tips[0]))
    assert "lea Marsh (account turned off) has it" in page
    assert f'value="assign:{left.pk}"' not in page
    assert f'value="assign:{supervisor.pk}"' in page
    assert "lea Marsh" not in load_page(okafor, page_of(tips[2])).partition('<form class="tip"')[2]
    assert act(okafor, tips[0], "assign", to=str(left.pk)).status_code == 302
    assert act(okafor, tips[2], "assign", to=str(left.pk)).status_code == 422


def test_several_tips_are_assigned_at_once(okafor: Account) -> None:
    tips, closed = [officers.send_tip(), officers.send_tip()], officers.send_opened_tip(okafor)
    triage.close(closed, okafor, Disposition.USEFUL)
    chosen = [str(tip.pk) for tip in [*tips, closed]]
    client = officers.sign_in(okafor)
    shown = client.get(LIST, {"state": "all"}).content.decode()
    fields = {name: re.findall(rf'name="{name}" value="([^"]*)"', shown)[0] for name in ("row_stamps", "bulk_form")}
    data = {"act": "assign-to-me", "tips": [*chosen, "nonsense"], **fields}
    page = client.post(LIST + "?state=all", data, follow=True).content.decode()
    assert "2 tips assigned." in page
    assert f"Tip {closed.number} was left out." in page
    assert {now(tip).assigned_to for tip in tips} == {okafor}
    assert now(closed).assigned_to is None


def test_tips_cannot_be_added_or_deleted(supervisor: Account) -> None:
    tip = officers.send_opened_tip(supervisor)
    client = officers.sign_in(supervisor)
    assert client.get(reverse("admin:tips_tip_add")).status_code == 403
    assert client.post(reverse("admin:tips_tip_delete", args=[tip.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:tips_tip_history", args=[tip.pk])).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [str(tip.pk)], "post": "yes"}
    client.post(LIST, data)
    assert Tip.objects.count() == 1


# A tip's page


def test_the_page_shows_the_sent_report(okafor: Account) -> None:
    said = {
        "danger": "unknown",
        "place": "behind the bakery",
        "when": "most nights",
        "answers": [intake.FollowUpAnswer("Which plate?", "4KT 119")],
    }
    page = load_page(okafor, page_of(officers.send_tip("Two men load boxes", **said)))
    for words in (
        "Two men load boxes",
        "The source doesn&#x27;t know",
        "behind the bakery",
        "most nights",
        "Which plate?",
        "4KT 119",
        "within 5",
    ):
        assert words in page


def test_the_page_says_where_a_point_is(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    mill = places.Place("block:7", "block", "400 block of Mill Street", 41.5, -90.1, "Old Town")
    monkeypatch.setattr(places, "find_place", lambda ref: mill if ref == "block:7" else None)
    monkeypatch.setattr(places, "find_nearest_block", lambda latitude, longitude: mill)
    page = load_page(okafor, page_of(officers.send_tip(place_ref="block:7", latitude=41.50001, longitude=-90.1)))
    for words in ("400 block of Mill Street, Old Town", "41.50001, -90.10000", "near 400 block of Mill Street"):
        assert words in page
    page = load_page(okafor, page_of(officers.send_tip(place_ref="block:99999")))
    assert "Mill Street" not in page


def test_the_conversation_is_shown_in_its_order_with_its_authors(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="first words")
    triage.answer(tip, okafor, "second words", b"1", ask=True)
    officers.write_as_source(tip, "third words", b"2")
    triage.note(tip, okafor, "note words", b"3")
    page = load_page(okafor, page_of(tip))
    page = page[page.index('<form class="tip"') :]
    positions = [page.index(words) for words in ("first words", "second words", "third words", "note words")]
    assert positions == sorted(positions)
    assert re.search(r'msg-us"><header><b>Answer</b><span><bdi>Ana Okafor</bdi>', page)
    assert page.index("second words") < page.index('<li id="new">') < page.index("third words")
    assert '<li id="new">' not in load_page(okafor, page_of(tip))


HOSTILE = "<script>alert(1)</script> {{ 7|add:7 }} \u202eevil\u2066 \x1b[31m\x00 </div><img src=x onerror=alert(2)>"


def test_text_of_tips_is_escaped(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = officers.send_opened_tip(
        okafor, description=HOSTILE, place=HOSTILE, when=HOSTILE, answers=[intake.FollowUpAnswer(HOSTILE, HOSTILE)]
    )
    officers.write_as_source(tip, HOSTILE, b"1")
    triage.note(tip, okafor, HOSTILE, b"2")
    page = load_page(okafor, page_of(tip))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert (
        page.count("&lt;script&gt;alert(1)&lt;/script&gt; {{ 7|add:7 }} [U+202E]evil[U+2066] [U+001B][31m[U+0000]")
        == 13
    )  # the facts once more for wide screens, and the beginning of the newest text in the queue
    assert "{{ 7|add:7 }} evil [31m" in page, "notes are cleaned before they are sealed"
    for steering in "\u202e\u2066\x1b\x00":
        assert steering not in page


def test_viewing_a_tip_is_recorded(okafor: Account) -> None:
    tip = officers.send_tip()
    load_page(okafor, page_of(tip))
    assert officers.read_audit_trail() == [("okafor", "opened", f"tip {tip.number}", "")]
    assert now(tip).state == State.OPEN


def test_the_page_is_not_cached(okafor: Account) -> None:
    answer = officers.sign_in(okafor).get(page_of(officers.send_tip()))
    assert answer["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| onclick=", page)


@pytest.mark.parametrize("group", OTHERS)
@pytest.mark.parametrize("superuser", [False, True])
def test_accounts_without_tip_permissions_get_a_plain_refusal(db: None, group: str, superuser: bool) -> None:
    tip = officers.send_tip("canary")
    outsider = officers.create_officer("ito", group, is_superuser=superuser)
    for answer in (
        officers.sign_in(outsider).get(LIST),
        officers.sign_in(outsider).get(page_of(tip)),
        act(outsider, tip, "answer", text="x"),
        act(outsider, tip, "hold", hold_reason="x"),
    ):
        assert answer.status_code == 403
        assert "canary" not in answer.content.decode()
    assert (officers.read_audit_trail(), now(tip).state) == ([], State.NEW)


def test_accounts_without_tip_permissions_cannot_learn_which_tips_exist(db: None) -> None:
    outsider = officers.create_officer("ito", groups.ADMINISTRATOR)
    data = {"act": "note", "form_id": secrets.token_hex(16), "note": "x"}
    for tip_id in (officers.send_tip().pk, "00000000-0000-4000-8000-000000000000", "no-tip"):
        assert officers.sign_in(outsider).post(f"{LIST}{tip_id}/change/", data).status_code == 403


def test_a_visitor_is_sent_to_the_sign_in_page(db: None, client: Any) -> None:
    tip = officers.send_tip()
    assert client.get(page_of(tip))["Location"].startswith("/admin/login/")
    assert officers.read_audit_trail() == []


@pytest.mark.parametrize("address", ["not-a-tip", "00000000-0000-4000-8000-000000000000", "'%22<script>"])
def test_a_missing_tip_is_explained(okafor: Account, address: str) -> None:
    answer = officers.sign_in(okafor).get(f"{LIST}{address}/change/", follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "This tip no longer exists" in answer.content.decode()


def test_other_methods_are_refused(okafor: Account) -> None:
    tip = officers.send_tip()
    for method in ("put", "delete", "head", "options"):
        assert getattr(officers.sign_in(okafor), method)(page_of(tip)).status_code == 405
    assert officers.read_audit_trail() == []


def test_a_post_from_another_site_is_refused(okafor: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    staff_session.sign_in(client, okafor)
    tip = officers.send_opened_tip(okafor)
    answer = client.post(page_of(tip), {"act": "wait", "form_id": "0" * 32, "seen": ""})
    assert answer.status_code == 403
    assert now(tip).state == State.OPEN


# Tips that cannot be opened


def test_a_damaged_seal_is_explained(okafor: Account) -> None:
    tip = officers.send_tip()
    Tip.objects.update(report=bytes(now(tip).report)[:-1] + b"\x00")
    page = load_page(okafor, page_of(tip))
    assert "This tip can&#x27;t be opened" in page
    assert "Send + next" not in page
    subject = f"tip {tip.number}"
    assert officers.read_audit_trail() == [("okafor", "opened", subject, ""), ("okafor", "could not open", subject, "")]


def test_a_tampered_message_is_explained(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "More", b"1")
    Message.objects.update(position=4)
    assert "This tip can&#x27;t be opened" in load_page(okafor, page_of(tip))


def test_a_missing_key_is_named(okafor: Account, settings: Any, tmp_path: Any) -> None:
    tip = officers.send_opened_tip(okafor)
    settings.AGENCY_PRIVATE_KEYS = tmp_path
    page = load_page(okafor, page_of(tip))
    assert f"Agency key {tip.agency_key_id} isn&#x27;t on this server" in page
    assert str(tmp_path) not in page
    answer = act(okafor, tip, "answer", text="Thank you")
    assert answer.status_code == 409
    assert "isn&#x27;t on this server" in answer.content.decode()
    assert "Thank you</textarea>" in answer.content.decode()


def test_damaged_notes_do_not_hide_the_tip(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="Two men")
    triage.note(tip, okafor, "Known address", b"1")
    Note.objects.update(position=4)
    page = load_page(okafor, page_of(tip))
    assert "Two men" in page
    assert "The notes can't be opened" in page


# The forms


def test_an_answer_reaches_the_source(okafor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    load_page(okafor, page_of(session.tip))
    answer = act(okafor, session.tip, "answer", text="Which nights?\r\nAnd which car?", ask="on")
    assert (answer.status_code, answer["Location"]) == (302, page_of(session.tip))
    assert [entry.text for entry in session.read().messages] == ["Which nights?\nAnd which car?"]
    assert now(session.tip).state == State.WAITING


def test_a_successful_action_is_confirmed(okafor: Account) -> None:
    tip = officers.send_tip()  # this page is its first opening
    client = officers.sign_in(okafor)
    seen = seen_in(client.get(page_of(tip)).content.decode())
    data = {"act": "answer", "seen": seen, "form_id": secrets.token_hex(16), "answer": "Thank you for this"}
    page = client.post(page_of(tip), data, follow=True).content.decode()
    assert "Your answer goes out in 30 seconds." in page
    assert "Thank you for this" in page


@pytest.mark.parametrize("name", ["answer", "note"])
def test_a_double_click_acts_once(okafor: Account, name: str) -> None:
    tip = officers.send_opened_tip(okafor)
    form_id = secrets.token_hex(16)
    seen = triage.stamp(tip, 0)
    for _ in range(2):
        assert act(okafor, tip, name, seen=seen, form_id=form_id, text="Thank you").status_code == 302
    assert Message.objects.count() + Note.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_clicks_act_once() -> None:
    okafor = officers.create_officer("okafor")
    tip = officers.send_opened_tip(okafor)
    staff_session.give_app(okafor)
    start, form_id, seen, codes = threading.Barrier(2), secrets.token_hex(16), triage.stamp(tip, 0), []

    def click() -> None:
        start.wait()
        codes.append(act(okafor, tip, "note", seen=seen, form_id=form_id, text="Known address").status_code)
        connections.close_all()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (codes, Note.objects.count()) == ([302, 302], 1)


def test_a_second_click_on_each_button_is_no_error(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    for name, data in [
        ("assign", {"to": okafor.pk}),
        ("wait", {}),
        ("reopen", {}),
        ("hold", {"hold_reason": "Court order"}),
        ("release", {"hold_reason": "Over"}),
        ("close", {"disposition": "arrest"}),
        ("reopen", {}),
    ]:
        seen = triage.stamp(now(tip), 0)
        for _ in range(2):
            assert act(supervisor, tip, name, seen=seen, **data).status_code == 302, name
    assert [line[1] for line in officers.read_audit_trail()][1:] == [
        "assigned",
        "set to waiting",
        "stopped waiting on",
        "put a legal hold on",
        "ended the legal hold of",
        "closed",
        "reopened",
    ]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("answer", {"text": " \n "}, "Your answer is empty. Write it first."),
        ("answer", {"text": "x" * (conversation.MAX_MESSAGE_LENGTH + 1)}, "at most 10000 characters (it has 10001)"),
        ("note", {"text": ""}, "Your note is empty. Write it first."),
        ("close", {}, "Pick what came of this tip."),
        ("close", {"disposition": "nonsense"}, "Pick what came of this tip."),
        ("assign", {"to": "999999"}, "Pick an officer or supervisor who may see this tip."),
    ],
)
def test_errors_are_shown_beside_the_field_and_input_is_preserved(
    okafor: Account, name: str, data: dict[str, str], sentence: str
) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, name, **data)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert page.count(sentence) == 2  # in the summary and at the field
    assert ("Not sent." in page) == (name == "answer")
    assert ("Nothing was changed." in page) == (name != "answer")
    assert data.get("text", "").strip() in page
    assert (Message.objects.count(), Note.objects.count(), now(tip).state) == (0, 0, State.OPEN)


def test_a_line_break_counts_as_one_character(okafor: Account) -> None:
    text = "x\r\n" * (conversation.MAX_MESSAGE_LENGTH // 2 - 1) + "xy"
    assert act(okafor, officers.send_opened_tip(okafor), "answer", text=text).status_code == 302


def test_a_tip_that_changed_meanwhile_is_shown_again_with_the_typed_text(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    seen = triage.stamp(tip, 0)
    triage.answer(tip, supervisor, "I was faster", b"1", ask=False)
    answer = act(okafor, tip, "answer", seen=seen, text="my own answer", ask="on")
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Not sent.", "I was faster", "my own answer</textarea>", "checked", "Send anyway", "Keep as a note"):
        assert words in page
    assert Message.objects.count() == 1
    again = act(okafor, tip, "answer", seen=seen_in(page), text="my own answer", ask="on")
    assert (again.status_code, Message.objects.count()) == (302, 2)


def test_impossible_actions_are_explained(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.close(tip, okafor, Disposition.USEFUL)
    answer = act(okafor, tip, "answer", text="my own answer")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This tip is closed, so your answer was not sent." in page
    assert "Send + next" not in page
    assert "my own answer</textarea>" in page
    page = act(okafor, tip, "reopen", answer="my own answer").content.decode()
    assert "This tip is open again." in page
    assert "my own answer</textarea>" in page
    assert "Send + next" in page


def test_a_tip_erased_while_writing_is_explained(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    data = {"act": "note", "seen": triage.stamp(tip, 0), "form_id": secrets.token_hex(16), "note": "x"}
    Tip.objects.all().delete()
    answer = officers.sign_in(okafor).post(page_of(tip), data | {"note": "seen in the yard"})
    assert answer.status_code == 404
    assert "This tip no longer exists" in answer.content.decode()
    assert "seen in the yard</textarea>" in answer.content.decode()


TYPED = {"answer": "Which nights & when?", "ask": "on", "note": "Known <address> there"}
TYPED_SHOWN = ("Which nights &amp; when?</textarea>", "Known &lt;address&gt; there</textarea>")


def assert_typed_is_shown(answer: Any, *, but: str = "") -> None:
    page = answer.content.decode()
    assert [words for words in TYPED_SHOWN if words not in page] == [
        words for words in TYPED_SHOWN if but and but in words
    ]


@pytest.mark.parametrize(
    ("action", "sent"), [("assign", ""), ("wait", ""), ("close", ""), ("answer", "Which nights"), ("note", "Known")]
)
def test_text_of_other_boxes_stays_whatever_button_is_pressed(okafor: Account, action: str, sent: str) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, action, **TYPED, to=str(okafor.pk), disposition="useful")
    assert answer.status_code == 200
    assert_typed_is_shown(answer, but=sent)
    assert "You have text that you haven&#x27;t sent yet." in answer.content.decode()
    assert (Message.objects.count(), Note.objects.count()) == (action == "answer", action == "note")


def test_text_of_other_boxes_stays_when_an_action_is_refused(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    assert_typed_is_shown(act(okafor, tip, "close", **TYPED))
    assert_typed_is_shown(act(okafor, tip, "erase", **TYPED))
    assert_typed_is_shown(act(okafor, tip, "hold", hold_reason="Court order", **TYPED))
    triage.close(tip, supervisor, Disposition.USEFUL)
    assert_typed_is_shown(act(okafor, tip, "assign", to=str(okafor.pk), **TYPED))
    assert (Message.objects.count(), Note.objects.count()) == (0, 0)


def test_text_stays_for_an_officer_who_has_lost_the_permission(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    data = TYPED | {"act": "answer", "seen": "", "form_id": secrets.token_hex(16)}
    okafor.groups.clear()
    okafor.user_permissions.set(Permission.objects.filter(codename__in=["view_tip", "open_tip"]))
    client = officers.sign_in(okafor)
    answer = client.post(page_of(tip), data)
    assert answer.status_code == 403
    assert_typed_is_shown(answer)
    okafor.user_permissions.clear()
    answer = client.post(page_of(tip), data)
    assert answer.status_code == 403
    assert_typed_is_shown(answer)


def test_text_survives_the_end_of_the_session_and_is_sealed_meanwhile(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    for account in (okafor, supervisor):
        staff_session.set_password(account)
    data = TYPED | {"act": "answer", "seen": triage.stamp(tip, 0), "form_id": secrets.token_hex(16)}
    client = Client()
    page = staff_session.post_as_typed_by(okafor, client, page_of(tip), data)
    assert page.status_code == 401
    assert "nights" not in page.content.decode()
    other = staff_session.sign_in_on(page, Client(), page_of(tip), supervisor)
    assert other.status_code == 302  # somebody else reads nothing of it
    refused = staff_session.sign_in_on(page, client, page_of(tip), okafor, "wrong")
    assert refused.status_code == 403
    answer = staff_session.sign_in_on(refused, client, page_of(tip), okafor)
    assert_typed_is_shown(answer)
    assert "Nothing has been sent yet: what you typed is below." in answer.content.decode()
    assert not Message.objects.exists()
    data["seen"] = seen_in(answer.content.decode())
    assert client.post(page_of(tip), data | {"note": ""}).status_code == 302
    officers.let_acts_go_out()
    assert Message.objects.count() == 1


def test_text_survives_signing_in_again_in_another_tab(okafor: Account, supervisor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), Client(enforce_csrf_checks=True)
    origin = {"origin": "http://testserver"}
    staff_session.sign_in(client, staff_session.set_password(okafor))
    (token,) = re.findall(
        r'<form class="tip".*?name="csrfmiddlewaretoken" value="(\w+)"', client.get(page_of(tip)).content.decode()
    )
    data = TYPED | {"act": "answer", "seen": triage.stamp(tip, 0), "form_id": secrets.token_hex(16)}
    data |= {"csrfmiddlewaretoken": token, form_author.FIELD: form_author.sign_author(okafor)}

    def sign_in_in_another_tab(account: Account) -> None:
        client.post("/admin/logout/", {"csrfmiddlewaretoken": client.cookies["csrf"].value}, headers=origin)
        client.get("/admin/login/")
        fields = {"username": account.username, "password": staff_session.PASSWORD}
        fields["csrfmiddlewaretoken"] = client.cookies["csrf"].value
        code_page = client.post("/admin/login/", fields, headers=origin)["Location"]
        fields = {CODE_FIELD: staff_session.next_code(account), "csrfmiddlewaretoken": client.cookies["csrf"].value}
        assert client.post(code_page, fields, headers=origin).status_code == 302

    sign_in_in_another_tab(staff_session.set_password(supervisor))
    stale = client.post(page_of(tip), data, headers=origin)
    assert stale.status_code == 302  # the supervisor reads nothing of it
    sign_in_in_another_tab(okafor)
    assert client.post(page_of(tip), data).status_code == 403  # without an origin it may be another site's
    stale = client.post(page_of(tip), data, headers=origin)
    assert stale.status_code == 409
    fields = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', stale.content.decode().split("step-form")[1])
    )
    answer = client.post(page_of(tip), {name: html.unescape(value) for name, value in fields.items()}, headers=origin)
    assert answer.status_code == 200
    assert_typed_is_shown(answer)
    assert not Message.objects.exists()


def test_pages_that_cannot_show_typed_text_in_place_ask_before_they_save_it(okafor: Account) -> None:
    ito = staff_session.set_password(officers.create_officer("ito", groups.ADMINISTRATOR))
    category, client = Category.objects.all()[0], Client()
    address = reverse("admin:tips_category_change", args=[category.pk])
    assert form_author.FIELD in load_page(ito, address)
    data = {"name": "Graffiti on walls", "slug": category.slug, "icon": "dots", "order": 50, "password": "secret words"}
    data |= {"questions-TOTAL_FORMS": 0, "questions-INITIAL_FORMS": 0}
    page = staff_session.post_as_typed_by(ito, client, address, data)
    page = staff_session.sign_in_on(page, client, address, ito)
    assert page.status_code == 409
    assert "secret words" not in page.content.decode()
    category.refresh_from_db()
    assert category.name != "Graffiti on walls"
    assert client.post(address, data | {"_continued": "1"}).status_code == 302
    category.refresh_from_db()
    assert category.name == "Graffiti on walls"


@pytest.mark.parametrize("broken", [{"act": "erase"}, {"act": ""}, {"form_id": "xyz"}, {"form_id": "00"}])
def test_a_broken_post_does_nothing(okafor: Account, broken: dict[str, str]) -> None:
    tip = officers.send_opened_tip(okafor)
    data = {"act": "note", "seen": "", "form_id": secrets.token_hex(16), "note": "x"} | broken
    answer = officers.sign_in(okafor).post(page_of(tip), data)
    assert answer.status_code == 400
    assert Note.objects.count() == 0


def test_only_supervisors_see_the_legal_hold(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    assert "Start legal hold" not in load_page(okafor, page_of(tip))
    assert act(okafor, tip, "hold", hold_reason="Court order").status_code == 403
    assert "Start legal hold" in load_page(supervisor, page_of(tip))
    assert act(supervisor, tip, "hold").status_code == 422
    assert act(supervisor, tip, "hold", hold_reason="Order 26-117").status_code == 302
    assert "Order 26-117" in load_page(okafor, page_of(tip))
    assert "End legal hold" in load_page(supervisor, page_of(tip))


def test_impossible_actions_are_not_offered(okafor: Account, supervisor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    tip = session.tip
    page = load_page(okafor, page_of(tip))
    assert "Wait for the source" in page
    assert "Reopen tip" not in page
    triage.close(tip, okafor, Disposition.USEFUL)
    page = load_page(okafor, page_of(tip))
    assert "Reopen tip" in page
    for words in ("Send + next", 'id="menu-close"', 'id="menu-assign"', "Wait for the source"):
        assert words not in page
    triage.reopen(tip, okafor)
    triage.hold(tip, supervisor, "Court order")
    conversation.delete_by_source(session.token)
    page = load_page(okafor, page_of(tip))
    assert "The source deleted their access." in page
    assert "Send + next" not in page


def test_the_filters_of_the_list_survive_actions_and_breadcrumbs(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    shown = client.get(LIST, {"state": "open", "who": "nobody"}).content.decode()
    (address,) = re.findall(r'aria-hidden="true">\d+</span><a href="([^"]+)"', shown)
    back = f'href="{LIST}?state=open&amp;who=nobody"'
    page = client.get(html.unescape(address))
    assert back in page.content.decode()
    data = {"act": "wait", "form_id": secrets.token_hex(16), "seen": seen_in(page.content.decode())}
    answer = client.post(html.unescape(address), data)
    assert back in client.get(answer["Location"]).content.decode()
    kept = html.unescape(address).partition("?")[2]
    assert back in client.get(reverse("admin:tips_file", args=[tip.pk, 1]) + f"?{kept}").content.decode()
    gone = client.get(f"{LIST}00000000-0000-4000-8000-000000000000/change/?{kept}")
    assert gone["Location"] == f"{LIST}?state=open&who=nobody"


# Duty


def test_every_page_has_the_duty_switch(okafor: Account) -> None:
    client = officers.sign_in(okafor)
    assert "Go on duty" in client.get("/admin/").content.decode()
    page = client.post("/admin/tips/duty/mine/", {"switch": "on"}, follow=True).content.decode()
    assert "You&#x27;re on duty." in page
    assert Duty.objects.get(officer=okafor).on_duty
    assert "go off duty" in client.get(LIST).content.decode()
    for _click in range(2):
        client.post("/admin/tips/duty/mine/", {"switch": "off"})
    assert not Duty.objects.get(officer=okafor).on_duty
    assert officers.read_audit_trail() == [
        ("okafor", "changed duty", "duty okafor", "on_duty: False -> True"),
        ("okafor", "changed duty", "duty okafor", "on_duty: True -> False"),
    ]


def test_officers_choose_their_own_categories(okafor: Account) -> None:
    chosen = list(Category.objects.all()[:2])
    officers.set_duty(okafor)
    data = {"categories": [category.pk for category in chosen]}
    assert officers.sign_in(okafor).post("/admin/tips/duty/mine/", data).status_code == 302
    duty = Duty.objects.get(officer=okafor)
    assert (duty.on_duty, list(duty.categories.all())) == (True, chosen)
    ((actor, action, subject, detail),) = officers.read_audit_trail()
    assert (actor, action, subject) == ("okafor", "changed duty", "duty okafor")
    assert all(str(category) in detail for category in chosen)
    page = load_page(okafor, "/admin/tips/duty/mine/")
    assert page.count(" checked>") == 2
    officers.sign_in(okafor).post("/admin/tips/duty/mine/", {"switch": "off"})
    assert list(duty.categories.all()) == chosen


def test_an_officer_without_an_address_is_warned(okafor: Account) -> None:
    assert "Your account has no email address" not in load_page(okafor, "/admin/tips/duty/mine/")
    Account.objects.update(email="")
    assert "Your account has no email address" in load_page(okafor, "/admin/tips/duty/mine/")


@pytest.mark.parametrize("group", OTHERS)
def test_accounts_without_tip_permissions_have_no_duty_switch(db: None, group: str) -> None:
    outsider = officers.create_officer("ito", group)
    assert 'name="switch"' not in load_page(outsider, "/admin/")
    assert officers.sign_in(outsider).post("/admin/tips/duty/mine/", {"switch": "on"}).status_code == 403
    assert not Duty.objects.exists()


def test_only_administrators_set_the_duty_of_others(okafor: Account) -> None:
    ito = officers.create_officer("ito", groups.ADMINISTRATOR)
    data = {"officer": okafor.pk, "on_duty": "on", "categories": [Category.objects.all()[0].pk]}
    assert officers.sign_in(ito).post(reverse("admin:tips_duty_add"), data).status_code == 302
    assert Duty.objects.get().officer == okafor
    assert officers.read_audit_trail() == [("ito", "added duty", "duty okafor", "")]
    page = load_page(ito, reverse("admin:tips_duty_changelist"))
    assert str(Category.objects.all()[0]) in page
    assert officers.sign_in(okafor).get(reverse("admin:tips_duty_changelist")).status_code == 403
    assert officers.sign_in(ito).post(reverse("admin:tips_duty_add"), {"officer": ito.pk}).status_code == 200


# Categories


def test_administrators_edit_categories_and_their_questions(db: None) -> None:
    ito = officers.create_officer("ito", groups.ADMINISTRATOR)
    data = {
        "name": "Graffiti",
        "slug": "graffiti",
        "hint": "walls, trains",
        "icon": "dots",
        "order": 50,
        "active": "on",
    }
    data |= {"questions-TOTAL_FORMS": 1, "questions-INITIAL_FORMS": 0}
    data |= {"questions-0-label": "Which wall?", "questions-0-kind": "short", "questions-0-order": 10}
    assert officers.sign_in(ito).post(reverse("admin:tips_category_add"), data).status_code == 302
    question = Question.objects.get(category__slug="graffiti")
    assert question.label == "Which wall?"
    data |= {"questions-INITIAL_FORMS": 1, "questions-0-id": question.pk, "questions-0-category": question.category_id}
    page = reverse("admin:tips_category_change", args=[question.category_id])
    assert officers.sign_in(ito).post(page, data | {"order": 60, "questions-0-label": "Where?"}).status_code == 302
    assert officers.sign_in(ito).post(page, data | {"order": 60, "questions-0-DELETE": "on"}).status_code == 302
    asked = "changed follow-up questions of category"
    assert officers.read_audit_trail() == [
        ("ito", "added category", "category Graffiti", ""),
        ("ito", asked, "category Graffiti", "added Which wall?"),
        ("ito", "changed category", "category Graffiti", "order: 50 -> 60"),
        ("ito", asked, "category Graffiti", "changed Where? (label)"),
        ("ito", asked, "category Graffiti", "deleted Which wall?"),
    ]


def test_a_slug_in_use_cannot_be_changed(db: None) -> None:
    ito = officers.create_officer("ito", groups.ADMINISTRATOR)
    used, unused = officers.send_tip().category, Category.objects.last()
    assert unused is not None
    assert 'name="slug"' not in load_page(ito, reverse("admin:tips_category_change", args=[used.pk]))
    assert 'name="slug"' in load_page(ito, reverse("admin:tips_category_change", args=[unused.pk]))


@pytest.mark.parametrize("page", ["tips_category_changelist", "tips_category_add", "tips_duty_add"])
def test_officers_cannot_edit_categories_or_questions(okafor: Account, page: str) -> None:
    assert officers.sign_in(okafor).get(reverse(f"admin:{page}")).status_code == 403


# The first page


def test_the_admin_index_counts_waiting_tips(okafor: Account) -> None:
    officers.send_tip(danger="yes")
    mine = officers.send_opened_tip(okafor)
    triage.assign(mine, okafor, okafor)
    officers.write_as_source(mine, "More", b"1")
    triage.close(officers.send_opened_tip(okafor), okafor, Disposition.USEFUL)
    written_to = officers.send_opened_tip(okafor)
    triage.close(written_to, okafor, Disposition.USEFUL)
    assert written_to.number not in numbers(load_page(okafor, LIST))
    officers.write_as_source(written_to, "One more thing", b"2")
    page = load_page(okafor, "/admin/")
    counts = dict(re.findall(r"<dt>([^<]+)</dt><dd><a [^>]+>([0-9]+)</a></dd>", page))
    assert counts == {
        "need you": "3",
        "urgent, nobody has it": "1",
        "yours": "1",
        "yours and late": "0",
        "not opened": "1",
        "source wrote": "1",
        "wrote after close": "1",
    }
    for link, count in re.findall(r'<dd><a href="[^"?]*(\?[^"]+)">([0-9]+)</a></dd>', page):
        assert len(numbers(load_page(okafor, LIST + html.unescape(link)))) == int(count), link
    assert written_to.number in numbers(load_page(okafor, LIST))
    load_page(okafor, page_of(written_to))
    assert written_to.number not in numbers(load_page(okafor, LIST))
    assert "Tips to work on" not in load_page(officers.create_officer("ito", groups.ADMINISTRATOR), "/admin/")


# Red lines


@pytest.mark.parametrize("address", ["/admin/", LIST])
def test_a_warning_is_shown_while_no_officer_has_an_address(okafor: Account, address: str) -> None:
    assert "No one gets an email about new tips" not in load_page(okafor, address)
    Account.objects.update(email="")
    assert "No one gets an email about new tips" in load_page(okafor, address)


def test_administrators_see_the_warning_and_communications_do_not(db: None) -> None:
    assert "No one gets an email" in load_page(officers.create_officer("ito", groups.ADMINISTRATOR), "/admin/")
    assert "No one gets an email" not in load_page(officers.create_officer("marsh", groups.COMMUNICATIONS), "/admin/")

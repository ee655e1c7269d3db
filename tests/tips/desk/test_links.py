"""Links between tips: one event, separate sources; sealed at rest, and never shown to those who don't see both tips."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from core.models import Account
from core.staff import groups
from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk import officers
from tests.tips.desk.test_alike import DOGS, SHOTS
from tips import conversation
from tips.desk import triage
from tips.desk.alike import indexing, link_records, links
from tips.desk.queue.loading import load
from tips.models import LinkRecord, Tip, Unit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def officer() -> Account:
    return officers.create_officer()


def numbers(officer: Account, tip: Tip) -> list[int]:
    return [linked.number for linked in links.list_linked(officer, tip)]


def test_all_tips_of_an_event_are_linked_to_each_other(officer: Account) -> None:
    one, two, three, four = (officers.send_tip() for _ in range(4))
    assert links.link(one, [two.pk], officer) == 1
    assert links.link(three, [four.pk], officer) == 1
    assert links.link(two, [three.pk], officer) == 2
    for tip in (one, two, three, four):
        others = sorted(other.number for other in (one, two, three, four) if other != tip)
        assert numbers(officer, tip) == others
    assert links.link(one, [four.pk], officer) == 0


def test_a_tip_is_taken_out_of_all_and_both_sides_keep_the_history(officer: Account) -> None:
    one, two, three = (officers.send_tip() for _ in range(3))
    links.link(one, [two.pk, three.pk], officer)
    links.unlink(one, three.pk, officer)
    assert numbers(officer, one) == [two.number]
    assert numbers(officer, three) == []
    history = links.list_history(officer, three)
    assert [line.is_linked for line in history] == [False, False, True, True]
    assert {line.by for line in history} == {"okafor"}
    assert {line.number for line in history[:2]} == {line.number for line in history[2:]} == {one.number, two.number}
    assert [action for _actor, action, _subject, _detail in officers.read_audit_trail()][-2:] == ["linked", "unlinked"]


def test_neither_the_audit_trail_nor_the_tables_tell_which_tips_are_linked(officer: Account) -> None:
    one, two, alone = (officers.send_tip() for _ in range(3))
    while link_records.make_missing():
        pass
    sizes = set(LinkRecord.objects.values_list("tip_id", "record"))
    assert len({len(record) for _tip, record in sizes}) == 1
    links.link(one, [two.pk], officer)
    rows = dict(LinkRecord.objects.values_list("tip_id", "record"))
    assert set(rows) == {one.pk, two.pk, alone.pk}
    assert len({len(record) for record in rows.values()}) == 1
    assert not any(tip.pk.bytes in bytes(record) for tip in (one, two) for record in rows.values())
    lines = [line for line in officers.read_audit_trail() if line[1] == "linked"]
    assert lines == [("okafor", "linked", f"tip {one.number}", "")]


def test_thirty_links_take_no_more_room_than_none(officer: Account) -> None:
    one, *others = (officers.send_tip() for _ in range(30))
    links.link(one, [other.pk for other in others], officer)
    alone = officers.send_tip()
    link_records.make_missing()
    sizes = {len(record) for record in LinkRecord.objects.values_list("record", flat=True)}
    assert len(sizes) == 1
    assert LinkRecord.objects.filter(tip=alone).exists()


def test_tips_of_other_readers_cannot_be_linked(officer: Account) -> None:
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officer)
    one, other = officers.send_tip(), officers.send_tip()
    Tip.objects.filter(pk=other.pk).update(unit=unit)
    with pytest.raises(triage.TransitionError, match=str(other.number)):
        links.link(one, [other.pk], officer)
    hidden = Unit.objects.create(name="Internal")
    hidden.members.add(officers.create_officer("brody"))
    Tip.objects.filter(pk=other.pk).update(unit=hidden)
    sentences = set()
    for tip_id in (other.pk, uuid.uuid4()):
        with pytest.raises(triage.TransitionError) as refused:
            links.link(one, [tip_id], officer)
        sentences.add(str(refused.value))
    assert len(sentences) == 1, "a hidden tip answers as one that does not exist"


def test_a_linked_tip_that_moves_on_is_not_shown_to_those_who_no_longer_see_it(officer: Account) -> None:
    one, two, three = (officers.send_tip() for _ in range(3))
    links.link(one, [two.pk, three.pk], officer)
    hidden = Unit.objects.create(name="Internal")
    hidden.members.add(officers.create_officer("brody"))
    Tip.objects.filter(pk=two.pk).update(unit=hidden)
    assert numbers(officer, one) == [three.number]
    assert two.number not in {line.number for line in links.list_history(officer, one)}


def test_a_walled_tip_has_no_links() -> None:
    supervisor = officers.create_officer("roy", groups.SUPERVISOR)
    officers.create_officer("lindqvist", first_name="Ingmar", last_name="Lindqvist")
    one, two = officers.send_tip(), officers.send_tip()
    links.link(one, [two.pk], supervisor)
    officers.write_as_source(two, "Officer Ingmar Lindqvist was there", b"1")
    assert numbers(supervisor, one) == []
    assert numbers(supervisor, two) == []
    with pytest.raises(triage.TransitionError):
        links.link(one, [two.pk], supervisor)
    with pytest.raises(conversation.TipGoneError):
        links.link(two, [one.pk], supervisor)


def test_notes_of_linked_tips_are_shared_and_reading_them_is_recorded_once(officer: Account) -> None:
    one, two = officers.send_opened_tip(officer), officers.send_opened_tip(officer)
    triage.note(two, officer, "Patrol knows", b"1")
    links.link(one, [two.pk], officer)
    for _ in range(2):
        notes = links.read_shared_notes(officer, one, links.list_linked(officer, one))
        assert [(tip.number, note.text) for tip, note in notes] == [(two.number, "Patrol knows")]
    read = [line for line in officers.read_audit_trail() if line[1] == "read notes linked to"]
    assert read == [("okafor", "read notes linked to", f"tip {one.number}", "")], "no line names the other tip"


def test_an_account_that_cannot_act_links_nothing(officer: Account) -> None:
    one, two = officers.send_tip(), officers.send_tip()
    with pytest.raises(PermissionDenied):
        links.link(one, [two.pk], officers.create_officer("marsh", groups.COMMUNICATIONS))


def test_an_erased_tip_is_linked_to_none(officer: Account) -> None:
    one, two = officers.send_tip(), officers.send_tip()
    links.link(one, [two.pk], officer)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tip_erase(%s)", [two.pk])
    assert numbers(officer, one) == []
    assert not LinkRecord.objects.filter(tip=two.pk).exists()


@pytest.mark.parametrize("user", ["public", "alerts", "media", "bulk"])
def test_only_staff_read_link_records(user: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(user):
        LinkRecord.objects.count()


def test_the_staff_role_links_and_compares(officer: Account) -> None:
    one, two = officers.send_tip(), officers.send_tip()
    with acting_as("staff"):
        link_records.make_missing()
        links.link(one, [two.pk], officer)
        indexing.read_new_tips()
        indexing.forget_gone_tips()
        assert numbers(officer, one) == [two.number]


def list_rows(officer: Account) -> list[tuple[int, str, list[int]]]:
    queue = load(officer, QueryDict())
    return [(row.number, row.alike, [each.number for each in row.wave]) for group in queue.groups for row in group.rows]


def test_linked_tips_are_folded_under_the_first_in_the_queue(officer: Account) -> None:
    one, two, three = (officers.send_tip(text) for text in (SHOTS, SHOTS, DOGS))
    indexing.read_new_tips()
    assert {number: wave for number, _alike, wave in list_rows(officer)} == {
        tip.number: [] for tip in (one, two, three)
    }
    assert {number: alike for number, alike, _wave in list_rows(officer)} == {
        one.number: "1 alike",
        two.number: "1 alike",
        three.number: "",
    }
    links.link(one, [two.pk, three.pk], officer)
    rows = list_rows(officer)
    assert len(rows) == 1
    assert {rows[0][0], *rows[0][2]} == {one.number, two.number, three.number}
    page = officers.sign_in(officer).get("/admin/tips/tip/").content.decode()
    assert f"2 more on the event of tip {rows[0][0]}" in page
    assert page.count('name="tips"') == 3
    queue = load(officer, QueryDict())
    assert queue.next_after(rows[0][2][0]) is not None or queue.previous_before(rows[0][2][0]) is not None


def test_an_urgent_tip_that_nobody_opened_is_not_folded(officer: Account) -> None:
    one, two = officers.send_tip(), officers.send_tip(danger="yes")
    links.link(one, [two.pk], officer)
    three = officers.send_tip(danger="yes")
    links.link(one, [three.pk], officer)
    shown = {number for number, _alike, _wave in list_rows(officer)}
    assert {two.number, three.number} <= shown


def test_the_queue_asks_as_often_whatever_is_linked(officer: Account) -> None:
    tips = [officers.send_tip() for _ in range(4)]
    with CaptureQueriesContext(connection) as apart:
        load(officer, QueryDict())
    links.link(tips[0], [tip.pk for tip in tips[1:]], officer)
    with CaptureQueriesContext(connection) as linked:
        load(officer, QueryDict())
    assert len(linked) <= len(apart)

"""The queue: the line of each tip, the record that it was shown, order and time left."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import ProgrammingError, connection, transaction
from django.http import QueryDict
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips import vault
from tips.desk import queue, triage
from tips.desk.queue import summaries, summary_record, targets
from tips.desk.queue.rows import Row
from tips.models import Category, DeskState, Disposition, ResponseTarget, SavedView, State, SummaryList, Tip, Unit

pytestmark = pytest.mark.django_db
LIST = "/admin/tips/tip/"


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


def load_rows(account: Account, query: str = "") -> list[Row]:
    return [row for group in queue.load(account, QueryDict(query)).groups for row in group.rows]


def load_page(account: Account, **query: str) -> str:
    answer = officers.sign_in(account).get(LIST, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def row_of(account: Account, tip: Tip, query: str = "") -> Row:
    return next(row for row in load_rows(account, query) if row.pk == tip.pk)


# Lines


def test_a_row_has_the_newest_words_of_the_source_with_place_and_files(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="Two men\nload boxes", place="Harbor Street")
    row = row_of(okafor, tip)
    assert (row.line, row.place, row.files, row.is_unseen) == ("Two men load boxes", "Harbor Street", "", False)
    triage.answer(tip, okafor, "Which boxes?", b"1", ask=True)
    officers.write_as_source(tip, "Gray ones, tied with rope", b"2")
    row = row_of(okafor, tip)
    assert (row.line, row.is_unseen, row.chip) == ("Gray ones, tied with rope", True, "Source wrote")
    assert row_of(okafor, officers.send_tip()).place == "no place given"


HOSTILE = {
    "<script>alert(1)</script> & co": "<script>alert(1)</script> & co",
    "\u202eevil\u2066 text": "[U+202E]evil[U+2066] text",
    "z" + "\u0335" * 400 + "algo": "z" + "\u0335" * 3,
    "a\u200b\u2060\U000e0041b": "ab[U+E0041]",
    "\u200b\u200d": "Files, without words",
    "W" * 5000: "W" * 159 + "…",
    "one\r\n\ttwo\x00three": "one two[U+0000]three",
    "Пaypal раураl": "Пaypal раураl",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_short_and_legible(okafor: Account, text: str) -> None:
    line = row_of(okafor, officers.send_tip(text)).line
    assert len(line) <= summaries.MAX_LINE_LENGTH
    assert line.replace("[U+E0041]", "") == HOSTILE[text].replace("[U+E0041]", "") or line.startswith(HOSTILE[text])
    page = load_page(okafor)
    assert "<script>alert" not in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", page)


def test_a_megabyte_is_not_even_opened(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tip, plain = officers.send_tip("long one"), officers.send_tip("short one")
    monkeypatch.setattr(summaries, "_MAX_SEALED_BYTES", 1500)
    key = vault.generate_key()
    Tip.objects.filter(pk=tip.pk).update(report=vault.seal_text(key, "x" * 3000, vault.report_context(tip.pk)))
    assert row_of(okafor, tip).line == "This text is too long to show here. Open the tip to read it."
    assert row_of(okafor, plain).line == "short one"


def test_a_damaged_tip_says_so_in_its_row(okafor: Account, settings: Any, tmp_path: Any) -> None:
    tip, other = officers.send_tip("first"), officers.send_tip("second")
    Tip.objects.filter(pk=tip.pk).update(report=bytes(other.report))
    assert "This tip can&#x27;t be opened: what is stored was changed." in load_page(okafor)
    assert row_of(okafor, other).line == "second"


def test_no_line_of_a_sensitive_or_walled_tip_is_shown_anywhere(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR, first_name="Mei", last_name="Lee")
    category = Category.objects.create(slug="bias", name="Bias", is_sensitive=True)
    category.readers.add(lee)
    officers.send_tip("canary one", category=category, place="canary street")
    officers.send_tip("canary two: officer Okafor takes money")
    for account, query in ((lee, {"view": "sensitive"}), (lee, {"view": "walled"}), (lee, {}), (okafor, {})):
        page = load_page(account, **query)
        assert "canary" not in page
    assert "Bias" in load_page(lee, view="sensitive")
    assert not SummaryList.objects.exists()


def test_an_account_that_may_not_open_tips_sees_no_line(okafor: Account) -> None:
    officers.send_tip("canary")
    lister = officers.create_officer("lister", groups.COMMUNICATIONS)
    lister.user_permissions.set(Permission.objects.filter(codename="view_tip"))
    assert len(load_rows(lister)) == 1
    assert "canary" not in load_page(lister)


# The record


def read_record(account: Account) -> set[tuple[int, int]]:
    return set(summary_record.read_lines(SummaryList.objects.get(officer=account, audit_entry=None)))


def trail() -> list[tuple[str, str, str, str]]:
    return [line for line in officers.read_audit_trail() if line[1] == summary_record.SAW]


def test_lines_are_recorded_and_committed_before_any_tip_is_opened(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "More", b"1")
    monkeypatch.setattr(summaries, "open_summaries", lambda positions: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load_rows(okafor)
    assert read_record(okafor) == {(tip.number, 1)}


def test_the_record_grows_by_what_is_new_and_is_else_left_alone(okafor: Account) -> None:
    first = officers.send_tip()
    load_rows(okafor)
    before = SummaryList.objects.get()
    load_rows(okafor)
    load_rows(okafor, "view=urgent")
    assert bytes(SummaryList.objects.get().content) == bytes(before.content)
    second = officers.send_tip()
    load_rows(okafor)
    assert read_record(okafor) == {(first.number, 0), (second.number, 0)}
    assert SummaryList.objects.count() == 1
    assert trail() == []


def test_a_list_is_sealed_and_the_row_tells_no_finer_time_than_the_hour(okafor: Account) -> None:
    tip = officers.send_tip()
    load_rows(okafor)
    row = SummaryList.objects.get()
    assert str(tip.number).encode() not in bytes(row.content)
    assert row.began_at == row.began_at.replace(minute=0, second=0, microsecond=0)
    assert (len(bytes(row.content)) - 41) % vault.PADDING == 0


def test_a_shift_ends_in_one_line_of_the_audit_trail_whoever_looks_first(okafor: Account) -> None:
    tips = [officers.send_tip() for _ in range(3)]
    with freeze_clock(timezone.now() - dt.timedelta(hours=9)):
        load_rows(okafor)
        assert summary_record.end_past_shifts() == 0
    ended = summary_record.end_past_shifts()
    assert ended == 1
    assert summary_record.end_past_shifts() == 0
    ((who, _saw, subject, detail),) = trail()
    assert (who, subject) == ("okafor", "tips")
    assert detail.startswith("3 lines of 3 tips, list ")
    assert not any(str(tip.number) in detail for tip in tips)
    assert SummaryList.objects.get().audit_entry


def test_an_officer_who_comes_back_after_the_shift_begins_another_list(okafor: Account) -> None:
    officers.send_tip()
    with freeze_clock(timezone.now() - dt.timedelta(hours=9)):
        load_rows(okafor)
    before = SummaryList.objects.get()
    load_rows(okafor)
    ((_who, _saw, _subject, detail),) = trail()
    assert detail.startswith("1 lines of 1 tips, list ")
    assert SummaryList.objects.filter(audit_entry=None).count() == 1
    assert SummaryList.objects.get(audit_entry=None).pk != before.pk


def test_a_list_that_was_moved_or_changed_is_recorded_as_such(okafor: Account) -> None:
    officers.send_tip()
    load_rows(okafor)
    SummaryList.objects.update(began_at=timezone.now() - dt.timedelta(hours=9))
    assert summary_record.end_past_shifts() == 1
    assert trail()[0][3].startswith("a list that can't be opened, list ")


def test_the_staff_role_writes_lists_and_deletes_none(okafor: Account) -> None:
    officers.send_tip()
    urgent = officers.send_tip(danger="yes")
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE portal_staff")
        assert [row.pk for row in load_rows(okafor, "view=urgent")] == [urgent.pk]
        load_rows(okafor)
        with pytest.raises(ProgrammingError), transaction.atomic():
            SummaryList.objects.all().delete()
        cursor.execute("RESET ROLE")
    assert len(read_record(okafor)) == 2


# Time left and order


def test_the_clock_of_a_new_tip_begins_at_its_exact_arrival(okafor: Account) -> None:
    now = timezone.now().replace(minute=50, second=0)
    with freeze_clock(now):
        urgent, normal = officers.send_tip(danger="yes"), officers.send_tip()
    with freeze_clock(now + dt.timedelta(minutes=11)):
        assert [row.number for row in load_rows(okafor)] == [urgent.number, normal.number]
        due = row_of(okafor, urgent).due
        assert due is not None
        assert (due.words, due.target, due.pie) == ("4 min left", "of 15 min", "soon")
        assert row_of(okafor, normal).due.words == "49 min left"  # type: ignore[union-attr]
    with freeze_clock(now + dt.timedelta(minutes=21, seconds=30)):
        due = row_of(okafor, urgent).due
        assert due is not None
        assert (due.words, due.target, due.is_late, due.used_percent) == ("6 min over", "target 15 min", True, 100)


def test_an_answered_tip_has_a_day_for_the_next_step_and_a_waiting_one_five(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    assert row_of(okafor, tip).due.target.endswith("4 h")  # type: ignore[union-attr]
    triage.answer(tip, okafor, "Thanks", b"1", ask=False)
    assert row_of(okafor, tip).due.target == "of 1 day"  # type: ignore[union-attr]
    triage.answer(tip, okafor, "Where?", b"2", ask=True)
    row = row_of(okafor, tip)
    assert (row.state, row.due.target) == ("Waiting for the source", "of 5 days")  # type: ignore[union-attr]
    officers.write_as_source(tip, "There", b"3")
    assert row_of(okafor, tip).due.target == "of 4 h"  # type: ignore[union-attr]


def test_a_closed_tip_whose_source_writes_comes_back_on_top_of_its_officers_queue(okafor: Account) -> None:
    lee = officers.create_officer("lee")
    others = officers.send_opened_tip(okafor)
    triage.assign(others, okafor, lee)
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor)
    triage.close(tip, okafor, Disposition.USEFUL)
    assert [row.number for row in load_rows(okafor)] == [others.number]
    officers.write_as_source(tip, "One more thing", b"1")
    loaded = queue.load(okafor, QueryDict())
    assert [row.number for group in loaded.groups for row in group.rows] == [tip.number, others.number]
    assert loaded.groups[0].rows[0].chip == "Wrote after close"
    assert [group.title for group in loaded.groups] == ["Needs you: 1", "Others have it, or it waits: 1"]


def test_a_closed_tip_with_news_needs_its_categorys_officers_while_its_own_is_off_duty(okafor: Account) -> None:
    lee = officers.create_officer("lee")
    tip = officers.send_opened_tip(lee)
    triage.assign(tip, lee, lee)
    triage.close(tip, lee, Disposition.USEFUL)
    officers.write_as_source(tip, "One more thing", b"1")

    def needs_okafor() -> list[int]:
        loaded = queue.load(okafor, QueryDict("view=needs-me"))
        return [row.number for group in loaded.groups for row in group.rows]

    assert needs_okafor() == [tip.number]
    officers.set_duty(lee)
    assert needs_okafor() == []
    officers.set_duty(lee, duty=False)
    assert needs_okafor() == [tip.number]
    officers.set_duty(okafor, Category.objects.exclude(pk=tip.category_id)[0])
    assert needs_okafor() == []


def test_supervisors_change_the_targets_which_is_recorded_and_counts_at_once(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    tip = officers.send_tip()
    address = "/admin/tips/responsetarget/opening/change/"
    assert officers.sign_in(okafor).get(address).status_code == 403
    client = officers.sign_in(lee)
    assert "1 h" in client.get("/admin/tips/responsetarget/").content.decode()
    assert "Open any other tip" in client.get(address).content.decode()
    assert client.post(address, {"minutes": "0"}).status_code == 200
    assert client.post(address, {"minutes": "90"}).status_code == 302
    due = row_of(okafor, tip).due
    assert due is not None
    assert due.target == "of 90 min"
    assert officers.read_audit_trail()[-1] == (
        "lee",
        "changed response target",
        "response target Open any other tip",
        "minutes: 60 -> 90",
    )
    ResponseTarget.objects.all().delete()
    assert row_of(okafor, tip).due.target == "of 1 h"  # type: ignore[union-attr]


def test_a_snoozed_tip_sleeps_below_until_its_time_or_a_message(okafor: Account) -> None:
    tip, other = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    for each in (tip, other):
        triage.assign(each, okafor, okafor)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    DeskState.objects.create(tip=tip, snoozed_after=0, snoozed_until=tomorrow)
    assert [row.number for row in load_rows(okafor)] == [other.number, tip.number]
    assert [row.number for row in load_rows(okafor, "view=snoozed")] == [tip.number]
    row = row_of(okafor, tip)
    assert (row.due, row.chip, row.needs_you) == (None, "", False)
    assert row.state.startswith("Snoozed to ")
    DeskState.objects.update(snoozed_until=timezone.now())
    assert (row_of(okafor, tip).chip, row_of(okafor, tip).needs_you) == ("Snooze over", True)
    DeskState.objects.update(snoozed_until=tomorrow)
    officers.write_as_source(tip, "More", b"1")
    assert (row_of(okafor, tip).chip, row_of(okafor, tip).needs_you) == ("Source wrote", True)
    assert load_rows(okafor, "view=snoozed") == []


def test_spam_leaves_every_view_but_its_own(okafor: Account) -> None:
    tip = officers.send_tip(danger="yes")
    DeskState.objects.create(tip=tip, spam_since=timezone.localdate())
    for query in ("", "view=needs-me", "view=urgent", "view=nobody", "view=closed"):
        assert load_rows(okafor, query) == []
    assert [view.count for view in queue.load(okafor, QueryDict()).views if view.count] == []
    (row,) = load_rows(okafor, "view=spam")
    assert row.state.startswith("Spam since ")


def test_closed_tips_are_not_counted_and_the_last_closed_is_first(okafor: Account) -> None:
    tips = [officers.send_opened_tip(okafor) for _ in range(3)]
    for days, tip in enumerate(tips):
        triage.close(tip, okafor, Disposition.USEFUL)
        Tip.objects.filter(pk=tip.pk).update(closed_at=timezone.now() - dt.timedelta(days=days))
    loaded = queue.load(okafor, QueryDict("view=closed"))
    assert [row.number for row in loaded.groups[0].rows] == [tip.number for tip in tips]
    assert loaded.count is None


def test_spans_are_in_words() -> None:
    spans = {0.5: "1 min", 59: "59 min", 60: "1 h", 1439: "23 h", 1440: "1 day", 4400: "3 days"}
    for minutes, words in spans.items():
        assert targets.describe_span(dt.timedelta(minutes=minutes)) == words


# The page


def test_fifty_more_rows_are_shown_on_demand_and_next_goes_through_the_view(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue.loading, "PAGE_SIZE", 2)
    tips = [officers.send_tip() for _ in range(5)]
    page = load_page(okafor)
    assert "2 of 5 shown." in page
    assert "Show 2 more" in page
    assert '?shown=4"' in page
    loaded = queue.load(okafor, QueryDict("shown=4"))
    shown = [row.pk for group in loaded.groups for row in group.rows]
    assert len(shown) == 4
    assert loaded.next_after(shown[0]) == shown[1]
    assert loaded.next_after(shown[3]) is None
    assert loaded.previous_before(shown[1]) == shown[0]
    assert loaded.previous_before(shown[0]) is None
    (left,) = {tip.pk for tip in tips} - set(shown)
    assert loaded.next_after(left) == shown[0]


def test_counts_of_views_are_what_the_views_show(okafor: Account) -> None:
    officers.send_tip(danger="yes")
    mine = officers.send_opened_tip(okafor)
    triage.assign(mine, okafor, okafor)
    triage.wait(mine, okafor)
    loaded = queue.load(okafor, QueryDict())
    for view in loaded.views:
        if view.count is not None:
            assert view.count == len(load_rows(okafor, view.address.partition("?")[2])), view.title
    assert Tip.objects.get(pk=mine.pk).state == State.WAITING
    assert json.dumps([view.title for view in loaded.views])


# Saved views


def save_view(account: Account, query: str, **data: str) -> Any:
    return officers.sign_in(account).post(f"{LIST}views/save/?{query}", {"shared_with": "nobody", **data})


def test_a_view_with_filters_is_saved_counted_renamed_and_deleted(okafor: Account) -> None:
    mine = officers.send_opened_tip(okafor)
    triage.assign(mine, okafor, okafor)
    officers.send_tip()
    assert "Save this view" not in load_page(okafor)
    assert "Save this view" in load_page(okafor, who="me")
    answer = save_view(okafor, "who=me&nonsense=1", name="My own\u202e tips")
    assert answer["Location"] == f"{LIST}?who=me"
    (link,) = queue.load(okafor, QueryDict("who=me")).saved_views
    assert (link.title, link.count, link.is_current, link.is_own) == ("My own tips", 1, True, True)
    loaded = queue.load(okafor, QueryDict("who=me"))
    assert loaded.title == "My own tips"
    assert [view.title for view in loaded.views if view.is_current] == []
    assert not loaded.can_be_saved
    client = officers.sign_in(okafor)
    address = f"{LIST}views/{link.pk}/"
    assert 'value="My own tips"' in client.get(address).content.decode()
    assert client.post(address, {"name": "", "shared_with": "nobody"}).status_code == 422
    client.post(address, {"name": "Mine", "shared_with": "nobody"})
    assert SavedView.objects.get().name == "Mine"
    client.post(address, {"delete": "yes"})
    assert not SavedView.objects.exists()
    assert "This view is gone." in client.get(address, follow=True).content.decode()


def test_a_shared_view_shows_each_officer_their_own_tips_and_only_its_owner_changes_it(okafor: Account) -> None:
    drugs = Category.objects.get(slug="drugs")
    unit, other = Unit.objects.create(name="Narcotics"), Unit.objects.create(name="Harbor")
    ito, lee = officers.create_officer("ito"), officers.create_officer("lee")
    unit.members.set([okafor, ito])
    other.members.set([lee])
    Category.objects.filter(pk=drugs.pk).update(unit=unit)
    officers.send_tip(category=Category.objects.get(pk=drugs.pk))
    assert save_view(okafor, "who=nobody", name="Theirs", shared_with=f"unit-{other.pk}").status_code == 422
    save_view(okafor, "who=nobody", name="Open ones", shared_with=f"unit-{unit.pk}")
    (link,) = queue.load(ito, QueryDict()).saved_views
    assert (link.title, link.count, link.is_own) == ("Open ones", 1, False)
    assert queue.load(lee, QueryDict()).saved_views == []
    officers.sign_in(ito).post(f"{LIST}views/{link.pk}/", {"delete": "yes"})
    SavedView.objects.update(shared_with="everyone", unit=None)
    (link,) = queue.load(lee, QueryDict()).saved_views
    assert link.count == 0
    Account.objects.filter(pk=okafor.pk).update(is_active=False)
    assert queue.load(lee, QueryDict()).saved_views == []


def test_a_shared_view_of_sensitive_tips_is_hidden_from_officers_without_them(okafor: Account) -> None:
    category = Category.objects.create(slug="bias", name="Bias", is_sensitive=True)
    category.readers.add(okafor)
    save_view(okafor, "view=sensitive&who=nobody", name="Bias, open", shared_with="everyone")
    assert len(queue.load(okafor, QueryDict()).saved_views) == 1
    assert queue.load(officers.create_officer("lee"), QueryDict()).saved_views == []


def test_an_officer_has_at_most_twenty_views(okafor: Account) -> None:
    SavedView.objects.bulk_create(SavedView(officer=okafor, name=str(number)) for number in range(20))
    assert "You have 20 views." in save_view(okafor, "who=me", name="One more").content.decode()

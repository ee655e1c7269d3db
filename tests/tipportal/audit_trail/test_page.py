"""The audit trail's page: who reads which lines, and how."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core import audit
from core.audit import proof
from core.models import Account, AuditEntry
from core.staff import groups
from tests.core.audit import tampering
from tests.tips.desk import officers
from tipportal.audit_trail import csv_export, visible_lines
from tips.desk import search_record, triage
from tips.models import Category, Tip, Unit

TRAIL = "/admin/core/auditentry/"


@pytest.fixture
def supervisor(db: None) -> Account:
    return officers.create_officer("sato", groups.SUPERVISOR)


@pytest.fixture
def administrator(db: None) -> Account:
    return officers.create_officer("ito", groups.ADMINISTRATOR)


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor", first_name="Ada", last_name="Okafor")


def load(account: Account, query: str = "") -> str:
    response = officers.sign_in(account).get(TRAIL + query)
    assert response.status_code == 200
    return str(response.content.decode())


def shown(account: Account, query: str = "") -> list[tuple[str, str, str]]:
    """Return who, did and what of the lines that the page shows, the newest first."""
    rows = re.findall(r"<tr>\n<td>.*?</tr>", load(account, query), re.DOTALL)
    cells = [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)] for row in rows]
    return [(cell[1], cell[2], cell[3]) for cell in cells]


def move_to(entry: AuditEntry, at: dt.datetime) -> None:
    with tampering.without_trigger():
        AuditEntry.objects.filter(pk=entry.pk).update(at=at)


# Who reads what


def test_supervisors_read_of_tips_and_accounts_and_administrators_of_accounts_and_settings(
    supervisor: Account, administrator: Account
) -> None:
    tip = officers.send_tip()
    audit.record("okafor", "viewed", f"file 3 of tip {tip.number}")
    audit.record("ito", "changed the roles of", "account okafor")
    audit.record("okafor", "signed in")
    audit.record("ito", "changed columns", "source cad")
    audit.record("okafor", search_record.SEARCHED, search_record.SUBJECT, search_record.NOTHING_FOUND)
    accounts = [("okafor", "signed in", ""), ("ito", "changed the roles of", "account okafor")]
    assert shown(supervisor) == [
        ("okafor", "searched tips", "tips"),
        *accounts,
        ("okafor", "viewed", f"file 3 of tip {tip.number}"),
    ]
    assert shown(administrator) == [("ito", "changed columns", "source cad"), *accounts]


@pytest.mark.parametrize("group", [groups.OFFICER, groups.COMMUNICATIONS])
def test_others_read_nothing(db: None, group: str) -> None:
    client = officers.sign_in(officers.create_officer("okafor", group))
    assert client.get(TRAIL).status_code == 403
    assert client.post(TRAIL + "export/").status_code == 403
    assert client.post(TRAIL + "check/", {"begin": "1"}).status_code == 403
    assert proof.read() is None


def test_a_superuser_without_a_role_reads_nothing_about_tips(db: None) -> None:
    root = Account.objects.create_user("root", is_staff=True, is_superuser=True)
    audit.record("okafor", "opened", f"tip {officers.send_tip().number}")
    assert shown(root) == []


def send_sensitive_tip(reader: Account) -> Tip:
    category = Category.objects.filter(is_sensitive=True).first() or Category.objects.all()[0]
    Category.objects.filter(pk=category.pk).update(is_sensitive=True)
    category.readers.set([reader])
    return officers.send_tip(category=category)


def test_lines_about_a_sensitive_tip_are_for_the_people_named_for_it(supervisor: Account) -> None:
    named = officers.create_officer("brandt", groups.SUPERVISOR)
    tip = send_sensitive_tip(named)
    triage.open_tip(tip.pk, named)
    assert shown(named) == [("brandt", "opened", f"tip {tip.number}")]
    assert shown(supervisor) == shown(supervisor, f"?tip={tip.number}") == shown(supervisor, "?who=brandt") == []
    tip.delete()
    assert shown(supervisor, f"?tip={tip.number}") == []


def test_lines_about_another_units_tip_are_for_its_supervisors(supervisor: Account) -> None:
    other = officers.create_officer("brandt", groups.SUPERVISOR)
    harbor = Unit.objects.create(name="Harbor")
    harbor.members.set([other])
    category = Category.objects.filter(is_sensitive=False)[0]
    Category.objects.filter(pk=category.pk).update(unit=harbor)
    tip = officers.send_tip(category=category)
    audit.record("brandt", "opened", f"tip {tip.number}")
    lines = [("brandt", "opened", f"tip {tip.number}")]
    assert (shown(other), shown(supervisor)) == (lines, [])
    tip.delete()
    assert (shown(other), shown(supervisor)) == (lines, [])


def test_lines_about_an_erased_tip_stay_readable(supervisor: Account) -> None:
    tip = officers.send_tip(category=Category.objects.filter(is_sensitive=False)[0])
    audit.record("okafor", "opened", f"tip {tip.number}")
    tip.delete()
    assert shown(supervisor) == [("okafor", "opened", f"tip {tip.number}")]


def test_a_tip_that_only_named_people_saw_at_some_time_stays_theirs_once_it_is_erased(supervisor: Account) -> None:
    tip = send_sensitive_tip(officers.create_officer("brandt", groups.SUPERVISOR))
    audit.record("brandt", "opened", f"tip {tip.number}")
    Category.objects.update(is_sensitive=False)
    audit.record("brandt", "answered", f"tip {tip.number}")
    assert len(shown(supervisor)) == 2
    tip.delete()
    assert shown(supervisor) == []


def test_neither_page_nor_addresses_tell_how_many_lines_are_hidden(supervisor: Account, administrator: Account) -> None:
    for _number in range(40):
        audit.record("ito", "changed columns", "source cad")
    for _number in range(visible_lines.PAGE_LINES + 1):
        audit.record("okafor", "signed in")
    page = load(supervisor)
    assert not re.search(
        r"\b(91|92|93|52)\b", re.sub(r"<time[^>]*>[^<]*</time>|before=[^\"]*|/static/\S+|value=\"[^\"]*\"", "", page)
    )
    client = officers.sign_in(administrator)
    for address in ("41/change/", "41/delete/", "41/history/", "add/"):
        assert client.get(TRAIL + address).status_code == client.post(TRAIL + address).status_code == 404


# Filters and pages


def test_lines_are_found_by_person_act_tip_and_day(supervisor: Account, okafor: Account) -> None:
    tip = officers.send_tip(category=Category.objects.filter(is_sensitive=False)[0])
    old = audit.record(okafor, "opened", f"tip {tip.number}")
    audit.record("brandt", "signed in")
    audit.record(okafor, "viewed", f"file 1 of tip {tip.number}")
    move_to(old, timezone.now() - dt.timedelta(days=40))
    opened, viewed = ("okafor", "opened", f"tip {tip.number}"), ("okafor", "viewed", f"file 1 of tip {tip.number}")
    today = f"{timezone.localdate():%Y-%m-%d}"
    assert shown(supervisor, "?who=ada") == shown(supervisor, "?who=OKAFOR") == [viewed, opened]
    assert shown(supervisor, "?what=open") == [opened]
    assert shown(supervisor, f"?tip=%23{tip.number}") == [viewed, opened]
    assert shown(supervisor, f"?tip={tip.number}&since={today}&until={today}") == [viewed]
    assert shown(supervisor, f"?who=okafor&until={timezone.localdate() - dt.timedelta(days=39):%Y-%m-%d}") == [opened]
    assert shown(supervisor, "?who=nobody") == []
    assert "No entries match" in load(supervisor, "?who=nobody")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?tip=x", "This isn&#x27;t a tip number."),
        ("?since=yesterday", "Enter a valid date."),
        ("?since=2026-05-02&until=2026-05-01", "This day is before the first one."),
    ],
)
def test_a_mistake_in_the_filter_is_named_at_its_field(supervisor: Account, query: str, sentence: str) -> None:
    response = officers.sign_in(supervisor).get(TRAIL + query)
    assert response.status_code == 422
    assert sentence in response.content.decode()


@pytest.mark.parametrize(
    "query", ["?before=x", "?after=2026-13-01T00:00", "?since=0001-01-01&until=9999-12-31", "?tip=9" + "9" * 17]
)
def test_odd_queries_are_answered(supervisor: Account, query: str) -> None:
    load(supervisor, query)


def test_pages_lead_through_the_whole_trail_and_back(supervisor: Account) -> None:
    count = 2 * visible_lines.PAGE_LINES + 3
    for number in range(count):
        audit.record(f"officer{number}", "signed in")
    seen: list[list[str]] = []
    query = "?what=signed"
    while query:
        page = load(supervisor, query)
        seen.append(re.findall(r'<td><a href="\?who=(officer\d+)"', page))
        match = re.search(r'rel="next" href="([^"]+)"', page)
        query = match[1].replace("&amp;", "&") if match else ""
    assert [name for names in seen for name in names] == [f"officer{number}" for number in reversed(range(count))]
    newer = re.search(r'rel="prev" href="([^"]+)"', page)
    assert newer
    assert re.findall(r'<td><a href="\?who=(officer\d+)"', load(supervisor, newer[1].replace("&amp;", "&"))) == seen[1]


# Export


def export(account: Account, **filters: str) -> list[list[str]]:
    response = officers.sign_in(account).post(TRAIL + "export/", filters)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))[1:]


def test_an_export_has_the_lines_that_its_reader_may_read_and_is_recorded_first(
    supervisor: Account, administrator: Account
) -> None:
    entry = audit.record("okafor", "signed in")
    audit.record("ito", "changed columns", "source cad")
    rows = export(supervisor, who="okafor")
    assert [row[1:5] for row in rows] == [["okafor", "signed in", "", ""]]
    assert rows[0][5] == bytes(entry.seal)[:8].hex()
    assert dt.datetime.fromisoformat(rows[0][0]) == entry.at
    assert officers.read_audit_trail()[-1] == ("sato", "exported", "audit trail", "who: okafor")
    assert [row[3] for row in export(administrator)] == ["audit trail", "audit trail", "source cad", ""]


def test_an_export_by_a_mistaken_filter_exports_nothing(supervisor: Account) -> None:
    response = officers.sign_in(supervisor).post(
        TRAIL + "export/", {"since": "2026-05-02", "until": "2026-05-01"}, follow=True
    )
    assert "nothing was exported" in response.content.decode()
    assert officers.read_audit_trail() == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1"])
def test_no_cell_of_an_export_is_a_formula(supervisor: Account, text: str) -> None:
    audit.record(text, "signed in", "", text)
    ((_time, who, _did, _what, detail, _reference),) = [row for row in export(supervisor) if row[2] == "signed in"]
    assert (who, detail) == (f"'{text}", f"'{text}")
    assert csv_export.defuse("tip 12") == "tip 12"


def test_export_and_check_are_posts(supervisor: Account) -> None:
    client = officers.sign_in(supervisor)
    assert {client.get(f"{TRAIL}{name}/").status_code for name in ("export", "check")} == {405}
    assert client.post(TRAIL).status_code == 405


# The proof


def test_the_page_checks_the_whole_trail_in_turns(supervisor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "CHUNK_LINES", 2)
    monkeypatch.setattr("tipportal.audit_trail.page._TURN_SECONDS", 0)
    for _number in range(3):
        audit.record("okafor", "signed in")
    assert "has never been checked" in load(supervisor)
    client = officers.sign_in(supervisor)
    assert client.post(TRAIL + "check/", {"begin": "1"})["Location"] == TRAIL + "#proof"
    page = load(supervisor)
    assert "66% is checked." in page
    assert "admin-audit" in page
    client.post(TRAIL + "check/", {"continue": "1"})
    assert "No entry was changed, removed or moved" in load(supervisor)


def test_a_broken_trail_is_a_red_notice_on_the_desk(
    supervisor: Account, administrator: Account, okafor: Account
) -> None:
    for _number in range(3):
        audit.record("okafor", "signed in")
    tampering.change_entry(2)
    assert "The audit trail was changed" in load(supervisor)
    sentence = "An entry of the audit trail was changed, removed or moved"
    desks = {
        account: officers.sign_in(account).get("/admin/").content.decode()
        for account in (supervisor, administrator, okafor)
    }
    assert [sentence in page for page in desks.values()] == [True, True, False]
    assert 'role="alert"' in desks[supervisor]


def test_a_check_that_is_due_is_a_notice(supervisor: Account) -> None:
    entry = audit.record("okafor", "signed in")
    assert "Look at the audit trail" not in officers.sign_in(supervisor).get("/admin/").content.decode()
    move_to(entry, timezone.now() - proof.OVERDUE - dt.timedelta(hours=1))
    assert "hasn&#x27;t been checked for days" in officers.sign_in(supervisor).get("/admin/").content.decode()


def test_the_page_says_who_gets_the_head_of_the_trail(supervisor: Account, settings: Any) -> None:
    assert "Ask the person who runs the portal to set AUDIT_HEAD_EMAIL." in load(supervisor)
    settings.AUDIT_HEAD_EMAIL = "auditor@city.example"
    assert "auditor@city.example gets an email" in load(supervisor)


# Searches


def test_a_search_of_the_tips_is_recorded_without_its_words(okafor: Account) -> None:
    tip = officers.send_tip(category=Category.objects.filter(is_sensitive=False)[0])
    client = officers.sign_in(okafor)
    client.post("/admin/tips/tip/search/", {"words": str(tip.number)})
    client.post("/admin/tips/tip/search/", {"words": "1"})
    trail = [(*line[:3], search_record.hide_words(line[3])) for line in officers.read_audit_trail()]
    assert trail == [
        ("okafor", "searched tips", "tips", "1 found"),
        ("okafor", "searched tips", "tips", "nothing found"),
    ]


def search(name: str, times: int) -> None:
    account = Account.objects.filter(username=name).first() or officers.create_officer(name)
    for _number in range(times):
        search_record.record_search(account, 0)


def test_supervisors_see_who_searches_unusually_often(supervisor: Account, administrator: Account) -> None:
    search("okafor", 31)
    search("brandt", 11)
    page = load(supervisor)
    rows = re.findall(r'what=searched">(\w+)</a></th><td>(\d+)(.*?)</td><td>(\d+)', page)
    assert [(name, count, nothing, "Unusually many" in mark) for name, count, mark, nothing in rows] == [
        ("okafor", "31", "31", False),
        ("brandt", "11", "11", False),
    ]
    search("okafor", 3)
    assert "Unusually many" in load(supervisor)
    sentence = "okafor has searched the tips unusually often: 34 times in the last 7 days."
    assert sentence in officers.sign_in(supervisor).get("/admin/").content.decode()
    assert sentence not in officers.sign_in(administrator).get("/admin/").content.decode()
    assert "Searches of the tips" not in load(administrator)


def test_a_client_without_a_session_gets_the_sign_in_page(db: None) -> None:
    assert "/admin/login/" in Client().get(TRAIL)["Location"]

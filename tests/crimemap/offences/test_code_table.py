"""Many codes classified at once: by search, by suggestion, in a spreadsheet; as one change set, with nothing opened in silence."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client

from core import queue
from core.models import AuditEntry
from crimemap.models import Category, OffenceCode
from crimemap.offences import code_table, suggestions
from crimemap.offences.code_table import Filter, Scope
from crimemap.offences.suggestions import Basis
from tests.crimemap.importing.administrators import audit_entries, create_account, sign_in, uploaded_file

pytestmark = pytest.mark.django_db
CLASSIFY, SHEET = "/admin/crimemap/offencecode/classify/", "/admin/crimemap/offencecode/codes.csv"
LABELS = ("Robbery", "Arson", "Rape", "AGG ASLT - FV", "Theft of bicycle", "Theft from mail", "Noise", "=HYPERLINK(1)")


@pytest.fixture
def ada(db: None) -> Client:
    return sign_in(create_account())


@pytest.fixture(autouse=True)
def _codes(db: None) -> None:
    OffenceCode.objects.filter(scheme="city").delete()
    OffenceCode.objects.bulk_create(OffenceCode(scheme="city", code=label, label="") for label in LABELS)


def classified() -> dict[str, str]:
    codes = OffenceCode.objects.filter(scheme="city").exclude(category=None).select_related("category")
    return {code.code: f"{code.category.slug} {code.visibility}" for code in codes if code.category}


def post(who: Client, query: str = "scheme=city", **data: Any) -> Any:
    return who.post(f"{CLASSIFY}?{query}", data)


def test_a_search_is_set_as_one_change_with_one_publication_and_a_line_for_each_code(
    ada: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(queue, "send", sent.append)
    shown = ada.get(f"{CLASSIFY}?scheme=city&words=THEFT").content.decode()
    assert "Select all 2 codes of this search" in shown
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(ada, "scheme=city&words=THEFT", act="set", every="1", category="theft", visibility="block")
    assert answer.url == f"{CLASSIFY}?scheme=city&words=THEFT"
    assert classified() == {"Theft of bicycle": "theft block", "Theft from mail": "theft block"}
    assert sent.count("crimemap.bulk.publish") == len(sent) > 0
    assert len(set(sent)) == 1
    lines = AuditEntry.objects.filter(action="classified a code").values_list("subject", "detail")
    assert set(lines) == {
        ("code city Theft of bicycle", "held -> theft/block"),
        ("code city Theft from mail", "held -> theft/block"),
    }
    assert "No code has these words" in ada.get(f"{CLASSIFY}?scheme=city&words=theft").content.decode()


def test_suggestions_are_taken_by_one_press_and_never_open(ada: Client) -> None:
    table = code_table.load_table(Scope(scheme="city"), Filter(), "nibrs")
    assert (table.totals.codes, table.totals.unclassified, table.totals.by_list, table.totals.by_words) == (8, 8, 3, 1)
    post(ada, "scheme=city&list=nibrs", act="list")
    assert classified() == {"Robbery": "robbery block", "Arson": "arson block", "Rape": "sexual hidden"}
    post(ada, act="words")
    assert classified()["AGG ASLT - FV"] == "family hidden"
    # Another list suggests other codes; a code that is set stays as it is.
    table = code_table.load_table(Scope(scheme="city"), Filter(), "chicago")
    assert {each.code_id for each in code_table.take_suggestions(table, Basis.LIST)}.isdisjoint(
        OffenceCode.objects.filter(scheme="city").exclude(category=None).values_list("pk", flat=True)
    )


@pytest.mark.parametrize("list_name", ["nibrs", "chicago", "los_angeles", "new_york", "philadelphia", "police_uk"])
def test_no_list_suggests_sensitive_words_in_the_open(list_name: str) -> None:
    for label in (
        "200 Rape",
        "CRIM SEX ASLT",
        "Kidnapping of a minor",
        "Homicidio",
        "Violencia intrafamiliar",
        "Child abuse",
    ):
        assert suggestions.suggest(OffenceCode(code=label), list_name=list_name).visibility in ("hidden", ""), label


def test_the_list_that_has_most_of_the_codes_suggests() -> None:
    OffenceCode.objects.bulk_create(
        OffenceCode(scheme="lake", code=label)
        for label in ("THEFT: OVER $500", "BATTERY: SIMPLE", "CRIMINAL DAMAGE: TO VEHICLE", "Arson")
    )
    table = code_table.load_table(Scope(scheme="lake"))
    assert table.list_name == "chicago"
    assert table.totals.by_list >= 3
    assert code_table.load_table(Scope(scheme="empty")).list_name == suggestions.USUAL_LIST


def test_what_is_missing_is_told_and_nothing_is_saved(ada: Client) -> None:
    code = OffenceCode.objects.get(scheme="city", code="Noise")
    for data, sentence in (
        ({"act": "set", "category": "theft", "visibility": "block"}, "Select at least one code first."),
        ({"act": "set", "code": code.pk, "category": "theft"}, "Choose a category and a visibility"),
        ({"act": "set", "code": "x", "category": "theft", "visibility": "block"}, "Select at least one code first."),
        ({"act": "sheet"}, "Choose the file with your codes first."),
    ):
        answer = post(ada, **data)
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    # What was chosen stays chosen.
    kept = post(ada, act="set", code=code.pk, category="theft").content.decode()
    assert f'value="{code.pk}" id="code-{code.pk}" checked' in kept
    assert classified() == {}


def test_one_looser_code_among_many_asks_for_a_reason_and_saves_none(ada: Client) -> None:
    theft = Category.objects.get(slug="theft")
    OffenceCode.objects.filter(scheme="city", code="Noise").update(category=theft, visibility="area")
    query = "scheme=city&show=all"
    data = {"act": "set", "every": "1", "category": "theft", "visibility": "block"}
    answer = post(ada, query, **data)
    assert "Say why." in answer.content.decode()
    assert "It is about: Noise." in answer.content.decode()
    assert classified() == {"Noise": "theft area"}
    assert post(ada, query, **data, why="the chief decided").status_code == 302
    assert len(classified()) == 8
    assert (
        "ada",
        "classified a code",
        "code city Noise",
        "theft/area -> theft/block: the chief decided",
    ) in audit_entries()
    assert post(ada, query, act="hold", every="1").status_code == 302
    assert classified() == {}


class TestSheet:
    def download(self, who: Client, query: str = "scheme=city") -> list[dict[str, str]]:
        answer = who.get(f"{SHEET}?{query}")
        assert answer["Content-Disposition"] == 'attachment; filename="codes.csv"'
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    def upload(self, who: Client, rows: list[dict[str, str]]) -> Any:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return post(who, act="sheet", sheet=uploaded_file(text.getvalue().encode(), "codes.csv"))

    def test_a_sheet_comes_back_filled_in(self, ada: Client) -> None:
        rows = self.download(ada)
        assert {row["code"] for row in rows} >= {"Noise", "'=HYPERLINK(1)"}  # no formula for a spreadsheet
        assert next(row for row in rows if row["code"] == "Robbery")["suggested category"] == "robbery"
        for row in rows:
            row |= {"category": "Theft" if "Theft" in row["code"] else "", "visibility": "block"}
            if row["code"].startswith("'="):
                row |= {"category": "disorder", "visibility": "AREA"}
        assert self.upload(ada, rows).status_code == 302
        assert classified() == {
            "Theft of bicycle": "theft block", "Theft from mail": "theft block", "=HYPERLINK(1)": "disorder area",
        }  # fmt: skip

    def test_each_wrong_line_is_told_and_nothing_is_saved(self, ada: Client) -> None:
        rows = [
            {"code": "Noise", "category": "disorder", "visibility": "block"},
            {"code": "Nois", "category": "disorder", "visibility": "block"},
            {"code": "Arson", "category": "fire", "visibility": "block"},
            {"code": "Arson", "category": "arson", "visibility": "street"},
            {"code": "Noise", "category": "theft", "visibility": "block"},
        ]
        answer = self.upload(ada, rows)
        shown = answer.content.decode()
        assert answer.status_code == 422
        for line, sentence in (
            (2, "There is no code “Nois”"),
            (3, "There is no category “fire”"),
            (4, "The visibility must be"),
            (5, "twice"),
        ):
            assert f"Line {line} below the header: " in shown
            assert sentence in shown
        assert classified() == {}

    def test_another_file_is_refused_in_a_sentence(self, ada: Client) -> None:
        for content in (b"a,b,c\n1,2,3\n", b"", b"PK\x03\x04"):
            answer = post(ada, act="sheet", sheet=uploaded_file(content, "codes.csv"))
            assert answer.status_code == 422, content


def test_the_words_that_many_codes_have_are_searches(ada: Client) -> None:
    table = code_table.load_table(Scope(scheme="city"))
    assert ("theft", 2) in table.frequent_words
    assert "?scheme=city&amp;words=theft" in ada.get(f"{CLASSIFY}?scheme=city").content.decode()


def test_the_last_change_is_taken_back_as_a_whole(ada: Client) -> None:
    def shown(query: str = "scheme=city&show=all") -> str:
        return str(ada.get(f"{CLASSIFY}?{query}").content.decode())

    def undo(**data: Any) -> Any:
        number = re.search(r'name="change" value="(\d+)"', shown())
        return post(ada, act="undo", **{"change": number[1] if number else "", **data})

    assert "Undo the last change" not in shown()
    post(ada, act="list")
    before = classified()
    post(ada, "scheme=city&words=theft", act="set", every="1", category="theft", visibility="block")
    assert "set 2 codes, by" in shown()
    assert "Undo the last change" not in shown("scheme=nibrs&show=all")
    assert undo().status_code == 302
    assert classified() == before
    # Undone by mistake: the undo is a change like any other.
    undo()
    assert len(classified()) == len(before) + 2
    # A code that was changed since stays; a page that shows an older change takes nothing back.
    mail = OffenceCode.objects.get(scheme="city", code="Theft from mail")
    post(ada, "scheme=city&show=all", act="set", code=mail.pk, category="fraud", visibility="hidden")
    assert "set 1 code, by" in shown()
    stale = undo(change="1")
    assert (stale.status_code, "changed after you opened the page" in stale.content.decode()) == (422, True)
    # Taking back what hid a code shows it again: that needs a reason.
    asked = undo()
    assert (asked.status_code, "Say why" in asked.content.decode()) == (422, True)
    assert 'id="id_undo_why"' in asked.content.decode()
    assert undo(why="the wrong list").status_code == 302
    assert classified()["Theft from mail"] == "theft block"
    assert AuditEntry.objects.filter(detail__endswith=": the wrong list").count() == 1

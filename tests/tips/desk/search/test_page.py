"""The page of a search, as officers meet it without script; with script the same posts return a part of it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from core.models import Account
from core.staff import groups
from tests.tips import hostile_texts
from tests.tips.desk import officers
from tips import conversation
from tips.admin import search_page
from tips.desk import search_record, triage
from tips.desk.queue import summary_record
from tips.desk.search import slices
from tips.models import Category, DeskState, Disposition, SummaryList, Tip

pytestmark = pytest.mark.django_db
PAGE = "/admin/tips/tip/search/"


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", last_name="Okafor")


@pytest.fixture
def category() -> Category:
    return Category.objects.filter(is_sensitive=False)[0]


def post(account: Account, words: str = "", **fields: str) -> Any:
    return officers.sign_in(account).post(PAGE, ({"words": words} if words else {}) | fields)


def numbers(answer: HttpResponse) -> list[int]:
    return [int(number) for number in re.findall(r'<li class="[^"]*" id="tip-(\d+)"', answer.content.decode())]


def text_of(answer: HttpResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def state_of(answer: HttpResponse) -> str:
    found = re.search(r'name="state" value="([^"]+)"', answer.content.decode())
    return found[1] if found else ""


def test_a_hit_shows_where_it_is_and_the_words_around_it_marked(okafor: Account, category: Category) -> None:
    tip = officers.send_opened_tip(okafor, description="Nothing of it", category=category)
    conversation.add_note(tip, okafor, "The gray sedan <b>with</b> 7\u2013KT 44,\nis \u202eback")
    answer = post(okafor, "7kt 44")
    page = answer.content.decode()
    assert numbers(answer) == [tip.number]
    assert "<mark>7\u2013KT</mark>" in page
    assert "&lt;b&gt;" in page
    assert "is back" in page
    assert '<span class="where">in a note</span>' in page
    assert "1 found, newest first" in text_of(answer)
    assert answer["Cache-Control"] == "no-store"
    assert "7kt" not in answer.request["PATH_INFO"] + answer.request["QUERY_STRING"]
    officers.send_opened_tip(okafor, description="The blue van is \u202eback", category=category)
    assert "[U+202E]back" in post(okafor, "blue van").content.decode()


def test_hostile_text_around_a_hit_is_inert_and_short(okafor: Account, category: Category) -> None:
    for text in hostile_texts.TEXTS.values():
        officers.send_tip(f"{text} needlework {text}", category=category)
    answer = post(okafor, "needlework")
    page = answer.content.decode()
    assert len(numbers(answer)) == page.count("<mark>needlework</mark>") == len(hostile_texts.TEXTS)
    assert not hostile_texts.ACTIVE.search(page)
    for pieces in re.findall(r'<bdi dir="auto"[^>]*>(.*?)</bdi>', page, re.DOTALL):
        assert len(unescape(re.sub(r"</?mark>", "", pieces))) < 400


def test_a_search_is_recorded_and_so_are_the_tips_of_its_passages(okafor: Account, category: Category) -> None:
    tip = officers.send_tip("A needle", category=category)
    for words in ("needle", "needle", "zanzibar"):
        post(okafor, words)
    trail = [(action, detail.partition(",")[0]) for _who, action, _what, detail in officers.read_audit_trail()]
    assert trail == [
        ("searched tips", "some found"),
        ("searched tips", "some found"),
        ("searched tips", "nothing found"),
    ]
    (shown,) = SummaryList.objects.filter(officer=okafor)
    assert [number for number, _position in summary_record.read_lines(shown)] == [tip.number]
    assert not any("needle" in "".join(line) for line in officers.read_audit_trail())


def test_nothing_found_says_what_to_try(okafor: Account, category: Category) -> None:
    officers.send_tip("A needle", category=category)
    answer = post(okafor, "7KT 9")
    assert "<summary>Search " in answer.content.decode()
    said = text_of(answer)
    assert "Nothing has “7KT 9”" in said
    assert "1 tip searched, closed ones too. Try part of it: “7KT” finds “7 kt” and “7-KT”." in said


def test_a_number_leads_to_its_tip_and_a_closed_one_is_offered(okafor: Account, category: Category) -> None:
    tip = officers.send_opened_tip(okafor, category=category)
    address = f"/admin/tips/tip/{tip.pk}/change/"
    assert post(okafor, f" #{tip.number} ")["Location"] == address
    triage.close(tip, okafor, Disposition.RECOVERED)
    answer = post(okafor, str(tip.number))
    assert f"Tip {tip.number} is closed. Weapon, drugs or property recovered," in text_of(answer)
    assert f'<a class="ctl push" href="{address}">Open tip {tip.number}</a>' in answer.content.decode()
    assert [line[3] for line in officers.read_audit_trail() if line[1] == "searched tips"][:2] == ["1 found", "1 found"]


def test_a_number_that_is_no_tips_is_searched_in_the_texts(okafor: Account, category: Category) -> None:
    tip = officers.send_tip("Call 555 0142", category=category)
    assert numbers(post(okafor, "5550142")) == [tip.number]


def test_a_number_of_a_tip_that_is_hidden_is_like_one_that_is_absent(okafor: Account, category: Category) -> None:
    tip = officers.send_tip("A needle", category=category)
    Category.objects.filter(pk=category.pk).update(is_sensitive=True)
    hidden, absent = (text_of(post(okafor, words)) for words in (str(tip.number), str(tip.number + 1)))
    assert hidden.replace(str(tip.number), "N") == absent.replace(str(tip.number + 1), "N")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("  ", "Type a word, part of a license plate, or a tip's number."),
        ("x" * 10_000, "That's too long to search for. Use up to 100 characters"),
        ("\U0001f52b" * 90, "That's too long to search for. Use up to 100 characters"),
        (".* [-]", "These are only signs. Type at least one letter or digit."),
    ],
)
def test_words_that_cannot_be_searched_for_are_refused_with_a_sentence(
    okafor: Account, words: str, sentence: str
) -> None:
    answer = post(okafor, words)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert officers.read_audit_trail() == []


def test_a_search_goes_on_with_what_it_has_found_and_no_word_in_the_form(
    okafor: Account, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (2,))
    monkeypatch.setattr(search_page, "_PLAIN_SECONDS", 0)
    expected = {officers.send_tip(f"Needle {index}", category=category).number for index in range(5)}
    answer = post(okafor, "needle")
    assert "Searched 2 of 5. 2 found so far, newest first" in text_of(answer)
    first = numbers(answer)
    rest = answer.content.decode().partition('id="search-results"')[2]
    assert "needle" not in re.sub("Needle|<mark>.*?</mark>", "", rest)
    monkeypatch.setattr(search_page, "_NEXT_SECONDS", 0)
    part = post(okafor, state=state_of(answer), script="1", fragment="1")
    assert "Searched 4 of 5. 4 found so far, newest first" in text_of(part)
    assert len(set(numbers(part)) - set(first)) == len(numbers(part)) == 2  # script has the others
    Tip.objects.filter(number=first[0]).delete()
    answer = post(okafor, state=state_of(answer))
    assert numbers(answer)[0] == first[1]
    answer = post(okafor, state=state_of(answer))
    assert set(numbers(answer)) == expected - {first[0]}
    assert not state_of(answer)
    actions = [line[1] for line in officers.read_audit_trail()]
    assert actions == ["searched tips", *["went on searching tips"] * 3]


def test_a_state_opens_for_its_officer_alone(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (1,))
    monkeypatch.setattr(search_page, "_PLAIN_SECONDS", 0)
    for _ in range(2):
        officers.send_tip("Needle")
    state = state_of(post(okafor, "needle"))
    assert state
    for account, sent in ((officers.create_officer("ito"), state), (okafor, state[:-6] + "AAAAAA"), (okafor, "x")):
        answer = post(account, state=sent)
        assert answer.status_code == 422
        assert "This search can't go on. Search again." in text_of(answer)


def test_a_full_page_goes_on_to_the_next(okafor: Account, category: Category, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (1, 1))
    monkeypatch.setattr(slices, "BATCH", 1)
    monkeypatch.setattr(search_page, "MAX_SHOWN", 2)
    for _ in range(3):
        officers.send_tip("Needle", category=category)
    answer = post(okafor, "needle")
    assert "This page is full. Add a word to find fewer, or go on." in text_of(answer)
    assert "data-search-goes-on" not in answer.content.decode()
    first = numbers(answer)
    answer = post(okafor, state=state_of(answer))
    assert "3 found so far. The newest 2 were on the page before." in text_of(answer)
    assert len(set(first) | set(numbers(answer))) == 3


def test_script_gets_the_part_with_the_results_alone(okafor: Account, category: Category) -> None:
    tip = officers.send_tip("Needle", category=category)
    answer = post(okafor, "needle", script="1", fragment="1")
    assert numbers(answer) == [tip.number]
    assert "<html" not in answer.content.decode()
    assert re.search(
        r'name="bulk_form" value="[0-9a-f]{32}"', answer.content.decode()
    )  # the acts over chosen rows work


def test_words_are_kept_through_a_new_sign_in_and_not_searched_before(okafor: Account) -> None:
    client = officers.sign_in(okafor)
    form = client.get(PAGE).content.decode()
    author = re.search(r'name="_author" value="([^"]+)"', form)
    assert author
    client.logout()
    answer = client.post(PAGE, {"words": "needle", "_author": author[1]})
    assert answer.status_code == 401
    assert "needle" not in answer.content.decode()
    assert officers.read_audit_trail() == []


def test_only_accounts_that_open_tips_have_the_page() -> None:
    administrator = officers.create_officer("root", groups.ADMINISTRATOR)
    assert post(administrator, "needle").status_code == 403
    assert search_record.SEARCHED not in str(officers.read_audit_trail())


def test_sensitive_tips_are_searched_only_when_chosen(okafor: Account, category: Category) -> None:
    officers.send_tip("Needle", category=category)
    sensitive = Category.objects.create(slug="bias", name="Bias", is_sensitive=True, active=False)
    assert "Sensitive tips" not in text_of(post(okafor, "needle"))
    sensitive.readers.add(okafor)
    tip = officers.send_tip("Needle", category=sensitive)
    assert tip.number not in numbers(post(okafor, "needle"))
    answer = post(okafor, "needle", **{"in": "sensitive"})
    assert numbers(answer) == [tip.number]
    assert "<mark>" not in answer.content.decode()  # nobody reads sensitive tips in passing
    assert "in the report" in text_of(answer)
    assert len(numbers(post(okafor, "needle", **{"in": "walled"}))) == 1  # not offered: the tips of everyone


def test_spam_is_left_out_until_it_is_asked_for(okafor: Account, category: Category) -> None:
    tip = officers.send_tip("A needle", category=category)
    DeskState.objects.create(tip=tip, spam_since=timezone.localdate())
    answer = post(okafor, "needle")
    assert numbers(answer) == []
    assert "Spam is left out. Search spam" in text_of(answer)
    answer = post(okafor, "needle", **{"in": "spam"})
    assert numbers(answer) == [tip.number]
    assert post(okafor, str(tip.number)).status_code == 302  # a number finds its tip whatever its state

"""The inbox: a receipt opens its own tip, and no other."""

from __future__ import annotations

import base64
import datetime as dt
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from core import ephemeral_store
from core.models import Account
from tests.tips.source.pages import TEXT, field_of, fill_form, receipt_of, send_tip, words_of
from tips import conversation, form_tokens, receipts, vault
from tips.models import Author, Disposition, Message, State, Tip
from tips.source import inbox_session, throttle

pytestmark = pytest.mark.django_db
DOOR, TALK, DELETE, LEAVE = "/tips/inbox/", "/tips/inbox/conversation/", "/tips/inbox/delete/", "/tips/leave/"


@pytest.fixture
def receipt(client: Client) -> str:
    return receipt_of(send_tip(client, danger="yes", place="behind the bakery"))


@pytest.fixture
def inside(client: Client, receipt: str) -> Client:
    """A client with an open inbox session."""
    assert client.post(DOOR, {"receipt": receipt}).status_code == 302
    return client


def message_of(page: HttpResponse, text: str) -> dict[str, str | None]:
    return {"text": text, "form_id": field_of(page, "form_id")}


def expire(client: Client) -> None:
    """Let the session expire in the store, but not in the browser."""
    key = base64.urlsafe_b64decode(client.cookies[inbox_session.COOKIE].value)
    ephemeral_store.forget(inbox_session._store_name(key))


def texts_of(receipt: str) -> list[str]:
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return [message.text for message in session.read().messages]


# The door


def test_the_receipt_opens_the_tip(client: Client, receipt: str) -> None:
    typed = receipt.upper().replace(" ", ", ", 2).replace(" ", "\n", 1)
    answer = client.post(DOOR, {"receipt": typed})
    assert (answer.status_code, answer["Location"]) == (302, TALK)
    cookie = answer.cookies[inbox_session.COOKIE]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["max-age"], cookie["expires"]) == ("Strict", "", "")
    page = client.get(TALK)
    assert page["Cache-Control"] == "no-store"
    text = words_of(page)
    assert TEXT in text
    assert "behind the bakery" in text
    assert "No officer has read this yet" in text


def test_a_slip_of_one_letter_is_forgiven(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    meant = "abacus zoom abdomen zipfile amber velvet kettle"
    tried: list[str] = []
    monkeypatch.setattr(inbox_session, "authenticate_source", tried.append)
    client.post(DOOR, {"receipt": meant.replace("velvet", "vellvet").replace("abdomen", "abdomne")})
    assert tried == [meant]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type the seven words of your receipt."),
        ("abacus zoom", "A receipt has 7 words. We read 2 words."),
        ("xqqzz " * 7, "“xqqzz” isn't one of our receipt words."),
        ("<b>\x00" + "é" * 500, "This is 3 characters too long."),
    ],
)
def test_an_invalid_receipt_is_explained(client: Client, typed: str, sentence: str) -> None:
    page = client.post(DOOR, {"receipt": typed})
    assert page.status_code == 422
    assert sentence in words_of(page)
    assert not page.cookies


def test_a_word_with_several_neighbours_gets_suggestions(client: Client) -> None:
    page = client.post(DOOR, {"receipt": "cas " * 7})
    assert re.search("Did you mean: [a-z]+, [a-z]+", words_of(page))
    page = words_of(client.post(DOOR, {"receipt": "wllww zoom abbbacuss unpadded cactus cactus zoom"}))
    for sentence in ("“wllww” isn't one of our receipt words. Did you mean: willow", "Did you mean: abacus?"):
        assert sentence in page, "every slip at once"


def test_unknown_and_deleted_receipts_get_the_same_answer(client: Client, inside: Client, receipt: str) -> None:
    other = receipts.spell_receipt(receipts.draw_positions())
    unknown = client.post(DOOR, {"receipt": other})
    conversation.delete_by_source(receipts.stretch_receipt(receipt).token)
    deleted = client.post(DOOR, {"receipt": receipt})
    assert unknown.status_code == deleted.status_code == 422
    assert "No tip has this receipt." in words_of(unknown)
    for page in (unknown, deleted):
        assert not page.cookies
    assert words_of(unknown).replace(other, receipt) == words_of(deleted)


def test_wrong_and_right_receipts_cost_the_same_work(
    client: Client, receipt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []
    stretched = receipts.stretch_for_sign_in
    monkeypatch.setattr(receipts, "stretch_for_sign_in", lambda words: work.append(words) or stretched(words))
    client.post(DOOR, {"receipt": receipt})
    client.post(DOOR, {"receipt": receipts.spell_receipt(receipts.draw_positions())})
    assert len(work) == 2


def test_a_flood_of_guesses_costs_the_guesser_and_not_the_source(
    client: Client, receipt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "CALM_WRONG_RECEIPTS", 1)
    held: list[float] = []
    connection = SimpleNamespace(hold=held.append)
    for _ in range(2):
        wrong = receipts.spell_receipt(receipts.draw_positions())
        client.post(DOOR, {"receipt": wrong}, **{"gunicorn.socket": connection})
    assert held == [0, throttle.HOLD_SECONDS]
    assert client.post(DOOR, {"receipt": receipt}, **{"gunicorn.socket": connection}).status_code == 302
    assert len(held) == 2


@pytest.mark.parametrize(
    "error", [receipts.ReceiptQueueFullError(), OperationalError("gone"), vault.KeyMissingError("no salt")]
)
def test_a_failed_sign_in_says_so_and_keeps_the_typed_text(
    client: Client, receipt: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_receipt: str) -> None:
        raise error

    monkeypatch.setattr(inbox_session, "authenticate_source", fail)
    page = client.post(DOOR, {"receipt": receipt, "text": "more", "form_id": "abc"})
    assert page.status_code == 503
    assert "right now" in words_of(page)
    assert (field_of(page, "receipt"), field_of(page, "text")) == (receipt, "more")


def test_the_sign_in_page_of_an_open_inbox_redirects_to_it(inside: Client) -> None:
    assert inside.get(DOOR)["Location"] == TALK


def test_without_a_receipt_there_is_nothing(client: Client) -> None:
    for address in (TALK, DELETE):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, DOOR)
    client.cookies[inbox_session.COOKIE] = base64.urlsafe_b64encode(bytes(32)).decode()
    assert client.get(TALK)["Location"] == DOOR
    client.cookies[inbox_session.COOKIE] = "nonsense"
    assert client.get(TALK)["Location"] == DOOR


# The conversation


@pytest.mark.parametrize(
    ("state", "disposition", "words"),
    [
        (State.OPEN, "", "An officer is working on it"),
        (State.WAITING, "", "An officer asked you something"),
        (State.CLOSED, Disposition.RECOVERED, "We found weapons, drugs or stolen items"),
    ],
)
def test_the_status_is_in_plain_words(inside: Client, state: str, disposition: str, words: str) -> None:
    closed_at = dt.datetime.now(dt.UTC) if state == State.CLOSED else None
    Tip.objects.update(state=state, disposition=disposition, closed_at=closed_at, opened_after=dt.timedelta(minutes=4))
    page = words_of(inside.get(TALK))
    assert words in page
    assert "An officer has read this" in page


def test_every_state_and_outcome_has_words() -> None:
    from tips.source import wording

    assert set(wording.STATES) == set(State) - {State.CLOSED}
    assert set(wording.OUTCOMES) == set(Disposition)


def test_an_answer_is_read_as_text_in_the_agencys_name(inside: Client) -> None:
    officer = Account.objects.create_user("okafor", first_name="Ana", last_name="Okafor")
    conversation.add_from_officer(Tip.objects.get(), officer, "Which nights? <script>alert(1)</script>", b"1")
    page = inside.get(TALK)
    assert "Which nights? <script>alert(1)</script>" in words_of(page) or "&lt;script&gt;" in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    assert "Okafor" not in page.content.decode()


def test_more_can_be_added_once_a_form(inside: Client, receipt: str) -> None:
    message = message_of(inside.get(TALK), "They came again tonight")
    for _ in range(2):
        answer = inside.post(TALK, message)
        assert (answer.status_code, answer["Location"]) == (302, f"{TALK}?added#newest")
    assert texts_of(receipt) == ["They came again tonight"]
    assert "Message sent." in words_of(inside.get(f"{TALK}?added"))
    inside.post(TALK, message_of(inside.get(TALK), "They came again tonight"))
    assert len(texts_of(receipt)) == 2


def test_a_message_changed_after_back_is_not_dropped(inside: Client, receipt: str) -> None:
    message = message_of(inside.get(TALK), "They came again")
    for text in ("They came again", "They came again, with a truck"):
        inside.post(TALK, message | {"text": text})
    assert texts_of(receipt) == ["They came again", "They came again, with a truck"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(" \n", "Write a message or attach a file first."), ("x" * 10_001, "This is 1 character too long.")],
)
def test_an_invalid_message_stays_in_its_page(inside: Client, text: str, sentence: str) -> None:
    message = message_of(inside.get(TALK), text)
    page = inside.post(TALK, message)
    assert page.status_code == 422
    assert sentence in words_of(page)
    assert (field_of(page, "form_id"), (field_of(page, "text") or "").strip()) == (message["form_id"], text.strip())
    assert not Message.objects.exists()


def test_text_typed_while_the_inbox_expired_is_added_after_sign_in(inside: Client, receipt: str) -> None:
    message = message_of(inside.get(TALK), "They came\nagain")
    expire(inside)
    door = inside.post(TALK, message)
    assert "Your tip timed out" in words_of(door)
    assert field_of(door, "text") == "They came\nagain"
    kept = {name: field_of(door, name) for name in ("text", "form_id")}
    wrong = inside.post(DOOR, kept | {"receipt": "abacus zoom"})
    assert field_of(wrong, "text") == "They came\nagain"
    for _ in range(2):
        answer = inside.post(DOOR, kept | {"receipt": receipt})
        assert answer["Location"] == f"{TALK}?added#newest"
    assert texts_of(receipt) == ["They came\nagain"]
    assert inside.get(TALK).status_code == 200


def test_a_carried_message_that_is_too_long_is_shown_in_the_open_inbox(inside: Client, receipt: str) -> None:
    expire(inside)
    page = inside.post(DOOR, {"receipt": receipt, "text": "x" * 10_001, "form_id": "abc"})
    assert page.status_code == 422
    assert "too long" in words_of(page)
    assert field_of(page, "text") == "x" * 10_001
    assert inside.get(TALK).status_code == 200


def test_without_the_store_the_message_stays_in_the_page(
    inside: Client, receipt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise ephemeral_store.StoreDownError

    message = message_of(inside.get(TALK), "They came again")
    with monkeypatch.context() as patch:
        patch.setattr(ephemeral_store, "get_and_touch", down)
        page = inside.post(TALK, message)
        assert inside.get(TALK).status_code == 503
    assert page.status_code == 503
    assert {name: field_of(page, name) for name in message} == message
    inside.post(TALK, message)
    assert texts_of(receipt) == ["They came again"]


def test_a_text_that_was_moved_in_the_database_is_not_shown(inside: Client, client: Client) -> None:
    other = receipt_of(Client().post("/tips/", fill_form(client, description="Another tip")))
    stolen = inbox_session.find_session(receipts.stretch_receipt(other)).tip
    Tip.objects.exclude(pk=stolen.pk).update(report=bytes(stolen.report))
    page = inside.get(TALK)
    assert page.status_code == 500
    assert "We can't open this tip" in words_of(page)
    assert "Another tip" not in page.content.decode()


def test_a_tip_deleted_elsewhere_while_writing(inside: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise conversation.TipGoneError

    message = message_of(inside.get(TALK), "more")
    monkeypatch.setattr(conversation, "add_from_source", gone)
    page = inside.post(TALK, message)
    assert page.status_code == 410
    assert "We no longer have this tip" in words_of(page)
    assert field_of(page, "text") is None  # it cannot be sent from here
    assert "What you wrote. Copy it if you want to send it as a new tip more" in words_of(page)


# Deleting and leaving


def test_deleting_needs_two_confirmations(inside: Client, receipt: str) -> None:
    first = inside.get(DELETE)
    assert "right away" in words_of(first)
    second = inside.post(DELETE, {"first": "1"})
    assert "Are you sure?" in words_of(second)
    assert Tip.objects.count() == 1
    done = inside.post(DELETE, {"sure": field_of(second, "sure")})
    assert "Your tip is deleted" in words_of(done)
    assert not Tip.objects.exists()
    assert done.cookies[inbox_session.COOKIE].value == ""
    assert inside.post(DOOR, {"receipt": receipt}).status_code == 422


def test_the_form_of_a_deleted_tip_sends_nothing_again(client: Client) -> None:
    fields = fill_form(client)
    client.post(DOOR, {"receipt": receipt_of(client.post("/tips/", fields))})
    client.post(DELETE, {"sure": "erase"})
    again = client.post("/tips/", fields)
    assert (again.status_code, again["Location"]) == (302, "/tips/closed/")
    assert not Tip.objects.exists()
    assert send_tip(client).status_code == 200


def test_the_mark_of_a_deleted_tip_names_neither_tip_nor_moment(client: Client, inside: Client) -> None:
    tip, store = Tip.objects.get(), ephemeral_store._client()
    earlier = set(store.keys("form-spent:*"))
    inside.post(DELETE, {"sure": "erase"})
    (mark,) = set(store.keys("form-spent:*")) - earlier
    for column in (tip.form_hash, tip.token_hash, tip.id.bytes):
        assert bytes(column).hex()[:16] not in mark.decode()
    assert store.get(mark) == b"1"
    expires_at = store.expiretime(mark)
    assert expires_at % 3600 in (0, 1)
    assert expires_at > time.time() + form_tokens.LIFETIME_SECONDS


def test_a_tip_is_deleted_and_accepted_while_the_store_is_down(
    client: Client, inside: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = fill_form(client)

    def no_store(*_: object) -> bytes:
        raise ephemeral_store.StoreDownError

    session = inbox_session.find_current(SimpleNamespace(COOKIES={n: m.value for n, m in inside.cookies.items()}))
    monkeypatch.setattr(ephemeral_store, "put", no_store)
    monkeypatch.setattr(ephemeral_store, "get", no_store)
    conversation.delete_by_source(session.token)
    assert not Tip.objects.exists()
    assert client.post("/tips/", fields).status_code == 200


def test_under_legal_hold_only_the_access_is_cut_and_the_page_says_so_first(inside: Client, receipt: str) -> None:
    Tip.objects.update(state=State.OPEN, opened_after=dt.timedelta(minutes=4), legal_hold=True)
    assert "We can't erase this tip." in words_of(inside.get(DELETE))
    second = inside.post(DELETE, {"first": "1"})
    assert "we only remove your access" in words_of(second)
    done = inside.post(DELETE, {"sure": field_of(second, "sure")})
    assert "Your access is removed" in words_of(done)
    assert Tip.objects.get().token_hash is None
    assert inside.post(DOOR, {"receipt": receipt}).status_code == 422


def test_a_hold_set_between_the_questions_is_said_before_anything_happens(inside: Client) -> None:
    second = inside.post(DELETE, {"first": "1"})
    Tip.objects.update(state=State.OPEN, opened_after=dt.timedelta(minutes=4), legal_hold=True)
    page = inside.post(DELETE, {"sure": field_of(second, "sure")})
    assert "We can't erase this tip." in words_of(page)
    assert Tip.objects.get().token_hash is not None


@pytest.mark.parametrize(("fields", "status"), [({}, 200), ({"script": "1"}, 204)], ids=["plain", "script"])
def test_leaving_closes_the_inbox(inside: Client, fields: dict[str, str], status: int, settings: Any) -> None:
    cookie = inside.cookies[inbox_session.COOKIE].value
    answer = inside.post(LEAVE, fields)
    assert answer.status_code == status
    assert (f'content="0;url={settings.LEAVE_URL}"' in answer.content.decode()) == (status == 200)
    assert answer.cookies[inbox_session.COOKIE].value == ""
    inside.cookies[inbox_session.COOKIE] = cookie
    assert inside.get(TALK)["Location"] == DOOR


def test_opening_the_address_of_leaving_signs_nobody_out(inside: Client, settings: Any) -> None:
    answer = inside.get(LEAVE, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer["Location"] == settings.LEAVE_URL
    assert not answer.cookies
    assert inside.post(LEAVE, headers={"Origin": "https://other.example"}).status_code == 403
    assert inside.get(TALK).status_code == 200


def test_leaving_works_without_the_store(inside: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise ephemeral_store.StoreDownError

    monkeypatch.setattr(ephemeral_store, "forget", down)
    answer = inside.post(LEAVE)
    assert answer.status_code == 200
    assert answer.cookies[inbox_session.COOKIE].value == ""


def test_messages_of_a_source_are_sources(inside: Client) -> None:
    inside.post(TALK, message_of(inside.get(TALK), "more"))
    assert Message.objects.get().author == Author.SOURCE

"""Messages between source and officers, and deletion by the source."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from core.models import Account
from tips import conversation, vault
from tips.models import Alert, Author, Message, Note, NotesKey, State, Tip
from tips.source import inbox_session


def test_the_source_reads_the_officers_answer(session: inbox_session.InboxSession, officer: Account) -> None:
    conversation.add_from_officer(session.tip, officer, "Which nights did you see it?", b"1")
    conversation.add_from_source(session.tip, session.key, "Mondays, after ten", b"2")
    entries = session.read().messages
    assert [(entry.author, entry.text) for entry in entries] == [
        (Author.STAFF, "Which nights did you see it?"),
        (Author.SOURCE, "Mondays, after ten"),
    ]


def test_a_message_of_the_source_raises_an_alert_and_an_answer_does_not(
    session: inbox_session.InboxSession, officer: Account
) -> None:
    before = Alert.objects.count()
    conversation.add_from_officer(session.tip, officer, "Which nights?", b"1")
    assert Alert.objects.count() == before
    conversation.add_from_source(session.tip, session.key, "Mondays", b"2")
    assert Alert.objects.count() == before + 1


def test_one_form_adds_one_message(session: inbox_session.InboxSession, officer: Account) -> None:
    assert conversation.add_from_source(session.tip, session.key, "Mondays", b"1")
    assert not conversation.add_from_source(session.tip, session.key, "Mondays", b"1")
    assert conversation.add_from_source(session.tip, session.key, "Mondays and Fridays", b"1"), "changed after Back"
    assert conversation.add_from_officer(session.tip, officer, "Thank you", b"1")
    assert not conversation.add_from_officer(session.tip, officer, "Thank you", b"1")
    assert Message.objects.count() == 3


def test_messages_and_notes_are_not_stored_in_clear(session: inbox_session.InboxSession, officer: Account) -> None:
    conversation.add_from_source(session.tip, session.key, "canary of the source", b"1")
    conversation.add_note(session.tip, officer, "canary of the officer")
    for body in [*Message.objects.values_list("body", flat=True), *Note.objects.values_list("body", flat=True)]:
        assert b"canary" not in bytes(body)


def test_a_message_moved_to_another_position_does_not_open(session: inbox_session.InboxSession) -> None:
    conversation.add_from_source(session.tip, session.key, "Mondays", b"1")
    conversation.add_from_source(session.tip, session.key, "Never on Fridays", b"2")
    Message.objects.filter(position=1).update(position=9)
    with pytest.raises(vault.SealError):
        session.read()


def test_a_message_with_a_changed_author_does_not_open(session: inbox_session.InboxSession) -> None:
    conversation.add_from_source(session.tip, session.key, "Call me at once", b"1")
    Message.objects.update(author=Author.STAFF)
    with pytest.raises(vault.SealError):
        session.read()


def test_notes_open_only_with_the_agencys_key(session: inbox_session.InboxSession, officer: Account) -> None:
    conversation.add_note(session.tip, officer, "Known address")
    conversation.add_note(session.tip, officer, "Ask the school")
    assert [note.text for note in conversation.read_notes(session.tip)] == ["Known address", "Ask the school"]
    assert conversation.read_notes(session.tip)[0].officer == "Ana Okafor"
    note = Note.objects.first()
    with pytest.raises(vault.SealError):
        vault.open_text(session.key, note.body, conversation._body_context(Author.STAFF, note))


def test_a_tip_deleted_meanwhile_is_gone(session: inbox_session.InboxSession) -> None:
    check_at_once()
    conversation.delete_by_source(session.token)
    with pytest.raises(conversation.TipGoneError):
        conversation.add_from_source(session.tip, session.key, "Mondays", b"1")


def test_delete_erases_all_of_it(session: inbox_session.InboxSession, officer: Account) -> None:
    conversation.add_from_source(session.tip, session.key, "Mondays", b"1")
    conversation.add_note(session.tip, officer, "Known address")
    conversation.delete_by_source(session.token)
    for model in (Tip, Message, Note, NotesKey, Alert):
        assert not model.objects.exists(), model


def test_delete_needs_the_token(session: inbox_session.InboxSession) -> None:
    for guess in (session.tip.token_hash, b"", bytes(32)):
        conversation.delete_by_source(bytes(guess))
    assert Tip.objects.count() == 1


def test_under_legal_hold_deletion_only_ends_the_sources_access(
    session: inbox_session.InboxSession, officer: Account
) -> None:
    Tip.objects.update(state=State.OPEN, opened_after=dt.timedelta(minutes=3), legal_hold=True)
    conversation.delete_by_source(session.token)
    tip = Tip.objects.get()
    assert tip.token_hash is None
    assert tip.key_for_source is None
    assert conversation.read_tip_as_officer(tip).report["description"].startswith("Two men")


def test_concurrent_writers_get_different_positions(
    session: inbox_session.InboxSession, officer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second writer reads the last position before the first has written."""
    check_at_once()
    real = vault.seal_text

    def beaten(key: bytes, text: str, place: vault.SealContext) -> bytes:
        monkeypatch.setattr(vault, "seal_text", real)
        conversation.add_from_officer(session.tip, officer, "I was first", b"1")
        return real(key, text, place)

    monkeypatch.setattr(vault, "seal_text", beaten)
    conversation.add_from_source(session.tip, session.key, "Me too", b"2")
    assert [(entry.text) for entry in session.read().messages] == ["I was first", "Me too"]


def check_at_once() -> None:
    """Check foreign keys at once: they are checked at commit, which a test does not reach."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

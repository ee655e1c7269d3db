"""The conversation of a tip: messages between source and staff, and officers' notes beside them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Model, QuerySet, prefetch_related_objects

from core import ephemeral_store
from core.models import Account
from core.plain_text import clean_typed_text
from core.web.sql_cache import SqlCache
from file_cleaning import MediaKind
from tips import form_tokens, note_text, officer_alerts, vault
from tips.files import attachments, sealed_store
from tips.files.attachments import Upload
from tips.models import Attachment, Author, Message, Note, NotesKey, Tip
from tips.note_text import NoteText

MAX_MESSAGE_LENGTH = 10_000
_POSITION_TAKEN_TRIES = 5
_SQL = SqlCache()
_OfTip = TypeVar("_OfTip", Message, Note, NotesKey, Attachment)


@dataclass(frozen=True, slots=True)
class TipFile:
    """A file of a tip, with its kind opened. `has_clip`: a photo that held a short video or sound, which was removed."""

    row: Attachment
    kind: MediaKind
    has_clip: bool = False

    @property
    def name(self) -> str:
        return attachments.display_name(self.kind, self.row.position)


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """An opened message or note, with the files that came with it.

    `officer` is a name, or "" for the source and where names are not shown; `is_read`: an officer has read it;
    `source_read_on`: the day on which the source read an answer, None while they have not or that day is not over; `translates` and
    `by_machine` of a translation: see note_text.NoteText.
    """

    author: str
    text: str
    written_at: dt.datetime
    officer: str = ""
    is_read: bool = True
    files: list[TipFile] = field(default_factory=list)
    position: int = 0
    source_read_on: dt.date | None = None
    translates: int | None = None
    by_machine: bool = False


@dataclass(frozen=True, slots=True)
class OpenedTip:
    """A tip with its seal open.

    `report` has the keys of intake.Report.as_text, `arrived_at` is exact, and `files` are those sent with the report.
    """

    tip: Tip
    report: dict[str, Any]
    messages: list[ConversationEntry]
    files: list[TipFile]

    @property
    def all_files(self) -> list[TipFile]:
        """Return the files of the report and of all messages by number."""
        files = [*self.files, *(file for message in self.messages for file in message.files)]
        return sorted(files, key=lambda file: file.row.position)

    @property
    def arrived_at(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.report["arrived_at"])


class TipGoneError(Exception):
    """The tip or file does not exist, or no longer does: deleted by its source, or past its retention."""


def read_tip(tip: Tip, key: bytes) -> OpenedTip:
    """Return the tip opened with its key, as the source may see it: without names of officers.

    Raises vault.SealError if a stored text was changed or moved.
    """
    return _open(tip, key, list(tip.messages.all()), with_names=False)


def read_tip_as_officer(tip: Tip) -> OpenedTip:
    """Return the tip opened with the agency's private key, with names of officers. Only for triage.open_tip, which audits.

    Raises vault.SealError, vault.KeyMissingError.
    """
    messages = _fetch_of_tip(tip, Message, tip.messages.all)
    prefetch_related_objects(messages, "officer")
    return _open(tip, key_for_officer(tip), messages, with_names=True)


def _open(tip: Tip, key: bytes, messages: list[Message], *, with_names: bool) -> OpenedTip:
    report = json.loads(vault.open_text(key, tip.report, vault.report_context(tip.id)))
    files: dict[uuid.UUID | None, list[TipFile]] = {}
    by_id = {message.id: message for message in messages}
    for row in _fetch_of_tip(tip, Attachment, tip.attachments.all):
        row.message = by_id.get(row.message_id) if row.message_id else None
        files.setdefault(row.message_id, []).append(TipFile(row, *attachments.read_label(row, key)))
    entries = [
        ConversationEntry(
            author=message.author,
            text=vault.open_text(key, message.body, _body_context(message.author, message)),
            written_at=message.written_at,
            officer=_officer_name(message) if with_names else "",
            is_read=message.read,
            files=files.get(message.id, []),
            position=message.position,
            source_read_on=message.source_read_on,
        )
        for message in messages
    ]
    return OpenedTip(tip, report, entries, files.get(None, []))


def _fetch_of_tip(tip: Tip, model: type[_OfTip], build: Callable[[], QuerySet[_OfTip]]) -> list[_OfTip]:
    """Return the rows of one kind that belong to a tip."""
    rows = _SQL.fetch_models(model, build, model, tip.pk)
    for row in rows:
        row.tip = tip
    return rows


def read_notes(tip: Tip) -> list[ConversationEntry]:
    """Return the officers' notes and translations, opened with the notes key. Staff side only."""
    found = _fetch_of_tip(tip, NotesKey, lambda: NotesKey.objects.filter(tip=tip.pk))
    if not found:
        return []
    key, entries = _open_notes_key(found[0]), []
    rows = _fetch_of_tip(tip, Note, tip.notes.all)
    prefetch_related_objects(rows, "officer")
    for row in rows:
        note = note_text.parse(vault.open_text(key, row.body, _body_context(Author.STAFF, row)))
        entries.append(
            ConversationEntry(
                Author.STAFF,
                note.text,
                row.written_at,
                _officer_name(row),
                translates=note.translates,
                by_machine=note.by_machine,
            )
        )
    return entries


def key_for_officer(tip: Tip) -> bytes:
    """Return the tip's key K, opened with the agency's private key. Staff side only; triage.open_tip audits first."""
    return vault.open_key_with(tip.key_for_agency, tip.agency_key_id, settings.AGENCY_PRIVATE_KEYS)


def reports_danger(tip: Tip) -> bool:
    """Return whether the source said that someone is in danger right now. Staff side only.

    Raises vault.SealError, vault.KeyMissingError.
    """
    report = json.loads(vault.open_text(key_for_officer(tip), tip.report, vault.report_context(tip.id)))
    return bool(report["danger"] == "yes")


def add_from_source(tip: Tip, key: bytes, text: str, form_id: bytes, uploads: Sequence[Upload] = ()) -> bool:
    """Seal and store a message of the source with its files, and alert the officers, once a form and text.

    The text may be "" when there are files. Returns False if this form was stored before with this text: a form that comes back
    changed, after Back or a lost answer, is another message, so that nothing a source wrote is dropped. Raises TipGoneError when the tip
    was deleted meanwhile.
    """
    form_hash = hashlib.sha256(b"message" + tip.id.bytes + hashlib.sha256(text.encode()).digest() + form_id).digest()
    if Message.objects.filter(form_hash=form_hash).exists():
        return False
    try:
        _append(Message, tip, key, Author.SOURCE, text, uploads, form_hash=form_hash)
    except IntegrityError:
        if Message.objects.filter(form_hash=form_hash).exists():
            return False
        raise
    return True


def add_from_officer(tip: Tip, officer: Account, text: str, form_id: bytes) -> bool:
    """Seal and store an answer to the source, once a form. Returns False if this form was stored before."""
    form_hash = hash_answer_form(tip, form_id)
    if Message.objects.filter(form_hash=form_hash).exists():
        return False
    _append(
        Message,
        tip,
        key_for_officer(tip),
        Author.STAFF,
        text,
        officer=officer,
        form_hash=form_hash,
        read=True,
    )
    return True


def hash_answer_form(tip: Tip, form_id: bytes) -> bytes:
    """Return the Message.form_hash of an officer's answer."""
    return hashlib.sha256(b"answer" + tip.id.bytes + form_id).digest()


def add_note(
    tip: Tip,
    officer: Account | None,
    text: str,
    note_id: uuid.UUID | None = None,
    translates: int | None = None,
    *,
    by_machine: bool = False,
) -> None:
    """Seal and store an internal note or a translation under the notes key, which is created with the first note."""
    stored = NoteText(clean_typed_text(text), translates, by_machine).as_stored()
    with transaction.atomic():
        Tip.objects.select_for_update().get(pk=tip.pk)
        key = ensure_notes_key(tip)
        _append(Note, tip, key, Author.STAFF, stored, officer=officer, id=note_id or uuid.uuid4())


def ensure_notes_key(tip: Tip) -> bytes:
    """Return the notes key of a locked tip, created if it has none. Raises vault.SealError, vault.KeyMissingError."""
    notes_key = NotesKey.objects.filter(tip=tip).first()
    if notes_key is not None:
        return _open_notes_key(notes_key)
    key = vault.generate_key()
    key_id, sealed = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
    NotesKey.objects.create(tip=tip, agency_key_id=key_id, key_for_agency=sealed)
    return key


def read_source_text(tip: Tip, position: int) -> str | None:
    """Return the report's text (position 0) or that of a source's message, None if there is no such message. Staff side only.

    Raises vault.SealError, vault.KeyMissingError.
    """
    if position == 0:
        key = key_for_officer(tip)
        return str(json.loads(vault.open_text(key, tip.report, vault.report_context(tip.id)))["description"])
    messages = list(tip.messages.filter(author=Author.SOURCE, position=position))
    return list_source_texts(tip, messages)[0] if messages else None


def list_source_texts(tip: Tip, messages: Iterable[Message] | None = None) -> list[str]:
    """Return what the source wrote, opened: in these messages, or in the report and all messages. Staff side only.

    Raises vault.SealError, vault.KeyMissingError.
    """
    key = key_for_officer(tip)
    texts = []
    if messages is None:
        report = json.loads(vault.open_text(key, tip.report, vault.report_context(tip.id)))
        texts = [report["description"], report["place"], report["when"]]
        texts += [answer["answer"] for answer in report["answers"]]
        messages = tip.messages.filter(author=Author.SOURCE)
    texts += [vault.open_text(key, message.body, _body_context(message.author, message)) for message in messages]
    return texts


def delete_by_source(token: bytes) -> None:
    """Cut the source's access and erase the tip with its files; under legal hold only cut the access.

    The rule is in the database (rules.sql, source_delete): without the look-up token nothing is deleted, not even by an
    attacker who has the public role's database account.
    """
    token_hash = hashlib.sha256(token).digest()
    # Before the tip is gone, so that at no moment the same form would be a new tip.
    with suppress(ephemeral_store.StoreDownError):
        for form_hash in Tip.objects.filter(token_hash=token_hash).values_list("form_hash", flat=True):
            form_tokens.mark_spent(bytes(form_hash))
    files = set(
        Attachment.objects.filter(tip__token_hash=token_hash, file__isnull=False).values_list("file", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT source_delete(%s)", [token])
    if files:
        remaining = set(Attachment.objects.filter(file__in=files).values_list("file", flat=True))
        # Their keys are gone with the rows. The sweep removes files that stay when this fails, or were rebuilt just now.
        with suppress(OSError):
            sealed_store.remove_files([file for file in files - remaining if file])


def _append(  # noqa: PLR0917
    model: type[Message] | type[Note],
    tip: Tip,
    key: bytes,
    author: str,
    text: str,
    uploads: Sequence[Upload] = (),
    **columns: Any,
) -> None:
    """Write one message or note at the next free position; two concurrent writers get two positions, as do their files."""
    for attempt in range(_POSITION_TAKEN_TRIES):
        last = model._default_manager.filter(tip=tip).aggregate(last=Max("position"))["last"] or 0
        row = model(**{"id": uuid.uuid4(), **columns}, tip=tip, position=last + 1)
        if isinstance(row, Message):
            row.author = author
        row.body = vault.seal_text(key, text, _body_context(author, row))
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                if isinstance(row, Message):
                    attachments.add(tip, key, uploads, row)
                if author == Author.SOURCE:
                    officer_alerts.raise_alert(tip)
        except IntegrityError:
            if not Tip.objects.filter(pk=tip.pk).exists():
                raise TipGoneError from None
            is_position_taken = model._default_manager.filter(tip=tip, position=row.position).exists()
            if not (is_position_taken or uploads) or attempt == _POSITION_TAKEN_TRIES - 1:
                raise
        else:
            return


def _body_context(author: str, row: Message | Note) -> vault.SealContext:
    if isinstance(row, Message):
        return vault.message_context(row.tip_id, row.id, author, row.position)
    return vault.note_context(row.tip_id, row.id, row.position)


def _open_notes_key(notes_key: NotesKey) -> bytes:
    return vault.open_key_with(notes_key.key_for_agency, notes_key.agency_key_id, settings.AGENCY_PRIVATE_KEYS)


def _officer_name(row: Model) -> str:
    officer = getattr(row, "officer", None)
    return (officer.get_full_name() or officer.get_username()) if officer else ""

"""The conversation of a tip: what source and staff write to each other, and officers' notes beside it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Model

from core.models import Account
from file_cleaning import MediaKind
from tips import intake, officer_alerts, vault
from tips.files import attachments, sealed_store
from tips.files.attachments import Upload
from tips.models import Attachment, Author, Message, Note, NotesKey, Tip

MAX_MESSAGE_LENGTH = 10_000
_POSITION_TAKEN_TRIES = 5


@dataclass(frozen=True, slots=True)
class TipFile:
    """One file of a conversation, with what kind it is."""

    row: Attachment
    kind: MediaKind

    @property
    def name(self) -> str:
        return attachments.display_name(self.kind, self.row.position)


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """One opened text of a conversation, and the files that came with it. `officer` is "" for the source; `read` says whether
    an officer has read it."""

    author: str
    text: str
    written_at: dt.datetime
    officer: str = ""
    read: bool = True
    files: list[TipFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OpenedTip:
    """A tip with its seal open. `report` has the keys of intake.Report.as_text; `arrived_at` is exact; `files` came with it."""

    tip: Tip
    report: dict[str, Any]
    messages: list[ConversationEntry]
    files: list[TipFile]

    @property
    def arrived_at(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.report["arrived_at"])


class TipGoneError(Exception):
    """The tip is no longer there: deleted by its source, or past its time."""


def read_tip(tip: Tip, key: bytes) -> OpenedTip:
    """Open report and messages with the tip's key, as the source may see them: officers have no names.

    Raises vault.SealError if anything stored was changed or moved.
    """
    return _read(tip, key, list(tip.messages.all()), named=False)


def read_tip_as_officer(tip: Tip) -> OpenedTip:
    """The same with the agency's private key and officers' names. Staff side only; triage.open_tip audits first.

    Raises vault.SealError, vault.KeyMissingError.
    """
    return _read(tip, key_for_officer(tip), list(tip.messages.select_related("officer")), named=True)


def _read(tip: Tip, key: bytes, messages: list[Message], *, named: bool) -> OpenedTip:
    report = json.loads(vault.open_text(key, tip.report, intake.report_context(tip.id)))
    files: dict[uuid.UUID | None, list[TipFile]] = {}
    for row in tip.attachments.all():
        files.setdefault(row.message_id, []).append(TipFile(row, attachments.read_kind(row, key)))
    entries = [
        ConversationEntry(
            author=message.author,
            text=vault.open_text(key, message.body, _place("message", message.author, message)),
            written_at=message.written_at,
            officer=_name_of(message) if named else "",
            read=message.read,
            files=files.get(message.id, []),
        )
        for message in messages
    ]
    return OpenedTip(tip, report, entries, files.get(None, []))


def read_notes(tip: Tip) -> list[ConversationEntry]:
    """Officers' notes, opened with the notes key. Staff side only."""
    notes_key = NotesKey.objects.filter(tip=tip).first()
    if notes_key is None:
        return []
    key = _open_notes_key(notes_key)
    return [
        ConversationEntry(
            Author.STAFF,
            vault.open_text(key, note.body, _place("note", Author.STAFF, note)),
            note.written_at,
            _name_of(note),
        )
        for note in tip.notes.select_related("officer")
    ]


def key_for_officer(tip: Tip) -> bytes:
    """K, opened with the agency's private key. Staff side only; triage.open_tip writes the audit entry first."""
    return vault.open_key_with(tip.key_for_agency, tip.agency_key_id, settings.AGENCY_PRIVATE_KEYS)


def add_from_source(tip: Tip, key: bytes, text: str, form_id: bytes, uploads: Sequence[Upload] = ()) -> bool:
    """Seal and store a message of the source with its files and alert the officers, once a form. False if this form was taken
    before. The text may be "" when there are files.

    Raises GoneError when the tip was deleted meanwhile.
    """
    form_hash = hashlib.sha256(b"message" + tip.id.bytes + form_id).digest()
    if Message.objects.filter(form_hash=form_hash).exists():
        return False
    try:
        _append(Message, "message", tip, key, Author.SOURCE, text, uploads, form_hash=form_hash)
    except IntegrityError:
        if Message.objects.filter(form_hash=form_hash).exists():
            return False
        raise
    return True


def add_from_officer(tip: Tip, officer: Account, text: str, form_id: bytes) -> bool:
    """Seal and store an answer of the agency, once a form. The source reads it with their receipt."""
    form_hash = hash_answer_form(tip, form_id)
    if Message.objects.filter(form_hash=form_hash).exists():
        return False
    _append(
        Message,
        "message",
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
    return hashlib.sha256(b"answer" + tip.id.bytes + form_id).digest()


def add_note(tip: Tip, officer: Account, text: str, note_id: uuid.UUID | None = None) -> None:
    """Seal and store an internal note under the notes key, which is made at the first note."""
    with transaction.atomic():
        Tip.objects.select_for_update().get(pk=tip.pk)
        notes_key = NotesKey.objects.filter(tip=tip).first()
        if notes_key is None:
            key = vault.generate_key()
            key_id, sealed = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
            NotesKey.objects.create(tip=tip, agency_key_id=key_id, key_for_agency=sealed)
        else:
            key = _open_notes_key(notes_key)
        _append(Note, "note", tip, key, Author.STAFF, text, officer=officer, id=note_id or uuid.uuid4())


def delete_by_source(token: bytes) -> None:
    """Cut the source's access at once and erase the tip with its files; under legal hold only the access is cut.

    The rule is in the database (rules.sql, source_delete): whoever holds no look-up token deletes nothing, even with the
    public role's database user in hand.
    """
    token_hash = hashlib.sha256(token).digest()
    files = set(
        Attachment.objects.filter(tip__token_hash=token_hash, file__isnull=False).values_list("file", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT source_delete(%s)", [token])
    if files:
        kept = set(Attachment.objects.filter(file__in=files).values_list("file", flat=True))
        # Their keys are gone with the rows; what stays when this fails, or was rebuilt just now, is swept.
        with suppress(OSError):
            sealed_store.remove_files([file for file in files - kept if file])


def _append(  # noqa: PLR0917
    model: type[Message] | type[Note],
    kind: str,
    tip: Tip,
    key: bytes,
    author: str,
    text: str,
    uploads: Sequence[Upload] = (),
    **columns: Any,
) -> None:
    """Write one entry at the next free position; two writers at once get two positions, and so do their files."""
    for attempt in range(_POSITION_TAKEN_TRIES):
        last = model._default_manager.filter(tip=tip).aggregate(last=Max("position"))["last"] or 0
        row = model(**{"id": uuid.uuid4(), **columns}, tip=tip, position=last + 1)
        if isinstance(row, Message):
            row.author = author
        row.body = vault.seal_text(key, text, _place(kind, author, row))
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
            taken = model._default_manager.filter(tip=tip, position=row.position).exists()
            if not (taken or uploads) or attempt == _POSITION_TAKEN_TRIES - 1:
                raise
        else:
            return


def _place(kind: str, author: str, row: Message | Note) -> vault.SealContext:
    return vault.SealContext(tip=row.tip_id, row=row.id, kind=kind, author=author, position=row.position, field="body")


def _open_notes_key(notes_key: NotesKey) -> bytes:
    return vault.open_key_with(notes_key.key_for_agency, notes_key.agency_key_id, settings.AGENCY_PRIVATE_KEYS)


def _name_of(row: Model) -> str:
    officer = getattr(row, "officer", None)
    return (officer.get_full_name() or officer.get_username()) if officer else ""

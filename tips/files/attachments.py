"""The rows of files that arrived with a tip or a message: written in its transaction, so that either all is taken or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from core import queue
from file_cleaning import MediaKind
from tips import vault
from tips.files import sealed_store
from tips.models import AgencyKey, Attachment, Author, Message, Tip

# As officers and sources see them, with the file's number in the tip: the sender's names are not kept.
DISPLAY_NAMES: dict[str, Promise] = {
    MediaKind.PHOTO: gettext_lazy("Photo %(number)d"),
    MediaKind.VIDEO: gettext_lazy("Video %(number)d"),
    MediaKind.AUDIO: gettext_lazy("Recording %(number)d"),
    MediaKind.DOCUMENT: gettext_lazy("Document %(number)d"),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A sealed file that arrived whole. `length` in bytes; `key` opens it."""

    file: UUID
    key: bytes
    kind: MediaKind
    length: int


def add(tip: Tip, key: bytes, uploads: Sequence[Upload], message: Message | None = None) -> None:
    """Write a row a file, each with its key sealed to the agency and to the media worker. Within the caller's transaction;
    once that is on the disk the page's ticket opens them no more and the worker is told.

    Raises vault.KeyMissingError, and IntegrityError when a position is taken or a file was taken before.
    """
    if not uploads:
        return
    last = 0 if message is None else tip.attachments.aggregate(last=Max("position"))["last"] or 0
    rows = [_row(tip, key, upload, position, message) for position, upload in enumerate(uploads, start=last + 1)]
    Attachment.objects.bulk_create(rows)
    transaction.on_commit(lambda: _taken(uploads), robust=True)


def _row(tip: Tip, key: bytes, upload: Upload, position: int, message: Message | None) -> Attachment:
    agency_key, key_for_agency = vault.seal_key_to_newest(upload.key, settings.AGENCY_PUBLIC_KEYS)
    worker_key, key_for_worker = vault.seal_key_to_newest(upload.key, settings.MEDIA_PUBLIC_KEYS)
    row = Attachment(
        id=upload.file,
        file=upload.file,
        tip=tip,
        message=message,
        position=position,
        agency_key=AgencyKey(id=agency_key),
        key_for_agency=key_for_agency,
        worker_key=worker_key,
        key_for_worker=key_for_worker,
    )
    row.label = vault.seal_text(key, json.dumps({"kind": upload.kind}), _place_of_label(row))
    return row


def _taken(uploads: Sequence[Upload]) -> None:
    """The rows are on the disk. A worker that cannot be told now finds them by itself."""
    for upload in uploads:
        sealed_store.ticket_path(upload.file).unlink(missing_ok=True)
    for upload in uploads:
        name = "media-video" if upload.kind == MediaKind.VIDEO else "media"
        queue.send("tips.media.rebuild", str(upload.file), queue=name)


def read_kind(attachment: Attachment, key: bytes) -> MediaKind:
    """What kind of file it is, with the tip's key. Raises vault.SealError."""
    return MediaKind(json.loads(vault.open_text(key, attachment.label, _place_of_label(attachment)))["kind"])


def display_name(kind: MediaKind, number: int) -> str:
    return str(DISPLAY_NAMES[kind]) % {"number": number}


def _place_of_label(row: Attachment) -> vault.SealContext:
    return vault.SealContext(
        tip=row.tip_id, row=row.id, kind="attachment", author=Author.SOURCE, position=row.position, field="label"
    )

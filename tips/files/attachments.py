"""The attachment rows of a tip or a message, written in its transaction: either all of it is stored or nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from core import queue
from core.web.shared_rows import Among, SharedRows
from core.web.sql_cache import SqlCache, select_count
from file_cleaning import MediaKind
from tips import vault
from tips.files import sealed_store
from tips.models import AgencyKey, Attachment, Author, Message, Tip

# Names of files as officers and sources see them, by the file's number in the tip: the sender's names are not stored.
DISPLAY_NAMES: dict[str, Promise] = {
    MediaKind.PHOTO: gettext_lazy("Photo %(number)d"),
    MediaKind.VIDEO: gettext_lazy("Video %(number)d"),
    MediaKind.AUDIO: gettext_lazy("Recording %(number)d"),
    MediaKind.DOCUMENT: gettext_lazy("Document %(number)d"),
}
_SQL = SqlCache()


@dataclass(frozen=True, slots=True)
class Upload:
    """A sealed file that has arrived whole. `key` opens it; `length` in bytes.

    `has_clip`: it is a photo that holds a short video or sound, which cleaning removes.
    """

    file: UUID
    key: bytes
    kind: MediaKind
    length: int
    has_clip: bool = False


def add(tip: Tip, key: bytes, uploads: Sequence[Upload], message: Message | None = None) -> None:
    """Write one row a file within the caller's transaction, its key sealed to the agency and to the media worker.

    On commit the page's ticket stops opening the files, and the worker gets a task for each. Raises vault.KeyMissingError,
    and IntegrityError when a position is occupied or a file already has a row.
    """
    if not uploads:
        return
    last = 0 if message is None else tip.attachments.aggregate(last=Max("position"))["last"] or 0
    rows = [_build_row(tip, key, upload, position, message) for position, upload in enumerate(uploads, start=last + 1)]
    Attachment.objects.bulk_create(rows)
    transaction.on_commit(lambda: _hand_to_worker(uploads), robust=True)


def _build_row(tip: Tip, key: bytes, upload: Upload, position: int, message: Message | None) -> Attachment:
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
    row.label = vault.seal_text(key, json.dumps({"kind": upload.kind, "clip": upload.has_clip}), _label_context(row))
    return row


def _hand_to_worker(uploads: Sequence[Upload]) -> None:
    """Remove the tickets and queue the rebuilding. If the queue is down, the worker's sweep finds the rows."""
    for upload in uploads:
        sealed_store.ticket_path(upload.file).unlink(missing_ok=True)
    for upload in uploads:
        queue_name = "media-video" if upload.kind == MediaKind.VIDEO else "media"
        queue.send("tips.media.rebuild", str(upload.file), queue=queue_name)


def read_label(attachment: Attachment, key: bytes) -> tuple[MediaKind, bool]:
    """Return the kind of a file, and whether it held a clip; opened with the tip's key. Raises vault.SealError."""
    label = json.loads(vault.open_text(key, attachment.label, _label_context(attachment)))
    return MediaKind(label["kind"]), label.get("clip", False)


def display_name(kind: MediaKind, number: int) -> str:
    """Return the name of a tip's file, such as "Photo 2", in the language of the request."""
    return str(DISPLAY_NAMES[kind]) % {"number": number}


def _label_context(row: Attachment) -> vault.SealContext:
    return vault.SealContext(
        tip=row.tip_id, row=row.id, kind="attachment", author=Author.SOURCE, position=row.position, field="label"
    )


def count_overdue(counted: SharedRows) -> int:
    """Return how many files of these tips, given by their ids, have waited to be rebuilt for an hour.

    `received_at` is the hour of arrival.
    """
    came_before = timezone.now() - dt.timedelta(hours=2)

    def select() -> QuerySet[Attachment, tuple[int]]:
        waiting = Attachment.objects.filter(Among("tip", counted), key_for_worker__isnull=False)
        return select_count(waiting.filter(received_at__lt=came_before))

    found = _SQL.fetch_row(counted.describe(connection), select, came_before)
    return found[0] if found else 0

"""What officers see of a source's files: only as rebuilt, and in the audit trail before a byte of it is read.

One line a view: the thumbnails a tip's page shows; a file, when its page is opened, each page of a document for itself; a
download. What such a page then fetches, a video in many pieces, it fetches from addresses that were made for it: each
opens one part of one file, for the session that made it and for an hour, and writes no further line.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction

from core import audit
from core.models import Account
from tips import conversation, vault
from tips.conversation import TipFile
from tips.desk import permissions
from tips.files import attachments
from tips.files.rebuilt_file import FilePart, RebuiltFileReader
from tips.models import Attachment, Tip

ADDRESS_LIFETIME_SECONDS = 3600


class FileNotReadyError(Exception):
    """The file is not cleaned yet, or was refused."""

    def __init__(self, tip: Tip, file: TipFile, files: list[TipFile]) -> None:
        super().__init__()
        self.tip, self.file, self.files = tip, file, files


@dataclass(frozen=True, slots=True)
class ViewedFile:
    """A file opened for an officer, among all `files` of its tip. Whoever has it closes `container`."""

    tip: Tip
    file: TipFile
    files: list[TipFile]
    container: RebuiltFileReader


def list_files(tip_id: UUID, officer: Account) -> tuple[Tip, list[TipFile]]:
    """The files of an opened tip, each with its message; none of them is opened by this.

    Raises conversation.GoneError, PermissionDenied, vault.SealError, vault.KeyMissingError.
    """
    permissions.require(permissions.can_open(officer))
    tip = permissions.opened_tips(officer).filter(pk=tip_id).first()
    if tip is None:
        raise conversation.TipGoneError
    key = conversation.key_for_officer(tip)
    rows = tip.attachments.select_related("message").defer("message__body")
    return tip, [TipFile(row, attachments.read_kind(row, key)) for row in rows]


def list_thumbnails(tip: Tip, files: Sequence[TipFile], officer: Account) -> dict[int, tuple[int, FilePart]]:
    """(number of the part, part) of each thumbnail by the number of its file, for an opened tip's page."""
    found = {}
    for file in files:
        if file.row.state != Attachment.AttachmentState.READY:
            continue
        with suppress(OSError, vault.SealError, vault.KeyMissingError), _container(file.row) as container:
            for number in container.part_indexes("thumbnail"):
                found[file.row.position] = number, container.parts[number]
    if found:
        _record(officer, "saw thumbnails", f"tip {tip.number}", f"files {', '.join(map(str, found))}")
    return found


def open_for_view(tip_id: UUID, number: int, officer: Account, page: int = 1) -> ViewedFile:
    """A file for its page. Must not be called in a transaction.

    Raises conversation.GoneError, NotReadyError, PermissionDenied, FileNotFoundError, vault.SealError,
    vault.KeyMissingError.
    """
    return _open(tip_id, number, officer, "viewed", f"page {page}" if page > 1 else "")


def open_for_download(tip_id: UUID, number: int, officer: Account) -> ViewedFile:
    """A file to be taken along. Raises as `view` does."""
    return _open(tip_id, number, officer, "downloaded")


def _open(tip_id: UUID, number: int, officer: Account, action: str, detail: str = "") -> ViewedFile:
    tip, files = list_files(tip_id, officer)
    file = next((file for file in files if file.row.position == number), None)
    if file is None:
        raise conversation.TipGoneError
    if file.row.state != Attachment.AttachmentState.READY:
        raise FileNotReadyError(tip, file, files)
    _record(officer, action, f"file {number} of tip {tip.number}", detail)
    return ViewedFile(tip, file, files, _container(file.row))


def sign_part_address(tip_id: UUID, number: int, part: int, session: str) -> str:
    """What opens one part of a file that this session views."""
    return signing.dumps([str(tip_id), number, part], salt=_salt(session))


def open_part(
    address: str, tip_id: UUID, number: int, session: str, officer: Account
) -> tuple[RebuiltFileReader, FilePart]:
    """Raises conversation.GoneError for an address of another session or file, an old one, and a file that is gone.

    Raises PermissionDenied, FileNotFoundError, vault.SealError and vault.KeyMissingError too.
    """
    permissions.require(permissions.can_open(officer))
    try:
        *file, part = signing.loads(address, salt=_salt(session), max_age=ADDRESS_LIFETIME_SECONDS)
    except signing.BadSignature:
        raise conversation.TipGoneError from None
    tips = permissions.opened_tips(officer).filter(pk=tip_id)
    ready = Attachment.objects.filter(tip__in=tips, position=number, state=Attachment.AttachmentState.READY)
    row = ready.first() if file == [str(tip_id), number] else None
    if row is None:
        raise conversation.TipGoneError
    container = _container(row)
    return container, container.parts[part]


def list_file_states(tip_id: UUID, officer: Account) -> list[Attachment]:
    """Return the rows of a tip's files, to say how far each is; nothing sealed is opened. Raises PermissionDenied."""
    permissions.require(permissions.can_open(officer))
    return list(Attachment.objects.filter(tip__in=permissions.visible_tips(officer).filter(pk=tip_id)))


def _salt(session: str) -> str:
    return f"tips.desk.file_access {session}"


def _container(row: Attachment) -> RebuiltFileReader:
    assert row.file is not None
    key = vault.open_key_with(row.key_for_agency, row.agency_key_id, settings.AGENCY_PRIVATE_KEYS)
    return RebuiltFileReader(row.file, key)


def _record(officer: Account, action: str, subject: str, detail: str = "") -> None:
    with transaction.atomic(durable=True):
        audit.record(officer, action, subject, detail)

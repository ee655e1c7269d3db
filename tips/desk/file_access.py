"""Officers' access to a source's files: only rebuilt ones, and audited before a byte of their content is read.

The audit trail gets one line each time thumbnails are shown, one for each opening of a file's page (each page of a document
counts), and one for a download; none for a file that does not open. The page then fetches the parts, a video in many pieces, from signed addresses:
each opens one part of one file, for the session it was signed for and for an hour, and writes no further line.
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
from file_cleaning import MediaKind
from tips import conversation, vault
from tips.conversation import TipFile
from tips.desk import permissions
from tips.files import attachments
from tips.files.rebuilt_file import FilePart, RebuiltFileReader
from tips.models import Attachment, Tip

ADDRESS_LIFETIME_SECONDS = 3600


class FileNotReadyError(Exception):
    """The file is not rebuilt yet, or was refused."""

    def __init__(self, tip: Tip, file: TipFile, files: list[TipFile]) -> None:
        super().__init__()
        self.tip, self.file, self.files = tip, file, files


@dataclass(frozen=True, slots=True)
class ViewedFile:
    """A file opened for an officer, at a `page` if it is a document, and all `files` of its tip. The caller closes `reader`."""

    tip: Tip
    file: TipFile
    files: list[TipFile]
    reader: RebuiltFileReader
    page: int


def list_files(tip_id: UUID, officer: Account) -> tuple[Tip, list[TipFile]]:
    """Return an opened tip and its files, each with its message; this opens no file.

    Raises conversation.TipGoneError, PermissionDenied, vault.SealError, vault.KeyMissingError.
    """
    permissions.require(permissions.can_open(officer))
    tip = permissions.opened_tips(officer).filter(pk=tip_id).first()
    if tip is None:
        raise conversation.TipGoneError
    key = conversation.key_for_officer(tip)
    rows = tip.attachments.select_related("message").defer("message__body")
    return tip, [TipFile(row, *attachments.read_label(row, key)) for row in rows]


def has_thumbnail(file: TipFile) -> bool:
    """Return whether the file has a thumbnail that can be shown; this opens nothing."""
    return file.row.state == Attachment.AttachmentState.READY and file.kind != MediaKind.AUDIO


def list_thumbnails(tip: Tip, files: Sequence[TipFile], officer: Account) -> dict[int, tuple[int, FilePart]]:
    """Return (index of the part, part) of each thumbnail by the number of its file, and record it in the audit trail."""
    thumbnails = {}
    for file in files:
        if not has_thumbnail(file):
            continue
        with suppress(OSError, vault.SealError, vault.KeyMissingError), _open_reader(file.row) as reader:
            for index in reader.part_indexes("thumbnail"):
                thumbnails[file.row.position] = index, reader.parts[index]
    if thumbnails:
        _record(officer, "saw thumbnails of", f"tip {tip.number}", f"files {', '.join(map(str, thumbnails))}")
    return thumbnails


def open_for_view(tip_id: UUID, number: int, officer: Account, page: int = 1) -> ViewedFile:
    """Open a file for its page, and record the view. Must not be called in a transaction.

    Raises conversation.TipGoneError, FileNotReadyError, PermissionDenied, FileNotFoundError, vault.SealError,
    vault.KeyMissingError.
    """
    return _open(tip_id, number, officer, "viewed", page)


def open_for_download(tip_id: UUID, number: int, officer: Account) -> ViewedFile:
    """Open a file to be downloaded, and record it. Raises as open_for_view does."""
    return _open(tip_id, number, officer, "downloaded")


def _open(tip_id: UUID, number: int, officer: Account, action: str, page: int = 1) -> ViewedFile:
    tip, files = list_files(tip_id, officer)
    file = next((file for file in files if file.row.position == number), None)
    if file is None:
        raise conversation.TipGoneError
    if file.row.state != Attachment.AttachmentState.READY:
        raise FileNotReadyError(tip, file, files)
    reader = _open_reader(file.row)
    try:
        page = min(max(page, 1), max(len(reader.part_indexes("page")), 1))
        _record(officer, action, f"file {number} of tip {tip.number}", f"page {page}" if page > 1 else "")
    except BaseException:
        reader.close()
        raise
    return ViewedFile(tip, file, files, reader, page)


def sign_part_address(tip_id: UUID, number: int, part_index: int, session: str) -> str:
    """Return the signed address that opens one part of a file for this session."""
    return signing.dumps([str(tip_id), number, part_index], salt=_salt(session))


def open_part(
    address: str, tip_id: UUID, number: int, session: str, officer: Account
) -> tuple[RebuiltFileReader, FilePart]:
    """Open the part of a file at a signed address.

    Raises conversation.TipGoneError for an address of another session or file, an expired one, and a file that is gone;
    PermissionDenied, FileNotFoundError, vault.SealError and vault.KeyMissingError.
    """
    permissions.require(permissions.can_open(officer))
    try:
        *signed_file, part_index = signing.loads(address, salt=_salt(session), max_age=ADDRESS_LIFETIME_SECONDS)
    except signing.BadSignature:
        raise conversation.TipGoneError from None
    tips = permissions.opened_tips(officer).filter(pk=tip_id)
    ready = Attachment.objects.filter(tip__in=tips, position=number, state=Attachment.AttachmentState.READY)
    row = ready.first() if signed_file == [str(tip_id), number] else None
    if row is None:
        raise conversation.TipGoneError
    reader = _open_reader(row)
    return reader, reader.parts[part_index]


def list_file_states(tip_id: UUID, officer: Account) -> list[Attachment]:
    """Return the rows of a tip's files, to show how far each is; this opens no seal. Raises PermissionDenied."""
    permissions.require(permissions.can_open(officer))
    return list(Attachment.objects.filter(tip__in=permissions.visible_tips(officer).filter(pk=tip_id)))


def _salt(session: str) -> str:
    return f"tips.desk.file_access {session}"


def _open_reader(row: Attachment) -> RebuiltFileReader:
    assert row.file is not None
    key = vault.open_key_with(row.key_for_agency, row.agency_key_id, settings.AGENCY_PRIVATE_KEYS)
    return RebuiltFileReader(row.file, key)


def _record(officer: Account, action: str, subject: str, detail: str = "") -> None:
    with transaction.atomic(durable=True):
        audit.record(officer, action, subject, detail)

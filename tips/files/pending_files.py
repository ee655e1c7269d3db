"""Files that a source has attached but not sent yet: kept for an hour under the ticket of the page.

A ticket is 32 random bytes that only the source's page holds, in a hidden field. Beside each pending file lies its key,
sealed under the ticket: without the ticket nobody opens the file, the agency included. In front of it is a hash of the
ticket, so that no file is swept while its page still sends another. Files come with a post
(tips/files/multipart.py) or ahead of it, piece by piece (tips/views/tus.py); a post names its files in `uploads`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import struct
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import DatabaseError, InterfaceError

import file_cleaning
from core.agency import current_settings
from tips import vault
from tips.files import sealed_store, upload_sentences
from tips.files.attachments import Upload
from tips.files.incoming_upload import NO_ROOM, FileNotAcceptedError
from tips.models import Attachment

log = logging.getLogger(__name__)

TICKET_FIELD, IDS_FIELD = "ticket", "uploads"
_TICKET_CONTENT = struct.Struct(f">{vault.KEY_BYTES}sQ")  # the file's key, its length in bytes
_SEALED_BYTES = len(vault.seal_box(bytes(vault.KEY_BYTES), bytes(_TICKET_CONTENT.size), b""))
_MAX_IDS = 100


class UnknownFileError(Exception):
    """No pending file has this id and ticket: it never existed, was sent, or was swept."""


@dataclass(frozen=True, slots=True)
class PendingFiles:
    """The pending files of one page: its ticket as text ("" before the page has one) and the ids of the files."""

    ticket: str = ""
    ids: tuple[UUID, ...] = ()

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> PendingFiles:
        """Read ticket and ids from a page's fields; each id once, anything that is no id left out."""
        ids = []
        for text in fields.get(IDS_FIELD, "").split()[:_MAX_IDS]:
            with suppress(ValueError):
                ids.append(UUID(text))
        return cls(fields.get(TICKET_FIELD, ""), tuple(dict.fromkeys(ids)))

    def to_fields(self) -> dict[str, str]:
        """Return the hidden fields that carry these files to the next post."""
        fields = {TICKET_FIELD: self.ticket, IDS_FIELD: " ".join(map(str, self.ids))}
        return {name: value for name, value in fields.items() if value}

    def add(self, uploads: Sequence[Upload]) -> tuple[PendingFiles, list[str]]:
        """Put files that have just arrived under the ticket, a new one if there is none.

        Returns the pending files with them, and a sentence for each that could not be stored.
        """
        if not uploads:
            return self, []
        text = self.ticket if decode_ticket(self.ticket) is not None else new_ticket()
        ticket = decode_ticket(text)
        assert ticket is not None
        added, problems = [], []
        for upload in uploads:
            try:
                store_key(upload.file, upload.key, upload.length, ticket)
                added.append(upload.file)
            except FileNotAcceptedError as error:
                problems.append(error.sentence)
        return PendingFiles(text, tuple(dict.fromkeys([*self.ids, *added]))), problems

    def remove(self, ids: Collection[UUID]) -> PendingFiles:
        """Remove these files from the store, and return the others."""
        if not ids:
            return self
        with suppress(DatabaseError, InterfaceError):  # then the hourly sweep removes them
            remove_unsent(ids, decode_ticket(self.ticket))
        return replace(self, ids=tuple(file for file in self.ids if file not in ids))

    def keep(self) -> None:
        """Keep the files of this ticket for another hour."""
        ticket = decode_ticket(self.ticket)
        for file in self.ids:
            with suppress(UnknownFileError, OSError):
                find_key(file, ticket)
                sealed_store.touch(file)

    def open(self) -> tuple[list[Upload], list[str]]:
        """Return the files that are here whole, kept for another hour, and a sentence for each kind of problem.

        Files beyond TIP_MAX_FILES or TIP_MAX_BYTES are removed.
        """
        ticket = decode_ticket(self.ticket)
        opened: list[Upload] = []
        too_many, too_large, missing_count = [], [], 0
        for file in self.ids:
            upload = _open(file, ticket)
            if upload is None:
                missing_count += 1
            elif len(opened) >= current_settings.current().tip_max_files:
                too_many.append(file)
            elif sum(known.length for known in opened) + upload.length > current_settings.current().tip_max_bytes:
                too_large.append(file)
            else:
                opened.append(upload)
        remove_unsent(too_many + too_large, ticket)
        problems = [upload_sentences.lost(missing_count)] * bool(missing_count)
        problems += [upload_sentences.left_out(len(too_many))] * bool(too_many)
        return opened, problems + [upload_sentences.too_large()] * len(too_large)


def new_ticket() -> str:
    """Return a random ticket as the text of a page's hidden field."""
    return base64.urlsafe_b64encode(vault.generate_key()).decode()


def decode_ticket(text: str) -> bytes | None:
    """Return the 32 bytes of a ticket, or None for any other text."""
    try:
        ticket = base64.urlsafe_b64decode(text[:64])
    except (binascii.Error, ValueError):
        return None
    return ticket if len(ticket) == vault.KEY_BYTES else None


def store_key(file: UUID, key: bytes, length: int, ticket: bytes) -> None:
    """Seal a file's key and its length in bytes, announced or final, under the ticket. Raises FileNotAcceptedError."""
    sealed = vault.seal_box(ticket, _TICKET_CONTENT.pack(key, length), _label(file))
    try:
        descriptor = os.open(sealed_store.ticket_path(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, sealed_store.file_mode())
            stream.write(_page_mark(ticket) + sealed)
    except OSError as error:
        log.error("a file's key cannot be stored (%s)", type(error).__name__)
        with suppress(OSError):
            sealed_store.remove_files([file])
        raise FileNotAcceptedError(upload_sentences.no_room(), NO_ROOM) from None


def find_key(file: UUID, ticket: bytes | None) -> tuple[bytes, int]:
    """Return key and length in bytes of a file that was begun under this ticket. Raises UnknownFileError."""
    try:
        if ticket is None:
            raise UnknownFileError
        sealed = sealed_store.ticket_path(file).read_bytes()[-_SEALED_BYTES:]
        return _TICKET_CONTENT.unpack(vault.open_box(ticket, sealed, _label(file)))
    except (OSError, vault.SealError):
        raise UnknownFileError from None


def find_whole_file(file: UUID, key: bytes) -> Upload | None:
    """Return the file if all of it has arrived, else None."""
    try:
        with sealed_store.Reader(file, key) as reader:
            return Upload(
                file,
                key,
                file_cleaning.MediaKind(reader.content["kind"]),
                reader.length,
                reader.content.get("clip", False),
            )
    except (OSError, vault.SealError):
        return None


def remove_unsent(files: Collection[UUID], ticket: bytes | None) -> None:
    """Remove the files of this ticket, except those that a tip has."""
    of_ticket = []
    for file in files:
        with suppress(UnknownFileError):
            find_key(file, ticket)
            of_ticket.append(file)
    if of_ticket:
        sent = Attachment.objects.filter(file__in=of_ticket).values_list("file", flat=True)
        sealed_store.remove_files(set(of_ticket) - set(sent))


def _open(file: UUID, ticket: bytes | None) -> Upload | None:
    try:
        upload = find_whole_file(file, find_key(file, ticket)[0])
        if upload is not None:
            sealed_store.touch(file)
    except (UnknownFileError, OSError):
        return None
    return upload


def _page_mark(ticket: bytes) -> bytes:
    """Return a hash of the ticket, by which the sweep sees that files are of one page. It opens nothing."""
    return hashlib.blake2b(ticket, digest_size=sealed_store.PAGE_MARK_BYTES, person=b"page of a file").digest()


def _label(file: UUID) -> bytes:
    return b"ticket" + file.bytes

"""Residents' files on their way in: sealed chunk by chunk as they arrive, and kept under the page's ticket until Send.

A ticket is 32 random bytes that the source's page alone holds, in a hidden field. Beside each file that is not sent yet
stands its key, sealed under the ticket: without it nobody opens the file, the agency included. Files come with a post
(tips/files/multipart.py) or ahead of it, piece by piece (tips/views/tus.py); a post names those it has in `uploads`.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import file_cleaning
from tips import vault
from tips.files import sealed_store
from tips.files.attachments import Upload
from tips.models import Attachment

log = logging.getLogger(__name__)

_TICKET = struct.Struct(f">{vault.KEY_BYTES}sQ")
_MOST_NAMED = 100
TOO_LARGE, NOT_OF_A_KIND, NO_ROOM = 413, 415, 507


class NotTakenError(Exception):
    """A file cannot be taken, and nothing of it is left. `sentence` says why and what to do instead."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(status)
        self.sentence = sentence
        self.status = status


class UnknownError(Exception):
    """No file of this id and ticket: never here, sent, or swept."""


class Incoming:
    """One file as it arrives. What it is comes from its first bytes; it grows to `longest` bytes and no further.

    Every method raises NotTakenError. The first also raises store.WriterBusyError.
    """

    def __init__(self, file: UUID, key: bytes, longest: int) -> None:
        self.file = file
        self._key = key
        self._longest = longest
        self._kind: file_cleaning.MediaKind | None = None
        self._writer: sealed_store.Writer | None = None
        if not vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub"):
            log.error("no file can be taken: no public key of the media worker in %s", settings.MEDIA_PUBLIC_KEYS)
            raise NotTakenError(no_room(), NO_ROOM)
        with self._told():
            self._writer = sealed_store.Writer(file, key, longest)

    @property
    def offset(self) -> int:
        return self._open.offset

    @property
    def _open(self) -> sealed_store.Writer:
        assert self._writer is not None
        return self._writer

    def write(self, content: bytes) -> None:
        if self.offset + len(content) > self._longest:
            self.discard()
            raise NotTakenError(too_large(), TOO_LARGE)
        with self._told():
            self._open.write(content)
            if self._kind is None and self.offset >= sealed_store.CHUNK:
                self._kind = file_cleaning.detect_kind(self._open.head())

    def pause(self) -> int:
        """What is whole is on the disk; returns the offset from which to go on."""
        with self._told():
            return self._open.pause()

    def finish(self) -> Upload:
        """The file is whole, and on the disk."""
        with self._told():
            kind = self._kind or file_cleaning.detect_kind(self._open.head())
            return Upload(self.file, self._key, kind, self._open.finish(kind=kind.value))

    def discard(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.discard()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except file_cleaning.FileRefusedError as error:
            self.discard()
            raise NotTakenError(error.sentence, NOT_OF_A_KIND) from None
        except (sealed_store.StoreFullError, OSError) as error:
            self.discard()
            log.error("a file cannot be stored (%s)", type(error).__name__)
            raise NotTakenError(no_room(), NO_ROOM) from None


# Tickets


def new_ticket() -> str:
    """As the text of the page's hidden field."""
    return base64.urlsafe_b64encode(vault.random_key()).decode()


def read_ticket(text: str) -> bytes | None:
    try:
        ticket = base64.urlsafe_b64decode(text[:64])
    except (binascii.Error, ValueError):
        return None
    return ticket if len(ticket) == vault.KEY_BYTES else None


def keep(file: UUID, key: bytes, length: int, ticket: bytes) -> None:
    """From now on the ticket opens this file, which is or will be `length` bytes long. Raises NotTakenError."""
    sealed = vault.seal_box(ticket, _TICKET.pack(key, length), _label(file))
    try:
        descriptor = os.open(sealed_store.ticket_path(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(sealed)
    except OSError as error:
        log.error("a file's key cannot be stored (%s)", type(error).__name__)
        with suppress(OSError):
            sealed_store.remove([file])
        raise NotTakenError(no_room(), NO_ROOM) from None


def find(file: UUID, ticket: bytes | None) -> tuple[bytes, int]:
    """Key and length of a file that was begun under this ticket. Raises UnknownError."""
    try:
        if ticket is None:
            raise UnknownError
        return _TICKET.unpack(vault.open_box(ticket, sealed_store.ticket_path(file).read_bytes(), _label(file)))
    except (OSError, vault.SealError):
        raise UnknownError from None


def whole(file: UUID, key: bytes) -> Upload | None:
    """The file if it arrived whole."""
    try:
        with sealed_store.Reader(file, key) as reader:
            return Upload(file, key, file_cleaning.MediaKind(reader.content["kind"]), reader.length)
    except (OSError, vault.SealError):
        return None


def forget(files: Collection[UUID], ticket: bytes | None) -> None:
    """Remove files of this ticket, unless a tip has them."""
    ours = []
    for file in files:
        with suppress(UnknownError):
            find(file, ticket)
            ours.append(file)
    if ours:
        sent = Attachment.objects.filter(file__in=ours).values_list("file", flat=True)
        sealed_store.remove(set(ours) - set(sent))


def _label(file: UUID) -> bytes:
    return b"ticket" + file.bytes


# What a post names


def named(fields: dict[str, str]) -> list[UUID]:
    """The files that a post names, each once."""
    found = []
    for text in fields.get("uploads", "").split()[:_MOST_NAMED]:
        with suppress(ValueError):
            found.append(UUID(text))
    return list(dict.fromkeys(found))


def opened(fields: dict[str, str]) -> tuple[list[Upload], list[str]]:
    """The files that a post names, for another hour, and a sentence for each that is not here whole or is too much.

    Afterwards the post names only the first.
    """
    ticket = read_ticket(fields.get("ticket", ""))
    here: list[Upload] = []
    too_many, too_much, missing = [], [], 0
    for file in named(fields):
        upload = _opened(file, ticket)
        if upload is None:
            missing += 1
        elif len(here) >= settings.TIP_MAX_FILES:
            too_many.append(file)
        elif sum(known.length for known in here) + upload.length > settings.TIP_MAX_BYTES:
            too_much.append(file)
        else:
            here.append(upload)
    forget(too_many + too_much, ticket)
    name(fields, [upload.file for upload in here])
    problems = [lost(missing)] * bool(missing) + [left_out(len(too_many))] * bool(too_many)
    return here, problems + [too_large()] * len(too_much)


def name(fields: dict[str, str], files: Collection[UUID]) -> None:
    if files or fields.get("uploads"):
        fields["uploads"] = " ".join(map(str, files))


def _opened(file: UUID, ticket: bytes | None) -> Upload | None:
    try:
        upload = whole(file, find(file, ticket)[0])
        if upload is not None:
            sealed_store.touch(file)
    except (UnknownError, OSError):
        return None
    return upload


# Sentences


def too_large() -> str:
    return _(
        "Your files may have %(size)s together, and this one is more. Attach a shorter video or a smaller file,"
        " or send it later with your receipt."
    ) % {"size": filesizeformat(settings.TIP_MAX_BYTES)}


def left_out(count: int) -> str:
    most = settings.TIP_MAX_FILES
    sentence = ngettext("You can send %(most)d file at once.", "You can send %(most)d files at once.", most) % {
        "most": most
    }
    rest = ngettext(
        "%(count)d was left out. Send it later with your receipt.",
        "%(count)d were left out. Send them later with your receipt.",
        count,
    ) % {"count": count}
    return f"{sentence} {rest}"


def no_room() -> str:
    return _(
        "Files cannot be taken at this moment. Your text can: send it now, and add the file later with your receipt."
    )


def lost(count: int) -> str:
    return ngettext(
        "%(count)d file you attached is no longer here. We keep a file for an hour until you send it."
        " Attach it again, or send without it.",
        "%(count)d files you attached are no longer here. We keep files for an hour until you send them."
        " Attach them again, or send without them.",
        count,
    ) % {"count": count}

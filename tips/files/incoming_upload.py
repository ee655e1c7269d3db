"""A resident's file while it arrives: identified by its first bytes, sealed chunk by chunk, limited in length."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.conf import settings

import file_cleaning
from tips import vault
from tips.files import sealed_store, upload_sentences
from tips.files.attachments import Upload

log = logging.getLogger(__name__)

# HTTP statuses of FileNotAcceptedError.
TOO_LARGE, NOT_OF_A_KIND, NO_ROOM = 413, 415, 507


class FileNotAcceptedError(Exception):
    """A file cannot be accepted, and nothing of it is left. `sentence` says why and what to do instead."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(status)
        self.sentence = sentence
        self.status = status


class IncomingUpload:
    """One file as it arrives. Its first bytes decide what kind it is; it may grow to `max_bytes`.

    `is_announced`: it becomes exactly `max_bytes` long.

    Every method raises FileNotAcceptedError. The constructor also raises sealed_store.WriterBusyError.
    """

    def __init__(self, file: UUID, key: bytes, max_bytes: int, *, is_announced: bool = False) -> None:
        self.file = file
        self._key = key
        self._max_bytes = max_bytes
        self._final_bytes = max_bytes if is_announced else None
        self._kind: file_cleaning.MediaKind | None = None
        self._writer_or_none: sealed_store.Writer | None = None
        if not vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub"):
            log.error("no file can be taken: no public key of the media worker in %s", settings.MEDIA_PUBLIC_KEYS)
            raise FileNotAcceptedError(upload_sentences.no_room(), NO_ROOM)
        with self._discard_on_error():
            self._writer_or_none = sealed_store.Writer(file, key, max_bytes)

    @property
    def offset(self) -> int:
        """Bytes received so far."""
        return self._writer.offset

    @property
    def _writer(self) -> sealed_store.Writer:
        assert self._writer_or_none is not None
        return self._writer_or_none

    def write(self, content: bytes) -> None:
        if self.offset + len(content) > self._max_bytes:
            self.discard()
            raise FileNotAcceptedError(upload_sentences.too_large(), TOO_LARGE)
        with self._discard_on_error():
            self._writer.write(content)
            if self._kind is None and self.offset >= sealed_store.CHUNK_BYTES:
                self._kind = self._judge_head(self._final_bytes)

    def pause(self) -> int:
        """Put whole chunks on the disk, drop the rest, and return the offset to go on from."""
        with self._discard_on_error():
            return self._writer.pause()

    def finish(self) -> Upload:
        """Close the file; once this returns it is on the disk."""
        with self._discard_on_error():
            kind = self._judge_head(self.offset)
            has_clip = kind is file_cleaning.MediaKind.PHOTO and file_cleaning.holds_clip(self._writer.read_back())
            length = self._writer.finish(kind=kind.value, clip=has_clip)
            return Upload(self.file, self._key, kind, length, has_clip)

    def _judge_head(self, length: int | None) -> file_cleaning.MediaKind:
        """Return the kind of the file. Raises file_cleaning.FileRefusedError for no accepted kind, or too much of it."""
        head = self._writer.head()
        file_cleaning.check_header(head, length)
        return file_cleaning.detect_kind(head)

    def discard(self) -> None:
        """Remove what has arrived."""
        if self._writer_or_none is not None:
            with suppress(OSError):
                self._writer_or_none.discard()

    @contextmanager
    def _discard_on_error(self) -> Iterator[None]:
        """Discard the file and raise FileNotAcceptedError where it is of no accepted kind or cannot be stored."""
        try:
            yield
        except file_cleaning.FileRefusedError as error:
            self.discard()
            raise FileNotAcceptedError(error.sentence, NOT_OF_A_KIND) from None
        except (sealed_store.StoreFullError, OSError) as error:
            self.discard()
            log.error("a file cannot be stored (%s)", type(error).__name__)
            raise FileNotAcceptedError(upload_sentences.no_room(), NO_ROOM) from None

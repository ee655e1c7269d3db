"""Seal the files of a multipart post while it arrives, so that no part of them is ever a plain file."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from core.agency import current_settings
from core.plain_text import clean_typed_text
from tips import vault
from tips.files import sealed_store, upload_sentences
from tips.files.attachments import Upload
from tips.files.incoming_upload import FileNotAcceptedError, IncomingUpload
from tips.files.pending_files import PendingFiles

FIELD = "attachments"
_MAX_SHOWN_NAME = 60  # characters
_KEEP_SECONDS = 600


class SealingHandler(FileUploadHandler):
    """Django's upload handler for the source's pages. A file that is not accepted is read to its end and dropped.

    `uploads` are the accepted files; `problems` has a sentence for each other. The sender's name of a file appears only in
    such a sentence, in the answer to the very post that brought it; the type the sender claims is ignored.

    `may_store` is asked before the first byte of a file is stored, when the fields before it have been read. `earlier_files`
    returns the files that the page has sent before: they are kept while this post arrives, which can take hours.
    """

    chunk_size = 4 * sealed_store.CHUNK_BYTES

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.may_store: Callable[[], bool] = lambda: False
        self.earlier_files: Callable[[], PendingFiles] = PendingFiles
        self.uploads: list[Upload] = []
        self.problems: list[str] = []
        self._left_out_count = 0
        self._incoming: IncomingUpload | None = None
        self._shown_name = ""
        self._kept_at = time.monotonic()

    def new_file(self, field_name: str, file_name: str, *_args: Any, **_kwargs: Any) -> None:
        if field_name != FIELD:
            raise SkipFile
        if len(self.uploads) >= current_settings.current().tip_max_files:
            self._left_out_count += 1
            raise SkipFile
        self._shown_name = clean_typed_text(file_name)[:_MAX_SHOWN_NAME]
        if not self.may_store():
            self.problems.append(f"{self._shown_name}: {upload_sentences.page_too_old()}")
            raise SkipFile
        max_bytes = current_settings.current().tip_max_bytes - sum(upload.length for upload in self.uploads)
        with self._skip_if_not_accepted():
            self._incoming = IncomingUpload(uuid.uuid4(), vault.generate_key(), max_bytes)

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> None:
        self._keep_other_files()
        if self._incoming is not None:
            with self._skip_if_not_accepted():
                self._incoming.write(raw_data)

    def _keep_other_files(self) -> None:
        if time.monotonic() - self._kept_at > _KEEP_SECONDS:
            self._kept_at = time.monotonic()
            self.earlier_files().keep()
            for upload in self.uploads:
                with suppress(OSError):
                    sealed_store.touch(upload.file)

    def file_complete(self, _file_size: int) -> None:
        if self._incoming is not None:
            with suppress(SkipFile), self._skip_if_not_accepted():
                self.uploads.append(self._incoming.finish())
            self._incoming = None

    @contextmanager
    def _skip_if_not_accepted(self) -> Iterator[None]:
        """Turn FileNotAcceptedError into a problem with the file's name, and skip the rest of the file."""
        try:
            yield
        except FileNotAcceptedError as error:
            self._incoming = None
            self.problems.append(f"{self._shown_name}: {error.sentence}")
            raise SkipFile from None

    def add_to(self, files: PendingFiles) -> PendingFiles:
        """Return the page's pending files with the accepted ones among them."""
        if self._left_out_count:
            self.problems.append(upload_sentences.left_out(self._left_out_count))
        files, problems = files.add(self.uploads)
        self.problems += problems
        return files

    def discard(self) -> None:
        """Remove every file that came with this post."""
        if self._incoming is not None:
            self._incoming.discard()
        with suppress(OSError):
            sealed_store.remove_files([upload.file for upload in self.uploads])

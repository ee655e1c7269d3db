"""Files that come with a post: each is sealed while the post is still arriving, and none of it is ever a plain file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from core.plain_text import clean_typed_text
from tips import vault
from tips.files import sealed_store, uploads
from tips.files.attachments import Upload
from tips.files.uploads import Incoming, NotTakenError

FIELD = "attachments"
_LONGEST_NAME_SHOWN = 60


class SealingHandler(FileUploadHandler):
    """Django's upload handler for the source's pages. A file that cannot be taken is read to its end and dropped.

    `uploads` are the files taken; `problems` a sentence for each that was not. The sender's name of a file is only ever in
    such a sentence, in the answer to the very post that brought it; what type they say it has is not looked at.
    """

    chunk_size = 4 * sealed_store.CHUNK

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.uploads: list[Upload] = []
        self.problems: list[str] = []
        self.left_out = 0
        self._incoming: Incoming | None = None
        self._shown = ""

    def new_file(self, field_name: str, file_name: str, *_about: Any, **_more: Any) -> None:
        if field_name != FIELD:
            raise SkipFile
        if len(self.uploads) >= settings.TIP_MAX_FILES:
            self.left_out += 1
            raise SkipFile
        self._shown = clean_typed_text(file_name)[:_LONGEST_NAME_SHOWN]
        longest = settings.TIP_MAX_BYTES - sum(upload.length for upload in self.uploads)
        with self._told():
            self._incoming = Incoming(uuid.uuid4(), vault.random_key(), longest)

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> None:
        if self._incoming is not None:
            with self._told():
                self._incoming.write(raw_data)

    def file_complete(self, _file_size: int) -> None:
        if self._incoming is not None:
            with suppress(SkipFile), self._told():
                self.uploads.append(self._incoming.finish())
            self._incoming = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except NotTakenError as error:
            self._incoming = None
            self.problems.append(f"{self._shown}: {error.sentence}")
            raise SkipFile from None

    def keep(self, fields: dict[str, str]) -> None:
        """Put the files taken under the page's ticket, and name them in its fields."""
        if self.left_out:
            self.problems.append(uploads.left_out(self.left_out))
        if not self.uploads:
            return
        if uploads.read_ticket(fields.get("ticket", "")) is None:
            fields["ticket"] = uploads.new_ticket()
        ticket = uploads.read_ticket(fields["ticket"])
        assert ticket is not None
        kept = []
        for upload in self.uploads:
            try:
                uploads.keep(upload.file, upload.key, upload.length, ticket)
                kept.append(upload.file)
            except NotTakenError as error:
                self.problems.append(error.sentence)
        uploads.name(fields, [*uploads.named(fields), *kept])

    def discard(self) -> None:
        """Nothing is left of what came with this post."""
        if self._incoming is not None:
            self._incoming.discard()
        with suppress(OSError):
            sealed_store.remove([upload.file for upload in self.uploads])

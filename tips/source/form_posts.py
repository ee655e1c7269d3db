"""Read a source's post whole and cleaned, or refuse it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser

from core.plain_text import clean_typed_text
from tips.files.multipart import SealingHandler
from tips.files.pending_files import IDS_FIELD, TICKET_FIELD, PendingFiles
from tips.source.upload_permission import may_send_files

# Prefix of the checkbox beside a pending file: ticked, the post removes the file.
REMOVE_PREFIX = "remove_"


@dataclass(frozen=True, slots=True)
class FormPost:
    """A post of one of the source's pages.

    `fields`: the last value of each text field. `files`: the pending files that the page names, those of this post
    included. `problems`: a sentence for each file that was not accepted. `new_files`: ids of the files that came with this
    very post.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    files: PendingFiles = field(default_factory=PendingFiles)
    problems: list[str] = field(default_factory=list)
    new_files: list[UUID] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.fields and self.files == PendingFiles()

    def all_fields(self) -> dict[str, str]:
        """Return every field that sends this post again, the hidden fields of its files included."""
        return {**self.fields, **self.files.to_fields()}

    def with_field(self, name: str, value: str) -> FormPost:
        return replace(self, fields={**self.fields, name: value})


def read(request: HttpRequest) -> FormPost:
    """Return the post with its text cleaned. Broken UTF-8 is replaced, not refused.

    Raises SuspiciousOperation when fewer bytes arrived than were announced (the connection broke, and half a text must not
    pass for a whole one), and Django's exceptions for a post beyond DATA_UPLOAD_MAX_*, which core/web/middleware.py answers.
    No file of a refused post is kept.
    """
    if request.content_type == "multipart/form-data":
        return _read_with_files(request)
    if len(request.body) != _announced_bytes(request):
        raise SuspiciousOperation("cut short")
    fields, files = _take_files(_clean_fields(request))
    return FormPost(fields, files)


def _read_with_files(request: HttpRequest) -> FormPost:
    handler = SealingHandler(request)
    request.upload_handlers = [handler]

    def parse(meta: Any, stream: Any) -> Any:
        """Parse as Django does, with a handler that looks at the token: the form's first field, it precedes the files."""
        parser: Any = MultiPartParser(meta, stream, [handler], request.encoding)
        handler.may_store = lambda: may_send_files(request, parser._post.get("token", ""))
        handler.earlier_files = lambda: PendingFiles.from_fields(parser._post)
        return parser.parse()

    request.parse_file_upload = parse  # type: ignore[method-assign, assignment]
    # A client that goes away raises nothing: the parser takes the end of the stream for the end of the post.
    counter = _ByteCounter(request.read)
    request.read = counter.read  # type: ignore[method-assign, assignment]
    try:
        fields = _clean_fields(request)
        if counter.bytes_read != _announced_bytes(request):
            raise SuspiciousOperation("cut short")
        fields, files = _take_files(fields)
        files = handler.add_to(files)
    except BaseException:
        handler.discard()
        raise
    return FormPost(fields, files, handler.problems, [upload.file for upload in handler.uploads])


class _ByteCounter:
    def __init__(self, read: Callable[..., bytes]) -> None:
        self._read = read
        self.bytes_read = 0

    def read(self, *size: int) -> bytes:
        content = self._read(*size)
        self.bytes_read += len(content)
        return content


def _announced_bytes(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or "0")


def _clean_fields(request: HttpRequest) -> dict[str, str]:
    """Return the text fields, without the one that only makes the post as long as others (static/js/dom.js)."""
    fields = {name: clean_typed_text(value) for name, value in request.POST.items() if isinstance(value, str)}
    fields.pop("fill", None)
    return fields


def _take_files(fields: Mapping[str, str]) -> tuple[dict[str, str], PendingFiles]:
    """Split the fields into text and pending files, without the files whose box is ticked: those are removed."""
    files = PendingFiles.from_fields(fields)
    boxes = {f"{REMOVE_PREFIX}{file}": file for file in files.ids}
    text = {name: value for name, value in fields.items() if name not in (TICKET_FIELD, IDS_FIELD, *boxes)}
    return text, files.remove([file for box, file in boxes.items() if fields.get(box)])

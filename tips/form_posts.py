"""Reading a post whole, cleaned, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from core.plain_text import clean_typed_text
from tips.files import uploads
from tips.files.multipart import SealingHandler

# A box beside a file that was kept: whoever ticks it takes the file back.
REMOVE = "remove_"


@dataclass(frozen=True, slots=True)
class Post:
    """The fields of a post, the last value of each. Its files are in the store, under the ticket and named in the fields.

    `problems`: a sentence for each file that was not taken. `arrived`: the files that came with this very post.
    """

    fields: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    arrived: list[UUID] = field(default_factory=list)


def read(request: HttpRequest) -> Post:
    """A post, cleaned. Broken UTF-8 is replaced, not refused.

    Raises SuspiciousOperation when fewer bytes arrived than were announced (the line broke, and half a text must not
    pass for a whole one), and what Django raises for a post beyond DATA_UPLOAD_MAX_*: core/web/middleware.py answers.
    Of a post that is refused no file is kept.
    """
    if request.content_type == "multipart/form-data":
        return _with_files(request)
    if len(request.body) != _announced(request):
        raise SuspiciousOperation("cut short")
    post = Post(_fields(request))
    _remove_unwanted(post.fields)
    return post


def _with_files(request: HttpRequest) -> Post:
    handler = SealingHandler(request)
    request.upload_handlers = [handler]
    # A client that goes away raises nothing: the parser takes the end of the stream for the end of the post.
    counted = _Counted(request.read)
    request.read = counted.read  # type: ignore[method-assign, assignment]
    try:
        fields = _fields(request)
        if counted.bytes != _announced(request):
            raise SuspiciousOperation("cut short")
        _remove_unwanted(fields)
        handler.keep(fields)
    except BaseException:
        handler.discard()
        raise
    return Post(fields, handler.problems, [upload.file for upload in handler.uploads])


class _Counted:
    def __init__(self, read: Callable[..., bytes]) -> None:
        self._read = read
        self.bytes = 0

    def read(self, *size: int) -> bytes:
        content = self._read(*size)
        self.bytes += len(content)
        return content


def _announced(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or "0")


def _fields(request: HttpRequest) -> dict[str, str]:
    return {name: clean_typed_text(value) for name, value in request.POST.items() if isinstance(value, str)}


def _remove_unwanted(fields: dict[str, str]) -> None:
    unwanted = [file for file in uploads.named(fields) if fields.pop(f"{REMOVE}{file}", None)]
    if unwanted:
        with suppress(DatabaseError, InterfaceError):  # then the sweep takes them
            uploads.forget(unwanted, uploads.read_ticket(fields.get("ticket", "")))
        uploads.name(fields, [file for file in uploads.named(fields) if file not in unwanted])

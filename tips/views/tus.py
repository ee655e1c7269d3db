"""Resumable uploads: files sent ahead of a tip or message, piece by piece, by the tus protocol 1.0.

https://tus.io/protocols/resumable-upload with its extensions creation and termination. Acknowledged bytes are sealed and on
the disk. Offsets are whole chunks of 64 KiB: the rest of an interrupted piece is sent again, and sealed under a new nonce.
The ticket comes in a header, never in an address; an unknown file and a wrong ticket get the same 404. To begin a file, a
visitor needs a form token of ours, or an open inbox, and passes the flood gate.
"""

from __future__ import annotations

import uuid
from uuid import UUID

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.agency import current_settings
from tips import form_tokens, vault
from tips.files import pending_files, sealed_store, upload_sentences
from tips.files.incoming_upload import TOO_LARGE, FileNotAcceptedError, IncomingUpload
from tips.files.pending_files import UnknownFileError
from tips.source import throttle
from tips.source.upload_permission import has_open_inbox

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
READ_BYTES = 4 * sealed_store.CHUNK_BYTES


@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
def files(request: HttpRequest) -> HttpResponse:
    """Begin a file (POST), say what the server supports (OPTIONS), or return the template of a file's card for the script."""
    if request.method == "POST":
        return _begin(request)
    if request.method == "OPTIONS":
        return _response(
            204,
            **{
                "Tus-Version": VERSION,
                "Tus-Extension": "creation,termination",
                "Tus-Max-Size": str(current_settings.current().tip_max_bytes),
            },
        )
    context = {
        "max_files": current_settings.current().tip_max_files,
        "too_large": upload_sentences.too_large(),
        "clip_warning": upload_sentences.clip_removed(),
    }
    return render(request, "tips/file_card.html", context)


@require_http_methods(["HEAD", "PATCH", "DELETE"])
def file(request: HttpRequest, file: UUID) -> HttpResponse:
    """Say how far a file has come (HEAD), add its next piece (PATCH), or remove it (DELETE)."""
    ticket = _read_ticket(request)
    try:
        key, length = pending_files.find_key(file, ticket)
        if request.method == "HEAD":
            return _offset_response(file, key, length)
        if request.method == "PATCH":
            return _add_piece(request, file, key, length)
    except UnknownFileError:
        return _response(404)
    except sealed_store.WriterBusyError:
        return _response(409, _("This file is already being uploaded."))
    except FileNotAcceptedError as error:
        return _response(error.status, error.sentence)
    pending_files.remove_unsent([file], ticket)
    return _response(204)


def _begin(request: HttpRequest) -> HttpResponse:
    ticket, length = _read_ticket(request), _read_number(request, "Upload-Length")
    if ticket is None or length is None:
        return _response(400)
    wait_seconds = _seconds_to_wait(request)
    if wait_seconds is None:
        # The page was open for long. This new token serves uploads only: the page's own still identifies the tip.
        return _response(
            403, _("This page was open for a long time. Try again."), **{"Form-Token": form_tokens.issue()}
        )
    if wait_seconds:
        return _response(429, _("We're getting many files right now."), **{"Retry-After": str(wait_seconds)})
    if length > current_settings.current().tip_max_bytes:
        return _response(TOO_LARGE, upload_sentences.too_large())
    file, key = uuid.uuid4(), vault.generate_key()
    try:
        incoming = IncomingUpload(file, key, length, is_announced=True)
        if length:
            incoming.pause()
        else:
            incoming.finish()  # raises, with the sentence for an empty file
        pending_files.store_key(file, key, length, ticket)
    except FileNotAcceptedError as error:
        return _response(error.status, error.sentence)
    return _response(201, Location=reverse("tips:file", args=[file]))


def _seconds_to_wait(request: HttpRequest) -> int | None:
    """Return the seconds until this visitor may begin a file, and None without a token or an open inbox."""
    try:
        token = form_tokens.read(request.headers.get("Form-Token", ""))
    except form_tokens.TokenError:
        return 0 if has_open_inbox(request) else None
    return throttle.gate.seconds_until_ripe(token.issued_at)


def _offset_response(file: UUID, key: bytes, length: int) -> HttpResponse:
    offset = length if pending_files.find_whole_file(file, key) else sealed_store.find_resume_offset(file, length)
    return _response(200, **{"Upload-Offset": str(offset), "Upload-Length": str(length)})


def _add_piece(request: HttpRequest, file: UUID, key: bytes, length: int) -> HttpResponse:
    content_length, offset = _read_number(request, "Content-Length"), _read_number(request, "Upload-Offset")
    if request.content_type != PIECE or content_length is None or offset is None:
        return _response(415 if request.content_type != PIECE else 400)
    if offset + content_length > length:
        return _response(TOO_LARGE, upload_sentences.too_large())
    incoming = IncomingUpload(file, key, length, is_announced=True)
    # Checked under the writer's lock: no other request finishes the file meanwhile.
    current = length if pending_files.find_whole_file(file, key) else incoming.offset
    if current != offset or current == length:
        incoming.pause()
        return _response(409, **{"Upload-Offset": str(current)})
    _copy(request, incoming, content_length)
    if incoming.offset < length:
        return _response(204, **{"Upload-Offset": str(incoming.pause())})
    clip = {"Upload-Has-Clip": "1"} if incoming.finish().has_clip else {}
    return _response(204, **{"Upload-Offset": str(length)}, **clip)


def _copy(request: HttpRequest, incoming: IncomingUpload, remaining: int) -> None:
    """Seal the bytes of a piece as they arrive, until it ends or the connection breaks."""
    while remaining:
        try:
            content = request.read(min(remaining, READ_BYTES))
        except UnreadablePostError:
            return
        if not content:
            return
        incoming.write(content)
        remaining -= len(content)


def _read_ticket(request: HttpRequest) -> bytes | None:
    return pending_files.decode_ticket(request.headers.get("Upload-Ticket", ""))


def _read_number(request: HttpRequest, header: str) -> int | None:
    text = request.headers.get(header, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _response(status: int, sentence: str = "", **headers: str) -> HttpResponse:
    return HttpResponse(
        sentence, status=status, content_type="text/plain; charset=utf-8", headers={"Tus-Resumable": VERSION, **headers}
    )

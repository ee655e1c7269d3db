"""The push API: agencies' systems send `POST /api/incidents/<source>/` with the source's token (docs/incidents.md).

On the staff host only, without session, cookie or CSRF. The bulk worker imports the file; the response waits for it.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crimemap.importing.arrival import jobs, push_tokens
from crimemap.models import ImportRun, Source

MAX_BYTES = 100_000_000
MAX_REPORTED_PROBLEMS = 100
_DEFAULT_WAIT_SECONDS, _MAX_WAIT_SECONDS = 20, 50  # proxies give up after a minute
_POLL_SECONDS = 0.1
_PIECE_BYTES = 1 << 20
State = ImportRun.RunState


class _BodyTooLargeError(Exception):
    """The body has more than MAX_BYTES."""


class _BadPeriodError(Exception):
    """The period in the address is none."""


class _BodyEmptyError(Exception):
    """The body has no bytes."""


class _PushedFile:
    """The body of a push on the disk, as jobs.IncomingFile; in the folder in which it stays."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def temporary_file_path(self) -> str:
        return str(self.path)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


def _require_token(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view: refuse requests without the source's token, pass on the source."""

    def authenticated(request: HttpRequest, slug: str, **kwargs: int) -> HttpResponse:
        try:
            source = push_tokens.authenticate_source(slug, request.headers.get("Authorization", ""))
        except Source.DoesNotExist:
            response: HttpResponse = _error(404, _("There is no source “%(slug)s”.") % {"slug": slug})
        except push_tokens.InvalidTokenError:
            response = _error(401, _("The token is missing, wrong or revoked."))
            response.headers["WWW-Authenticate"] = "Bearer"
        else:
            response = view(request, source, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response

    return authenticated


@require_POST
@_require_token
def push_file(request: HttpRequest, source: Source) -> HttpResponse:  # noqa: PLR0911  (a status each)
    """Import the request's body. 200 with the counts; 202 if it takes longer than the client wants to wait."""
    try:
        declared = int(request.headers.get("Content-Length") or 0)
        if declared > MAX_BYTES:
            raise _BodyTooLargeError
        run = _request_import(request, source)
    except _BodyTooLargeError:
        return _error(
            413, _("The file is larger than %(most)s MB. Send it in parts.") % {"most": MAX_BYTES // 1_000_000}
        )
    except _BadPeriodError:
        return _error(
            400,
            _("“from” and “to” are the first and last day of a period (2026-09-01), together with full_snapshot=1."),
        )
    except _BodyEmptyError:
        return _error(400, _("The request is empty. Send a file."))
    except jobs.SourceBusyError as error:
        response = _error(409, str(error))
        response.headers["Retry-After"] = "30"
        return response
    except jobs.ImportNotPossibleError as error:
        return _error(503, str(error))
    except OSError:
        return _error(507, _("The server has no space for this file."))
    deadline = time.monotonic() + _wait_seconds(request)
    while run.state in jobs.OPEN_STATES and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        run.refresh_from_db()
    return _result(run)


@require_safe
@_require_token
def show_state(request: HttpRequest, source: Source, number: int) -> HttpResponse:  # noqa: ARG001
    """Return the response that the push would have had if its client had waited."""
    run = ImportRun.objects.filter(pk=number, source=source).first()
    return _result(run) if run else _error(404, _("This source has no such import."))


def _snapshot_period(request: HttpRequest) -> tuple[dt.date, dt.date] | None:
    """Return the first and last day that the address gives as from and to. Raises _BadPeriodError."""
    texts = request.GET.get("from", ""), request.GET.get("to", "")
    if not any(texts):
        return None
    try:
        first, last = (dt.date.fromisoformat(text) for text in texts)
    except ValueError:
        raise _BadPeriodError from None
    if first > last or not _flag(request, "full_snapshot"):
        raise _BadPeriodError
    return first, last


def _request_import(request: HttpRequest, source: Source) -> ImportRun:
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        raise jobs.ImportNotPossibleError(
            _("This server can't accept files: it has no folder for them (INCIDENT_UPLOADS).")
        )
    handle, path = tempfile.mkstemp(prefix="push-", dir=uploads)
    try:
        with os.fdopen(handle, "wb") as file:
            if not _copy_body(request, file):
                raise _BodyEmptyError
        kind = "json" if "json" in (request.content_type or "") else "csv"
        return jobs.request_import(
            source, [_PushedFile(Path(path), f"push.{kind}")], origin=ImportRun.Origin.PUSH, by=f"API of {source.slug}",
            dry_run=_flag(request, "dry_run"), full_snapshot=_flag(request, "full_snapshot"),
            snapshot_period=_snapshot_period(request),
        )  # fmt: skip
    finally:
        Path(path).unlink(missing_ok=True)


def _copy_body(request: HttpRequest, file: IO[bytes]) -> int:
    """Return the number of bytes. Raises _BodyTooLargeError."""
    size = 0
    while piece := request.read(_PIECE_BYTES):
        size += len(piece)
        if size > MAX_BYTES:
            raise _BodyTooLargeError
        file.write(piece)
    return size


def _flag(request: HttpRequest, name: str) -> bool:
    return request.GET.get(name, "") in ("1", "true", "yes")


def _wait_seconds(request: HttpRequest) -> int:
    """Return the seconds that `Prefer: wait=10` asks for (RFC 7240)."""
    preference = re.search(r"\bwait=(\d{1,4})\b", request.headers.get("Prefer", ""))
    return min(int(preference[1]), _MAX_WAIT_SECONDS) if preference else _DEFAULT_WAIT_SECONDS


def _result(run: ImportRun) -> JsonResponse:
    """200 if rows were imported, even if others were rejected; 422 if none were; 202 while the import is not over."""
    problems = run.problems.values("row", "column", "code", "message")[:MAX_REPORTED_PROBLEMS]
    content = {
        "import": run.pk,
        "state": run.state,
        **{
            name: getattr(run, name)
            for name in ("read", "created", "updated", "unchanged", "rejected", "removed", "held")
        },
        "message": run.message,
        "problems": list(problems),
    }
    if run.state in jobs.OPEN_STATES:
        response = JsonResponse(content, status=202)
        response.headers["Location"] = reverse("crimemap_api:state", args=[run.source.slug, run.pk])
        response.headers["Retry-After"] = "5"
        return response
    is_empty = run.state != State.DONE or (run.rejected and run.rejected == run.read)
    return JsonResponse(content, status=422 if is_empty else 200)


def _error(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)

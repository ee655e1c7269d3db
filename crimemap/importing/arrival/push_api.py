"""Agencies' systems push incidents: `POST /api/incidents/<source>/` with the source's token (docs/incidents.md).

On the staff host alone, without session, cookie or CSRF. The import itself is the bulk worker's; the answer waits for it.
"""

from __future__ import annotations

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

MOST_BYTES = 100_000_000
PROBLEMS_TOLD = 100
_WAIT, _LONGEST_WAIT = 20, 50  # seconds; proxies give up after a minute
_LOOK = 0.1
_PIECE = 1 << 20
State = ImportRun.RunState


class _TooLargeError(Exception):
    """More than MOST_BYTES."""


class _EmptyError(Exception):
    """There was nothing in it."""


class _Body:
    """A pushed file on the disk, as arrivals.File; in the folder in which it stays."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def temporary_file_path(self) -> str:
        return str(self.path)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _admitted(
    view: Callable[..., HttpResponse],
) -> Callable[..., HttpResponse]:
    """Only for who holds the source's token."""

    def admitted(request: HttpRequest, slug: str, **kwargs: int) -> HttpResponse:
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

    return admitted


@require_POST
@_admitted
def push(request: HttpRequest, source: Source) -> HttpResponse:
    """Take a file and import it. 200 with the counts; 202 when it takes longer than the client wants to wait."""
    try:
        declared = int(request.headers.get("Content-Length") or 0)
        if declared > MOST_BYTES:
            raise _TooLargeError
        run = _asked(request, source)
    except _TooLargeError:
        return _error(413, _("At most %(most)s MB at once: send it in parts.") % {"most": MOST_BYTES // 1_000_000})
    except _EmptyError:
        return _error(400, _("There is nothing in what you sent."))
    except jobs.SourceBusyError as error:
        response = _error(409, str(error))
        response.headers["Retry-After"] = "30"
        return response
    except jobs.ImportNotPossibleError as error:
        return _error(503, str(error))
    except OSError:
        return _error(507, _("The server has no room for this file."))
    until = time.monotonic() + _wait(request)
    while run.state in jobs.OPEN_STATES and time.monotonic() < until:
        time.sleep(_LOOK)
        run.refresh_from_db()
    return _told(run)


@require_safe
@_admitted
def state(request: HttpRequest, source: Source, number: int) -> HttpResponse:  # noqa: ARG001
    """What became of a push: the answer that it would have had."""
    run = ImportRun.objects.filter(pk=number, source=source).first()
    return _told(run) if run else _error(404, _("There is no such import of this source."))


def _asked(request: HttpRequest, source: Source) -> ImportRun:
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        raise jobs.ImportNotPossibleError(
            _("This server takes no files: it has no folder for them (INCIDENT_UPLOADS).")
        )
    handle, path = tempfile.mkstemp(prefix="push-", dir=uploads)
    try:
        with os.fdopen(handle, "wb") as file:
            if not _copied(request, file):
                raise _EmptyError
        kind = "json" if "json" in (request.content_type or "") else "csv"
        return jobs.request_import(
            source, [_Body(Path(path), f"push.{kind}")], origin=ImportRun.Origin.PUSH, by=f"API of {source.slug}",
            dry_run=_flag(request, "dry_run"), full_snapshot=_flag(request, "full_snapshot"),
        )  # fmt: skip
    finally:
        Path(path).unlink(missing_ok=True)


def _copied(request: HttpRequest, file: IO[bytes]) -> int:
    size = 0
    while piece := request.read(_PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise _TooLargeError
        file.write(piece)
    return size


def _flag(request: HttpRequest, name: str) -> bool:
    return request.GET.get(name, "") in ("1", "true", "yes")


def _wait(request: HttpRequest) -> int:
    """Seconds, as `Prefer: wait=10` asks (RFC 7240)."""
    asked = re.search(r"\bwait=(\d{1,4})\b", request.headers.get("Prefer", ""))
    return min(int(asked[1]), _LONGEST_WAIT) if asked else _WAIT


def _told(run: ImportRun) -> JsonResponse:
    """200: taken in, whatever rows were rejected. 422: nothing was. 202: not yet known."""
    problems = run.problems.values("row", "column", "code", "message")[:PROBLEMS_TOLD]
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
    nothing = run.state != State.DONE or (run.rejected and run.rejected == run.read)
    return JsonResponse(content, status=422 if nothing else 200)


def _error(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)

"""A tip's files in the admin: the panel on the tip's page, a page for each file, and what these fetch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.models import Account
from file_cleaning import MediaKind, RefusalReason
from tips import conversation, vault
from tips.admin import file_responses
from tips.conversation import TipFile
from tips.desk import file_access
from tips.files.rebuilt_file import FilePart
from tips.models import Attachment, Message, Tip

AttachmentState = Attachment.AttachmentState
_UNOPENABLE = (OSError, vault.SealError, vault.KeyMissingError)

PANEL = "admin/tips/tip/files.html"
PAGE = "admin/tips/tip/file.html"
REASONS: dict[str, Promise] = {
    RefusalReason.UNSUPPORTED: gettext_lazy("It is of a kind that is not taken."),
    RefusalReason.EMPTY: gettext_lazy("It is empty."),
    RefusalReason.DAMAGED: gettext_lazy("It is damaged."),
    RefusalReason.PROTECTED: gettext_lazy("It is locked with a password."),
    RefusalReason.TOO_LARGE: gettext_lazy("It is too large or too complicated."),
    RefusalReason.TOO_LONG: gettext_lazy("It is too long."),
    RefusalReason.DEADLY: gettext_lazy("It could not be opened safely."),
}
# What of a file is shown on its page, and what is downloaded.
_SHOWN = {MediaKind.PHOTO: "preview", MediaKind.VIDEO: "video", MediaKind.AUDIO: "audio"}
_TAKEN = {MediaKind.PHOTO: "full", MediaKind.VIDEO: "video", MediaKind.AUDIO: "audio", MediaKind.DOCUMENT: "document"}
_ICONS = {MediaKind.PHOTO: "picture", MediaKind.VIDEO: "film", MediaKind.AUDIO: "sound", MediaKind.DOCUMENT: "book"}


@dataclass(frozen=True, slots=True)
class PanelFile:
    """One file in the panel."""

    file: TipFile
    thumbnail: str
    part: FilePart | None

    @property
    def row(self) -> Attachment:
        return self.file.row

    @property
    def status(self) -> str:
        return describe_status(self.row)

    @property
    def waits(self) -> bool:
        return self.row.state in (AttachmentState.RECEIVED, AttachmentState.REBUILDING)

    @property
    def icon(self) -> str:
        return _ICONS[self.file.kind]


def describe_status(row: Attachment) -> str:
    """What became of a file so far, for officers; empty once it can be seen."""
    match row.state:
        case AttachmentState.READY:
            return ""
        case AttachmentState.REFUSED:
            return f"{_('Not cleaned, and destroyed.')} {REASONS[row.reason]}"
        case AttachmentState.REBUILDING:
            return _("Being cleaned: %(percent)d %%") % {"percent": row.progress}
    return _("Waits to be cleaned")


def panel_context(request: HttpRequest, tip_id: UUID) -> dict[str, Any]:
    """What the panel's template needs. The thumbnails are in the audit trail once this returns."""
    tip, files = file_access.list_files(tip_id, _officer(request))
    thumbnails = file_access.list_thumbnails(tip, files, _officer(request))
    groups: dict[Message | None, list[PanelFile]] = {}
    for file in files:
        index, part = thumbnails.get(file.row.position, (None, None))
        address = "" if index is None else _part_address(request, tip.pk, file, index)
        groups.setdefault(file.row.message, []).append(PanelFile(file, address, part))
    shown = [file for group in groups.values() for file in group]
    return {
        "tip": tip,
        "file_groups": list(groups.items()),
        "files_wait": any(file.waits for file in shown),
        "has_thumbnails": bool(thumbnails),
    }


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Addresses below that of the list of tips."""
    found: dict[str, tuple[Callable[..., HttpResponseBase], str]] = {
        "<uuid:tip_id>/files/": (again, "tips_files"),
        "<uuid:tip_id>/files/states/": (states, "tips_file_states"),
        "<uuid:tip_id>/files/<int:number>/": (page, "tips_file"),
        "<uuid:tip_id>/files/<int:number>/download/": (download, "tips_file_download"),
        "<uuid:tip_id>/files/<int:number>/<str:address>/": (part, "tips_file_part"),
    }
    return [path(route, site.admin_view(require_safe(view)), name=name) for route, (view, name) in found.items()]


def again(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """The panel alone, for the script of a page on which a file has become ready."""
    try:
        return render(request, PANEL, panel_context(request, tip_id))
    except conversation.TipGoneError:
        return _gone(request)
    except _UNOPENABLE:
        return _damaged(request)


def states(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """How far each file is. Nothing sealed is opened for it."""
    rows = file_access.list_file_states(tip_id, _officer(request))
    if not rows:
        return _gone(request)
    found = {
        row.position: {"state": row.state, "percent": row.progress, "status": describe_status(row)} for row in rows
    }
    return JsonResponse(found)


@csp_update({"media-src": [SELF]})  # type: ignore[arg-type]
def page(request: HttpRequest, tip_id: UUID, number: int) -> HttpResponse:
    """One file, big. Asking for this page is the view that the audit trail has."""
    asked = request.GET.get("page", "1")
    wanted = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
    try:
        viewed = file_access.open_for_view(tip_id, number, _officer(request), wanted)
    except file_access.FileNotReadyError as error:
        context = _around(error.tip, error.file, error.files) | {"status": describe_status(error.file.row)}
        return TemplateResponse(request, PAGE, admin.site.each_context(request) | context)
    except conversation.TipGoneError:
        return _gone(request)
    except _UNOPENABLE:
        return _damaged(request)
    with viewed.container as container:
        context = _around(viewed.tip, viewed.file, viewed.files) | _content(request, viewed, wanted)
        context |= {"kind": container.kind, "duration": _minutes(container.duration_seconds)}
    return TemplateResponse(request, PAGE, admin.site.each_context(request) | context)


def download(request: HttpRequest, tip_id: UUID, number: int) -> HttpResponseBase:
    try:
        viewed = file_access.open_for_download(tip_id, number, _officer(request))
    except file_access.FileNotReadyError:
        return HttpResponseRedirect(reverse("admin:tips_file", args=[tip_id, number]))
    except conversation.TipGoneError:
        return _gone(request)
    except _UNOPENABLE:
        return _damaged(request)
    container = viewed.container
    part = container.parts[container.part_indexes(_TAKEN[container.kind])[0]]
    name = f"tip-{viewed.tip.number}-{container.kind}-{number}"
    return file_responses.file_response(request, container, part, name)


def part(request: HttpRequest, tip_id: UUID, number: int, address: str) -> HttpResponseBase:
    try:
        container, found = file_access.open_part(address, tip_id, number, _session(request), _officer(request))
    except conversation.TipGoneError:
        return _gone(request)
    except _UNOPENABLE:
        return _damaged(request)
    return file_responses.file_response(request, container, found)


def _around(tip: Tip, file: TipFile, files: list[TipFile]) -> dict[str, Any]:
    """Where the page stands among the tip's files."""
    at = files.index(file)
    return {
        "tip": tip,
        "file": file,
        "title": f"{tip}: {file.name}",
        "previous": files[at - 1] if at else None,
        "next": files[at + 1] if at + 1 < len(files) else None,
    }


def _content(request: HttpRequest, viewed: file_access.ViewedFile, page: int) -> dict[str, Any]:
    """What is shown of the file: addresses with sizes."""
    container = viewed.container

    def shown(role: str, at: int = 0) -> dict[str, Any] | None:
        numbers = container.part_indexes(role)
        if at >= len(numbers):
            return None
        part = container.parts[numbers[at]]
        address = _part_address(request, viewed.tip.pk, viewed.file, numbers[at])
        return {"address": address, "width": part.width, "height": part.height, "length": part.length}

    if container.kind != MediaKind.DOCUMENT:
        return {
            "shown": shown(_SHOWN[container.kind]),
            "taken": shown(_TAKEN[container.kind]),
            "poster": shown("poster"),
        }
    pages = len(container.part_indexes("page"))
    page = min(max(page, 1), pages)
    return {
        "shown": shown("page", page - 1),
        "taken": shown("document"),
        "page": page,
        "pages": pages,
        "previous_page": page - 1,
        "next_page": page + 1 if page < pages else 0,
    }


def _part_address(request: HttpRequest, tip_id: UUID, file: TipFile, part: int) -> str:
    number = file.row.position
    address = file_access.sign_part_address(tip_id, number, part, _session(request))
    return reverse("admin:tips_file_part", args=[tip_id, number, address])


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    return f"{minutes}:{rest:02}"


def _officer(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user


def _session(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _gone(request: HttpRequest) -> HttpResponse:
    sentence = _(
        "This file is not there: its source deleted the tip, its time was over, or the address is old or wrong."
        " Open the tip again from the list."
    )
    return _said(request, sentence, 404)


def _damaged(request: HttpRequest) -> HttpResponse:
    sentence = _(
        "This file does not open: what is stored was changed or is missing, or its key is not on this server."
        " Tell an administrator."
    )
    return _said(request, sentence, 409)


def _said(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": _("File"), "sentence": sentence}
    return render(request, "admin/tips/tip/no_file.html", context, status=status)

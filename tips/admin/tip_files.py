"""A tip's files in the admin: the panel on the tip's page, the page of each file, and the requests both make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from django.views.decorators.http import require_GET, require_safe

from core.models import Account
from core.staff.list_filters import keep_filters, navigation_context
from file_cleaning import MediaKind, RefusalReason
from tips import conversation, vault
from tips.admin import file_responses
from tips.conversation import TipFile
from tips.desk import file_access
from tips.files.rebuilt_file import FilePart
from tips.models import Attachment, Tip

AttachmentState = Attachment.AttachmentState
_UNOPENABLE = (OSError, vault.SealError, vault.KeyMissingError)

_THUMBNAILS = "thumbnails"
PANEL_TEMPLATE = "admin/tips/desk/files_panel.html"
PAGE_TEMPLATE = "admin/tips/tip/file.html"
REASONS: dict[str, Promise] = {
    RefusalReason.UNSUPPORTED: gettext_lazy("We don't accept this kind of file."),
    RefusalReason.EMPTY: gettext_lazy("It is empty."),
    RefusalReason.DAMAGED: gettext_lazy("It is damaged."),
    RefusalReason.PROTECTED: gettext_lazy("It needs a password."),
    RefusalReason.TOO_LARGE: gettext_lazy("It is too large or too complex."),
    RefusalReason.TOO_LONG: gettext_lazy("It is too long."),
    RefusalReason.DEADLY: gettext_lazy("It could not be opened safely."),
}
# The role of the part that a file's page shows, and of the part that is downloaded, by kind.
_SHOWN_ROLES = {MediaKind.PHOTO: "preview", MediaKind.VIDEO: "video", MediaKind.AUDIO: "audio"}
_DOWNLOAD_ROLES = {
    MediaKind.PHOTO: "full",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "audio",
    MediaKind.DOCUMENT: "document",
}
_ICONS = {MediaKind.PHOTO: "picture", MediaKind.VIDEO: "film", MediaKind.AUDIO: "sound", MediaKind.DOCUMENT: "book"}


@dataclass(frozen=True, slots=True)
class PanelFile:
    """One file in the panel; `thumbnail` is the address of its thumbnail, or ""."""

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
    """Return the status of a file in words for officers; "" once it can be viewed."""
    match row.state:
        case AttachmentState.READY:
            return ""
        case AttachmentState.REFUSED:
            return _("Could not be cleaned, so it was destroyed. %(reason)s") % {"reason": REASONS[row.reason]}
        case AttachmentState.REBUILDING:
            return _("Being cleaned: %(percent)d %%") % {"percent": row.progress}
    return _("Waiting to be cleaned")


def panel_context(request: HttpRequest, tip: Tip, files: Sequence[TipFile]) -> dict[str, Any]:
    """Return the context of the panel's template; with thumbnails if they are asked for, which the audit trail then has."""
    shows_thumbnails = _THUMBNAILS in request.GET
    thumbnails = file_access.list_thumbnails(tip, files, _officer(request)) if shows_thumbnails else {}
    groups: dict[int, list[PanelFile]] = {}
    for file in files:
        index, part = thumbnails.get(file.row.position, (None, None))
        address = "" if index is None else _part_address(request, tip.pk, file, index)
        position = file.row.message.position if file.row.message else 0
        groups.setdefault(position, []).append(PanelFile(file, address, part))
    shown = [file for group in groups.values() for file in group]
    page, panel = reverse("admin:tips_tip_change", args=[tip.pk]), reverse("admin:tips_files", args=[tip.pk])
    present, other = ({_THUMBNAILS: 1}, {}) if shows_thumbnails else ({}, {_THUMBNAILS: 1})
    return {
        "tip": tip,
        # By the position of the message that they came with; 0 for those of the report.
        "file_groups": [{"position": position, "files": found} for position, found in groups.items()],
        "files_wait": any(file.waits for file in shown),
        "has_thumbnails": any(file_access.has_thumbnail(file) for file in files),
        "shows_thumbnails": shows_thumbnails,
        "panel_address": keep_filters(request, panel, **present),
        "thumbnails_address": keep_filters(request, page, **other) + "#tip-body",
        "thumbnails_panel": keep_filters(request, panel, **other),
        **navigation_context(request, "admin:tips_tip_changelist"),
    }


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URL patterns of files, below the list of tips."""
    routes: dict[str, tuple[Callable[..., HttpResponseBase], str]] = {
        "<uuid:tip_id>/files/": (refresh_panel, "tips_files"),
        "<uuid:tip_id>/files/states/": (list_states, "tips_file_states"),
        "<uuid:tip_id>/files/<int:number>/": (file_page, "tips_file"),
        "<uuid:tip_id>/files/<int:number>/download/": (download, "tips_file_download"),
        "<uuid:tip_id>/files/<int:number>/<str:address>/": (serve_part, "tips_file_part"),
    }
    # HEAD shows nothing, so only parts and states answer it: each request for the others is recorded as seen.
    unseen = (list_states, serve_part)
    return [
        path(route, site.admin_view((require_safe if view in unseen else require_GET)(view)), name=name)
        for route, (view, name) in routes.items()
    ]


def refresh_panel(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """Return the panel alone, for the script of a page on which a file has become ready."""
    try:
        tip, files = file_access.list_files(tip_id, _officer(request))
        return render(request, PANEL_TEMPLATE, panel_context(request, tip, files))
    except conversation.TipGoneError:
        return _gone_page(request)
    except _UNOPENABLE:
        return _damaged_page(request)


def list_states(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """Return as JSON how far each file is. This opens no seal."""
    rows = file_access.list_file_states(tip_id, _officer(request))
    if not rows:
        return _gone_page(request)
    states = {
        row.position: {"state": row.state, "percent": row.progress, "status": describe_status(row)} for row in rows
    }
    return JsonResponse(states)


@csp_update({"media-src": [SELF]})  # type: ignore[arg-type]
def file_page(request: HttpRequest, tip_id: UUID, number: int) -> HttpResponse:
    """Show one file, large. The audit trail records each request for this page as a view."""
    page_text = request.GET.get("page", "1")
    page_number = int(page_text) if page_text.isascii() and page_text.isdecimal() and len(page_text) < 6 else 1
    try:
        viewed = file_access.open_for_view(tip_id, number, _officer(request), page_number)
    except file_access.FileNotReadyError as error:
        context = _page_context(request, error.tip, error.file, error.files)
        context |= {"status": describe_status(error.file.row)}
        return TemplateResponse(request, PAGE_TEMPLATE, admin.site.each_context(request) | context)
    except conversation.TipGoneError:
        return _gone_page(request)
    except _UNOPENABLE:
        return _damaged_page(request)
    with viewed.reader as reader:
        context = _page_context(request, viewed.tip, viewed.file, viewed.files) | _parts_context(request, viewed)
        context |= {"kind": reader.kind, "duration": _format_minutes(reader.duration_seconds)}
    return TemplateResponse(request, PAGE_TEMPLATE, admin.site.each_context(request) | context)


def download(request: HttpRequest, tip_id: UUID, number: int) -> HttpResponseBase:
    try:
        viewed = file_access.open_for_download(tip_id, number, _officer(request))
    except file_access.FileNotReadyError:
        return HttpResponseRedirect(keep_filters(request, reverse("admin:tips_file", args=[tip_id, number])))
    except conversation.TipGoneError:
        return _gone_page(request)
    except _UNOPENABLE:
        return _damaged_page(request)
    reader = viewed.reader
    part = reader.parts[reader.part_indexes(_DOWNLOAD_ROLES[reader.kind])[0]]
    name = f"tip-{viewed.tip.number}-{reader.kind}-{number}"
    return file_responses.file_response(request, reader, part, name)


def serve_part(request: HttpRequest, tip_id: UUID, number: int, address: str) -> HttpResponseBase:
    try:
        reader, file_part = file_access.open_part(address, tip_id, number, _session_key(request), _officer(request))
    except conversation.TipGoneError:
        return _gone_page(request)
    except _UNOPENABLE:
        return _damaged_page(request)
    return file_responses.file_response(request, reader, file_part)


def _page_context(request: HttpRequest, tip: Tip, file: TipFile, files: list[TipFile]) -> dict[str, Any]:
    """Return title and neighbors of a file's page among the tip's files, and the way back."""
    index = files.index(file)
    return {
        **navigation_context(request, "admin:tips_tip_changelist"),
        "tip": tip,
        "file": file,
        "title": f"{tip}: {file.name}",
        "previous": files[index - 1] if index else None,
        "next": files[index + 1] if index + 1 < len(files) else None,
    }


def _parts_context(request: HttpRequest, viewed: file_access.ViewedFile) -> dict[str, Any]:
    """Return the parts that the page shows: their addresses, sizes in pixels and lengths in bytes."""
    reader = viewed.reader

    def part_context(role: str, position: int = 0) -> dict[str, Any] | None:
        indexes = reader.part_indexes(role)
        if position >= len(indexes):
            return None
        part = reader.parts[indexes[position]]
        address = _part_address(request, viewed.tip.pk, viewed.file, indexes[position])
        return {"address": address, "width": part.width, "height": part.height, "length": part.length}

    if reader.kind != MediaKind.DOCUMENT:
        return {
            "shown": part_context(_SHOWN_ROLES[reader.kind]),
            "taken": part_context(_DOWNLOAD_ROLES[reader.kind]),
            "poster": part_context("poster"),
        }
    page_number, page_count = viewed.page, len(reader.part_indexes("page"))
    return {
        "shown": part_context("page", page_number - 1),
        "taken": part_context("document"),
        "page": page_number,
        "pages": page_count,
        "previous_page_query": keep_filters(request, "", page=page_number - 1) if page_number > 1 else "",
        "next_page_query": keep_filters(request, "", page=page_number + 1) if page_number < page_count else "",
    }


def _part_address(request: HttpRequest, tip_id: UUID, file: TipFile, part_index: int) -> str:
    number = file.row.position
    address = file_access.sign_part_address(tip_id, number, part_index, _session_key(request))
    return reverse("admin:tips_file_part", args=[tip_id, number, address])


def _format_minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    return f"{minutes}:{rest:02}"


def _officer(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user


def _session_key(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _gone_page(request: HttpRequest) -> HttpResponse:
    sentence = _(
        "This file isn't here: its source deleted the tip, the tip expired, or the address is old or wrong."
        " Open the tip again from the list."
    )
    return _sentence_page(request, sentence, 404)


def _damaged_page(request: HttpRequest) -> HttpResponse:
    sentence = _(
        "This file can't be opened: what is stored was changed or is missing, or its key isn't on this server."
        " Tell an administrator."
    )
    return _sentence_page(request, sentence, 409)


def _sentence_page(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    context = admin.site.each_context(request) | navigation_context(request, "admin:tips_tip_changelist")
    context |= {"title": _("File"), "sentence": sentence}
    return render(request, "admin/tips/tip/no_file.html", context, status=status)

"""The request with which pages of the desk ask every three seconds what has changed (static/js/desk/live.js).

It says where its tab is, and names what its page shows by two short hashes. If both are still right the answer is empty (204) and
has cost the session's queries alone. Otherwise it holds the parts that have changed, made by the page's own templates. It is
no activity of a person: the screen locks, and then every answer is 401.
"""

from __future__ import annotations

import binascii
import time
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.models import Account
from tips.admin import desk_page
from tips.desk import permissions, triage
from tips.desk.live import people
from tips.desk.live.desk_watch import DeskView, desk_watch
from tips.desk.live.page_state import sign_people, sign_rows
from tips.desk.live.sightings import TAB_BYTES, Doing, Sighting, read_ticket


def urls() -> list[URLPattern]:
    return [path("live/", answer_poll, name="tips_tip_live")]


@never_cache
@require_safe
def answer_poll(request: HttpRequest) -> HttpResponseBase:
    """Answer what has changed: 204 if nothing has, 401 if the session is over, else JSON of `rows` and `people`."""
    account = request.user
    if not admin.site.has_permission(request) or not permissions.can_list(account):
        return JsonResponse({"state": "ended"}, status=401)
    assert isinstance(account, Account)
    if "application/json" not in request.headers.get("Accept", ""):
        # A person who opened the address, which counts as activity: lead them to the desk.
        return HttpResponseRedirect(reverse("admin:tips_tip_changelist"))
    tip_id = read_ticket(request.GET.get("ticket", ""), account.pk)
    if not _note_sighting(request, account, tip_id):
        return HttpResponse(status=400)
    is_leaving = request.GET.get("doing") == Doing.GONE.name.lower()
    if is_leaving or not _find_changed(request, account, desk_watch.view(account)):
        return HttpResponse(status=204)
    # Another process may have told the page of a change that this one has not seen yet.
    view = desk_watch.look(account)
    changed = _find_changed(request, account, view)
    if "rows" in changed:
        changed |= _render_rows(request, account, tip_id)
    if "people" in changed:
        changed |= _render_people(view, account)
    return JsonResponse(changed) if changed else HttpResponse(status=204)


def _note_sighting(request: HttpRequest, account: Account, tip_id: UUID | None) -> bool:
    """Note where the tab is. Return False if the request does not say it as our script does."""
    try:
        tab = binascii.unhexlify(request.GET.get("tab", ""))
        doing = Doing[request.GET.get("doing", "").upper()]
    except (ValueError, KeyError):
        return False
    if len(tab) != TAB_BYTES:
        return False
    desk_watch.sightings.note(Sighting(account.pk, tab, tip_id, doing, time.time()))
    return True


def _find_changed(request: HttpRequest, account: Account, view: DeskView) -> dict[str, Any]:
    """Return the hashes that are no longer those of the page, by the name of the part."""
    present = {
        "rows": sign_rows(view, account.pk, request.GET.get("query", "")),
        "people": sign_people(view, account.pk),
    }
    return {name: value for name, value in present.items() if request.GET.get(name) != value}


def _render_rows(request: HttpRequest, account: Account, tip_id: UUID | None) -> dict[str, Any]:
    """Return the views and the queue, and the stamp of the open tip: "" if the account doesn't see it any longer."""
    context = desk_page.frame_context(request, QueryDict(request.GET.get("query", "")), tip_id)
    tip = permissions.visible_tips(account).defer("report").filter(pk=tip_id).first() if tip_id else None
    return {
        "views_html": render_to_string("admin/tips/desk/views.html", context, request),
        "queue_html": render_to_string("admin/tips/desk/queue.html", context, request),
        "stamp": triage.stamp(tip, tip.messages.count()) if tip else "",
    }


def _render_people(view: DeskView, account: Account) -> dict[str, Any]:
    found = people.name_people(view, account)
    return {
        "people_html": render_to_string("admin/tips/desk/people.html", {"people": found}),
        "here": {
            str(tip_id): {"words": here.row_words, "is_writing": here.is_writing, "sentences": here.sentences}
            for tip_id, here in found.at_tips.items()
        },
    }

"""Gives the script of a tip's page the keys that open its drafts (tips/desk/drafts.py)."""

from __future__ import annotations

import base64
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from core.ephemeral_store import StoreDownError
from core.models import Account
from tips import conversation
from tips.desk import drafts


@require_POST
def give_keys(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """Return as JSON the keys of the drafts `id` for this tip, one for the `new` draft, and which drafts were dropped."""
    assert isinstance(request.user, Account)
    try:
        found = drafts.give_keys(
            tip_id, request.user, request.session, request.POST.getlist("id"), request.POST.get("new", "")
        )
    except conversation.TipGoneError:
        return JsonResponse({"state": "gone"}, status=404)
    except StoreDownError:
        return JsonResponse({"state": "down"}, status=503)
    keys = {draft_id: base64.b64encode(key).decode() for draft_id, key in found.keys.items()}
    return JsonResponse({"keys": keys, "dropped": found.dropped})

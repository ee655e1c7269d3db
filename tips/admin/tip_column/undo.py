"""The undo button of a toast: what an officer typed is put back into the fields of the tip's page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from tips import vault
from tips.admin.forms import ALL_OFFICERS
from tips.desk import outbox
from tips.desk.acts.reversals import Kind, UndoRefusedError
from tips.desk.outbox import UndoneAct

# The fields that an undone closing fills, by the names that the outbox knows.
_CLOSING_FIELDS = {"disposition", "arrests", "weapons", "drugs", "property_value", "case_number", "second_person"}


def undo_act(request: HttpRequest, officer: Account, act_id: str) -> UndoneAct | None:
    """Undo one act and say so; None, with a sentence, if it can't be undone."""
    try:
        undone = outbox.undo(_parse(act_id), officer)
    except UndoRefusedError as problem:
        messages.warning(request, str(problem))
        return None
    except (vault.SealError, vault.KeyMissingError):
        messages.warning(request, _("The keys of this tip don't work on this server, so nothing was undone."))
        return None
    messages.success(request, _("Undone. Tip %(number)s is as it was.") % {"number": undone.tip.number})
    return undone


def undo_batch(request: HttpRequest, officer: Account, batch: str) -> list[UndoneAct]:
    """Undo the acts on one selection or one event, say how many, and which not, and return those that were undone."""
    undone: list[UndoneAct] = []
    try:
        undone, refused = outbox.undo_batch(_parse(batch), officer)
    except UndoRefusedError as problem:
        refused = [str(problem)]
    except (vault.SealError, vault.KeyMissingError):
        refused = [_("The keys of a tip don't work on this server, so not all was undone.")]
    if undone:
        sentence = ngettext(
            "Undone. %(count)d tip is as it was.", "Undone. %(count)d tips are as they were.", len(undone)
        )
        messages.success(request, sentence % {"count": len(undone)})
    elif not refused:
        messages.warning(request, _("It's too late to undo that."))
    for sentence in refused:
        messages.warning(request, sentence)
    return undone


def restore_fields(post: QueryDict, undone: UndoneAct) -> QueryDict | None:
    """Return the post with what the officer had typed in the act's fields; None if it had no text to give back.

    What they have typed into the same field since stays below it.
    """
    fields = _name_fields(undone)
    if not fields:
        return None
    restored = post.copy()
    for name, value in fields.items():
        typed = restored.get(name, "")
        restored[name] = f"{value}\n\n{typed}" if typed.strip() and name in ("answer", "close_reason") else value
    return restored


def redirect_back(request: HttpRequest) -> HttpResponseRedirect:
    """Return to the page of the desk on which the button was, by default the queue."""
    back_to = request.POST.get("back_to", "")
    queue = reverse("admin:tips_tip_changelist")
    is_own = back_to.startswith(queue) and url_has_allowed_host_and_scheme(back_to, {request.get_host()})
    return HttpResponseRedirect(back_to if is_own else queue)


def _name_fields(undone: UndoneAct) -> dict[str, Any]:
    """Return what was typed by the names of the page's fields (tips/admin/forms.py)."""
    fields = undone.fields
    match undone.kind:
        case Kind.ANSWER:
            return {"answer": fields["text"], **({"ask": "on"} if fields["ask"] else {})}
        case Kind.CLOSE | Kind.CORRECT:
            named = {
                name: str(value) for name, value in fields.items() if name in _CLOSING_FIELDS and value is not None
            }
            return named | {"close_reason": fields.get("reason", "")}
        case Kind.REFER:
            unit = ALL_OFFICERS if fields["unit"] is None else str(fields["unit"])
            return {"refer_to": unit, "refer_reason": fields["reason"]}
        case Kind.ASSIGN if "word" in fields:
            return {"assign_word": fields["word"]}
        case Kind.MOVE:
            return {"category_reason": fields["reason"]}
        case _:
            return {}


def _parse(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UndoRefusedError(_("It's too late to undo that.")) from None

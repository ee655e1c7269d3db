"""The page that gives a caller new words, in the place of those that an officer read out (tips/source/receipt_change.py)."""

from __future__ import annotations

import hmac
import logging

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core import ephemeral_store
from tips import receipts, vault
from tips.source import form_posts, inbox_session, receipt_change, wording
from tips.source.forms import ReceiptForm
from tips.source.inbox_session import InboxSession

log = logging.getLogger(__name__)
_CONFLICT, _UNPROCESSABLE, _UNAVAILABLE = 409, 422, 503


@require_http_methods(["GET", "HEAD", "POST"])
def new_receipt(request: HttpRequest) -> HttpResponse:
    """Show the new words (GET), or have them open the tip, once their source says that they have them (POST)."""
    confirmed = form_posts.read(request).fields.get("words", "") if request.method == "POST" else ""
    try:
        session = inbox_session.find_current(request)
        if session is None:
            return _explain_lost_session(request) if confirmed else redirect("tips:inbox")
        if not receipt_change.is_due(session.read()):
            return redirect("tips:conversation")
        words = receipt_change.offer_words(request)
        return _confirm(request, session, words, confirmed) if confirmed else _show(request, words)
    except vault.SealError:
        log.error("a stored text does not open: it was changed or moved")
        return render(request, "tips/damaged.html", status=500)
    except (ephemeral_store.StoreDownError, vault.KeyMissingError, DatabaseError, InterfaceError) as error:
        log.error("a receipt cannot be replaced (%s)", type(error).__name__)
        sentence = _("We can't open your tip right now. It is safe. Try your old words later, then the new ones.")
        return render(request, "tips/again.html", {"sentence": sentence}, status=_UNAVAILABLE)


def _confirm(request: HttpRequest, session: InboxSession, words: str, confirmed: str) -> HttpResponse:
    """Have the words open the tip. `confirmed` names the words that the page showed."""
    if not hmac.compare_digest(confirmed.encode(), receipt_change.name_words(words).encode()):
        sentence = _("These are other words than before: the page was open for too long. Write these down instead.")
        return _show(request, words, sentence, _CONFLICT)
    try:
        receipt_change.replace(request, session, words)
    except receipt_change.ReceiptReplacedError:
        return _taken_page(request)
    except receipts.ReceiptQueueFullError:
        sentence = _("Many people are opening their tips right now. Your old words still work. Press the button again.")
        return _show(request, words, sentence, _UNAVAILABLE)
    return redirect("tips:conversation")


def _explain_lost_session(request: HttpRequest) -> HttpResponse:
    """Say why the new words that were confirmed don't work. Raises ephemeral_store.StoreDownError."""
    if inbox_session.has_lost_tip(request):
        return _taken_page(request)
    sentence = _(
        "That took longer than ten minutes, so the new words don't work. Open your tip with the old words again."
    )
    return render(request, "tips/inbox.html", {"form": ReceiptForm(), "problems": [sentence]}, status=_UNPROCESSABLE)


def _taken_page(request: HttpRequest) -> HttpResponse:
    response = render(request, "tips/receipt_taken.html", status=_CONFLICT)
    inbox_session.end(request, response)
    return response


def _show(request: HttpRequest, words: str, sentence: str = "", status: int = 200) -> HttpResponse:
    context = {"receipt": words, "file": wording.text_file_address(words), "sentence": sentence}
    context["name"] = receipt_change.name_words(words)
    return render(request, "tips/new_receipt.html", context, status=status)

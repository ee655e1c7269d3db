"""The page with a tip's receipt: for its source, or for the officer who reads it out to a caller."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from core.web import page_cache
from tips import form_tokens
from tips.callers import spelling
from tips.callers.routes import TipRoute
from tips.form_tokens import FormToken
from tips.source import qr_code, wording
from tips.views import form_page

# Marks in the cached page, each replaced by a value of the visitor's own.
_RECEIPT_MARK, _FILE_MARK, _QR_MARK = "the-receipt-here", "the-file-here", "the-qr-here"
_SLIP_MARK = "the-slip-here"
_FORM_ID_MARK = "the-form-id-here"


def show(
    request: HttpRequest, token: FormToken, file_count: int, *, is_repeat: bool = False, has_clip: bool = False
) -> HttpResponse:
    """Return the receipt of a tip that is on the disk: no failure from here on may keep the receipt from its source.

    All its links are buttons that post the form's id, so that the next page confirms that the receipt was seen; script confirms
    it at once (static/js/receipt-seen.js).
    """
    context = {
        "receipt": _RECEIPT_MARK,
        "file": _FILE_MARK,
        "qr": _QR_MARK,
        "slip": _SLIP_MARK,
        "form_id": _FORM_ID_MARK,
        "files": file_count,
        "again": is_repeat,
        "has_clip": has_clip,
        "route": form_page.name_caller_route(token.route),
        "reminder": wording.suggest_reminder(),
    }
    template = "tips/receipt.html" if token.route is TipRoute.WEB else "tips/read_out.html"
    page = page_cache.render_cached(
        request, template, lambda: context, file_count, is_repeat, has_clip, token.route, context["reminder"]
    ).replace(_FORM_ID_MARK, form_tokens.spell_id(token.id))
    # Words of our own list, a data: address and an SVG of our own: nothing to escape.
    if token.route is not TipRoute.WEB:
        return HttpResponse(page.replace(_SLIP_MARK, spelling.list_spelled(token.receipt)))
    page = page.replace(_RECEIPT_MARK, token.receipt).replace(_FILE_MARK, wording.text_file_address(token.receipt))
    page = page.replace(_SLIP_MARK, "".join(f"<li>{word}</li>" for word in token.receipt.split()))
    return HttpResponse(page.replace(_QR_MARK, qr_code.draw(token.receipt)))

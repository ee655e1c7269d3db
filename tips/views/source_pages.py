"""The source's pages: send a tip, and come back to it with the receipt.

No page here sets a cookie except the inbox once a receipt has opened it; none is cached (core/web/middleware.py). With
script and without, the same posts arrive here and get the same pages.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from core import ephemeral_store
from core.web import page_cache
from crimemap import incident_summary
from tips import categories, conversation, form_tokens, intake, receipts, statistics, vault
from tips.files import attachments, sealed_store, upload_sentences
from tips.files.attachments import Upload
from tips.files.pending_files import PendingFiles, new_ticket
from tips.source import form_posts, inbox_session, throttle, wording
from tips.source.forms import HONEYPOT_FIELD, MessageForm, ReceiptForm, TipForm

log = logging.getLogger(__name__)

page = require_http_methods(["GET", "HEAD", "POST"])
UNPROCESSABLE, TOO_MANY, UNAVAILABLE = 422, 429, 503


# The form


@page
def tip_form(request: HttpRequest) -> HttpResponse:
    """The tip form, and what becomes of it when it is sent."""
    if request.method != "POST":
        page = _blank_form(request).replace(_TOKEN_HERE, form_tokens.issue())
        return HttpResponse(page.replace(_TICKET_HERE, new_ticket()))
    post = form_posts.read(request)
    if set(post.all_fields()) == {"incident"}:
        return HttpResponse(_form_about(request, post.fields["incident"]))
    try:
        return _find_place(request, post) if "find_place" in post.fields else _receive(request, post)
    except intake.AlreadyArrivedError as arrived:
        _drop(post.new_files)
        # A browser that runs our script sends the token alone to get here, one that does not sends the whole form again.
        return _receipt_page(request, arrived.receipt, arrived.file_count, again="description" in post.fields)
    except (DatabaseError, InterfaceError) as error:
        log.error("a tip could not be stored (%s)", type(error).__name__)
        sentence = _("Your tip could not be taken at this moment.")
        return _again_page(request, post, "description", sentence)


# Marks in pages rendered ahead, each replaced by what is one visitor's own.
_TOKEN_HERE, _TICKET_HERE = "the-token-here", "the-ticket-here"
_INCIDENT_HERE, _ABOUT_HERE = "the-incident-here", "what-it-is-about-here"
_RECEIPT_HERE, _FILE_HERE, _QR_HERE = "the-receipt-here", "the-file-here", "the-qr-here"


def _blank_form(request: HttpRequest, *, about: str = "", incident: str = "") -> str:
    return page_cache.rendered(
        request,
        "tips/form.html",
        lambda: {
            "form": TipForm(categories.list_offered(), initial={"incident": incident}),
            "about": about,
            "token": _TOKEN_HERE,
            "trap": HONEYPOT_FIELD,
            **_place_for_files(_TICKET_HERE, []),
        },
        about,
    )


def _form_about(request: HttpRequest, incident: str) -> str:
    """The blank form with the incident of the map that its page's button named. It came by post, so that no address, history
    or log has it."""
    about = incident_summary.summarize(incident)
    page = _blank_form(request, about=_ABOUT_HERE, incident=_INCIDENT_HERE) if about else _blank_form(request)
    page = page.replace(_TOKEN_HERE, form_tokens.issue()).replace(_TICKET_HERE, new_ticket())
    return page.replace(_INCIDENT_HERE, escape(incident)).replace(_ABOUT_HERE, escape(about))


def _receive(request: HttpRequest, post: form_posts.FormPost) -> HttpResponse:
    """Take the tip with its files, or answer with everything typed, the files kept, and a sentence that says why not.

    Before anything costs more than opening the token, a flood meets the gate.
    """
    token = post.fields.get("token", "")
    try:
        opened = form_tokens.read(token)
    except form_tokens.TokenError:
        return _fresh_token_page(request, post, token)
    # The address is used here and nowhere else, and only as a keyed hash in memory (tips/source/throttle.py).
    wait = throttle.gate.seconds_until_ripe(opened.age_seconds, request.META.get("REMOTE_ADDR", ""))
    if wait:
        return _wait_page(request, post, wait)
    intake.refuse_if_arrived(opened.form_hash, opened.receipt)
    files, problems = post.files.open()
    tip = TipForm(categories.list_offered(), post.fields)
    for sentence in post.problems + problems:
        tip.add_error("attachments", sentence)
    if not tip.is_valid():
        return _form_page(request, tip, post, files, status=UNPROCESSABLE)
    try:
        return _receipt_page(request, intake.accept_tip(tip.report(), opened, files), len(files))
    except receipts.ReceiptQueueFullError:
        return _wait_page(request, post, 5, UNAVAILABLE)
    except vault.KeyMissingError as error:
        log.error("no tip can be taken: %s", error)
        return _again_page(request, post, "description", _("Tips cannot be taken at this moment. Try again later."))


def _drop(files: Iterable[UUID]) -> None:
    """Files of a post whose text was taken before, or has no tip any more."""
    with contextlib.suppress(OSError):
        sealed_store.remove_files(list(files))


def _fresh_token_page(request: HttpRequest, post: form_posts.FormPost, token: str) -> HttpResponse:
    """A token of more than an hour ago: its tip may have arrived all the same."""
    with contextlib.suppress(form_tokens.TokenError):
        intake.refuse_if_arrived(form_tokens.hash_token_id(form_tokens.read_token_id(token)), None)
    sentence = _("This page was open for a long time. Nothing is lost. Press Send again.")
    post = post.with_field("token", form_tokens.issue())
    return _again_page(request, post, "description", sentence, UNPROCESSABLE)


def _wait_page(request: HttpRequest, post: form_posts.FormPost, seconds: int, status: int = TOO_MANY) -> HttpResponse:
    sentence = ngettext(
        "Many tips arrive at this moment. Nothing is lost. Press Send again in %(seconds)d second.",
        "Many tips arrive at this moment. Nothing is lost. Press Send again in %(seconds)d seconds.",
        seconds,
    ) % {"seconds": seconds}
    response = _again_page(request, post, "description", sentence, status)
    response.headers["Retry-After"] = str(seconds)
    return response


def _find_place(request: HttpRequest, post: form_posts.FormPost) -> HttpResponse:
    """The page again, as it was typed, with the places found. Only files were looked at yet, so nothing else is wrong yet."""
    files, problems = post.files.open()
    tip = TipForm(categories.list_offered(), initial=post.fields)
    tip.search_places()
    return _form_page(request, tip, post, files, searched=True, problems=post.problems + problems)


def _form_page(
    request: HttpRequest,
    tip: TipForm,
    post: form_posts.FormPost,
    files: list[Upload],
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    about = incident_summary.summarize(post.fields.get("incident", ""))
    context |= {"form": tip, "about": about, "token": post.fields.get("token", ""), "trap": HONEYPOT_FIELD}
    context |= _kept(post, files)
    return render(request, "tips/form.html", context, status=status)


def _kept(post: form_posts.FormPost, files: list[Upload]) -> dict[str, Any]:
    return _place_for_files(post.files.ticket or new_ticket(), files)


def _place_for_files(ticket: str, files: list[Upload]) -> dict[str, Any]:
    """For tips/files.html: how much may be attached, and the files that are here already."""
    return {
        "ticket": ticket,
        "uploads": " ".join(str(upload.file) for upload in files),
        "max_files": settings.TIP_MAX_FILES,
        "max_bytes": filesizeformat(settings.TIP_MAX_BYTES),
        "max_bytes_exactly": settings.TIP_MAX_BYTES,
        "kept_files": [
            (attachments.display_name(upload.kind, number), f"{form_posts.REMOVE_PREFIX}{upload.file}")
            for number, upload in enumerate(files, start=1)
        ],
    }


def _again_page(
    request: HttpRequest, post: form_posts.FormPost, shown: str, sentence: str, status: int = UNAVAILABLE
) -> HttpResponse:
    """A plain page that holds everything typed and sends it to the same address again. Needs no database, and costs a
    tenth of the form: it is what a flood gets. Script takes sentence and token from it and stays where it is."""
    context = {
        "sentence": sentence,
        "shown": shown,
        "text": post.fields.get(shown, ""),
        "kept": [(name, value) for name, value in post.all_fields().items() if name != shown],
        "problems": post.problems,
        "files": len(post.files.ids),
    }
    return render(request, "tips/again.html", context, status=status)


def _receipt_page(request: HttpRequest, receipt: str | None, files: int, *, again: bool = False) -> HttpResponse:
    """The tip is on the disk: nothing that fails from here on may keep the receipt from its source."""
    if receipt is None:
        return render(request, "tips/arrived.html", {"files": files})
    try:
        median = statistics.read_figures().median_minutes
    except (DatabaseError, InterfaceError):
        median = None
    usually_read = wording.describe_duration(median) if median is not None else ""
    context = {
        "receipt": _RECEIPT_HERE,
        "file": _FILE_HERE,
        "qr": _QR_HERE,
        "files": files,
        "again": again,
        "usually_read": usually_read,
    }
    page = page_cache.rendered(request, "tips/receipt.html", lambda: context, files, again, usually_read)
    # Words of our own list, a data: address and an SVG of our own: none has anything to escape.
    page = page.replace(_RECEIPT_HERE, receipt).replace(_FILE_HERE, wording.text_file_address(receipt))
    return HttpResponse(page.replace(_QR_HERE, wording.draw_qr_code(receipt)))


# The inbox


@page
def inbox_door(request: HttpRequest) -> HttpResponse:
    """The inbox's door."""
    if request.method == "POST":
        return _sign_in(request, ReceiptForm(form_posts.read(request).all_fields()))
    return _door_page(request, ReceiptForm()) if _session_or_none(request) is None else redirect("tips:conversation")


def _sign_in(request: HttpRequest, door: ReceiptForm) -> HttpResponse:
    """A receipt opens the conversation; a message that came with it is added."""
    if not door.is_valid():
        return _door_page(request, door, status=UNPROCESSABLE)
    try:
        secret = inbox_session.authenticate_source(door.cleaned_data["receipt"])
        if secret is None:
            sentence = _("No tip has this receipt. Check the words. A tip that was deleted cannot be opened either.")
            return _door_page(request, door, sentence, UNPROCESSABLE)
        response: HttpResponse = redirect("tips:conversation")
        inbox_session.start(response, secret)
    except receipts.ReceiptQueueFullError:
        return _door_page(
            request, door, _("Many people open their tip at this moment. Try again in a minute."), UNAVAILABLE
        )
    except (ephemeral_store.StoreDownError, vault.KeyMissingError, DatabaseError, InterfaceError) as error:
        log.error("the inbox cannot be opened (%s)", type(error).__name__)
        sentence = _("Tips cannot be opened at this moment. Your tip is safe. Try again in a few minutes.")
        return _door_page(request, door, sentence, UNAVAILABLE)
    if door.cleaned_data["text"] or door.cleaned_data["uploads"]:
        return _add_kept_message(request, door, inbox_session.find_session(secret), response)
    return response


def _add_kept_message(
    request: HttpRequest, door: ReceiptForm, session: inbox_session.InboxSession | None, signed_in: HttpResponse
) -> HttpResponse:
    """Add what was typed while the inbox expired; `signed_in` is the answer that carries the new cookie."""
    if session is None:
        return _gone_page(request)
    fields = {name: door.cleaned_data[name] for name in ("text", "form_id")}
    files = PendingFiles.from_fields(door.cleaned_data)
    response = _add_message(request, session, form_posts.FormPost(fields, files))
    response.cookies.update(signed_in.cookies)
    return response


def _session_or_none(request: HttpRequest) -> inbox_session.InboxSession | None:
    try:
        return inbox_session.find_current(request)
    except ephemeral_store.StoreDownError:
        return None


def _door_page(
    request: HttpRequest, door: ReceiptForm, sentence: str = "", status: int = 200, **context: Any
) -> HttpResponse:
    if sentence:
        door.add_error(None, sentence)
    return render(request, "tips/inbox.html", {"form": door, **context}, status=status)


@page
def inbox_conversation(request: HttpRequest) -> HttpResponse:
    """A tip as its source sees it: what became of it, what was written, and room for more."""
    post = form_posts.read(request) if request.method == "POST" else form_posts.FormPost()
    try:
        session = inbox_session.find_current(request)
        if session is not None and not post.is_empty:
            return _add_message(request, session, post)
        if session is not None:
            return _conversation_page(request, session, MessageForm(), _place_for_files(new_ticket(), []))
    except (ephemeral_store.StoreDownError, DatabaseError, InterfaceError) as error:
        log.error("the conversation cannot be opened (%s)", type(error).__name__)
        return _again_page(request, post, "text", _("Your tip cannot be opened at this moment. It is safe."))
    if post.is_empty:
        return redirect("tips:inbox")
    door = ReceiptForm(initial=post.all_fields())
    written = bool(post.fields.get("text") or post.files.ids)
    return _door_page(request, door, status=UNPROCESSABLE, expired=written, problems=post.problems)


def _add_message(request: HttpRequest, session: inbox_session.InboxSession, post: form_posts.FormPost) -> HttpResponse:
    files, problems = post.files.open()
    message = MessageForm(post.fields, alone=not files)
    for sentence in post.problems + problems:
        message.add_error("attachments", sentence)
    if not message.is_valid():
        return _conversation_page(request, session, message, _kept(post, files), UNPROCESSABLE)
    text, form_id = message.cleaned_data["text"], message.cleaned_data["form_id"]
    try:
        if not conversation.add_from_source(session.tip, session.key, text, form_id.encode(), files):
            _drop(post.new_files)
    except conversation.TipGoneError:
        _drop(post.new_files)
        return _gone_page(request)
    except vault.KeyMissingError as error:
        log.error("no file can be taken: %s", error)
        return _again_page(request, post, "text", upload_sentences.no_room())
    return HttpResponseRedirect(f"{reverse('tips:conversation')}?added#newest")


def _conversation_page(
    request: HttpRequest,
    session: inbox_session.InboxSession,
    message: MessageForm,
    files: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """`files`: of _place_for_files."""
    try:
        opened = session.read()
    except vault.SealError:
        log.error("a stored text does not open: it was changed or moved")
        return render(request, "tips/damaged.html", status=500)
    context = {
        "form": message,
        "tip": session.tip,
        "report": opened.report,
        "files": opened.files,
        "arrived_at": opened.arrived_at,
        "messages": opened.messages,
        "status": wording.describe_status(session.tip),
        "added": "added" in request.GET and status == 200,
        **files,
    }
    return render(request, "tips/conversation.html", context, status=status)


def _gone_page(request: HttpRequest) -> HttpResponse:
    """The tip was deleted while its inbox was open: by its source elsewhere, or because its time was over."""
    response = render(request, "tips/deleted.html", {"gone": True}, status=410)
    inbox_session.end(request, response)
    return response


@page
def delete_tip(request: HttpRequest) -> HttpResponse:
    """Delete a tip, asked twice. The first page says what will be erased, before the second asks again."""
    post = form_posts.read(request) if request.method == "POST" else form_posts.FormPost()
    try:
        session = inbox_session.find_current(request)
        if session is None:
            return redirect("tips:inbox")
        hold = session.tip.legal_hold
        # "sure" carries what the page said would happen; if a hold was set since, it has to be said and asked again.
        if post.fields.get("sure") != ("hold" if hold else "erase"):
            context = {"tip": session.tip, "hold": hold, "second": "first" in post.fields}
            return render(request, "tips/delete.html", context)
        conversation.delete_by_source(session.token)
    except (ephemeral_store.StoreDownError, DatabaseError, InterfaceError) as error:
        log.error("a tip cannot be deleted (%s)", type(error).__name__)
        return _again_page(request, post, "", _("Your tip could not be deleted at this moment. It is still there."))
    response = render(request, "tips/deleted.html", {"hold": hold})
    inbox_session.end(request, response)
    return response


@page
def leave_portal(request: HttpRequest) -> HttpResponse:
    """Sign out and go to a neutral site. Script has left already when its beacon arrives here, and wants no answer."""
    response = HttpResponse(status=204) if request.method == "POST" else HttpResponseRedirect(settings.LEAVE_URL)
    inbox_session.end(request, response)
    return response

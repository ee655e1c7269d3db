"""The source's pages: send a tip, and come back to it with the receipt.

Only the inbox sets a cookie, once a receipt has opened it; no page is cached (core/web/middleware.py). With script and
without, browsers send the same posts and get the same pages.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from core import ephemeral_store
from core.web import padded_response
from core.web.delayed_response import delay_response
from tips import categories, conversation, form_tokens, intake, receipts, vault
from tips.callers.routes import TipRoute
from tips.files import sealed_store, upload_sentences
from tips.files.pending_files import PendingFiles, new_ticket
from tips.form_tokens import FormToken
from tips.source import form_posts, inbox_session, reading_days, receipt_change, throttle, wording
from tips.source.forms import MessageForm, ReceiptForm, TipForm
from tips.views import form_page, receipt_page

log = logging.getLogger(__name__)

allow_get_and_post = require_http_methods(["GET", "HEAD", "POST"])
UNPROCESSABLE, TOO_MANY_REQUESTS, UNAVAILABLE = 422, 429, 503


# The form


@allow_get_and_post
def tip_form(request: HttpRequest) -> HttpResponse:
    """Show the tip form, or accept the tip that it sends."""
    if request.method != "POST":
        return form_page.show_blank(request)
    post = form_posts.read(request)
    if set(post.all_fields()) == {"incident"}:
        return form_page.show_about_incident(request, post.fields["incident"])
    try:
        return _find_place(request, post) if "find_place" in post.fields else _receive(request, post)
    except intake.AlreadyArrivedError as arrived:
        _remove_files(post.new_files)
        return _arrived_page(request, post, arrived)
    except (DatabaseError, InterfaceError) as error:
        log.error("a tip could not be stored (%s)", type(error).__name__)
        sentence = _("We couldn't save your tip just now.")
        return _again_page(request, post, "description", sentence)


def _receive(request: HttpRequest, post: form_posts.FormPost) -> HttpResponse:
    """Accept the tip with its files, or return the page with everything typed, the pending files, and a sentence why not.

    The flood gate comes before anything that costs more than opening the token.
    """
    try:
        token = form_tokens.read(post.fields.get("token", ""))
    except form_tokens.TokenError as error:
        return _fresh_token_page(request, post, error)
    if wait_seconds := _count_seconds_to_wait(token):
        return _wait_page(request, post, wait_seconds)
    files, problems = post.files.open()
    form = TipForm(categories.list_offered(), post.fields)
    for sentence in post.problems + problems:
        form.add_error("attachments", sentence)
    if not form.is_valid():
        return form_page.show_typed(request, form, post, files, token.route, UNPROCESSABLE)
    try:
        intake.accept_tip(form.report(), token, files)
        return receipt_page.show(request, token, len(files), has_clip=any(file.has_clip for file in files))
    except receipts.ReceiptQueueFullError:
        return _wait_page(request, post, 5, UNAVAILABLE)
    except vault.KeyMissingError as error:
        log.error("no tip can be taken: %s", error)
        return _again_page(request, post, "description", _("We can't accept tips right now. Try again later."))


def _count_seconds_to_wait(token: FormToken) -> int:
    """Return for how many seconds the flood gate holds this form back; 0: accept it. Raises AlreadyArrivedError.

    An officer who writes for a caller does not wait for others: their form has been opened with a mark of the staff side.
    """
    if token.route is not TipRoute.WEB:
        intake.refuse_if_arrived(token.form_hash, token)
        return throttle.caller_gate.seconds_until_turn()
    wait_seconds = throttle.gate.seconds_until_ripe(token.issued_at)
    if not wait_seconds:
        intake.refuse_if_arrived(token.form_hash, token)
        wait_seconds = throttle.gate.seconds_until_turn(token.issued_at)
    return wait_seconds


def _arrived_page(request: HttpRequest, post: form_posts.FormPost, arrived: intake.AlreadyArrivedError) -> HttpResponse:
    """Answer a form whose tip is stored: the receipt until it was seen, then a page that says nothing of a tip.

    To get the receipt of a tip that has arrived, our script posts the token alone; without script, the browser posts the
    whole form again.
    """
    if arrived.receipt_seen:
        return redirect("tips:closed")
    if arrived.token is None:
        return render(request, "tips/arrived.html", {"files": arrived.file_count})
    is_repeat = bool({"description", "repeated"} & set(post.fields))
    return receipt_page.show(request, arrived.token, arrived.file_count, is_repeat=is_repeat)


def _remove_files(files: Iterable[UUID]) -> None:
    """Remove the files of a post whose text was accepted before, or whose tip is gone."""
    with contextlib.suppress(OSError):
        sealed_store.remove_files(list(files))


def _fresh_token_page(request: HttpRequest, post: form_posts.FormPost, problem: form_tokens.TokenError) -> HttpResponse:
    """Return everything typed with a fresh token. Raises AlreadyArrivedError: the tip of an expired token may be stored.

    A form for a caller stays one. Once nothing but its own field says so, it gets no token: its tip would pass for one whose source
    alone knows the receipt.
    """
    with contextlib.suppress(form_tokens.TokenError):
        token_id = form_tokens.read_token_id(post.fields.get("token", ""))
        intake.refuse_if_arrived(form_tokens.hash_token_id(token_id), None)
    route = problem.route if isinstance(problem, form_tokens.TokenExpiredError) else TipRoute.WEB
    if "caller" in post.fields and route is TipRoute.WEB:
        sentence = _(
            "This page was open for too long, so it can't be sent. Copy what you wrote. Then open a new form at the desk."
        )
        return _again_page(request, post, "description", sentence, UNPROCESSABLE)
    sentence = _("This page was open for a long time. Nothing is lost. Press Send again.")
    post = post.with_field("token", form_tokens.issue(route))
    return _again_page(request, post, "description", sentence, UNPROCESSABLE)


def _wait_page(
    request: HttpRequest, post: form_posts.FormPost, seconds: int, status: int = TOO_MANY_REQUESTS
) -> HttpResponse:
    sentence = ngettext(
        "We're getting many tips right now. Nothing is lost. Press Send again in %(seconds)d second.",
        "We're getting many tips right now. Nothing is lost. Press Send again in %(seconds)d seconds.",
        seconds,
    ) % {"seconds": seconds}
    response = _again_page(request, post, "description", sentence, status)
    response.headers["Retry-After"] = str(seconds)
    return response


def _find_place(request: HttpRequest, post: form_posts.FormPost) -> HttpResponse:
    """Return the form as typed, with the places found, padded: its length must not tell which street was looked up.

    Only the files were checked so far, so no other error is shown.
    """
    files, problems = post.files.open()
    form = TipForm(categories.list_offered(), initial=post.fields)
    form.search_places()
    route = form_tokens.read_route(post.fields.get("token", ""))
    page = form_page.show_typed(request, form, post, files, route, searched=True, problems=post.problems + problems)
    return padded_response.pad_page(request, page)


def _again_page(
    request: HttpRequest, post: form_posts.FormPost, shown_field: str, sentence: str, status: int = UNAVAILABLE
) -> HttpResponse:
    """Return a plain page that carries everything typed and posts it to the same address again.

    It needs no database and costs a tenth of the form, so a flood gets this page. Script reads sentence and token from it
    and stays on its own page.
    """
    context = {
        "sentence": sentence,
        "shown": shown_field,
        "text": post.fields.get(shown_field, ""),
        "kept": [(name, value) for name, value in post.all_fields().items() if name != shown_field],
        "problems": post.problems,
        "files": len(post.files.ids),
    }
    return render(request, "tips/again.html", context, status=status)


# The inbox


@allow_get_and_post
def inbox_sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for the receipt, or sign the source in with it."""
    if request.method == "POST":
        return _sign_in(request, ReceiptForm(form_posts.read(request).all_fields()))
    return (
        _receipt_form_page(request, ReceiptForm())
        if _session_or_none(request) is None
        else redirect("tips:conversation")
    )


def _sign_in(request: HttpRequest, form: ReceiptForm) -> HttpResponse:
    """Open the conversation with a receipt, and add the message that came with it."""
    if not form.is_valid():
        return _receipt_form_page(request, form, status=UNPROCESSABLE)
    try:
        secret = inbox_session.authenticate_source(form.cleaned_data["receipt"])
        if secret is None:
            delay_response(request, throttle.guess_gate.seconds_to_hold())
            sentence = _("No tip has this receipt. Check the words. A deleted tip can't be opened.")
            return _receipt_form_page(request, form, sentence, UNPROCESSABLE)
        intake.mark_receipt_seen(token_hash=secret.token_hash)
        response: HttpResponse = redirect("tips:conversation")
        inbox_session.start(response, secret)
    except receipts.ReceiptQueueFullError:
        return _receipt_form_page(
            request, form, _("Many people are opening their tips right now. Try again in a minute."), UNAVAILABLE
        )
    except (ephemeral_store.StoreDownError, vault.KeyMissingError, DatabaseError, InterfaceError) as error:
        log.error("the inbox cannot be opened (%s)", type(error).__name__)
        sentence = _("We can't open tips right now. Your tip is safe. Try again in a few minutes.")
        return _receipt_form_page(request, form, sentence, UNAVAILABLE)
    if form.cleaned_data["text"] or form.cleaned_data["uploads"]:
        return _add_carried_message(request, form, inbox_session.find_session(secret), response)
    return response


def _add_carried_message(
    request: HttpRequest, form: ReceiptForm, session: inbox_session.InboxSession | None, signed_in: HttpResponse
) -> HttpResponse:
    """Add the message that was typed while the session expired; `signed_in` is the response with the new cookie."""
    if session is None:
        return _gone_page(request, form.cleaned_data["text"])
    fields = {name: form.cleaned_data[name] for name in ("text", "form_id")}
    files = PendingFiles.from_fields(form.cleaned_data)
    response = _add_message(request, session, form_posts.FormPost(fields, files))
    response.cookies.update(signed_in.cookies)
    return response


def _session_or_none(request: HttpRequest) -> inbox_session.InboxSession | None:
    try:
        return inbox_session.find_current(request)
    except ephemeral_store.StoreDownError:
        return None


def _receipt_form_page(
    request: HttpRequest, form: ReceiptForm, sentence: str = "", status: int = 200, **context: Any
) -> HttpResponse:
    if sentence:
        form.add_error(None, sentence)
    return render(request, "tips/inbox.html", {"form": form, **context}, status=status)


@allow_get_and_post
def inbox_conversation(request: HttpRequest) -> HttpResponse:
    """Show a tip as its source sees it, with status, messages and a form for more, or add the message sent."""
    post = form_posts.read(request) if request.method == "POST" else form_posts.FormPost()
    try:
        session = inbox_session.find_current(request)
        if session is not None and not post.is_empty:
            return _add_message(request, session, post)
        if session is not None:
            return _conversation_page(request, session, MessageForm(), form_page.describe_files(new_ticket(), []))
    except (ephemeral_store.StoreDownError, DatabaseError, InterfaceError) as error:
        log.error("the conversation cannot be opened (%s)", type(error).__name__)
        return _again_page(request, post, "text", _("We can't open your tip right now. It is safe."))
    if post.is_empty:
        return redirect("tips:inbox")
    form = ReceiptForm(initial=post.all_fields())
    has_message = bool(post.fields.get("text") or post.files.ids)
    return _receipt_form_page(request, form, status=UNPROCESSABLE, expired=has_message, problems=post.problems)


def _add_message(request: HttpRequest, session: inbox_session.InboxSession, post: form_posts.FormPost) -> HttpResponse:
    files, problems = post.files.open()
    form = MessageForm(post.fields, is_text_required=not files)
    for sentence in post.problems + problems:
        form.add_error("attachments", sentence)
    if not form.is_valid():
        return _conversation_page(request, session, form, form_page.describe_pending_files(post, files), UNPROCESSABLE)
    text, form_id = form.cleaned_data["text"], form.cleaned_data["form_id"]
    try:
        is_new = conversation.add_from_source(session.tip, session.key, text, form_id.encode(), files)
    except conversation.TipGoneError:
        _remove_files(post.new_files)
        return _gone_page(request, text)
    except vault.KeyMissingError as error:
        log.error("no file can be taken: %s", error)
        return _again_page(request, post, "text", upload_sentences.no_room())
    if not is_new:
        _remove_files(post.new_files)
    return HttpResponseRedirect(f"{reverse('tips:conversation')}?added#newest")


def _conversation_page(
    request: HttpRequest,
    session: inbox_session.InboxSession,
    form: MessageForm,
    files_context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """`files`: of _place_for_files."""
    try:
        opened = session.read()
    except vault.SealError:
        log.error("a stored text does not open: it was changed or moved")
        return render(request, "tips/damaged.html", status=500)
    if receipt_change.is_due(opened):
        return redirect("tips:new_receipt")
    reading_days.note_reading(opened)
    context = {
        "form": form,
        "token": form_tokens.issue(),
        "tip": session.tip,
        "report": opened.report,
        "files": opened.files,
        "arrived_at": opened.arrived_at,
        "messages": opened.messages,
        "status": wording.describe_status(session.tip),
        "added": "added" in request.GET and status == 200,
        **files_context,
    }
    return render(request, "tips/conversation.html", context, status=status)


def _gone_page(request: HttpRequest, text: str = "") -> HttpResponse:
    """Say that the tip was deleted while its inbox was open, by its source elsewhere or by retention, and sign out.

    The page has the text that was just written, for a new tip.
    """
    response = render(request, "tips/deleted.html", {"gone": True, "text": text}, status=410)
    inbox_session.end(request, response)
    return response


@allow_get_and_post
def delete_tip(request: HttpRequest) -> HttpResponse:
    """Delete a tip after two questions: the first says what will be erased, the second asks again."""
    post = form_posts.read(request) if request.method == "POST" else form_posts.FormPost()
    try:
        session = inbox_session.find_current(request)
        if session is None:
            return redirect("tips:inbox")
        is_held = session.tip.legal_hold
        # "sure" carries the outcome that the page announced; if a hold was set since, the source is asked again.
        if post.fields.get("sure") != ("hold" if is_held else "erase"):
            context = {"tip": session.tip, "hold": is_held, "second": "first" in post.fields}
            return render(request, "tips/delete.html", context)
        conversation.delete_by_source(session.token)
    except (ephemeral_store.StoreDownError, DatabaseError, InterfaceError) as error:
        log.error("a tip cannot be deleted (%s)", type(error).__name__)
        return _again_page(request, post, "", _("We couldn't delete your tip just now. It is still there."))
    response = render(request, "tips/deleted.html", {"hold": is_held})
    inbox_session.end(request, response)
    return response

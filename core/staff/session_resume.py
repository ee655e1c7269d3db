"""Keeps what staff typed when a post cannot be carried out: the session has ended, or a later sign-in replaced its CSRF token.

Nothing is stored, neither on the server nor in the browser: the next page holds the input. The forms name their author
({% form_author %}), for on a shared computer a different person may sign in next: the sign-in page holds the input sealed, and
it is given back to its author alone. It is never carried out before its author has seen it and presses a button again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Account
from core.sign_in import sign_in_steps
from core.sign_in.factors import passkeys
from core.sign_in.factors.factor_form import CODE_FIELD, PASSKEY_FIELD
from core.sign_in.sign_in_steps import Step
from core.staff import form_author, known_browsers, list_filters, sealed_posts
from core.staff.sign_in import SignInForm

View = Callable[..., HttpResponseBase]

_CARRIED, _CONTINUED = "_carried", "_continued"
# Not carried: what belongs to the request itself, and passwords.
_OWN_FIELDS = (
    "csrfmiddlewaretoken",
    form_author.FIELD,
    _CARRIED,
    _CONTINUED,
    CODE_FIELD,
    PASSKEY_FIELD,
    "username",
    "password",
)


def keep_post_through_sign_in(site: AdminSite, view: View) -> View:
    """Return the admin view for a view that asks `is_resumed` and then shows the input instead of carrying it out."""

    @wraps(view)
    def shows_resumed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    shows_resumed.shows_resumed = True  # type: ignore[attr-defined]
    admin_view: View = site.admin_view(shows_resumed)
    return admin_view


def is_resumed(request: HttpRequest) -> bool:
    """Return whether the input of this post is to be shown to its author and not carried out."""
    return getattr(request, "resumed", False)


def guard(site: AdminSite, view: View, admin_view: View) -> View:
    """Wrap an admin view of this site: a post without a session, or of another account, is not carried out, but kept."""

    @wraps(admin_view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer: HttpResponseBase | None = None
        if request.method == "POST":
            answer = _hold_back(site, request, shows_resumed=getattr(view, "shows_resumed", False))
        if answer is None:
            answer = admin_view(request, *args, **kwargs)
        list_filters.keep_on_redirect(request, answer)
        if getattr(request, "has_signed_in", False) and isinstance(request.user, Account):
            known_browsers.remember(request, answer, request.user)
        return answer

    return guarded


def _hold_back(site: AdminSite, request: HttpRequest, *, shows_resumed: bool) -> HttpResponse | None:
    """Return the answer to a post that must not reach its view, None for all others. Marks those that are only shown."""
    if not site.has_permission(request):
        if (answer := _ask_to_sign_in(site, request)) is not None:
            return answer
    elif _CARRIED not in request.POST and form_author.read_author(request.POST) not in (None, request.user.pk):
        return _refuse_other_author(request)
    is_carried, is_continued = _CARRIED in request.POST, _CONTINUED in request.POST
    if is_carried and not _restore(request):
        return _refuse_other_author(request)
    if is_carried and not shows_resumed:
        return _ask_to_continue(site, request, _("You're signed in again. Nothing has been saved yet."))
    request.resumed = shows_resumed and (is_carried or is_continued)  # type: ignore[attr-defined]
    return None


def keep_stale_post(site: AdminSite, request: HttpRequest) -> HttpResponse | None:
    """Answer a post of our own page whose CSRF token is out of date; None if it does not prove that it is one.

    Only a browser that names our origin proves it: the input is shown again, and must not come from another site.
    """
    if "Origin" not in request.headers:
        return None
    if request.path == reverse("admin:login"):
        return HttpResponseRedirect(reverse("admin:index")) if site.has_permission(request) else None
    if not site.has_permission(request):
        return _ask_to_sign_in(site, request, is_stale=True)
    if _CARRIED in request.POST:
        is_own = _restore(request)
    else:
        author = form_author.read_author(request.POST)
        if author is None:
            return None
        is_own = author == request.user.pk
    if not is_own:
        return _refuse_other_author(request)
    sentence = _("This page was out of date: you have signed in again since you opened it. Nothing has been saved yet.")
    return _ask_to_continue(site, request, sentence)


def _ask_to_sign_in(site: AdminSite, request: HttpRequest, *, is_stale: bool = False) -> HttpResponse | None:
    """Return the sign-in page that carries the input, or None once the sender has signed in on it."""
    token = request.POST.get(_CARRIED)
    # With a stale token, nobody is signed in: the post may have been prepared by someone else.
    step: Step | None = Step(SignInForm(request))
    if token is None:
        author = form_author.read_author(request.POST)
        if author is None:
            return redirect_to_login(request.get_full_path())
        token = sealed_posts.seal(_carried_fields(request.POST), author)
    elif not is_stale:
        step = sign_in_steps.advance(request)
        if step is None:
            request.has_signed_in = True  # type: ignore[attr-defined]
            return None
    assert step is not None
    context = {
        **site.each_context(request),
        "step": step,
        "form": step.form,
        "carried": token,
        "title": _("Sign in again"),
        "offers_passkeys": passkeys.is_offered(request),
    }
    status = 403 if step.has_failed else 401
    return TemplateResponse(request, "admin/core/sign_in_again.html", context, status=status)


def is_carried(request: HttpRequest) -> bool:
    """Return whether the post carries an earlier one, sealed."""
    return _CARRIED in request.POST


def carry(request: HttpRequest, account: Account) -> str:
    """Return the post as a token sealed for its author, by default this account. One that is carried stays as it is."""
    if is_carried(request):
        return request.POST[_CARRIED]
    author = form_author.read_author(request.POST)
    return sealed_posts.seal(_carried_fields(request.POST), account.pk if author is None else author)


def _ask_to_continue(site: AdminSite, request: HttpRequest, sentence: str) -> HttpResponse:
    """Return the page whose button sends the input again."""
    context = {
        **site.each_context(request),
        "title": _("What you typed is still here"),
        "sentence": sentence,
        "fields": [(name, value) for name, values in _carried_fields(request.POST) for value in values],
    }
    return TemplateResponse(request, "admin/core/continue.html", context, status=409)


def _restore(request: HttpRequest) -> bool:
    """Put the carried input in place of the post's; False if it is not the signed-in account's."""
    assert isinstance(request.user, Account)
    fields = sealed_posts.open_token(request.POST[_CARRIED], request.user.pk)
    if fields is None:
        return False
    restored = QueryDict(mutable=True)
    for name, values in fields:
        restored.setlist(name, values)
    request.POST = restored  # type: ignore[assignment]  # typed as never written to
    return True


def _refuse_other_author(request: HttpRequest) -> HttpResponse:
    sentence = _("Another account typed what this page sent, so it isn't shown here. Nothing was saved.")
    messages.warning(request, sentence)
    return HttpResponseRedirect(request.get_full_path())


def _carried_fields(post: QueryDict) -> sealed_posts.Fields:
    return [(name, values) for name, values in post.lists() if name not in _OWN_FIELDS and "password" not in name]

"""Asks for a factor again before delicate actions: exports, keys, rewards, roles, walls, consent, settings, channels, legal holds.

An unattended screen that hasn't locked yet, or a stolen cookie, must not be enough for these. The view is called once a factor
was proved in this session within five minutes. Until then a page at the same address asks for it; it carries the post, sealed
for its author, and the view then gets it as it was. Files can't be carried: the page says so, and the post is given up.

    @require_fresh_factor                # asks before the page is shown
    def export(request): ...

    @require_fresh_factor_for_posts      # shows the form, and asks when it is sent
    def change_view(self, request, ...): ...

    @require_fresh_factor_to_change      # the same for all forms of an admin
    class ChannelAdmin(admin.ModelAdmin): ...
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.authentication import get_authentication_records
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.models import Account
from core.sign_in import factor_prompt, second_factor
from core.sign_in.factors.factor_form import CODE_FIELD, PASSKEY_FIELD
from core.staff import form_author, sealed_posts

FRESH_SECONDS = 5 * 60
TEMPLATE = "admin/core/fresh_factor.html"
MARK = "fresh_factor"  # on the views: "always" or "posts"
_HELD = "_held"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Not held: what belongs to the request itself.
_REQUEST_FIELDS = ("csrfmiddlewaretoken", form_author.FIELD, CODE_FIELD, PASSKEY_FIELD)
# In the sealed fields: the address that the post was for, and whether it had files.
_PATH, _FILES = "_held_path", "_held_files"

View = TypeVar("View", bound=Callable[..., Any])
AdminClass = TypeVar("AdminClass", bound=admin.ModelAdmin)
_ADMIN_FORMS = ("add_view", "change_view", "delete_view", "changelist_view")


def is_fresh(request: HttpRequest) -> bool:
    """Return whether an own factor was proved in this session within the last five minutes; a provider's doesn't count."""
    if not second_factor.has_second_factor(request):
        return False
    records = get_authentication_records(request, request.user)
    # A session may rest on the identity provider's factor alone, which is never fresh: it can't be asked for here.
    proved_at = max((each["at"] for each in records if each.get("method") == second_factor.METHOD), default=0.0)
    return bool(0 <= time.time() - proved_at < FRESH_SECONDS)


def require_fresh_factor(view: View) -> View:
    """Wrap a view, or a method of a ModelAdmin, that asks for a fresh factor whatever the request's method."""
    return _wrap(view, "always")


def require_fresh_factor_for_posts(view: View) -> View:
    """Wrap a view, or a method of a ModelAdmin, that asks for a fresh factor before a form is carried out."""
    return _wrap(view, "posts")


def require_fresh_factor_to_change(admin_class: type[AdminClass]) -> type[AdminClass]:
    """Have all forms of a ModelAdmin ask for a fresh factor before they are carried out, those of its own views aside."""
    for name in _ADMIN_FORMS:
        setattr(admin_class, name, require_fresh_factor_for_posts(getattr(admin_class, name)))
    return admin_class


def _wrap(view: View, when: str) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> HttpResponseBase:
        request = next(each for each in args if isinstance(each, HttpRequest))
        is_asked = when == "always" or request.method not in _SAFE_METHODS
        page = ask_unless_fresh(request) if is_asked else None
        return view(*args, **kwargs) if page is None else page

    setattr(guarded, MARK, when)
    return cast("View", guarded)


def is_asked_for(request: HttpRequest) -> bool:
    """Return whether the request is a post of the page that asks for a factor."""
    return request.method == "POST" and (CODE_FIELD in request.POST or _HELD in request.POST)


def ask_unless_fresh(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for a factor, or None once it is fresh: then the request holds what was posted first."""
    form: factor_prompt.PromptForm | None = None
    if not is_fresh(request):
        if request.method != "POST" or CODE_FIELD not in request.POST:
            return _render(request, _hold(request) if request.method == "POST" else "")
        form = factor_prompt.prove(request)
        if form is not None:
            return _render(request, request.POST.get(_HELD, ""), form)
    return _release(request) if is_asked_for(request) else None


def _hold(request: HttpRequest) -> str:
    """Return the post as a sealed token. One that is held already stays as it is."""
    if _HELD in request.POST:
        return request.POST[_HELD]
    assert isinstance(request.user, Account)
    fields = [(_PATH, [request.get_full_path()]), (_FILES, ["1" for _name in request.FILES])]
    fields += [(name, values) for name, values in request.POST.lists() if name not in _REQUEST_FIELDS]
    return sealed_posts.seal(fields, request.user.pk)


def _release(request: HttpRequest) -> HttpResponse | None:
    """Put the held post in place of the prompt's; a redirect if there is none to carry out."""
    assert isinstance(request.user, Account)
    fields = dict(sealed_posts.open_token(request.POST.get(_HELD, ""), request.user.pk) or [])
    here = HttpResponseRedirect(request.get_full_path())
    if fields.pop(_PATH, None) != [request.get_full_path()]:
        return here
    if fields.pop(_FILES, []):
        messages.warning(request, _("Nothing was saved, because files can't be kept meanwhile. Choose the file again."))
        return here
    post = QueryDict(mutable=True)
    for name, values in fields.items():
        post.setlist(name, values)
    request.POST = post  # type: ignore[assignment]  # typed as never written to
    return None


def _render(request: HttpRequest, held: str, form: factor_prompt.PromptForm | None = None) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Confirm that it's you"),
        "form": form or factor_prompt.PromptForm(request),
        "held": held,
        "has_files": bool(request.FILES),
    }
    return TemplateResponse(request, TEMPLATE, context, status=403)

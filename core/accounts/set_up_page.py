"""The page behind a sign-in link. Opening it uses nothing up, since mail scanners open links too; its button does."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from core.accounts import link_secrets, sign_in_links
from core.accounts.sign_in_links import LinkUsedError, Purpose
from core.models import Account
from core.sign_in import pending_sign_in

TITLES = {
    Purpose.INVITATION: gettext_lazy("Set up your account"),
    Purpose.PASSWORD: gettext_lazy("Set a new password"),
    Purpose.FACTOR: gettext_lazy("Set up your sign-in again"),
}


class PasswordForm(SetPasswordForm):
    """Asks for a password twice. The link, not the form, stores it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = _("Password")
        self.fields["new_password1"].help_text = _(
            "At least 12 characters: four words that don't belong together are easy to keep in mind. Not your name, and not a"
            " password that many people use."
        )
        self.fields["new_password2"].label = _("The same password again")
        self.fields["new_password2"].help_text = ""


@never_cache
def set_up_view(request: HttpRequest, secret: str) -> HttpResponse:
    """Let the owner of a link choose a password; then go on to the second factor, or to signing in."""
    link = link_secrets.find_link(secret)
    if link is None:
        return _respond_unusable(request)
    owner = sign_in_links.get_owner(link)
    form = PasswordForm(owner, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account = sign_in_links.use(link, form.cleaned_data["new_password1"])
        except LinkUsedError:
            return _respond_unusable(request)
        return _continue(request, account)
    context = {
        "title": TITLES[Purpose(link.purpose)],
        "owner": owner,
        "link": link,
        "form": form,
        "roles": ", ".join(link.person.get("roles", [])),
        "with_factor": link.purpose != Purpose.PASSWORD,
        "has_errors": form.is_bound,
    }
    return _respond(request, context, status=422 if form.is_bound else 200)


def _continue(request: HttpRequest, account: Account) -> HttpResponse:
    """Go on as after a right password: to the second factor if the account has one, else to setting one up."""
    pending_sign_in.begin(request, account)
    return HttpResponseRedirect(reverse("admin:sign_in_factor"))


def _respond_unusable(request: HttpRequest) -> HttpResponse:
    return _respond(request, {"title": _("This link no longer works"), "is_unusable": True}, status=410)


def _respond(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    site = {"site_title": admin.site.site_title, "site_header": admin.site.site_header}
    return TemplateResponse(request, "admin/core/set_up.html", {**site, **context}, status=status)

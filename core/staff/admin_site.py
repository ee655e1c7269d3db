"""The admin site with our sign-in form and index page, audited password changes, and read-only lists."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from core import audit
from core.sign_in import pages, pending_sign_in, second_factor, sign_in_steps
from core.sign_in.factors import factor_pages, passkeys
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.sign_in.onward import find_onward, with_next
from core.sign_in.sessions import session_pages
from core.sign_in.sign_in_steps import Step
from core.staff import session_resume, sign_in

PASSWORD_CHANGED = "changed the password of"  # noqa: S105  (a verb)


class StaffSite(AdminSite):
    site_title = _("Staff desk")
    site_header = _("Staff desk")
    index_title = _("Your desk")
    index_template = "admin/core/index.html"
    enable_nav_sidebar = False  # a list of tips needs the width; the desk is one step away in the breadcrumbs

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for the password; the pages of core/sign_in/ ask for what follows. A session without a factor ends here."""
        if request.user.is_authenticated and not second_factor.has_second_factor(request):
            logout(request)
        if self.has_permission(request):
            return HttpResponseRedirect(find_onward(request))
        step: Step | None = Step(sign_in.SignInForm(request))
        if request.method == "POST":
            pending_sign_in.cancel(request)  # of another account, perhaps
            step = sign_in_steps.advance(request)
        if step is None:
            return pages.welcome(request, find_onward(request))
        if step.asks_for_factor:
            return HttpResponseRedirect(with_next("admin:sign_in_factor", request))
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "app_path": request.get_full_path(),
            "next": find_onward(request),
            "form": step.form,
            "step": step,
            "offers_passkeys": passkeys.is_offered(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/login.html", context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return a list that is made when a page draws it: asking what of each model an account may do takes milliseconds.

        Django asks for the list on each page, for the sidebar that is off here.
        """
        return SimpleLazyObject(lambda: super(StaffSite, self).get_app_list(request, app_label))

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor.has_second_factor(request)

    def get_urls(self) -> list[Any]:
        """Leave out Django's redirects to objects and its search for select boxes: no page of ours uses them."""
        own = [
            path("sign-in/code/", pages.ask_for_factor, name="sign_in_factor"),
            path("sign-in/set-up/", pages.set_up, name="sign_in_set_up"),
            path("sign-in/passkey/", pages.passkey_options, name="passkey_options"),
            path("sign-in/new-passkey/", pages.new_passkey_options, name="new_passkey_options"),
            *factor_pages.urls(self),
            *session_pages.urls(self),
        ]
        unused = ("view_on_site", "autocomplete")
        return own + [url for url in super().get_urls() if getattr(url, "name", None) not in unused]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return session_resume.guard(self, view, super().admin_view(view, cacheable))

    @require_fresh_factor_for_posts
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        account = get_user(request)
        with transaction.atomic():
            response = super().password_change(request, extra_context)
            # Django redirects after a change and after nothing else.
            if request.method == "POST" and response.status_code == 302 and account.is_authenticated:
                audit.record(account.get_username(), PASSWORD_CHANGED, f"account {account.get_username()}")
        return response


class ReadOnlyAdmin(ModelAdmin):
    """A read-only list: no account may add, change or delete rows."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

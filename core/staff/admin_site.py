"""The admin site with our sign-in form and index page, audited password changes, and read-only lists."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core import audit
from core.models import Account
from core.staff import known_browsers, session_resume, sign_in

PASSWORD_CHANGED = "changed the password of"  # noqa: S105  (a verb)


class StaffSite(AdminSite):
    site_title = _("Staff desk")
    site_header = _("Staff desk")
    index_title = _("Your desk")
    login_form = sign_in.SignInForm
    index_template = "admin/core/index.html"
    enable_nav_sidebar = False  # a list of tips needs the width; the desk is one step away in the breadcrumbs

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().login(request, extra_context)
        # Django redirects after a sign-in, but also any GET in a session that is signed in already.
        account = get_user(request) if request.method == "POST" and response.status_code == 302 else None
        if isinstance(account, Account):
            known_browsers.remember(request, response, account)
        return response

    def get_urls(self) -> list[Any]:
        """Leave out Django's redirects to objects and its search for select boxes: no page of ours uses them."""
        return [url for url in super().get_urls() if getattr(url, "name", None) not in ("view_on_site", "autocomplete")]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return session_resume.guard(self, view, super().admin_view(view, cacheable))

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

"""Limited sign-ins in the admin: which accounts and network addresses must wait, and the buttons that end it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from core import audit
from core.ephemeral_store import StoreDownError
from core.models import Account, FailedAttempt
from core.sign_in import address_locks, attempts
from core.sign_in.wait_wording import describe_factor, describe_seconds
from core.staff import account_mails, tip_access
from core.staff.admin_site import ReadOnlyAdmin

WAIT_ENDED, UNLOCKED = "ended the sign-in wait of", "unlocked"


@admin.register(FailedAttempt)
class SignInLimits(ReadOnlyAdmin):
    """One page for everyone who changes accounts; no single attempt is shown."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and request.user.has_perm("core.change_account")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="core_failedattempt_changelist"),
            path("accounts/<int:pk>/end/", view(self.end_wait), name="core_failedattempt_end"),
            path("addresses/<slug:address>/unlock/", view(self.unlock), name="core_failedattempt_unlock"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            locked = address_locks.list_locked()
        except StoreDownError:
            locked = None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Limited sign-ins"),
            "waits": [
                (wait, describe_factor(wait.factor), describe_seconds(wait.seconds)) for wait in attempts.list_waits()
            ],
            "is_store_down": locked is None,
            "addresses": [
                (each.address, address_locks.short_code(each.address), describe_seconds(each.seconds))
                for each in locked or []
            ],
        }
        return TemplateResponse(request, "admin/core/sign_in_limits.html", context)

    def end_wait(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = get_object_or_404(Account, pk=pk) if self._is_allowed_post(request) else None
        if account is None:
            return self._back()
        with transaction.atomic():
            had_failures = attempts.end_waits(account)
            if had_failures:
                self._record(request, WAIT_ENDED, f"account {account.get_username()}", account)
        name = account.get_full_name() or account.get_username()
        if had_failures:
            messages.success(request, _("%(name)s can try to sign in now.") % {"name": name})
        else:
            messages.info(request, _("%(name)s no longer had to wait.") % {"name": name})
        return self._back()

    def unlock(self, request: HttpRequest, address: str) -> HttpResponse:
        if not self._is_allowed_post(request):
            return self._back()
        code = address_locks.short_code(address)
        try:
            was_locked = address_locks.unlock(address)
        except StoreDownError:
            messages.error(
                request, _("The memory store doesn't answer, so nothing was changed. Try again in a minute.")
            )
            return self._back()
        if was_locked:
            self._record(request, UNLOCKED, f"network address {code}", None)
            messages.success(request, _("Network address %(code)s is unlocked.") % {"code": code})
        else:
            messages.info(request, _("Network address %(code)s was no longer locked.") % {"code": code})
        return self._back()

    def _is_allowed_post(self, request: HttpRequest) -> bool:
        """Return False for the page that a button was on; raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return request.method == "POST"

    def _back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:core_failedattempt_changelist"))

    def _record(self, request: HttpRequest, action: str, subject: str, account: Account | None) -> None:
        assert isinstance(request.user, Account)
        audit.record(request.user, action, subject)
        if account is not None and tip_access.opens_tips(account):
            account_mails.mail_supervisors(f"{request.user.get_username()} {action} {subject}.")

"""Staff sign-in by password, audited and throttled by the audit trail."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from core import audit
from core.models import Account, AuditEntry

SIGNED_IN, REFUSED = "signed in", "failed to sign in"
# At most this many wrong passwords for a name within this time; a right one resets the count.
FAILURES_ALLOWED = 10
FAILURE_WINDOW = dt.timedelta(minutes=15)


class AuditedBackend(ModelBackend):
    """Sign-in by password; each success and each failure is a line of the audit trail, which is also the counter.

    Unknown names get the same answer after the same work, and are never written down: people type passwords there.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        if username is None or password is None or minutes_until_retry(username):
            return None
        account = super().authenticate(request, username=username, password=password, **kwargs)
        audit.record(_audited_name(username), SIGNED_IN if account else REFUSED)
        return account if isinstance(account, Account) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Extend Django's method: a superuser gets permissions on tips only from groups."""
        permissions: set[str] = super().get_all_permissions(user_obj, obj)
        if not user_obj.is_superuser or obj is not None:
            return permissions
        granted = Permission.objects.filter(group__in=user_obj.groups.all(), content_type__app_label="tips")
        return {name for name in permissions if not name.startswith("tips.")} | {
            f"tips.{codename}" for codename in granted.values_list("codename", flat=True)
        }


def minutes_until_retry(username: str) -> int:
    """Return the minutes until this name may try a password again, rounded up; 0 means now."""
    attempts = AuditEntry.objects.filter(
        actor=_audited_name(username), action__in=(SIGNED_IN, REFUSED), at__gt=timezone.now() - FAILURE_WINDOW
    )
    latest = list(attempts.order_by("-id").values_list("action", "at")[:FAILURES_ALLOWED])
    if len(latest) < FAILURES_ALLOWED or any(action == SIGNED_IN for action, _at in latest):
        return 0
    free_at = latest[-1][1] + FAILURE_WINDOW
    return max(1, math.ceil((free_at - timezone.now()).total_seconds() / 60))


def _audited_name(username: str) -> str:
    """Return the name of an existing account, or a stand-in that cannot be one (user names hold no space)."""
    stand_in = f"unknown name {audit.fingerprint(username)}"
    try:
        return Account.objects.get_by_natural_key(username).get_username()
    except Account.DoesNotExist:
        return stand_in


class SignInForm(AdminAuthenticationForm):
    """The admin's sign-in; says how long to wait when a name was tried too often, whether or not it exists."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        minutes = minutes_until_retry(username) if username and self.cleaned_data.get("password") else 0
        if minutes:
            raise ValidationError(
                ngettext(
                    "Too many wrong passwords for this username. Try again in %(minutes)s minute.",
                    "Too many wrong passwords for this username. Try again in %(minutes)s minutes.",
                    minutes,
                )
                % {"minutes": minutes},
                code="wait",
            )
        return super().clean()

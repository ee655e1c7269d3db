"""Staff sign-in by password, audited and throttled by the audit trail."""

from __future__ import annotations

import datetime as dt
import math
from itertools import takewhile
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
from core.staff import known_browsers

SIGNED_IN, REFUSED = "signed in", "failed to sign in"
KNOWN_BROWSER = "known browser"  # in an entry's detail
# So many wrong passwords for a name within this time cost nothing; a right one resets the count. Then each is followed by a wait.
FAILURES_ALLOWED = 10
FAILURE_WINDOW = dt.timedelta(minutes=15)
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 4, 60


class AuditedBackend(ModelBackend):
    """Sign-in by password; each success and each failure is a line of the audit trail, which is also the counter.

    Unknown names get the same answer after the same work, and are never written down: people type passwords there. Known
    browsers have a count of their own, so that a stranger who guesses keeps no officer out.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        if username is None or password is None or seconds_until_retry(username, request):
            return None
        account = super().authenticate(request, username=username, password=password, **kwargs)
        detail = KNOWN_BROWSER if _is_known_browser(request, username) else ""
        audit.record(_audited_name(username), SIGNED_IN if account else REFUSED, detail=detail)
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


def seconds_until_retry(username: str, request: HttpRequest | None) -> int:
    """Return the seconds until this name may try a password again, rounded up; 0 means now.

    An attempt during a wait is not looked at, so it prolongs nothing.
    """
    attempts = AuditEntry.objects.filter(
        actor=_audited_name(username),
        action__in=(SIGNED_IN, REFUSED),
        detail=KNOWN_BROWSER if _is_known_browser(request, username) else "",
        at__gt=timezone.now() - FAILURE_WINDOW,
    )
    latest = list(attempts.order_by("-id").values_list("action", "at")[: FAILURES_ALLOWED + 10])
    failed_at = [at for _action, at in takewhile(lambda attempt: attempt[0] == REFUSED, latest)]
    if len(failed_at) < FAILURES_ALLOWED:
        return 0
    wait: int = min(FIRST_WAIT_SECONDS * 2 ** (len(failed_at) - FAILURES_ALLOWED), LONGEST_WAIT_SECONDS)
    return max(0, math.ceil(wait - (timezone.now() - failed_at[0]).total_seconds()))


def _is_known_browser(request: HttpRequest | None, username: str) -> bool:
    account = Account.objects.filter(username=_audited_name(username)).first()
    return account is not None and known_browsers.is_known(request, account)


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
        seconds = seconds_until_retry(username, self.request) if username and self.cleaned_data.get("password") else 0
        if seconds:
            raise ValidationError(
                ngettext(
                    "Too many wrong passwords for this username. Try again in %(seconds)s second, or at once in a browser "
                    "where you have signed in before.",
                    "Too many wrong passwords for this username. Try again in %(seconds)s seconds, or at once in a browser "
                    "where you have signed in before.",
                    seconds,
                )
                % {"seconds": seconds},
                code="wait",
            )
        return super().clean()

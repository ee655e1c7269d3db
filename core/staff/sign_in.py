"""Passwords of staff, audited and limited (core/sign_in/attempts.py). The second factor follows: core/sign_in/pages.py."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from core import audit
from core.models import Account
from core.sign_in import attempts
from core.sign_in.attempts import Factor, TooManyAttemptsError
from core.sign_in.wait_wording import describe_wait

SIGNED_IN, PASSWORD_ACCEPTED = "signed in", "entered the password"


class AuditedBackend(ModelBackend):
    """Checks passwords; each success and each failure is a line of the audit trail.

    Unknown names get the same answer after the same work, and are never written down: people type passwords there.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        """Extend Django's method. Raises TooManyAttemptsError."""
        if username is None or password is None:
            return None
        attempt = attempts.begin(request, username, Factor.PASSWORD)
        account = super().authenticate(request, username=username, password=password, **kwargs)
        if not isinstance(account, Account):
            attempt.reject()
            return None
        attempt.accept()
        audit.record(account, PASSWORD_ACCEPTED, detail=attempts.KNOWN_BROWSER if attempt.browser else "")
        return account

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Extend Django's method: a superuser gets permissions on tips only from groups."""
        permissions: set[str] = super().get_all_permissions(user_obj, obj)
        if not user_obj.is_superuser or obj is not None:
            return permissions
        granted = Permission.objects.filter(group__in=user_obj.groups.all(), content_type__app_label="tips")
        return {name for name in permissions if not name.startswith("tips.")} | {
            f"tips.{codename}" for codename in granted.values_list("codename", flat=True)
        }


class SignInForm(AdminAuthenticationForm):
    """The admin's sign-in; says how long to wait when a name was tried too often, whether or not it exists."""

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyAttemptsError as error:
            raise ValidationError(describe_wait(error), code="wait") from None

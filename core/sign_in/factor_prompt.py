"""Asks a signed-in account for one of its factors: what the lock page and the page before delicate actions share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in import second_factor
from core.sign_in.attempts import TooManyAttemptsError
from core.sign_in.factors.factor_form import FactorForm
from core.sign_in.sessions import screen_lock
from core.sign_in.wait_wording import describe_wait


class PromptForm(FactorForm):
    """The form of one factor; with `asks_password`, of the password as well."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password", "autofocus": True}),
    )
    field_order = ("password", "factor_code")

    def __init__(self, request: HttpRequest, data: Any = None, *, asks_password: bool = False) -> None:
        assert isinstance(request.user, Account)
        super().__init__(request, request.user, data)
        # Accounts of a single sign-on have none; a passkey is two factors by itself.
        if not asks_password or self.sends_passkey or not request.user.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        try:
            account = authenticate(self.request, username=self.account.get_username(), password=password)
        except TooManyAttemptsError as error:
            raise ValidationError(describe_wait(error), code="wait") from None
        if account is None:
            raise ValidationError(_("This password is wrong. Try again."))
        return password

    def clean_factor_code(self) -> str:
        # A wrong password must not use up the code.
        return "" if "password" in self.errors else super().clean_factor_code()


def prove(request: HttpRequest, *, asks_password: bool = False) -> PromptForm | None:
    """Check the factor in the post. Return None once the session is renewed with it, else the form with its errors."""
    form = PromptForm(request, request.POST, asks_password=asks_password)
    if not form.is_valid() or form.authenticator is None:
        return form
    second_factor.record(request, form.account, form.authenticator)
    screen_lock.renew(request)
    return None

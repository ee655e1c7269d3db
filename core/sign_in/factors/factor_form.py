"""The form that asks for a second factor: a code from the authenticator app, a recovery code, or a passkey."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in import attempts
from core.sign_in.attempts import Factor, TooManyAttemptsError
from core.sign_in.factors import app_codes, passkeys, recovery_codes
from core.sign_in.factors.passkeys import PasskeyError
from core.sign_in.wait_wording import describe_wait

CODE_FIELD, PASSKEY_FIELD = "factor_code", "factor_passkey"


class FactorForm(forms.Form):
    """Checks one factor of `account`. Once valid, `authenticator` is the factor and `detail` its name in the audit trail."""

    factor_code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("The 6 digits that your authenticator app shows now, or one of your recovery codes."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )
    factor_passkey = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest, account: Account, data: Any = None) -> None:
        super().__init__(data)
        self.request = request
        self.account = account
        self.authenticator: Authenticator | None = None
        self.detail = ""
        self.sends_passkey = bool(data and data.get(PASSKEY_FIELD))
        self.fields[CODE_FIELD].required = not self.sends_passkey
        self.offers_passkeys = passkeys.is_offered(request) and passkeys.has_any(account)

    def clean_factor_passkey(self) -> str:
        answer: str = self.cleaned_data[PASSKEY_FIELD]
        if self.sends_passkey:
            try:
                _owner, self.authenticator = passkeys.check(self.request, answer, self.account)
            except PasskeyError as error:
                self.add_error(None, str(error))
                return answer
            self.detail = f"passkey {self.authenticator.data['name']}"
        return answer

    def clean_factor_code(self) -> str:
        if self.sends_passkey:
            return ""
        code = "".join(each for each in self.cleaned_data["factor_code"] if each.isdecimal() and each.isascii())
        is_recovery_code = len(code) == recovery_codes.CODE_DIGITS
        factor, check = (
            (Factor.RECOVERY_CODE, recovery_codes.check) if is_recovery_code else (Factor.APP_CODE, app_codes.check)
        )
        try:
            attempt = attempts.begin(self.request, self.account, factor)
        except TooManyAttemptsError as error:
            raise ValidationError(describe_wait(error), code="wait") from None
        self.authenticator, self.detail = check(self.account, code), factor
        if self.authenticator is None:
            attempt.reject()
            raise ValidationError(
                _("This code is wrong, or it was used before. Wait until your app shows a new one, then enter that.")
            )
        attempt.accept()
        return code

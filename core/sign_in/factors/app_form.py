"""The form that proves a new authenticator app, and what the app is set up from."""

from __future__ import annotations

import segno
from allauth.mfa.models import Authenticator
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in.factors import app_codes

# Not the name of the field that asks for a factor: the page before delicate actions would take it for its own.
APP_CODE_FIELD = "app_code"


class AppForm(forms.Form):
    """Asks for a code, to prove that the app works."""

    app_code = forms.CharField(
        label=gettext_lazy("Code from the app"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def enroll(self, request: HttpRequest, account: Account) -> Authenticator | None:
        """Add the app to the account; return None and say why if the code is wrong."""
        if not self.is_valid():
            return None
        code = "".join(self.cleaned_data[APP_CODE_FIELD].split())
        authenticator = app_codes.enroll(request, account, code)
        if authenticator is None:
            self.add_error(
                APP_CODE_FIELD, _("This code is wrong. Wait until your app shows a new one, then enter that.")
            )
        return authenticator


def describe_new_app(request: HttpRequest, account: Account) -> dict[str, str]:
    """Return the key that this session offers to an app, in groups of four, and its QR code as a data: address."""
    secret = app_codes.offer_secret(request)
    address = app_codes.build_address(account, secret)
    return {
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "qr_code": segno.make(address, error="m").svg_data_uri(scale=5, border=4),
    }

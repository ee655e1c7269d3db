"""The two steps of a sign-in, carried out one post at a time: the password, then the second factor."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from core.models import Account
from core.sign_in import pending_sign_in
from core.sign_in.factors.factor_form import CODE_FIELD, FactorForm
from core.staff.sign_in import SignInForm


def advance(request: HttpRequest) -> SignInForm | FactorForm | None:
    """Carry out the step that the post holds. Return the form of the step to show next, None once the sender is signed in."""
    account = pending_sign_in.find_account(request)
    if account is not None and CODE_FIELD in request.POST:
        form = FactorForm(request, account, request.POST)
        if not form.is_valid() or form.authenticator is None:
            return form
        pending_sign_in.complete(request, account, form.authenticator, form.detail)
        return None
    sign_in_form = SignInForm(request, data=request.POST)
    if not sign_in_form.is_valid():
        return sign_in_form
    signed_in = sign_in_form.get_user()
    assert isinstance(signed_in, Account)
    pending_sign_in.begin(request, signed_in)
    return FactorForm(request, signed_in)


def is_enrolled(account: Account) -> bool:
    """Return whether the account has a passkey or an authenticator app. Recovery codes alone are no factor of their own."""
    types = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(Authenticator.objects.filter(user=account, type__in=types).exists())

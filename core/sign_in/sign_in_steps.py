"""The steps of a sign-in, carried out one post at a time: a passkey alone, or a password and then the second factor."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from core.models import Account
from core.sign_in import pending_sign_in
from core.sign_in.factors import passkeys
from core.sign_in.factors.factor_form import CODE_FIELD, PASSKEY_FIELD, FactorForm
from core.sign_in.factors.passkeys import PasskeyError
from core.staff.sign_in import SignInForm


@dataclass(frozen=True, slots=True)
class Step:
    """The form to show next, and what was wrong with the passkey that was sent."""

    form: SignInForm | FactorForm
    problem: str = ""

    @property
    def asks_for_factor(self) -> bool:
        return isinstance(self.form, FactorForm)

    @property
    def needs_enrollment(self) -> bool:
        """Return whether the account whose password was right has no second factor to ask for."""
        return isinstance(self.form, FactorForm) and not is_enrolled(self.form.account)

    @property
    def has_failed(self) -> bool:
        return bool(self.problem) or self.form.is_bound


def first_step(request: HttpRequest) -> Step:
    """Return the form that a page begins with: the factor's if the password has been right in this session."""
    account = pending_sign_in.find_account(request)
    return Step(FactorForm(request, account) if account else SignInForm(request))


def advance(request: HttpRequest) -> Step | None:
    """Carry out the step that the post holds. Return the step to show next, None once the sender is signed in."""
    account = pending_sign_in.find_account(request)
    answer = request.POST.get(PASSKEY_FIELD)
    if answer and account is None:
        try:
            owner, passkey = passkeys.check(request, answer)
        except PasskeyError as error:
            return Step(SignInForm(request), str(error))
        pending_sign_in.complete(request, owner, passkey, f"passkey {passkey.data['name']}")
        return None
    if account is not None and (answer or CODE_FIELD in request.POST):
        form = FactorForm(request, account, request.POST)
        if not form.is_valid() or form.authenticator is None:
            return Step(form)
        pending_sign_in.complete(request, account, form.authenticator, form.detail)
        return None
    sign_in_form = SignInForm(request, data=request.POST)
    if not sign_in_form.is_valid():
        return Step(sign_in_form)
    signed_in = sign_in_form.get_user()
    assert isinstance(signed_in, Account)
    pending_sign_in.begin(request, signed_in)
    return Step(FactorForm(request, signed_in))


def is_enrolled(account: Account) -> bool:
    """Return whether the account has a passkey or an authenticator app. Recovery codes alone are no factor of their own."""
    types = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(Authenticator.objects.filter(user=account, type__in=types).exists())

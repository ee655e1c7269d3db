"""Passkeys (WebAuthn): the device asks for a fingerprint, a face or a PIN each time, so one alone is two factors.

A passkey names its account, so that nothing needs to be typed, and belongs to the host of STAFF_URL: another site that looks like
ours gets nothing from it. The counter that some devices send tells a copied passkey from the original.
"""

from __future__ import annotations

import json
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.sign_in import attempts
from core.sign_in.attempts import Factor
from core.sign_in.factors import factor_sealing
from core.staff import account_mails

MAX_NAME_LENGTH = 60
NEW_PASSKEY_FIELD = "new_passkey"  # holds what a device has just made; the one of factor_form.py, what it proves
COPY_SUSPECTED = "used a passkey that may be a copy"
_COUNT = "sign_count"
# What allauth and fido2 raise about an answer that is not one, or whose signature, site or challenge is wrong.
_REFUSALS = (ValidationError, ValueError, KeyError, TypeError, AttributeError)


class PasskeyError(Exception):
    """The browser's answer is not accepted. The message is a sentence for the page."""


def is_offered(request: HttpRequest) -> bool:
    """Return whether browsers accept passkeys at the address of this request: that of STAFF_URL alone."""
    return f"{request.scheme}://{request.get_host()}" == settings.STAFF_URL


def has_any(account: Account) -> bool:
    return bool(Authenticator.objects.filter(user=account, type=Authenticator.Type.WEBAUTHN).exists())


def begin_check() -> dict[str, Any]:
    """Return what the browser needs to ask for a passkey of any account; the session of this request keeps the challenge."""
    return dict(auth.begin_authentication())


def begin_adding(account: Account) -> dict[str, Any]:
    """Return what the browser needs to make a passkey for this account, on a device that has none of it yet."""
    return dict(auth.begin_registration(account, passwordless=True))


def check(request: HttpRequest, answer: str, expected: Account | None = None) -> tuple[Account, Authenticator]:
    """Return whose passkey has answered, and which it is. Raises PasskeyError.

    With `expected`, the passkey of another account is refused.
    """
    refusal = PasskeyError(_("This passkey isn't known here. Try another one, or sign in another way."))
    try:
        content = json.loads(answer)
        account = auth.extract_user_from_response(content)
    except _REFUSALS:
        raise refusal from None
    if not account.is_active or (expected is not None and account != expected):
        raise refusal
    attempt = attempts.begin(request, account, Factor.PASSKEY)
    try:
        authenticator = auth.complete_authentication(account, content)
        count = auth.parse_authentication_response(content).response.authenticator_data.counter
    except _REFUSALS:
        attempt.reject()
        raise refusal from None
    if not factor_sealing.is_owner(account.pk, _material(authenticator), authenticator.data.get("proof", "")):
        attempt.reject()
        raise refusal
    if not _record_use(authenticator, count):
        attempt.reject()
        _report_copy(account, authenticator)
        raise PasskeyError(
            _("This passkey may have been copied, so it isn't accepted. Sign in another way, then remove it.")
        )
    attempt.accept()
    return account, authenticator


def add(account: Account, answer: str, name: str) -> Authenticator:
    """Add the passkey that the device has just made. Raises PasskeyError."""
    try:
        content = json.loads(answer)
        auth.parse_registration_response(content)
        made = auth.complete_registration(content)
    except _REFUSALS:
        raise PasskeyError(_("The passkey wasn't added: the device's answer came too late. Try again.")) from None
    authenticator: Authenticator = auth.WebAuthn.add(account, name[:MAX_NAME_LENGTH], content).instance
    authenticator.data[_COUNT] = made.counter
    authenticator.data["proof"] = factor_sealing.seal_owner(account.pk, _material(authenticator))
    authenticator.save()
    return authenticator


def rename(authenticator: Authenticator, name: str) -> None:
    """Give the passkey another name."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        row.data["name"] = name[:MAX_NAME_LENGTH]
        row.save()


def _material(authenticator: Authenticator) -> str:
    return json.dumps(authenticator.data["credential"], sort_keys=True)


def _record_use(authenticator: Authenticator, count: int) -> bool:
    """Store the device's counter; return False if it has not grown, as it must where it is used at all."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        last = row.data[_COUNT]
        if (count or last) and count <= last:
            return False
        row.data[_COUNT] = count
        row.save()
        row.record_usage()
    return True


def _report_copy(account: Account, authenticator: Authenticator) -> None:
    name = authenticator.data["name"]
    audit.record(account, COPY_SUSPECTED, f"account {account.get_username()}", name)
    text = _(
        "Your passkey “%(name)s” answered with an old number. It may have been copied, so it wasn't accepted. Sign in another way,"
        " remove this passkey, and tell an administrator."
    ) % {"name": name}
    account_mails.mail_accounts_of([account], _("One of your passkeys may have been copied"), text)

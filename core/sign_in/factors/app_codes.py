"""Six-digit codes from an authenticator app (TOTP, RFC 6238): 30 seconds each, one step early or late, each accepted once."""

from __future__ import annotations

import time

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from core.models import Account
from core.sign_in.factors import factor_sealing

CODE_DIGITS = 6
_SECRET_KEY = "app_secret"  # noqa: S105  (in the session, sealed)
_LAST_STEP = "last_step"


def offer_secret(request: HttpRequest) -> str:
    """Return the secret that this session enrols with, the same until `enroll` or the end of the session."""
    sealed = request.session.get(_SECRET_KEY)
    if sealed is not None:
        return factor_sealing.open_secret(sealed)
    secret: str = generate_totp_secret()
    request.session[_SECRET_KEY] = factor_sealing.seal_secret(secret)
    return secret


def build_address(account: Account, secret: str) -> str:
    """Return the otpauth: address that the QR code holds."""
    address: str = get_adapter().build_totp_url(account, secret)
    return address


def enroll(request: HttpRequest, account: Account, code: str) -> Authenticator | None:
    """Add the app if the code comes from the secret that this session offered; None if it does not."""
    secret = offer_secret(request)
    step = _find_step(secret, code)
    if step is None:
        return None
    authenticator = add(account, secret, last_step=step)
    del request.session[_SECRET_KEY]
    return authenticator


def add(account: Account, secret: str, last_step: int = 0) -> Authenticator:
    """Add an app with this secret to the account, in place of the one it has."""
    with transaction.atomic():
        Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).delete()
        authenticator: Authenticator = TOTP.activate(account, secret).instance
        authenticator.data[_LAST_STEP] = last_step
        authenticator.data["proof"] = factor_sealing.seal_owner(account.pk, secret)
        authenticator.save()
    return authenticator


def check(account: Account, code: str) -> Authenticator | None:
    """Return the account's app if the code is right and newer than the last one it accepted; None otherwise."""
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update()
        authenticator = rows.filter(user=account, type=Authenticator.Type.TOTP).first()
        if authenticator is None:
            return None
        secret = factor_sealing.open_secret(authenticator.data["secret"])
        if not factor_sealing.is_owner(account.pk, secret, authenticator.data.get("proof", "")):
            return None
        step = _find_step(secret, code)
        if step is None or step <= authenticator.data[_LAST_STEP]:
            return None
        authenticator.data[_LAST_STEP] = step
        authenticator.save()
        authenticator.record_usage()
    return authenticator


def current_code(secret: str) -> str:
    """Return the code that an authenticator app shows now."""
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // app_settings.TOTP_PERIOD))
    return code


def _find_step(secret: str, code: str) -> int | None:
    """Return the 30-second step whose code this is, None if it is of none near now."""
    found = None
    for step in yield_hotp_counters_from_time():
        if constant_time_compare(code, format_hotp_value(hotp_value(secret, step))):
            found = step
    return found

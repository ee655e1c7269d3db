"""Ten codes for the day a phone is lost: each signs in once. They are shown once, after enrolment or when they are renewed."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.db import transaction

from core.models import Account
from core.sign_in.factors import factor_sealing

CODE_DIGITS: int = settings.MFA_RECOVERY_CODE_DIGITS


def renew(account: Account) -> Authenticator:
    """Make ten new codes; the old ones no longer work."""
    with transaction.atomic():
        Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).delete()
        authenticator: Authenticator = RecoveryCodes.activate(account).instance
        seed = factor_sealing.open_secret(authenticator.data["seed"])
        authenticator.data["proof"] = factor_sealing.seal_owner(account.pk, seed)
        authenticator.save()
    return authenticator


def list_unused(account: Account) -> list[str]:
    """Return the codes that still work, in two groups of digits."""
    authenticator = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    if authenticator is None:
        return []
    half = CODE_DIGITS // 2
    return [f"{code[:half]} {code[half:]}" for code in RecoveryCodes(authenticator).get_unused_codes()]


def check(account: Account, code: str) -> Authenticator | None:
    """Use up the code and return the account's recovery codes; None if it is not one of the unused."""
    authenticator = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    if authenticator is None:
        return None
    seed = factor_sealing.open_secret(authenticator.data["seed"])
    if not factor_sealing.is_owner(account.pk, seed, authenticator.data.get("proof", "")):
        return None
    if not RecoveryCodes(authenticator).validate_code(code):
        return None
    authenticator.record_usage()
    return authenticator

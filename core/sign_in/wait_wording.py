"""The sentences for attempts that were refused unseen (core/sign_in/attempts.py): how long to wait, and what works at once.

They are the same whether or not an account has the typed name.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.sign_in.address_locks import short_code
from core.sign_in.attempts import Factor, TooManyAttemptsError


def describe_wait(error: TooManyAttemptsError) -> str:
    wait = describe_seconds(error.seconds)
    if error.address:
        return _(
            "Too many sign-ins from your network address failed, so it is locked. Try again in %(wait)s. You can sign in now"
            " with a passkey, or in a browser where you have signed in before. An administrator can unlock the address:"
            " its code is %(code)s."
        ) % {"wait": wait, "code": short_code(error.address)}
    if error.is_known_browser:
        return _(
            "Too many failed attempts for this account in this browser, so it is locked. Try again in %(wait)s. You can sign in"
            " now with a passkey, or in another browser. An administrator can unlock this browser."
        ) % {"wait": wait}
    return _(
        "Too many failed attempts for this account. Try again in %(wait)s. You can sign in now with a passkey, or in a browser"
        " where you have signed in before. An administrator can end the wait."
    ) % {"wait": wait}


def describe_seconds(seconds: int) -> str:
    """Return a duration in words: seconds under two minutes, minutes under two hours, then hours, rounded up."""
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    if minutes < 120:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = -(-minutes // 60)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}


def describe_factor(factor: str) -> str:
    return {
        Factor.PASSWORD: _("Password"),
        Factor.APP_CODE: _("Code from the app"),
        Factor.RECOVERY_CODE: _("Recovery code"),
        Factor.PASSKEY: _("Passkey"),
    }[Factor(factor)]

"""Adds and removes second factors: each change is in the audit trail and mailed to the account's owner, in one transaction."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.sign_in.factors import recovery_codes
from core.staff import account_mails
from core.staff.groups import ADMINISTRATOR

ADDED, REMOVED, RENEWED = "added a second step to", "removed a second step of", "renewed the recovery codes of"
MAIN_TYPES = (Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP)


def list_main(account: Account) -> list[Authenticator]:
    """Return the account's passkeys and its app, the oldest first; recovery codes only stand in for one of them."""
    return list(Authenticator.objects.filter(user=account, type__in=MAIN_TYPES).order_by("created_at"))


def describe(authenticator: Authenticator) -> str:
    """Return what the factor is called on pages and in the audit trail, such as "passkey Chrome on Windows"."""
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        return _("passkey %(name)s") % {"name": authenticator.data["name"]}
    return _("authenticator app") if authenticator.type == Authenticator.Type.TOTP else _("recovery codes")


def report_first(account: Account, authenticator: Authenticator) -> None:
    """Record enrolment, make recovery codes, and tell the owner and all administrators, in the caller's transaction.

    Until an account enrolls, its password is all that a thief needs: people who know that it was not the owner must hear of it.
    """
    recovery_codes.renew(account)
    audit.record(account, ADDED, _subject(account), describe(authenticator))
    text = _(
        "%(name)s signed in for the first time with a second step: %(factor)s. From now on a password alone doesn't open this"
        " account.\n\nIf %(name)s didn't do this, another person knows the password. Turn the account off and ask a"
        " supervisor to look in the audit trail."
    ) % {"name": account.get_username(), "factor": describe(authenticator)}
    administrators = Account.objects.filter(is_active=True, groups__name=ADMINISTRATOR).exclude(pk=account.pk)
    account_mails.mail_accounts_of(
        [account, *administrators], _("%(name)s set up a second step") % {"name": account.get_username()}, text
    )


def report_added(account: Account, authenticator: Authenticator) -> None:
    """Record one more factor and tell the owner, in the caller's transaction."""
    audit.record(account, ADDED, _subject(account), describe(authenticator))
    _mail_owner(
        account, _("A second step was added to your account: %(factor)s.") % {"factor": describe(authenticator)}
    )


def remove(account: Account, authenticator: Authenticator) -> bool:
    """Remove a passkey or the app; return False for the last one, which stays."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        if len(list_main(account)) < 2:
            return False
        name = describe(authenticator)
        authenticator.delete()
        audit.record(account, REMOVED, _subject(account), name)
        _mail_owner(account, _("A second step was removed from your account: %(factor)s.") % {"factor": name})
    return True


def renew_codes(account: Account) -> Authenticator:
    """Make ten new recovery codes in place of the old ones."""
    with transaction.atomic():
        authenticator = recovery_codes.renew(account)
        audit.record(account, RENEWED, _subject(account))
        _mail_owner(account, _("The recovery codes of your account were renewed. The old ones no longer work."))
    return authenticator


def _mail_owner(account: Account, change: str) -> None:
    text = _(
        "%(change)s\n\nIf you didn't do this, another person is signed in as you. Tell an administrator now: they can turn your"
        " account off."
    ) % {"change": change}
    account_mails.mail_accounts_of([account], _("The way you sign in has changed"), text)


def _subject(account: Account) -> str:
    return f"account {account.get_username()}"

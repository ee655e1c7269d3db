"""Which person at the identity provider is which account here: by issuer and subject, never by mail address or name.

A mail address can be given to another person, and the people who run the provider can write any into a profile. So an account is
connected by its owner, who is signed in with password and second factor and then signs in at the provider.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import Account, ProviderIdentity
from core.single_sign_on.id_tokens import Claims
from core.single_sign_on.provider import Provider
from core.staff import account_mails, tip_access

CONNECTED, DISCONNECTED = "connected single sign-on to", "disconnected single sign-on from"


class IdentityTakenError(Exception):
    """The person at the provider is connected to another account."""


def find(provider: Provider, subject: str) -> ProviderIdentity | None:
    """Return the identity of this person at the provider if its account is turned on."""
    rows = ProviderIdentity.objects.select_related("account")
    return rows.filter(issuer=provider.issuer, subject=subject, account__is_active=True).first()


def find_of(provider: Provider, account: Account) -> ProviderIdentity | None:
    return ProviderIdentity.objects.filter(issuer=provider.issuer, account=account).first()


def connect(provider: Provider, account: Account, claims: Claims) -> ProviderIdentity:
    """Connect the account, in place of an earlier connection. Raises IdentityTakenError."""
    try:
        with transaction.atomic():
            ProviderIdentity.objects.filter(issuer=provider.issuer, account=account).delete()
            identity = ProviderIdentity.objects.create(
                issuer=provider.issuer, subject=claims.subject, account=account, label=claims.label
            )
            _tell(account, account, CONNECTED)
    except IntegrityError:
        raise IdentityTakenError from None
    return identity


def disconnect(account: Account, actor: Account) -> bool:
    """Remove the account's connections; sessions that rest on the provider's second factor end. Return whether it had one."""
    with transaction.atomic():
        deleted, _rows = ProviderIdentity.objects.filter(account=account).delete()
        if deleted:
            _tell(account, actor, DISCONNECTED)
    return deleted > 0


def _tell(account: Account, actor: Account, action: str) -> None:
    """Record the change, and mail it to the owner, and to the supervisors if the account opens tips."""
    subject = f"account {account.get_username()}"
    audit.record(actor, action, subject)
    if tip_access.opens_tips(account):
        account_mails.mail_supervisors(f"{actor.get_username()} {action} {subject}.")
    text = (
        _("%(actor)s connected single sign-on to your account on the staff desk.")
        if action == CONNECTED
        else _("%(actor)s disconnected single sign-on from your account on the staff desk.")
    ) % {"actor": actor.get_username()}
    question = _("Did you expect this? If not, tell a supervisor or an administrator now.")
    account_mails.mail_accounts_of([account], _("Single sign-on of your account has changed"), f"{text}\n\n{question}")

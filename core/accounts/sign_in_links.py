"""Sign-in links: mailed to a person, valid for 72 hours, used once by a button. They replace passwords that are carried around.

An invitation makes the account when it is used. A link for an account takes the old password away as soon as it is made, which
ends all its sessions; one for a new second factor also removes the account's factors.
"""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.accounts import account_changes, link_secrets
from core.accounts.invited_people import InvitedPerson, make_username
from core.accounts.link_secrets import LIFETIME
from core.agency import current_settings
from core.models import Account, AccountMail, ProviderIdentity, SignInLink
from core.sign_in.sessions.endings import end_sessions
from core.staff import account_mails, tip_access
from core.staff.account_mails import REFUSED

Purpose = SignInLink.Purpose


class LinkUsedError(Exception):
    """The link was used, replaced or withdrawn meanwhile, or has expired."""


def invite(person: InvitedPerson, by: Account | str) -> SignInLink:
    """Mail the person a link that makes the account, and record it, in the caller's transaction."""
    name = by if isinstance(by, str) else by.get_username()
    link = _make(Purpose.INVITATION, by=name, person=person.as_json())
    audit.record(by, "invited", f"account {person.username}", f"{person.name}: {', '.join(person.roles)}")
    _mail(link)
    return link


def hand_over_invitation(person: InvitedPerson, by: str) -> str:
    """Return the address of a link that makes the account, which the operator of a command hands over, and record it.

    It is not mailed: the first account is made before anyone knows that mail works. An earlier invitation of the same address is
    replaced.
    """
    with transaction.atomic():
        SignInLink.objects.filter(purpose=Purpose.INVITATION, person__email=person.email).delete()
        link = _make(Purpose.INVITATION, by=by, person=person.as_json())
        audit.record(by, "invited", f"account {person.username}", f"{person.name}: {', '.join(person.roles)}")
        return link_secrets.issue_address(link)


def send_reset(account: Account, by: Account | str, *, with_factor: bool) -> SignInLink:
    """Take the account's password away, and mail its owner a link to set a new one, in the caller's transaction.

    All sessions of the account end. `with_factor` removes its second factors and its single sign-on too.
    """
    account.sign_in_links.all().delete()
    account.set_unusable_password()
    account.save(update_fields=["password"])
    end_sessions(account)
    if with_factor:
        Authenticator.objects.filter(user=account).delete()
        # The person who got hold of the account may have connected an identity of their own.
        ProviderIdentity.objects.filter(account=account).delete()
    name = by if isinstance(by, str) else by.get_username()
    link = _make(Purpose.FACTOR if with_factor else Purpose.PASSWORD, by=name, account=account)
    action = "reset the second factor of" if with_factor else "reset the password of"
    account_changes.record_change(by, action, account, is_opening=tip_access.opens_tips(account), to_owner=False)
    _mail(link)
    return link


def resend(link: SignInLink, by: Account) -> None:
    """Mail the link again, with a new secret: an address that was mailed before no longer works."""
    with transaction.atomic():
        SignInLink.objects.filter(pk=link.pk).update(secret_hash=None, expires_at=timezone.now() + LIFETIME)
        link.mails.all().delete()
        audit.record(by, "sent the link again of", _audited_subject(link))
        _mail(link)


def withdraw(link: SignInLink, by: Account) -> None:
    """Make the link unusable. An invitation so leaves nothing but lines of the audit trail."""
    with transaction.atomic():
        audit.record(by, "withdrew the link of", _audited_subject(link))
        link.delete()


def has_refused_mail(link: SignInLink) -> bool:
    """Return whether the mail server refused the link's mail for good."""
    return AccountMail.objects.filter(link=link, state=REFUSED).exists()


def is_expired(link: SignInLink) -> bool:
    return link.expires_at <= timezone.now()


def get_owner(link: SignInLink) -> Account:
    """Return the link's account; for an invitation the one that it will make, not saved."""
    if link.account is not None:
        return link.account
    person = InvitedPerson.from_json(link.person)
    return Account(
        username=person.username, first_name=person.first_name, last_name=person.last_name, email=person.email
    )


def use(link: SignInLink, password: str) -> Account:
    """Set the password and use the link up; an invitation makes its account. Raises LinkUsedError.

    `password` was validated by the caller.
    """
    with transaction.atomic():
        current = SignInLink.objects.select_for_update().filter(pk=link.pk, secret_hash=link.secret_hash).first()
        if current is None or current.expires_at <= timezone.now():
            raise LinkUsedError
        account = _make_account(current) if current.account is None else current.account
        account.set_password(password)
        account.save(update_fields=["password"])
        if current.purpose != Purpose.INVITATION:
            account_changes.record_change(
                account, "set the password of", account, is_opening=tip_access.opens_tips(account), to_owner=False
            )
        current.delete()
    return account


def _make_account(link: SignInLink) -> Account:
    person = InvitedPerson.from_json(link.person)
    taken = Account.objects.values_list("username", flat=True)
    username = person.username
    if username.lower() in {name.lower() for name in taken}:
        username = make_username(person.first_name, person.last_name, person.email, taken)
    account: Account = Account.objects.create(
        username=username,
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        is_staff=True,
    )
    account.groups.set(Group.objects.filter(name__in=person.roles))
    detail = f"invited by {link.made_by}: {', '.join(person.roles)}"
    account_changes.record_change(
        account, "created", account, detail, is_opening=tip_access.opens_tips(account), to_owner=False
    )
    return account


def _make(
    purpose: Purpose, *, by: str, account: Account | None = None, person: dict[str, object] | None = None
) -> SignInLink:
    return SignInLink.objects.create(
        purpose=purpose, account=account, person=person or {}, made_by=by, expires_at=timezone.now() + LIFETIME
    )


def _audited_subject(link: SignInLink) -> str:
    return account_changes.describe_subject(get_owner(link))


def _mail(link: SignInLink) -> None:
    owner = get_owner(link)
    values = {"name": owner.get_full_name() or owner.get_username(), "agency": current_settings.current().name}
    if link.purpose == Purpose.INVITATION:
        subject = _("Set up your account for the staff desk")
        text = _(
            "%(name)s, you get an account for the staff desk of %(agency)s.\n\nOpen this link to choose a password and"
            " set up a second factor. It works once, until {expires}:\n{address}\n\nIf you didn't expect this, don't open"
            " the link, and tell your administrator."
        )
    else:
        subject = _("Set up your sign-in again")
        text = _(
            "%(name)s, your old password for the staff desk of %(agency)s no longer works, and all your sessions have"
            " ended.\n\nOpen this link to set up your sign-in again. It works once, until {expires}:\n{address}\n\nDidn't"
            " you ask for this? Then don't open the link, and tell a supervisor at once."
        )
    account_mails.mail_link(link, subject, text % values)

"""Mails to staff about accounts: changes, requests for consent, and links to set up sign-in. The alerts worker sends them.

They name accounts and what was changed, never a tip. A mail is a row until the mail server has it, so that nobody can keep it
from being sent by breaking the mail server for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import queue
from core.accounts import link_secrets
from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account, AccountMail, SignInLink
from core.staff.groups import SUPERVISOR

AUDIT_PATH = "/admin/core/auditentry/"
REQUESTS_PATH = "/admin/core/account/requests/"
REFUSED = "refused"


def list_supervisors() -> list[Account]:
    """Return the active supervisors."""
    return list(Account.objects.filter(is_active=True, groups__name=SUPERVISOR).order_by("username"))


def mail_supervisors(change: str) -> None:
    """Write one mail to each active supervisor with an address, in the caller's transaction. `change` is a sentence."""
    text = _(
        "%(change)s\n\n"
        "This account can open tips, or could before the change. Did you expect this? If not, ask the person who did it,"
        " and look in the audit trail: %(address)s"
    ) % {"change": change, "address": settings.STAFF_URL + AUDIT_PATH}
    mail_accounts_of(list_supervisors(), _("An account that opens tips has changed"), text)


def mail_agency_change(change: str) -> None:
    """Write one mail to each active supervisor with an address, in the caller's transaction. `change` has sentences."""
    text = _(
        "%(change)s\n\n"
        "This changes what people who send tips see or are promised. Did you expect it? If not, ask the people who did it, and"
        " look in the audit trail: %(address)s"
    ) % {"change": change, "address": settings.STAFF_URL + AUDIT_PATH}
    mail_accounts_of(list_supervisors(), _("The agency's settings have changed"), text)


def mail_request(request_sentence: str, receivers: Iterable[Account]) -> None:
    """Write one mail to each account that can decide a request for consent, in the caller's transaction."""
    text = _(
        "%(request)s\n\nThis needs a second person. Allow or refuse it within 72 hours, after you have checked it with the"
        " person it is about: %(address)s"
    ) % {"request": request_sentence, "address": settings.STAFF_URL + REQUESTS_PATH}
    mail_accounts_of(receivers, _("A request needs your decision"), text)


def mail_accounts_of(receivers: Iterable[Account], subject: str, text: str) -> None:
    """Write one mail to each of these accounts that has an address, in the caller's transaction."""
    AccountMail.objects.bulk_create(
        AccountMail(account=receiver, subject=subject, text=text) for receiver in receivers if receiver.email
    )
    queue.send_on_commit("core.alerts.mail_accounts")


def mail_old_address(account: Account, address: str, subject: str, text: str) -> None:
    """Write one mail to the address that the account had until now, in the caller's transaction."""
    AccountMail.objects.create(account=account, old_address=address, subject=subject, text=text)
    queue.send_on_commit("core.alerts.mail_accounts")


def mail_link(link: SignInLink, subject: str, text: str) -> None:
    """Write the mail with a sign-in link, in the caller's transaction. `text` has {address} and {expires}."""
    AccountMail.objects.create(link=link, subject=subject, text=text)
    queue.send_on_commit("core.alerts.mail_accounts")


class AccountMailOutbox(Outbox[AccountMail]):
    model = AccountMail
    name = "mails about accounts"
    quick_tries = 5

    def compose(self, row: AccountMail) -> EmailMessage:
        text = row.text
        if row.link is not None:
            address = link_secrets.issue_address(row.link)
            expires = date_format(timezone.localtime(row.link.expires_at), "DATETIME_FORMAT")
            text = text.replace("{address}", address).replace("{expires}", expires)
        return EmailMessage(subject=row.subject, body=text, to=[self._find_receiver(row)])

    def record_sent(self, row: AccountMail) -> None:
        self._leased(row).delete()

    def record_refusal(self, row: AccountMail) -> None:
        self.settle(row, state=REFUSED)

    def _find_receiver(self, row: AccountMail) -> str:
        if row.old_address:
            return row.old_address
        account_id = row.account_id if row.link is None else row.link.account_id
        if account_id is None:
            assert row.link is not None
            return str(row.link.person["email"])
        return Account.objects.filter(pk=account_id).values_list("email", flat=True).get()


@shared_task(name="core.alerts.mail_accounts")  # type: ignore[untyped-decorator]
def mail_accounts() -> None:
    """Send the mails about accounts that are due."""
    AccountMailOutbox().send(outbox.due_rows(AccountMail))

"""Records changes of accounts: in the audit trail, and by mail to supervisors and to the owner if the account opens tips."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.staff import account_mails

RENAMED = "renamed"
OLD_NAME = "was "  # before the old name, in the detail of such a line


def describe_subject(account: Account) -> str:
    """Return how the audit trail names the account."""
    return f"account {account.get_username()}"


def record_change(
    editor: Account | str, action: str, account: Account, detail: str = "", *, is_opening: bool, to_owner: bool = True
) -> None:
    """Record a change, in the caller's transaction. `is_opening`: whether the account opens tips, or did before.

    The owner of such an account is told too, also one who is no supervisor and one who was just turned off.
    """
    audit.record(editor, action, describe_subject(account), detail)
    if not is_opening:
        return
    name = editor if isinstance(editor, str) else editor.get_username()
    line = " ".join([name, action, describe_subject(account)])
    sentence = f"{line}: {detail}" if detail else f"{line}."
    account_mails.mail_supervisors(sentence)
    if to_owner and account.pk not in [supervisor.pk for supervisor in account_mails.list_supervisors()]:
        text = _("%(change)s\n\nThis is your account. Did you expect this? If not, tell a supervisor at once.")
        account_mails.mail_accounts_of([account], _("Your account has changed"), text % {"change": sentence})


def record_new_email(editor: Account, account: Account, old_address: str, *, is_opening: bool) -> None:
    """Record that the account has a new email address, and tell its owner at the old one, whatever the account's roles."""
    record_change(editor, "changed the email of", account, is_opening=is_opening)
    if old_address:
        text = _(
            "%(name)s has changed the email address of the account %(account)s to another one. This was the old address. Did"
            " you expect this? If not, tell a supervisor at once."
        ) % {"name": editor.get_username(), "account": account.get_username()}
        account_mails.mail_old_address(account, old_address, _("Your account has a new email address"), text)

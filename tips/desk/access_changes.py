"""Decides who may change who sees which tips: members of units, people named for sensitive categories, a category's unit.

Administrators run the portal and open no tip, so supervisors decide. No one gives tips to themselves while another supervisor
could: the lone supervisor of a small agency has to. Each change is in the audit trail, one line a person, and is mailed to all
supervisors.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.staff.account_mails import list_supervisors, mail_supervisors
from tips.models import Category


def decides(editor: Account) -> bool:
    """Return whether the account may change who sees which tips."""
    return editor in list_supervisors()


def explain_refused_gain(editor: Account, *, sees_before: bool, sees_after: bool) -> str:
    """Return "" if the editor may make a change after which they themself see tips or not, else why not."""
    others = [supervisor for supervisor in list_supervisors() if supervisor != editor]
    if sees_after and not sees_before and others:
        return _("You can't give yourself access to tips. Ask %(names)s.") % {"names": name_accounts(others)}
    return ""


def sees_category(account: Account, *, is_sensitive: bool, named: Iterable[Account]) -> bool:
    """Return whether the account would see tips of a category set so; of an ordinary one by its unit, so count it as yes."""
    return not is_sensitive or account in named


def record_people(editor: Account, subject: str, before: Iterable[Account], after: Iterable[Account]) -> None:
    """Record and mail who now sees the tips of a unit or category, and who no longer does. `subject` is "unit Narcotics"."""
    old, new = set(before), set(after)
    for action, accounts in (("gave access to", new - old), ("took access from", old - new)):
        for account in sorted(accounts, key=Account.get_username):
            record(editor, action, f"account {account.get_username()}", subject)


def record(editor: Account, action: str, subject: str, detail: str = "") -> None:
    """Record a change of who sees tips, and mail it to all supervisors."""
    audit.record(editor, action, subject, detail)
    mail_supervisors(f"{editor.get_username()} {action} {subject}: {detail}")


def describe_readers(category: Category) -> str:
    """Return how a category is read, for the audit trail: "sensitive" or the name of its unit."""
    if category.is_sensitive:
        return "sensitive"
    return category.unit.name if category.unit else "all officers"


def name_accounts(accounts: Iterable[Account]) -> str:
    return ", ".join(account.get_full_name() or account.get_username() for account in accounts)

"""Decides who may change who sees which tips: members of units, people named for sensitive categories, a category's unit.

Administrators run the portal and open no tip. A person is added as a role that opens tips is given: an administrator or
supervisor asks, and a supervisor other than the two allows it (core/accounts/consent.py). Supervisors take people off, and
choose the unit of a category and whether it is sensitive. Each change is in the audit trail, one line a person, and is mailed
to all supervisors.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from core import audit
from core.accounts import consent
from core.models import Account, ConsentRequest
from core.staff.account_mails import list_supervisors, mail_supervisors
from tips.models import Category, Unit


def decides(editor: Account) -> bool:
    """Return whether the account may change who sees which tips, but for adding people, which takes two."""
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


def ask_to_add(editor: Account, place: Unit | Category, people: Iterable[Account]) -> list[str]:
    """Ask for consent to show the tips of a unit or category to these people, and return a sentence for each."""
    kind = "units" if isinstance(place, Unit) else "categories"
    sentences = []
    for account in people:
        try:
            consent.ask(
                ConsentRequest.Kind.ACCESS, editor, account=account, details={kind: {str(place.pk): str(place)}}
            )
        except consent.ConsentRefusedError as problem:
            sentences.append(f"{consent.name_account(account)}: {problem}")
            continue
        sentence = _(
            "%(name)s sees these tips once a supervisor has allowed it: one who neither asked nor is %(name)s."
        )
        sentences.append(sentence % {"name": consent.name_account(account)})
    return sentences


def name_waiting(place: Unit | Category) -> str:
    """Return the names of the people in open requests to join this unit or category."""
    field = "details__units__has_key" if isinstance(place, Unit) else "details__categories__has_key"
    requests = ConsentRequest.objects.open().filter(kind=ConsentRequest.Kind.ACCESS, **{field: str(place.pk)})
    names = name_accounts(request.account for request in requests.select_related("account") if request.account)
    return names or _("No one")


def record_removals(editor: Account, subject: str, removed: Iterable[Account]) -> None:
    """Record and mail who no longer sees the tips of a unit or category. `subject` is "unit Narcotics"."""
    for account in sorted(removed, key=Account.get_username):
        record(editor, "took access from", f"account {account.get_username()}", subject)


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
    return ", ".join(consent.name_account(account) for account in accounts)

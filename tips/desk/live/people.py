"""Names the officers who are at the desk, and what they do there, in words for one account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from tips.desk.live.desk_watch import DeskView, PresentOfficer
from tips.desk.live.sightings import Doing


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person in the list of those on duty; `words` says at which tip they are, or that they are idle or away."""

    name: str
    initials: str
    words: str


@dataclass(frozen=True, slots=True)
class PeopleHere:
    """The people at one tip: a few words for its row, and a sentence for each at the tip itself."""

    row_words: str
    is_writing: bool
    sentences: list[str]


@dataclass(frozen=True, slots=True)
class People:
    on_duty: list[ListedPerson]
    others: list[ListedPerson]
    at_tips: dict[UUID, PeopleHere]


def name_people(view: DeskView, account: Account) -> People:
    """Return who is there, as this account is told. One query."""
    present_ids = {one.account_id for one in view.present}
    accounts = Account.objects.in_bulk([*view.on_duty, *present_ids])
    names = _choose_names(accounts.values())
    at_tips: dict[UUID, list[PresentOfficer]] = {}
    for one in view.present:
        if one.tip_id and one.account_id != account.pk and one.account_id in names:
            at_tips.setdefault(one.tip_id, []).append(one)

    def listed(account_ids: Iterable[int]) -> list[ListedPerson]:
        people = [
            ListedPerson(
                _("You") if account_id == account.pk else names[account_id],
                find_initials(accounts[account_id]),
                _describe_place([one for one in view.present if one.account_id == account_id]),
            )
            for account_id in account_ids
            if account_id in names
        ]
        return sorted(people, key=lambda person: (person.name != _("You"), person.name))

    return People(
        on_duty=listed(view.on_duty),
        others=listed(present_ids - set(view.on_duty)),
        at_tips={tip_id: _describe_tip(officers, names) for tip_id, officers in at_tips.items()},
    )


def find_initials(account: Account) -> str:
    """Return the first letters of an account's first and last name, or of its username."""
    names = (account.get_full_name() or account.get_username()).split()
    return "".join(name[0] for name in (names[0], *names[1:][-1:])).upper()


def _choose_names(accounts: Iterable[Account]) -> dict[int, str]:
    """Return the first name of each account, or the whole name where two would be the same."""
    accounts = list(accounts)
    short = {account.pk: account.get_short_name() or account.get_username() for account in accounts}
    count = Counter(short.values())
    return {
        account.pk: short[account.pk] if count[short[account.pk]] == 1 else account.get_full_name() or account.username
        for account in accounts
    }


def _describe_place(places: list[PresentOfficer]) -> str:
    if not places:
        return _("away")
    numbers = sorted(one.number for one in places if one.number)
    if numbers:
        return ngettext("tip %(numbers)s", "tips %(numbers)s", len(numbers)) % {"numbers": ", ".join(map(str, numbers))}
    return _("idle") if all(one.doing is Doing.IDLE for one in places) else ""


def _describe_tip(officers: list[PresentOfficer], names: dict[int, str]) -> PeopleHere:
    officers = sorted(officers, key=lambda one: (one.doing is not Doing.WRITING, names[one.account_id]))
    return PeopleHere(
        row_words=_describe_row(officers, names),
        is_writing=officers[0].doing is Doing.WRITING,
        sentences=[_SENTENCES[one.doing]() % {"name": names[one.account_id]} for one in officers],
    )


def _describe_row(officers: list[PresentOfficer], names: dict[int, str]) -> str:
    if len(officers) > 1:
        return ngettext("%(count)s officer here", "%(count)s officers here", len(officers)) % {"count": len(officers)}
    (one,) = officers
    words = {
        Doing.WRITING: _("%(name)s writing"),
        Doing.READING: _("%(name)s reading"),
        Doing.IDLE: _("%(name)s, idle"),
    }
    return words[one.doing] % {"name": names[one.account_id]}


_SENTENCES = {
    Doing.WRITING: lambda: _("%(name)s is writing"),
    Doing.READING: lambda: _("%(name)s is reading this"),
    Doing.IDLE: lambda: _("%(name)s has this open, but is idle"),
}

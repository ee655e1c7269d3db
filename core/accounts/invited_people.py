"""The people to invite: one from a form, or a list with one person per line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from core.mail.subscriber_addresses import EmailAddressError, normalize_address
from core.models import Account, ConsentRequest, SignInLink
from core.plain_text import clean_published_line, fold_text
from core.staff.groups import GROUPS

MAX_LINES = 100
_MAX_USERNAME = 30
_MAX_NAME = 150
_SEPARATORS = re.compile(r"[\t,;]")
_ROLE_SEPARATORS = re.compile(r"[+/&\t,;]|\band\b")
_BRACKETED_ADDRESS = re.compile(r"<([^<>]*@[^<>]*)>")


@dataclass(frozen=True, slots=True)
class InvitedPerson:
    """A person who is to get an account. `roles` are names of groups."""

    first_name: str
    last_name: str
    email: str
    username: str
    roles: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(**{**stored, "roles": tuple(stored["roles"])})


@dataclass(slots=True)
class ListLine:
    """One line of a pasted list: the person it names, or sentences that say what is wrong with it."""

    number: int
    text: str
    person: InvitedPerson | None = None
    problems: list[str] = field(default_factory=list)


class InvitationProblemError(Exception):
    """The person can't be invited. `problems` are sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def parse_list(text: str, emails: dict[str, str] | None = None) -> list[ListLine]:
    """Return the lines of a pasted list that are not empty: name, email and roles, between commas, semicolons or tabs.

    "Lindqvist, Maja, maja@example.org, officer" and "Maja Lindqvist <maja@example.org>, officer" are read too. `emails`: as for
    make_person().
    """
    lines: list[ListLine] = []
    usernames, emails = set(_list_usernames()), _find_known_emails() if emails is None else emails
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parsed = ListLine(number, line.strip())
        try:
            name, email, roles = _split(line)
            parsed.person = make_person(name, email, roles, usernames, emails)
        except InvitationProblemError as error:
            parsed.problems = error.problems
        else:
            usernames.add(parsed.person.username)
            emails[parsed.person.email.lower()] = _("Another line has this email address.")
        lines.append(parsed)
    return lines


def make_person(
    name: str,
    email: str,
    roles: Iterable[str],
    usernames: set[str] | None = None,
    emails: dict[str, str] | None = None,
) -> InvitedPerson:
    """Return the person with a username that is free. Raises InvitationProblemError.

    `usernames` are taken, and `emails` say of a taken address in lower case why it is: by default those of the database.
    """
    first, last = split_name(clean_published_line(name))
    problems = [] if first or last else [_("Write the person's name first.")]
    if max(len(first), len(last)) > _MAX_NAME:
        problems.append(_("This name is too long."))
    try:
        email = normalize_address(email)
    except EmailAddressError as error:
        problems.append(str(error) if email.strip() else _("Write the person's email address. We mail the link to it."))
    else:
        taken = (_find_known_emails() if emails is None else emails).get(email.lower())
        problems += [taken] if taken else []
    known, unknown = _read_roles(roles)
    problems += [_("There is no role “%(role)s”.") % {"role": role} for role in unknown]
    if not known and not unknown:
        problems.append(_("Give the person a role: %(roles)s.") % {"roles": ", ".join(GROUPS)})
    if problems:
        raise InvitationProblemError(problems)
    taken_names = set(_list_usernames()) if usernames is None else usernames
    return InvitedPerson(first, last, email, make_username(first, last, email, taken_names), known)


def make_username(first: str, last: str, email: str, taken: Iterable[str]) -> str:
    """Return first and last name with a dot between, in plain letters, followed by a number if the name is taken."""
    words = [re.sub(r"[^a-z0-9]", "", fold_text(part)) for part in (first, last)]
    base = ".".join(word for word in words if word)
    base = base or re.sub(r"[^a-z0-9._-]", "", fold_text(email.partition("@")[0])) or "staff"
    base = base[:_MAX_USERNAME].rstrip(".")
    folded = {name.lower() for name in taken}
    number, name = 1, base
    while name in folded:
        number += 1
        name = f"{base}{number}"
    return name


def split_name(name: str) -> tuple[str, str]:
    """Return first and last name: "Maja Lindqvist" or "Lindqvist, Maja". A single word is the first name."""
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and first:
        return " ".join(first.split()), " ".join(last.split())
    words = name.replace(",", " ").split()
    return " ".join(words[:-1]) or "".join(words), words[-1] if len(words) > 1 else ""


def list_open_invitations() -> list[InvitedPerson]:
    """Return the people whose invitation is open or waits for consent."""
    links = SignInLink.objects.filter(purpose=SignInLink.Purpose.INVITATION).values_list("person", flat=True)
    asked = ConsentRequest.objects.open().filter(kind=ConsentRequest.Kind.INVITE)
    return [InvitedPerson.from_json(stored) for stored in (*links, *asked.values_list("details", flat=True))]


def _split(line: str) -> tuple[str, str, list[str]]:
    """Return name, email and roles of a line; each may be empty. Raises InvitationProblemError."""
    line = _BRACKETED_ADDRESS.sub(r", \1,", line)
    cells = [cell.strip().strip('"') for cell in _SEPARATORS.split(line)]
    place = next((number for number, cell in enumerate(cells) if "@" in cell), None)
    if place is None:
        raise InvitationProblemError([_("There is no email address on this line. Write: name, email, role.")])
    roles = [role for cell in cells[place + 1 :] for role in _ROLE_SEPARATORS.split(cell)]
    return ", ".join(cell for cell in cells[:place] if cell), cells[place], roles


def _read_roles(roles: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of groups, and the words that name none."""
    names = {fold_text(name): name for name in Group.objects.values_list("name", flat=True)}
    words = [role.strip() for role in roles if role.strip()]
    known = [names[fold_text(word)] for word in words if fold_text(word) in names]
    return tuple(dict.fromkeys(known)), [word for word in words if fold_text(word) not in names]


def _list_usernames() -> Iterator[str]:
    yield from Account.objects.values_list("username", flat=True)
    yield from (person.username for person in list_open_invitations())


def _find_known_emails() -> dict[str, str]:
    """Return for each address that is taken, in lower case, the sentence that says by whom."""
    invited = {
        person.email.lower(): _("%(name)s has an open invitation with this email address.") % {"name": person.name}
        for person in list_open_invitations()
    }
    accounts = {
        account.email.lower(): _("The account %(name)s has this email address.") % {"name": account.get_username()}
        for account in Account.objects.exclude(email="").only("email", "username")
    }
    return invited | accounts

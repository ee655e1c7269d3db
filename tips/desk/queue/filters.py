"""The filters of the queue: parameters of its address that narrow a view down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import Account
from tips import readers
from tips.desk import permissions, worklist
from tips.desk.alike import indexing, languages
from tips.desk.queue import targets
from tips.models import Attachment, Category, State, Unit
from tips.officer_alerts.duty_calendar import read_calendar

# A filter by state shows closed tips too, which the views otherwise leave out.
_EVERY_STATE = "all"
_OFF_DUTY = "off-duty"
_OTHER_LANGUAGES = "other"


@dataclass(frozen=True, slots=True)
class FilterField:
    """A filter as the form shows it; `chosen` is "" when it is off."""

    name: str
    label: str
    everything: str
    choices: list[tuple[str, str]]
    conditions: Mapping[str, Q] = field(repr=False)
    chosen: str = ""

    @property
    def condition(self) -> Q:
        return self.conditions.get(self.chosen, Q())

    @property
    def description(self) -> str:
        return f"{self.label}: {dict(self.choices)[self.chosen]}"


def read_costly_parts(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the parts of a query whose conditions are worked out for it alone: who has it, and the language; "" for none."""
    who, language = query.get("who", ""), query.get("language", "")
    is_costly = who == _OFF_DUTY or (who.isascii() and who.isdecimal())
    return who if is_costly else "", language if language in _list_languages() else ""


def list_fields(account: Account, costly_parts: tuple[str, str], *, is_sensitive: bool) -> list[FilterField]:
    """Return the filters of an account, all off. `costly_parts`: what `read_costly_parts` returned for the query they are for.

    `is_sensitive`: the view has the tips of sensitive categories.
    """
    person, language = costly_parts
    listed = readers.list_categories(account.pk)
    if is_sensitive:
        categories = [each for each in listed if each.is_sensitive and each.is_named]  # type: ignore[attr-defined]
    else:
        categories = [each for each in listed if not each.is_sensitive]
    return [
        _choose_state(),
        _choose_row("category", _("Category"), categories),
        *([] if is_sensitive else _choose_unit(account)),
        _choose_assignee(account, person),
        _choose_standing(),
        _choose_news(),
        _choose_files(),
        _choose_language(language),
    ]


def choose(fields: Iterable[FilterField], query: Mapping[str, str]) -> list[FilterField]:
    """Return the filters with the choices that this query makes; values that no choice has count as no choice."""
    return [_choose(each, query.get(each.name, "")) for each in fields]


def _choose(each: FilterField, value: str) -> FilterField:
    chosen = value if value in dict(each.choices) else ""
    return FilterField(each.name, each.label, each.everything, each.choices, each.conditions, chosen)


def _choose_state() -> FilterField:
    choices = [(state.value, str(state.label)) for state in State]
    conditions = {state.value: Q(state=state) for state in State}
    return FilterField(
        "state", _("Status"), _("Active"), [*choices, (_EVERY_STATE, _("All"))], conditions | {_EVERY_STATE: Q()}
    )


def _choose_row(name: str, label: str, rows: Iterable[Category | Unit]) -> FilterField:
    choices = [(str(row.pk), str(row)) for row in rows]
    return FilterField(name, label, _("All"), choices, {value: Q(**{name: int(value)}) for value, _label in choices})


def _choose_unit(account: Account) -> list[FilterField]:
    """Return the filter by unit, with the units whose tips this account sees; nothing without units."""
    units = [each for each in readers.list_units(account.pk) if each.is_seen]  # type: ignore[attr-defined]
    choice = _choose_row("unit", _("Unit"), units)
    if not choice.choices:
        return []
    choices = [("none", _("All officers")), *choice.choices]
    return [
        FilterField(choice.name, choice.label, choice.everything, choices, {**choice.conditions, "none": Q(unit=None)})
    ]


def _choose_assignee(account: Account, value: str) -> FilterField:
    is_assigned = Q(assigned_to__isnull=False)
    conditions = {
        "me": Q(assigned_to=account.pk),
        "nobody": Q(assigned_to=None),
        "others": is_assigned & ~Q(assigned_to=account.pk),
        _OFF_DUTY: is_assigned & ~Q(assigned_to__in=_list_on_duty() if value == _OFF_DUTY else []),
        "left": is_assigned & ~Q(assigned_to__in=readers.desk_accounts().values("pk")),
    }
    choices = [
        ("me", _("You")),
        ("nobody", _("Nobody")),
        ("others", _("Someone else")),
        (_OFF_DUTY, _("Someone off duty")),
        ("left", _("Someone who left")),
    ]
    for each in _list_holders(account, value):
        choices.append((str(each.pk), each.get_full_name() or each.get_username()))
        conditions[str(each.pk)] = Q(assigned_to=each.pk)
    return FilterField("who", _("Who has it"), _("Anyone"), choices, conditions)


def _list_on_duty() -> frozenset[int]:
    return read_calendar().list_on_duty(timezone.now())


def _list_holders(account: Account, value: str) -> list[Account]:
    """Return the other people of the desk, and who is asked for by id if they still have a tip that this account sees."""
    others = [each for each in readers.list_desk() if each != account]
    if value.isascii() and value.isdecimal() and int(value[:9]) not in {account.pk, *(each.pk for each in others)}:
        tips = permissions.visible_tips(account).filter(assigned_to=int(value[:9]))
        others += Account.objects.filter(pk__in=tips.values("assigned_to"))
    return others


def _choose_standing() -> FilterField:
    choices = [
        (targets.LATE, _("Late")),
        (targets.SOON, _("Soon late")),
        (targets.IN_TIME, _("In time")),
        (targets.WAITING, _("Waiting or snoozed")),
    ]
    conditions = {value: Q(standing=value) for value, _label in choices}
    return FilterField("time", _("Time left"), _("Any"), choices, conditions)


def _choose_news() -> FilterField:
    return FilterField(
        "news",
        _("Something new"),
        _("With or without"),
        [("yes", _("Only with something new"))],
        {"yes": worklist.UNREAD},
    )


def _choose_files() -> FilterField:
    attached = Exists(Attachment.objects.filter(tip=OuterRef("pk")))
    choices = [("yes", _("Only with files")), ("no", _("Only without files"))]
    return FilterField("files", _("Files"), _("With or without"), choices, {"yes": Q(attached), "no": ~Q(attached)})


def _choose_language(value: str) -> FilterField:
    """Return the filter by the language of the report, which each process knows in memory a few seconds after a tip came.

    The choices are fixed: those of the tips at hand would tell of tips that this account doesn't see. No tip whose line isn't
    shown is found: its language is a part of what it says.
    """
    own = languages.NAMES[languages.own_language()]
    ordered = sorted(((code, str(name)) for code, name in languages.NAMES.items()), key=lambda choice: choice[1])
    choices = [(_OTHER_LANGUAGES, _("Other than %(language)s") % {"language": own}), *ordered]
    conditions = {}
    if value:
        wanted = {value} if value != _OTHER_LANGUAGES else languages.NAMES.keys() - {languages.own_language()}
        shows_line = ~worklist.SENSITIVE & ~worklist.WALLED
        conditions[value] = Q(pk__in=indexing.index.list_in_languages(wanted)) & shows_line
    return FilterField("language", _("Language"), _("Any"), choices, conditions)


def _list_languages() -> set[str]:
    return {_OTHER_LANGUAGES, *languages.NAMES}

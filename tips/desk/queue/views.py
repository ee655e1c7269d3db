"""The views of the queue: which tips each shows, its count, and the filters that narrow it down.

A view is an address: `view` names it, the other parameters filter it. Sensitive and walled tips stand in views of their own,
for the accounts that may know of them; no other view or count has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Value
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.models import Account
from core.web.asked_once import once_a_request
from tips.desk import worklist
from tips.models import Duty, Priority, State, Tip
from tips.officer_alerts.duty_calendar import read_calendar

GENERAL = ~worklist.SENSITIVE & ~worklist.WALLED
_IS_CLOSED = Q(state=State.CLOSED)
_HAS_NEWS = worklist.UNREAD


@dataclass(frozen=True, slots=True)
class View:
    """A fixed view: its name in the address, its title, what it shows, and what it says when it shows nothing.

    `scope` says which kind of tips it has. `shows_active`: only those that need an officer, unless a filter asks for others.
    `counts_late`: how many are over their target stands beside the count.
    Only these views are counted: closed tips are too many to count on every page.
    """

    name: str
    title: Promise
    condition: Q
    empty_title: Promise
    empty_hint: Promise
    scope: Q = GENERAL
    shows_active: bool = True
    counts_late: bool = False

    @property
    def can_be_followed(self) -> bool:
        """Return whether officers may get alerts about it: of tips that need an officer, and that all officers of a unit see."""
        return self.shows_active and self.scope == GENERAL


_NOTHING_WAITS = _("Nothing is waiting. New tips appear here by themselves.")
WHOLE_DESK = View(
    "",
    _("Whole desk"),
    Q(),
    _("No tips to work on"),
    _("New tips appear here, urgent ones first. Officers on duty get an email."),
)
NEEDS_ME = "needs-me"
_OTHERS = (
    View(
        "urgent",
        _("Urgent"),
        Q(priority=Priority.URGENT),
        _("No urgent tips"),
        _NOTHING_WAITS,
        counts_late=True,
    ),
    View(
        "nobody",
        _("Nobody has it"),
        Q(assigned_to=None),
        _("Every tip has an officer"),
        _NOTHING_WAITS,
    ),
    View(
        "source-wrote",
        _("Source wrote"),
        ~_IS_CLOSED & Q(has_unread=True),
        _("No new messages"),
        _("When a source writes to an open tip, it appears here."),
    ),
    View(
        "waiting",
        _("Waiting"),
        Q(state=State.WAITING),
        _("No tip waits for its source"),
        _("Send an answer with “Wait for a reply” and the tip waits here."),
    ),
    View(
        "snoozed",
        _("Snoozed"),
        Q(is_asleep=True),
        _("No snoozed tips"),
        _("Snooze a tip and it stays here until its time comes, or until its source writes."),
    ),
    View(
        "after-close",
        _("Wrote after close"),
        _IS_CLOSED & Q(has_unread=True),
        _("No closed tip has a new message"),
        _("When a source writes to a closed tip, it comes back here."),
    ),
    View(
        "spam",
        _("Spam, 30 days"),
        worklist.SPAM,
        _("No spam"),
        _("Tips that an officer marked as spam stay here for 30 days. Then they're erased."),
        shows_active=False,
    ),
    View(
        "closed",
        _("Closed"),
        _IS_CLOSED & Q(closed_at__isnull=False) & ~worklist.SPAM,  # the second for the index
        _("No closed tips"),
        _("Closed tips stay here until their time is up and they're erased."),
        shows_active=False,
    ),
)
SENSITIVE = View(
    "sensitive",
    _("Sensitive"),
    Q(),
    _("No sensitive tips to work on"),
    _("Tips of the sensitive categories that you're named for appear here."),
    scope=worklist.SENSITIVE & ~worklist.WALLED,
)
WALLED = View(
    "walled",
    _("Walled"),
    Q(),
    _("No walled tips"),
    _("Tips that seem to name staff appear here, for the people who may see them."),
    scope=worklist.WALLED,
)


def list_on_duty() -> tuple[int, ...]:
    """Return the ids of the accounts that are on duty now."""
    return tuple(sorted(read_calendar().list_on_duty(timezone.now())))


@once_a_request
def list_chosen(account_id: int) -> tuple[int, ...]:
    """Return the ids of the categories that an officer works on; none means all."""
    chosen = Duty.categories.through.objects.filter(duty=account_id).order_by("category")
    return tuple(chosen.values_list("category", flat=True))


def build_needs_me(account: Account) -> Q:
    """Return the condition for the tips that need this officer next.

    Nobody's tips in their categories; their own with something new, closed ones too, and those whose snooze is over. Closed ones with
    something new whose officer is off duty, if they are in their categories. None that is asleep.
    """
    chosen = list_chosen(account.pk)
    in_categories = Q(category__in=chosen) if chosen else Q()
    nobodys = Q(assigned_to=None) & in_categories & (Q(state__in=(State.NEW, State.OPEN)) | Q(has_unread=True))
    has_slept = Q(desk_state__snoozed_after__isnull=False)
    own = Q(assigned_to=account.pk) & (_HAS_NEWS | has_slept)
    is_left_alone = Q(assigned_to__isnull=False) & ~Q(assigned_to__in=list_on_duty())
    left_alone = _IS_CLOSED & Q(has_unread=True) & is_left_alone & in_categories
    return Q(is_asleep=False) & (nobodys | own | left_alone)


def list_views(needs_me: Q, *, is_named: bool, sees_walled: bool) -> list[View]:
    """Return the views that this account has, in their order."""
    first = View(NEEDS_ME, _("Needs me"), needs_me, _("Nothing needs you"), _NOTHING_WAITS)
    return [
        first,
        WHOLE_DESK,
        *_OTHERS,
        *([SENSITIVE] if is_named else []),
        *([WALLED] if sees_walled else []),
    ]


def count_all(tips: QuerySet[Tip], conditions: Mapping[str, Q]) -> dict[str, int]:
    """Return the number of active tips that fulfill each condition, in one query."""
    counts = _name_counts(conditions)
    found = tips.filter(worklist.ACTIVE).aggregate(**counts)
    return dict(zip(conditions, (found[column] for column in counts), strict=True))


def select_counts(tips: QuerySet[Tip], conditions: Mapping[str, Q]) -> QuerySet[Tip, tuple[int, ...]]:
    """Return the query of `count_all`: one row with the counts in the order of the conditions."""
    counts = _name_counts(conditions)
    active = tips.filter(worklist.ACTIVE).order_by().values(whole=Value(1))
    return active.annotate(**counts).values_list(*counts)


def _name_counts(conditions: Mapping[str, Q]) -> dict[str, Count]:
    return {f"count_{index}": Count("pk", filter=condition) for index, condition in enumerate(conditions.values())}

"""The first page of officers and supervisors: counts of the work at hand, and the tips and decisions that are due today.

It opens no tip and shows no line of one. Sensitive and walled tips stand in figures of their own, for the accounts that may know of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import Account
from tips.desk import permissions, worklist
from tips.desk.queue import targets, views
from tips.models import AlertChannel, Priority, State, Tip
from tips.walls import visibility

_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """A count, and the query of the queue that lists as many tips."""

    label: str
    query: str
    count: int
    is_bad: bool = False


def list_figures(account: Account) -> list[Figure]:
    """Return the counts of the tips that need this account, those that need it first. Two counting queries."""
    counts = count_work(account)
    figures = [
        Figure(_("need you"), "view=needs-me", counts["needs_me"]),
        Figure(_("urgent, nobody has it"), "view=urgent&who=nobody", counts["urgent_nobodys"], True),
        Figure(_("yours"), "who=me", counts["mine"]),
        Figure(_("yours and late"), "who=me&time=late", _count_own_late(account), True),
        Figure(_("not opened"), "state=new", counts["new"]),
        Figure(_("source wrote"), "view=source-wrote", counts["source_wrote"]),
        Figure(_("wrote after close"), "view=after-close", counts["after_close"]),
    ]
    if permissions.is_named(account):
        figures += [
            Figure(_("sensitive, to work on"), "view=sensitive", counts["sensitive"]),
            Figure(_("sensitive, unread"), "view=sensitive&news=yes", counts["sensitive_unread"]),
        ]
    if counts["walled"] or account.has_perm(visibility.DECIDE):
        figures.append(Figure(_("walled"), "view=walled", counts["walled"]))
    return figures


def count_work(account: Account) -> dict[str, int]:
    """Count the active tips that this account may know of by what they need, in one query.

    Sensitive tips are counted apart: `sensitive` those that need anything, `sensitive_unread` the unread among them. So are
    `walled` ones, sensitive or not.
    """
    is_urgent, has_news = Q(priority=Priority.URGENT), Q(has_unread=True)
    is_closed, only_sensitive = Q(state=State.CLOSED), views.SENSITIVE.scope
    return views.count_all(
        worklist.visible_with_unread(account),
        {
            "needs_me": views.GENERAL & views.build_needs_me(account),
            "urgent": views.GENERAL & is_urgent,
            "urgent_nobodys": views.GENERAL & is_urgent & Q(assigned_to=None),
            "mine": views.GENERAL & Q(assigned_to=account.pk),
            "new": views.GENERAL & Q(state=State.NEW),
            "source_wrote": views.GENERAL & ~is_closed & has_news,
            "after_close": views.GENERAL & is_closed & has_news,
            "sensitive": only_sensitive,
            "sensitive_unread": only_sensitive & worklist.UNREAD,
            "walled": worklist.WALLED,
        },
    )


def _count_own_late(account: Account) -> int:
    own = worklist.visible_with_unread(account).filter(views.GENERAL, worklist.ACTIVE, assigned_to=account.pk)
    its_targets = targets.Targets.load()
    return its_targets.only_late(its_targets.with_due(own)).count()


def list_waking_today(account: Account) -> list[Tip]:
    """Return the account's snoozed tips, and nobody's, that come back before midnight, the first to come back first.

    No sensitive or walled tip.
    """
    now = timezone.localtime()
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), now.tzinfo)
    tips: QuerySet[Any] = worklist.visible_with_unread(account).filter(views.GENERAL, worklist.ACTIVE)
    asleep = tips.filter(is_asleep=True).filter(
        Q(assigned_to=account.pk) | Q(assigned_to=None), desk_state__snoozed_until__lt=midnight
    )
    ordered = asleep.select_related("category", "desk_state").order_by("desk_state__snoozed_until", "number")
    return list(ordered.defer("report")[:_MOST_LISTED])


def list_own_news(account: Account) -> list[Tip]:
    """Return the account's tips whose source wrote something that no officer has read yet. No sensitive or walled tip."""
    # All that have news are active, and said so, PostgreSQL doesn't read every tip that the account ever had.
    own: QuerySet[Any] = worklist.visible_with_unread(account).filter(views.GENERAL, worklist.ACTIVE)
    own = own.filter(assigned_to=account.pk)
    news = own.filter(has_unread=True, is_asleep=False).select_related("category").defer("report")
    return list(news.order_by("priority", "number")[:_MOST_LISTED])


def list_failing_channels(account: Account) -> list[AlertChannel]:
    """Return the account's own channels, email among them, whose last test or alert did not arrive."""
    return list(AlertChannel.objects.filter(officer=account.pk, works=False))

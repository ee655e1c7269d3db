"""Decides which lines of the audit trail an account may read, and finds those that a reader asks for.

- Supervisors read the lines about the tips that they may see, and about accounts, units and duty.
- Administrators read the lines about accounts, units and duty, and about settings, incidents and stories; none about tips.

A tip that is walled for a supervisor, sensitive or another unit's leaves no sign: the page shows no numbers of lines and no totals.
Lines about an erased tip are shown to its last unit's supervisors, unless only named people could see the tip at some time.

Pages begin at a time, not at a number (keyset pagination): each costs the same however long the trail is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import Account, AuditEntry, AuditTopic
from core.plain_text import fold_text
from core.staff import tip_access
from tips import readers
from tips.desk import permissions
from tips.models import Tip, Unit

PAGE_LINES = 50


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What a reader asks for; empty values ask for everything. `since` and `until` are times, the second excluded."""

    who: str = ""
    what: str = ""
    tip: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Lines, the newest first; `newer` and `older` say whether there are more on either side."""

    lines: Sequence[AuditEntry]
    newer: bool
    older: bool


def reads_tips(account: Account) -> bool:
    """Return whether the account reads lines about tips: supervisors do."""
    return permissions.can_hold(account)


def find_lines(account: Account, asked: TrailFilter) -> QuerySet[AuditEntry]:
    """Return the lines that the account may read and asks for, the newest first."""
    return _select_visible(account, _find_candidates(account, asked))


def read_page(
    account: Account, asked: TrailFilter, *, before: dt.datetime | None = None, after: dt.datetime | None = None
) -> TrailPage:
    """Return the newest page of `find_lines`, the one that ends before a time, or the one that begins after it."""
    candidates = _find_candidates(account, asked)
    if after is not None:
        rows = _take_visible(account, candidates.filter(at__gt=after), PAGE_LINES + 1, oldest_first=True)
        if len(rows) > PAGE_LINES:
            return TrailPage(rows[:PAGE_LINES][::-1], newer=True, older=True)
        # Fewer lines than a page: show the newest page whole.
    elif before is not None:
        candidates = candidates.filter(at__lt=before)
    rows = _take_visible(account, candidates, PAGE_LINES + 1)
    return TrailPage(rows[:PAGE_LINES], newer=before is not None, older=len(rows) > PAGE_LINES)


def _take_visible(
    account: Account, candidates: QuerySet[AuditEntry], count: int, *, oldest_first: bool = False
) -> list[AuditEntry]:
    """Return the first visible ones of the candidates.

    Steps of few lines look up their tips by number: with the condition in the query itself PostgreSQL first lists all tips that
    the account may see (half a second with 100,000). After two steps that costs less than further steps would.
    """
    found: list[AuditEntry] = []
    candidates = candidates.order_by("at" if oldest_first else "-at")
    for size in (2 * count, 20 * count):
        batch = list(candidates[:size])
        # The unused 0 makes an empty batch ask, too: a hidden tip takes the work of one that doesn't exist.
        pks = [0, *(line.pk for line in batch)]
        numbers = [0, *(line.tip for line in batch if line.tip is not None)]
        confirmed = _select_visible(account, AuditEntry.objects.filter(pk__in=pks), numbers)
        visible = set(confirmed.values_list("pk", flat=True))
        found += [line for line in batch if line.pk in visible]
        if len(found) >= count or len(batch) < size:
            return found[:count]
        candidates = candidates.filter(**{"at__gt" if oldest_first else "at__lt": batch[-1].at})
    return [*found, *_select_visible(account, candidates)[: count - len(found)]]


def _find_candidates(account: Account, asked: TrailFilter) -> QuerySet[AuditEntry]:
    """Return the lines of the account's topics that it asks for, the newest first, whether or not it may see their tips."""
    topics = {AuditTopic.TIPS, AuditTopic.ACCOUNTS} if reads_tips(account) else set()
    if tip_access.is_administrator(account):
        topics |= {AuditTopic.ACCOUNTS, AuditTopic.SETTINGS}
    lines = AuditEntry.objects.filter(topic__in=topics)
    if asked.who:
        lines = lines.filter(actor__in=_find_actors(asked.who))
    if asked.what:
        lines = lines.filter(action__in=_find_actions(asked.what))
    if asked.tip is not None:
        lines = lines.filter(tip=asked.tip)
    if asked.since:
        lines = lines.filter(at__gte=asked.since)
    if asked.until:
        lines = lines.filter(at__lt=asked.until)
    return lines.order_by("-at")


def _select_visible(
    account: Account, lines: QuerySet[AuditEntry], numbers: Sequence[int] | None = None
) -> QuerySet[AuditEntry]:
    """Leave out the lines about tips that the account may not see; `numbers`, if given, are all tips that the lines are about."""
    among = Q() if numbers is None else Q(number__in=numbers)
    lines_among = Q() if numbers is None else Q(tip__in=numbers)
    tip = Tip.objects.filter(among, number=OuterRef("tip"))
    is_visible = Exists(permissions.visible_tips(account).filter(among, number=OuterRef("tip")))
    was_restricted = Exists(AuditEntry.objects.filter(lines_among, tip=OuterRef("tip"), is_restricted=True))
    own_units = Unit.objects.filter(members=account) | readers.unmanned_units()
    is_own = Q(unit_id=None) | Q(unit_id__in=list(own_units.values_list("pk", flat=True)))
    return lines.filter(
        ~Q(topic=AuditTopic.TIPS) | Q(tip=None) | Q(is_visible) | (Q(is_own) & ~Q(Exists(tip)) & ~Q(was_restricted))
    )


def _find_actors(who: str) -> list[str]:
    """Return the usernames of the accounts whose name has these words, and the words as they are: "command line"."""
    words = fold_text(who).split()
    names = Account.objects.values_list("username", "first_name", "last_name")
    found = [username for username, *rest in names if _has_words(words, " ".join([username, *rest]))]
    return [*found, who.strip()]


def _find_actions(what: str) -> list[str]:
    words = fold_text(what).split()
    return [action for action in _list_actions() if _has_words(words, action)]


def _has_words(words: list[str], text: str) -> bool:
    folded = fold_text(text)
    return all(word in folded for word in words)


def _list_actions() -> list[str]:
    """Return each action of the trail once, by hops through the index: DISTINCT would read the whole of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE hop AS (SELECT min(action) AS action FROM core_auditentry UNION ALL"
            " SELECT (SELECT min(action) FROM core_auditentry WHERE action > hop.action) FROM hop"
            " WHERE hop.action IS NOT NULL) SELECT action FROM hop WHERE action IS NOT NULL"
        )
        return [action for (action,) in cursor.fetchall()]

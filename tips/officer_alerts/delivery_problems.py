"""Finds alerts that reach no officer, and says why, for the desk to show until it is fixed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value, prefetch_related_objects
from django.utils import timezone

from core.models import Account
from core.web.shared_rows import Among, SharedRows
from core.web.sql_cache import SqlCache
from tips import readers
from tips.models import Alert, AlertChannel, Notification
from tips.officer_alerts import channels
from tips.officer_alerts.notification_outbox import NotificationOutbox
from tips.officer_alerts.recipients import only_reachable

# `raised_at` is the hour: so old, an alert has waited for an hour at least.
_SURELY_LATE = dt.timedelta(hours=2)
_REFUSALS_SHOWN_FOR = dt.timedelta(days=7)

_SQL = SqlCache()

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState


@dataclass(frozen=True, slots=True)
class WaitingAlerts:
    """Counts of alerts without a mail to any officer: all, and the urgent ones among them."""

    total: int
    urgent: int


def count_waiting(counted: SharedRows, *, include_recent: bool) -> WaitingAlerts:
    """Count the alerts of these tips, given by their ids, that wait although mails were tried or an hour has passed.

    With `include_recent` all that wait.

    Rows do not tell minutes, since their times are rounded for the sake of sources. Ask for recent ones when something else
    says that no mail goes out.
    """
    now = timezone.now()
    surely_late = now - _SURELY_LATE

    def select() -> QuerySet[Alert, tuple[int, ...]]:
        waits = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.WAITING)
        # Those of quiet hours, and of a cloud's next quarter of an hour, wait as they should.
        waits = waits.exclude(attempts=0, next_attempt_at__gt=now)
        sent = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.SENT)
        alerts = Alert.objects.filter(~Exists(sent), Among("tip", counted)).filter(
            Q(state__in=(AlertState.HELD, AlertState.WAITING)) | Exists(waits)
        )
        if not include_recent:
            tried = waits.filter(attempts__gte=NotificationOutbox.quick_tries)
            alerts = alerts.filter(Q(raised_at__lt=surely_late) | Exists(tried))
        counts = {"total_count": Count("pk"), "urgent_count": Count("pk", filter=Q(urgent=True))}
        return alerts.order_by().values(whole=Value(1)).annotate(**counts).values_list(*counts)

    key = _name_key("waiting", counted, include_recent)
    total, urgent = _SQL.fetch_row(key, select, now, surely_late) or (0, 0)
    return WaitingAlerts(total, urgent)


@dataclass(frozen=True, slots=True)
class DeliveryProblems:
    """Reasons why alerts do not reach officers.

    `nobody`: no address at all. `refused`: names of officers whose address was refused. `broken`: whose channel does not work, each as
    (name of the officer or unit, kind of channel). `unanswered`: how many urgent tips no officer has, although everyone was alerted.
    """

    nobody: bool
    refused: list[str]
    broken: list[tuple[str, str]]
    unanswered: int

    def __bool__(self) -> bool:
        return self.nobody or bool(self.refused) or bool(self.broken) or self.unanswered > 0


def find_problems(shown: SharedRows) -> DeliveryProblems:
    """Return the problems with alerts of these tips, given by their ids, that the admin shows in red until they are fixed."""
    since = timezone.now() - _REFUSALS_SHOWN_FOR
    broken = _SQL.fetch_models("broken", _select_broken, AlertChannel)
    prefetch_related_objects(broken, "officer", "unit")
    return DeliveryProblems(
        nobody=_SQL.fetch_row("reachable", _select_reachable) is None
        or _SQL.fetch_row(_name_key("nobody", shown), lambda: _select_unread(shown)) is not None,
        refused=[
            account.get_username()
            for account in _SQL.fetch_models(
                _name_key("refused", shown), lambda: _select_refused(shown, since), Account, since
            )
        ],
        broken=[(str(channel.officer or channel.unit), channels.name_kind(channel.kind)) for channel in broken],
        unanswered=(_SQL.fetch_row(_name_key("unanswered", shown), lambda: _select_unanswered(shown)) or (0,))[0],
    )


def _name_key(query: str, shown: SharedRows, *details: Hashable) -> Hashable | None:
    """Return the key of a query about these tips: it holds their own SQL, with what their reader may see."""
    rows = shown.describe(connection)
    return None if rows is None else (query, rows, *details)


def _select_broken() -> QuerySet[AlertChannel]:
    return AlertChannel.objects.filter(works=False).exclude(officer__is_active=False)


def _select_reachable() -> QuerySet[Account, tuple[int]]:
    return only_reachable(readers.desk_accounts()).values_list("pk")[:1]


def _select_unread(shown: SharedRows) -> QuerySet[Alert, tuple[UUID]]:
    return Alert.objects.filter(Among("tip", shown), state=AlertState.NOBODY).values_list("pk")[:1]


def _select_refused(shown: SharedRows, since: dt.datetime) -> QuerySet[Account]:
    is_recent = Q(state=NotificationState.FAILED, next_attempt_at__gte=since)
    recent = Notification.objects.filter(is_recent, Among("alert__tip", shown))
    refused = Account.objects.filter(Exists(recent.filter(officer=OuterRef("pk"), channel=None)))
    return refused.only("username").order_by("username")


def _select_unanswered(shown: SharedRows) -> QuerySet[Alert, tuple[int]]:
    unanswered = Alert.objects.filter(Among("tip", shown), is_unanswered=True).order_by()
    counts = unanswered.values(whole=Value(1)).annotate(tips=Count("tip", distinct=True))
    return counts.values_list("tips")

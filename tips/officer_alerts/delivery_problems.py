"""Finds alerts that reach no officer, and says why, for the desk to show until it is fixed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from core.models import Account
from core.web.shared_rows import Among, SharedRows
from tips import readers
from tips.models import Alert, AlertChannel, Notification, Tip
from tips.officer_alerts import channels
from tips.officer_alerts.notification_outbox import NotificationOutbox
from tips.officer_alerts.recipients import only_reachable

# `raised_at` is the hour: so old, an alert has waited for an hour at least.
_SURELY_LATE = dt.timedelta(hours=2)
_REFUSALS_SHOWN_FOR = dt.timedelta(days=7)

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState


@dataclass(frozen=True, slots=True)
class WaitingAlerts:
    """Counts of alerts without a mail to any officer: all, and the urgent ones among them."""

    total: int
    urgent: int


def count_waiting(tips: QuerySet[Tip], *, include_recent: bool) -> WaitingAlerts:
    """Count the alerts of these tips that wait although mails were tried or an hour has passed.

    With `include_recent` all that wait.

    Rows do not tell minutes, since their times are rounded for the sake of sources. Ask for recent ones when something else
    says that no mail goes out.
    """
    waits = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.WAITING)
    # Those of quiet hours, and of a cloud's next quarter of an hour, wait as they should.
    waits = waits.exclude(attempts=0, next_attempt_at__gt=timezone.now())
    sent = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.SENT)
    alerts = Alert.objects.filter(~Exists(sent), Among("tip", SharedRows(tips.values("pk")))).filter(
        Q(state__in=(AlertState.HELD, AlertState.WAITING)) | Exists(waits)
    )
    if not include_recent:
        tried = waits.filter(attempts__gte=NotificationOutbox.quick_tries)
        alerts = alerts.filter(Q(raised_at__lt=timezone.now() - _SURELY_LATE) | Exists(tried))
    return WaitingAlerts(**alerts.aggregate(total=Count("pk"), urgent=Count("pk", filter=Q(urgent=True))))


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


def find_problems(tips: QuerySet[Tip]) -> DeliveryProblems:
    """Return the problems with alerts of these tips that the admin shows in red until they are fixed."""
    shown = SharedRows(tips.values("pk"))
    is_recent = Q(state=NotificationState.FAILED, next_attempt_at__gte=timezone.now() - _REFUSALS_SHOWN_FOR)
    recent = Notification.objects.filter(is_recent, Among("alert__tip", shown))
    refused = Account.objects.filter(Exists(recent.filter(officer=OuterRef("pk"), channel=None))).order_by("username")
    broken = (
        AlertChannel.objects.filter(works=False).exclude(officer__is_active=False).select_related("officer", "unit")
    )
    return DeliveryProblems(
        nobody=not only_reachable(readers.desk_accounts()).exists()
        or Alert.objects.filter(Among("tip", shown), state=AlertState.NOBODY).exists(),
        refused=list(refused.values_list("username", flat=True)),
        broken=[(str(channel.officer or channel.unit), channels.name_kind(channel.kind)) for channel in broken],
        unanswered=Alert.objects.filter(Among("tip", shown), is_unanswered=True).values("tip").distinct().count(),
    )

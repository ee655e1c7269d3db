"""Officers' alerts: messages that say that a tip is waiting, never what is in it.

An Alert row is written with the tip or message (`alert_rows`); the alerts worker (`tasks`) spreads it over the officers on duty
(`duty_calendar`, `recipients`), one Notification row each, and sends them by mail and on their channels (`notification_outbox`,
`channels`). An urgent one goes on to more officers until one has the tip (`escalation`). Rows are the truth: the sweep takes up
whatever the queue lost. Times in these rows are rounded as those of the tip are: the mail server's log knows better, the database must not.
"""

from __future__ import annotations

from tips.officer_alerts.alert_rows import raise_alert, silence, withdraw_notifications
from tips.officer_alerts.assignment_alerts import raise_assignment_alert, withdraw_assignment_alert
from tips.officer_alerts.delivery_problems import WaitingAlerts, count_waiting, find_problems
from tips.officer_alerts.notification_outbox import NotificationOutbox
from tips.officer_alerts.recipients import choose_recipients
from tips.officer_alerts.tasks import spread_alert, sweep_alerts

__all__ = [
    "NotificationOutbox",
    "WaitingAlerts",
    "choose_recipients",
    "count_waiting",
    "find_problems",
    "raise_alert",
    "raise_assignment_alert",
    "silence",
    "spread_alert",
    "sweep_alerts",
    "withdraw_assignment_alert",
    "withdraw_notifications",
]

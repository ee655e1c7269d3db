"""Telling officers that something awaits, never what.

An Alert row is written with the tip or message; the alerts worker spreads it over the officers on duty, one Notification
row each, and mails them. Rows are the truth: `sweep` takes up whatever the queue lost.
"""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction

from tips.models import Alert, Priority, Tip

log = logging.getLogger(__name__)


def raise_alert(tip: Tip) -> None:
    """Write that `tip` awaits an officer and hurry the worker once the transaction is on the disk."""
    alert = Alert.objects.create(tip=tip, urgent=tip.priority == Priority.URGENT)
    transaction.on_commit(lambda: spread.delay(str(alert.id)), robust=True)


@shared_task(name="tips.alerts.spread")
def spread(alert_id: str) -> None:
    """Write one notification an officer and send them."""


@shared_task(name="tips.alerts.sweep")
def sweep() -> None:
    """Take up alerts and notifications that the queue lost."""

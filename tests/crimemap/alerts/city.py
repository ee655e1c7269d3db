"""A city whose published incidents a test can change, and residents who subscribe to alerts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.mail import subscriber_addresses
from crimemap.alerts import planning, subscriptions
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.alerts.subscriptions import AlertSubscription
from crimemap.models import Delivery, Subscription
from crimemap.privacy import visibility
from crimemap.privacy.visibility import RuleSource
from crimemap.publishing import publisher
from tests.crimemap.sample_incidents import TODAY, records, rule

EPOCH = dt.date(1970, 1, 1)
ZONE = ZoneInfo("America/Chicago")
HERE, THERE = (41.5, -38.5), (41.49, -38.49)  # 1.4 km apart


def at(day: int = 0, hour: int = 12) -> dt.datetime:
    """Return the moment `day` days after TODAY, a Friday, in the agency's time zone."""
    date = EPOCH + dt.timedelta(TODAY + day)
    return dt.datetime(date.year, date.month, date.day, hour, tzinfo=ZONE)


class City:
    """Incidents in `rows` by public id, in the format of tests/crimemap/sample_incidents.py; `publish()` publishes them."""

    def __init__(self, folder: Path, today: int = TODAY) -> None:
        self.folder = folder
        self.today = today
        self.rows: dict[str, dict[str, Any]] = {}

    def add(self, name: str, **row: Any) -> str:
        """Add an incident and return its public id."""
        public_id = f"{name:a>12}"
        defaults = {
            "code": 1,
            "point": HERE,
            "block": "400 block of Arden Street",
            "district": "1",
            "day": self.today - 10,
        }
        self.rows[public_id] = defaults | row | {"public_id": public_id}
        return public_id

    def add_many(self, name: str, count: int, **row: Any) -> list[str]:
        return [self.add(f"{name}{number}", **row) for number in range(count)]

    def publish(self) -> None:
        self.folder.mkdir(exist_ok=True)
        stored = records(*self.rows.values())
        # The sample rule, without an embargo for the next year.
        city_rule = replace(rule(), sources={1: RuleSource("city", "City", 7, self.today + 365)})
        publisher.write_version(self.folder, stored, visibility.decide_levels(stored, city_rule), city_rule, [])


EVERYTHING = AlertCriteria(None, None, frozenset())


def subscribe(
    address: str, criteria: AlertCriteria = EVERYTHING, rhythm: str = "daily", now: dt.datetime | None = None
) -> bytes:
    """Create a confirmed alert that starts at `now` and return its link's secret."""
    before = set(Subscription.objects.values_list("pk", flat=True))
    subscriptions.request_alert(address, AlertSubscription(criteria, "400 block of Arden Street", rhythm))
    row = Subscription.objects.exclude(pk__in=before).get()
    secret = subscriber_addresses.open_contact(row.sealed_contact).secret
    Delivery.objects.filter(confirms=row).delete()
    assert subscriptions.confirm_alert(secret)
    Subscription.objects.filter(pk=row.pk).update(looked_on=planning.find_period_start(rhythm, now or at()))
    return secret

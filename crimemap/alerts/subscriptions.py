"""Residents' side of alerts: request, confirm, list, change and delete them.

Everything goes through database functions that require a link's secret (tipportal/database/rules.sql): these processes cannot
read an address or learn whether it is subscribed. The bulk worker mails the link (crimemap/alerts/delivery.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core import queue
from core.mail import subscriber_addresses
from core.mail.subscriber_addresses import Contact
from crimemap.alerts import planning
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.models import Subscription

Rhythm = Subscription.Rhythm


@dataclass(frozen=True, slots=True)
class AlertSubscription:
    """One alert: `place` is the name of its circle's center, `number` identifies it among those of an address."""

    criteria: AlertCriteria
    place: str
    rhythm: str
    number: int = 0
    is_confirmed: bool = False


def request_alert(address: str, alert: AlertSubscription) -> None:
    """Have the confirmation link mailed to a normalized address.

    Silently sends nothing to an address that got a link today and did not confirm, or that has ten alerts. Raises KeyMissingError.
    """
    contact = Contact(address, subscriber_addresses.create_secret())
    values = (
        subscriber_addresses.seal_contact(contact), subscriber_addresses.hash_address(address), subscriber_addresses.hash_secret(contact.secret), *_column_values(alert),
    )  # fmt: skip
    with transaction.atomic():
        if not _call_function(
            "SELECT alert_ask(%s, %s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)", *values
        ):
            raise ValueError("the database refuses the form of the alert")
        queue.send_on_commit("crimemap.bulk.send_alerts")


def list_alerts(secret: bytes) -> list[AlertSubscription]:
    """Return the link's alerts: all confirmed ones of its address, or the one it would confirm. Empty: no such link."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_of(%s)", [secret])
        names = [column.name for column in cursor.description]
        return [_parse_row(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def confirm_alert(secret: bytes) -> bool:
    """Confirm the link's alert. Return False if there is none. May be called twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rhythm FROM alerts_of(%s) WHERE NOT confirmed", [secret])
        unconfirmed = cursor.fetchone()
    looked_on = planning.find_period_start(unconfirmed[0], timezone.now()) if unconfirmed else dt.date.min
    return bool(_call_function("SELECT alert_confirm(%s, %s)", secret, looked_on))


def change_alert(secret: bytes, alert: AlertSubscription) -> bool:
    """Replace the alert with the same number. Return False if the link has no such alert."""
    return bool(
        _call_function(
            "SELECT alert_change(%s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)",
            secret, alert.number, *_column_values(alert),
        )
    )  # fmt: skip


def unsubscribe(secret: bytes, number: int | None = None) -> bool:
    """Delete one alert or, without a `number`, all of the address; the address goes with its last alert.

    Return whether there was any.
    """
    return bool(_call_function("SELECT alert_leave(%s, %s)", secret, number))


def _call_function(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def _column_values(alert: AlertSubscription) -> tuple[object, ...]:
    layer, code = alert.criteria.area or ("", "")
    latitude, longitude, radius = alert.criteria.circle or (None, None, None)
    radius = None if radius is None else round(radius)
    return layer, code, latitude, longitude, radius, alert.place, sorted(alert.criteria.categories), alert.rhythm


def _parse_row(row: Mapping[str, Any]) -> AlertSubscription:
    circle = None if row["radius"] is None else (row["latitude"], row["longitude"], float(row["radius"]))
    area = (row["layer"], row["code"]) if row["layer"] else None
    criteria = AlertCriteria(area, circle, frozenset(row["categories"]))
    return AlertSubscription(criteria, row["place"], row["rhythm"], row["id"], row["confirmed"])

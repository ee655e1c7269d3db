"""Residents' side of alerts: request, confirm, list, change and delete them.

Everything goes through database functions that require a link's secret (tipportal/database/rules.sql): these processes read
no address and cannot tell whether one is known. The bulk worker mails the link (crimemap/alerts/delivery.py).
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

    wanted: AlertCriteria
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
        subscriber_addresses.seal_contact(contact), subscriber_addresses.hash_address(address), subscriber_addresses.hash_secret(contact.secret), *_columns(alert),
    )  # fmt: skip
    with transaction.atomic():
        if not _call(
            "SELECT alert_ask(%s, %s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)", *values
        ):
            raise ValueError("the database refuses the form of the alert")
        queue.send_on_commit("crimemap.bulk.send_alerts", expires=240)


def list_alerts(secret: bytes) -> list[AlertSubscription]:
    """Return the link's alerts: all confirmed ones of its address, or the one it would confirm. Empty: no such link."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_of(%s)", [secret])
        names = [column.name for column in cursor.description]
        return [_alert(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def confirm_alert(secret: bytes) -> bool:
    """Confirm the link's alert. Return False if there is none; confirming twice is fine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rhythm FROM alerts_of(%s) WHERE NOT confirmed", [secret])
        found = cursor.fetchone()
    looked = planning.period_start(found[0], timezone.now()) if found else dt.date.min
    return bool(_call("SELECT alert_confirm(%s, %s)", secret, looked))


def change_alert(secret: bytes, alert: AlertSubscription) -> bool:
    """Replace the alert with the same number. Return False if it is not one of the link's."""
    return bool(
        _call(
            "SELECT alert_change(%s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)",
            secret, alert.number, *_columns(alert),
        )
    )  # fmt: skip


def unsubscribe(secret: bytes, number: int | None = None) -> bool:
    """Delete one alert, or all of the address; with the last one the address. Return whether there was any."""
    return bool(_call("SELECT alert_leave(%s, %s)", secret, number))


def _call(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def _columns(alert: AlertSubscription) -> tuple[object, ...]:
    layer, code = alert.wanted.area or ("", "")
    latitude, longitude, radius = alert.wanted.circle or (None, None, None)
    radius = None if radius is None else round(radius)
    return layer, code, latitude, longitude, radius, alert.place, sorted(alert.wanted.categories), alert.rhythm


def _alert(row: Mapping[str, Any]) -> AlertSubscription:
    circle = None if row["radius"] is None else (row["latitude"], row["longitude"], float(row["radius"]))
    area = (row["layer"], row["code"]) if row["layer"] else None
    wanted = AlertCriteria(area, circle, frozenset(row["categories"]))
    return AlertSubscription(wanted, row["place"], row["rhythm"], row["id"], row["confirmed"])

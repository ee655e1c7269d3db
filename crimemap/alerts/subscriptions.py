"""What residents do about alerts: ask for one, confirm it, see theirs, change them, leave.

All of it goes through functions of the database that want a link's secret (tipportal/database/rules.sql): these processes read no
address, and cannot tell whether one is known. Who asks gets a mail with the link from the bulk worker (crimemap/alerts/delivery.py).
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
from crimemap.alerts.new_incidents import Wanted
from crimemap.models import Subscription

Rhythm = Subscription.Rhythm


class BusyError(Exception):
    """So many asked within the hour that no more mails go out for a while."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What one alert is: `place` is what the middle of its circle is called, `number` names it among those of an address."""

    wanted: Wanted
    place: str
    rhythm: str
    number: int = 0
    is_confirmed: bool = False


def ask(address: str, alert: Alert) -> None:
    """Have the link sent that confirms the alert. `address` is normalised (core.mail.subscriber_addresses).

    Does the same for an address that has been asked already today and did not confirm, or has ten alerts: nothing, without
    saying so. Raises BusyError, addresses.KeyMissingError.
    """
    contact = Contact(address, subscriber_addresses.create_secret())
    values = (
        subscriber_addresses.seal_contact(contact), subscriber_addresses.hash_address(address), subscriber_addresses.hash_secret(contact.secret), *_columns(alert),
    )  # fmt: skip
    with transaction.atomic():
        if not _call(
            "SELECT alert_ask(%s, %s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)", *values
        ):
            raise BusyError
        queue.send_on_commit("crimemap.bulk.send_alerts", expires=240)


def of(secret: bytes) -> list[Alert]:
    """The alerts of the link: all confirmed ones of its address, or the one that it would confirm. Empty: it is no link."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_of(%s)", [secret])
        names = [column.name for column in cursor.description]
        return [_alert(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def confirm(secret: bytes) -> bool:
    """Begin to send. Whether there was one to confirm, or it was confirmed already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rhythm FROM alerts_of(%s) WHERE NOT confirmed", [secret])
        found = cursor.fetchone()
    looked = planning.began(found[0], timezone.now()) if found else dt.date.min
    return bool(_call("SELECT alert_confirm(%s, %s)", secret, looked))


def change(secret: bytes, alert: Alert) -> bool:
    """Make the alert of that number another; whether it is one of the link's."""
    return bool(
        _call(
            "SELECT alert_change(%s, %s, %s, %s, %s::float8, %s::float8, %s::int, %s, %s::text[], %s)",
            secret, alert.number, *_columns(alert),
        )
    )  # fmt: skip


def leave(secret: bytes, number: int | None = None) -> bool:
    """Delete one alert, or all of the address; with the last one the address. Whether there was one."""
    return bool(_call("SELECT alert_leave(%s, %s)", secret, number))


def _call(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def _columns(alert: Alert) -> tuple[object, ...]:
    layer, code = alert.wanted.area or ("", "")
    latitude, longitude, radius = alert.wanted.circle or (None, None, None)
    radius = None if radius is None else round(radius)
    return layer, code, latitude, longitude, radius, alert.place, sorted(alert.wanted.categories), alert.rhythm


def _alert(row: Mapping[str, Any]) -> Alert:
    circle = None if row["radius"] is None else (row["latitude"], row["longitude"], float(row["radius"]))
    area = (row["layer"], row["code"]) if row["layer"] else None
    wanted = Wanted(area, circle, frozenset(row["categories"]))
    return Alert(wanted, row["place"], row["rhythm"], row["id"], row["confirmed"])

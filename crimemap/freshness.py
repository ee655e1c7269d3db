"""The age of the published data: the newest day, when a feed last delivered, and which feeds are late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.snapshot.published_incidents import PublishedIncidents

HOURS_PER_DAY = 24
MAX_HOURS = 48  # longer ago is said in days


@dataclass(frozen=True, slots=True)
class Freshness:
    """Sentences for readers: the newest day, when data last arrived ("" before the first time), and one for each late feed."""

    newest: str
    updated: str
    late: list[str]


def describe_freshness(published: PublishedIncidents) -> Freshness:
    """Say how current the data are at this moment."""
    now = timezone.now()
    newest = _("Newest data: %(day)s.") % {"day": wording.format_day(published.until)}
    arrivals, late = [], []
    for source in published.sources:
        if not source.get("last_success_at"):
            continue
        arrived = datetime.fromisoformat(source["last_success_at"])
        arrivals.append(arrived)
        delay = measure_delay(source)
        if delay:
            late.append(_describe_delay(source["name"], delay))
    return Freshness(newest, _describe_age(now - max(arrivals)) if arrivals else "", late)


def measure_delay(source: Mapping[str, Any]) -> timedelta:
    """Return how late a feed of PublishedIncidents.sources is; zero if it is not, or has never delivered."""
    interval, arrived = source.get("expected_interval"), source.get("last_success_at")
    if not interval or not arrived:
        return timedelta(0)
    return max(timedelta(0), timezone.now() - datetime.fromisoformat(arrived) - timedelta(hours=interval))


def _describe_age(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    if hours < 1:
        return _("Updated less than an hour ago.")
    if hours < MAX_HOURS:
        return ngettext("Updated %(hours)d hour ago.", "Updated %(hours)d hours ago.", hours) % {"hours": hours}
    days = hours // HOURS_PER_DAY
    return ngettext("Updated %(days)d day ago.", "Updated %(days)d days ago.", days) % {"days": days}


def _describe_delay(name: str, delay: timedelta) -> str:
    hours = max(1, int(delay.total_seconds() // 3600))
    if hours < MAX_HOURS:
        sentence = ngettext(
            "Data from %(source)s are %(hours)d hour late, so the newest incidents may be missing.",
            "Data from %(source)s are %(hours)d hours late, so the newest incidents may be missing.",
            hours,
        )
        return sentence % {"source": name, "hours": hours}
    days = hours // HOURS_PER_DAY
    sentence = ngettext(
        "Data from %(source)s are %(days)d day late, so the newest incidents may be missing.",
        "Data from %(source)s are %(days)d days late, so the newest incidents may be missing.",
        days,
    )
    return sentence % {"source": name, "days": days}

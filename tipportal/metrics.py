"""`/metrics` of the staff side, for Prometheus: whether the portal works, and nothing by which a tip's arrival could be timed.

- It exists only with METRICS_TOKEN, and only for requests with that token; all others get the answer of an unknown page.
- Figures about residents and sources are made once an hour, are kept for that hour, and leave out counts below five. With one tip
  a day, a finer step would be its arrival; a total would tell it by its difference.
- There is no series of requests or durations: officers open a tip when it has come.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from prometheus_client.registry import Collector

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from core.mail import outbox
from core.models import AccountMail, AuditHeadMail
from core.web.middleware import GetResponse
from crimemap.importing.arrival import feed_monitor
from crimemap.models import Source
from outreach.channels import posting
from outreach.stories import scheduled_publication
from tipportal import disk_space, health
from tipportal.heartbeats import records
from tips import statistics

PATH = "/metrics"
_HOURLY_SECONDS = 2 * 60 * 60
_PREFIX = "Bearer "


class MetricsMiddleware:
    """Answer `/metrics` on every host to those who know the token; outside of all that judges hosts and sessions."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._registry = CollectorRegistry()
        self._registry.register(PortalCollector())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != PATH or request.method != "GET" or not _has_token(request):
            return self.get_response(request)
        response = HttpResponse(generate_latest(self._registry), content_type=CONTENT_TYPE_PLAIN_1_0_0)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    wanted: str = settings.METRICS_TOKEN
    return bool(wanted) and hmac.compare_digest(given.encode(), f"{_PREFIX}{wanted}".encode())


class PortalCollector(Collector):
    """Makes the figures anew for each request."""

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        missing = GaugeMetricFamily("portal_part_missing", "1 for each part that /readyz names.", labels=["part"])
        for part in health.list_missing():
            missing.add_metric([part], 1)
        yield missing
        try:
            families = [_read_heartbeats(), _count_overdue_rows(), _count_late_feeds(), *_read_hourly()]
        except (DatabaseError, InterfaceError):
            return
        yield from families


def _read_heartbeats() -> Metric:
    ages = GaugeMetricFamily(
        "portal_heartbeat_age_seconds", "Seconds since the minute of a process's last sign of life.", labels=["process"]
    )
    for process, seconds in records.read_ages().items():
        ages.add_metric([process], seconds)
    return ages


def _count_overdue_rows() -> Metric:
    """Count what waits for too long, of queues that have nothing to do with sources and residents."""
    about_accounts, audit_heads = outbox.count_overdue(AccountMail, AuditHeadMail)
    counts = {
        "account mails": about_accounts,
        "audit head mails": audit_heads,
        "imports": feed_monitor.count_overdue_imports(),
        "posts": posting.count_overdue(),
        "stories": scheduled_publication.count_overdue(),
    }
    overdue = GaugeMetricFamily("portal_rows_overdue", "Rows that have waited for too long.", labels=["queue"])
    for queue, count in counts.items():
        overdue.add_metric([queue], count)
    return overdue


def _count_late_feeds() -> Metric:
    late = sum(feed_monitor.is_late(source) for source in Source.objects.all())
    return GaugeMetricFamily("portal_feeds_late", "Sources of incidents whose next file is overdue.", value=late)


def _read_hourly() -> Iterator[Metric]:
    """Yield figures of the last full hour: made once for all processes, so that nothing in between shows."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    figures: dict[str, int | None] = {
        "tips": statistics.count_received_in_hour_before(hour),
        "free": disk_space.find_free_percent(settings.MEDIA_STORE),
    }
    try:
        kept = ephemeral_store.put_once(f"metrics of {hour:%Y-%m-%d %H}", json.dumps(figures).encode(), _HOURLY_SECONDS)
    except StoreDownError:
        return
    figures = json.loads(kept)
    if figures["tips"] is not None:
        help_text = "Tips of the last full hour; left out below five."
        yield GaugeMetricFamily("portal_tips_last_full_hour", help_text, value=figures["tips"])
    if figures["free"] is not None:
        help_text = "Free share of the disk for sources' files, at the start of the hour."
        yield GaugeMetricFamily("portal_media_store_free_percent", help_text, value=figures["free"])

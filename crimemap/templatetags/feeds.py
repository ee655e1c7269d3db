"""`{% load feeds %}`: problems with the data feeds, on the first page of the admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import QuerySet
from django.template import RequestContext

from crimemap.importing.arrival import feed_monitor
from crimemap.models import ImportRun, OffenceCode, ReportedValue, Source

register = template.Library()


@register.inclusion_tag("admin/crimemap/feed_trouble.html", takes_context=True)
def feed_trouble(context: RequestContext) -> dict[str, Any]:
    """List late feeds, imports that wait for a decision, unclassified codes and unknown values; nothing for users without access to imports."""
    user = context.get("user")
    if user is None or not user.has_perm("crimemap.view_importrun"):
        return {}
    may_classify = user.has_perm("crimemap.change_offencecode")
    stopped: QuerySet[ImportRun] = ImportRun.objects.filter(state=ImportRun.RunState.STOPPED, dry_run=False)
    return {
        "late": [source for source in Source.objects.exclude(expected_interval=None) if feed_monitor.is_late(source)],
        "failed": _last_runs_that_failed(),
        "stopped": list(stopped.select_related("source")[:5]),
        "unknown": OffenceCode.objects.filter(category=None).count(),
        "new_values": ReportedValue.objects.filter(decision=ReportedValue.Decision.WAITING).count()
        if may_classify
        else 0,
        "may_classify": may_classify,
    }


def _last_runs_that_failed() -> list[ImportRun]:
    """Return the newest real import of each source, if it failed."""
    newest = ImportRun.objects.filter(dry_run=False).order_by("source_id", "-id").distinct("source_id").values("id")
    return list(ImportRun.objects.filter(id__in=newest, state=ImportRun.RunState.FAILED).select_related("source")[:5])


@register.inclusion_tag("admin/crimemap/sources_home.html", takes_context=True)
def sources_home(context: RequestContext) -> dict[str, Any]:
    """List how new each source's incidents are, for accounts that keep sources."""
    user = context.get("user")
    if user is None or not user.has_perm("crimemap.change_source"):
        return {}
    return {"may_change": True, "sources": [(source, feed_monitor.is_late(source)) for source in Source.objects.all()]}

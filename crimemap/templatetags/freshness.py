"""`{% load freshness %}`: how current the data of a page are."""

from __future__ import annotations

from typing import Any

from django import template

from crimemap import freshness
from crimemap.snapshot.published_incidents import PublishedIncidents

register = template.Library()


@register.inclusion_tag("crimemap/selection/freshness.html")
def data_freshness(published: PublishedIncidents) -> dict[str, Any]:
    """Say what the newest day is, when data last arrived and which feeds are late."""
    return {"freshness": freshness.describe_freshness(published)}


@register.inclusion_tag("crimemap/selection/late_feeds.html")
def late_feeds(published: PublishedIncidents) -> dict[str, Any]:
    """Say which feeds are late. Renders nothing if none is."""
    return {"late": freshness.describe_freshness(published).late}

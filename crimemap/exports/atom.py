"""Atom feeds: the newest incidents of the agency, of an area or of a category (RFC 4287).

An entry's id depends on the public id alone, so that feed readers show an incident once, whatever changes. No time is finer
than a day: entries have the day of the incident or its last re-classification, the feed that of its publication.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import gettext as _

from core.agency import current_settings
from core.plain_text import replace_non_xml
from crimemap import wording
from crimemap.places import areas
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

ENTRIES = 50
TAG_YEAR = 2026  # for the entry ids: a year in which the agency owned its domain name (RFC 4151); must never change


class _Feed(Atom1Feed):
    def root_attributes(self) -> dict[str, str]:
        return super().root_attributes() | {"xmlns:georss": "http://www.georss.org/georss"}

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        if item["point"]:
            handler.addQuickElement("georss:point", item["point"])

    def latest_post_date(self) -> datetime:
        day: datetime = self.feed["published_on"]
        return day


def build_feed(published: PublishedIncidents, *, area: tuple[str, str] | None = None, category: str = "") -> bytes:
    """Build the feed of an area (layer, code), of a category, or of everything, as XML in UTF-8."""
    title, chosen = _title_and_filter(published, area, category)
    path = feed_address(chosen)
    page = f"{settings.PORTAL_URL}{reverse('crimemap:map')}?{chosen.query_string()}"
    document = _Feed(
        title=replace_non_xml(title),
        link=page,
        description=None,
        subtitle=replace_non_xml(
            _("Reported to %(agency)s. Each point is a block, not a house.")
            % {"agency": current_settings.current().name}
        ),
        author_name=replace_non_xml(current_settings.current().name),
        language=settings.LANGUAGE_CODE,
        feed_url=f"{settings.PORTAL_URL}{path}",
        feed_guid=_tag_uri(path.removeprefix(reverse("crimemap:map"))),
        published_on=_midnight(published.made_on),
        feed_copyright=_(
            "First reports: the type and the outcome can change, and incidents can be withdrawn. Don't use them to judge people."
        ),
    )
    everything = replace(chosen, since=published.since, until=published.until, days=0)
    rows = chain.from_iterable(published.iterate_newest(everything, batch_rows=ENTRIES))
    for row in islice(rows, ENTRIES):
        _add_entry(document, row, published)
    written: bytes = document.writeString("utf-8").encode()
    return written


def feed_address(chosen: Filter) -> str:
    """Return the path of the feed that fits a filter best: of its area, of its only category, else of everything."""
    if chosen.area:
        return reverse("crimemap:feed_area", args=chosen.area)
    if len(chosen.categories) == 1:
        return reverse("crimemap:feed_category", args=list(chosen.categories))
    return reverse("crimemap:feed")


def _title_and_filter(published: PublishedIncidents, area: tuple[str, str] | None, category: str) -> tuple[str, Filter]:
    """Return the title of a feed and its filter for the map page."""
    chosen = Filter.parse({}, published)
    name = current_settings.current().city
    if area:
        name, chosen = wording.area_name(*area, areas.area_names(area[0])), replace(chosen, area=area)
    elif category:
        name = _("%(category)s in %(city)s") % {
            "category": published.category_names[category],
            "city": current_settings.current().city,
        }
        chosen = replace(chosen, categories=frozenset([category]))
    return _("New incidents: %(what)s") % {"what": name}, chosen


def _add_entry(document: _Feed, row: IncidentRow, published: PublishedIncidents) -> None:
    kind = published.category_names[row.category]
    changed = [change.day for change in published.category_changes(row.public_id)]
    facts = [wording.describe_time(row), row.description, row.outcome]
    document.add_item(
        title=replace_non_xml(_("%(category)s, %(place)s") % {"category": kind, "place": wording.describe_place(row)}),
        link=f"{settings.PORTAL_URL}{reverse('crimemap:incident', args=[row.public_id])}",
        description=replace_non_xml(escape("; ".join(filter(None, facts)))),  # Django marks it as HTML
        unique_id=_tag_uri(f"incident/{row.public_id}"),
        updateddate=_midnight(max([row.at.date(), *changed])),
        categories=[row.category],
        point="" if row.latitude is None else f"{row.latitude} {row.longitude}",
    )


def _tag_uri(specific: str) -> str:
    return f"tag:{urlsplit(settings.PORTAL_URL).hostname},{TAG_YEAR}:{specific}"


def _midnight(day: date) -> datetime:
    """Return the beginning of a day where the agency is: by UTC, readers in America would see the day before."""
    return datetime.combine(day, time(), timezone.get_default_timezone())

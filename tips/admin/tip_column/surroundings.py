"""Describes the folds beside a tip: the published incidents around its place, the tips like it, and those linked to it."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.plain_text import show_steering
from core.staff import list_filters
from crimemap import nearby_incidents, places
from tips import vault
from tips.conversation import OpenedTip
from tips.desk import permissions
from tips.desk.acts import closings
from tips.desk.alike import indexing, links, lookup
from tips.desk.alike.links import HistoryLine
from tips.desk.assignees import describe_assignee
from tips.desk.queue.lines import load_lines
from tips.desk.queue.summaries import shorten
from tips.models import State, Tip

_REASON_CHARACTERS = 80
_UNREADABLE = (vault.SealError, vault.KeyMissingError)


def describe(opened: OpenedTip, officer: Account, query: str) -> dict[str, Any]:
    """Return the folds of the tip's page, each with title, summary, template and what that shows. Not in a transaction.

    `query` is that of the view, which the addresses of other tips keep.
    """
    alike = _describe_alike(opened, officer, query)
    folds = [_describe_surroundings(opened.report), alike]
    return {"folds": folds, "linked_count": len(alike["linked"])}


def _describe_surroundings(report: dict[str, Any]) -> dict[str, Any]:
    latitude, longitude = _find_point(report)
    has_point = latitude is not None and longitude is not None
    near = nearby_incidents.find_around(latitude, longitude) if latitude is not None and longitude is not None else None
    if near is None:
        summary = _("no place on the map") if not has_point else ""
    else:
        summary = ngettext("%(count)d public incident", "%(count)d public incidents", near.count) % {
            "count": near.count
        }
    # The address of the whole map: with the point in it, the server of residents' pages would know where the tip is from.
    address = f"{settings.PORTAL_URL}/map/" if near else ""
    fold = {"title": _("Nearby"), "summary": summary, "template": "admin/tips/desk/near.html"}
    return fold | {"near": near, "has_point": has_point, "map_address": address}


def _find_point(report: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the point that the source chose, or that of the place; none for a place as wide as a district."""
    if report["latitude"] is not None and report["longitude"] is not None:
        return report["latitude"], report["longitude"]
    place = places.find_place(report["place_ref"]) if report["place_ref"] else None
    return (None, None) if place is None or place.kind == "area" else (place.latitude, place.longitude)


def _describe_alike(opened: OpenedTip, officer: Account, query: str) -> dict[str, Any]:
    tip = opened.tip
    indexing.add_opened(opened)
    linked = links.list_linked(officer, tip)
    linked_ids = {other.pk for other in linked}
    alike = [each for each in lookup.find_alike(officer, tip) if each.tip.pk not in linked_ids]
    lines = load_lines(officer, [*linked_ids, *(each.tip.pk for each in alike)])
    notes, notes_damaged = _read_notes(officer, tip, linked)
    count = len(alike) + len(linked)
    summary = ngettext("%(count)d tip", "%(count)d tips", count) % {"count": count} if count else _("none")
    if linked:
        summary = _("%(tips)s, %(linked)d linked") % {"tips": summary, "linked": len(linked)}
    fold = {"title": _("Alike"), "summary": summary, "template": "admin/tips/desk/alike.html"}
    return fold | {
        "linked": [_describe_row(other, query, lines) for other in linked],
        "alike": [_describe_row(each.tip, query, lines, each.reason) for each in alike],
        "notes": notes,
        "notes_damaged": notes_damaged,
        "history": [_describe_history(line) for line in links.list_history(officer, tip)],
    }


def _read_notes(officer: Account, tip: Tip, linked: list[Tip]) -> tuple[list[tuple[int, Any]], bool]:
    if not permissions.can_open(officer):
        return [], False
    try:
        notes = links.read_shared_notes(officer, tip, linked)
    except _UNREADABLE:
        return [], True
    shown = [(tip.number, dataclasses.replace(entry, text=show_steering(entry.text))) for tip, entry in notes]
    return shown, False


def _describe_row(tip: Tip, query: str, lines: dict[UUID, str], reason: str = "") -> dict[str, Any]:
    return {
        "pk": tip.pk,
        "number": tip.number,
        "line": lines.get(tip.pk, str(tip.category)),
        "address": list_filters.row_address(reverse("admin:tips_tip_change", args=[tip.pk]), query),
        "details": [part for part in (reason, *_describe_work(tip)) if part],
    }


def _describe_work(tip: Tip) -> list[str]:
    """Return who has the tip, or how it ended and why."""
    if tip.state != State.CLOSED:
        if tip.assigned_to is None:
            return [_("Nobody has it")]
        return [_("%(name)s has it") % {"name": describe_assignee(tip.assigned_to)}]
    assert tip.closed_at is not None
    day = date_format(timezone.localdate(tip.closed_at), "N j")
    values = {"day": day, "outcome": tip.get_disposition_display()}
    try:
        records = closings.list_records(tip)
    except _UNREADABLE:
        records = []
    if not records or records[0].officer is None:
        return [_("closed %(day)s: %(outcome)s") % values]
    values["name"] = describe_assignee(records[0].officer)
    reason = shorten(records[0].ending.reason, _REASON_CHARACTERS)
    closed = _("closed %(day)s by %(name)s: %(outcome)s") % values
    return [closed, _("“%(reason)s”") % {"reason": reason} if reason else ""]


def _describe_history(line: HistoryLine) -> str:
    other = _("tip %(number)s") % {"number": line.number} if line.number else _("another tip")
    values = {"name": line.by, "tip": other, "moment": date_format(timezone.localtime(line.moment), "DATETIME_FORMAT")}
    if line.is_linked:
        return _("%(name)s linked it to %(tip)s, %(moment)s") % values
    return _("%(name)s unlinked it from %(tip)s, %(moment)s") % values

"""The time line of a tip: the report, messages and notes in their order, with what officers did folded between them.

Messages and notes are stored by the hour. Those of staff get their minute from the audit trail, where a line of that hour
exists; a source's never do. They keep the order in which they were written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from core.plain_text import show_steering
from tips import vault
from tips.admin.times import describe_reading
from tips.conversation import ConversationEntry, OpenedTip
from tips.desk import outbox, tip_history
from tips.desk.acts import closings
from tips.desk.acts.closings import RecordedEnding
from tips.desk.acts.reversals import UNDO_SECONDS
from tips.desk.assignees import describe_assignee
from tips.desk.moments import describe_hour, describe_moment
from tips.desk.tip_history import TipChange
from tips.models import Author, Tip

_HOUR = dt.timedelta(hours=1)
_SOON = dt.timedelta(seconds=2 * UNDO_SECONDS)


def build(
    opened: OpenedTip,
    notes: Iterable[ConversationEntry],
    endings: Sequence[RecordedEnding],
    changes: Sequence[TipChange],
    last_act: dt.datetime | None,
) -> list[dict[str, Any]]:
    """Return the items of the time line, the oldest first, as the template shows them. `endings` are the newest first.

    Translations stand with the text of the source that they translate. `last_act` is when the officer last did something with the tip before this page: the line "New" stands before the first
    message that nobody has read, or that is of a later hour.
    """
    written = [change for change in changes if change.action in tip_history.WRITTEN_ACTIONS]
    answered = [change for change in written if change.action == tip_history.ANSWERED]
    noted = [change for change in written if change.action == tip_history.WROTE_NOTE]
    placed_notes = _place(notes, noted, opened.arrived_at, "note")
    entries = [
        *_place(opened.messages, answered, opened.arrived_at, "source"),
        *(placed for placed in placed_notes if placed[1]["translates"] is None),
        *_place_endings(endings, changes),
    ]
    report = {
        "kind": "report",
        "who": "",
        "when": describe_moment(opened.arrived_at),
        "text": show_steering(opened.report["description"]),
        "position": 0,
    }
    items = [(opened.arrived_at, report), *sorted(entries, key=lambda entry: entry[0])]
    _add_translations(items, [item for _at, item in placed_notes if item["translates"] is not None])
    _mark_new(items, last_act)
    acts = [change for change in changes if change.action not in tip_history.WRITTEN_ACTIONS]
    return list(_fold(items, acts))


def list_waiting(tip: Tip) -> list[dict[str, Any]]:
    """Return the acts that wait in the outbox, with what their officer wrote; none if their seal doesn't open."""
    try:
        acts = outbox.read_waiting(tip)
    except (vault.SealError, vault.KeyMissingError):
        return []
    return [
        {
            "kind": "waiting",
            "act": act,
            "is_later": act.due_at is not None and act.due_at > timezone.now() + _SOON,
            "who": describe_assignee(act.officer) if act.officer else _("Former officer"),
            "text": show_steering(fields.get("text") or fields.get("reason") or fields.get("word") or ""),
        }
        for act, fields in acts
    ]


def _place(
    entries: Iterable[ConversationEntry], lines: Sequence[TipChange], start: dt.datetime, kind: str
) -> list[tuple[dt.datetime, dict[str, Any]]]:
    """Return each entry with the time it is sorted by, which never goes back: that of the trail's line, or its hour."""
    left, placed, at = list(lines), [], start
    for entry in entries:
        is_source = entry.author == Author.SOURCE
        line = None if is_source else next((line for line in left if _is_of_hour(line, entry)), None)
        if line is not None:
            left.remove(line)
        at = max(at, line.at if line else entry.written_at)
        item = {
            "kind": "source" if is_source else ("us" if kind == "source" else kind),
            "who": "" if is_source else entry.officer or _("Former officer"),
            "when": describe_moment(line.at) if line else describe_hour(entry.written_at),
            "text": show_steering(entry.text),
            "position": entry.position if kind == "source" else None,
            "reading": describe_reading(entry) if kind == "source" else "",
            "is_read_by_source": entry.source_read_on is not None,
            "is_unread": not entry.is_read,
            "hour": entry.written_at,
            "translates": entry.translates,
            "by_machine": entry.by_machine,
        }
        placed.append((at, item))
    return placed


def _place_endings(
    endings: Sequence[RecordedEnding], changes: Sequence[TipChange]
) -> list[tuple[dt.datetime, dict[str, Any]]]:
    """Return what was recorded as the tip was closed, and each correction, with the time it is sorted by."""
    left = [change for change in changes if change.action in (tip_history.CLOSED, tip_history.CORRECTED)]
    placed = []
    for each in reversed(endings):
        # An act is recorded as its button is pressed, and its ending half a minute later: perhaps in the next hour.
        line = next((line for line in left if each.recorded_at - _SOON <= line.at < each.recorded_at + _HOUR), None)
        if line is not None:
            left.remove(line)
        is_correction = line is not None and line.action == tip_history.CORRECTED
        item = {
            "kind": "ending",
            "heading": _("Closing corrected") if is_correction else _("Closed"),
            "who": describe_assignee(each.officer) if each.officer else _("Former officer"),
            "when": describe_moment(line.at) if line else describe_hour(each.recorded_at),
            "amounts": closings.describe(each.ending),
            "text": show_steering(each.ending.reason),
        }
        placed.append((line.at if line else each.recorded_at, item))
    return placed


def _add_translations(items: Sequence[tuple[dt.datetime, dict[str, Any]]], translations: list[dict[str, Any]]) -> None:
    """Give each text of the source its translations, the newest first."""
    for _at, item in items:
        if item["kind"] in ("report", "source"):
            own = [each for each in reversed(translations) if each["translates"] == item["position"]]
            item["translation"], item["earlier_translations"] = (own[0], own[1:]) if own else (None, [])


def _is_of_hour(line: TipChange, entry: ConversationEntry) -> bool:
    return entry.written_at <= line.at < entry.written_at + _HOUR


def _mark_new(items: Sequence[tuple[dt.datetime, dict[str, Any]]], last_act: dt.datetime | None) -> None:
    for _at, item in items:
        if item["kind"] != "source":
            continue
        if item["is_unread"] or (last_act is not None and item["hour"] > last_act):
            item["is_first_new"] = True
            return


def _fold(items: Sequence[tuple[dt.datetime, dict[str, Any]]], acts: Sequence[TipChange]) -> Iterable[dict[str, Any]]:
    """Yield the items, with the acts between two of them as one item."""
    waiting = list(acts)
    for at, item in items:
        before = [act for act in waiting if act.at < at]
        if before:
            yield _group(before)
            waiting = [act for act in waiting if act.at >= at]
        yield item
    if waiting:
        yield _group(waiting)


def _group(acts: Sequence[TipChange]) -> dict[str, Any]:
    return {"kind": "changes", "acts": acts, "summary": tip_history.describe_group(acts)}

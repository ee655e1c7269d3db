"""Builds the template context of an opened tip: its head, facts, time line, and the acts that are offered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django import forms
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.agency import current_settings
from core.models import Account
from core.staff import list_filters
from core.web.context_processors import call_address
from tips import conversation, readers, vault
from tips.admin.times import describe_duration
from tips.admin.tip_acts import ACTIONS, OfficerAction
from tips.admin.tip_column import facts as tip_facts
from tips.admin.tip_column import time_line
from tips.conversation import OpenedTip
from tips.desk import drafts, permissions, referrals, tip_history, triage
from tips.desk.acts import closings, dispatch_calls
from tips.desk.assignees import describe_assignee
from tips.desk.moments import describe_day, describe_hours_ago, describe_minutes_ago
from tips.desk.queue import Queue
from tips.models import Author, State, Tip
from tips.officer_alerts.duty_calendar import read_calendar
from tips.walls import visibility

_TITLE_MENUS = ("priority", "category")
# The acts at the beginning of the bar; others follow in the order of ACTIONS.
_FIRST_IN_BAR = ("take", "assign", "snooze", "wake", "spam", "not-spam", "refer")


def describe_tip(opened: OpenedTip, officer: Account, last_act: dt.datetime | None) -> dict[str, Any]:
    """Return the context of the opened tip itself. `last_act`: see time_line.build."""
    tip, facts = opened.tip, tip_facts.list_facts(opened.report)
    if opened.report["danger"] == "yes":
        facts.append(tip_facts.describe_dispatch(dispatch_calls.read(tip)))
    try:
        notes, endings, notes_damaged = conversation.read_notes(tip), closings.list_records(tip), False
    except (vault.SealError, vault.KeyMissingError):
        notes, endings, notes_damaged = [], [], True
    items = time_line.build(opened, notes, endings, tip_history.list_changes(tip), last_act)
    items += time_line.list_waiting(tip)
    from_source = [entry for entry in opened.messages if entry.author == Author.SOURCE]
    dispatch_number = current_settings.current().dispatch_number
    return {
        "tip": tip,
        "title": str(tip),
        "unit": referrals.name_unit(tip.unit),
        "has_units": readers.find_reach(officer.pk).has_units,
        "assignee": describe_assignee(tip.assigned_to) if tip.assigned_to else "",
        "seen": triage.stamp(tip, len(opened.messages)),
        "source_message_count": len(from_source),
        "arrived_at": opened.arrived_at,
        "opened_within": describe_duration(tip.opened_after) if tip.opened_after else "",
        "dispatch_number": dispatch_number,
        "dispatch_address": call_address(dispatch_number),
        "facts": facts,
        "strip": [fact for fact in facts if fact.is_brief],
        "facts_summary": _summarize_facts(facts),
        "time_line": items,
        "newest": _describe_newest(opened),
        "notes_damaged": notes_damaged,
        "closed_day": describe_day(tip.closed_at) if tip.closed_at else "",
        "wrote_after_close": tip.state == State.CLOSED and any(not entry.is_read for entry in from_source),
        "recorded_ending": _read_recorded_ending(tip, endings),
        "is_closed": tip.state == State.CLOSED,
        "can_write": tip.key_for_source is not None,
        "may_answer": permissions.can_act(officer),
        "is_walled": visibility.is_walled(tip),
        "may_decide": visibility.may_decide(tip, officer),
        "draft_owner": drafts.name_owner(officer),
    }


def _read_recorded_ending(tip: Tip, endings: Sequence[closings.RecordedEnding]) -> dict[str, Any]:
    """Return the fields of a closed tip's newest ending; of one that was closed without a record, how it ended."""
    if tip.state != State.CLOSED:
        return {}
    return asdict(endings[0].ending) if endings else {"disposition": tip.disposition}


def describe_place(queue: Queue, tip: Tip) -> dict[str, Any]:
    """Return where the tip stands in its view, and the addresses of the tips before and after it."""
    rows = {row.pk: row for group in queue.groups for row in group.rows}
    places = list(rows)
    addresses = {
        "previous_address": queue.previous_before(tip.pk),
        "next_address": queue.next_after(tip.pk),
    }
    row = rows.get(tip.pk)
    return {
        "place": places.index(tip.pk) + 1 if tip.pk in rows else 0,
        "due": row.due if row else None,
        "next_id": addresses["next_address"] or "",
        **{
            name: row_address(queue, tip_id) if tip_id and tip_id != tip.pk else ""
            for name, tip_id in addresses.items()
        },
    }


def row_address(queue: Queue, tip_id: Any) -> str:
    """Return the address of a tip's page that keeps the view it was reached from."""
    return list_filters.row_address(reverse("admin:tips_tip_change", args=[tip_id]), queue.query)


def list_acts(tip: Tip, officer: Account, checked: Mapping[str, forms.Form]) -> dict[str, Any]:
    """Return the acts that are offered: the buttons of the bar, and the menus, open where their form was refused."""
    if not permissions.can_act(officer):
        return {"bar": [], "menus": []}
    offered = {name: action for name, action in ACTIONS.items() if action.is_offered(tip, officer)}
    acts = [_describe_act(name, action, is_open=name in checked) for name, action in offered.items()]
    return {
        "bar": sorted((act for act in acts if act["label"] and act["name"] not in _TITLE_MENUS), key=_place_in_bar),
        "menus": [act for act in acts if act["has_menu"]],
        "offers_priority": "priority" in offered,
        "offers_category": "category" in offered,
        "officers": list(_list_officers(tip, officer)) if "assign" in offered else [],
    }


def add_files(context: dict[str, Any]) -> None:
    """Give each message of the time line the files that came with it."""
    groups = {group["position"]: group["files"] for group in context["file_groups"]}
    for item in context["time_line"]:
        if item.get("position") is not None:
            item["files"] = groups.get(item["position"], [])


def _place_in_bar(act: dict[str, Any]) -> int:
    return _FIRST_IN_BAR.index(act["name"]) if act["name"] in _FIRST_IN_BAR else len(_FIRST_IN_BAR)


def _describe_act(name: str, action: OfficerAction, *, is_open: bool) -> dict[str, Any]:
    return {
        "name": name,
        "label": action.label,
        "key": action.key,
        "has_menu": action.has_menu,
        "is_first_step": action.is_first_step,
        "is_open": is_open,
        "template": f"admin/tips/desk/menus/{name}.html",
    }


def _list_officers(tip: Tip, officer: Account) -> list[dict[str, Any]]:
    """Return the accounts that the tip can be assigned to: this officer first, then those on duty."""
    found = [account for account in permissions.list_assignable(tip) if account.pk != tip.assigned_to_id]
    on_duty = read_calendar().list_on_duty(timezone.now())
    # Only tips that this officer sees: other counts would tell of walled ones.
    active = permissions.visible_tips(officer).exclude(state=State.CLOSED).filter(assigned_to__in=found)
    loads = dict(active.order_by().values_list("assigned_to").annotate(Count("pk")))
    described = [
        {
            "pk": account.pk,
            "name": _("Me") if account == officer else account.get_full_name() or account.get_username(),
            "hint": _describe_load(loads.get(account.pk, 0), is_on_duty=account.pk in on_duty),
            "order": (account != officer, account.pk not in on_duty),
        }
        for account in found
    ]
    return sorted(described, key=lambda each: each["order"])


def _describe_load(count: int, *, is_on_duty: bool) -> str:
    values = {"count": count}
    if is_on_duty:
        return ngettext("on duty, has %(count)s", "on duty, has %(count)s", count) % values
    return ngettext("off duty, has %(count)s", "off duty, has %(count)s", count) % values


def _summarize_facts(facts: list[tip_facts.Fact]) -> str:
    others = sum(1 for fact in facts if not fact.is_brief)
    return ngettext("%(count)s more answer", "%(count)s more answers", others) % {"count": others} if others else ""


def _describe_newest(opened: OpenedTip) -> str:
    """Return who wrote last and how long ago: of a source's later messages only the hour is known."""
    last = opened.messages[-1] if opened.messages else None
    if last is None:
        return _("Came %(when)s") % {"when": describe_minutes_ago(opened.arrived_at)}
    when = {"when": describe_hours_ago(last.written_at)}
    return _("Source wrote %(when)s") % when if last.author == Author.SOURCE else _("Answered %(when)s") % when

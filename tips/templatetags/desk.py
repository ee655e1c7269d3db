"""Template tags of the admin's pages: the head of the desk, an officer's first page, and trouble with alerts."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from core.models import Account
from tips import officer_alerts, readers
from tips.desk import permissions, workload
from tips.desk.acts import bulk
from tips.desk.acts.toasts import list_toasts
from tips.desk.duty import changes
from tips.desk.live.people import find_initials
from tips.desk.outbox import list_decisions
from tips.desk.queue import saved_views
from tips.desk.workload import own_work
from tips.models import Category

register = template.Library()

# The section that each page of the admin belongs to, by the beginning of its address's name.
_SECTIONS = (
    ("index", "home"),
    ("tips_workload", "workload"),
    ("tips_second_looks", "workload"),
    ("tips_tip", "desk"),
    ("outreach_story", "story"),
    ("outreach_event", "event"),
    ("crimemap_source", "source"),
    ("core_account", "account"),
)


@register.inclusion_tag("admin/tips/desk/duty_menu.html", takes_context=True)
def duty_menu(context: RequestContext) -> dict[str, Any]:
    """Return the signed-in officer's duty; empty for accounts outside the desk."""
    user = context.get("user")
    if user is None or not permissions.can_act(user):
        return {}
    return {"officer": user, "duty": changes.describe_duty(user)}


@register.simple_tag(takes_context=True)
def staff_menu(context: RequestContext) -> dict[str, Any]:
    """`{% staff_menu as menu %}`: what the head of a page offers the signed-in account, its initials, and the section of the page."""
    user = context.get("user")
    if not isinstance(user, Account):
        return {}
    return {
        "can_list": permissions.can_list(user),
        "can_act": permissions.can_act(user),
        "can_supervise": permissions.can_supervise(user),
        "initials": find_initials(user),
        "section": _find_section(context),
    }


def _find_section(context: RequestContext) -> str:
    match = context.request.resolver_match if context.request is not None else None
    name = (match.url_name if match is not None else None) or ""
    return next((section for beginning, section in _SECTIONS if name.startswith(beginning)), "")


@register.inclusion_tag("admin/tips/home.html", takes_context=True)
def tips_home(context: RequestContext) -> dict[str, Any]:
    """Show the work on tips of the signed-in account; nothing to accounts outside the desk."""
    user = context.get("user")
    if not isinstance(user, Account) or not permissions.can_list(user):
        return {}
    shown: dict[str, Any] = {
        "user": user,
        "csrf_token": context.get("csrf_token"),
        "figures": own_work.list_figures(user),
        "decisions": list_decisions(user),
        "saved_views": saved_views.find_own(user),
        "can_supervise": permissions.can_supervise(user),
    }
    if shown["can_supervise"]:
        shown["looks"] = len(workload.list_looks(user))
    if permissions.can_act(user):
        shown |= {
            "officer": user,
            "duty": changes.describe_duty(user),
            "held": changes.list_open_tips(user).count(),
            "reminded": workload.list_reminded(user),
            "news": own_work.list_own_news(user),
            "waking": own_work.list_waking_today(user),
            "failing": own_work.list_failing_channels(user),
        }
    return shown


@register.inclusion_tag("admin/tips/reader_notices.html", takes_context=True)
def reader_notices(context: RequestContext) -> dict[str, Any]:
    """Return the categories and units whose tips nobody would see, for supervisors and administrators.

    It depends on settings alone, so that it says nothing of whether there are such tips.
    """
    user = context.get("user")
    if user is None or not user.has_perm("tips.change_category"):
        return {}
    unread = readers.unread_categories()
    sensitive = Category.objects.filter(is_sensitive=True)
    return {
        "unread_categories": [str(category) for category in unread.filter(active=True)],
        "unalerted_categories": [str(category) for category in readers.unalerted_categories().filter(active=True)],
        "unmanned_units": [str(unit) for unit in readers.unmanned_units()],
        "ready_categories": [] if sensitive.filter(active=True).exists() else [str(category) for category in sensitive],
    }


@register.inclusion_tag("admin/tips/alert_trouble.html", takes_context=True)
def alert_trouble(context: RequestContext) -> dict[str, Any]:
    """Return why alerts do not reach officers, for the desk and administrators."""
    user = context.get("user")
    if user is None or not permissions.can_see_alert_trouble(user):
        return {}
    problems = officer_alerts.find_problems(permissions.counted_ids(user))
    return {"trouble": problems, "can_open": permissions.can_open(user)}


@register.inclusion_tag("admin/tips/desk/toast.html", takes_context=True)
def toasts(context: RequestContext) -> dict[str, Any]:
    """Return what the signed-in officer can undo right now, and the page to come back to."""
    user, request = context.get("user"), context.get("request")
    if user is None or request is None or not permissions.can_act(user):
        return {}
    return {
        "pending_acts": list_toasts(user),
        "decisions": list_decisions(user),
        "back_to": request.get_full_path(),
        "user": user,
    }


@register.simple_tag(takes_context=True)
def row_stamps(context: RequestContext) -> str:
    """Return the stamps of the queue's rows, for an act on a selection to leave out those that changed meanwhile."""
    user = context.get("user")
    if not isinstance(user, Account) or not permissions.can_act(user):
        return ""
    rows = [each for group in context["queue"].groups for row in group.rows for each in (row, *row.wave)]
    return " ".join(f"{tip_id}:{stamp}" for tip_id, stamp in bulk.stamp_rows([row.pk for row in rows], user).items())

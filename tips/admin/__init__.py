"""The staff side of tips in Django's admin. Rules are in tips/desk/triage.py and tips/officer_alerts/; these modules call them."""

from __future__ import annotations

from tips.admin import answer_templates, categories, response_targets, tip_list, units
from tips.admin.duty import alert_channels, own_duty

__all__ = ["alert_channels", "answer_templates", "categories", "own_duty", "response_targets", "tip_list", "units"]

"""The staff side of tips in Django's admin. Rules are in tips/desk/triage.py and tips/officer_alerts/; these modules call them."""

from __future__ import annotations

from tips.admin import answer_templates, categories, duty, tip_list, units

__all__ = ["answer_templates", "categories", "duty", "tip_list", "units"]

"""`{% load counts %}`: counts formatted for readers."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def format_count(number: int) -> str:
    """Group digits as the language does: 1234567 -> "1,234,567"."""
    return number_format(number, force_grouping=True)

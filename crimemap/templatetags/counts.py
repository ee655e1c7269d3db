"""`{% load counts %}`: counts formatted for readers."""

from __future__ import annotations

from django import template

from crimemap import wording

register = template.Library()


@register.filter
def format_count(number: int) -> str:
    return wording.format_count(number)

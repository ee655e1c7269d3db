"""Large counts as people read them."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def counted(number: int) -> str:
    """1234567 -> "1,234,567", as the language has it."""
    return number_format(number, force_grouping=True)

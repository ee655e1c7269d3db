"""Template tag with the portal's sentence on how soon tips are read."""

from __future__ import annotations

from django import template

from tips import statistics

register = template.Library()
register.simple_tag(statistics.describe_reading_time, name="reading_time")

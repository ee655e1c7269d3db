"""Template filter with the status of a file, for the source's pages."""

from __future__ import annotations

from django import template

from tips.source import wording

register = template.Library()
register.filter("file_status", wording.describe_file)

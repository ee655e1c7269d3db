"""What became of a file, on the source's pages."""

from __future__ import annotations

from django import template

from tips import showing

register = template.Library()
register.filter("file_status", showing.file_status)

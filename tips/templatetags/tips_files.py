"""What became of a file, on the source's pages."""

from __future__ import annotations

from django import template

from tips import source_wording

register = template.Library()
register.filter("file_status", source_wording.file_status)

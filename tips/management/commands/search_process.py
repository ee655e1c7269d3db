"""`manage.py search_process`: the process that searches tips in memory (tips/desk/search/search_process.py)."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tips.desk.search import search_process


class Command(BaseCommand):
    help = "Answer searches of the staff desk on the socket that SEARCH_SOCKET names, until stopped."
    requires_system_checks: list[str] = []  # as Django declares it

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SEARCH_SOCKET is None:
            sys.exit("SEARCH_SOCKET is not set: name the socket on which the search process answers.")
        search_process.serve(settings.SEARCH_SOCKET)

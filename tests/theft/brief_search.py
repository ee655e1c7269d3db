"""`python -m tests.theft.brief_search`: the search process as in production, but emptied after seconds without a search."""

from __future__ import annotations

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from tips.desk.search import search_process  # noqa: E402

# A quarter of an hour in production.
IDLE_SECONDS = 15.0

if __name__ == "__main__":
    search_process.IDLE_SECONDS = IDLE_SECONDS
    # Readable for the test, which need not run as root.
    search_process.protect_memory = lambda: True
    call_command("search_process")

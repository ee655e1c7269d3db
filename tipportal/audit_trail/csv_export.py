"""The audit trail as a CSV file: streamed, and harmless in spreadsheet programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import AuditEntry
from tips.desk.search_record import hide_words

CHUNK_LINES = 2_000
# Spreadsheet programs run a cell that begins with one of these as a formula (OWASP, CSV injection); the wide forms too.
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """A file that returns each row instead of keeping it."""

    def write(self, row: str) -> str:
        return row


def stream_csv(lines: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield the lines as CSV, a heading first.

    The reference is the beginning of the line's seal: someone who has the database finds the line by it, and it does not tell how
    many lines there are in between.
    """
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\ufeff"  # without it, Excel takes UTF-8 for another encoding
    yield writer.writerow([_("Time"), _("Who"), _("Did"), _("What"), _("Details"), _("Reference")])
    for line in lines.iterator(chunk_size=CHUNK_LINES):
        texts = [line.actor, line.action, line.subject, hide_words(line.detail), bytes(line.seal[:8]).hex()]
        yield writer.writerow([timezone.localtime(line.at).isoformat(), *map(defuse, texts)])


def defuse(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet program could take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_BEGINNINGS) else text

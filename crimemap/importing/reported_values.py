"""Kinds of place and outcomes that the portal does not know: recorded by imports, approved by administrators.

Names of areas are recorded by publications (publishing/shown_areas.py) and decided on here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from core import audit
from core.models import Account
from crimemap.models import ReportedValue
from crimemap.publishing import publication_requests

MAX_WAITING = 500  # of all sources: a column with more different texts holds free text, which nobody reads through


def record_new_values(values: Iterable[tuple[str, str]]) -> None:
    """Record values, each a field and a text, that wait for a decision; none beyond MAX_WAITING."""
    room = MAX_WAITING - ReportedValue.objects.filter(decision=ReportedValue.Decision.WAITING).count()
    rows = [ReportedValue(field=field, text=text) for field, text in sorted(values)]
    known = set(ReportedValue.objects.values_list("field", "text"))
    new = [row for row in rows if (row.field, row.text) not in known]
    ReportedValue.objects.bulk_create(new[: max(0, room)], ignore_conflicts=True)


def count_undecided(values: set[tuple[str, str]]) -> int:
    """Return how many of these values, each a field and a text, residents don't see because nobody has decided on them yet."""
    decided = ReportedValue.objects.exclude(decision=ReportedValue.Decision.WAITING)
    return len(values - set(decided.values_list("field", "text")))


@transaction.atomic
def decide(values: Sequence[ReportedValue], decision: str, by: Account) -> None:
    """Set the decision about values and record it in the audit trail; what is public follows with the next publication."""
    ReportedValue.objects.filter(pk__in=[value.pk for value in values]).update(decision=decision)
    for value in values:
        # A refused text may name a person: it does not go into the audit trail.
        is_approved = decision == ReportedValue.Decision.APPROVED
        audit.record(by, "decided on a text", f"{value.field} {value.text if is_approved else value.pk}", decision)
    publication_requests.request_publication()

"""Counts the forms that each officer opened for callers, a day at a time, for the audit trail.

A line of the audit trail has an exact time and its place among the others. One for each form, beside the agency's phone records, would
lead from a tip to its caller. So there is one line an officer and day, written when the day is over. What is left: until the next
night the row of the present day names the transaction that wrote it last (SECURITY.md, "What is not promised").
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import audit
from core.models import Account
from tips.models import CallerFormCount

OPENED = "opened forms for callers"
SUBJECT = "tips"
FORMER_ACCOUNT = "former account"
# Far more than an officer takes calls; a stolen session gets no more.
MOST_A_DAY = 200


class TooManyFormsError(Exception):
    """The officer has opened as many forms today as anyone may."""


def count_form(officer: Account) -> None:
    """Count one more form of today, before it is opened. Raises TooManyFormsError."""
    with transaction.atomic():
        count, _is_new = CallerFormCount.objects.select_for_update().get_or_create(
            officer=officer, day=timezone.localdate()
        )
        if count.forms >= MOST_A_DAY:
            raise TooManyFormsError
        CallerFormCount.objects.filter(pk=count.pk).update(forms=F("forms") + 1)


def record_past_days() -> int:
    """Write the line in the audit trail for each count of a past day, and return how many. Any staff process may call it."""
    with transaction.atomic():
        past = CallerFormCount.objects.select_for_update(skip_locked=True, of=("self",))
        # By name: the order of the lines must not be the order in which the officers took calls.
        ended = list(
            past.filter(day__lt=timezone.localdate()).select_related("officer").order_by("day", "officer__username")
        )
        for each in ended:
            detail = f"{each.forms} on {each.day.isoformat()}"
            audit.record(each.officer or FORMER_ACCOUNT, OPENED, SUBJECT, detail)
            each.delete()
    return len(ended)

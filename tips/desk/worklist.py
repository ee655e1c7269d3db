"""The tips that need an officer: those not closed, and closed ones whose source has written since.

The list, its filters and the counts on the first page all ask this module, so that a link leads to as many tips as it says.
"""

from __future__ import annotations

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Now, TruncDate

from core.models import Account
from tips import readers
from tips.desk import permissions
from tips.models import Author, DeskState, Message, PendingAct, State, Tip
from tips.walls import visibility

SENSITIVE = readers.SENSITIVE
WALLED = Q(is_walled=True)
UNREAD = Q(state=State.NEW) | Q(has_unread=True)
# Their own table is joined, whose few rows PostgreSQL reads once: as a condition on each tip it would take the worst plan.
SPAM = Q(Exists(DeskState.objects.filter(spam_since__isnull=False, tip=OuterRef("pk"))))
_IS_CLOSING = Exists(PendingAct.objects.filter(kind=PendingAct.Kind.CLOSE, due_at__isnull=False, tip=OuterRef("pk")))
_MUTED_IDS = DeskState.objects.filter(muted_until__gte=TruncDate(Now())).values("tip")
# Without those of muted sources, which are kept but bring no tip to anyone's attention.
_UNREAD_IDS = (
    Message.objects.filter(author=Author.SOURCE, read=False).exclude(tip__in=_MUTED_IDS).order_by().values("tip")
)
# As an array, so that PostgreSQL reads the few rows that two partial indexes name, and not all.
_IS_AMONG_UNREAD = Func(
    F("pk"), ArraySubquery(_UNREAD_IDS), template="%(expressions)s)", arg_joiner=" = ANY(", output_field=BooleanField()
)
ACTIVE = (~Q(state=State.CLOSED) | Q(_IS_AMONG_UNREAD)) & ~SPAM & ~Q(_IS_CLOSING)


def visible_with_unread(account: Account) -> QuerySet[Tip]:
    """Return the tips that this account may know of.

    `has_unread` says whether a message of the source is unread, `is_walled` whether the tip stands apart (tips/walls), and
    `is_asleep` whether it is snoozed and its source has not written since.
    """
    woken = Message.objects.filter(
        tip=OuterRef("pk"), author=Author.SOURCE, position__gt=OuterRef("desk_state__snoozed_after")
    )
    is_due_later = Q(desk_state__snoozed_until=None) | Q(desk_state__snoozed_until__gt=Now())
    return permissions.visible_tips(account).annotate(
        # PostgreSQL reads the few ids once a query, not once a tip.
        has_unread=ExpressionWrapper(Q(pk__in=_UNREAD_IDS), output_field=BooleanField()),
        is_walled=ExpressionWrapper(visibility.walled_for(account), output_field=BooleanField()),
        is_asleep=Case(
            When(Q(desk_state__snoozed_after__isnull=False) & is_due_later & ~Exists(woken), then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        ),
    )

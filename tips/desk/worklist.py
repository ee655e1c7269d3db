"""The tips that need an officer: those not closed, and closed ones whose source has written since.

The list, its filters and the counts on the first page all ask this module, so that a link leads to as many tips as it says.
"""

from __future__ import annotations

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import Now, TruncDate
from django.utils import timezone

from core.models import Account
from core.web.asked_once import once_a_request
from core.web.shared_rows import Among, AmongFew, AmongJoined, SharedRows
from tips import readers
from tips.desk import permissions
from tips.models import Author, DeskState, Message, PendingAct, State, Tip
from tips.walls import visibility

SENSITIVE = readers.SENSITIVE
WALLED = Q(is_walled=True)
UNREAD = Q(state=State.NEW) | Q(has_unread=True)
_SPAM_IDS = SharedRows(DeskState.objects.filter(spam_since__isnull=False).values("tip"))
# Joined as a table: as a condition on each tip it would take the worst plan.
SPAM = Q(AmongJoined("pk", _SPAM_IDS))
# The same for a query that reads nearly all tips in the order of an index: a join would lose the order.
SPAM_OF_MANY = Q(Among("pk", _SPAM_IDS))
_CLOSING_IDS = SharedRows(PendingAct.objects.filter(kind=PendingAct.Kind.CLOSE, due_at__isnull=False).values("tip"))
_MUTED_IDS = DeskState.objects.filter(muted_until__gte=TruncDate(Now(), tzinfo=timezone.get_default_timezone())).values(
    "tip"
)
# Without those of muted sources, which are kept but bring no tip to anyone's attention.
_UNREAD_IDS = SharedRows(
    Message.objects.filter(author=Author.SOURCE, read=False).exclude(tip__in=_MUTED_IDS).values("tip")
)
_WOKEN = Message.objects.filter(tip=OuterRef("tip"), author=Author.SOURCE, position__gt=OuterRef("snoozed_after"))
_ASLEEP_IDS = SharedRows(
    DeskState.objects.filter(
        Q(snoozed_until=None) | Q(snoozed_until__gt=Now()), ~Exists(_WOKEN), snoozed_after__isnull=False
    ).values("tip")
)
_HAS_UNREAD = Among("pk", _UNREAD_IDS)
_IS_ASLEEP = Among("pk", _ASLEEP_IDS)
# As an array, so that PostgreSQL reads the few rows that two partial indexes name, and not all.
ACTIVE = (~Q(state=State.CLOSED) | Q(AmongFew("pk", _UNREAD_IDS))) & ~SPAM & ~Q(AmongJoined("pk", _CLOSING_IDS))


def visible_with_unread(account: Account) -> QuerySet[Tip]:
    """Return the tips that this account may know of.

    `has_unread` says whether a message of the source is unread, `is_walled` whether the tip stands apart (tips/walls), and
    `is_asleep` whether it is snoozed and its source has not written since.
    """
    return _annotate_visible(account).all()


@once_a_request
def _annotate_visible(account: Account) -> QuerySet[Tip]:
    return permissions.visible_tips(account).annotate(
        has_unread=_HAS_UNREAD,
        is_walled=ExpressionWrapper(visibility.walled_for(account), output_field=BooleanField()),
        is_asleep=_IS_ASLEEP,
    )

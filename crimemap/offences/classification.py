"""What a code counts as, and how openly its incidents are shown: changed by administrators, each change in the audit trail.

Stored incidents follow at the next publication, which is asked for at once; nothing is imported anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from core import audit, queue
from core.models import Account
from crimemap.models import Category, OffenceCode, Visibility
from crimemap.offences import catalogue

_STRICTNESS = {value: number for number, value in enumerate(Visibility.values)}
PUBLIC_LIST = "nibrs"  # where a code that nobody has classified is looked for, to suggest something


class LooserVisibilityError(Exception):
    """Incidents would be shown more openly than before, and nobody said why."""


@dataclass(frozen=True, slots=True)
class UnclassifiedCode:
    """A code that nobody has classified; `held` stored incidents have it. The suggestion is empty where there is none."""

    code: OffenceCode
    held: int
    category: str
    visibility: str


def effective_visibility(category: Category | None, visibility: str) -> str:
    """The stricter of a code's own visibility and its category's least; "" while held."""
    if category is None or not visibility:
        return ""
    return max(visibility, category.least_visibility, key=_STRICTNESS.__getitem__)


def is_looser(before: str, after: str) -> bool:
    """Whether `after` shows more than `before`. Classifying what was held ("") is no loosening: that is what it waited for."""
    return bool(before and after) and _STRICTNESS[after] < _STRICTNESS[before]


@transaction.atomic
def classify(code: OffenceCode, category: Category | None, visibility: str, by: Account, why: str = "") -> bool:
    """Give a code its category and visibility, or hold it (None, ""). Returns whether anything changed. Raises LooserError."""
    now = OffenceCode.objects.select_for_update(of=("self",)).select_related("category").get(pk=code.pk)
    if (now.category, now.visibility) == (category, visibility):
        return False
    if (
        is_looser(effective_visibility(now.category, now.visibility), effective_visibility(category, visibility))
        and not why
    ):
        raise LooserVisibilityError
    OffenceCode.objects.filter(pk=code.pk).update(category=category, visibility=visibility)
    change = f"{_said(now.category, now.visibility)} -> {_said(category, visibility)}"
    audit.record(by, "classified a code", f"code {code.scheme} {code}", f"{change}: {why}" if why else change)
    request_publication()
    return True


def _said(category: Category | None, visibility: str) -> str:
    return f"{category.slug}/{visibility}" if category else "held"


def request_publication() -> None:
    """Ask for a publication once the transaction is on the disk; the hourly one makes up for a lost message."""
    queue.send_on_commit("crimemap.bulk.publish")


def list_unclassified_codes(scheme: str = "") -> list[UnclassifiedCode]:
    """Codes that nobody has classified, those that hold back most incidents first."""
    waiting = OffenceCode.objects.filter(category=None)
    if scheme:
        waiting = waiting.filter(scheme=scheme)
    counted = waiting.annotate(held=Count("incidents", filter=Q(incidents__removed_at=None)))
    return [_suggested(code, code.held) for code in counted.order_by("-held", "scheme", "code")]


def _suggested(code: OffenceCode, held: int) -> UnclassifiedCode:
    found = catalogue.code_list(PUBLIC_LIST).find(name for name in (code.code, code.label) if name)
    return UnclassifiedCode(code, held, found.category if found else "", found.visibility if found else "")


def schemes_with_unclassified_codes() -> Iterable[str]:
    return OffenceCode.objects.filter(category=None).order_by("scheme").values_list("scheme", flat=True).distinct()


def reason_required_message() -> str:
    return _("Incidents would be shown more openly than before. Say why: it goes into the audit trail.")

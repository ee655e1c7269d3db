"""Classifies offense codes by category and visibility, for administrators; each change goes into the audit trail.

Stored incidents follow with the next publication, which is requested at once; nothing has to be imported again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from crimemap.models import Category, OffenceCode, Visibility
from crimemap.offences import catalogue
from crimemap.publishing import publication_requests

_STRICTNESS = {value: number for number, value in enumerate(Visibility.values)}
SUGGESTION_LIST = "nibrs"  # the code list that suggestions for unclassified codes come from


class LooserVisibilityError(Exception):
    """Incidents would be shown more openly than before, and no reason was given."""


@dataclass(frozen=True, slots=True)
class UnclassifiedCode:
    """A code without category and visibility, with a suggestion for them; empty if there is none."""

    code: OffenceCode
    held_count: int  # stored incidents that have it
    suggested_category: str  # a slug
    suggested_visibility: str


def effective_visibility(category: Category | None, visibility: str) -> str:
    """Return the stricter of a code's own visibility and its category's minimum; "" while the code is held."""
    if category is None or not visibility:
        return ""
    return max(visibility, category.least_visibility, key=_STRICTNESS.__getitem__)


def is_looser(before: str, after: str) -> bool:
    """Return whether `after` shows more than `before`. A first classification, of a held code (""), is not looser."""
    return bool(before and after) and _STRICTNESS[after] < _STRICTNESS[before]


@transaction.atomic
def classify(code: OffenceCode, category: Category | None, visibility: str, by: Account, reason: str = "") -> bool:
    """Give a code its category and visibility, or hold it (None, ""). Return whether anything changed.

    Raises LooserVisibilityError without a reason for a looser visibility.
    """
    current = OffenceCode.objects.select_for_update(of=("self",)).select_related("category").get(pk=code.pk)
    if (current.category, current.visibility) == (category, visibility):
        return False
    before = effective_visibility(current.category, current.visibility)
    if is_looser(before, effective_visibility(category, visibility)) and not reason:
        raise LooserVisibilityError
    OffenceCode.objects.filter(pk=code.pk).update(category=category, visibility=visibility)
    change = f"{_describe(current.category, current.visibility)} -> {_describe(category, visibility)}"
    audit.record(by, "classified a code", f"code {code.scheme} {code}", f"{change}: {reason}" if reason else change)
    publication_requests.request_publication()
    return True


def _describe(category: Category | None, visibility: str) -> str:
    return f"{category.slug}/{visibility}" if category else "held"


def list_unclassified_codes(scheme: str = "") -> list[UnclassifiedCode]:
    """Return the unclassified codes, those that hold back the most incidents first."""
    unclassified = OffenceCode.objects.filter(category=None)
    if scheme:
        unclassified = unclassified.filter(scheme=scheme)
    counted = unclassified.annotate(held_count=Count("incidents", filter=Q(incidents__removed_at=None)))
    return [_with_suggestion(code, code.held_count) for code in counted.order_by("-held_count", "scheme", "code")]


def _with_suggestion(code: OffenceCode, held_count: int) -> UnclassifiedCode:
    suggestion = catalogue.code_list(SUGGESTION_LIST).find(name for name in (code.code, code.label) if name)
    if suggestion is None:
        return UnclassifiedCode(code, held_count, "", "")
    return UnclassifiedCode(code, held_count, suggestion.category, suggestion.visibility)


def schemes_with_unclassified_codes() -> Iterable[str]:
    return OffenceCode.objects.filter(category=None).order_by("scheme").values_list("scheme", flat=True).distinct()


def reason_required_message() -> str:
    return _("Incidents would be shown more openly than before. Say why: it goes into the audit trail.")

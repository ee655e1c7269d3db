"""Classifies offense codes by category and visibility, for administrators; each change goes into the audit trail.

Stored incidents follow with the next publication, which is requested at once; nothing has to be imported again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from crimemap.models import Category, CodeChangeSet, OffenceCode, Visibility
from crimemap.publishing import publication_requests

KEPT_CHANGE_SETS = 20
STRICTNESS = {value: number for number, value in enumerate(Visibility.values)}


class LooserVisibilityError(Exception):
    """Incidents of these codes would be shown more openly than before, and no reason was given."""

    def __init__(self, codes: Sequence[OffenceCode] = ()) -> None:
        super().__init__(", ".join(map(str, codes)))
        self.codes = list(codes)


def effective_visibility(category: Category | None, visibility: str) -> str:
    """Return the stricter of a code's own visibility and its category's minimum; "" while the code is held."""
    if category is None or not visibility:
        return ""
    return max(visibility, category.least_visibility, key=STRICTNESS.__getitem__)


def is_looser(before: str, after: str) -> bool:
    """Return whether `after` shows more than `before`. A first classification, of a held code (""), is not looser."""
    return bool(before and after) and STRICTNESS[after] < STRICTNESS[before]


class Assignment(NamedTuple):
    """The choice for a code: its category and visibility, or None and "" to hold it."""

    code_id: int
    category: Category | None
    visibility: str


def classify(code: OffenceCode, category: Category | None, visibility: str, by: Account, reason: str = "") -> bool:
    """Give a code its category and visibility, or hold it (None, ""). Return whether anything changed.

    Raises LooserVisibilityError without a reason for a looser visibility.
    """
    return bool(classify_each([Assignment(code.pk, category, visibility)], by, reason))


@transaction.atomic
def classify_each(assignments: Sequence[Assignment], by: Account, reason: str = "") -> int:
    """Classify codes as one change set with one publication. Return how many codes changed.

    Raises LooserVisibilityError, and changes none, if one becomes looser without a reason.
    """
    wanted = {each.code_id: each for each in assignments}
    locked = OffenceCode.objects.select_for_update(of=("self",)).select_related("category").order_by("pk")
    subjects: dict[str, list[str]] = {}
    targets: dict[tuple[int | None, str], list[int]] = {}
    looser: list[OffenceCode] = []
    states: list[tuple[int, tuple[int | None, str], tuple[int | None, str]]] = []
    for code in locked.filter(pk__in=wanted):
        _code, category, visibility = wanted[code.pk]
        if (code.category, code.visibility) == (category, visibility):
            continue
        before = effective_visibility(code.category, code.visibility)
        if is_looser(before, effective_visibility(category, visibility)):
            looser.append(code)
        change = f"{_describe(code.category, code.visibility)} -> {_describe(category, visibility)}"
        subjects.setdefault(change, []).append(f"code {code.scheme} {code}")
        after = (category.pk if category else None, visibility)
        targets.setdefault(after, []).append(code.pk)
        states.append((code.pk, (code.category_id, code.visibility), after))
    if looser and not reason:
        raise LooserVisibilityError(looser)
    for (category_id, visibility), ids in targets.items():
        OffenceCode.objects.filter(pk__in=ids).update(category_id=category_id, visibility=visibility)
    for change, named in subjects.items():
        audit.record_each(by, "classified a code", named, f"{change}: {reason}" if reason else change)
    if targets:
        CodeChangeSet.objects.create(made_by=by, codes=states)
        kept = CodeChangeSet.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT_CHANGE_SETS]
        CodeChangeSet.objects.exclude(pk__in=list(kept)).delete()
        publication_requests.request_publication()
    return sum(map(len, targets.values()))


class LastChange(NamedTuple):
    """The newest change set that has any of some codes; `assignments` make its codes what they were before it."""

    number: int
    made_by: Account | None
    made_at: dt.datetime
    assignments: list[Assignment]


def find_last_change(code_ids: Collection[int]) -> LastChange | None:
    """Return the newest change set of codes, without those that were changed again since; None once nothing of it is left."""
    newest = CodeChangeSet.objects.select_related("made_by").order_by("-pk")
    change = next((each for each in newest if any(code in code_ids for code, _before, _after in each.codes)), None)
    if change is None:
        return None
    codes = OffenceCode.objects.filter(pk__in=[code for code, _before, _after in change.codes])
    now = {pk: [category, visibility] for pk, category, visibility in codes.values_list("pk", "category", "visibility")}
    categories = {category.pk: category for category in Category.objects.all()}
    assignments = [
        Assignment(code, categories.get(before[0]), before[1])
        for code, before, after in change.codes
        if now.get(code) == after and (before[0] is None or before[0] in categories)
    ]
    return LastChange(change.pk, change.made_by, change.made_at, assignments) if assignments else None


def _describe(category: Category | None, visibility: str) -> str:
    return f"{category.slug}/{visibility}" if category else "held"


def reason_required_message() -> str:
    return _("Incidents would be shown in more detail than before. Say why. The audit trail keeps your reason.")

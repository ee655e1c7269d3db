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
from crimemap.importing import profiles
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import JOINER
from crimemap.models import Category, OffenceCode, Source, Visibility
from crimemap.offences import catalogue, sensitive_words
from crimemap.publishing import publication_requests

STRICTNESS = {value: number for number, value in enumerate(Visibility.values)}
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
    return max(visibility, category.least_visibility, key=STRICTNESS.__getitem__)


def is_looser(before: str, after: str) -> bool:
    """Return whether `after` shows more than `before`. A first classification, of a held code (""), is not looser."""
    return bool(before and after) and STRICTNESS[after] < STRICTNESS[before]


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
    tell_domestic = _schemes_that_tell_domestic()
    return [
        _with_suggestion(code, code.held_count, domestic_is_known=code.scheme in tell_domestic)
        for code in counted.order_by("-held_count", "scheme", "code")
    ]


def _with_suggestion(code: OffenceCode, held_count: int, *, domestic_is_known: bool) -> UnclassifiedCode:
    """Suggest what the code's words say, unless its number is another offense's in the list, and nothing for a number alone:
    200 is arson to the FBI and rape in Philadelphia. Sensitive words count whatever the number.

    No suggestion is looser than any that the number, the words or their stems call for.
    """
    list_ = catalogue.code_list(SUGGESTION_LIST)
    text = f"{code.code} {code.label}"
    number, words = _split_number(code.code)
    by_words = list_.find(filter(None, [code.label, words, words.split(JOINER, maxsplit=1)[0]]))
    by_number = list_.find(filter(None, [number]))
    kind, often_domestic = sensitive_words.find_kind(text), sensitive_words.find_often_domestic(text)
    if kind and not (by_words and by_words.visibility == Visibility.HIDDEN):
        category = kind.category
    else:
        category = by_words.category if by_words else often_domestic
        if not kind and by_number and by_number.category != category:
            category = ""
    if not category:
        return UnclassifiedCode(code, held_count, "", "")
    visibilities = [each.visibility for each in (by_words, by_number, kind) if each]
    if often_domestic and not (by_words and domestic_is_known):
        visibilities.append(Visibility.AREA)
    return UnclassifiedCode(code, held_count, category, max(visibilities, key=STRICTNESS.__getitem__))


def _split_number(code: str) -> tuple[str, str]:
    """Return the number that a code begins with, such as "13A", and the words behind it; "" for what it lacks."""
    first, *rest = code.split(JOINER) if JOINER in code else code.split(maxsplit=1)
    if not any(character.isdigit() for character in first):
        return "", code
    return first, JOINER.join(rest).strip(" -:")


def _schemes_that_tell_domestic() -> set[str]:
    """Return the code lists whose sources all have a column of domestic incidents."""
    tell: dict[str, bool] = {}
    for source in Source.objects.all():
        if source.profile == profiles.GENERIC:
            scheme = source.profile_config.get("scheme") or generic.own_scheme(source.slug)
            has_column = bool(source.profile_config.get("columns", {}).get("domestic"))
        elif source.profile in profiles.NAMES:
            profile = profiles.get_profile(source.profile)
            scheme, has_column = profile.scheme, bool(profile.domestic)
        else:
            continue
        tell[scheme] = tell.get(scheme, True) and has_column
    return {scheme for scheme, does_tell in tell.items() if does_tell}


def schemes_with_unclassified_codes() -> Iterable[str]:
    return OffenceCode.objects.filter(category=None).order_by("scheme").values_list("scheme", flat=True).distinct()


def reason_required_message() -> str:
    return _("Incidents would be shown in more detail than before. Say why. The audit trail keeps your reason.")

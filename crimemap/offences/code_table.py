"""The table in which an administrator classifies many codes at once: how many rows each has, and what is suggested for it.

table = load_table(scope, Filter(words="theft", is_unclassified=True))
table.rows, table.totals, table.frequent_words
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Q, QuerySet

from core.plain_text import fold_text
from crimemap.models import Category, ImportRun, OffenceCode
from crimemap.offences import suggestions
from crimemap.offences.classification import Assignment
from crimemap.offences.suggestions import Basis, Suggestion

_MAX_FREQUENT_WORDS, _MIN_CODES_OF_WORD = 12, 2
_WORD = re.compile(r"[^\W\d_]{4,}")
_EMPTY_WORDS = frozenset(
    [
        "with",
        "from",
        "other",
        "over",
        "under",
        "than",
        "after",
        "and",
        "without",
        "attempt",
        "attempted",
        "degree",
        "first",
        "second",
        "third",
        "less",
        "more",
    ]
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A choice of codes: those of one list (`scheme`), those of all lists, or those that a test run found."""

    scheme: str = ""
    test_run: ImportRun | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    words: str = ""
    is_unclassified: bool = True


@dataclass(frozen=True, slots=True)
class CodeRow:
    code: OffenceCode
    row_count: int | None  # rows of the test run, or stored incidents; None for stored ones that are not held
    suggestion: Suggestion
    suggested_name: str = ""  # of the category

    @property
    def is_unclassified(self) -> bool:
        return self.code.category_id is None


@dataclass(frozen=True, slots=True)
class Totals:
    """Codes of the whole scope, unclassified ones and their rows, and those that a press takes over."""

    codes: int
    unclassified: int
    held_rows: int
    by_list: int
    by_words: int
    by_common_words: int


@dataclass(frozen=True, slots=True)
class CodeTable:
    """`rows` are those of the filter, with the most rows first; the other fields are about all codes of the scope."""

    list_name: str
    rows: list[CodeRow]
    all_rows: list[CodeRow]
    totals: Totals
    frequent_words: list[tuple[str, int]] = field(default_factory=list)


def load_table(scope: Scope, chosen: Filter = Filter(), list_name: str = "") -> CodeTable:
    """Load the codes of a scope. Suggestions come from the named list, or else from the one that has most of the codes."""
    list_name = list_name or suggestions.find_best_list(_find_codes(scope).filter(category=None))
    all_rows = _load_rows(scope, list_name)
    unclassified = [row for row in all_rows if row.is_unclassified]
    found = unclassified if chosen.is_unclassified else all_rows
    words = fold_text(chosen.words).split()
    rows = [row for row in found if all(word in fold_text(_text(row)) for word in words)] if words else found
    totals = Totals(
        codes=len(all_rows),
        unclassified=len(unclassified),
        held_rows=sum(row.row_count or 0 for row in unclassified),
        by_list=sum(row.suggestion.basis == Basis.LIST for row in unclassified),
        by_words=sum(row.suggestion.basis == Basis.WORDS for row in unclassified),
        by_common_words=sum(row.suggestion.basis == Basis.COMMON for row in unclassified),
    )
    return CodeTable(list_name, rows, all_rows, totals, _count_words(unclassified))


def take_suggestions(table: CodeTable, basis: Basis) -> list[Assignment]:
    """Return the suggestions of one basis for the codes that are not classified yet."""
    categories = {category.slug: category for category in Category.objects.all()}
    return [
        Assignment(row.code.pk, categories[row.suggestion.category], row.suggestion.visibility)
        for row in table.all_rows
        if row.is_unclassified and row.suggestion.basis == basis
    ]


def list_schemes() -> list[str]:
    """Return the lists that have unclassified codes."""
    return list(
        OffenceCode.objects.filter(category=None).order_by("scheme").values_list("scheme", flat=True).distinct()
    )


def _find_codes(scope: Scope) -> QuerySet[OffenceCode]:
    codes = OffenceCode.objects.select_related("category")
    if scope.scheme:
        codes = codes.filter(scheme=scope.scheme)
    return codes.filter(code__in=_count_rows(scope)) if scope.test_run else codes


def _load_rows(scope: Scope, list_name: str) -> list[CodeRow]:
    found, counts = _find_codes(scope), _count_rows(scope)
    tell_domestic = suggestions.schemes_that_tell_domestic()
    names = dict(Category.objects.values_list("slug", "name"))
    rows = []
    for code in found:
        suggestion = suggestions.NOTHING
        if code.category_id is None:
            domestic_is_known = code.scheme in tell_domestic
            suggestion = suggestions.suggest(code, list_name=list_name, domestic_is_known=domestic_is_known)
        if suggestion.category not in names:
            suggestion = suggestions.NOTHING
        row_count = counts.get(code.code if scope.test_run else code.pk)
        rows.append(CodeRow(code, row_count, suggestion, names.get(suggestion.category, "")))
    return sorted(rows, key=lambda row: (-(row.row_count or 0), row.code.scheme, row.code.code))


def _count_rows(scope: Scope) -> dict[str | int, int]:
    """Return the rows of each code: by code in a test run, by primary key of stored incidents."""
    if scope.test_run:
        return {code: count for code, count, _domestic in scope.test_run.report.get("codes", [])}
    codes = OffenceCode.objects.filter(scheme=scope.scheme) if scope.scheme else OffenceCode.objects.all()
    # Incidents are counted only for codes that hold some back: a count of all would read every stored incident.
    counted = codes.filter(category=None).annotate(rows=Count("incidents", filter=Q(incidents__removed_at=None)))
    return dict(counted.values_list("pk", "rows"))


def _text(row: CodeRow) -> str:
    code = row.code
    return f"{code.code} {code.label} {code.category.name if code.category else ''}"


def _count_words(rows: Iterable[CodeRow]) -> list[tuple[str, int]]:
    """Return the words that most unclassified codes share, with the number of codes: each is a search."""
    counts: Counter[str] = Counter()
    for row in rows:
        words = _WORD.findall(f"{row.code.code} {row.code.label}".casefold())
        counts.update(set(words) - _EMPTY_WORDS)
    return [(word, count) for word, count in counts.most_common(_MAX_FREQUENT_WORDS) if count >= _MIN_CODES_OF_WORD]

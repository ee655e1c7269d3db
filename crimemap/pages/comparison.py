"""Comparisons of two areas or of two periods: figures by type, sentences, and the same as a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.agency import current_settings
from crimemap import wording
from crimemap.exports import csv_text
from crimemap.near import sentences
from crimemap.near.periods import Period, is_published, period_of
from crimemap.near.report import comparable_years
from crimemap.pages import charts
from crimemap.pages.charts import Trend
from crimemap.places import areas
from crimemap.snapshot import period_counts
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.period_counts import Days
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.usual_range import UsualRange, judge_count

CSV_COLUMNS = (
    *("category", "category_name", "family"),
    *("first_area", "first_from", "first_to", "first_count"),
    *("second_area", "second_from", "second_to", "second_count"),
    *("difference", "agency", "version", "page"),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two compared selections. name: what tells it from the other. counts: by category slug."""

    name: str
    chosen: Filter
    counts: dict[str, int]
    trend: Trend

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def query(self) -> str:
        return self.chosen.query_string()

    @property
    def place(self) -> str:
        """The name of the area, else of the city; "" for a circle or a box, which have no name."""
        if self.chosen.area:
            layer, code = self.chosen.area
            return wording.area_name(layer, code, areas.area_names(layer))
        return "" if self.chosen.circle or self.chosen.box else current_settings.current().city


@dataclass(frozen=True, slots=True)
class ComparedCategory:
    """A category's two counts, and the first minus the second in words ("+3", "0"), "" if they can't be compared."""

    slug: str
    name: str
    family: str
    counts: tuple[int, int]
    difference: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides with their rows by category. can_compare: a difference between them means something."""

    sides: tuple[Side, Side]
    rows: list[ComparedCategory]
    can_compare: bool

    @property
    def is_small(self) -> bool:
        return min(side.total for side in self.sides) < wording.MIN_COUNT_FOR_PERCENT

    @property
    def difference(self) -> str:
        return _format_difference(self.sides[0].total - self.sides[1].total) if self.can_compare else ""


def compare_selections(
    published: PublishedIncidents, named: Sequence[tuple[str, Filter]], *, can_compare: bool = True
) -> Comparison:
    """Compare two selections, each given with its name."""
    counted = [published.count_by_category(chosen) for _name, chosen in named]
    trends = [charts.build_trend(published, chosen) for _name, chosen in named]
    axis_max = max(trend.axis_max for trend in trends)
    first, second = (
        Side(
            name,
            chosen,
            counts,
            trend if trend.axis_max == axis_max else charts.build_trend(published, chosen, axis_max),
        )
        for (name, chosen), counts, trend in zip(named, counted, trends, strict=True)
    )
    rows = []
    for slug, family in published.families.items():
        counts = first.counts.get(slug, 0), second.counts.get(slug, 0)
        if any(counts):
            difference = _format_difference(counts[0] - counts[1]) if can_compare else ""
            rows.append(ComparedCategory(slug, published.category_names[slug], family, counts, difference))
    return Comparison((first, second), rows, can_compare)


def _format_difference(number: int) -> str:
    sign = "+" if number > 0 else "\N{MINUS SIGN}" if number < 0 else ""
    return sign + wording.format_count(abs(number))


# Two areas


def compare_areas(published: PublishedIncidents, filters: Sequence[Filter]) -> Comparison:
    """Compare two areas under the same filter; each filter names one."""
    named = []
    for chosen in filters:
        assert chosen.area
        layer, code = chosen.area
        named.append((wording.area_name(layer, code, areas.area_names(layer)), chosen))
    return compare_selections(published, named)


# Two periods


@dataclass(frozen=True, slots=True)
class ComparedPeriods:
    """Two periods of one selection. notes: what a reader must know before comparing; verdict: whether the first is usual."""

    comparison: Comparison
    sentence: str
    verdict: SafeString | None
    notes: list[str]


def compare_periods(published: PublishedIncidents, chosen: Filter, other: Days) -> ComparedPeriods:
    """Compare the filter's days with other days of the same selection, in the words of all comparisons of the map."""
    period, before = period_of(chosen.since, chosen.until), period_of(*other)
    layer = chosen.area[0] if chosen.area else ""
    missing = [each for each in (period, before) if not is_published(published, (each.since, each.until))]
    changed = "" if missing else period_counts.find_break(published, (period.since, period.until), other, layer)
    second = replace(chosen, since=other[0], until=other[1], days=0)
    comparison = compare_selections(
        published, [(period_name(period), chosen), (period_name(before), second)], can_compare=not (missing or changed)
    )
    first_side, second_side = comparison.sides
    sentence = wording.describe_count(first_side.total, chosen, published)
    if comparison.can_compare:
        compared = wording.compare_counts(first_side.total, second_side.total, second_side.name)
        sentence = " ".join(filter(None, [sentence, compared]))
    return ComparedPeriods(
        comparison,
        sentence,
        None if missing else sentences.judge(_find_range(published, chosen, period, layer), period.same_days_name),
        [*_explain_missing(published, missing), *_explain_break(changed, before), *_explain_lengths(period, before)],
    )


def period_name(period: Period) -> str:
    """Name a period: "October 2026", "Oct. 23 to Nov. 21, 2026"."""
    return period.name_year(0)


def judge_selection(published: PublishedIncidents, chosen: Filter) -> str:
    """Say in short whether a selection's count is usual; "" where no days are published, for a year and more, and without a range."""
    covered = chosen.covered_by(published)
    if covered is None or (covered.until - covered.since).days + 1 >= min(wording.YEAR_DAYS):
        return ""
    layer = covered.area[0] if covered.area else ""
    return sentences.judge_in_short(_find_range(published, covered, period_of(covered.since, covered.until), layer))


def _find_range(published: PublishedIncidents, chosen: Filter, period: Period, layer: str) -> UsualRange:
    """Compare the period's count with the same days of the years before."""
    years, _changed, _changed_years = comparable_years(published, period, layer)
    now, *before = period_counts.count_periods(
        published, chosen, [(period.since, period.until), *(period.years_before(number) for number in years)]
    )
    return judge_count(sum(now.values()), [sum(counts.values()) for counts in before])


def _explain_missing(published: PublishedIncidents, missing: Sequence[Period]) -> list[str]:
    return [
        _("We don't have all data for %(days)s, so we can't compare. Our data runs from %(first)s to %(last)s.")
        % {
            "days": period_name(period),
            "first": wording.format_day(published.since),
            "last": wording.format_day(published.until),
        }
        for period in missing
    ]


def _explain_break(changed: str, before: Period) -> list[str]:
    sentence = {
        "source": _("In %(days)s, our data came from other systems. They counted in other ways, so we don't compare."),
        "types": _("In %(days)s, incidents were sorted into other types, so we don't compare."),
        "areas": _("In %(days)s, areas had other boundaries, so we don't compare."),
    }.get(changed)
    return [sentence % {"days": period_name(before)}] if sentence else []


def _explain_lengths(period: Period, before: Period) -> list[str]:
    """Say that the periods differ in length or share days."""
    notes = []
    lengths = [(each.until - each.since).days + 1 for each in (period, before)]
    if lengths[0] != lengths[1]:
        days = [ngettext("%(days)d day", "%(days)d days", length) % {"days": length} for length in lengths]
        notes.append(
            _("The periods are not equally long: %(first)s and %(second)s.") % {"first": days[0], "second": days[1]}
        )
    if period.since <= before.until and before.since <= period.until:
        notes.append(_("The periods share some days. Incidents of these days count in both."))
    return notes


# As a file


def render_csv(published: PublishedIncidents, comparison: Comparison, page: str) -> bytes:
    """Return the comparison as CSV in UTF-8 with BOM, the sum of all types first. page: the full address of its page."""
    sides = []
    for side in comparison.sides:
        covered = side.chosen.covered_by(published) or side.chosen
        sides.append((side.place, covered.since, covered.until))
    everything = ComparedCategory("", _("All types"), "", (comparison.sides[0].total, comparison.sides[1].total), "")
    lines: list[list[Any]] = [list(CSV_COLUMNS)]
    for row in (everything, *comparison.rows):
        difference = row.counts[0] - row.counts[1] if comparison.can_compare else ""
        first, second = ((*side, count) for side, count in zip(sides, row.counts, strict=True))
        source = (current_settings.current().name, published.version, page)
        lines.append([row.slug, row.name, row.family, *first, *second, difference, *source])
    return csv_text.render_csv(lines)

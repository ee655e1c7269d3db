"""The figures of the page about a place: counts, comparisons, kinds, hours and rows, for a circle or a whole area."""

from __future__ import annotations

from dataclasses import dataclass

from crimemap.near.distances import Distance
from crimemap.near.periods import Period, is_published
from crimemap.places import lookup
from crimemap.places.lookup import Place
from crimemap.snapshot import period_counts
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow
from crimemap.usual_range import MAX_YEARS, UsualRange, judge_count

PAGE_ROWS = 45  # fit on one printed page
BAND_HOURS = 3
LAYERS = ("neighbourhood", "district", "beat")  # the first that has the point is "its" area


@dataclass(frozen=True, slots=True)
class KindCount:
    """The count of a category now and in the same days a year before (None: not compared), and what it means."""

    slug: str
    count: int
    year_ago: int | None
    usual: UsualRange


@dataclass(frozen=True, slots=True)
class HourBand:
    """The count of BAND_HOURS hours from `hour` on; `percent` is of the highest band."""

    hour: int
    count: int
    percent: int


@dataclass(frozen=True, slots=True)
class NearReport:
    """Everything the page says about a place and a period.

    years: the compared years, counted back from the period, with their counts. changed: what broke the comparison ("source",
    "types", "areas"), and changed_years how many years back, 0 if nothing did. area: layer and code of the place's own area, None
    outside of all. unmapped: incidents of that area that have no point, so that no circle counts them. rows: one page of them.
    """

    place: Place
    period: Period
    distance: Distance
    chosen: Filter
    count: int
    years: list[tuple[int, int]]
    usual: UsualRange
    changed: str
    changed_years: int
    kinds: list[KindCount]
    bands: list[HourBand]
    unknown_hour: int
    rows: list[IncidentRow]
    page: int
    area: tuple[str, str] | None
    unmapped: int

    @property
    def year_ago(self) -> int | None:
        """The count of the same days a year before; None if that is not known or not comparable."""
        return next((count for years, count in self.years if years == 1), None)

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PAGE_ROWS))

    @property
    def first_row(self) -> int:
        """The number of the first row on the page, from 1."""
        return (self.page - 1) * PAGE_ROWS + 1

    @property
    def last_row(self) -> int:
        return min(self.count, self.page * PAGE_ROWS)


def build_report(
    published: PublishedIncidents, place: Place, period: Period, distance: Distance, page: int = 1
) -> NearReport:
    """Count everything that the page says. A circle counts only incidents with a published point, an area all of its own."""
    chosen = choose(place, period, distance)
    layer = chosen.area[0] if chosen.area else ""
    compared, changed, changed_years = comparable_years(published, period, layer)
    now, *before = period_counts.count_periods(
        published, chosen, [(period.since, period.until), *(period.years_before(years) for years in compared)]
    )
    total = sum(now.values())
    area = chosen.area or _area_of(published, place)
    in_area = Filter(period.since, period.until, area=area)
    by_hour, unknown_hour = period_counts.count_hours(published, chosen)
    page = min(max(1, page), max(1, -(-total // PAGE_ROWS)))
    return NearReport(
        place=place,
        period=period,
        distance=distance,
        chosen=chosen,
        count=total,
        years=[(years, sum(counts.values())) for years, counts in zip(compared, before, strict=True)],
        usual=judge_count(total, [sum(counts.values()) for counts in before]),
        changed=changed,
        changed_years=changed_years,
        kinds=_compare_kinds(published, now, before, has_last_year=1 in compared),
        bands=_build_bands(by_hour),
        unknown_hour=unknown_hour,
        rows=published.read_page(chosen, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS).rows,
        page=page,
        area=area,
        unmapped=published.count_unmapped(in_area) if area else 0,
    )


def choose(place: Place, period: Period, distance: Distance) -> Filter:
    """Return the filter of the page: an area's own incidents, else a circle around the place."""
    chosen = Filter(period.since, period.until, period.days)
    layer, _colon, code = place.area.partition(":")
    if code:
        return Filter(chosen.since, chosen.until, chosen.days, area=(layer, code))
    return Filter(
        chosen.since, chosen.until, chosen.days, circle=(place.latitude, place.longitude, float(distance.meters))
    )


def comparable_years(published: PublishedIncidents, period: Period, layer: str) -> tuple[list[int], str, int]:
    """Return the years back that can be compared, and what changed how many years back, which ends the comparison."""
    now = (period.since, period.until)
    compared: list[int] = []
    for years in range(1, MAX_YEARS + 1):
        before = period.years_before(years)
        if not is_published(published, before):
            break
        changed = period_counts.find_break(published, now, before, layer)
        if changed:
            return compared, changed, years
        compared.append(years)
    return compared, "", 0


def _area_of(published: PublishedIncidents, place: Place) -> tuple[str, str] | None:
    codes = dict(lookup.areas_at(place.latitude, place.longitude))
    for layer in LAYERS:
        if codes.get(layer) and codes[layer] in published.areas.get(layer, []):
            return layer, codes[layer]
    return None


def _compare_kinds(
    published: PublishedIncidents, now: dict[str, int], before: list[dict[str, int]], *, has_last_year: bool
) -> list[KindCount]:
    """Return the categories that happened now or a year before, the most frequent first."""
    last_year = before[0] if has_last_year else {}
    kinds = [
        KindCount(
            slug,
            now.get(slug, 0),
            last_year.get(slug, 0) if has_last_year else None,
            judge_count(now.get(slug, 0), [counts.get(slug, 0) for counts in before]),
        )
        for slug in published.families
        if now.get(slug) or last_year.get(slug)
    ]
    return sorted(kinds, key=lambda kind: (-kind.count, -(kind.year_ago or 0)))


def _build_bands(by_hour: list[int]) -> list[HourBand]:
    counts = [sum(by_hour[hour : hour + BAND_HOURS]) for hour in range(0, 24, BAND_HOURS)]
    highest = max(counts) or 1
    return [HourBand(number * BAND_HOURS, count, round(count / highest * 100)) for number, count in enumerate(counts)]

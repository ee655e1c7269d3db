"""The context of the page about a place: sentences, the map, the rows, and what the area's officers do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import segno
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crimemap import wording
from crimemap.near import addresses, distances, drawing, periods, sentences
from crimemap.near.distances import Distance
from crimemap.near.periods import Period
from crimemap.near.report import BAND_HOURS, LAYERS, NearReport
from crimemap.places import areas, lookup
from crimemap.snapshot.published_incidents import PublishedIncidents

STRIP_WIDTH, STRIP_MARGIN = 560, 20  # of the drawing of the years, in its units


@dataclass(frozen=True, slots=True)
class RowLine:
    """A row as the list shows it."""

    url: str
    category: str
    family: str
    name: str
    time: str
    block: str


@dataclass(frozen=True, slots=True)
class YearStrip:
    """The years on a line: `dots` of the years before, `now`, and the usual range from `low` by `width`; `ticks` are (x, text)."""

    ticks: list[tuple[int, str]]
    dots: list[int]
    now: int
    now_text: str
    low: int
    width: int
    label: str


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The values of the search form: what was typed, the place it was answered with, the choices."""

    text: str
    place_ref: str
    distances: list[Distance]
    distance: Distance | None
    periods: list[Period]
    period: Period | None


def build_context(published: PublishedIncidents, report: NearReport, *, typed: bool, shared: bool) -> dict[str, Any]:
    """Return the context. typed: a posted form is answered, so no link may name the place. shared: its address is shown."""
    place = report.place
    contact_area = _area_with_contact(report)
    address = share_address(report)
    area_name = _name_area(report.area)
    return {
        "published": published,
        "report": report,
        "form": build_form(published, text=place.name, report=report),
        "heading": sentences.describe_count(report),
        "comparison": sentences.compare_year(report),
        "verdict": sentences.judge(report.usual, report.period.same_days_name),
        "changed": sentences.explain_break(report),
        "strip": draw_strip(report),
        "map": drawing.draw_report(published, report),
        "kinds": [
            {
                "category": kind.slug,
                "family": published.families[kind.slug],
                "name": published.category_names[kind.slug],
                "count": kind.count,
                "year_ago": kind.year_ago,
                "judgment": sentences.judge_briefly(kind.usual),
                "is_notable": kind.usual.is_known and kind.usual.verdict.value != "usual",
            }
            for kind in report.kinds
        ],
        "this_year": report.period.name_column(0),
        "year_before": report.period.name_column(1),
        "bands": [
            {"name": sentences.format_band(band.hour, BAND_HOURS), "count": band.count, "percent": band.percent}
            for band in report.bands
        ],
        "hours_note": sentences.explain_hours(report),
        "unmapped": sentences.explain_unmapped(report, area_name),
        "rows_title": sentences.name_rows(report),
        "rows": _list_rows(published, report),
        "area": report.area,
        "area_name": area_name,
        "area_address": _area_address(report),
        "officers": areas.area_contact(*contact_area) if contact_area else "",
        "typed": typed,
        "shared": shared,
        "address": address,
        "qr": draw_qr(address),
        "today": timezone.localdate(),
        "map_query": report.chosen.query_string() if not typed else _area_query(report),
        "alert_radius": round(report.chosen.circle[2]) if report.chosen.circle else 0,
    }


def build_form(published: PublishedIncidents, *, text: str = "", report: NearReport | None = None) -> SearchForm:
    """Return the values of the search form, those of a report if there is one."""
    offered = periods.list_periods(published)
    if report and report.period not in offered:
        offered = [*offered, report.period]  # an older month, by its address
    return SearchForm(
        text=text,
        place_ref=report.place.ref if report else "",
        distances=distances.list_distances(published),
        distance=report.distance if report else distances.find_distance(published, ""),
        periods=offered,
        period=report.period if report else periods.default_period(published),
    )


def share_address(report: NearReport) -> str:
    """Return the absolute address of a report: it names the place, the days and, unless it is the usual one, the distance."""
    path = reverse("near:place", args=[addresses.address_of(report.place), report.period.token])
    within = report.distance.meters
    query = f"?within={within}" if report.chosen.circle and within != distances.DEFAULT_METERS else ""
    return f"{settings.PORTAL_URL}{path}{query}"


def draw_qr(address: str) -> SafeString:
    """Draw an address as a QR code. segno generates the SVG from our own address alone.

    Any mask can be read. To choose the best of eight takes three milliseconds of the page's time.
    """
    code = segno.make(address, error="m", micro=False, mask=3)
    return mark_safe(code.svg_inline(scale=4, border=2, light="#fff", omitsize=True, svgclass="qr", lineclass=""))  # noqa: S308


def draw_strip(report: NearReport) -> YearStrip | None:
    """Draw the years beside the usual range; None without a range."""
    usual = report.usual
    if not usual.is_known:
        return None
    counts = [count for _years, count in report.years]
    step = _round_step(max(report.count, usual.high, *counts) - min(report.count, usual.low, *counts))
    first = min(report.count, usual.low, *counts) // step * step
    last = -(-max(report.count, usual.high, *counts) // step) * step
    last = max(last, first + step)

    def position(count: int) -> int:
        return STRIP_MARGIN + round((count - first) / (last - first) * (STRIP_WIDTH - 2 * STRIP_MARGIN))

    named = [f"{report.period.name_year(years)}: {wording.format_count(count)}" for years, count in report.years]
    label = _("%(now)s. Usual range %(low)s to %(high)s. Years before: %(years)s.") % {
        "now": f"{report.period.name_year(0)}: {wording.format_count(report.count)}",
        "low": wording.format_count(usual.low),
        "high": wording.format_count(usual.high),
        "years": ", ".join(named),
    }
    return YearStrip(
        ticks=[(position(count), wording.format_count(count)) for count in range(first, last + 1, step)],
        dots=[position(count) for count in counts],
        now=position(report.count),
        now_text=f"{report.period.until.year}: {wording.format_count(report.count)}",
        low=position(usual.low),
        width=max(4, position(usual.high) - position(usual.low)),
        label=label,
    )


def _round_step(span: int) -> int:
    """Return a round distance of ticks, so that a span has at most five of them."""
    step = 1
    while span / step > 4:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step


def _list_rows(published: PublishedIncidents, report: NearReport) -> list[RowLine]:
    base = reverse("crimemap:incident", args=["ID"])
    return [
        RowLine(
            base.replace("ID", row.public_id),
            row.category,
            published.families[row.category],
            published.category_names[row.category],
            sentences.format_row_time(row),
            wording.describe_place(row),
        )
        for row in report.rows
    ]


def _area_with_contact(report: NearReport) -> tuple[str, str] | None:
    """Return the smallest area of the place whose officers have left a contact."""
    codes = dict(
        [report.chosen.area] if report.chosen.area else lookup.areas_at(report.place.latitude, report.place.longitude)
    )
    found = ((layer, codes[layer]) for layer in ("beat", *LAYERS) if layer in codes)
    return next((each for each in found if areas.area_contact(*each)), None)


def _name_area(area: tuple[str, str] | None) -> str:
    return wording.area_name(*area, areas.area_names(area[0])) if area else ""


def _area_address(report: NearReport) -> str:
    """Return the path of the page about the place's own area, for the same days; "" for an area's own page."""
    if report.chosen.area or not report.area:
        return ""
    address = addresses.address_of_area(*report.area)
    return reverse("near:place", args=[address, report.period.token]) if address else ""


def _area_query(report: NearReport) -> str:
    """Return the map's filter for the place's whole area: a link from an answer to a typed place must not name the place."""
    area = report.area
    days = (
        f"days={report.period.days}"
        if report.period.days
        else (f"from={report.period.since.isoformat()}&to={report.period.until.isoformat()}")
    )
    return f"{days}&area={':'.join(area)}" if area else days

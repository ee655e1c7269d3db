"""Two areas or two periods side by side, as a page and as a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crimemap import http, wording
from crimemap.http import with_selection
from crimemap.near import periods
from crimemap.pages import comparison, filter_form
from crimemap.pages.comparison import Comparison
from crimemap.places import former_codes
from crimemap.snapshot import reader
from crimemap.snapshot.filters import PAGE_DAYS, PRESETS, Filter, FilterError, FilterProblem
from crimemap.snapshot.period_counts import Days
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.views.selection import catch_filter_errors

AreaKey = tuple[str, str]  # layer and code


# Areas


@require_safe
@catch_filter_errors
@with_selection
def compare_areas_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Compare two areas under the same filter."""
    areas_by_side = _parse_areas(request, published, chosen)
    context: dict[str, Any] = {
        "published": published,
        "chosen": chosen,
        "options": [filter_form.render_area_options(published, request.GET.get(part, "")) for part in ("a", "b")],
        "panel": filter_form.build_panel(published, replace(chosen, area=None)),
    }
    if areas_by_side:
        compared = comparison.compare_areas(published, [replace(chosen, area=area) for area in areas_by_side])
        query = _query_of_areas(areas_by_side, chosen)
        context |= _describe_comparison(published, compared, "crimemap:compare", query)
        context["days"] = wording.format_published_days(chosen, published)
        context["before"] = [published.compare_covered_days(side.chosen) for side in compared.sides]
    return render(request, "crimemap/areas/compare.html", context)


@require_safe
@catch_filter_errors
@with_selection
def compare_areas_csv(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Send the comparison of two areas as a table."""
    areas_by_side = _parse_areas(request, published, chosen)
    if not areas_by_side:
        raise FilterError([FilterProblem("b", _("Choose two areas."), "")], chosen)
    query = _query_of_areas(areas_by_side, chosen)
    filters = [replace(chosen, area=area) for area in areas_by_side]
    return _send_csv(
        request, published, "crimemap:compare", query, lambda: comparison.compare_areas(published, filters)
    )


def _parse_areas(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> list[AreaKey]:
    """Return the two areas of a request, [] while one is missing. Raises FilterError."""
    parsed = [_parse_area(request, part, published, chosen) for part in ("a", "b")]
    chosen_areas = [area for area in parsed if area is not None]
    return chosen_areas if len(chosen_areas) == 2 else []


def _parse_area(request: HttpRequest, part: str, published: PublishedIncidents, chosen: Filter) -> AreaKey | None:
    """Parse the query parameter `part`, such as "district:4". Raises FilterError for an unknown area."""
    value = request.GET.get(part, "")[:100]
    if not value:
        return None
    layer, _colon, code = value.partition(":")
    if code not in published.areas.get(layer, []):
        code = former_codes.current_code(layer, code)
    if code and code in published.areas.get(layer, []):
        return layer, code
    message = _("We have no area called “%(name)s”. Choose one from the list.") % {"name": value[:40]}
    raise FilterError([FilterProblem(part, message, "")], chosen)


def _query_of_areas(areas_by_side: list[AreaKey], chosen: Filter) -> str:
    named = urlencode(list(zip("ab", map(":".join, areas_by_side), strict=True)), safe=",:")
    return f"{named}&{replace(chosen, area=None).query_string()}"


# Periods


@dataclass(frozen=True, slots=True)
class OtherPeriod:
    """The days to compare with. choice: "year" (the same days a year before), "before" (the days just before), "dates"."""

    choice: str
    days: Days

    def query_string(self) -> str:
        """Return the parameters that stand for it in an address."""
        dates = [("with_from", self.days[0].isoformat()), ("with_to", self.days[1].isoformat())]
        return urlencode([("with", self.choice), *(dates if self.choice == "dates" else [])])


@require_safe
@catch_filter_errors
def compare_periods_page(request: HttpRequest) -> HttpResponseBase:
    """Compare two periods of the same selection; the same days a year before unless the request says otherwise."""
    if "period" in request.GET:
        return _redirect_period_form(request)
    try:
        published, chosen = http.read_selection(request, PAGE_DAYS)
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    other = _parse_other_period(request, chosen)
    compared = comparison.compare_periods(published, chosen, other.days)
    query = f"{chosen.query_string()}&{other.query_string()}"
    period = periods.period_of(chosen.since, chosen.until)
    offered = periods.list_periods(published)
    is_offered = any((each.since, each.until) == (period.since, period.until) for each in offered)
    context = {
        "published": published,
        "chosen": chosen,
        "panel": filter_form.build_panel(published, chosen),
        "compared": compared,
        "other": other,
        "periods": [(each, (each.since, each.until) == (period.since, period.until)) for each in offered],
        "is_offered": is_offered,
        **_describe_comparison(published, compared.comparison, "crimemap:compare_periods", query),
    }
    return render(request, "crimemap/areas/compare_periods.html", context)


@require_safe
@catch_filter_errors
def compare_periods_csv(request: HttpRequest) -> HttpResponseBase:
    """Send the comparison of two periods as a table."""
    try:
        published, chosen = http.read_selection(request, PAGE_DAYS)
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html", status=404)
    other = _parse_other_period(request, chosen)
    query = f"{chosen.query_string()}&{other.query_string()}"
    return _send_csv(
        request,
        published,
        "crimemap:compare_periods",
        query,
        lambda: comparison.compare_periods(published, chosen, other.days).comparison,
    )


def _redirect_period_form(request: HttpRequest) -> HttpResponseBase:
    """Redirect the submitted form to the address of its comparison, which is always written in the same way."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return redirect(request.path)
    choice = request.GET["period"][:20]
    query = QueryDict(mutable=True)
    for part in ("category", "area", "hour", "weekday", "near", "radius", "box"):
        query.setlist(part, request.GET.getlist(part))
    period = periods.find_period(published, choice)
    if choice == "dates":
        for part in ("from", "to"):
            query.setlist(part, request.GET.getlist(part))
    elif period is None:
        chosen = Filter.parse(query, published, PAGE_DAYS)
        raise FilterError([FilterProblem("period", _("We have no data for this period. Choose another."), "")], chosen)
    elif period.days in PRESETS:
        query["days"] = str(period.days)
    else:
        query["from"], query["to"] = period.since.isoformat(), period.until.isoformat()
    chosen = Filter.parse(http.with_current_area(query, published), published, PAGE_DAYS)
    return redirect(f"{request.path}?{chosen.query_string()}&{_parse_other_period(request, chosen).query_string()}")


def _parse_other_period(request: HttpRequest, chosen: Filter) -> OtherPeriod:
    """Parse the period to compare with. Raises FilterError."""
    period = periods.period_of(chosen.since, chosen.until)
    choice = request.GET.get("with", "year")[:10]
    if choice == "year":
        return OtherPeriod(choice, period.years_before(1))
    if choice == "before":
        return OtherPeriod(choice, period.just_before)
    if choice != "dates":
        message = _("You can compare with a year before, with the days just before, or with dates of your own.")
        raise FilterError([FilterProblem("with", message, "year")], chosen)
    days = [_parse_day(request, part, chosen) for part in ("with_from", "with_to")]
    if days[0] > days[1]:
        message = _("The first day of the other period comes after its last day.")
        raise FilterError([FilterProblem("with_from", message, "")], chosen)
    return OtherPeriod(choice, (days[0], days[1]))


def _parse_day(request: HttpRequest, part: str, chosen: Filter) -> date:
    text = request.GET.get(part, "")[:20]
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("Give the first and the last day of the other period, like %(example)s.")
        example = message % {"example": chosen.since.isoformat()}
        raise FilterError([FilterProblem(part, example, "")], chosen) from None


# Both


def _describe_comparison(published: PublishedIncidents, compared: Comparison, page: str, query: str) -> dict[str, Any]:
    return {
        "comparison": compared,
        "sides": compared.sides,
        "query": query,
        "csv_address": f"{reverse(f'{page}_csv')}?{query}",
        "address": f"{settings.PORTAL_URL}{reverse(page)}?{query}",
        "version": published.version[:8],
    }


def _send_csv(
    request: HttpRequest, published: PublishedIncidents, page: str, query: str, compare: Callable[[], Comparison]
) -> HttpResponseBase:
    def compute() -> HttpResponse:
        address = f"{settings.PORTAL_URL}{reverse(page)}?{query}"
        body = comparison.render_csv(published, compare(), address)
        response = HttpResponse(body, content_type="text/csv; charset=utf-8; header=present")
        response.headers["Content-Disposition"] = f'attachment; filename="comparison_{published.version[:8]}.csv"'
        return response

    return http.cached_response(request, published.version, query, compute)

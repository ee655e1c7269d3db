"""The sentences of the page about a place. Each names its days, and each comparison the other days."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.near.report import NearReport
from crimemap.snapshot.results import IncidentRow
from crimemap.usual_range import MIN_YEARS, UsualRange, Verdict


def describe_count(report: NearReport) -> SafeString:
    """Say how many incidents happened where and when, the count in bold: "30 incidents within ⅓ mile of Lincoln School in October 2026"."""
    if report.chosen.area:
        # Translators: {when} is for example "in October 2026" or "from Oct. 23 to Nov. 21, 2026".
        sentence = ngettext(
            "<b>{count} incident</b> in {place} {when}", "<b>{count} incidents</b> in {place} {when}", report.count
        )
    else:
        sentence = ngettext(
            "<b>{count} incident</b> within {distance} of {place} {when}",
            "<b>{count} incidents</b> within {distance} of {place} {when}",
            report.count,
        )
    return format_html(
        sentence,
        count=wording.format_count(report.count) if report.count else _("No"),
        distance=report.distance.name,
        place=report.place.name,
        when=report.period.within_sentence,
    )


def compare_year(report: NearReport) -> str:
    """Compare with the same days a year before, with both figures; "" if those can't be compared."""
    if report.year_ago is None:
        return ""
    return wording.compare_counts(report.count, report.year_ago, report.period.name_year(1))


def judge(usual: UsualRange, days: str) -> SafeString:
    """Say whether a count is usual: "That is in the usual range: 21 to 42 in October of the 5 years before."; days: without a year."""
    if usual.verdict is Verdict.TOO_FEW:
        sentence = _(
            "<b>Too few to tell</b> whether that is more or less than usual: numbers this small change by chance."
        )
        return mark_safe(sentence)  # noqa: S308  (our own words)
    if usual.verdict is Verdict.NO_RANGE:
        sentence = ngettext(
            "There is <b>no usual range yet</b>: that takes {least} earlier years, and we can compare {years}.",
            "There is <b>no usual range yet</b>: that takes {least} earlier years, and we can compare {years}.",
            usual.years,
        )
        return format_html(sentence, least=MIN_YEARS, years=usual.years)
    sentence = {
        Verdict.USUAL: _("That is <b>in the usual range</b>: {low} to {high} in {days} of the {years} years before."),
        Verdict.MORE: _(
            "That is <b>▲ more than usual</b>: the usual range is {low} to {high} in {days} of the {years} years before."
        ),
        Verdict.FEWER: _(
            "That is <b>▼ fewer than usual</b>: the usual range is {low} to {high} in {days} of the {years} years before."
        ),
    }[usual.verdict]
    return format_html(
        sentence,
        low=wording.format_count(usual.low),
        high=wording.format_count(usual.high),
        days=days,
        years=usual.years,
    )


def explain_break(report: NearReport) -> str:
    """Say why older years are left out of the comparison; "" if none are."""
    sentence = {
        "source": _(
            "Up to %(days)s, our data came from other systems. They counted in other ways, so we don't compare with them."
        ),
        "types": _("Up to %(days)s, incidents were sorted into other types, so we don't compare with them."),
        "areas": _("Up to %(days)s, areas had other boundaries, so we don't compare with them."),
    }.get(report.changed, "")
    return sentence % {"days": report.period.name_year(report.changed_years)} if sentence else ""


def judge_briefly(usual: UsualRange) -> str:
    """Say in a table what a count means: "in the usual range, 2 to 11"."""
    figures = {"low": wording.format_count(usual.low), "high": wording.format_count(usual.high)}
    return {
        Verdict.USUAL: _("in the usual range, %(low)s to %(high)s"),
        Verdict.MORE: _("▲ more than usual, %(low)s to %(high)s"),
        Verdict.FEWER: _("▼ fewer than usual, %(low)s to %(high)s"),
        Verdict.TOO_FEW: _("too few to tell"),
        Verdict.NO_RANGE: _("no usual range yet"),
    }[usual.verdict] % figures


def judge_in_short(usual: UsualRange) -> str:
    """Say after a comparison whether the count is usual: "That is in the usual range: 21 to 42 in the 5 years before."; "" without."""
    figures = {"low": wording.format_count(usual.low), "high": wording.format_count(usual.high), "years": usual.years}
    return {
        Verdict.USUAL: _("That is in the usual range: %(low)s to %(high)s in the %(years)d years before."),
        Verdict.MORE: _("That is ▲ more than usual: %(low)s to %(high)s in the %(years)d years before."),
        Verdict.FEWER: _("That is ▼ fewer than usual: %(low)s to %(high)s in the %(years)d years before."),
        Verdict.TOO_FEW: _("Too few to tell if that is usual."),
        Verdict.NO_RANGE: "",
    }[usual.verdict] % figures


def explain_unmapped(report: NearReport, area_name: str) -> str:
    """Say how many incidents of the area no circle can count; "" for areas and where there are none."""
    if not report.unmapped or report.chosen.area:
        return ""
    sentence = ngettext(
        "%(count)s more incident happened somewhere in %(area)s. We show only its area, so it isn't counted here.",
        "%(count)s more incidents happened somewhere in %(area)s. We show only their area, so they aren't counted here.",
        report.unmapped,
    )
    return sentence % {"count": wording.format_count(report.unmapped), "area": area_name}


def explain_hours(report: NearReport) -> str:
    """Say how many incidents have no known hour."""
    if not report.unknown_hour:
        return ""
    sentence = ngettext(
        "%(unknown)s of the %(count)s has no known time.",
        "%(unknown)s of the %(count)s have no known time.",
        report.unknown_hour,
    )
    return sentence % {
        "unknown": wording.format_count(report.unknown_hour),
        "count": wording.format_count(report.count),
    }


def name_rows(report: NearReport) -> str:
    """Head the list: "The 30 incidents, newest first", "Incidents 46 to 90 of 120, newest first"."""
    if report.pages == 1:
        return ngettext("The incident", "The %(count)s incidents, newest first", report.count) % {
            "count": wording.format_count(report.count)
        }
    return _("Incidents %(first)s to %(last)s of %(count)s, newest first") % {
        "first": wording.format_count(report.first_row),
        "last": wording.format_count(report.last_row),
        "count": wording.format_count(report.count),
    }


def format_row_time(row: IncidentRow) -> str:
    """Say when an incident of the page's period was, without its year: "Oct. 29, 1 p.m.", "Oct. 29", "October"."""
    if row.precision == "month":
        return date_format(row.at, "F")
    day = date_format(row.at, "N j")
    if row.precision == "day":
        return day
    return _("%(day)s, %(hour)s") % {"day": day, "hour": wording.format_hour(row.at.hour)}


def format_band(hour: int, hours: int) -> str:
    """Name hours of the day: "midnight to 3 a.m."."""
    return _("%(first)s to %(last)s") % {
        "first": wording.format_hour(hour),
        "last": wording.format_hour(hour + hours),
    }

"""The periods that the page about a place offers: whole published months, and the newest days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.snapshot.period_counts import Days
from crimemap.snapshot.published_incidents import PublishedIncidents

NEWEST_DAYS = (7, 30, 90)
MAX_MONTHS = 25  # in the list; an address names any published month


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, or so many newest published days. `token` is its part of an address: "2026-10", "newest-30"."""

    token: str
    since: date
    until: date
    is_month: bool

    @property
    def days(self) -> int:
        """The preset of the crime map's filter that has these days; 0 if none has."""
        return 0 if self.is_month else (self.until - self.since).days + 1

    @property
    def name(self) -> str:
        """The period in full: "October 2026", "Newest 7 days (Nov. 15-21, 2026)"."""
        if self.is_month:
            return date_format(self.since, "F Y")
        return ngettext("Newest %(days)d day (%(dates)s)", "Newest %(days)d days (%(dates)s)", self.days) % {
            "days": self.days,
            "dates": wording.format_days(self.since, self.until),
        }

    @property
    def choice(self) -> str:
        """The same, short enough for a list on a phone: "Newest 7 days (from Nov. 15)"."""
        if self.is_month:
            return self.name
        # Translators: %(day)s is the first of them: "Newest 7 days (from Nov. 15)".
        return ngettext("Newest %(days)d day (%(day)s)", "Newest %(days)d days (from %(day)s)", self.days) % {
            "days": self.days,
            "day": date_format(self.since, "N j"),
        }

    @property
    def within_sentence(self) -> str:
        """Say when, after "happened": "in October 2026", "from Oct. 23 to Nov. 21, 2026"."""
        if self.is_month:
            return _("in %(month)s") % {"month": date_format(self.since, "F Y")}
        return wording.describe_days(self.since, self.until)

    @property
    def just_before(self) -> Days:
        """Return the equally many days before; of a month the month before."""
        last = date.fromordinal(max(1, self.since.toordinal() - 1))
        first = date.fromordinal(max(1, last.toordinal() - (self.until - self.since).days))
        return (last.replace(day=1) if self.is_month else first), last

    def years_before(self, years: int) -> Days:
        """Return the same days so many years before; of a month always the whole month."""
        if self.is_month:
            return _month_days(self.since.year - years, self.since.month)
        return _same_day(self.since, years), _same_day(self.until, years)

    def name_year(self, years: int) -> str:
        """Name the same days of another year: "October 2025", "Oct. 23 to Nov. 21, 2025"."""
        since, until = self.years_before(years)
        return date_format(since, "F Y") if self.is_month else wording.format_days(since, until)

    def name_column(self, years: int) -> str:
        """Name the same days of another year over a column: "Oct. 2025", "2025" for other days."""
        since, until = self.years_before(years)
        return date_format(since, "N Y") if self.is_month else str(until.year)

    @property
    def same_days_name(self) -> str:
        """Name the days without a year: "October", "the same days"."""
        return str(MONTHS[self.since.month]) if self.is_month else _("the same days")


def list_periods(published: PublishedIncidents) -> list[Period]:
    """Return the newest days, then the whole published months from the newest back."""
    months = [month for month, _number in zip(_whole_months(published), range(MAX_MONTHS), strict=False)]
    return [*(_newest(published, days) for days in NEWEST_DAYS if _has_days(published, days)), *months]


def default_period(published: PublishedIncidents) -> Period:
    """Return the newest whole month, else the newest days."""
    return next(_whole_months(published), None) or _newest(published, 30)


def find_period(published: PublishedIncidents, token: str) -> Period | None:
    """Return the period that an address names; None if it names none, or one that is not published as a whole."""
    newest = re.fullmatch(r"newest-([0-9]{1,3})", token)
    if newest:
        days = int(newest[1])
        return _newest(published, days) if days in NEWEST_DAYS and _has_days(published, days) else None
    month = re.fullmatch(r"([0-9]{4})-([0-9]{2})", token)
    if not month or not int(month[1]) >= 1 or not 1 <= int(month[2]) <= 12:
        return None
    since, until = _month_days(int(month[1]), int(month[2]))
    if not is_published(published, (since, until)):
        return None
    return Period(token, since, until, is_month=True)


def period_of(since: date, until: date) -> Period:
    """Return the period of these days, as a month if they are all of one."""
    is_month = (since, until) == _month_days(since.year, since.month)
    return Period(f"{since:%Y-%m}" if is_month else "", since, until, is_month)


def is_published(published: PublishedIncidents, days: Days) -> bool:
    """Return whether all these days are published."""
    return published.since <= days[0] and days[1] <= published.until


def _newest(published: PublishedIncidents, days: int) -> Period:
    until = published.until
    return Period(f"newest-{days}", until - timedelta(days - 1), until, is_month=False)


def _has_days(published: PublishedIncidents, days: int) -> bool:
    return published.until - timedelta(days - 1) >= published.since


def _whole_months(published: PublishedIncidents) -> Iterator[Period]:
    """Yield the months whose days are all published, the newest first."""
    day = published.until + timedelta(1)
    while True:
        last = day.replace(day=1) - timedelta(1)
        first = last.replace(day=1)
        if first < published.since:
            return
        yield Period(f"{first:%Y-%m}", first, last, is_month=True)
        day = first


def _month_days(year: int, month: int) -> Days:
    year = max(1, year)
    following = date(year + month // 12, month % 12 + 1, 1) if (year, month) < (9999, 12) else date.max
    return date(year, month, 1), following - timedelta(1)


def _same_day(day: date, years: int) -> date:
    year = max(1, day.year - years)
    try:
        return day.replace(year=year)
    except ValueError:  # February 29
        return day.replace(year=year, day=28)

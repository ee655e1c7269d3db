"""The one filter of the crime map, kept in the address and the same for map, list, charts, downloads and alerts.

wanted = Filter.parse(request.GET, published)    # raises FilterError: what is wrong, and the nearest that is right
wanted.query_string()                            # "category=burglary&days=30", always in the same order
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from crimemap.offence_families import BY_SLUG

PRESETS = (7, 14, 30, 90, 365)  # days
MOST_VALUES = 50  # of one part
LONGEST = 200  # characters of one value that are looked at
FARTHEST = 50_000.0  # metres
PARTS = ("category", "days", "from", "to", "hour", "weekday", "area", "near", "radius", "box")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class FilterVocabulary(Protocol):
    """What a filter must know of the published incidents (crimemap.snapshot.reader.Published)."""

    @property
    def families(self) -> Mapping[str, str]: ...  # category slug to family slug
    @property
    def areas(self) -> Mapping[str, list[str]]: ...  # layer to its codes
    @property
    def since(self) -> date: ...
    @property
    def until(self) -> date: ...
    @property
    def least_radius(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FilterProblem:
    """One part of a query string that cannot be used: its name, a sentence, and the nearest value that can ("" if none)."""

    part: str
    message: str
    offer: str


class FilterError(ValueError):
    """`problems` tells each part that is wrong; `filter` is what is asked for with the nearest values in their place."""

    def __init__(self, problems: list[FilterProblem], nearest: Filter) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems
        self.filter = nearest


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. Dates are local days where it happened, both inclusive; an empty part means all.

    categories: slugs; hours 0-23; weekdays 0 (Monday) to 6; area: (layer, code); circle: (latitude, longitude, metres);
    box: (south, west, north, east). `days` names the preset that made the dates, 0 for custom ones. A row whose hour is
    unknown is in no hour, one whose day is unknown on no weekday; one without a mapped place in no circle and no box.
    """

    since: date
    until: date
    days: int = 0
    categories: frozenset[str] = frozenset()
    hours: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    area: tuple[str, str] | None = None
    circle: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str], known: FilterVocabulary) -> Filter:
        """The filter of a query string; parts it does not know are not its own. Raises FilterError.

        category=burglary,theft or a family (family:theft) | days=30 | from=2026-01-01 to=2026-01-31 | hour=22-4 |
        weekday=sat,sun | area=district:004 | near=41.88,-87.63 radius=300 | box=south,west,north,east
        A QueryDict's repeated values count all; a plain mapping's value may be one string.
        """
        reader = _FilterParser(query, known)
        since, until, days = reader.dates()
        result = cls(
            since,
            until,
            days,
            categories=reader.categories(),
            hours=reader.hours(),
            weekdays=reader.weekdays(),
            area=reader.area(),
            circle=reader.circle(),
            box=reader.box(),
        )
        if reader.problems:
            raise FilterError(reader.problems, result)
        return result

    def query_string(self) -> str:
        """The same filter always gives the same string; the usual one (the last year's days) is named, too."""
        parts: list[tuple[str, str]] = []
        if self.categories:
            parts.append(("category", ",".join(sorted(self.categories))))
        if self.days:
            parts.append(("days", str(self.days)))
        else:
            parts += [("from", self.since.isoformat()), ("to", self.until.isoformat())]
        if self.hours:
            parts.append(("hour", ",".join(map(str, sorted(self.hours)))))
        if self.weekdays:
            parts.append(("weekday", ",".join(WEEKDAYS[day] for day in sorted(self.weekdays))))
        if self.area:
            parts.append(("area", ":".join(self.area)))
        if self.circle:
            latitude, longitude, radius = self.circle
            parts += [("near", f"{latitude:.5f},{longitude:.5f}"), ("radius", f"{radius:.0f}")]
        if self.box:
            parts.append(("box", ",".join(f"{edge:.5f}" for edge in self.box)))
        return urlencode(parts, safe=",:")

    def shifted(self, days: int) -> Filter:
        """The same of a period so many days earlier."""
        return replace(self, since=_back(self.since, days), until=_back(self.until, days), days=0)


def _back(day: date, days: int) -> date:
    return day - timedelta(min(days, (day - date.min).days))


class _FilterParser:
    """Reads the parts of one query string and gathers what is wrong with them."""

    def __init__(self, query: Mapping[str, str], known: FilterVocabulary) -> None:
        self.query = query
        self.known = known
        self.problems: list[FilterProblem] = []

    def _values(self, part: str) -> list[str]:
        """The values of a part: repeated ones, and one with commas, alike."""
        getlist: Callable[[str], list[str]] | None = getattr(self.query, "getlist", None)
        given = getlist(part)[:MOST_VALUES] if getlist else [self.query[part]] if part in self.query else []
        values = [value.strip() for text in given for value in text[:LONGEST].split(",")]
        return [value for value in values if value][:MOST_VALUES]

    def _wrong(self, part: str, message: str, offer: str = "") -> None:
        self.problems.append(FilterProblem(part, message, offer))

    def dates(self) -> tuple[date, date, int]:
        last, first = self.known.until, self.known.since
        custom = {part: self._date(part) for part in ("from", "to") if self._values(part)}
        if custom:
            since, until = custom.get("from") or first, custom.get("to") or last
            if since > until:
                message = _("The first day is after the last one.")
                self._wrong("from", message, until.isoformat())
                since, until = until, since
            return since, until, 0
        days = self._days()
        return max(date.min, _back(last, days - 1)), last, days

    def _days(self) -> int:
        given = self._values("days")
        if not given:
            return 365
        number = int(given[0]) if re.fullmatch(r"[0-9]{1,6}", given[0]) else 365
        if len(given) == 1 and given[0] == str(number) and number in PRESETS:
            return number
        nearest = min(PRESETS, key=lambda preset: abs(preset - number))
        choices = ", ".join(map(str, PRESETS))
        self._wrong("days", _("Choose one of %(choices)s days, or two dates.") % {"choices": choices}, str(nearest))
        return nearest

    def _date(self, part: str) -> date | None:
        text = self._values(part)[0]
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text):
                raise ValueError
            year, month, day = map(int, text.split("-"))
            return date(year, month, day)
        except ValueError:
            offer = self._nearest_date(text, part)
            message = _("“%(text)s” is not a date such as %(example)s.") % {"text": text[:20], "example": offer}
            self._wrong(part, message, offer.isoformat())
            return offer

    def _nearest_date(self, text: str, part: str) -> date:
        """The last day of a month that has fewer, or the edge of what is published."""
        found = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})(?:-[0-9]{1,2})?", text)
        if found and 1 <= int(found[1]) < 9999 and 1 <= int(found[2]) <= 12:
            year, month = int(found[1]), int(found[2])
            return date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
        return self.known.since if part == "from" else self.known.until

    def categories(self) -> frozenset[str]:
        chosen: set[str] = set()
        for value in self._values("category"):
            family = value.removeprefix("family:")
            if value in self.known.families:
                chosen.add(value)
            elif value != family and family in BY_SLUG:
                chosen |= {slug for slug, of in self.known.families.items() if of == family}
            else:
                choices = [*self.known.families, *(f"family:{slug}" for slug in BY_SLUG)]
                offer = (difflib.get_close_matches(value.lower(), choices, 1, 0.4) or [""])[0]
                self._wrong("category", _("There is no category “%(name)s”.") % {"name": value[:40]}, offer)
                if offer in self.known.families:
                    chosen.add(offer)
        return frozenset(chosen)

    def hours(self) -> frozenset[int]:
        """Single hours and ranges; 22-4 goes over midnight. Both ends are in it."""
        hours: set[int] = set()
        for value in self._values("hour"):
            found = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", value)
            if not found:
                self._wrong("hour", _("Hours are numbers from 0 to 23, such as 22-4."), "0-23")
                continue
            first, last = int(found[1]), int(found[2] or found[1])
            if max(first, last) > 23:
                first, last = min(first, 23), min(last, 23)
                offer = f"{first}-{last}" if found[2] else str(first)
                self._wrong("hour", _("Hours are numbers from 0 to 23, such as 22-4."), offer)
            hours |= set(range(first, last + 1)) if first <= last else {*range(first, 24), *range(last + 1)}
        return frozenset(hours) if len(hours) < 24 else frozenset()

    def weekdays(self) -> frozenset[int]:
        chosen: set[int] = set()
        for value in self._values("weekday"):
            if value.lower() not in WEEKDAYS:
                offer = (difflib.get_close_matches(value.lower()[:3], WEEKDAYS, 1, 0.3) or [""])[0]
                choices = ", ".join(WEEKDAYS)
                self._wrong("weekday", _("Weekdays are %(choices)s.") % {"choices": choices}, offer)
                chosen |= {WEEKDAYS.index(offer)} if offer else set()
            else:
                chosen.add(WEEKDAYS.index(value.lower()))
        return frozenset(chosen) if len(chosen) < 7 else frozenset()

    def area(self) -> tuple[str, str] | None:
        values = self._values("area")
        if not values:
            return None
        layer, _colon, code = values[0].partition(":")
        if len(values) == 1 and code and code in self.known.areas.get(layer, []):
            return layer, code
        choices = [f"{name}:{each}" for name, codes in self.known.areas.items() for each in codes if each]
        offer = (difflib.get_close_matches(values[0], choices[:2000], 1, 0.5) or [""])[0]
        self._wrong("area", _("There is no area “%(name)s”. Choose one.") % {"name": values[0][:40]}, offer)
        layer, _colon, code = offer.partition(":")
        return (layer, code) if offer else None

    def circle(self) -> tuple[float, float, float] | None:
        point = self._numbers("near", 2)
        if point is None:
            if self._values("radius") and not self._values("near"):
                self._wrong("radius", _("A radius needs a place: near=latitude,longitude."))
            return None
        least = float(self.known.least_radius)
        given = self._values("radius")
        radius = _number(given[0]) if len(given) == 1 else None
        if not given:
            radius = max(least, 500.0)
        if radius is None or not least <= radius <= FARTHEST:
            nearest = least if radius is None else min(max(radius, least), FARTHEST)
            message = _("The radius is a number of metres from %(least)d to %(most)d.")
            self._wrong("radius", message % {"least": least, "most": FARTHEST}, f"{nearest:.0f}")
            radius = nearest
        return point[0], point[1], radius

    def box(self) -> tuple[float, float, float, float] | None:
        edges = self._numbers("box", 4)
        if edges is None:
            return None
        south, west, north, east = edges
        if south > north or west > east:
            south, north, west, east = min(south, north), max(south, north), min(west, east), max(west, east)
            self._wrong("box", _("A box is south,west,north,east."), f"{south},{west},{north},{east}")
        return south, west, north, east

    def _numbers(self, part: str, count: int) -> tuple[float, ...] | None:
        """Latitudes and longitudes by turns, rounded to what a point can be told apart by."""
        values = self._values(part)
        if not values:
            return None
        numbers = [_number(value) for value in values[: count + 1]]
        limits = [90.0, 180.0] * (count // 2)
        if len(numbers) != count or any(number is None for number in numbers):
            example = {"near": "41.88,-87.63", "box": "41.80,-87.70,41.90,-87.60"}[part]
            self._wrong(part, _("This is not a place in degrees such as %(example)s.") % {"example": example})
            return None
        inside = [max(-most, min(number or 0.0, most)) for number, most in zip(numbers, limits, strict=True)]
        if inside != numbers:
            self._wrong(part, _("This place is not on earth."), ",".join(f"{number:g}" for number in inside))
        return tuple(round(number, 5) for number in inside)


def _number(text: str) -> float | None:
    """A finite number written plainly."""
    if not re.fullmatch(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,20})?", text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None

"""The filter of the crime map, carried in the URL and shared by map, list, charts, downloads and alerts.

chosen = Filter.parse(request.GET, published)    # raises FilterError: each problem, and the nearest usable filter
chosen.query_string()                            # "category=burglary&days=30", always in the same order
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Protocol
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from crimemap.offence_families import BY_SLUG

PRESETS = (7, 14, 30, 90, 365)  # days
DEFAULT_DAYS = 365  # where a query of a program, a file or a frame names no period
PAGE_DAYS = 30  # the same for the map, its data, the list and the charts
MAX_VALUES = 50  # of one part
MAX_VALUE_CHARACTERS = 200  # the rest of a value is ignored
MAX_RADIUS_METERS = 50_000.0
PARTS = ("category", "days", "from", "to", "hour", "weekday", "area", "near", "radius", "box")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class FilterVocabulary(Protocol):
    """The categories, areas and days that a filter may name; PublishedIncidents has them."""

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
    """A part of a query string that cannot be used: its name, a sentence, and the nearest usable value ("" if none)."""

    part: str
    message: str
    offer: str


class FilterError(ValueError):
    """A query string has parts that cannot be used.

    problems: one for each such part. filter: the query with the nearest usable values in their place.
    """

    def __init__(self, problems: list[FilterProblem], nearest: Filter) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems
        self.filter = nearest

    @property
    def days_offer(self) -> int:
        """The nearest number of days if nothing else is wrong, else 0."""
        days = [int(each.offer) for each in self.problems if each.part == "days"]
        return days[0] if len(days) == len(self.problems) == 1 else 0


@dataclass(frozen=True, slots=True)
class Filter:
    """A selection of incidents. Dates are local days, both inclusive; an empty part selects everything.

    days: the preset behind the dates, 0 for custom dates. categories: slugs. hours: 0 to 23. weekdays: 0 (Monday) to 6.
    area: (layer, code). circle: (latitude, longitude, radius in meters). box: (south, west, north, east) in degrees.
    families: what a family's slug stands for, so that a whole family is one word of the query string.

    A row with unknown hour matches no hour, with unknown day no weekday, without mapped place no circle and no box.
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
    families: tuple[tuple[str, frozenset[str]], ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def parse(cls, query: Mapping[str, str], known: FilterVocabulary, default_days: int = DEFAULT_DAYS) -> Filter:
        """Parse a query string, ignoring parts that are not PARTS. Raises FilterError.

        category=burglary,theft or a family (family:theft) | days=30 | from=2026-01-01 to=2026-01-31 | hour=22-4 |
        weekday=sat,sun | area=district:004 | near=41.88,-87.63 radius=300 | box=south,west,north,east
        Repeated values of a QueryDict are combined; a plain mapping has one string for each part.
        """
        parser = _FilterParser(query, known, default_days)
        since, until, days = parser.dates()
        result = cls(
            since,
            until,
            days,
            categories=parser.categories(),
            hours=parser.hours(),
            weekdays=parser.weekdays(),
            area=parser.area(),
            circle=parser.circle(),
            box=parser.box(),
            families=_group_by_family(known.families),
        )
        if parser.problems:
            raise FilterError(parser.problems, result)
        return result

    def query_string(self) -> str:
        """Return the filter as a query string; equal filters give equal strings, and the default dates are included."""
        parts: list[tuple[str, str]] = []
        if self.categories:
            parts.append(("category", ",".join(self._category_words())))
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

    def _category_words(self) -> list[str]:
        """Name the categories, a whole family of several by its own word."""
        whole = {slug: members for slug, members in self.families if len(members) > 1 and members <= self.categories}
        single = self.categories.difference(*whole.values())
        return sorted([*single, *(f"family:{slug}" for slug in whole)])

    def covered_by(self, published: FilterVocabulary) -> Filter | None:
        """Return the same filter for those of its days that are published, None if none are."""
        since, until = max(self.since, published.since), min(self.until, published.until)
        return replace(self, since=since, until=until) if since <= until else None

    def shifted(self, days: int) -> Filter:
        """Return the same filter for a period this many days earlier."""
        return replace(self, since=_days_before(self.since, days), until=_days_before(self.until, days), days=0)


def _group_by_family(families: Mapping[str, str]) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple(
        (family, frozenset(slug for slug, its_family in families.items() if its_family == family))
        for family in dict.fromkeys(families.values())
    )


def _days_before(day: date, days: int) -> date:
    return day - timedelta(min(days, (day - date.min).days))


class _FilterParser:
    """Parses the parts of one query string and collects their problems."""

    def __init__(self, query: Mapping[str, str], known: FilterVocabulary, default_days: int) -> None:
        self.query = query
        self.known = known
        self.default_days = default_days
        self.problems: list[FilterProblem] = []

    def _values(self, part: str) -> list[str]:
        """Return the values of a part, whether repeated or separated by commas."""
        values = [value.strip() for text in self._texts(part) for value in text.split(",")]
        return [value for value in values if value][:MAX_VALUES]

    def _texts(self, part: str) -> list[str]:
        """Return what each repetition of a part says. Codes of areas may contain commas."""
        getlist: Callable[[str], list[str]] | None = getattr(self.query, "getlist", None)
        texts = getlist(part)[:MAX_VALUES] if getlist else [self.query[part]] if part in self.query else []
        return [text[:MAX_VALUE_CHARACTERS] for text in texts]

    def _add_problem(self, part: str, message: str, offer: str = "") -> None:
        self.problems.append(FilterProblem(part, message, offer))

    def dates(self) -> tuple[date, date, int]:
        last, first = self.known.until, self.known.since
        custom = {part: self._date(part) for part in ("from", "to") if self._values(part)}
        if custom:
            since, until = custom.get("from") or first, custom.get("to") or last
            if since > until:
                message = _("The first day comes after the last day.")
                self._add_problem("from", message, until.isoformat())
                since, until = until, since
            return since, until, 0
        days = self._days()
        return max(date.min, _days_before(last, days - 1)), last, days

    def _days(self) -> int:
        given = self._values("days")
        if not given:
            return self.default_days
        number = int(given[0]) if re.fullmatch(r"[0-9]{1,6}", given[0]) else self.default_days
        if len(given) == 1 and given[0] == str(number) and number in PRESETS:
            return number
        nearest = min(PRESETS, key=lambda preset: abs(preset - number))
        choices = ", ".join(map(str, PRESETS[:-1]))
        self._add_problem(
            "days",
            _("The number of days must be %(choices)s or %(last)s.") % {"choices": choices, "last": PRESETS[-1]},
            str(nearest),
        )
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
            message = _("We can't read “%(text)s” as a date. Write it like %(example)s.") % {
                "text": text[:20],
                "example": offer,
            }
            self._add_problem(part, message, offer.isoformat())
            return offer

    def _nearest_date(self, text: str, part: str) -> date:
        """Return the last day of the month if the text names a month, else the first or last published day."""
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
                chosen |= {slug for slug, its_family in self.known.families.items() if its_family == family}
            else:
                choices = [*self.known.families, *(f"family:{slug}" for slug in BY_SLUG)]
                offer = (difflib.get_close_matches(value.lower(), choices, 1, 0.4) or [""])[0]
                self._add_problem("category", _("We have no type called “%(name)s”.") % {"name": value[:40]}, offer)
                if offer in self.known.families:
                    chosen.add(offer)
        return frozenset(chosen)

    def hours(self) -> frozenset[int]:
        """Parse single hours and ranges, which include both ends and may cross midnight: "22-4"."""
        hours: set[int] = set()
        for value in self._values("hour"):
            found = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", value)
            if not found:
                self._add_problem("hour", _("Hours must be numbers from 0 to 23, for example 22-4."), "0-23")
                continue
            first, last = int(found[1]), int(found[2] or found[1])
            if max(first, last) > 23:
                first, last = min(first, 23), min(last, 23)
                offer = f"{first}-{last}" if found[2] else str(first)
                self._add_problem("hour", _("Hours must be numbers from 0 to 23, for example 22-4."), offer)
            hours |= set(range(first, last + 1)) if first <= last else {*range(first, 24), *range(last + 1)}
        return frozenset(hours) if len(hours) < 24 else frozenset()

    def weekdays(self) -> frozenset[int]:
        chosen: set[int] = set()
        for value in self._values("weekday"):
            if value.lower() not in WEEKDAYS:
                offer = (difflib.get_close_matches(value.lower()[:3], WEEKDAYS, 1, 0.3) or [""])[0]
                choices = ", ".join(WEEKDAYS)
                self._add_problem(
                    "weekday", _("Weekdays must be written like this: %(choices)s.") % {"choices": choices}, offer
                )
                chosen |= {WEEKDAYS.index(offer)} if offer else set()
            else:
                chosen.add(WEEKDAYS.index(value.lower()))
        return frozenset(chosen) if len(chosen) < 7 else frozenset()

    def area(self) -> tuple[str, str] | None:
        values = [text.strip() for text in self._texts("area") if text.strip()]
        if not values:
            return None
        layer, _colon, code = values[0].partition(":")
        if len(values) == 1 and code and code in self.known.areas.get(layer, []):
            return layer, code
        choices = [f"{name}:{each}" for name, codes in self.known.areas.items() for each in codes if each]
        offer = (difflib.get_close_matches(values[0], choices[:2000], 1, 0.5) or [""])[0]
        self._add_problem(
            "area", _("We have no area called “%(name)s”. Choose one from the list.") % {"name": values[0][:40]}, offer
        )
        layer, _colon, code = offer.partition(":")
        return (layer, code) if offer else None

    def circle(self) -> tuple[float, float, float] | None:
        point = self._numbers("near", 2)
        if point is None:
            if self._values("radius") and not self._values("near"):
                self._add_problem("radius", _("A distance needs a place as well: near=latitude,longitude."))
            return None
        least = float(self.known.least_radius)
        given = self._values("radius")
        radius = _number(given[0]) if len(given) == 1 else None
        if not given:
            radius = max(least, 500.0)
        if radius is None or not least <= radius <= MAX_RADIUS_METERS:
            nearest = least if radius is None else min(max(radius, least), MAX_RADIUS_METERS)
            message = _("The distance must be %(least)d to %(most)d meters.")
            self._add_problem("radius", message % {"least": least, "most": MAX_RADIUS_METERS}, f"{nearest:.0f}")
            radius = nearest
        return point[0], point[1], radius

    def box(self) -> tuple[float, float, float, float] | None:
        edges = self._numbers("box", 4)
        if edges is None:
            return None
        south, west, north, east = edges
        if south > north or west > east:
            south, north, west, east = min(south, north), max(south, north), min(west, east), max(west, east)
            self._add_problem("box", _("A box must be south,west,north,east."), f"{south},{west},{north},{east}")
        return south, west, north, east

    def _numbers(self, part: str, count: int) -> tuple[float, ...] | None:
        """Parse alternating latitudes and longitudes, rounded to five decimals (about a meter)."""
        values = self._values(part)
        if not values:
            return None
        numbers = [_number(value) for value in values[: count + 1]]
        limits = [90.0, 180.0] * (count // 2)
        if len(numbers) != count or any(number is None for number in numbers):
            example = {"near": "41.88,-87.63", "box": "41.80,-87.70,41.90,-87.60"}[part]
            self._add_problem(part, _("The place must be in degrees, for example %(example)s.") % {"example": example})
            return None
        inside = [max(-most, min(number or 0.0, most)) for number, most in zip(numbers, limits, strict=True)]
        if inside != numbers:
            self._add_problem(part, _("This place is not on Earth."), ",".join(f"{number:g}" for number in inside))
        return tuple(round(number, 5) for number in inside)


def _number(text: str) -> float | None:
    """Return a finite number in plain decimal notation, None for any other text."""
    if not re.fullmatch(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,20})?", text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None

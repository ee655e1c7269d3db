"""The filter as a form: what its fields show, and what filter they mean when they are sent.

Fields of the form say "set", so that what people choose in it can be told from an address written by hand: the answer to a
sent form is a redirect to the filter's own address, which is short, always the same, and good to share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from html import escape

from django.http import QueryDict
from django.utils.dates import WEEKDAYS
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core import page_cache
from crimemap import wording
from crimemap.offence_families import FAMILIES, Family
from crimemap.places import areas
from crimemap.snapshot import filters
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.reader import PublishedIncidents

RADII = (150, 300, 500, 1000, 2000, 5000)  # metres


@dataclass(frozen=True, slots=True)
class Type:
    """A category in the legend; ticked where only some of its family are chosen."""

    slug: str
    name: str
    count: int
    ticked: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A family in the legend, with how many incidents the rest of the filter leaves of it."""

    family: Family
    count: int
    ticked: bool
    types: list[Type]

    @property
    def is_partly(self) -> bool:
        return any(each.ticked for each in self.types)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the filter that is on, and the query string without it."""

    name: str
    without: str


@dataclass(frozen=True, slots=True)
class Panel:
    """`total` is how many incidents the filter has."""

    total: int
    groups: list[Group]
    presets: list[Option]
    since: date | None
    until: date | None
    first: date
    last: date
    areas: SafeString
    hours_from: SafeString
    hours_to: SafeString
    odd_hours: str
    weekdays: list[Option]
    near: str
    radii: list[Option]
    box: str
    chips: list[Chip]
    summary: str


def panel(published: PublishedIncidents, chosen: Filter) -> Panel:
    counts = published.categories(replace(chosen, categories=frozenset()))
    stretches = wording.stretches(chosen.hours) if chosen.hours else []
    first, last = stretches[0] if len(stretches) == 1 else (None, None)
    area = ":".join(chosen.area) if chosen.area else ""
    return Panel(
        total=sum(count for slug, count in counts.items() if not chosen.categories or slug in chosen.categories),
        groups=_groups(published, chosen, counts),
        presets=[Option(str(days), str(name), days == chosen.days) for days, name in wording.PRESETS.items()],
        since=None if chosen.days else chosen.since,
        until=None if chosen.days else chosen.until,
        first=published.since,
        last=published.until,
        areas=area_options(published, area),
        hours_from=_selected(_hour_options(0, get_language()), "" if first is None else str(first)),
        hours_to=_selected(_hour_options(1, get_language()), "" if last is None else str(last)),
        odd_hours=",".join(map(str, sorted(chosen.hours))) if len(stretches) > 1 else "",
        weekdays=[
            Option(name, str(WEEKDAYS[number]), number in chosen.weekdays)
            for number, name in enumerate(filters.WEEKDAYS)
        ],
        near=_near(chosen),
        radii=_radii(published, chosen),
        box=",".join(f"{edge:.5f}" for edge in chosen.box) if chosen.box else "",
        chips=_chips(published, chosen),
        summary=_("%(period)s, %(types)s")
        % {"period": wording.period(chosen), "types": wording.types(chosen, published.names)},
    )


def meant(sent: QueryDict, families: Mapping[str, str]) -> QueryDict:
    """What a sent form means, in the filter's own parts; wrong values stay for Filter.parse to refuse.

    A ticked family is all of it, unless some of its categories are ticked, too: then it is those. Everything ticked, or
    nothing, is no restriction. Two dates count only where no number of days is chosen.
    """
    result = QueryDict(mutable=True)
    ticked = sent.getlist("category")
    narrowed = {f"family:{families[slug]}" for slug in ticked if slug in families}
    kept = [value for value in ticked if value not in narrowed]
    if not {f"family:{slug}" for slug in families.values()} <= set(kept):
        result.setlist("category", kept)
    if sent.get("days"):
        result.setlist("days", sent.getlist("days"))
    else:
        for name in ("from", "to"):
            result.setlist(name, sent.getlist(name))
    first, last = sent.get("hour_from", ""), sent.get("hour_to", "")
    result.setlist("hour", [f"{first or 0}-{last or 23}"] if first or last else sent.getlist("hour"))
    for name in ("area", "near", "radius", "box", "weekday"):
        result.setlist(name, sent.getlist(name))
    if not sent.get("near"):
        result.pop("radius", None)
    return result


def area_options(published: PublishedIncidents, chosen: str = "") -> SafeString:
    """The options of a <select> of areas ("district:4"), as HTML: made once a version, since there may be hundreds."""
    options = page_cache.kept(("area options", published.version, get_language()), lambda: _area_options(published))
    return _selected(options, chosen)


@lru_cache(maxsize=16)
def _hour_options(later: int, language: str | None) -> SafeString:  # noqa: ARG001  (the key)
    """The hours of a day, named by their beginning or (`later` is 1) their end."""
    options = (f'<option value="{hour}">{escape(wording.hour(hour + later))}</option>' for hour in range(24))
    return mark_safe("".join(options))  # noqa: S308  (escaped)


def _selected(options: SafeString, value: str) -> SafeString:
    marked = f'value="{escape(value)}"'
    return mark_safe(options.replace(marked, f"{marked} selected", 1)) if value else options  # noqa: S308  (escaped)


def _area_options(published: PublishedIncidents) -> SafeString:
    lines = []
    for layer, label in wording.LAYERS.items():
        names = areas.area_names(layer)
        codes = [code for code in published.areas.get(layer, []) if code]
        if codes:
            lines.append(f'<optgroup label="{escape(str(label))}">')
            named = sorted((wording.area(layer, code, names), code) for code in codes)
            lines += [f'<option value="{layer}:{escape(code)}">{escape(name)}</option>' for name, code in named]
            lines.append("</optgroup>")
    return mark_safe("".join(lines))  # noqa: S308  (escaped above)


def _groups(published: PublishedIncidents, chosen: Filter, counts: Mapping[str, int]) -> list[Group]:
    groups = []
    for family in FAMILIES:
        slugs = [slug for slug, of in published.families.items() if of == family.slug]
        if not slugs:
            continue
        taken = chosen.categories.intersection(slugs)
        partly = 0 < len(taken) < len(slugs)
        groups.append(
            Group(
                family,
                sum(counts.get(slug, 0) for slug in slugs),
                bool(taken) or not chosen.categories,
                [Type(slug, published.names[slug], counts.get(slug, 0), partly and slug in taken) for slug in slugs],
            )
        )
    return groups


def _near(chosen: Filter) -> str:
    return f"{chosen.circle[0]:.5f},{chosen.circle[1]:.5f}" if chosen.circle else ""


def _radii(published: PublishedIncidents, chosen: Filter) -> list[Option]:
    if not chosen.circle:
        return []
    metres = round(chosen.circle[2])
    offered = {metres, *(radius for radius in RADII if radius >= published.least_radius)}
    return [Option(str(radius), wording.distance(radius), radius == metres) for radius in sorted(offered)]


def _chips(published: PublishedIncidents, chosen: Filter) -> list[Chip]:
    chips = []
    if chosen.area:
        layer, code = chosen.area
        chips.append(Chip(wording.area(layer, code, areas.area_names(layer)), _without(chosen, area=None)))
    if chosen.circle:
        name = _("Within %(distance)s of a place") % {"distance": wording.distance(chosen.circle[2])}
        chips.append(Chip(name, _without(chosen, circle=None)))
    if chosen.box:
        chips.append(Chip(_("Inside a part of the map"), _without(chosen, box=None)))
    if chosen.hours:
        chips.append(Chip(wording.hours(chosen.hours), _without(chosen, hours=frozenset())))
    if chosen.weekdays:
        chips.append(Chip(wording.weekdays(chosen.weekdays), _without(chosen, weekdays=frozenset())))
    if chosen.categories:
        chips.append(Chip(wording.types(chosen, published.names), _without(chosen, categories=frozenset())))
    return chips


def _without(chosen: Filter, **parts: object) -> str:
    return replace(chosen, **parts).query_string()  # type: ignore[arg-type]

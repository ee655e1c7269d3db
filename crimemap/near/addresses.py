"""Addresses of places: "lincoln-school", "400-arden-street", "arden-street-and-mill-street".

Made of names, because numbers of rows change when a map is built again. A name that several places share is followed by the
place's point: "lincoln-school@41.4851,-38.5211".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import Q
from django.utils.text import slugify

from core.web import page_cache
from crimemap import wording
from crimemap.models import Area, Block, Intersection, Landmark
from crimemap.places import lookup
from crimemap.places.lookup import Place

MAX_CHARACTERS = 200
MAX_SAME_NAMES = 40
_POINT_TOLERANCE = 0.00006  # degrees: half of the last digit in an address

_BLOCK = re.compile(r"([0-9]{1,6})-(.+)")
_AND = "-and-"


def find_places(address: str) -> list[Place]:
    """Return the places that an address names: none, one, or several of the same name."""
    name, _at, point = address[:MAX_CHARACTERS].lower().partition("@")
    found = [place for ref in _refs_named(name) if (place := lookup.find_place(ref))]
    if not point:
        return found
    return [place for place in found if _is_at(place, point)]


def address_of(place: Place) -> str:
    """Return the address of a place that was found in the database."""
    name = _name_of(place)
    has_same_name = len(list(_refs_named(name))) > 1
    return f"{name}@{place.latitude:.4f},{place.longitude:.4f}" if has_same_name else name


def address_of_area(layer: str, code: str) -> str:
    """Return the address of an area; "" if the map has no such area."""
    row = Area.objects.filter(layer=layer, code=code).values_list("pk", flat=True).first()
    place = lookup.find_place(f"area:{row}") if row is not None else None
    return address_of(place) if place else ""


def _is_at(place: Place, point: str) -> bool:
    latitude, _comma, longitude = point.partition(",")
    try:
        return (
            abs(place.latitude - float(latitude)) <= _POINT_TOLERANCE
            and abs(place.longitude - float(longitude)) <= _POINT_TOLERANCE
        )
    except ValueError:
        return False


def _name_of(place: Place) -> str:
    number = int(place.ref.partition(":")[2])
    if place.kind == "block":
        block = Block.objects.get(pk=number)
        return f"{block.hundred}-{_slug(block.street)}"
    if place.kind == "intersection":
        crossing = Intersection.objects.get(pk=number)
        return f"{_slug(crossing.first)}{_AND}{_slug(crossing.second)}"
    if place.area:
        layer, _colon, code = place.area.partition(":")
        return _slug(_area_name(layer, code, place.name))
    return _slug(place.name)


def _refs_named(name: str) -> Iterator[str]:
    """Yield the references of the places with this name in an address, at most MAX_SAME_NAMES of a kind."""
    yield from page_cache.get_or_build(("named places",), _read_names).get(name, [])[:MAX_SAME_NAMES]
    streets: dict[str, list[str]] = page_cache.get_or_build(("streets by address",), _read_streets)
    block = _BLOCK.fullmatch(name)
    if block and block[2] in streets:
        blocks = Block.objects.filter(street__in=streets[block[2]], hundred=int(block[1]))
        yield from (f"block:{pk}" for pk in blocks.values_list("pk", flat=True)[:MAX_SAME_NAMES])
    for first, second in _split_crossing(name):
        if first in streets and second in streets:
            ones, others = streets[first], streets[second]
            crossings = Intersection.objects.filter(
                Q(first__in=ones, second__in=others) | Q(first__in=others, second__in=ones)
            )
            yield from (f"intersection:{pk}" for pk in crossings.values_list("pk", flat=True)[:MAX_SAME_NAMES])


def _split_crossing(name: str) -> Iterator[tuple[str, str]]:
    """Yield each way to read a name as two streets: a street may have "and" in its own name."""
    start = name.find(_AND)
    while start >= 0:
        yield name[:start], name[start + len(_AND) :]
        start = name.find(_AND, start + 1)


def _read_names() -> dict[str, list[str]]:
    """Return the references of areas and landmarks by their names in an address."""
    names: dict[str, list[str]] = {}
    for pk, layer, code, area in Area.objects.exclude(layer=Area.Layer.CITY).values_list("pk", "layer", "code", "name"):
        names.setdefault(_slug(_area_name(layer, code, area)), []).append(f"area:{pk}")
    for pk, landmark in Landmark.objects.values_list("pk", "name"):
        names.setdefault(_slug(landmark), []).append(f"landmark:{pk}")
    return names


def _read_streets() -> dict[str, list[str]]:
    """Return the names of streets by their names in an address."""
    found = {*Block.objects.order_by().values_list("street", flat=True).distinct()}
    for side in ("first", "second"):
        found |= {*Intersection.objects.order_by().values_list(side, flat=True).distinct()}
    streets: dict[str, list[str]] = {}
    for street in found:
        streets.setdefault(_slug(street), []).append(street)
    return streets


def _area_name(layer: str, code: str, name: str) -> str:
    return wording.area_name(layer, code, {code: name})


def _slug(name: str) -> str:
    return slugify(name, allow_unicode=True) or "place"

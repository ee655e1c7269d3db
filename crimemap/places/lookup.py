"""Look-up of places: by text, by reference, by point. With an empty database nothing is found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crimemap import geometry
from crimemap.models import Area, Block, Intersection, Landmark, Located
from crimemap.places import text_search
from crimemap.places.area_index import area_indexes

MAX_BLOCK_DISTANCE_METERS = 200.0  # from the middle of a block; a point farther from every block is at none

POINT_TOLERANCE = 0.00001  # degrees, about a meter


@dataclass(frozen=True, slots=True)
class Place:
    """A block, an intersection, an area or a landmark, with its point in degrees.

    ref: stable reference, such as "block:12". district: name, "" if unknown. area: the value of the filter's `area` part,
    such as "district:4"; "" for all others. neighborhood: name, "" if unknown. kind_name: for readers: "School", "Block".
    """

    ref: str
    kind: str  # "block", "intersection", "area" or "landmark"
    name: str
    latitude: float
    longitude: float
    district: str
    area: str = ""
    neighborhood: str = ""
    kind_name: str = ""

    @property
    def surroundings(self) -> str:
        """The name of the neighborhood, else of the district, that the place lies in; "" if neither is known."""
        return self.neighborhood or self.district


def search_places(text: str, limit: int = 8) -> list[Place]:
    """Return the places that `text` may mean, best first: "412 arden", "400 block of Arden St", "arden & mill", "old town".

    Any input is safe; only its first 100 characters count. Misspelled names are matched if nothing matches exactly.
    """
    return _places(text_search.search(text, limit))


def find_place(ref: str) -> Place | None:
    """Return the place with this reference, None if it does not exist or no longer does."""
    kind, _, number = ref[:40].partition(":")
    model = {"block": Block, "intersection": Intersection, "area": Area, "landmark": Landmark}.get(kind)
    if model is None or not re.fullmatch(r"[0-9]{1,18}", number):
        return None
    return next(iter(_places(model._default_manager.filter(pk=int(number)))), None)


def find_nearest_block(latitude: float, longitude: float) -> Place | None:
    """Return the block whose middle is nearest to the point, None if there is none within 200 m."""
    if not _on_earth(latitude, longitude):
        return None
    north = MAX_BLOCK_DISTANCE_METERS / geometry.METERS_PER_DEGREE
    east = north / max(0.01, math.cos(math.radians(latitude)))
    box = Block.objects.filter(
        latitude__range=(latitude - north, latitude + north), longitude__range=(longitude - east, longitude + east)
    )

    def distance(block: Block) -> float:
        return geometry.meters_between(latitude, longitude, block.latitude, block.longitude)

    nearest = min(box, key=distance, default=None)
    return _places([nearest])[0] if nearest is not None and distance(nearest) <= MAX_BLOCK_DISTANCE_METERS else None


def find_place_at(latitude: float, longitude: float) -> Place | None:
    """Return the block, intersection or landmark whose point this is, as filters round it (five decimals), None if it is of none."""
    if not _on_earth(latitude, longitude):
        return None
    box = {
        "latitude__range": (latitude - POINT_TOLERANCE, latitude + POINT_TOLERANCE),
        "longitude__range": (longitude - POINT_TOLERANCE, longitude + POINT_TOLERANCE),
    }
    models = (Block, Intersection, Landmark)
    row = next((row for model in models if (row := model._default_manager.filter(**box).first())), None)
    return _places([row])[0] if row else None


def in_city(latitude: float, longitude: float) -> bool:
    """Return whether the point lies within the city limits; False where none are known."""
    limits = area_indexes().get(Area.Layer.CITY)
    return limits is not None and _on_earth(latitude, longitude) and limits.code_at(latitude, longitude) is not None


def areas_at(latitude: float, longitude: float) -> list[tuple[str, str]]:
    """Return the (layer, code) of the area that the point lies in, one a layer at most, by layer."""
    if not _on_earth(latitude, longitude):
        return []
    found = ((layer, index.code_at(latitude, longitude)) for layer, index in area_indexes().items())
    return [(layer, code) for layer, code in found if code is not None]


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180  # False for NaN, too


def _places(rows: Iterable[Located]) -> list[Place]:
    rows = list(rows)
    names: dict[tuple[str, str], str] = {}
    if rows:
        named = Area.objects.filter(layer__in=(Area.Layer.DISTRICT, Area.Layer.NEIGHBOURHOOD))
        names = {(layer, code): name for layer, code, name in named.values_list("layer", "code", "name")}
    return [_place(row, names) for row in rows]


def _place(row: Any, names: dict[tuple[str, str], str]) -> Place:
    kind = row._meta.model_name
    codes = {row.layer: row.code} if kind == "area" else row.areas or dict(areas_at(row.latitude, row.longitude))
    return Place(
        f"{kind}:{row.pk}",
        kind,
        str(row),
        row.latitude,
        row.longitude,
        names.get((Area.Layer.DISTRICT, codes.get(Area.Layer.DISTRICT, "")), ""),
        f"{row.layer}:{row.code}" if kind == "area" else "",
        "" if kind == "area" else names.get((Area.Layer.NEIGHBOURHOOD, codes.get(Area.Layer.NEIGHBOURHOOD, "")), ""),
        str(_kind_label(row)),
    )


def _kind_label(row: Any) -> str:
    """Name what a place is, as readers do: a landmark's kind, an area's layer, else "Block" or "Intersection"."""
    if isinstance(row, Landmark):
        return row.get_kind_display()
    if isinstance(row, Area):
        return row.get_layer_display()
    return _("Block") if isinstance(row, Block) else _("Intersection")

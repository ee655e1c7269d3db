"""Finds the place of a row in the agency's own layers: the middle of its block, and the areas that a point lies in."""

from __future__ import annotations

from crimemap.importing import parsed_rows
from crimemap.importing.readers.cells import split_block_name
from crimemap.models import Block, Intersection
from crimemap.places.area_index import area_indexes, middle_of
from crimemap.privacy.locations import Point
from crimemap.street_names import normalize_name

OUTLINE_MARGIN_DEGREES = 0.02  # about 2 km: a point beyond the city's border is no mistake, one in the next county is


class Geocoder:
    """The agency's blocks and areas as they were when the import began."""

    def __init__(self) -> None:
        rows = Block.objects.values_list("street", "hundred", "latitude", "longitude")
        self.midpoints = {(normalize_name(street), hundred): (north, east) for street, hundred, north, east in rows}
        self.streets = {street for street, _hundred in self.midpoints}
        self.streets.update(
            normalize_name(name) for pair in Intersection.objects.values_list("first", "second") for name in pair
        )
        self.indexes = area_indexes()
        self.has_outline = bool(self.indexes)

    def block_midpoint(self, block_text: str) -> Point | None:
        """Return the middle of a block in the agency's own layer."""
        block = split_block_name(block_text) if self.midpoints else None
        return self.midpoints.get((normalize_name(block.street), block.hundred)) if block else None

    def middle(self) -> Point | None:
        """Return the middle of the agency's areas; None without any."""
        return middle_of(self.indexes.values())

    def is_inside_outline(self, latitude: float, longitude: float) -> bool:
        """Return whether a point lies in, or within OUTLINE_MARGIN_DEGREES of, an area of any layer."""
        return any(index.is_near(latitude, longitude, OUTLINE_MARGIN_DEGREES) for index in self.indexes.values())

    def areas_at(self, latitude: float, longitude: float) -> tuple[str, ...]:
        """Return the code of the area that the point lies in, empty for none; for each layer of parsed_rows.AREAS."""
        found = (
            self.indexes[layer].code_at(latitude, longitude) if layer in self.indexes else ""
            for layer in parsed_rows.AREA_LAYERS
        )
        return tuple(code or "" for code in found)

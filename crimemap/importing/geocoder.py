"""TODO docstring."""

from __future__ import annotations

import json

import shapely

from crimemap.importing import parsed_rows
from crimemap.importing.readers import cells as values
from crimemap.models import Block
from crimemap.places.areas import area_outlines
from crimemap.privacy.locations import Point
from crimemap.street_names import comparable


class Surroundings:
    """The agency's own blocks and areas: where a block's middle is, which areas a point lies in."""

    def __init__(self) -> None:
        rows = Block.objects.values_list("street", "hundred", "latitude", "longitude")
        self.blocks = {(comparable(street), hundred): (north, east) for street, hundred, north, east in rows}
        self.layers: dict[str, tuple[list[str], shapely.STRtree]] = {}
        for layer in parsed_rows.AREAS:
            if areas := area_outlines(layer):
                shapes = [shapely.from_geojson(json.dumps(area.outline)) for area in areas]
                self.layers[layer] = [area.code for area in areas], shapely.STRtree(shapes)

    def middle(self, block_text: str) -> Point | None:
        """The point of a block in the agency's own layer."""
        named = values.hundred(block_text) if self.blocks else None
        return self.blocks.get((comparable(named[1]), named[0])) if named else None

    def area(self, layer: str, latitude: float, longitude: float) -> str:
        """The code of the area that a point lies in; "" for none."""
        if layer not in self.layers:
            return ""
        codes, tree = self.layers[layer]
        found = tree.query(shapely.Point(longitude, latitude), predicate="intersects")
        return codes[found.min()] if len(found) else ""

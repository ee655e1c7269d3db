"""Small made-up extracts of OpenStreetMap, as XML, which osmium reads like .osm.pbf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

WEST, SOUTH = -38.5, 41.5
STEP = 0.001  # degrees between whole coordinates: about 110 m north, 83 m east
BOX = (WEST - 0.02, SOUTH - 0.02, WEST + 0.02, SOUTH + 0.02)

Spot = tuple[float, float]


def write(
    folder: Path, ways: Sequence[tuple[Sequence[Spot], Mapping[str, str]]], nodes: Mapping[Spot, Mapping[str, str]]
) -> Path:
    """Write ways and tagged nodes whose points are (steps east, steps north). Ways share the node of a point."""
    numbers: dict[Spot, int] = {}
    for spot in [*nodes, *(spot for spots, _tags in ways for spot in spots)]:
        numbers.setdefault(spot, len(numbers) + 1)
    lines = [
        '<osm version="0.6">',
        f'<bounds minlat="{BOX[1]}" minlon="{BOX[0]}" maxlat="{BOX[3]}" maxlon="{BOX[2]}"/>',
    ]
    for (x, y), number in numbers.items():
        place = f'lon="{WEST + x * STEP:.7f}" lat="{SOUTH + y * STEP:.7f}"'
        lines.append(f'<node id="{number}" version="1" {place}>{_tags(nodes.get((x, y), {}))}</node>')
    for number, (spots, tags) in enumerate(ways, 1):
        refs = "".join(f'<nd ref="{numbers[spot]}"/>' for spot in spots)
        lines.append(f'<way id="{number}" version="1">{refs}{_tags(tags)}</way>')
    path = folder / "city.osm"
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return path


def _tags(tags: Mapping[str, str]) -> str:
    return "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())


def street(name: str, *spots: Spot, kind: str = "residential") -> tuple[Sequence[Spot], Mapping[str, str]]:
    return spots, {"highway": kind, "name": name}


def house(number: str, street: str) -> Mapping[str, str]:
    return {"building": "yes", "addr:housenumber": number, "addr:street": street}

"""Import of an agency's block layer: one point for each hundred of a street, from midpoints or from street center lines.

    file = layer_file.read_layer_file(path, name, folder)      # points, lines, or a table with coordinates
    parsed = block_import.parse_blocks(file, block_import.guess_columns(file))
    result = block_import.replace_blocks(parsed.blocks)

A center line with the addresses 400 to 598 becomes the 400 and the 500 block. A block in several pieces, or with a line for
each direction, gets one point in the middle of its addresses. Blocks that stay keep their row, so that references from tips
and events remain valid.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from crimemap.layer_files.features import Feature
from crimemap.layer_files.layer_file import LayerFile, LayerFileError
from crimemap.models import Area, Block
from crimemap.places import area_import
from crimemap.places.area_import import LayerImportResult
from crimemap.street_names import normalize_name, restore_capitals

MAX_STREET_CHARACTERS, MAX_HOUSE_NUMBER = 80, 1_000_000
# Property names that files use, best first; compared without case, spaces and underscores.
_STREET = ("fullname", "fullstreetname", "streetname", "stname", "street", "fullst", "name", "roadname")
_PARTS = (
    ("predir", "predirectional", "stpredir", "fedirp", "dirpre"),
    ("streetnam", "streetname", "stname", "name", "fename", "basename"),
    ("streettyp", "streettype", "sttype", "suftype", "fetype", "type", "suffix"),
    ("sufdir", "postdir", "stsufdir", "fedirs", "dirsuf"),
)
_RANGES = (
    ("lfadd", "lfromadd", "lfromaddr", "fromaddrl", "leftfrom", "fraddl", "lfromhn", "fromleft"),
    ("ltadd", "ltoadd", "ltoaddr", "toaddrl", "leftto", "toaddl", "ltohn", "toleft"),
    ("rfadd", "rfromadd", "rfromaddr", "fromaddrr", "rightfrom", "fraddr", "rfromhn", "fromright"),
    ("rtadd", "rtoadd", "rtoaddr", "toaddrr", "rightto", "toaddr", "rtohn", "toright"),
)
_HUNDRED = ("hundred", "blocknumber", "hundredblock", "hundredblk", "number", "block")
_BLOCK = ("block", "blockname", "hundredblock", "locationblock", "address", "name")
_LATITUDE, _LONGITUDE = ("latitude", "lat", "y", "pointy"), ("longitude", "lon", "lng", "long", "x", "pointx")
# "400 block of Arden St", "004XX W 24TH PL", "2300 BLOCK MARKET ST"
_WRITTEN = re.compile(r"(\d+)(?:XX|X)?\s+(?:BLOCK\s+)?(?:OF\s+)?(\S.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """A block before it is stored: its middle in degrees; `hundred` is 400 for house numbers 400 to 499."""

    street: str
    hundred: int
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class ParsedBlocks:
    """The content of a file: its blocks, the number of rows or lines read, and sentences about those left out."""

    blocks: list[BlockPoint]
    rows_read: int
    notes: list[str]


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A piece of a street's center line with the house numbers at its two ends."""

    street: str
    start: float
    end: float
    line: BaseGeometry

    @property
    def low(self) -> float:
        return min(self.start, self.end)

    @property
    def high(self) -> float:
        return max(self.start, self.end)

    def point_at(self, address: float) -> BaseGeometry:
        fraction = 0.5 if self.start == self.end else (address - self.start) / (self.end - self.start)
        return self.line.interpolate(min(1.0, max(0.0, fraction)), normalized=True)


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """The properties that say which block a point or a line is; "" for those that the file does not have.

    street: the whole name, or the name alone where direction, street_type and suffix have the rest. Points have a hundred
    beside it, or a label like "400 block of Arden St". Lines have house numbers at their two ends, on one side or on both.
    latitude and longitude: only of a table.
    """

    street: str = ""
    direction: str = ""
    street_type: str = ""
    suffix: str = ""
    hundred: str = ""
    label: str = ""
    latitude: str = ""
    longitude: str = ""
    left_from: str = ""
    left_to: str = ""
    right_from: str = ""
    right_to: str = ""

    @property
    def ranges(self) -> tuple[str, str, str, str]:
        return self.left_from, self.left_to, self.right_from, self.right_to

    def street_of(self, properties: dict[str, str]) -> str:
        parts = (self.direction, self.street, self.street_type, self.suffix)
        return " ".join(filter(None, (properties.get(name, "") for name in parts if name)))


def has_lines(file: LayerFile) -> bool:
    """Return whether the file has center lines, else it has points or rows. Raises LayerFileError for other shapes."""
    kinds = {feature.shape.geom_type for feature in file.features if feature.shape is not None}
    if kinds and kinds <= {"LineString", "MultiLineString"}:
        return True
    if kinds <= {"Point"} and (kinds or file.facts.kind == "table"):
        return False
    raise LayerFileError(_("A block layer has only points or only lines. This file has other shapes, or both."))


def guess_columns(file: LayerFile) -> BlockColumns:
    """Return the properties that most likely say which block each point or line is. Raises LayerFileError."""
    names = area_import.property_names(file.features)

    def pick(wanted: Sequence[str]) -> str:
        return area_import.pick_property(names, wanted)

    whole, (direction, name, street_type, suffix) = pick(_STREET), (pick(wanted) for wanted in _PARTS)
    if has_lines(file):
        found = BlockColumns(whole, "", "", "", "", "", "", "", *(pick(wanted) for wanted in _RANGES))
        if whole and (whole != name or not (direction or street_type)):
            return found
        return replace(found, street=name, direction=direction, street_type=street_type, suffix=suffix)
    found = BlockColumns(whole, hundred=pick(_HUNDRED), label=pick(_BLOCK))
    if file.facts.kind == "table":
        found = replace(found, latitude=pick(_LATITUDE), longitude=pick(_LONGITUDE))
    return found


def parse_blocks(file: LayerFile, columns: BlockColumns) -> ParsedBlocks:
    """Return the blocks of a file of midpoints or of center lines. Raises LayerFileError."""
    return _parse_lines(file.features, columns) if has_lines(file) else _parse_points(file, columns)


# Midpoints


def _parse_points(file: LayerFile, columns: BlockColumns) -> ParsedBlocks:
    is_table = file.facts.kind == "table"
    if is_table and not (columns.latitude and columns.longitude):
        raise LayerFileError(
            _("A table of blocks has the columns street, hundred, latitude and longitude. These were not found.")
        )
    if not (columns.street and columns.hundred) and not columns.label:
        raise LayerFileError(
            _("This file doesn't say which block each point is. It needs a street with its hundred, or a name like “400 block of Main St”.")
        )  # fmt: skip
    blocks: dict[tuple[str, int], BlockPoint] = {}
    left_out: Counter[str] = Counter()
    for feature in file.features:
        row = feature.properties
        block = _block_from_columns(row, columns) or _block_from_text(row.get(columns.label, ""))
        y, x = _point_of(feature, columns)
        if block is None:
            left_out[_("no block")] += 1
        elif y is None or x is None or abs(y) > 90 or abs(x) > 180 or x == y == 0:
            left_out[_("no point")] += 1
        elif (place := (normalize_name(block[0]), block[1])) in blocks:
            left_out[_("the block is a duplicate")] += 1
        else:
            blocks[place] = BlockPoint(*block, x, y)
    return _finish(list(blocks.values()), len(file.features), left_out)


def _point_of(feature: Feature, columns: BlockColumns) -> tuple[float | None, float | None]:
    """Return latitude and longitude."""
    if isinstance(feature.shape, shapely.Point):
        return feature.shape.y, feature.shape.x
    row = feature.properties
    return _parse_number(row.get(columns.latitude)), _parse_number(row.get(columns.longitude))


def _block_from_columns(row: dict[str, str], columns: BlockColumns) -> tuple[str, int] | None:
    number = _parse_number(row.get(columns.hundred)) if columns.street and columns.hundred else None
    return None if number is None else _make_block(columns.street_of(row), number)


def _block_from_text(text: str) -> tuple[str, int] | None:
    match = _WRITTEN.match(" ".join(text.split()))
    if match is None:
        return None
    number, street = int(match[1]), match[2]
    if re.match(r"\d+XX\b", text.strip(), re.IGNORECASE):
        number *= 100
    elif re.match(r"\d+X\b", text.strip(), re.IGNORECASE):  # "0000X S STATE ST": the numbers below 100
        number = 0
    return _make_block(street, number)


def _make_block(street: str, number: float) -> tuple[str, int] | None:
    street = restore_capitals(" ".join(street.split()))[:MAX_STREET_CHARACTERS]
    if not normalize_name(street) or not 0 <= number < MAX_HOUSE_NUMBER:
        return None
    return street, int(number) // 100 * 100


def _parse_number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


# Center lines


def _parse_lines(features: Sequence[Feature], columns: BlockColumns) -> ParsedBlocks:
    if not any(columns.ranges) or not columns.street:
        raise LayerFileError(
            _("Center lines need a street name and address ranges, such as L_F_ADD, L_T_ADD, R_F_ADD and R_T_ADD.")
        )
    lines: list[NumberedLine] = []
    left_out: Counter[str] = Counter()
    for feature in features:
        street = restore_capitals(columns.street_of(feature.properties))[:MAX_STREET_CHARACTERS]
        addresses = _address_range([feature.properties.get(name, "") for name in columns.ranges])
        if feature.shape is None:
            left_out[_("no shape")] += 1
        elif not normalize_name(street):
            left_out[_("no street")] += 1
        elif addresses is None:
            left_out[_("no addresses")] += 1
        else:
            lines.append(NumberedLine(street, *addresses, _longest_line(feature.shape)))
    return _finish(place_blocks(lines), len(features), left_out)


def place_blocks(lines: Iterable[NumberedLine]) -> list[BlockPoint]:
    """Return every hundred that the lines' house numbers touch, by street. A street keeps its first spelling."""
    pieces: dict[tuple[str, int], list[NumberedLine]] = defaultdict(list)
    streets: dict[str, str] = {}
    for line in lines:
        key = normalize_name(line.street)
        streets.setdefault(key, line.street)
        for hundred in range(int(line.low) // 100 * 100, int(line.high) + 1, 100):
            pieces[key, hundred].append(line)
    return [_middle_point(streets[key], hundred, parts) for (key, hundred), parts in sorted(pieces.items())]


def _address_range(texts: list[str]) -> tuple[float, float] | None:
    """Return the house numbers at both ends of a line, from the side with the longer range; None if neither has one."""
    numbers = [_parse_number(text) or 0 for text in texts]
    sides = [
        (start, end)
        for start, end in (numbers[:2], numbers[2:])
        if 0 < start < MAX_HOUSE_NUMBER and 0 < end < MAX_HOUSE_NUMBER
    ]
    if not sides:
        return None
    longest = max(sides, key=lambda side: abs(side[1] - side[0]))
    return (
        longest if abs(longest[1] - longest[0]) < 10_000 else None
    )  # beyond it: a typing error, or a road through a county


def _longest_line(shape: BaseGeometry | None) -> BaseGeometry:
    merged = shapely.line_merge(shape)
    return max(shapely.get_parts(merged), key=lambda part: float(part.length))


def _middle_point(street: str, hundred: int, parts: list[NumberedLine]) -> BlockPoint:
    """Return the point at the middle address of a block: the mean over the pieces that contain it, or of the nearest ends."""
    low = max(hundred, min(piece.low for piece in parts))
    high = min(hundred + 99, max(piece.high for piece in parts))
    address = (low + high) / 2
    distances = [max(piece.low - address, address - piece.high, 0) for piece in parts]
    near = [
        piece.point_at(address)
        for piece, distance in zip(parts, distances, strict=True)
        if distance <= min(distances) + 2
    ]
    x, y = sum(point.x for point in near) / len(near), sum(point.y for point in near) / len(near)
    return BlockPoint(street, hundred, round(x, 6), round(y, 6))


def _finish(blocks: list[BlockPoint], read: int, left_out: Counter[str]) -> ParsedBlocks:
    notes = [
        _("%(count)s of %(read)s were left out: %(why)s.") % {"count": count, "read": read, "why": why}
        for why, count in left_out.most_common()
    ]
    if not blocks:
        raise LayerFileError(" ".join([_("This file has no blocks."), *notes]))
    return ParsedBlocks(blocks, read, notes)


# Storing


def compare_blocks(blocks: Sequence[BlockPoint]) -> LayerImportResult:
    """Return what replace_blocks() would do, and store nothing."""
    given = {(normalize_name(block.street), block.hundred): block for block in blocks}
    rows = Block.objects.values_list("key", "hundred", "street", "latitude", "longitude")
    before = {row[:2]: row[2:] for row in rows}
    same = {
        place for place, block in given.items() if before.get(place) == (block.street, block.latitude, block.longitude)
    }
    kept = given.keys() & before.keys()
    return LayerImportResult(len(given) - len(kept), len(kept) - len(same), len(same), rows.count() - len(kept))


def replace_blocks(blocks: Sequence[BlockPoint]) -> LayerImportResult:
    """Make these the blocks of the city, in one transaction. A block keeps its row even if its street is spelled differently."""
    given = {(normalize_name(block.street), block.hundred): block for block in blocks}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {Block._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
        rows = Block.objects.order_by("-pk").values_list("key", "hundred", "pk", "street", "latitude", "longitude")
        before: dict[tuple[str, int], tuple[Any, ...]] = {row[:2]: row[2:] for row in rows}
        kept_ids: set[int] = {before[place][0] for place in given if place in before}
        removed = Block.objects.exclude(pk__in=kept_ids).delete()[0]
        changed = [
            (before[place][0], *content)
            for place, block in given.items()
            if place in before and before[place][1:] != (content := (block.street, block.latitude, block.longitude))
        ]
        if changed:
            cursor.execute(_UPDATE, [list(column) for column in zip(*changed, strict=True)])
        created = [
            (block.street, *place, block.latitude, block.longitude)
            for place, block in given.items()
            if place not in before
        ]
        if created:
            cursor.execute(_INSERT, [list(column) for column in zip(*created, strict=True)])
        if created or changed:
            for layer in (Area.Layer.DISTRICT, Area.Layer.BEAT, Area.Layer.NEIGHBOURHOOD):
                area_import.assign_areas(layer)
    return LayerImportResult(len(created), len(changed), len(given) - len(created) - len(changed), removed)


_UPDATE = """
UPDATE crimemap_block AS block SET street = given.street, latitude = given.latitude, longitude = given.longitude
FROM unnest(%s::bigint[], %s::text[], %s::float8[], %s::float8[]) AS given (id, street, latitude, longitude)
WHERE block.id = given.id
"""
_INSERT = """
INSERT INTO crimemap_block (street, key, hundred, latitude, longitude, areas)
SELECT *, '{}' FROM unnest(%s::text[], %s::text[], %s::int[], %s::float8[], %s::float8[])
"""

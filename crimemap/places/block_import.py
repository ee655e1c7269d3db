"""Import of an agency's block layer: one point for each hundred of a street, from midpoints or from street center lines.

    parsed = block_import.parse_blocks(content)      # CSV or GeoJSON, gzipped or not
    result = block_import.replace_blocks(parsed.blocks)

A center line with the addresses 400 to 598 becomes the 400 and the 500 block. A block in several pieces, or with a line for
each direction, gets one point in the middle of its addresses. Blocks that stay keep their row, so that references from tips
and events remain valid.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from crimemap.models import Area, Block
from crimemap.places import area_import
from crimemap.places.area_import import Feature, LayerFileError, LayerImportResult
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


def parse_blocks(content: bytes) -> ParsedBlocks:
    """Parse a CSV of midpoints, GeoJSON points, or GeoJSON center lines with address ranges. Raises LayerFileError."""
    content = area_import.decompress(content)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return _parse_points(*_read_table(content))
    features = [feature for feature in area_import.parse_features(content) if feature.shape is not None]
    names = area_import.property_names(features)
    if all(isinstance(feature.shape, shapely.Point) for feature in features):
        return _parse_points(names, _point_rows(features))
    if all(isinstance(feature.shape, shapely.LineString | shapely.MultiLineString) for feature in features):
        return _parse_lines(names, features)
    raise LayerFileError(_("A block layer has only points or only lines. This file has other shapes, or both."))


# Midpoints


def _read_table(content: bytes) -> tuple[list[str], Iterator[dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
    names = [name for name in reader.fieldnames or [] if name]
    if not area_import.pick_property(names, _LATITUDE) or not area_import.pick_property(names, _LONGITUDE):
        raise LayerFileError(
            _("A table of blocks has the columns street, hundred, latitude and longitude. These were not found.")
        )
    return names, _iterate_rows(reader)


def _iterate_rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    try:
        for row in reader:
            yield {name: value for name, value in row.items() if isinstance(value, str)}
    except csv.Error as error:
        raise LayerFileError(
            _("Row %(row)s can't be read: %(why)s.") % {"row": reader.line_num, "why": error}
        ) from None


def _point_rows(features: Sequence[Feature]) -> Iterator[dict[str, str]]:
    for feature in features:
        assert isinstance(feature.shape, shapely.Point)
        yield feature.properties | {"latitude": repr(feature.shape.y), "longitude": repr(feature.shape.x)}


def _parse_points(names: list[str], rows: Iterator[dict[str, str]]) -> ParsedBlocks:
    street, hundred = area_import.pick_property(names, _STREET), area_import.pick_property(names, _HUNDRED)
    written = area_import.pick_property(names, _BLOCK)
    latitude, longitude = (
        area_import.pick_property(names, _LATITUDE) or "latitude",
        area_import.pick_property(names, _LONGITUDE) or "longitude",
    )
    if not (street and hundred) and not written:
        raise LayerFileError(
            _(
                "This file doesn't say which block each point is. It needs a street with its hundred, or a name like “400 block of Arden St”."
            )
        )
    blocks: dict[tuple[str, int], BlockPoint] = {}
    left_out: Counter[str] = Counter()
    read = 0
    for row in rows:
        read += 1
        block = _block_from_columns(row, street, hundred) or _block_from_text(row.get(written, ""))
        y, x = _parse_number(row.get(latitude)), _parse_number(row.get(longitude))
        if block is None:
            left_out[_("no block")] += 1
        elif y is None or x is None or abs(y) > 90 or abs(x) > 180 or x == y == 0:
            left_out[_("no point")] += 1
        elif (place := (normalize_name(block[0]), block[1])) in blocks:
            left_out[_("the block is a duplicate")] += 1
        else:
            blocks[place] = BlockPoint(*block, x, y)
    return _finish(list(blocks.values()), read, left_out)


def _block_from_columns(row: dict[str, str], street: str, hundred: str) -> tuple[str, int] | None:
    number = _parse_number(row.get(hundred)) if street and hundred else None
    return None if number is None else _make_block(row.get(street, ""), number)


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


def _parse_lines(names: list[str], features: Sequence[Feature]) -> ParsedBlocks:
    ranges = [area_import.pick_property(names, wanted) for wanted in _RANGES]
    street_of = _street_reader(names)
    if not any(ranges) or street_of is None:
        raise LayerFileError(
            _("Center lines need a street name and address ranges, such as L_F_ADD, L_T_ADD, R_F_ADD and R_T_ADD.")
        )
    lines: list[NumberedLine] = []
    left_out: Counter[str] = Counter()
    for feature in features:
        street = restore_capitals(street_of(feature.properties))[:MAX_STREET_CHARACTERS]
        addresses = _address_range([feature.properties.get(name, "") for name in ranges])
        if not normalize_name(street):
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


def _street_reader(names: list[str]) -> Callable[[dict[str, str]], str] | None:
    parts = [area_import.pick_property(names, wanted) for wanted in _PARTS]
    whole = area_import.pick_property(names, _STREET)
    if whole and (whole != parts[1] or not (parts[0] or parts[2])):
        return lambda row: row.get(whole, "")
    if parts[1]:
        return lambda row: " ".join(filter(None, (row.get(name, "") for name in parts if name)))
    return None


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

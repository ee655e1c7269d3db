"""Builds Riverton from its plan: streets, blocks, intersections and areas as plain data, in meters from plan.MIDDLE.

The result is always the same: seeded generators, no clock, nothing that depends on the order of a set.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

from crimemap import geometry
from crimemap.demo import plan, plane_geometry
from crimemap.geometry import Line, Point

SHORTEST_BLOCK = 50.0  # metres: crossings closer together than this start no new block
HUNDRED = 165.0  # metres of street that use up a hundred house numbers
OVERSHOOT = 2.0  # metres a street runs past its end, so that it surely crosses the street it ends on
PAVEMENT = 8.0  # metres between the middle of a street and a park
STUB = 70.0  # metres: shorter pieces are left out
FAR = 9000.0  # metres: outside everything
BANKS = ("north", "south")


@dataclass(frozen=True)
class Street:
    """A street. pieces run in the direction of rising house numbers; before: meters of numbers ahead of the first piece."""

    name: str
    rank: str  # "major" or "minor"
    pieces: list[Line]
    before: float = 0.0


@dataclass(frozen=True)
class CityBlock:
    street: str
    hundred: int
    point: Point


@dataclass(frozen=True)
class Corner:
    first: str
    second: str
    point: Point


@dataclass(frozen=True)
class CityArea:
    layer: str
    code: str
    name: str
    ring: Line


@dataclass(frozen=True)
class Bridge:
    plan: plan.PlannedBridge
    north: Point
    south: Point


@dataclass(frozen=True)
class BankGrid:
    """One bank's grid: the distances of its lines, with the names of the arterials among them."""

    grid: plan.StreetGrid
    across: dict[float, str | None]
    along: dict[float, str | None]

    def place(self, u: float, v: float) -> Point:
        cos, sin = math.cos(math.radians(self.grid.turn)), math.sin(math.radians(self.grid.turn))
        return u * cos - v * sin, u * sin + v * cos

    def cells(self, corners: tuple[Point, Point]) -> Line:
        """The ring a few steps inside the grid lines round two points: streets run along a park, not on its edge."""
        (u1, v1), (u2, v2) = (_turned(self.grid, corner) for corner in corners)
        west, east = max(u for u in self.across if u <= min(u1, u2)), min(u for u in self.across if u >= max(u1, u2))
        south, north = max(v for v in self.along if v <= min(v1, v2)), min(v for v in self.along if v >= max(v1, v2))
        left, right, low, high = west + PAVEMENT, east - PAVEMENT, south + PAVEMENT, north - PAVEMENT
        return [self.place(left, low), self.place(right, low), self.place(right, high), self.place(left, high)]


def _turned(grid: plan.StreetGrid, point: Point) -> Point:
    cos, sin = math.cos(math.radians(grid.turn)), math.sin(math.radians(grid.turn))
    return point[0] * cos + point[1] * sin, -point[0] * sin + point[1] * cos


def _fill(wide: dict[float, str], spacing: float, chance: random.Random) -> dict[float, str | None]:
    """Distances of all lines: the arterials, and about one every `spacing` metres between and beyond them."""
    stops = sorted(wide)
    lines: dict[float, str | None] = dict(wide)
    for start, end in pairwise([stops[0] - 20 * spacing, *stops, stops[-1] + 20 * spacing]):
        count = max(1, round((end - start) / spacing))
        step = (end - start) / count
        for index in range(1, count):
            lines[start + index * step + chance.uniform(-0.09, 0.09) * spacing] = None
    return dict(sorted(lines.items()))


class Riverton:
    """The whole city; each part is built when it is first used."""

    def __init__(self) -> None:
        self.limits = plane_geometry.spline(plan.CITY_LIMITS, 5, closed=True)
        self.river = plane_geometry.spline([(x, y) for x, y, _ in plan.RIVER], 5)
        self.widths = [
            width for _, width in plane_geometry.spline([(i, w) for i, (_, _, w) in enumerate(plan.RIVER)], 5)
        ]
        self.island = self._island()
        self.pond = plane_geometry.spline(plan.POND, 4, closed=True)
        self.quays = {bank: self._beside_river(bank, plan.QUAY) for bank in BANKS}
        self.shores = {
            bank: [*self.quays[bank], (FAR, far), (-FAR, far)] for bank, far in (("north", FAR), ("south", -FAR))
        }
        self.bridges = [self._bridge(crossing) for crossing in plan.BRIDGES]
        self.frames = {bank: self._frame(bank) for bank in BANKS}
        self.park_rings = {park.name: self.frames[park.bank].cells(park.corners) for park in plan.PARKS}

    def _beside_river(self, bank: str, more: float) -> Line:
        side = 1 if bank == "north" else -1
        return plane_geometry.offset_line(self.river, [side * (width + more) for width in self.widths])

    def _stretch(self, start: float, end: float) -> list[int]:
        """Indices of the river's points between two distances along it."""
        walked = [0.0]
        for a, b in pairwise(self.river):
            walked.append(walked[-1] + math.dist(a, b))
        return [index for index, distance in enumerate(walked) if start <= distance <= end]

    def _island(self) -> Line:
        points = self._stretch(*plan.ISLAND)
        middle = [self.river[index] for index in points]
        widths = [plan.ISLAND_WIDTH * math.sin(math.pi * i / (len(points) - 1)) ** 0.6 for i in range(len(points))]
        return (
            plane_geometry.offset_line(middle, widths)[:-1]
            + plane_geometry.offset_line(middle, [-width for width in widths])[:0:-1]
        )

    @cached_property
    def riverside(self) -> list[Line]:
        """Green banks between water and quay."""
        result = []
        for bank, start, end in plan.RIVERSIDE:
            points = self._stretch(start, end)
            water, street = self._beside_river(bank, 0), self._beside_river(bank, plan.QUAY - 20)
            result.append([water[index] for index in points] + [street[index] for index in reversed(points)])
        return result

    @cached_property
    def water(self) -> Line:
        return self._beside_river("north", 0) + self._beside_river("south", 0)[::-1]

    def _bridge(self, crossing: plan.PlannedBridge) -> Bridge:
        here = plane_geometry.cut_line(self.river, crossing.along - 30, crossing.along + 30)
        (x1, y1), (x2, y2) = here[0], here[-1]
        middle, size = plane_geometry.interpolate(here[0], here[-1], 0.5), math.dist(here[0], here[-1])
        north = (middle[0] - (y2 - y1) / size * 1000, middle[1] + (x2 - x1) / size * 1000)
        south = (middle[0] + (y2 - y1) / size * 1000, middle[1] - (x2 - x1) / size * 1000)
        ends = []
        for far, bank in ((north, "north"), (south, "south")):
            hit = plane_geometry.crossings([middle, far], self.quays[bank])[0]
            ends.append(plane_geometry.interpolate(middle, far, hit[0] / math.dist(middle, far)))
        return Bridge(crossing, ends[0], ends[1])

    def _frame(self, bank: str) -> BankGrid:
        chance = random.Random(f"Riverton {bank}")  # noqa: S311  (a drawing, no secret)
        grid = plan.NORTH if bank == "north" else plan.SOUTH
        heads = {
            _turned(grid, bridge.north if bank == "north" else bridge.south)[0]: getattr(bridge.plan, bank)
            for bridge in self.bridges
        }
        return BankGrid(grid, _fill(heads, grid.spacing[1], chance), _fill(grid.wide, grid.spacing[0], chance))

    # Streets

    @cached_property
    def streets(self) -> list[Street]:
        result = [Street(name, "major", self._clipped(self.quays[bank], None)) for bank, name in plan.QUAYS.items()]
        for bank in BANKS:
            result += self._grid_streets(bank)
        ring = [(x * plan.PARKWAY_SCALE, y * plan.PARKWAY_SCALE) for x, y in self.limits]
        for name, line in [(plan.PARKWAY, [*ring, ring[0]]), *plan.DIAGONALS.items()]:
            pieces = [piece for bank in BANKS for piece in self._clipped(line, bank)]
            result.append(Street(name, "major", pieces))
        return [street for street in result if street.pieces]

    def _grid_streets(self, bank: str) -> Iterator[Street]:
        frame = self.frames[bank]
        chance = random.Random(f"Riverton gaps {bank}")  # noqa: S311
        outward = 1 if bank == "north" else -1
        us, vs = list(frame.across), list(frame.along)
        names = iter(frame.grid.along)
        for v in vs[::outward]:
            line = [frame.place(us[0], v), frame.place(us[-1], v)]
            wide = frame.along[v]
            pieces = self._clipped(line, bank, None if wide else self._gaps(line, [u - us[0] for u in us], chance))
            if pieces:
                before = max(0.0, _turned(frame.grid, pieces[0][0])[0] - plan.WESTERNMOST)
                yield Street(wide or next(names), "major" if wide else "minor", pieces, before)
        names = iter(frame.grid.across)
        for u in us:
            ends = [vs[0], vs[-1]][::outward]
            line = [frame.place(u, ends[0]), frame.place(u, ends[1])]
            wide = frame.across[u]
            stops = [abs(v - ends[0]) for v in vs[::outward]]
            pieces = self._clipped(line, bank, None if wide else self._gaps(line, stops, chance))
            if pieces:
                yield Street(wide or next(names), "major" if wide else "minor", pieces)

    def _gaps(self, line: Line, stops: list[float], chance: random.Random) -> list[tuple[float, float]]:
        """Stretches between two crossing streets that were never built: few in the middle, more at the rim."""
        result = []
        for start, end in pairwise(stops):
            x, y = plane_geometry.cut_line(line, (start + end) / 2, end)[0]
            rim = math.hypot(x / plan.PARKWAY_SCALE / 3100, y / plan.PARKWAY_SCALE / 2050)
            if chance.random() < (0.03 if rim < 1 else 0.28):
                result.append((start, end))
        return result

    def _clipped(self, line: Line, bank: str | None, gaps: list[tuple[float, float]] | None = None) -> list[Line]:
        """The pieces of `line` within the city limits and on one bank; with `gaps`, a minor street, outside those and parks."""
        parks = [park for park in plan.PARKS if park.bank == bank and gaps is not None]
        rings = [self.park_rings[park.name] for park in parks]
        gaps = gaps or []
        borders: list[Line] = [[*ring, ring[0]] for ring in [self.limits, *rings]]
        if bank:
            borders.append(self.quays[bank])
        whole = plane_geometry.length(line)
        cuts = {0.0, whole} | {end for gap in gaps for end in gap if 0 < end < whole}
        cuts |= {along for border in borders for along, _ in plane_geometry.crossings(line, border)}

        def is_built(start: float, end: float) -> bool:
            middle = plane_geometry.cut_line(line, (start + end) / 2, end)
            if not middle or any(low <= (start + end) / 2 <= high for low, high in gaps):
                return False
            point = middle[0]
            on_bank = bank is None or geometry.inside(point, self.shores[bank])
            return (
                on_bank
                and geometry.inside(point, self.limits)
                and not any(geometry.inside(point, ring) for ring in rings)
            )

        spans: list[list[float]] = []
        for start, end in pairwise(sorted(cuts)):
            if not is_built(start, end):
                continue
            if spans and spans[-1][1] == start:
                spans[-1][1] = end
            else:
                spans.append([start, end])
        return [
            plane_geometry.cut_line(line, max(0.0, start - OVERSHOOT), min(whole, end + OVERSHOOT))
            for start, end in spans
            if end - start > STUB
        ]

    # Blocks and corners

    @cached_property
    def _meetings(self) -> tuple[list[Corner], dict[tuple[str, int], list[float]]]:
        """All corners, and for each piece of a street (name, index) the distances at which others meet it."""
        corners: list[Corner] = []
        stops: dict[tuple[str, int], list[float]] = {}
        for one, two in combinations(self.streets, 2):
            first, second = sorted((one.name, two.name))
            for i, piece in enumerate(one.pieces):
                for j, other in enumerate(two.pieces):
                    for along, beside in plane_geometry.crossings(piece, other):
                        stops.setdefault((one.name, i), []).append(along)
                        stops.setdefault((two.name, j), []).append(beside)
                        corners.append(
                            Corner(first, second, plane_geometry.cut_line(piece, along - 0.01, along + 0.01)[0])
                        )
        return corners, stops

    @cached_property
    def corners(self) -> list[Corner]:
        """Each once, also where two streets touch twice within a few steps."""
        result: dict[tuple[str, str], list[Corner]] = {}
        for corner in self._meetings[0]:
            known = result.setdefault((corner.first, corner.second), [])
            if all(math.dist(corner.point, other.point) > 60 for other in known):
                known.append(corner)
        return [corner for known in result.values() for corner in known]

    @cached_property
    def blocks(self) -> list[CityBlock]:
        result = []
        for street in self.streets:
            hundred, walked = 0, street.before
            for index, piece in enumerate(street.pieces):
                if index:
                    walked += math.dist(street.pieces[index - 1][-1], piece[0])
                for start, end in self._spans(piece, self._meetings[1].get((street.name, index), [])):
                    hundred = max(hundred + 100, 100 + int((walked + start) / HUNDRED) * 100)
                    result.append(
                        CityBlock(street.name, hundred, plane_geometry.cut_line(piece, (start + end) / 2, end)[0])
                    )
                walked += plane_geometry.length(piece)
        return result

    def _spans(self, piece: Line, stops: list[float]) -> Iterator[tuple[float, float]]:
        """From crossing to crossing, none shorter than SHORTEST_BLOCK unless the piece is."""
        whole = plane_geometry.length(piece)
        cuts = [0.0]
        for stop in sorted(stops):
            if stop - cuts[-1] >= SHORTEST_BLOCK and whole - stop >= SHORTEST_BLOCK:
                cuts.append(stop)
        yield from pairwise([*cuts, whole])

    # Areas

    @cached_property
    def areas(self) -> list[CityArea]:
        result = [CityArea("city", "riverton", "Riverton", self.limits)]
        districts = [area for bank in BANKS for area in _peel(self._bank(bank), plan.DISTRICTS[bank])]
        for number, (name, ring) in enumerate(districts, 1):
            result.append(CityArea("district", str(number), name, ring))
            beats = [(f"{number}{index}", line) for index, line in enumerate(plan.BEATS[name], 1)]
            result += [CityArea("beat", code, f"Beat {code}", ring) for code, ring in _peel(ring, beats)]
        for bank in BANKS:
            for name, ring in _peel(self._bank(bank), plan.NEIGHBOURHOODS[bank]):
                result.append(CityArea("neighbourhood", name.lower().replace(" ", "-"), name, ring))
        return result

    @cached_property
    def borders(self) -> list[Line]:
        """The borders between two districts on land."""
        result = []
        for bank in BANKS:
            ring = self._bank(bank)
            for _, line in plan.DISTRICTS[bank]:
                if line:
                    (enter, _), (leave, _) = plane_geometry.crossings(line, [*ring, ring[0]])
                    result.append(plane_geometry.cut_line(line, enter, leave))
        return result

    def _bank(self, bank: str) -> Line:
        return plane_geometry.split(self.limits, self.river)[0 if bank == "north" else 1]

    @cached_property
    def areas_of(self) -> Callable[[Point], dict[str, str]]:
        """A function that returns the code of the area of each layer that a point lies in."""
        boxes = [(area, *_box(area.ring)) for area in self.areas if area.layer != "city"]

        def look_up(point: Point) -> dict[str, str]:
            x, y = point
            return {
                area.layer: area.code
                for area, west, south, east, north in boxes
                if west <= x <= east and south <= y <= north and geometry.inside(point, area.ring)
            }

        return look_up


def _box(ring: Line) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)


def _peel(ring: Line, borders: list[tuple[str, list[Point]]]) -> Iterator[tuple[str, Line]]:
    for name, border in borders:
        if border:
            piece, ring = plane_geometry.split(ring, border)
            yield name, piece
        else:
            yield name, ring

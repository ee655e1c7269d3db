"""The hand-drawn plan of Riverton, a fictional city in the open ocean. Coordinates are meters east and north of its middle.

Every name is made up of plain words; none means a real place.
"""

from __future__ import annotations

from dataclasses import dataclass

from crimemap.geometry import Point

MIDDLE = (41.5, -38.5)  # degrees north, degrees east: the nearest land is 600 km away

CITY_LIMITS: list[Point] = [
    (-3120, -250), (-3020, 780), (-2500, 1560), (-1600, 1960), (-500, 2080), (650, 2160), (1750, 2040),
    (2620, 1790), (3150, 1220), (3260, 350), (3020, -620), (2450, -1420), (1500, -1890), (380, -2080),
    (-800, -2110), (-1850, -1960), (-2680, -1640), (-3080, -1010),
]  # fmt: skip

# The river's middle and half its width, west to east.
RIVER: list[tuple[float, float, float]] = [
    (-5200, -900, 105), (-4000, -1010, 100), (-3000, -930, 92), (-2350, -1000, 96), (-1750, -1090, 104),
    (-1150, -1010, 178), (-700, -760, 170), (-280, -390, 96), (150, -120, 84), (700, -10, 82), (1250, 60, 86),
    (1750, 290, 92), (2250, 640, 96), (2750, 950, 104), (3300, 1180, 112), (4200, 1420, 122), (5200, 1500, 130),
]  # fmt: skip
RIVER_NAME = "Arden River"
RIVER_LABEL = (7900.0, 8500.0)  # where its name is written, from and to along it
ISLAND = (3880.0, 4880.0)  # from and to along the river
ISLAND_WIDTH = 66.0  # half of it, at the widest
QUAY = 62  # from the water to the middle of the street along it

WESTERNMOST = -3150.0  # metres along a grid: where the numbers of the streets along it begin
NORTH_TURN, SOUTH_TURN = 8.0, -15.0  # degrees each bank's grid is turned against the compass


@dataclass(frozen=True)
class PlannedBridge:
    """A bridge: its name, its middle as a distance along the river from the west, and the streets it joins."""

    name: str
    along: float
    north: str
    south: str


BRIDGES = [
    PlannedBridge("Weir Bridge", 2890, "Weir Avenue", "Cooper Road"),
    PlannedBridge("Mill Bridge", 5010, "Mill Street", "Harbor Road"),
    PlannedBridge("Market Bridge", 6130, "Market Avenue", "Foundry Road"),
    PlannedBridge("Lock Bridge", 7420, "Lantern Avenue", "Lock Road"),
]


@dataclass(frozen=True)
class StreetGrid:
    """The streets of one bank. wide: the arterials along the river, distance across the grid to name.

    The other names are used in turn: `along` from the river outward, `across` from west to east.
    """

    turn: float
    spacing: tuple[float, float]  # metres between the streets along it, and between those across
    wide: dict[float, str]
    along: list[str]
    across: list[str]


def _ordinal(number: int) -> str:
    ending = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


NORTH = StreetGrid(
    NORTH_TURN,
    (176, 158),
    {560: "Arden Street", 1330: "Observatory Street"},
    [f"{name} Street" for name in (  # noqa: SIM905
        "Ferry Ropewalk Chandler Salt Penny Bell Saddler Linden Copper Juniper Thistle Hazel Clover Plover Lark Quail "
        "Sorrel Bramble Meadow Harvest Windmill Barley"
    ).split()],
    [f"{name} Avenue" for name in (  # noqa: SIM905
        "Heron Osprey Swift Finch Wren Starling Kestrel Alder Birch Cedar Dogwood Elder Hawthorn Ivy Larch Maple Myrtle "
        "Oak Poplar Rowan Baker Candle Drummer Fiddler Glover Hatter Potter Anchor Beacon Compass Dock Ensign Halyard "
        "Keel Mast Oar Pilot Rudder Spar Tiller Vane"
    ).split()],
)  # fmt: skip

SOUTH = StreetGrid(
    SOUTH_TURN,
    (178, 160),
    {-760: "Tanner Street", -1490: "Saltmarsh Street"},
    [f"{name} Street" for name in (  # noqa: SIM905
        "Barge Cinder Crane Anvil Forge Kiln Brick Slate Granite Marble Amber Opal Pearl Garnet Flint Onyx Jasper Agate "
        "Coral Topaz Quartz Basalt"
    ).split()],
    [f"{_ordinal(number)} Avenue" for number in range(1, 50)],
)  # fmt: skip

QUAYS = {"north": "North Quay", "south": "South Quay"}
PARKWAY, PARKWAY_SCALE = "Orchard Parkway", 0.83  # the ring inside the city limits
DIAGONALS: dict[str, list[Point]] = {
    "Kettle Road": [(-1960, 2330), (-430, 380), (-40, 205)],
    "Causeway Road": [(560, -420), (1500, -900), (2900, -1190)],
}
"""Arterials that ignore the grid: name to the points they join."""


@dataclass(frozen=True)
class Park:
    """A park between streets: which bank, and the two points whose grid cells it spans."""

    name: str
    bank: str
    corners: tuple[Point, Point]


PARKS = [
    Park("Founders Park", "north", ((720, 700), (1180, 1180))),
    Park("Market Green", "north", ((-60, 330), (60, 430))),
    Park("Willow Park", "north", ((-2250, 250), (-1900, 700))),
    Park("Bell Tower Square", "north", ((-900, 860), (-820, 950))),
    Park("Lantern Hill Park", "north", ((1950, 1250), (2250, 1420))),
    Park("Foundry Park", "south", ((1450, -420), (1700, -180))),
    Park("Southport Common", "south", ((-1250, -1620), (-900, -1480))),
    Park("Cooper Field", "south", ((-2200, -1480), (-2050, -1350))),
    Park("Tanner Green", "south", ((350, -980), (480, -880))),
    Park("Marsh Park", "south", ((2150, -760), (2480, -520))),
]
POND: list[Point] = [(860, 900), (930, 960), (1030, 955), (1080, 890), (1040, 830), (950, 815), (880, 845)]
RIVERSIDE = [
    ("north", 3350, 4300),
    ("north", 5300, 5950),
    ("south", 5200, 6000),
    ("south", 6300, 7250),
    ("north", 7600, 8300),
]
"""Green banks between water and quay: side, from and to along the river."""

# Borders of areas. Each line crosses what is left of its parent exactly twice and cuts the named part off on its left.
# The last name, without a line, keeps the rest.
Borders = list[tuple[str, list[Point]]]
DISTRICTS: dict[str, Borders] = {
    "north": [("North District", [(-338, -1500), (-970, 3000)]), ("Central District", [])],
    "south": [("South District", [(-900, -3000), (38, 500)]), ("Harbor District", [])],
}
BEATS: dict[str, list[list[Point]]] = {
    "North District": [[(-4500, 140), (500, 720)], [(-1230, -2500), (-2030, 3000)], []],
    "Central District": [[(1080, -1500), (600, 3000)], [(300, 1010), (4500, 1600)], []],
    "South District": [[(-2300, -3000), (-1380, 1000)], [(-2500, -1330), (600, -1330)], []],
    "Harbor District": [[(1010, -3000), (1600, 1000)], [(600, -520), (4500, -640)], []],
}
NEIGHBOURHOODS: dict[str, Borders] = {
    "north": [
        ("Willow Rise", [(-1250, -2500), (-1850, 3000)]),
        ("Observatory", [(-4500, 700), (4500, 1980)]),
        ("Millside", [(-120, -1500), (-700, 3000)]),
        ("Old Town", [(1300, -1500), (900, 3000)]),
        ("Lantern Hill", []),
    ],
    "south": [
        ("Cooper End", [(-2300, -3000), (-1380, 1000)]),
        ("Saltmarsh", [(4500, -1560), (-4500, -1660)]),
        ("Southport", [(-480, -3000), (150, 500)]),
        ("Foundry", [(1010, -3000), (1600, 1000)]),
        ("Harbor East", []),
    ],
}
LABEL_POINTS: dict[str, Point] = {
    "Lantern Hill": (1950, 1010),
    "Cooper End": (-2500, -1190),
    "Foundry": (1000, -1080),
    "Harbor East": (2600, -230),
}
"""Positions of labels that do not fit in the middle of their areas."""
LABELLED_PARKS = [
    "Founders Park",
    "Willow Park",
    "Market Green",
    "Foundry Park",
    "Marsh Park",
    "Southport Common",
    "Tanner Green",
]

# What people find their way by: name, tag of OpenStreetMap, point.
LANDMARKS: list[tuple[str, tuple[str, str], Point]] = [
    ("Millside School", ("amenity", "school"), (-640, 760)),
    ("Old Town School", ("amenity", "school"), (420, 1180)),
    ("Willow Rise School", ("amenity", "school"), (-1980, 1010)),
    ("Southport School", ("amenity", "school"), (-560, -1080)),
    ("Harbor High School", ("amenity", "school"), (1760, -640)),
    ("Observatory College", ("amenity", "college"), (-220, 1560)),
    ("Riverton Library", ("amenity", "library"), (210, 610)),
    ("Foundry Library", ("amenity", "library"), (1180, -560)),
    ("Riverton Hospital", ("amenity", "hospital"), (1080, 620)),
    ("City Hall", ("amenity", "townhall"), (90, 500)),
    ("Central Police Station", ("amenity", "police"), (330, 420)),
    ("Harbor Police Station", ("amenity", "police"), (880, -730)),
    ("Fire Station 1", ("amenity", "fire_station"), (-420, 560)),
    ("Museum of Bells", ("tourism", "museum"), (-780, 1010)),
    ("Market Hall", ("amenity", "marketplace"), (60, 330)),
    ("Riverside Arena", ("leisure", "stadium"), (-1510, -1480)),
]
RAIL: list[Point] = [
    (-3600, -1820),
    (-2300, -1560),
    (-1000, -1330),
    (150, -1000),
    (1200, -760),
    (2300, -380),
    (3700, 120),
]
STATIONS = [
    ("Cooper End Station", (-2080, -1520)),
    ("Southport Station", (-260, -1130)),
    ("Foundry Station", (1200, -760)),
]

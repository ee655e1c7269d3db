"""The nightly export of the fictional agency's records system: Riverton's incidents of five years, about 33 a day.

A day's reports depend on the day alone, so that tomorrow's export contains all of today's and one day more; only the status
of reports changes, as cases are closed. Like real exports, it has exact points, a few rows without a place, and a few with
unknown time.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TextIO

from crimemap.models import Area, Block

YEARS = 5
A_DAY = 33
HEADER = (
    "Report No", "Occurred", "Offense Code", "Offense", "Block", "District", "Beat", "Neighborhood", "Latitude",
    "Longitude", "Premises", "Domestic", "Status",
)  # fmt: skip
TIME_FORMAT = "%m/%d/%Y %H:%M"

# Weight of each hour of the day, from midnight; 1 is the average.
NIGHT = (
    2.6,
    2.4,
    1.9,
    1.0,
    0.5,
    0.3,
    0.2,
    0.2,
    0.3,
    0.4,
    0.4,
    0.5,
    0.6,
    0.6,
    0.6,
    0.7,
    0.8,
    0.9,
    1.1,
    1.3,
    1.6,
    1.9,
    2.2,
    2.5,
)
DAY = (
    0.2,
    0.1,
    0.1,
    0.1,
    0.1,
    0.2,
    0.4,
    0.7,
    1.1,
    1.5,
    1.8,
    2.0,
    2.2,
    2.1,
    2.0,
    2.0,
    2.0,
    1.8,
    1.5,
    1.1,
    0.7,
    0.5,
    0.4,
    0.3,
)
COMMUTE = (
    0.3,
    0.2,
    0.2,
    0.2,
    0.3,
    0.6,
    1.2,
    1.9,
    2.2,
    1.6,
    1.2,
    1.1,
    1.1,
    1.1,
    1.2,
    1.4,
    1.9,
    2.3,
    2.0,
    1.4,
    1.0,
    0.8,
    0.6,
    0.4,
)
ALWAYS = (
    0.7,
    0.6,
    0.5,
    0.4,
    0.4,
    0.4,
    0.5,
    0.7,
    0.9,
    1.0,
    1.1,
    1.2,
    1.3,
    1.2,
    1.2,
    1.3,
    1.4,
    1.4,
    1.4,
    1.4,
    1.3,
    1.2,
    1.1,
    0.9,
)
# Monday first.
WEEKEND = (0.8, 0.8, 0.85, 0.95, 1.3, 1.5, 1.1)
WORKDAYS = (1.15, 1.15, 1.1, 1.1, 1.1, 0.8, 0.6)
EVEN = (1.0,) * 7
# Seasonal amplitude: positive peaks in summer.
SUMMER, LEVEL, WINTER = 0.3, 0.0, -0.18


@dataclass(frozen=True, slots=True)
class OffenseKind:
    """An offense: its frequency, its hours, weekdays and season, its growth from year to year, and where it concentrates."""

    code: str
    label: str
    weight: float
    hours: tuple[float, ...] = ALWAYS
    weekdays: tuple[float, ...] = EVEN
    season: float = LEVEL
    a_year: float = 1.0
    gathers: str = ""  # a key of GATHERS
    domestic: float = 0.0
    solved: float = 0.15
    premises: tuple[str, ...] = ("Street", "Residence", "Parking lot", "Store")


KINDS = (
    OffenseKind("23F", "Theft from motor vehicle", 15, COMMUTE, WORKDAYS, SUMMER, 1.06, "stations", solved=0.05, premises=("Parking lot", "Street", "Garage")),
    OffenseKind("23C", "Shoplifting", 12, DAY, WORKDAYS, LEVEL, 1.04, "shops", solved=0.4, premises=("Store", "Supermarket", "Drugstore")),
    OffenseKind("23H", "All other larceny", 11, ALWAYS, EVEN, SUMMER, 0.99, "shops"),
    OffenseKind("290", "Destruction, damage or vandalism of property", 11, NIGHT, WEEKEND, SUMMER, 1.0, "bars", solved=0.12),
    OffenseKind("13B", "Simple assault", 11, NIGHT, WEEKEND, SUMMER, 1.0, "bars", domestic=0.38, solved=0.35, premises=("Residence", "Bar", "Street", "Restaurant")),
    OffenseKind("240", "Motor vehicle theft", 7, NIGHT, EVEN, LEVEL, 1.09, "edges", solved=0.1, premises=("Street", "Driveway", "Parking lot")),
    OffenseKind("220", "Burglary or breaking and entering", 6, DAY, WORKDAYS, WINTER, 0.94, "homes", solved=0.12, premises=("Residence", "Apartment", "Garage", "Store")),
    OffenseKind("90Z", "All other offenses", 6, ALWAYS),
    OffenseKind("35A", "Drug or narcotic violations", 5, NIGHT, WEEKEND, LEVEL, 0.97, "bars", solved=0.8, premises=("Street", "Park", "Parking lot")),
    OffenseKind("90C", "Disorderly conduct", 4, NIGHT, WEEKEND, SUMMER, 1.0, "bars", solved=0.5, premises=("Street", "Bar", "Park")),
    OffenseKind("26A", "False pretenses, swindle or confidence game", 4, DAY, WORKDAYS, LEVEL, 1.07, "homes", solved=0.06, premises=("Residence", "Online")),
    OffenseKind("13A", "Aggravated assault", 3, NIGHT, WEEKEND, SUMMER, 0.98, "bars", domestic=0.3, solved=0.45),
    OffenseKind("13C", "Intimidation", 3, ALWAYS, EVEN, LEVEL, 1.02, "homes", domestic=0.3, solved=0.25),
    OffenseKind("120", "Robbery", 2, NIGHT, WEEKEND, LEVEL, 0.96, "shops", solved=0.25, premises=("Street", "Gas station", "Store")),
    OffenseKind("520", "Weapon law violations", 1.5, NIGHT, WEEKEND, LEVEL, 1.03, "bars", solved=0.85, premises=("Street", "Vehicle")),
    OffenseKind("90J", "Trespass of real property", 1.5, ALWAYS, EVEN, LEVEL, 1.0, "shops", solved=0.5),
    OffenseKind("11A", "Rape", 0.6, NIGHT, WEEKEND, LEVEL, 1.0, solved=0.2, premises=("Residence",)),
    OffenseKind("11D", "Criminal sexual contact", 0.5, ALWAYS, EVEN, LEVEL, 1.0, solved=0.2, premises=("Residence", "Park")),
    OffenseKind("200", "Arson", 0.4, NIGHT, EVEN, SUMMER, 1.0, "edges", solved=0.2),
    OffenseKind("40A", "Prostitution", 0.3, NIGHT, WEEKEND, LEVEL, 0.9, "edges", solved=0.9, premises=("Street", "Hotel")),
    OffenseKind("09A", "Murder and nonnegligent manslaughter", 0.06, NIGHT, WEEKEND, SUMMER, 0.98, "edges", solved=0.6, premises=("Street", "Residence")),
)  # fmt: skip
# Where offenses concentrate: neighborhood to a factor.
GATHERS: dict[str, dict[str, float]] = {
    "bars": {"Old Town": 6, "Southport": 4, "Millside": 2},
    "shops": {"Old Town": 4, "Foundry": 2.5, "Lantern Hill": 1.5},
    "stations": {"Foundry": 3, "Millside": 2.5, "Harbor East": 2, "Old Town": 2},
    "homes": {"Willow Rise": 2, "Observatory": 1.5, "Cooper End": 3, "Saltmarsh": 2},
    "edges": {"Harbor East": 2, "Saltmarsh": 3, "Cooper End": 3, "Southport": 1.5},
}
# One block with far more incidents than any other.
HOT_BLOCK, HOT = ("Arden Street", 400), 60
UNPLACED, UNTIMED = 0.02, 0.03


def write_export(stream: TextIO, today: dt.date) -> int:
    """Write the export of the night before `today` as CSV. Return the number of reports."""
    writer = csv.writer(stream)
    writer.writerow(HEADER)
    count = 0
    for row in generate_reports(today):
        writer.writerow(row)
        count += 1
    return count


def generate_reports(today: dt.date) -> Iterator[tuple[str, ...]]:
    blocks = list(Block.objects.order_by("street", "hundred"))
    names = dict(Area.objects.filter(layer="neighbourhood").values_list("code", "name"))
    attraction = {key: list(accumulate(_block_weights(blocks, names, key))) for key in ("", *GATHERS)}
    first = today - dt.timedelta(days=YEARS * 365 + 1)
    for number in range((today - first).days):
        day = first + dt.timedelta(days=number)
        chance = random.Random(f"Riverton {day}")  # noqa: S311
        weights = list(accumulate(kind.weight * _day_factor(kind, day) for kind in KINDS))
        # Poisson is near enough to a rounded normal at 33 a day.
        for index in range(max(5, round(chance.gauss(A_DAY, math.sqrt(A_DAY))))):
            kind = KINDS[bisect(weights, chance.random() * weights[-1])]
            yield _report(f"{day:%y%j}{index:03}", kind, day, blocks, attraction[kind.gathers], chance, today)


def _block_weights(blocks: list[Block], names: dict[str, str], gathers: str) -> Iterator[float]:
    """Yield the weight of each block: few blocks have most incidents, as in every city."""
    for block in blocks:
        chance = random.Random(f"Riverton {block.street} {block.hundred}")  # noqa: S311
        own = chance.paretovariate(1.6) - 0.6
        neighbourhood = names.get(block.areas.get("neighbourhood", ""), "")
        hot = (block.street, block.hundred) == HOT_BLOCK and gathers in ("bars", "shops")
        yield HOT if hot else min(own, 8) * GATHERS.get(gathers, {}).get(neighbourhood, 1)


def _day_factor(kind: OffenseKind, day: dt.date) -> float:
    """Return the factor for an offense on this day, by season, weekday and growth."""
    season = 1 + kind.season * math.cos(2 * math.pi * (day.timetuple().tm_yday - 200) / 365)
    growth: float = kind.a_year ** (day.year + day.timetuple().tm_yday / 365 - 2024)
    return season * kind.weekdays[day.weekday()] * growth


def _report(  # noqa: PLR0917
    number: str,
    kind: OffenseKind,
    day: dt.date,
    blocks: list[Block],
    attraction: list[float],
    chance: random.Random,
    today: dt.date,
) -> tuple[str, ...]:
    block = blocks[bisect(attraction, chance.random() * attraction[-1])]
    hour = chance.choices(range(24), kind.hours)[0]
    time = dt.time(hour, chance.randrange(0, 60, 5)) if chance.random() > UNTIMED else dt.time()
    north, east = (chance.gauss(0, 35) / 111_320 for _ in range(2))
    placed = chance.random() > UNPLACED
    domestic = chance.random() < kind.domestic
    solved, takes = chance.random() < kind.solved, chance.expovariate(1 / 25)
    closed = (today - day).days > takes + 2
    status = ("Cleared by arrest" if solved else "Inactive") if closed else "Under investigation"
    return (
        number,
        dt.datetime.combine(day, time).strftime(TIME_FORMAT),
        kind.code,
        kind.label,
        f"{block.hundred} block of {block.street}" if placed else "",
        *(str(block.areas.get(layer, "")) for layer in ("district", "beat", "neighbourhood")),
        f"{block.latitude + north:.6f}" if placed else "",
        f"{block.longitude + east / math.cos(math.radians(block.latitude)):.6f}" if placed else "",
        chance.choice(kind.premises),
        "Y" if domestic else "N",
        status,
    )

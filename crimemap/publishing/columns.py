"""From public rows to the columns of the published folder (crimemap/snapshot/format.py). Pure; the same rows in any order and in any
tables give the same columns, so nothing of the order they came in is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from crimemap.privacy.agency_rules import HIDDEN
from crimemap.privacy.records import BEAT, BLOCK_TEXT, DISTRICT, LATITUDE, LONGITUDE, NEIGHBOURHOOD, NOWHERE
from crimemap.privacy.visibility import Change, PublicRows, Rule
from crimemap.snapshot import format
from crimemap.snapshot.format import Array

CUBE_SIZE = 2_000_000  # numbers of one table of prefix sums at most: 40 MB with its sums of points
CUBE_SHARE = 1  # and numbers a row
AREA_COLUMNS = {"district": DISTRICT, "beat": BEAT, "neighbourhood": NEIGHBOURHOOD}


@dataclass(frozen=True, slots=True)
class Arranged:
    """`columns`: name to array, as in layout; `meta`: what a reader must know to use them, as plain values."""

    columns: dict[str, Array]
    meta: dict[str, Any]


def arrange(rows: PublicRows, rule: Rule, withdrawn: Array, changes: Sequence[Change] = ()) -> Arranged:
    """`withdrawn`: public ids (S12) whose pages answer that they are gone; `changes` in order."""
    used = np.flatnonzero(np.bincount(rows.place, minlength=len(rows.places)))
    with ThreadPoolExecutor(1) as pool:  # numpy lets go of the interpreter where it sorts and counts
        sorting = pool.submit(_by_time, rows)
        texts, text_at = _texts(rows, used)
        places, place_at, codes = _places(rows, used, text_at)
        order = sorting.result()
    sources = sorted(rule.sources, key=lambda number: rule.sources[number].slug)
    source_at = np.zeros(max(sources, default=0) + 1, "u1")
    source_at[sources] = np.arange(len(sources))
    columns = {
        "time": rows.time[order],
        "precision": rows.precision[order],
        "category": rows.category[order],
        "source": source_at[rows.source[order]],
        "place": place_at[rows.place[order]],
        "description": text_at[rows.description[order]],
        "outcome": text_at[rows.outcome[order]],
        "public_id": rows.public_id[order],
    }
    columns |= places
    with ThreadPoolExecutor(2) as pool:
        by_place = pool.submit(_by_place, columns, len(places["x"]))
        by_id = pool.submit(_by_id, columns["public_id"])
        cubes, spans = _cubes(columns, len(rule.categories), codes)
        columns |= by_place.result() | {"by_id": by_id.result()}
    columns["withdrawn"] = np.sort(withdrawn)
    lines = list(zip(*changes, strict=True)) or [()] * len(format.CHANGES)
    columns |= {name: np.array(line, kind) for (name, kind), line in zip(format.CHANGES.items(), lines, strict=True)}
    columns["texts"] = np.array([text.encode() for text in texts])
    meta: dict[str, Any] = {
        "rows": len(order),
        "categories": [
            {
                "slug": category.slug,
                "name": category.name,
                "family": category.family,
                "hidden": HIDDEN in (category.least, rule.agency.visibility.get(category.slug)),
            }
            for category in rule.categories
        ],
        "sources": [{"slug": rule.sources[n].slug, "name": rule.sources[n].name} for n in sources],
        "areas": codes,
        "mapped_places": int(np.count_nonzero(places["latitude"] != NOWHERE)),
    }
    return Arranged(columns | cubes, meta | spans)


def _texts(rows: PublicRows, places: Array) -> tuple[list[str], Array]:
    """The texts that are used, sorted, and where each of the rows' own texts stands among them."""
    used = np.zeros(len(rows.texts), bool)
    used[0] = True
    used[rows.description] = used[rows.outcome] = True
    used[rows.places[places, BLOCK_TEXT]] = True
    numbers = np.flatnonzero(used)
    named = pl.Series([rows.texts[number] for number in numbers.tolist()], dtype=pl.String)
    at = np.zeros(len(rows.texts), "i4")
    at[numbers] = named.rank("dense").to_numpy() - 1
    return named.unique().sort().to_list(), at


def _places(rows: PublicRows, used: Array, text_at: Array) -> tuple[dict[str, Array], Array, dict[str, list[str]]]:
    """Columns of the places that rows stand at, where each of the rows' own places went, and the area codes by layer."""
    table = rows.places[used]
    columns: dict[str, Array] = {"latitude": table[:, LATITUDE], "longitude": table[:, LONGITUDE]}
    unmapped = table[:, LATITUDE] == NOWHERE
    columns["x"], columns["y"] = format.mercator(
        format.degrees(np.where(unmapped, 0, columns["latitude"])),
        format.degrees(np.where(unmapped, 0, columns["longitude"])),
    )
    codes: dict[str, list[str]] = {}
    for layer, column in AREA_COLUMNS.items():
        names, pointer = np.unique(table[:, column], return_inverse=True)
        texts = [rows.texts[number] for number in names]
        codes[layer] = sorted({"", *texts})
        place_of = {code: number for number, code in enumerate(codes[layer])}
        columns[layer] = np.array([place_of[text] for text in texts], "u2")[pointer]
    columns["block"] = text_at[table[:, BLOCK_TEXT]]
    keys = [columns[name] for name in ("block", "neighbourhood", "beat", "district", "longitude", "latitude")]
    curve = format.curve(columns["x"], columns["y"])
    order = np.lexsort([*keys, curve, unmapped])
    differs = np.zeros(len(order), bool)
    for key in keys:
        differs[1:] |= key[order][1:] != key[order][:-1]
    at = np.zeros(len(rows.places), "i4")
    at[used[order]] = np.cumsum(differs)
    first = order[np.concatenate([[True], differs[1:]])] if len(order) else order
    return {name: column[first] for name, column in columns.items()}, at, codes


def _by_time(rows: PublicRows) -> Array:
    """Positions by time. What falls in one hour is ordered by a scramble of random ids: no order of arrival is left."""
    if not len(rows.time):
        return np.empty(0, "i8")
    hours = (rows.time.astype("i8") - int(rows.time.min())).astype("u8")
    key = (hours << np.uint64(40)) | (format.scramble(rows.public_id) >> np.uint64(24))
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort([rows.public_id, key])
    return order


def _by_place(columns: dict[str, Array], places: int) -> dict[str, Array]:
    place = columns["place"]
    key = _sorted((place.astype("u8") << np.uint64(32)) | np.arange(len(place), dtype="u8"))
    row = (key & np.uint64(0xFFFFFFFF)).astype("i4")
    start = np.zeros(places + 1, "i8")
    np.cumsum(np.bincount(place, minlength=places), out=start[1:])
    return {
        "place_row": row,
        "place_time": columns["time"][row],
        "place_category": columns["category"][row],
        "place_start": start,
    }


def _sorted(key: Array) -> Array:
    """polars sorts whole numbers four times as fast as numpy."""
    return pl.Series(key).sort().to_numpy()


def _by_id(public_ids: Array) -> Array:
    """Rows ordered by the scramble of their id, as far as its bits go beside a row's number."""
    bits = np.uint64(max(1, len(public_ids)).bit_length())
    key = (format.scramble(public_ids) >> bits << bits) | np.arange(len(public_ids), dtype="u8")
    return (_sorted(key) & ((np.uint64(1) << bits) - np.uint64(1))).astype("i4")


# Prefix sums


def _cubes(
    columns: dict[str, Array], categories: int, codes: dict[str, list[str]]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Counts of everything before each month or year, by cell, area or hour, and by category."""
    month, year = format.months_of(columns["time"]), format.years_of(columns["time"])
    spans: dict[str, Any] = {}
    for name, period in (("month", month), ("year", year)):
        spans[f"first_{name}"] = int(period[0]) if len(period) else 0
        spans[f"{name}s"] = int(period[-1] - period[0] + 1) if len(period) else 0
    month -= spans["first_month"]
    year -= spans["first_year"]
    cubes: dict[str, Array] = {}
    for layer in format.LAYERS:
        shape = (spans["months"], len(codes[layer]), categories)
        if _pays(shape, columns):
            cubes[f"by_{layer}"] = _prefix(_count(shape, month, columns[layer][columns["place"]], columns["category"]))
    slots = format.hour_slots(columns["time"], columns["precision"])
    shape = (spans["months"], categories, format.HOUR_SLOTS)
    if _pays(shape, columns):
        cubes["by_hour"] = _prefix(_count(shape, month, columns["category"], slots))
    cubes |= _cell_cubes(columns, categories, month, name="month", periods=spans["months"], zooms=format.MONTH_ZOOMS)
    deepest = max(
        (zoom for zoom in format.MONTH_ZOOMS if f"month_count_{zoom}" in cubes), default=format.MONTH_ZOOMS.start
    )
    zooms = range(deepest + 1, format.YEAR_ZOOMS.stop)  # also those that are too many by month
    cubes |= _cell_cubes(columns, categories, year, name="year", periods=spans["years"], zooms=zooms)
    return cubes, spans


def _pays(shape: tuple[int, int, int], columns: dict[str, Array]) -> bool:
    """Whether prefix sums are of bearable size, and not larger than the rows that they save looking at."""
    return (shape[0] + 1) * shape[1] * shape[2] <= min(CUBE_SIZE, len(columns["time"]) * CUBE_SHARE)


def _cell_cubes(
    columns: dict[str, Array], categories: int, period: Array, *, name: str, periods: int, zooms: range
) -> dict[str, Array]:
    """Counts and sums of points of every cell, for the zooms whose tables are of bearable size: the deepest is counted, the
    others are sums of its cells, which the Z-order keeps together."""
    mapped = columns["latitude"] != NOWHERE
    places = int(np.count_nonzero(mapped))
    x, y = columns["x"][:places], columns["y"][:places]
    made: dict[str, Array] = {}
    finer: tuple[Array, Array, Array, Array] | None = None
    for zoom in reversed(zooms):
        cx, cy = format.cell(x, zoom), format.cell(y, zoom)
        begins = np.ones(places, bool)
        begins[1:] = (cx[1:] != cx[:-1]) | (cy[1:] != cy[:-1])
        cells = int(np.count_nonzero(begins))
        if not places or not _pays((periods, cells, categories), columns):
            continue
        first = np.flatnonzero(begins)
        if finer is None:
            tables = _cell_tables(columns, categories, period, periods, (np.cumsum(begins) - 1).astype("i4"))
        else:
            joined = np.searchsorted(finer[0], first)
            tables = tuple(np.add.reduceat(table, joined, axis=1) for table in finer[1:])  # type: ignore[assignment]
        finer = (first, *tables)
        for what, table, kind in zip(("count", "latitude", "longitude"), tables, ("u4", "i8", "i8"), strict=True):
            made[f"{name}_{what}_{zoom}"] = _prefix(table, kind)
    return made


def _cell_tables(
    columns: dict[str, Array], categories: int, period: Array, periods: int, cell_of: Array
) -> tuple[Array, Array, Array]:
    cells = int(cell_of[-1]) + 1
    there = columns["place"] < len(cell_of)
    place, category, when = columns["place"], columns["category"], period
    if not there.all():
        place, category, when = place[there], category[there], when[there]
    index = (when * cells + cell_of[place]) * categories + category  # i4: CUBE_SIZE sees to it
    size, shape = periods * cells * categories, (periods, cells, categories)
    count = np.bincount(index, minlength=size).reshape(shape)
    # Sums of whole numbers stay exact in doubles below 2 ** 53.
    sums = [
        np.bincount(index, columns[name][place], minlength=size).astype("i8").reshape(shape)
        for name in ("latitude", "longitude")
    ]
    return count, sums[0], sums[1]


def _count(shape: tuple[int, int, int], first: Array, second: Array, third: Array) -> Array:
    index = (first * shape[1] + second) * shape[2] + third  # i4: CUBE_SIZE sees to it
    return np.bincount(index, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)


def _prefix(table: Array, kind: str = "u4") -> Array:
    """Sums of everything before, along the first axis: one line more."""
    sums = np.zeros((len(table) + 1, *table.shape[1:]), kind)
    np.cumsum(table, axis=0, out=sums[1:])
    return sums

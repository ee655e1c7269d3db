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
from crimemap.privacy.records import BEAT, BLOCK_TEXT, DISTRICT, LATITUDE, LONGITUDE, NEIGHBOURHOOD
from crimemap.privacy.visibility import PublicationRule, PublicReclassification, PublicRows
from crimemap.publishing import prefix_sums
from crimemap.snapshot import format
from crimemap.snapshot.format import NOWHERE, Array

AREA_COLUMNS = {"district": DISTRICT, "beat": BEAT, "neighbourhood": NEIGHBOURHOOD}


@dataclass(frozen=True, slots=True)
class Arranged:
    """`columns`: name to array, as in layout; `meta`: what a reader must know to use them, as plain values."""

    columns: dict[str, Array]
    meta: dict[str, Any]


def arrange(
    rows: PublicRows, rule: PublicationRule, withdrawn: Array, changes: Sequence[PublicReclassification] = ()
) -> Arranged:
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
        cubes, spans = prefix_sums.build_cubes(columns, len(rule.categories), codes)
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

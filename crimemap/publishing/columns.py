"""Arranges public rows as the columns of the published folder (crimemap/snapshot/format.py). Pure functions.

The same rows in any order and with any tables give the same columns, so the order of arrival cannot be derived from them.
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
class ArrangedColumns:
    """columns: name to array, as in format.py. meta: plain values a reader needs to interpret them."""

    columns: dict[str, Array]
    meta: dict[str, Any]


def arrange_columns(
    rows: PublicRows, rule: PublicationRule, withdrawn: Array, changes: Sequence[PublicReclassification] = ()
) -> ArrangedColumns:
    """Arrange the rows of one version.

    withdrawn: public ids (S12) whose pages answer 410. changes: sorted re-classifications.
    """
    used = np.flatnonzero(np.bincount(rows.place, minlength=len(rows.places)))
    with ThreadPoolExecutor(1) as pool:  # numpy releases the interpreter while it sorts and counts
        sorting = pool.submit(_order_by_time, rows)
        texts, text_position = _collect_texts(rows, used)
        places, place_position, codes = _arrange_places(rows, used, text_position)
        order = sorting.result()
    sources = sorted(rule.sources, key=lambda number: rule.sources[number].slug)
    source_position = np.zeros(max(sources, default=0) + 1, "u1")
    source_position[sources] = np.arange(len(sources))
    columns = {
        "time": rows.time[order],
        "precision": rows.precision[order],
        "category": rows.category[order],
        "source": source_position[rows.source[order]],
        "place": place_position[rows.place[order]],
        "description": text_position[rows.description[order]],
        "outcome": text_position[rows.outcome[order]],
        "public_id": rows.public_id[order],
    }
    columns |= places
    with ThreadPoolExecutor(2) as pool:
        by_place = pool.submit(_index_by_place, columns, len(places["x"]))
        by_id = pool.submit(_order_by_id, columns["public_id"])
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
    return ArrangedColumns(columns | cubes, meta | spans)


def _collect_texts(rows: PublicRows, places: Array) -> tuple[list[str], Array]:
    """Return the texts in use, sorted, and the position of each of the rows' own texts among them."""
    used = np.zeros(len(rows.texts), bool)
    used[0] = True
    used[rows.description] = used[rows.outcome] = True
    used[rows.places[places, BLOCK_TEXT]] = True
    numbers = np.flatnonzero(used)
    named = pl.Series([rows.texts[number] for number in numbers.tolist()], dtype=pl.String)
    positions = np.zeros(len(rows.texts), "i4")
    positions[numbers] = named.rank("dense").to_numpy() - 1
    return named.unique().sort().to_list(), positions


def _arrange_places(
    rows: PublicRows, used: Array, text_position: Array
) -> tuple[dict[str, Array], Array, dict[str, list[str]]]:
    """Return the columns of places in use, the new position of each of the rows' own places, and the area codes by layer."""
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
        code_position = {code: number for number, code in enumerate(codes[layer])}
        columns[layer] = np.array([code_position[text] for text in texts], "u2")[pointer]
    columns["block"] = text_position[table[:, BLOCK_TEXT]]
    keys = [columns[name] for name in ("block", "neighbourhood", "beat", "district", "longitude", "latitude")]
    curve = format.curve(columns["x"], columns["y"])
    order = np.lexsort([*keys, curve, unmapped])
    differs = np.zeros(len(order), bool)
    for key in keys:
        differs[1:] |= key[order][1:] != key[order][:-1]
    positions = np.zeros(len(rows.places), "i4")
    positions[used[order]] = np.cumsum(differs)
    first = order[np.concatenate([[True], differs[1:]])] if len(order) else order
    return {name: column[first] for name, column in columns.items()}, positions, codes


def _order_by_time(rows: PublicRows) -> Array:
    """Return positions in the order of time; within an hour by scrambled id, so that no order of arrival remains."""
    if not len(rows.time):
        return np.empty(0, "i8")
    hours = (rows.time.astype("i8") - int(rows.time.min())).astype("u8")
    key = (hours << np.uint64(40)) | (format.scramble(rows.public_id) >> np.uint64(24))
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort([rows.public_id, key])
    return order


def _index_by_place(columns: dict[str, Array], places: int) -> dict[str, Array]:
    """Return the columns BY_PLACE of format.py and `place_start`."""
    place = columns["place"]
    key = _sort_integers((place.astype("u8") << np.uint64(32)) | np.arange(len(place), dtype="u8"))
    row = (key & np.uint64(0xFFFFFFFF)).astype("i4")
    start = np.zeros(places + 1, "i8")
    np.cumsum(np.bincount(place, minlength=places), out=start[1:])
    return {
        "place_row": row,
        "place_time": columns["time"][row],
        "place_category": columns["category"][row],
        "place_start": start,
    }


def _sort_integers(key: Array) -> Array:
    """Sort integers with polars, four times as fast as numpy."""
    return pl.Series(key).sort().to_numpy()


def _order_by_id(public_ids: Array) -> Array:
    """Return row numbers in the order of the scrambled id, compared by the bits that fit beside a row number."""
    bits = np.uint64(max(1, len(public_ids)).bit_length())
    key = (format.scramble(public_ids) >> bits << bits) | np.arange(len(public_ids), dtype="u8")
    return (_sort_integers(key) & ((np.uint64(1) << bits) - np.uint64(1))).astype("i4")

"""Decides which areas that incidents name may be public: a row whose cells are shifted has a person's name in place of an area.

Codes ("4", "B12", "E01014370") and the areas of the agency's own layers always are. Another name is one if it is among others
like it: not where most incidents have a code or none, and not once where the areas of other incidents have many. An administrator who wants
such a name public adds the area to its layer, and refuses one that should not be.

Unlike kinds of place, names don't wait for approval: what a city without layers has of areas is these names, and an incident at
area level has no other place. Held, all of them would be gone from the map until a person came to approve them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from crimemap.privacy import public_words
from crimemap.privacy.records import BEAT, DISTRICT, NEIGHBOURHOOD, SOURCE, Records
from crimemap.snapshot.format import Array

COLUMNS = {"district": DISTRICT, "beat": BEAT, "neighbourhood": NEIGHBOURHOOD}
MIN_INCIDENTS = 3  # of a name that no layer has, where other areas have as many
_CODE = re.compile(r"[A-Z]{0,4}[- ]?\d{1,7}[A-Z]{0,2}|[A-Z]\d{8}|\d{11,15}|[A-Z]{1,2}", re.IGNORECASE | re.ASCII)


def select_public_names(incident_counts: Mapping[str, int], known: Collection[str]) -> set[str]:
    """Return the areas of a layer that may be public. incident_counts: each area, "" for none, and how many incidents name it."""
    codes = {name for name in incident_counts if name in known or _CODE.fullmatch(name)}
    names = {name: count for name, count in incident_counts.items() if name not in codes and name}
    total = sum(names.values())
    if total < sum(incident_counts.values()) / 2:
        return codes
    typical = sum(count * count for count in names.values()) / total if total else 0  # of the area of an incident
    least = MIN_INCIDENTS if typical >= MIN_INCIDENTS else 1
    return codes | {name for name, count in names.items() if count >= least and not public_words.is_personal(name)}


def rename_areas(records: Records, former_codes: Collection[tuple[str, str, str]]) -> Records:
    """Return the records with present codes in place of former ones. former_codes: layer, former code, present code."""
    if not former_codes:
        return records
    number_of = {text: number for number, text in enumerate(records.texts)}
    texts, places = list(records.texts), records.places.copy()
    for layer, former, present in former_codes:
        if former not in number_of or layer not in COLUMNS:
            continue
        if present not in number_of:
            number_of[present] = len(texts)
            texts.append(present)
        column = COLUMNS[layer]
        places[records.places[:, column] == number_of[former], column] = number_of[present]
    return replace(records, places=places, texts=texts)


def hide_stray_names(
    records: Records,
    shown: Array,
    known_areas: Collection[tuple[str, str]],
    refused: Collection[tuple[str, str]] = (),
) -> Records:
    """Return the records without areas that may not be public. shown: mask of the incidents that residents see. refused: by an
    administrator, as (layer, name in lower case).

    Each source is weighed alone: one without a column of areas says nothing about the names of another.
    """
    names = find_public_names(records, shown, known_areas)
    places = records.places.copy()
    for layer, column in COLUMNS.items():
        known = {code for its_layer, code in known_areas if its_layer == layer}
        used = np.unique(places[:, column]).tolist()
        hidden = [
            number
            for number in used
            if number
            and (text := records.texts[number]) not in known
            and not _CODE.fullmatch(text)
            and (text not in names[layer] or (layer, text.casefold()) in refused)
        ]
        if hidden:
            places[np.isin(places[:, column], hidden), column] = 0
    return replace(records, places=places)


def find_public_names(records: Records, shown: Array, known_areas: Collection[tuple[str, str]]) -> dict[str, set[str]]:
    """Return for each layer the names that are public because incidents use them: neither codes nor areas of the agency's layers."""
    source, place = records.kind_column(SOURCE), records["place"]
    place_counts = [
        np.bincount(place[shown & (source == number)], minlength=len(records.places)) for number in np.unique(source)
    ]
    names: dict[str, set[str]] = {}
    for layer, column in COLUMNS.items():
        known = {code for its_layer, code in known_areas if its_layer == layer}
        public: set[str] = set()
        for its_counts in place_counts:
            counts = np.bincount(records.places[:, column], its_counts, len(records.texts)).astype("i8")
            named = {records.texts[number]: int(counts[number]) for number in np.flatnonzero(counts).tolist()}
            public |= select_public_names(named, known)
        names[layer] = {name for name in public - known if name and not _CODE.fullmatch(name)}
    return names

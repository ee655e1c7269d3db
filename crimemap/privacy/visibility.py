"""The publication rule: what of an incident residents may see, where, and how exactly. Pure functions; nothing is read here.

SECURITY.md tells the rule in words. Visibility belongs to the agency's code, a category sets a minimum, the agency's file
(crimemap/privacy/agency_rules.py) may be stricter. `snap` is used on import, so that exact points are never stored; the rest decides
at publication.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crimemap.privacy import locations
from crimemap.privacy.agency_rules import AREA, BLOCK, HIDDEN, AgencyRules
from crimemap.privacy.records import (
    BEAT,
    BLOCK_TEXT,
    CODE,
    DAY,
    DESCRIPTION,
    DISTRICT,
    DOMESTIC,
    HOUR,
    LATITUDE,
    LONGITUDE,
    MONTH,
    NEIGHBOURHOOD,
    OUTCOME,
    PRECISION,
    REMOVED,
    SOURCE,
    Reclassification,
    Records,
)
from crimemap.snapshot.format import NOWHERE, Array

NEVER = -(2**31)
HELD = "held"  # a code that nobody classified: not public until staff do
STRICTNESS = (BLOCK, AREA, HIDDEN)


def strictest(*visibilities: str) -> str:
    """The strictest of some visibilities; BLOCK of none."""
    return max(visibilities, key=STRICTNESS.index, default=BLOCK)


def visibility_of(code: str | None, category: str | None, agency: str | None = None) -> str:
    """Of a row: its code's visibility, its category's least and the agency's own least for either, strictest first.

    HELD when nobody classified the code (`code` or `category` is None). Domestic rows are HIDDEN whatever this says.
    """
    if code is None or category is None:
        return HELD
    return strictest(code, category, agency or BLOCK)


@dataclass(frozen=True, slots=True)
class RuleCategory:
    """`least` is its minimum of visibility; `person`: an offence against a person, whose kind of place is not told."""

    slug: str
    name: str
    family: str
    least: str
    person: bool


@dataclass(frozen=True, slots=True)
class RuleCode:
    """Of the agency's code list. Either None: nobody classified it."""

    category: str | None
    visibility: str | None


@dataclass(frozen=True, slots=True)
class RuleSource:
    """`today` is the day on its clock, in days since 1970-01-01."""

    slug: str
    name: str
    embargo_days: int
    today: int


@dataclass(frozen=True, slots=True)
class PublicationRule:
    """Everything the decision about a row hangs on. Codes and sources by primary key; categories in their order."""

    categories: tuple[RuleCategory, ...]
    codes: dict[int, RuleCode]
    sources: dict[int, RuleSource]
    agency: AgencyRules


# What becomes of a row: an index, so that a column of them is an array.
LEVELS = (BLOCK, AREA, HIDDEN, HELD, "embargoed", "removed")
AT_BLOCK, AT_AREA, IS_HIDDEN, IS_HELD, IS_EMBARGOED, IS_REMOVED = range(6)


def levels(records: Records, rule: PublicationRule) -> Array:
    """What becomes of each record: an array of positions in LEVELS (u1).

    Nothing is told of a row before its last possible day and the embargo's whole days after it are over (where it
    happened): days, not hours, so that the moment of its appearance tells no more than the day.
    """
    known = {category.slug: category for category in rule.categories}
    newest = np.full(len(records.kinds), NEVER, "i4")
    of_kind = np.full(len(records.kinds), IS_HELD, "u1")
    for number, line in enumerate(records.kinds.tolist()):
        source, code = rule.sources.get(line[SOURCE]), rule.codes.get(line[CODE])
        category = known.get(code.category or "") if code else None
        if source:
            newest[number] = source.today - max(rule.agency.embargo_days, source.embargo_days, 1) - 1
        if code and category:
            agency = rule.agency.visibility.get(category.slug)
            of_kind[number] = LEVELS.index(visibility_of(code.visibility, category.least, agency))
        if line[DOMESTIC] and of_kind[number] != IS_HELD:
            of_kind[number] = IS_HIDDEN
        if line[REMOVED]:
            of_kind[number] = IS_REMOVED
    result: Array = of_kind[records["kind"]]
    result[(records["end_day"] > newest[records["kind"]]) & (result != IS_REMOVED)] = IS_EMBARGOED
    return result


@dataclass(frozen=True, slots=True)
class PublicRows:
    """Rows as residents may see them, in no order yet. `places` and `texts` as in Records, coarsened.

    time: local hours since 1970-01-01, as exact as `precision` says; category: into the rule's; source: primary key;
    description and outcome: into `texts`.
    """

    public_id: Array
    time: Array
    precision: Array
    category: Array
    source: Array
    place: Array
    description: Array
    outcome: Array
    places: Array
    texts: list[str]


def public_rows(records: Records, level: Array, rule: PublicationRule) -> PublicRows:
    """What is published of those records whose level is AT_BLOCK or AT_AREA."""
    shown = level <= AT_AREA
    at_area = level[shown] == AT_AREA
    kind, kinds = records["kind"][shown], records.kinds
    category = category_of_kinds(records, rule)
    person = np.array([category.person for category in rule.categories] or [False])[category]
    description = np.where(person | (not rule.agency.description), 0, kinds[:, DESCRIPTION])[kind]
    description[at_area] = 0
    outcome = kinds[:, OUTCOME] if rule.agency.outcome else np.zeros(len(kinds), "i4")
    finest = np.array([HOUR, DAY], "u1")[at_area.view("u1")]
    precision = np.maximum(kinds[:, PRECISION].astype("u1")[kind], finest)
    place = records["place"][shown]
    place[at_area] += len(records.places)
    places, texts = _public_places(records, rule.agency)
    return PublicRows(
        public_id=records["public_id"][shown],
        time=start_of(records["hour"][shown], precision),
        precision=precision,
        category=category[kind],
        source=kinds[:, SOURCE][kind],
        place=place,
        description=description,
        outcome=outcome[kind],
        places=places,
        texts=texts,
    )


def public_changes(
    told: Iterable[Reclassification], records: Records, level: Array, rule: PublicationRule
) -> list[PublicReclassification]:
    """Re-classifications that residents may read of: of incidents that are shown, between categories that are."""
    told = list(told)
    if not told:
        return []
    shown = np.zeros(max(int(records["id"].max(initial=0)), *(each.incident for each in told)) + 1, bool)
    shown[records["id"][level <= AT_AREA]] = True
    category = {key: _shown_category(code, rule) for key, code in rule.codes.items()}
    changes = [
        PublicReclassification(each.public_id, each.day, before, after)
        for each in told
        if shown[each.incident]
        and (before := category.get(each.before)) is not None
        and (after := category.get(each.after)) is not None
        and before != after
    ]
    return sorted(changes)


class PublicReclassification(NamedTuple):
    """Categories before and after are positions in the rule's."""

    public_id: str
    day: int
    before: int
    after: int


def _shown_category(code: RuleCode, rule: PublicationRule) -> int | None:
    """The position of the code's category; None where rows of this code are not shown one by one."""
    for number, category in enumerate(rule.categories):
        if category.slug == code.category:
            least = visibility_of(code.visibility, category.least, rule.agency.visibility.get(category.slug))
            return number if least in (BLOCK, AREA) else None
    return None


def category_of_kinds(records: Records, rule: PublicationRule) -> Array:
    """The position of each kind's category in the rule's (u1); 0 where it has none: the caller knows, it is held."""
    positions = {category.slug: number for number, category in enumerate(rule.categories)}
    codes = {key: positions.get(code.category or "", 0) for key, code in rule.codes.items()}
    return np.array([codes.get(key, 0) for key in records.kinds[:, CODE].tolist()], "u1")


def start_of(hour: Array, precision: Array) -> Array:
    """Local hours rounded down to what the precision tells: the hour, the day, the month's first day."""
    result = hour.astype("i4")
    daily = np.flatnonzero(precision >= DAY)
    result[daily] = hour[daily] // 24 * 24
    monthly = np.flatnonzero(precision == MONTH)
    months = (hour[monthly] // 24).astype("datetime64[D]").astype("datetime64[M]")
    result[monthly] = months.astype("datetime64[D]").astype("i8") * 24
    return result


def _public_places(records: Records, agency: AgencyRules) -> tuple[Array, list[str]]:
    """Each place as rows at BLOCK have it, then each as rows at AREA do (the codes of its wide areas alone); the texts."""
    texts = list(records.texts)
    exact = records.places.copy()
    used, pointer = np.unique(exact[:, BLOCK_TEXT], return_inverse=True)
    labels = locations.block_labels([texts[number] for number in used.tolist()])
    exact[:, BLOCK_TEXT] = (np.arange(len(labels)) + len(texts))[pointer]
    wide = np.zeros_like(exact)
    wide[:, [LATITUDE, LONGITUDE]] = NOWHERE
    for column, layer in ((DISTRICT, "district"), (BEAT, "beat"), (NEIGHBOURHOOD, "neighbourhood")):
        if layer in agency.area_layers:
            wide[:, column] = exact[:, column]
    return np.concatenate([exact, wide]), texts + labels

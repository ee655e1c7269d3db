"""The publication rule: which parts of an incident residents may see, and how exactly. Pure functions.

SECURITY.md explains the rule. Each offense code of the agency has a visibility, its category sets a minimum, and the
agency's own file (crimemap/privacy/agency_rules.py) may be stricter. Exact points never get this far: import coarsens them
(crimemap/privacy/locations.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crimemap.privacy import known_streets, public_words
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
RULE_VERSION = (
    6  # raised with each change of what this module publishes of the same input: a new version is written then
)
HELD = "held"  # the code is not classified yet: not public until staff classify it
STRICTNESS = (BLOCK, AREA, HIDDEN)


def strictest_visibility(*visibilities: str) -> str:
    """Return the strictest of these visibilities, BLOCK if there are none."""
    return max(visibilities, key=STRICTNESS.index, default=BLOCK)


def decide_visibility(code: str | None, category: str | None, agency: str | None = None) -> str:
    """Return the strictest of the code's visibility, the category's minimum and the agency's own minimum.

    HELD if the code is not classified (`code` or `category` is None). Domestic rows are HIDDEN in any case (decide_levels).
    """
    if code is None or category is None:
        return HELD
    return strictest_visibility(code, category, agency or BLOCK)


@dataclass(frozen=True, slots=True)
class RuleCategory:
    """least: minimum visibility. against_person: an offense against a person; its location description is not published."""

    slug: str
    name: str
    family: str
    least: str
    against_person: bool


@dataclass(frozen=True, slots=True)
class RuleCode:
    """An offense code of the agency: category slug and visibility, both None while it is not classified."""

    category: str | None
    visibility: str | None


@dataclass(frozen=True, slots=True)
class RuleSource:
    """A data source. today: its local day, in days since 1970-01-01."""

    slug: str
    name: str
    embargo_days: int
    today: int


@dataclass(frozen=True, slots=True)
class PublicationRule:
    """Everything that decides about a row. Codes and sources by primary key; categories in display order.

    approved: kinds of place and outcomes that an administrator approved, as (field, text in lower case), sorted.
    known_areas: the areas of the agency's own layers, as (layer, code), sorted. streets: the streets of its
    layers of blocks and intersections, as normalize_name() gives them, sorted. former_areas: codes that areas had before, as
    (layer, former code, present code), sorted. refused_areas: names that an administrator refused, as (layer,
    name in lower case), sorted.
    """

    categories: tuple[RuleCategory, ...]
    codes: dict[int, RuleCode]
    sources: dict[int, RuleSource]
    agency: AgencyRules
    approved: tuple[tuple[str, str], ...] = ()
    known_areas: tuple[tuple[str, str], ...] = ()
    streets: tuple[str, ...] = ()
    former_areas: tuple[tuple[str, str, str], ...] = ()
    refused_areas: tuple[tuple[str, str], ...] = ()


# The possible decisions about a row; a position in LEVELS, so that the decisions fit in an array.
LEVELS = (BLOCK, AREA, HIDDEN, HELD, "embargoed", "removed")
AT_BLOCK, AT_AREA, IS_HIDDEN, IS_HELD, IS_EMBARGOED, IS_REMOVED = range(6)


def decide_levels(records: Records, rule: PublicationRule) -> Array:
    """Decide about each record: an array of positions in LEVELS (u1).

    A row stays embargoed until the whole local days of the embargo after its last possible day are over. Days, not hours,
    so that the moment it appears reveals no more than the day.
    """
    known = {category.slug: category for category in rule.categories}
    newest_day = np.full(len(records.kinds), NEVER, "i4")
    level_by_kind = np.full(len(records.kinds), IS_HELD, "u1")
    for number, kind in enumerate(records.kinds.tolist()):
        source, code = rule.sources.get(kind[SOURCE]), rule.codes.get(kind[CODE])
        category = known.get(code.category or "") if code else None
        if source:
            newest_day[number] = source.today - max(rule.agency.embargo_days, source.embargo_days, 1) - 1
        if code and category:
            agency = rule.agency.visibility.get(category.slug)
            level_by_kind[number] = LEVELS.index(decide_visibility(code.visibility, category.least, agency))
        if kind[DOMESTIC] and level_by_kind[number] != IS_HELD:
            level_by_kind[number] = IS_HIDDEN
        if kind[REMOVED] or public_words.is_taken_back(records.texts[kind[OUTCOME]]):
            level_by_kind[number] = IS_REMOVED
    result: Array = level_by_kind[records["kind"]]
    result[(records["end_day"] > newest_day[records["kind"]]) & (result != IS_REMOVED)] = IS_EMBARGOED
    return result


@dataclass(frozen=True, slots=True)
class PublicRows:
    """Rows as residents may see them, not ordered yet. places and texts: as in Records, coarsened.

    time: local hours since 1970-01-01, as exact as `precision` says. category: position in the rule's categories. source:
    primary key. description, outcome: positions in `texts`.
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


def select_public_rows(records: Records, level: Array, rule: PublicationRule) -> PublicRows:
    """Return the public form of the records whose level is AT_BLOCK or AT_AREA."""
    shown = level <= AT_AREA
    at_area = level[shown] == AT_AREA
    kind, kinds = records["kind"][shown], records.kinds
    category = category_by_kind(records, rule)
    against_person = np.array([category.against_person for category in rule.categories] or [False])[category]
    description = _public_texts(records, DESCRIPTION, "location_description", rule)
    description = np.where(against_person | (not rule.agency.description), 0, description)[kind]
    description[at_area] = 0
    outcome = _public_texts(records, OUTCOME, "outcome", rule) if rule.agency.outcome else np.zeros(len(kinds), "i4")
    finest = np.array([HOUR, DAY], "u1")[at_area.view("u1")]
    precision = np.maximum(kinds[:, PRECISION].astype("u1")[kind], finest)
    place = records["place"][shown]
    place[at_area] += len(records.places)
    places, texts = _public_places(records, records["place"][level == AT_BLOCK], rule.agency, frozenset(rule.streets))
    return PublicRows(
        public_id=records["public_id"][shown],
        time=round_to_precision(records["hour"][shown], precision),
        precision=precision,
        category=category[kind],
        source=kinds[:, SOURCE][kind],
        place=place,
        description=description,
        outcome=outcome[kind],
        places=places,
        texts=texts,
    )


def _public_texts(records: Records, column: int, field: str, rule: PublicationRule) -> Array:
    """Return a text column of `kinds`, with 0 (no text) in place of texts that may not be public."""
    used, pointer = np.unique(records.kinds[:, column], return_inverse=True)
    texts = [records.texts[number] for number in used.tolist()]
    result: Array = np.where(public_words.select_public(field, texts, frozenset(rule.approved)), used, 0)[pointer]
    return result


def select_public_reclassifications(
    reclassifications: Iterable[Reclassification], records: Records, level: Array, rule: PublicationRule
) -> list[PublicReclassification]:
    """Return the re-classifications of shown incidents between two shown categories, sorted."""
    reclassifications = list(reclassifications)
    if not reclassifications:
        return []
    shown = np.zeros(max(int(records["id"].max(initial=0)), *(each.incident for each in reclassifications)) + 1, bool)
    shown[records["id"][level <= AT_AREA]] = True
    category = {key: _public_category(code, rule) for key, code in rule.codes.items()}
    changes = [
        PublicReclassification(each.public_id, each.day, before, after)
        for each in reclassifications
        if shown[each.incident]
        and (before := category.get(each.before)) is not None
        and (after := category.get(each.after)) is not None
        and before != after
    ]
    return sorted(changes)


class PublicReclassification(NamedTuple):
    """A change of category; before and after are positions in the rule's categories, day counts from 1970-01-01."""

    public_id: str
    day: int
    before: int
    after: int


def _public_category(code: RuleCode, rule: PublicationRule) -> int | None:
    """Return the position of the code's category, None if rows with this code are not shown one by one."""
    for number, category in enumerate(rule.categories):
        if category.slug == code.category:
            least = decide_visibility(code.visibility, category.least, rule.agency.visibility.get(category.slug))
            return number if least in (BLOCK, AREA) else None
    return None


def category_by_kind(records: Records, rule: PublicationRule) -> Array:
    """Return the position of each kind's category in the rule's (u1), 0 for a kind without one: such rows are held anyway."""
    positions = {category.slug: number for number, category in enumerate(rule.categories)}
    codes = {key: positions.get(code.category or "", 0) for key, code in rule.codes.items()}
    return np.array([codes.get(key, 0) for key in records.kinds[:, CODE].tolist()], "u1")


def round_to_precision(hour: Array, precision: Array) -> Array:
    """Round local hours down to the hour, the day or the first day of the month, by the precision of each."""
    result = hour.astype("i4")
    daily = np.flatnonzero(precision >= DAY)
    result[daily] = hour[daily] // 24 * 24
    monthly = np.flatnonzero(precision == MONTH)
    months = (hour[monthly] // 24).astype("datetime64[D]").astype("datetime64[M]")
    result[monthly] = months.astype("datetime64[D]").astype("i8") * 24
    return result


def _public_places(
    records: Records, at_block: Array, agency: AgencyRules, streets: Collection[str]
) -> tuple[Array, list[str]]:
    """Return the place table for rows at BLOCK followed by that for rows at AREA (area codes alone), and the texts.

    at_block: the places of rows at BLOCK. Of them alone streets are known: a label that came and went with a hidden row would
    tell of it.
    """
    texts = list(records.texts)
    exact = records.places.copy()
    used, pointer = np.unique(exact[:, BLOCK_TEXT], return_inverse=True)
    labels = [known_streets.build_label(texts[number], streets) for number in used.tolist()]
    is_shown = np.zeros(len(labels), bool)
    is_shown[pointer[at_block]] = True
    shown = {labels[number] for number in np.flatnonzero(is_shown).tolist()}
    doubtful = known_streets.find_doubtful(shown, streets)
    labels = ["" if label in doubtful else label for label in labels]
    exact[:, BLOCK_TEXT] = (np.arange(len(labels)) + len(texts))[pointer]
    wide = np.zeros_like(exact)
    wide[:, [LATITUDE, LONGITUDE]] = NOWHERE
    for column, layer in ((DISTRICT, "district"), (BEAT, "beat"), (NEIGHBOURHOOD, "neighbourhood")):
        if layer in agency.area_layers:
            wide[:, column] = exact[:, column]
    return np.concatenate([exact, wide]), texts + labels

"""Publication: turns the stored incidents into the folder that every public answer is read from.

    publisher.publish()    # writes a new version, or nothing if nothing has changed

A version is a folder named after a digest of its content. It is written completely, flushed and renamed into place; then
the pointer file `current` is replaced in one step. Readers keep the version they opened: its files stay readable to them
after the folder is removed. A killed publication leaves a folder that no pointer names; the next one removes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from core import atomic_files
from crimemap.privacy import agency_rules, area_names, suppression, visibility
from crimemap.privacy.records import OUTCOME, REMOVED, Reclassification, Records
from crimemap.privacy.visibility import PublicationRule
from crimemap.publishing import columns, extract, shown_areas, versions
from crimemap.publishing.extract import PublicationInput
from crimemap.snapshot import format
from crimemap.snapshot.format import Array

RESULT_FILE = "published.json"  # in the cache: the last result and the fingerprint of its input


@dataclass(frozen=True, slots=True)
class PublicationResult:
    """The result of a publication. changed: `version` is a new one.

    shown, hidden, held, embargoed: numbers of stored incidents, without removed ones. looser: AgencyRules.looser.
    """

    version: str
    changed: bool
    shown: int
    hidden: int
    held: int
    embargoed: int
    looser: dict[str, str]


def publish(*, afresh: bool = False) -> PublicationResult:
    """Publish the stored incidents by the present codes, agency rules and date.

    `afresh` ignores the cache and reads every incident. Concurrent calls wait for each other. Raises
    NoSnapshotFolderError, AgencyRulesError, and OSError when the disk is full (the published version then stays).
    """
    folder = settings.INCIDENT_SNAPSHOTS
    if folder is None:
        raise versions.NoSnapshotFolderError("INCIDENT_SNAPSHOTS names no folder, so nothing can be published.")
    agency = agency_rules.load_agency_rules()
    with versions.exclusive_lock(folder):
        versions.remove_leftovers(folder)
        given = extract.gather_input(agency, afresh=afresh)
        result = _reuse_last_publication(folder, given)
        if result is None:
            level = visibility.decide_levels(given.records, given.rule)
            version, changed = write_version(
                folder,
                given.records,
                level,
                given.rule,
                given.freshness,
                reclassified=given.reclassified,
                deleted=given.deleted,
            )
            counts = np.bincount(level, minlength=len(visibility.LEVELS))
            result = PublicationResult(
                version,
                changed,
                shown=int(counts[visibility.AT_BLOCK] + counts[visibility.AT_AREA]),
                hidden=int(counts[visibility.IS_HIDDEN]),
                held=int(counts[visibility.IS_HELD]),
                embargoed=int(counts[visibility.IS_EMBARGOED]),
                looser=agency.looser,
            )
            shown_areas.record_shown_areas(
                area_names.find_public_names(
                    area_names.rename_areas(given.records, given.rule.former_areas),
                    level <= visibility.AT_AREA,
                    given.rule.known_areas,
                )
            )
            _save_result(result, given.fingerprint)
        versions.remove_old_versions(folder, result.version)
    return result


def _reuse_last_publication(folder: Path, given: PublicationInput) -> PublicationResult | None:
    """Return the last result if the input has not changed, after updating the age of the data in the pointer; else None."""
    try:
        saved = json.loads((settings.INCIDENT_CACHE / RESULT_FILE).read_bytes()) if settings.INCIDENT_CACHE else {}
    except (OSError, ValueError):
        return None
    if not given.fingerprint or saved.get("fingerprint") != given.fingerprint:
        return None
    result = PublicationResult(**saved["result"] | {"changed": False})
    if versions.current_version(folder) != result.version or not (folder / result.version).is_dir():
        return None
    versions.set_current_version(folder, result.version, given.freshness)
    return result


def _save_result(result: PublicationResult, fingerprint: str) -> None:
    if settings.INCIDENT_CACHE and fingerprint:
        atomic_files.write_atomically(
            settings.INCIDENT_CACHE / RESULT_FILE,
            json.dumps({"fingerprint": fingerprint, "result": asdict(result)}).encode(),
        )


def write_version(
    folder: Path,
    records: Records,
    level: Array,
    rule: PublicationRule,
    freshness: list[dict[str, Any]],
    *,
    reclassified: Sequence[Reclassification] = (),
    deleted: Array | None = None,
) -> tuple[str, bool]:
    """Write a version of these records and make it the current one. Return the version and whether it is a new one.

    deleted: public ids of incidents whose source was deleted.
    """
    records = area_names.rename_areas(records, rule.former_areas)
    records = area_names.hide_stray_names(records, level <= visibility.AT_AREA, rule.known_areas, rule.refused_areas)
    removed = _without_removal(records.select(np.flatnonzero(level == visibility.IS_REMOVED)))
    withdrawn = removed["public_id"][visibility.decide_levels(removed, rule) <= visibility.AT_AREA]
    if deleted is not None:
        withdrawn = np.concatenate([withdrawn, deleted])
    changes = visibility.select_public_reclassifications(reclassified, records, level, rule)
    arranged = columns.arrange_columns(visibility.select_public_rows(records, level, rule), rule, withdrawn, changes)
    meta = {"format": format.FORMAT} | arranged.meta | _describe_data(records, level, rule, arranged.columns["time"])
    partial = Path(tempfile.mkdtemp(prefix=versions.PARTIAL_FOLDER_PREFIX, dir=folder))
    try:
        version = versions.write_columns(partial, arranged.columns, meta)
        if not (folder / version).exists():
            partial.chmod(0o755)
            partial.rename(folder / version)
            atomic_files.flush_folder(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    before = versions.current_version(folder)
    versions.set_current_version(folder, version, freshness)
    if before and before != version:
        with contextlib.suppress(FileNotFoundError):
            os.utime(folder / before)  # replaced now: remove_old_versions counts from here
    return version, before != version


def _without_removal(records: Records) -> Records:
    """Return the records as if none had been removed."""
    kinds = records.kinds.copy()
    kinds[:, REMOVED] = kinds[:, OUTCOME] = 0  # an outcome can say that the agency has taken the record back
    return Records(records.columns, kinds, records.places, records.texts)


def _describe_data(records: Records, level: Array, rule: PublicationRule, time: Array) -> dict[str, Any]:
    """Return the facts about the data that pages show: days covered, hidden incidents, yearly totals, agency rules."""
    agency = rule.agency
    year = format.years_of(records["hour"]) + 1970
    not_shown: dict[str, dict[str, int | None]] = {}
    for name, number in (("hidden", visibility.IS_HIDDEN), ("held", visibility.IS_HELD)):
        years = year[level == number]
        first = int(years.min(initial=9999))
        for offset, count in enumerate(np.bincount(years - first).tolist()):
            if count:
                not_shown.setdefault(str(first + offset), {})[name] = None if count < agency.totals_from else count
    totals = suppression.suppress_small_totals(_count_hidden(records, level, rule, year), agency.totals_from)
    return {
        "since": int(time[0]) // 24 if len(time) else None,
        "until": int(time[-1]) // 24 if len(time) else None,
        "embargo_days": agency.embargo_days,
        "least_radius": agency.least_radius,
        "totals_from": agency.totals_from,
        "totals_layer": agency.totals_layer,
        "looser": sorted(agency.looser),
        "not_shown": not_shown,
        "totals": {
            "areas": [[*key, count] for key, count in sorted(totals.areas.items())],
            "categories": [[*key, count] for key, count in sorted(totals.categories.items())],
        },
    }


def _count_hidden(
    records: Records, level: Array, rule: PublicationRule, year: Array
) -> dict[tuple[str, str, int], int]:
    """Count hidden incidents of past years by (area code, category, year).

    The running year is left out: a number that grows day by day would reveal each day's incidents.
    """
    newest = min(
        (source.today - max(source.embargo_days, rule.agency.embargo_days) for source in rule.sources.values()),
        default=0,
    )
    running = int(np.datetime64(newest - 1, "D").astype("datetime64[Y]").astype("i8")) + 1970
    chosen = np.flatnonzero((level == visibility.IS_HIDDEN) & (year < running))
    if not len(chosen):
        return {}
    texts, area_of = np.unique(records.places[:, columns.AREA_COLUMNS[rule.agency.totals_layer]], return_inverse=True)
    categories, first = len(rule.categories), int(year[chosen].min())
    category = visibility.category_by_kind(records, rule)[records["kind"][chosen]]
    area = area_of[records["place"][chosen]]
    counts = np.bincount(((year[chosen] - first) * categories + category) * len(texts) + area)
    result: dict[tuple[str, str, int], int] = defaultdict(int)
    for position in np.flatnonzero(counts).tolist():
        rest, area_position = divmod(position, len(texts))
        year_offset, category_position = divmod(rest, categories)
        slug = rule.categories[category_position].slug
        result[records.texts[texts[area_position]], slug, first + year_offset] += int(counts[position])
    return result

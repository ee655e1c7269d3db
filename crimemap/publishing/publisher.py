"""Publication: from the stored incidents to the folder that all public answers come from. Only this module writes it.

    snapshot.publish()    # what changed since the last time is in the new version; nothing changed: nothing is written

A version is a folder named after its content, written whole, flushed and renamed into place; `current` then names it in one
step. Readers keep the version they opened: its files stay readable for them when its folder is removed. A publication that
was killed leaves a folder that nothing names, and the next one sweeps it.
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
from crimemap.privacy import agency_rules, suppression, visibility
from crimemap.privacy.records import REMOVED, Reclassification, Records
from crimemap.privacy.visibility import PublicationRule
from crimemap.publishing import columns, extract, versions
from crimemap.publishing.extract import PublicationInput
from crimemap.snapshot import format
from crimemap.snapshot.format import Array

PUBLISHED = "published.json"  # in the cache: what was published of which input


@dataclass(frozen=True, slots=True)
class PublicationResult:
    """`version` is new when `changed`. Counts are of stored incidents that were not removed."""

    version: str
    changed: bool
    shown: int
    hidden: int
    held: int
    embargoed: int
    looser: dict[str, str]


def publish(*, afresh: bool = False) -> PublicationResult:
    """Bring what residents see up to date with the stored incidents, the codes, the agency's file and the day.

    `afresh` reads every incident, whatever the cache holds. Two at once wait for each other. Raises NoFolderError,
    publication.RulesError, OSError when the disk is full (then everything is as it was).
    """
    folder = settings.INCIDENT_SNAPSHOTS
    if folder is None:
        raise versions.NoSnapshotFolderError("INCIDENT_SNAPSHOTS names no folder, so nothing can be published.")
    agency = agency_rules.load()
    with versions.exclusive_lock(folder):
        versions.remove_leftovers(folder)
        gathered = extract.gather(agency, afresh=afresh)
        published = _published_already(folder, gathered)
        if published is None:
            level = visibility.levels(gathered.records, gathered.rule)
            version, changed = write(
                folder,
                gathered.records,
                level,
                gathered.rule,
                gathered.freshness,
                reclassified=gathered.reclassified,
            )
            counts = np.bincount(level, minlength=len(visibility.LEVELS))
            published = PublicationResult(
                version,
                changed,
                shown=int(counts[visibility.AT_BLOCK] + counts[visibility.AT_AREA]),
                hidden=int(counts[visibility.IS_HIDDEN]),
                held=int(counts[visibility.IS_HELD]),
                embargoed=int(counts[visibility.IS_EMBARGOED]),
                looser=agency.looser,
            )
            _remember(published, gathered.mark)
        versions.remove_old_versions(folder, published.version)
    return published


def _published_already(folder: Path, gathered: PublicationInput) -> PublicationResult | None:
    """What the last publication said, when nothing is other than then: only the age of the data is told anew."""
    try:
        told = json.loads((settings.INCIDENT_CACHE / PUBLISHED).read_bytes()) if settings.INCIDENT_CACHE else {}
    except (OSError, ValueError):
        return None
    if not gathered.mark or told.get("mark") != gathered.mark:
        return None
    published = PublicationResult(**told["published"] | {"changed": False})
    if versions.current_version(folder) != published.version or not (folder / published.version).is_dir():
        return None
    versions.set_current(folder, published.version, gathered.freshness)
    return published


def _remember(published: PublicationResult, mark: str) -> None:
    if settings.INCIDENT_CACHE and mark:
        atomic_files.write_atomically(
            settings.INCIDENT_CACHE / PUBLISHED, json.dumps({"mark": mark, "published": asdict(published)}).encode()
        )


def write(
    folder: Path,
    records: Records,
    level: Array,
    rule: PublicationRule,
    freshness: list[dict[str, Any]],
    *,
    reclassified: Sequence[Reclassification] = (),
) -> tuple[str, bool]:
    """A version of these records, and `current` naming it. Returns the version and whether it is another than before."""
    removed = _as_if_there(records.where(np.flatnonzero(level == visibility.IS_REMOVED)))
    gone = removed["public_id"][visibility.levels(removed, rule) <= visibility.AT_AREA]
    changes = visibility.public_changes(reclassified, records, level, rule)
    arranged = columns.arrange(visibility.public_rows(records, level, rule), rule, gone, changes)
    meta = {"format": format.FORMAT} | arranged.meta | _told(records, level, rule, arranged.columns["time"])
    making = Path(tempfile.mkdtemp(prefix=versions.MAKING, dir=folder))
    try:
        version = versions.write_columns(making, arranged.columns, meta)
        if not (folder / version).exists():
            making.chmod(0o755)
            making.rename(folder / version)
            atomic_files.flush_folder(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    before = versions.current_version(folder)
    versions.set_current(folder, version, freshness)
    if before and before != version:
        with contextlib.suppress(FileNotFoundError):
            os.utime(folder / before)  # replaced now: _forget counts from here
    return version, before != version


def _as_if_there(records: Records) -> Records:
    kinds = records.kinds.copy()
    kinds[:, REMOVED] = 0
    return Records(records.columns, kinds, records.places, records.texts)


def _told(records: Records, level: Array, rule: PublicationRule, time: Array) -> dict[str, Any]:
    """What pages tell about the data: days covered, what is not shown, yearly totals, the agency's choices."""
    agency = rule.agency
    year = format.years_of(records["hour"]) + 1970
    not_shown: dict[str, dict[str, int | None]] = {}
    for name, number in (("hidden", visibility.IS_HIDDEN), ("held", visibility.IS_HELD)):
        years = year[level == number]
        first = int(years.min(initial=9999))
        for after, count in enumerate(np.bincount(years - first).tolist()):
            if count:
                not_shown.setdefault(str(first + after), {})[name] = None if count < agency.totals_from else count
    totals = suppression.totals(_hidden_counts(records, level, rule, year), agency.totals_from)
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


def _hidden_counts(
    records: Records, level: Array, rule: PublicationRule, year: Array
) -> dict[tuple[str, str, int], int]:
    """Hidden incidents by (area code, category, year) of years that are over: a number that grows day by day would tell
    of each day what happened on it."""
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
    category = visibility.category_of_kinds(records, rule)[records["kind"][chosen]]
    area = area_of[records["place"][chosen]]
    counts = np.bincount(((year[chosen] - first) * categories + category) * len(texts) + area)
    result: dict[tuple[str, str, int], int] = defaultdict(int)
    for number in np.flatnonzero(counts).tolist():
        rest, at = divmod(number, len(texts))
        when, slug = divmod(rest, categories)
        result[records.texts[texts[at]], rule.categories[slug].slug, first + when] += int(counts[number])
    return result


# Files

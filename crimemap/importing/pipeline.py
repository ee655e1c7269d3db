"""Taking in an agency's files: read, compare with what is stored, look for what cannot be right, store in one transaction.

    run = ImportRun.objects.create(source=source, origin=ImportRun.Origin.COMMAND)
    importing.run(run, [path])             # run.state, run.message and the counts say what came of it

Every row ends as created, updated, unchanged or rejected. A run that a guard stops has stored nothing: `run` it again with
`force` to store it all the same, or `discard` it. A run that is killed has stored nothing either; the next one of its source
says so of it. Only one import of a source runs at a time.
"""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import queue
from crimemap.importing import profiles, sanity_checks
from crimemap.importing.codebook import CodeBook
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns, header_fits
from crimemap.importing.matching import LostIdMatcher
from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import Profile
from crimemap.importing.readers import tables
from crimemap.importing.readers.cells import LOST_ID, CellError
from crimemap.importing.readers.files import TableFile, UnreadableFileError, list_table_files
from crimemap.importing.row_keys import RowKeys
from crimemap.importing.row_parser import RowParser
from crimemap.importing.staging import Staging
from crimemap.models import ImportProblem, ImportRun, Source

State = ImportRun.RunState
BATCH = 20_000  # rows compared at a time
MAX_STORED_PROBLEMS = 1_000  # of a run; all are counted
LOCK_CLASS = 0x1C1D  # of PostgreSQL's advisory locks, with the source's number
PROGRESS_INTERVAL = 2.0  # seconds between two reports of progress

Progress = Callable[[ImportRun], None]


class ImportRunningError(Exception):
    """Another import of this source is running; nothing was done."""


def run_import(
    run: ImportRun,
    paths: Sequence[Path],
    *,
    profile: Profile | None = None,
    force: bool = False,
    limit: int | None = None,
    progress: Progress = lambda _run: None,
) -> ImportRun:
    """Import files as one. The run says whether it is a dry run (the same counts, nothing stored) and whether the files hold
    their whole period (what is stored of it and not in them is withdrawn).

    profile: the source's own by default. force: pass the guards, and take an older file after a newer one. limit: read so
    many rows at most. progress: called every few seconds, with counts so far and `rows_total` as it is guessed.

    Ends as done, stopped (a guard; `message` says why) or failed (the files cannot be read; `message` is a sentence).
    Raises BusyError, and leaves the run as it was, while another import of the source is running.
    """
    with _alone(run.source), _uncollected():
        run.state, run.started_at, run.message = State.RUNNING, timezone.now(), ""
        run.save()
        run.problems.all().delete()
        importing = None
        try:
            importing = _Import(run, profile or profile_of(run.source), force, limit, progress)
            importing.read(paths)
            importing.guard()
            with transaction.atomic():
                importing.store()
                _end(run, State.DONE)
        except sanity_checks.SanityCheckError as stopped:
            _end(run, State.STOPPED, str(stopped))
        except (UnreadableFileError, generic.ConfigError) as error:
            _end(run, State.FAILED, str(error))
        except BaseException:
            if not connection.needs_rollback:
                _end(run, State.FAILED, _("The import broke off. Nothing was stored; run it again."))
            raise
        finally:
            if importing:
                importing.close()
    if run.state == State.DONE and not run.dry_run:
        queue.send_on_commit("crimemap.bulk.publish")  # the clock publishes, too: a lost message costs an hour at most
    return run


def discard(run: ImportRun) -> None:
    """Of a run that a guard stopped: nothing of it was stored, and nothing will be."""
    ImportRun.objects.filter(pk=run.pk, state=State.STOPPED).update(state=State.DISCARDED)
    run.refresh_from_db(fields=["state"])


def profile_of(source: Source) -> Profile:
    """How the source's files are read. Raises generic.ConfigError."""
    if source.profile == profiles.GENERIC:
        return generic.build_profile(source.profile_config, source.slug, source.time_zone)
    try:
        return profiles.get(source.profile)
    except KeyError:
        raise generic.ConfigError(_("There is no profile “%(name)s”.") % {"name": source.profile}) from None


def digest_of(paths: Sequence[Path]) -> str:
    """SHA-256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _alone(source: Source) -> Iterator[None]:
    """While this source has no other import. Runs of it that still say they are running were killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, source.pk])
        if not cursor.fetchone()[0]:
            raise ImportRunningError(_("Another import of “%(source)s” is running.") % {"source": source})
        # A process that is killed while PostgreSQL stores its rows would hold the lock until all of them are.
        cursor.execute("SET client_connection_check_interval = '1s'")
        try:
            killed = ImportRun.objects.filter(source=source, state=State.RUNNING)
            words = _("The import was cut off in the middle. Nothing of it was stored.")
            killed.update(state=State.FAILED, finished_at=timezone.now(), message=words)
            yield
        finally:
            if connection.connection is not None and not connection.needs_rollback:
                cursor.execute("RESET client_connection_check_interval")
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, source.pk])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles: rows make none, and it would walk all that is remembered (a third of the time)."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _end(run: ImportRun, state: ImportRun.RunState, message: str = "") -> None:
    run.state, run.message, run.finished_at = state, message, timezone.now()
    run.save()
    if state == State.DONE and not run.dry_run:
        run.source.last_success_at = run.finished_at
        run.source.save(update_fields=["last_success_at"])


@dataclass(slots=True)
class _Batch:
    """Rows with their keys."""

    rows: list[ParsedRow] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # ids of rows that were rejected


class _Import:
    """One import under way."""

    def __init__(self, run: ImportRun, profile: Profile, force: bool, limit: int | None, progress: Progress) -> None:
        self.run, self.profile, self.force, self.limit, self.progress = run, profile, force, limit, progress
        for name in ("read", "created", "updated", "unchanged", "rejected", "removed", "held"):
            setattr(run, name, 0)
        self.codes, self.staging = CodeBook(profile.scheme), Staging(run)
        self.geocoder = Geocoder()
        self.problems: list[ImportProblem] = []
        self.reasons: Counter[str] = Counter()
        self.quirks: Counter[str] = Counter()
        self.cells: dict[str, int] = {}
        self.points, self.recognizer = sanity_checks.PointCounts(), LostIdMatcher(self.staging)
        self.unmapped = 0
        self.first: int | None = None
        self.last: int | None = None
        self.updated = 0
        self.row = 0
        self.told_at = 0.0

    def close(self) -> None:
        if connection.connection is not None and not connection.needs_rollback:
            self.staging.close()

    # Reading

    def read(self, paths: Sequence[Path]) -> None:
        """All files, up to the limit. Raises UnreadableError."""
        self.run.file_name = ", ".join(path.name for path in paths)[:200]
        self.run.file_digest = digest_of(paths)
        tables = [table for path in paths for table in self._tables(path)]
        for number, table in enumerate(tables):
            self._read_table(table, several=number > 0)
        self._tell()
        if self.run.read and self.run.rejected == self.run.read:
            first = self.problems[0].message if self.problems else ""
            raise UnreadableFileError(_("None of the rows can be read. Of the first: %(why)s") % {"why": first})

    def _tables(self, path: Path) -> list[tables.Table]:
        """The tables of a file. Publishers pack notes and other kinds of data beside their incidents: what an archive holds
        besides tables of the profile is left out and told, unless the archive is to be all there is."""
        found: list[tables.Table] = []
        others: list[tuple[TableFile, list[str]]] = []
        for part in list_table_files(path):
            try:
                found.append(tables.open_table(part, self._fits, self.profile.delimiter))
            except tables.UnknownHeaderError as error:
                others.append((part, error.found))
        if others and (not found or self.run.full_snapshot):
            raise UnreadableFileError(_other_columns(*others[0], self.profile))
        self.quirks.update(f"other columns, left out: {part.member}" for part, _header in others)
        return found

    def _fits(self, header: list[str]) -> bool:
        return header_fits(header, self.profile)

    def _read_table(self, table: tables.Table, several: bool) -> None:
        part = table.part
        met = dict(part.met)
        source = self.run.source
        box = (source.south, source.west, source.north, source.east)
        interpreter = RowParser(
            table.header,
            self.profile,
            time_zone=source.time_zone,
            box=box if None not in box else None,  # type: ignore[arg-type]
            geocoder=self.geocoder,
            met=self._met,
            rows=lambda: (cells for _number, cells in table.rows()),
        )
        keys = RowKeys(part.name, self.staging.siblings())
        part.met.clear()  # of the looks before this one
        part.met.update(met)
        rows = table.rows()
        while True:
            left = BATCH if self.limit is None else min(BATCH, self.limit - self.run.read)
            batch = self._interpreted(islice(rows, left), interpreter)
            if batch is None:
                break
            batch.keys = keys.of(batch.rows)
            self._compare(batch, several)
            self._tell(part)
        self._odd(part, interpreter, keys)

    def _odd(self, part: TableFile, interpreter: RowParser, keys: RowKeys) -> None:
        """What was odd of a whole table."""
        at = interpreter.columns.by_field
        self.quirks.update(part.met)
        self.quirks["rows that share their id with another"] += keys.repeated
        self.quirks["rows that are exactly alike"] += keys.alike
        self.quirks["no column of ids"] += at.get("external_id", -1) < 0
        self.quirks["no columns of coordinates"] += max(at.get("latitude", -1), at.get("point", -1)) < 0

    def _interpreted(self, rows: Iterator[tables.Row], interpreter: RowParser) -> _Batch | None:
        batch, count, read = _Batch(), 0, interpreter.read
        for number, cells in rows:
            count += 1
            self.row = number
            try:
                batch.rows.append(read(cells))
            except CellError as error:
                self._reject(number, error)
                batch.unread.append(interpreter.id_of(cells))
        self.run.read += count
        return batch if count else None

    def _reject(self, number: int, error: CellError) -> None:
        self.run.rejected += 1
        self.reasons[error.kind] += 1
        if len(self.problems) < MAX_STORED_PROBLEMS:
            self.problems.append(ImportProblem(run=self.run, row=number, code=error.kind, message=str(error)))

    def _met(self, kind: str) -> None:
        """An oddity of the cells, told by the first row that has it: what a cell means is worked out once."""
        self.cells.setdefault(kind, self.row)

    # Comparing

    def _compare(self, batch: _Batch, several: bool) -> None:
        stored = self.staging.stored([*batch.keys, *filter(None, batch.unread)])
        waiting = self.staging.waiting(batch.keys) if several else {}
        unknown = [key not in stored and key not in waiting for key in batch.keys]
        new = list(compress(enumerate(batch.rows), unknown))
        recognized = self.recognizer.find(new, {number for number, _content, _gone in stored.values()})
        staged: list[tuple[object, ...]] = []
        again: list[str] = []
        run, points = self.run, []
        for at, (key, row) in enumerate(zip(batch.keys, batch.rows, strict=True)):
            told, content = row.incident, row.content()
            code = self.codes.number(told.raw_code, told.raw_label)
            run.held += self.codes.held(code)
            old = recognized.get(at) or stored.get(key)
            same = waiting[key] == content if key in waiting else old is not None and old[1:] == (content, False)
            if same:
                run.unchanged += 1
                if at not in recognized or row.external_id == LOST_ID:
                    continue  # what is recognized gets its id
            elif key in waiting:
                run.updated += 1
                again.append(key)
            elif old is None:
                run.created += 1
                if row.spot.given is not None:
                    points.append(row.spot.given)
            else:
                run.updated += 1
            staged.append((old[0] if old else None, key, content, code, *told))
        self.points.add(points)
        self._span(batch)
        self.staging.forget(again)
        self.staging.add(staged)
        if run.full_snapshot:
            self.staging.keep(number for number, _content, _gone in (*stored.values(), *recognized.values()))

    def _span(self, batch: _Batch) -> None:
        if not batch.rows:
            return
        times = [row.incident.occurred_at for row in batch.rows]
        self.first = min(times if self.first is None else [self.first, *times])
        self.last = max(times if self.last is None else [self.last, *times])
        self.updated = max([self.updated, *(row.updated for row in batch.rows)])
        self.unmapped += sum(row.incident.point_kind == "none" for row in batch.rows)
        self.quirks["rows without an id"] += sum(row.external_id in ("", LOST_ID) for row in batch.rows)
        precisions = Counter(row.incident.precision for row in batch.rows)
        self.quirks["times that tell the day alone"] += precisions["day"]
        self.quirks["times that tell the hour alone"] += precisions["hour"]

    def _tell(self, part: TableFile | None = None) -> None:
        """Progress, for whoever watches."""
        now = time.monotonic()
        if part is not None and now - self.told_at < PROGRESS_INTERVAL:
            return
        self.told_at, run = now, self.run
        run.rows_total = run.read if part is None else max(run.read, round(run.read / max(part.share(), 1e-6)))
        zone = ZoneInfo(run.source.time_zone)
        run.covered_from, run.covered_to = _day(self.first, zone), _day(self.last, zone)
        run.report = self._report()
        run.save()
        self.progress(run)

    def _report(self) -> dict[str, Any]:
        """as_of: when the publisher last touched a row. quirks: what was odd and how often; cells: in which row first."""
        return {
            "as_of": sanity_checks.time_of(self.updated).isoformat() if self.updated else None,
            "profile": self.profile.name,
            "quirks": dict(sorted((+self.quirks).items())),
            "cells": dict(sorted(self.cells.items())),
            "reasons": dict(self.reasons.most_common()),
            "unmapped": self.unmapped,
            "forced": self.force,
        }

    def guard(self) -> None:
        """Raises what stops or refuses the import, after everything was counted."""
        run, whole = self.run, 0
        period = None if self.first is None or self.last is None else (self.first, self.last)
        if run.full_snapshot and period and self.limit is None:
            run.removed, whole = self.staging.gone(*period)
        ImportProblem.objects.bulk_create(self.problems, batch_size=500)
        if self.force:
            return
        sanity_checks.refuse_older_file(run, self.updated)
        sanity_checks.check_rejected_rows(run)
        sanity_checks.check_crowded_point(run, self.points.most())
        sanity_checks.check_withdrawn_incidents(run, whole)
        if period and self.recognizer.unknown:
            sanity_checks.check_lost_ids(self.recognizer.unknown, by_ids=self.staging.has_ids(*period))
        if self.limit is None:
            sanity_checks.check_row_count(run)

    # Storing

    def store(self) -> None:
        if self.run.dry_run:
            return
        period = None
        if self.run.removed and self.first is not None and self.last is not None:
            period = self.first, self.last
        self.staging.store(self.codes.write(), period)


def _other_columns(part: TableFile, found: list[str], profile: Profile) -> str:
    """Which columns were expected; of what was found only how many, since a file without header would show a row."""
    lacking = "; ".join(_(" or ").join(group) for group in HeaderColumns(found, profile).missing())
    words = _("%(name)s is no file of “%(profile)s”: it has no column %(lacking)s (it has %(count)d columns).") % {
        "name": part.name,
        "profile": profile.label,
        "lacking": lacking,
        "count": len(found),
    }
    others = [name for name in profiles.NAMES if name not in (profiles.GENERIC, profile.name)]
    fitting = [name for name in others if header_fits(found, profiles.get(name))]
    return f"{words} {_('Its columns are those of the profile %(name)s.') % {'name': fitting[0]}}" if fitting else words


def _day(minute: int | None, zone: ZoneInfo) -> dt.date | None:
    return None if minute is None else sanity_checks.time_of(minute).astimezone(zone).date()

"""Imports an agency's files: read, compare with the stored incidents, check for signs of a broken export, store at once.

    run = ImportRun.objects.create(source=source, origin=ImportRun.Origin.COMMAND)
    run_import(run, [path])             # run.state, run.message and the counts hold the result

Every row ends as created, updated, unchanged or rejected. A run that a sanity check stops has stored nothing: run it again
with `force` to store it anyway. A run that is killed has stored nothing either; the next run of its source marks it as failed.
"""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import compress, islice
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crimemap.importing import import_undo, profiles, reported_values, sanity_checks, source_lock
from crimemap.importing.codebook import CodeBook
from crimemap.importing.columns import counts
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import describe_other_columns, header_fits
from crimemap.importing.import_report import ImportReport
from crimemap.importing.matching import LostIdMatcher
from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.periods import withdrawals
from crimemap.importing.periods.withdrawals import Withdrawal
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import Profile
from crimemap.importing.readers import csv_rows, tables
from crimemap.importing.readers.cells import LOST_ID, CellError
from crimemap.importing.readers.datetimes import minute_to_datetime
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableFile, TableUnpacker
from crimemap.importing.row_keys import SAME_AS_BEFORE, RowKeys
from crimemap.importing.row_parser import RowParser
from crimemap.importing.staging import Staging, StoredIncident
from crimemap.models import ImportProblem, ImportRun, Source, SourceDraft
from crimemap.publishing import publication_requests

State = ImportRun.RunState
BATCH_ROWS = 20_000  # compared at a time
PROGRESS_SECONDS = 2.0  # between two reports of progress

OnProgress = Callable[[ImportRun], None]


class ImportRunningError(Exception):
    """Another import of this source is running; nothing was done."""


def run_import(
    run: ImportRun,
    paths: Sequence[Path],
    *,
    profile: Profile | None = None,
    force: bool = False,
    limit: int | None = None,
    on_progress: OnProgress = lambda _run: None,
) -> ImportRun:
    """Import files as one. `run` says whether to store anything (dry_run), and whether the files hold every incident of
    their period (full_snapshot), so that stored incidents they lack are withdrawn.

    profile: the source's own by default. force: skip the sanity checks and the refusal of older files. limit: rows to read
    at most. on_progress: called every few seconds, with the counts so far and an estimate as `rows_total`.

    The run ends as done, stopped (by a sanity check; `message` says why) or failed (the files cannot be read; `message` is a
    sentence). Raises ImportRunningError, and leaves the run unchanged, while another import of the source is running.
    """
    with _exclusive(run.source), _without_garbage_collection():
        run.state, run.started_at, run.message = State.RUNNING, timezone.now(), ""
        run.save()
        run.problems.all().delete()
        importing = None
        try:
            sanity_checks.refuse_unpublished_source(run)
            importing = _Import(run, profile or profile_of(run.source), force, limit, on_progress)
            importing.read(paths)
            importing.check()
            with transaction.atomic():
                importing.store()
                _finish(run, State.DONE)
        except sanity_checks.SanityCheckError as error:
            _finish(run, State.STOPPED, str(error))
        except (UnreadableFileError, generic.ConfigError, sanity_checks.SourceNotPublishedError) as error:
            _finish(run, State.FAILED, str(error))
        except BaseException:
            if not connection.needs_rollback:
                _finish(run, State.FAILED, _("The import stopped unexpectedly. Nothing was stored. Run it again."))
            raise
        finally:
            if importing:
                importing.close()
    if run.state == State.DONE and not run.dry_run:
        publication_requests.request_publication()
    return run


def profile_of(source: Source) -> Profile:
    """Return the profile that reads the source's files. Raises generic.ConfigError."""
    if source.profile == profiles.GENERIC:
        return generic.build_profile(source.profile_config, source.slug, source.time_zone)
    if source.profile not in profiles.NAMES:
        raise generic.ConfigError(_("There is no profile “%(name)s”.") % {"name": source.profile})
    return replace(profiles.get_profile(source.profile), reading=generic.stored_reading_options(source.profile_config))


def digest_mapping(profile: Profile) -> str:
    """Return a digest of what a profile reads from which columns: it changes when an administrator maps the columns anew."""
    read: tuple[object, ...] = (
        profile.columns,
        profile.codes,
        profile.labels,
        profile.domestic,
        profile.coordinate_system,
    )
    if profile.lost_signs:
        read += (profile.lost_signs,)
    return hashlib.sha256(repr(read).encode()).hexdigest()[:16]


def hash_files(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _exclusive(source: Source) -> Iterator[None]:
    """Hold the source's lock. Raises ImportRunningError. Runs that still say they are running were killed."""
    with source_lock.try_lock(source) as locked:
        if not locked:
            raise ImportRunningError(_("Another import of “%(source)s” is running.") % {"source": source})
        with connection.cursor() as cursor:
            # The backend of a killed process would hold the lock until PostgreSQL has stored all its rows.
            cursor.execute("SET client_connection_check_interval = '1s'")
            try:
                message = _("The import was cut off in the middle. Nothing from it was stored.")
                killed = ImportRun.objects.filter(source=source, state=State.RUNNING)
                killed.update(state=State.FAILED, finished_at=timezone.now(), message=message)
                yield
            finally:
                if connection.connection is not None and not connection.needs_rollback:
                    cursor.execute("RESET client_connection_check_interval")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Switch off Python's search for reference cycles: rows make none, and it would take a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _finish(run: ImportRun, state: ImportRun.RunState, message: str = "") -> None:
    run.state, run.message, run.finished_at = state, message, timezone.now()
    run.save()
    if state == State.DONE and not run.dry_run:
        run.source.last_success_at = run.finished_at
        run.source.save(update_fields=["last_success_at"])


@dataclass(slots=True)
class _Batch:
    rows: list[ParsedRow] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # of the rows
    rejected_ids: list[str] = field(default_factory=list)


class _Import:
    """One import in progress."""

    def __init__(
        self, run: ImportRun, profile: Profile, force: bool, limit: int | None, on_progress: OnProgress
    ) -> None:
        self.run, self.profile, self.force, self.limit, self.on_progress = run, profile, force, limit, on_progress
        for name in ("read", "created", "updated", "unchanged", "rejected", "removed", "held"):
            setattr(run, name, 0)
        self.report = ImportReport(run, profile.name, digest_mapping(profile), forced=force)
        self.unpacker = TableUnpacker()
        self.codes = CodeBook(profile.scheme, checks_words=run.source.profile == profiles.GENERIC)
        self.geocoder, self.staging = Geocoder(), Staging(run)
        self.matcher, self.point_counts = LostIdMatcher(self.staging), sanity_checks.PointCounts()
        self.withdrawal = Withdrawal()
        self.is_remapped = self._is_remapped()
        self.unknown_values: set[tuple[str, str]] = set()
        self.progress_shown_at = 0.0  # monotonic seconds

    def _is_remapped(self) -> bool:
        """Return whether the source has no column of ids, and its columns have been mapped anew since its last import."""
        if self.profile.columns.get("external_id") or self.staging.is_first_import:
            return False
        done = ImportRun.objects.filter(
            source=self.run.source, state=State.DONE, dry_run=False, report__has_key="mapping"
        )
        last = done.order_by("-id").values_list("report__mapping", flat=True).first()
        return last is not None and last != self.report.mapping

    def close(self) -> None:
        self.unpacker.close()
        if connection.connection is not None and not connection.needs_rollback:
            self.staging.close()

    # Reading

    def read(self, paths: Sequence[Path]) -> None:
        """Read all files, up to the limit. Raises UnreadableFileError."""
        self.run.file_name = ", ".join(path.name for path in paths)[:200]
        self.run.file_digest = hash_files(paths)
        opened = [table for path in paths for table in self._open_tables(path)]
        for number, table in enumerate(opened):
            self._read_table(table, is_later=number > 0)
        self._show_progress()
        if self.run.read and self.run.rejected == self.run.read:
            problems = self.report.problems
            why = problems[0].message if problems else ""
            raise UnreadableFileError(_("None of the rows can be read. The first row: %(why)s") % {"why": why})

    def _open_tables(self, path: Path) -> list[tables.Table]:
        """Open the tables of a file. Publishers pack notes and other data beside their incidents: tables with other columns
        are skipped and reported, unless the archive has to be complete (full_snapshot), and hidden sheets beside visible ones.
        """
        opened: list[tables.Table] = []
        others: list[tuple[TableFile, tables.UnknownHeaderError]] = []
        options = self.profile.reading
        for file in self.unpacker.list_tables(path, options):
            try:
                opened.append(tables.open_table(file, self._fits, options))
            except tables.UnknownHeaderError as error:
                others.append((file, error))
        is_incomplete = self.run.full_snapshot and any(error.is_table for _file, error in others)
        if others and (not opened or is_incomplete):
            file, refusal = max(others, key=lambda each: (each[1].is_table, len(each[1].first_row)))
            raise UnreadableFileError(describe_other_columns(file.name, refusal.first_row, self.profile))
        for file, _refusal in others:
            self.report.add_skipped_table(file)
        visible = [table for table in opened if not table.file.is_hidden]
        return visible or opened

    def _fits(self, header: list[str]) -> bool:
        return header_fits(header, self.profile)

    def _read_table(self, table: tables.Table, *, is_later: bool) -> None:
        """`is_later`: an earlier table of this import may have staged the same keys."""
        file = table.file
        if self.run.source.profile == profiles.GENERIC and "count" not in self.profile.columns:
            counts.refuse_counted_rows(table)
        quirks = dict(file.quirks)
        parser = self._make_parser(table)
        # Rows that stand for several offenses become as many that are alike.
        copies_are_one = self.profile.copies_are_one and "count" not in self.profile.columns
        keys = RowKeys(file.name, self.staging.load_siblings(), copies_are_one=copies_are_one)
        file.quirks.clear()  # counted while the parser looked at all rows
        file.quirks.update(quirks)
        rows = table.rows()
        while True:
            count = BATCH_ROWS if self.limit is None else min(BATCH_ROWS, self.limit - self.run.read)
            batch = self._parse_batch(islice(rows, count), parser)
            if batch is None:
                break
            batch.keys = keys.assign(batch.rows)
            self._compare(batch, is_later=is_later)
            self._show_progress(file)
            self._check_rejected_so_far()
        self.unknown_values |= parser.unknown_values
        self.report.add_table(file, parser, keys)

    def _check_rejected_so_far(self) -> None:
        if self.force:
            return
        try:
            sanity_checks.check_rejected_so_far(self.run)
        except sanity_checks.SanityCheckError:
            ImportProblem.objects.bulk_create(self.report.problems, batch_size=500)
            raise

    def _make_parser(self, table: tables.Table) -> RowParser:
        source = self.run.source
        return RowParser(
            table.header,
            self.profile,
            time_zone=source.time_zone,
            box=source.box,
            geocoder=self.geocoder,
            note_quirk=self.report.note_cell_quirk,
            read_rows=lambda: (cells for _number, cells in table.rows()),
        )

    def _parse_batch(self, rows: Iterator[csv_rows.Row], parser: RowParser) -> _Batch | None:
        """Parse the rows; None if there are none."""
        batch, count, more_offences, parse, report = _Batch(), 0, 0, parser.parse, self.report
        for number, cells in rows:
            count += 1
            report.current_row = number
            try:
                row = parse(cells)
            except CellError as error:
                report.add_rejected(number, error)
                batch.rejected_ids.append(parser.parse_rejected_id(cells))
                continue
            batch.rows.append(row)
            if row.count > 1:
                batch.rows += islice(row.each_offence(), 1, None)
                more_offences += row.count - 1
        self.run.read += count + more_offences
        report.quirks["more offenses that rows count"] += more_offences
        return batch if count else None

    # Comparing

    def _compare(self, batch: _Batch, *, is_later: bool) -> None:
        """Count each row as created, updated or unchanged, and stage those that change a stored incident."""
        run = self.run
        stored = self.staging.find_stored([*batch.keys, *filter(None, batch.rejected_ids)])
        staged = self.staging.find_staged(batch.keys) if is_later else {}
        matched = self._match_unknown(batch, stored, staged)
        to_stage: list[tuple[object, ...]] = []
        replaced_keys: list[str] = []
        new_points: list[ParsedRow] = []
        for index, (key, row) in enumerate(zip(batch.keys, batch.rows, strict=True)):
            if key == SAME_AS_BEFORE:
                run.unchanged += 1
                continue
            incident, content = row.incident, row.content_hash()
            code = self.codes.number(incident.raw_code, incident.raw_label)
            run.held += self.codes.is_held(code)
            self.codes.count_row(code, is_domestic=incident.domestic)
            old = matched.get(index) or stored.get(key)
            if key in staged:
                is_unchanged = staged[key] == content
            else:
                is_unchanged = old is not None and old.content_hash == content and not old.is_withdrawn
            if is_unchanged:
                run.unchanged += 1
                if index not in matched or row.external_id == LOST_ID:
                    continue  # a matched incident gets its id
            elif key in staged:
                run.updated += 1
                replaced_keys.append(key)
            elif old is None:
                run.created += 1
                if row.location.reported_hash is not None:
                    new_points.append(row)
            else:
                run.updated += 1
            to_stage.append((old.id if old else None, key, content, code, *incident))
        self.point_counts.add(new_points)
        self.report.add_rows(batch.rows)
        self.staging.unstage(replaced_keys)
        self.staging.stage(to_stage)
        if run.full_snapshot:
            self.staging.mark_present(incident.id for incident in (*stored.values(), *matched.values()))

    def _match_unknown(
        self, batch: _Batch, stored: dict[str, StoredIncident], staged: dict[str, bytes]
    ) -> dict[int, StoredIncident]:
        """Match rows whose key is unknown by their content; by index in the batch."""
        is_unknown = [key not in stored and key not in staged and key != SAME_AS_BEFORE for key in batch.keys]
        unknown = list(compress(enumerate(batch.rows), is_unknown))
        taken = {incident.id for incident in stored.values()}
        if self.is_remapped:
            return self.matcher.match_remapped(unknown, taken)
        return self.matcher.match(unknown, taken)

    def _show_progress(self, file: TableFile | None = None) -> None:
        """Save the counts so far, every few seconds while a file is read."""
        now = time.monotonic()
        if file is not None and now - self.progress_shown_at < PROGRESS_SECONDS:
            return
        self.progress_shown_at, run = now, self.run
        run.rows_total = run.read if file is None else max(run.read, round(run.read / max(file.fraction_read(), 1e-6)))
        zone = ZoneInfo(run.source.time_zone)
        first, last = self.report.main_period or (None, None)
        run.covered_from, run.covered_to = _local_date(first, zone), _local_date(last, zone)
        run.report = self.report.as_json()
        run.save()
        self.on_progress(run)

    # Checking

    def check(self) -> None:
        """Raises SanityCheckError or UnreadableFileError for signs of a broken or older export, unless forced."""
        run, period = self.run, self.report.period
        if run.full_snapshot and period and self.limit is None:
            self.withdrawal = withdrawals.find_withdrawal(run, self.staging, period)
        run.removed = self.withdrawal.count
        self.report.kept_spans = self.withdrawal.kept_spans
        point = self.point_counts.most_crowded(run.source.real_places)
        self.report.undecided_count = reported_values.count_undecided(self.unknown_values)
        if run.dry_run:
            self._report_codes()
        run.report = self.report.as_json()
        ImportProblem.objects.bulk_create(self.report.problems, batch_size=500)
        if self.force:
            return
        sanity_checks.refuse_older_file(run, self.report.updated_minute)
        sanity_checks.check_rejected_rows(run)
        self._check_crowded_point(point)
        sanity_checks.check_withdrawn_incidents(self.withdrawal)
        if period and self.matcher.unmatched_count:
            stored_by_ids = self.staging.has_ids(*period)
            sanity_checks.check_lost_ids(self.matcher.unmatched_count, stored_by_ids=stored_by_ids)
        sanity_checks.check_remapped_rows(run, self.matcher.unrecognized_count)
        if self.limit is None:
            sanity_checks.check_row_count(run)

    def _report_codes(self) -> None:
        """List the codes of a test run. A source that is being set up gets them, so that they are classified before its import."""
        self.report.codes = self.codes.list_counts()
        if SourceDraft.objects.filter(pk=self.run.source_id).exists():
            self.codes.write_new_codes()

    def _check_crowded_point(self, point: sanity_checks.CrowdedPoint | None) -> None:
        try:
            sanity_checks.check_crowded_point(self.run, point)
        except sanity_checks.SanityCheckError:
            self.report.crowded = point.as_json() if point else {}
            self.run.report = self.report.as_json()
            raise

    # Storing

    def store(self) -> None:
        if not self.run.dry_run:
            reported_values.record_new_values(self.unknown_values)
            withdrawn_days = [each.day for each in self.withdrawal.days]
            self.run.report = {**self.run.report, import_undo.UNDOABLE: True}
            self.staging.store(self.codes.write_new_codes(), self.withdrawal.period, withdrawn_days)


def _local_date(minute: int | None, zone: ZoneInfo) -> dt.date | None:
    return None if minute is None else minute_to_datetime(minute).astimezone(zone).date()

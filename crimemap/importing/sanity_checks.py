"""Checks that stop an import before anything is stored: signs that an export went wrong. Staff decide what becomes of it.

Each check has a share of the rows, and a number of rows below which small files are let through.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.periods import snapshot_coverage
from crimemap.importing.periods.withdrawals import Withdrawal
from crimemap.importing.readers.datetimes import minute_to_datetime
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import ImportRun, Incident, SourceDraft
from crimemap.wording import format_count

MAX_REJECTED_SHARE, MIN_REJECTED = 0.05, 10
MAX_REJECTED_SO_FAR_SHARE, MIN_READ_SO_FAR = 0.5, 20_000
MAX_ONE_POINT_SHARE, MIN_ON_ONE_POINT = 0.01, 100  # the busiest point of a real publisher has 0.3 % of its rows
MAX_WITHDRAWN_SHARE, MIN_WITHDRAWN = 0.5, 100
MIN_ROWS_SHARE, MIN_LAST_ROWS = 0.5, 100
MAX_LOST_IDS = 10
State = ImportRun.RunState


class SanityCheckError(Exception):
    """A check stopped the import; the message is a sentence for staff."""


class SourceNotPublishedError(Exception):
    """The source is still being set up; the message is a sentence that says what to do."""


def refuse_unpublished_source(run: ImportRun) -> None:
    """Let no file of a source that is being set up become public, however it arrives. Raises SourceNotPublishedError."""
    if not run.dry_run and SourceDraft.objects.filter(pk=run.source_id).exists():
        raise SourceNotPublishedError(
            _("This source isn't published yet. Finish “Add a source” first: its last step imports the first file.")
        )


def check_rejected_rows(run: ImportRun) -> None:
    if run.rejected > max(MIN_REJECTED, run.read * MAX_REJECTED_SHARE):
        raise SanityCheckError(
            _("%(count)s of %(read)s rows can't be read. Nothing was stored.")
            % {"count": format_count(run.rejected), "read": format_count(run.read)}
        )


def check_rejected_so_far(run: ImportRun) -> None:
    """Stop while a large file is read, so that one of worthless rows, however well it is packed, costs seconds."""
    if run.read >= MIN_READ_SO_FAR and run.rejected > run.read * MAX_REJECTED_SO_FAR_SHARE:
        raise SanityCheckError(
            _(
                "%(count)s of the first %(read)s rows can't be read, so the rest was not tried. Nothing was stored. Check that"
                " the file and the settings of its source fit together, then import it again."
            )
            % {"count": format_count(run.rejected), "read": format_count(run.read)}
        )


class CrowdedPoint(NamedTuple):
    """The point with the most new rows: coarsened, its block or areas, and what most of its rows are."""

    latitude: float
    longitude: float
    row_count: int
    place: str
    offence: str

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


def check_crowded_point(run: ImportRun, point: CrowdedPoint | None) -> None:
    """Stop if one point has so many of the new rows that a geocoder may have put there what it did not find."""
    if point is None or point.row_count <= max(MIN_ON_ONE_POINT, run.read * MAX_ONE_POINT_SHARE):
        return
    what = _(
        "%(count)s of %(read)s rows are at one point: %(latitude).5f, %(longitude).5f (%(place)s), most of them “%(offense)s”."
    )
    without_place = _(
        "%(count)s of %(read)s rows are at one point: %(latitude).5f, %(longitude).5f, most of them “%(offense)s”."
    )
    values = {
        **point.as_json(),
        "offense": point.offence,
        "count": format_count(point.row_count),
        "read": format_count(run.read),
    }
    raise SanityCheckError(
        (what if point.place else without_place) % values
        + " "
        + _(
            "It may be a real place with many incidents, such as a mall. Or a geocoder may have put all unknown addresses there."
            " Nothing was stored."
        )
    )  # fmt: skip


def check_withdrawn_incidents(withdrawal: Withdrawal) -> None:
    """Stop if most of what is stored of the period is missing from the file, whatever of it would be withdrawn."""
    absent_count = sum(each.absent_inside for each in withdrawal.absent_days)
    if absent_count > max(MIN_WITHDRAWN, withdrawal.stored_count * MAX_WITHDRAWN_SHARE):
        spans = snapshot_coverage.join_days(withdrawal.absent_days)
        raise SanityCheckError(
            _(
                "%(count)s of the %(whole)s stored incidents of this period are missing from the file: %(spans)s."
                " Nothing was stored."
            )
            % {
                "count": format_count(absent_count),
                "whole": format_count(withdrawal.stored_count),
                "spans": snapshot_coverage.describe_spans(spans),
            }
        )


def check_lost_ids(unmatched_count: int, *, stored_by_ids: bool) -> None:
    """`unmatched_count`: rows that lost their id and equal no stored incident. `stored_by_ids`: incidents of the same
    period are stored by their ids."""
    if stored_by_ids and unmatched_count > MAX_LOST_IDS:
        raise SanityCheckError(
            _(
                "%(count)s rows have lost their id (a spreadsheet writes 202515001499 as 2.02515E+11) and match no stored"
                " incident, while other rows of this period have their ids. They might be stored twice. Nothing was stored."
            )
            % {"count": format_count(unmatched_count)}
        )


def check_remapped_rows(run: ImportRun, unrecognized_count: int) -> None:
    """Stop if the columns were mapped anew and rows without ids are no more recognized as the stored incidents of their days."""
    if unrecognized_count <= max(MIN_REJECTED, run.read * MAX_REJECTED_SHARE):
        return
    first, last = run.covered_from, run.covered_to
    stored = Incident.objects.filter(source=run.source, removed_at=None, occurred_at__date__range=(first, last))
    if first and last and stored.exists():
        raise SanityCheckError(
            _(
                "The columns of this source have a new meaning, and %(count)s of %(read)s rows are no longer recognized as incidents"
                " that are stored for these days. They would be stored twice. Undo the earlier import first, or choose a column"
                " of ids. Nothing was stored."
            )
            % {"count": format_count(unrecognized_count), "read": format_count(run.read)}
        )


def check_row_count(run: ImportRun) -> None:
    """Stop a file with less than half of the rows that the last import had for the same period: probably cut off."""
    done = ImportRun.objects.filter(source=run.source, state=State.DONE, dry_run=False, covered_to__isnull=False)
    last = done.order_by("-id").first()
    if last is None or run.covered_from is None or run.covered_to is None:
        return
    assert last.covered_from
    assert last.covered_to
    covers_last = run.covered_from <= last.covered_from and run.covered_to >= last.covered_to
    if covers_last and last.read >= MIN_LAST_ROWS and run.read < last.read * MIN_ROWS_SHARE:
        raise SanityCheckError(
            _("The file has %(read)s rows, but the last import had %(last)s for the same period. Nothing was stored.")
            % {"read": format_count(run.read), "last": format_count(last.read)}
        )


def refuse_older_file(run: ImportRun, updated_minute: int) -> None:
    """Refuse an older file that would overwrite newer rows; new rows are accepted.

    `updated_minute`: since 1970, when the publisher last changed a row of the file; 0 if unknown. Raises UnreadableFileError.
    """
    if not updated_minute or not (run.updated or run.removed):
        return
    done = ImportRun.objects.filter(source=run.source, state=State.DONE, dry_run=False)
    times = [dt.datetime.fromisoformat(text) for text in done.values_list("report__as_of", flat=True) if text]
    if times and minute_to_datetime(updated_minute) < max(times):
        raise UnreadableFileError(
            _(
                "This file is from %(old)s, but a newer one from %(new)s was already imported. Older data would overwrite"
                " newer data. Nothing was stored."
            )
            % {"old": f"{minute_to_datetime(updated_minute):%Y-%m-%d}", "new": f"{max(times):%Y-%m-%d}"}
        )


class PointCounts:
    """Counts new rows by point; forgets the points with the fewest rows when there are too many."""

    MAX_POINTS = 200_000

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        # Of points with MIN_ON_ONE_POINT rows: a row of each of 200,000 points would take 100 MB.
        self.examples: dict[int, ParsedRow] = {}
        self.offences: dict[int, Counter[str]] = {}

    def add(self, rows: Sequence[ParsedRow]) -> None:
        """Count rows that report a point, by its hash."""
        for row in rows:
            key = row.location.reported_hash
            assert key is not None
            self.counts[key] += 1
            if self.counts[key] >= MIN_ON_ONE_POINT:
                self.examples.setdefault(key, row)
                self.offences.setdefault(key, Counter())[row.incident.raw_label or row.incident.raw_code] += 1
        if len(self.counts) > self.MAX_POINTS:
            self.counts = Counter(dict(self.counts.most_common(self.MAX_POINTS // 2)))

    def most_crowded(self, real_places: Sequence[Sequence[float]]) -> CrowdedPoint | None:
        """Return the point with the most rows, MIN_ON_ONE_POINT or more, that no administrator has confirmed as a real place."""
        confirmed = {tuple(place) for place in real_places}
        for key, count in self.counts.most_common(len(confirmed) + 1):
            if key not in self.examples:
                break
            row = self.examples[key]
            latitude, longitude = row.location.latitude, row.location.longitude
            if latitude is None or longitude is None or (latitude, longitude) in confirmed:
                continue
            incident = row.incident
            place = incident.block_text or ", ".join(
                filter(None, (incident.neighbourhood, incident.district, incident.beat))
            )
            return CrowdedPoint(latitude, longitude, count, place, self.offences[key].most_common(1)[0][0])
        return None

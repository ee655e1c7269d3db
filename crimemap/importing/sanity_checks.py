"""What stops an import before anything is stored: signs that an export went wrong. Staff look at it and publish it or not.

Files of a few rows are allowed a slip; on a real publisher's busiest point is 0.3 % of its rows.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

from django.utils.translation import gettext as _

from crimemap.importing.readers.files import UnreadableFileError
from crimemap.models import ImportRun

REJECTED, REJECTED_FEW = 0.05, 10
ON_ONE_POINT, ON_ONE_POINT_FEW = 0.01, 100
HALF, HALF_FEW = 0.5, 100
LOST_IDS_FEW = 10
State = ImportRun.RunState


class SanityCheckError(Exception):
    """A guard's sentence."""


def check_rejected_rows(run: ImportRun) -> None:
    if run.rejected > max(REJECTED_FEW, run.read * REJECTED):
        raise SanityCheckError(
            _("%(count)d of %(read)d rows cannot be read. Nothing was stored.")
            % {"count": run.rejected, "read": run.read}
        )


def check_crowded_point(run: ImportRun, most: int) -> None:
    """`most`: new rows on the point that has the most of them."""
    if most > max(ON_ONE_POINT_FEW, run.read * ON_ONE_POINT):
        raise SanityCheckError(
            _(
                "One point has %(count)d of %(read)d rows: a geocoder may have put there what it did not find."
                " Nothing was stored."
            )
            % {"count": most, "read": run.read}
        )


def check_withdrawn_incidents(run: ImportRun, whole: int) -> None:
    """`whole`: incidents stored of the period."""
    if run.removed > max(HALF_FEW, whole * HALF):
        raise SanityCheckError(
            _("%(count)d of the %(whole)d stored incidents of this period would be withdrawn. Nothing was stored.")
            % {"count": run.removed, "whole": whole}
        )


def check_lost_ids(unknown: int, *, by_ids: bool) -> None:
    """`unknown`: rows without the id they should have that are like nothing stored; `by_ids`: incidents of the same period
    are stored by their ids."""
    if by_ids and unknown > LOST_IDS_FEW:
        raise SanityCheckError(
            _(
                "%(count)d rows have lost their id (a spreadsheet writes 202515001499 as 2.02515E+11) and are like no stored"
                " incident, while others of this period have theirs: they might be stored twice. Nothing was stored."
            )
            % {"count": unknown}
        )


def check_row_count(run: ImportRun) -> None:
    """Of the last import's period, less than half of its rows: the export was probably cut off."""
    done = ImportRun.objects.filter(source=run.source, state=State.DONE, dry_run=False, covered_to__isnull=False)
    last = done.order_by("-id").first()
    if last is None or run.covered_from is None or run.covered_to is None:
        return
    assert last.covered_from
    assert last.covered_to
    same = run.covered_from <= last.covered_from and run.covered_to >= last.covered_to
    if same and last.read >= HALF_FEW and run.read < last.read * HALF:
        raise SanityCheckError(
            _("%(read)d rows, and the last import had %(last)d of the same period. Nothing was stored.")
            % {"read": run.read, "last": last.read}
        )


def refuse_older_file(run: ImportRun, touched: int) -> None:
    """An older file takes nothing back; what it adds is welcome. `touched`: when the publisher last touched a row of it, in
    minutes since 1970, 0 if that is not told. Raises UnreadableError."""
    if not touched or not (run.updated or run.removed):
        return
    done = ImportRun.objects.filter(source=run.source, state=State.DONE, dry_run=False)
    times = [dt.datetime.fromisoformat(told) for told in done.values_list("report__as_of", flat=True) if told]
    if times and time_of(touched) < max(times):
        raise UnreadableFileError(
            _(
                "The file is as of %(old)s, and one as of %(new)s was imported before: it would set incidents back."
                " Nothing was stored."
            )
            % {"old": f"{time_of(touched):%Y-%m-%d}", "new": f"{max(times):%Y-%m-%d}"}
        )


class PointCounts:
    """How many new rows the point with the most of them has. Counts what is many; forgets, now and then, what is few."""

    MOST = 200_000

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, points: Iterable[int]) -> None:
        self.counts.update(points)
        if len(self.counts) > self.MOST:
            self.counts = Counter(dict(self.counts.most_common(self.MOST // 2)))

    def most(self) -> int:
        return max(self.counts.values(), default=0)


def time_of(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC)

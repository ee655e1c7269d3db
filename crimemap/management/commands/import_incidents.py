"""`manage.py import_incidents`: import an agency's files of incidents."""

from __future__ import annotations

import datetime as dt
import json as jsonlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from crimemap.importing import pipeline, profiles
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import read_start
from crimemap.models import ImportRun, Source

COUNTS = ("read", "created", "updated", "unchanged", "rejected", "held", "removed")


class Command(BaseCommand):
    help = "Import incident files into a source. All files together are one import."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="SOURCE", help="short name; created if you give --profile")
        parser.add_argument(
            "files",
            metavar="FILE",
            nargs="+",
            help="CSV, JSON or a workbook (.xlsx, .xls, .xlsb, .ods); plain, gzip or zip",
        )
        parser.add_argument("--profile", help=f"how the files are read: {', '.join(profiles.NAMES)}")
        parser.add_argument("--dry-run", action="store_true", help="read and count everything, but store nothing")
        parser.add_argument(
            "--full-snapshot",
            action="store_true",
            help="the files contain all incidents of their period; others are withdrawn",
        )
        parser.add_argument(
            "--from", type=dt.date.fromisoformat, dest="first_day", metavar="YYYY-MM-DD",
            help="with --full-snapshot: first day of the period that the files contain everything for; without it, each day "
            "that they cover by their content",
        )  # fmt: skip
        parser.add_argument(
            "--to", type=dt.date.fromisoformat, dest="last_day", metavar="YYYY-MM-DD", help="last day of that period"
        )
        parser.add_argument("--limit", type=int, metavar="N", help="read at most this many rows")
        parser.add_argument(
            "--force",
            action="store_true",
            help="import even if a guard would stop it, or if the file is older than the last one",
        )
        parser.add_argument("--json", action="store_true", help="print one object")

    def handle(
        self,
        *args: Any,
        source: str,
        files: list[str],
        profile: str | None = None,
        dry_run: bool = False,
        full_snapshot: bool = False,
        first_day: dt.date | None = None,
        last_day: dt.date | None = None,
        limit: int | None = None,
        force: bool = False,
        json: bool = False,
        **options: Any,
    ) -> None:
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number of rows, 1 or more.")
        if (first_day is None) != (last_day is None) or (first_day and last_day and first_day > last_day):
            raise CommandError("--from and --to are the first and the last day of a period: give both, or none.")
        if first_day and not full_snapshot:
            raise CommandError("--from and --to belong to --full-snapshot.")
        paths = [Path(file) for file in files]
        try:
            for path in paths:
                read_start(path)
        except UnreadableFileError as error:
            raise CommandError(str(error)) from error
        with transaction.atomic() if dry_run else nullcontext():
            found_source = find_or_make_source(source, profile)
            run = ImportRun.objects.create(
                source=found_source, origin=ImportRun.Origin.COMMAND, dry_run=dry_run, full_snapshot=full_snapshot,
                snapshot_from=first_day, snapshot_to=last_day,
            )  # fmt: skip
            chosen_profile = profiles.get_profile(profile) if profile and profile != profiles.GENERIC else None
            try:
                pipeline.run_import(run, paths, profile=chosen_profile, force=force, limit=limit)
            except pipeline.ImportRunningError as error:
                run.state, run.message = ImportRun.RunState.FAILED, str(error)
                run.save()
                raise CommandError(str(error)) from error
            result = as_json(run)
            if dry_run:
                transaction.set_rollback(True)
        if json:
            self.stdout.write(jsonlib.dumps(result))
        else:
            self.stdout.write(as_text(result))
        if run.state != ImportRun.RunState.DONE:
            hint = " Use --force to store it anyway." if run.state == ImportRun.RunState.STOPPED else ""
            raise CommandError(run.message + hint)


def find_or_make_source(slug: str, profile: str | None) -> Source:
    """Return the source; create it if there is none and a profile is given. Raises CommandError."""
    if profile and profile not in profiles.NAMES:
        raise CommandError(f"There is no profile {profile!r}. There are: {', '.join(profiles.NAMES)}.")
    existing = Source.objects.filter(slug=slug).first()
    if existing:
        return existing
    if not profile:
        raise CommandError(f"There is no source {slug!r}. Add --profile to create it.")
    if profile == profiles.GENERIC:
        raise CommandError(
            "The generic profile needs to know the columns. Create the source in the admin with a sample file."
        )
    source = Source(slug=slug, name=slug, profile=profile, time_zone=profiles.get_profile(profile).time_zone)
    try:
        source.full_clean()
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    source.save()
    return source


def as_json(run: ImportRun) -> dict[str, Any]:
    counts = {name: getattr(run, name) for name in COUNTS}
    return {
        **counts,
        "problems": list(run.problems.values("row", "column", "code", "message")),
        "state": run.state,
        "message": run.message,
        "dry_run": run.dry_run,
        "covered_from": run.covered_from and run.covered_from.isoformat(),
        "covered_to": run.covered_to and run.covered_to.isoformat(),
        **run.report,
    }


def as_text(result: dict[str, Any]) -> str:
    counts = ", ".join(f"{result[name]:,} {name}" for name in COUNTS)
    lines = [
        f"{'Dry run: ' if result['dry_run'] else ''}{counts}.",
        f"{result.get('unmapped', 0):,} have no mapped place.",
    ]
    lines += [f"Met: {kind} ({count:,})." for kind, count in result.get("quirks", {}).items()]
    lines += [f"Met: {kind}, first in row {row:,}." for kind, row in result.get("cells", {}).items()]
    lines += [f"Row {problem['row']}: {problem['message']}" for problem in result["problems"][:20]]
    if result["rejected"] > 20:
        lines.append(f"... and {result['rejected'] - 20:,} more.")
    return "\n".join(lines)

"""The six steps of adding a source: which are done, what is missing, and which can be opened."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap.importing import profiles
from crimemap.importing.arrival import draft_files, jobs
from crimemap.importing.profiles import generic
from crimemap.models import ImportRun, SourceDraft

State = ImportRun.RunState
FILE, COLUMNS, ROWS, CODES, REPORT, PUBLISH = NAMES = ("file", "columns", "rows", "codes", "report", "publish")
TITLES: dict[str, Promise] = {
    FILE: gettext_lazy("File"),
    COLUMNS: gettext_lazy("Columns"),
    ROWS: gettext_lazy("First rows"),
    CODES: gettext_lazy("Codes"),
    REPORT: gettext_lazy("Test run"),
    PUBLISH: gettext_lazy("Publish"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """`missing` says what prevents the steps behind it, "" if nothing does; `is_open`: it can be opened now."""

    name: str
    number: int
    title: str
    missing: str
    is_open: bool

    @property
    def is_done(self) -> bool:
        return not self.missing


def list_steps(draft: SourceDraft) -> list[Step]:
    """Return the steps in order. One can be opened when nothing is missing in those before it."""
    steps: list[Step] = []
    is_open = True
    for number, name in enumerate(NAMES, 1):
        missing = _describe_missing(draft, name) if is_open else _("The steps before it come first.")
        steps.append(Step(name, number, str(TITLES[name]), missing, is_open))
        is_open = is_open and not missing
    return steps


def next_step(draft: SourceDraft) -> Step:
    """Return the first step in which something is missing."""
    return next(step for step in list_steps(draft) if step.missing)


def _describe_missing(draft: SourceDraft, name: str) -> str:
    """Return what prevents the steps behind this one. The report, with codes that are not classified yet, prevents nothing."""
    checks = {FILE: _check_file, COLUMNS: _check_columns, ROWS: _check_rows, CODES: _check_test_run}
    if name == PUBLISH:
        return _("The source isn't published yet.")
    return checks[name](draft) if name in checks else ""


def _check_file(draft: SourceDraft) -> str:
    if draft_files.find_file(draft.source) is not None:
        return ""
    days = jobs.DRAFT_FILES_KEPT.days
    return _("The file was deleted after %(days)d days. Choose it again: all else is kept.") % {"days": days}


def _check_columns(draft: SourceDraft) -> str:
    source = draft.source
    if source.profile != profiles.GENERIC:
        return ""
    try:
        generic.GenericConfig.parse(source.profile_config)
    except generic.ConfigError as error:
        return str(error)
    return ""


def _check_rows(draft: SourceDraft) -> str:
    if draft.rows_checked and draft.test_run:
        return ""
    return _("Look at the first rows, and start the test run.")


def _check_test_run(draft: SourceDraft) -> str:
    run = draft.test_run
    if run is None or run.state in jobs.OPEN_STATES:
        return _("The whole file is being read. Wait until that is done.")
    return run.message if run.state == State.FAILED else ""

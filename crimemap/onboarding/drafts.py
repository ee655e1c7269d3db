"""A source that is being set up: started, changed, tried with its whole file, published or given up.

Each change names the version that its page showed. It is refused if another person has changed the source meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.text import slugify

from core import audit
from core.models import Account
from crimemap.importing.arrival import draft_files, jobs
from crimemap.importing.arrival.jobs import IncomingFile
from crimemap.importing.profiles import generic
from crimemap.models import ImportRun, OffenceCode, Source, SourceDraft

_MAX_SLUG = 40


class DraftChangedError(Exception):
    """Another person changed the source after the page was opened; nothing was saved. `draft` is its state now."""

    def __init__(self, draft: SourceDraft) -> None:
        super().__init__(str(draft))
        self.draft = draft


class FileGoneError(Exception):
    """The source's file was deleted because it had become too old; nothing was done."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent, and its first rows as JSON."""

    file: IncomingFile
    sample: str


@transaction.atomic
def start(name: str, time_zone: str, settings: dict[str, Any], sent: SentFile, by: Account) -> SourceDraft:
    """Create a source that is not published. `settings` are its profile and profile_config.

    Raises ImportNotPossibleError; OSError for a full disk.
    """
    source = Source.objects.create(name=name, slug=_free_slug(name), time_zone=time_zone, **settings)
    draft = SourceDraft.objects.create(source=source, changed_by=by, file_name=jobs.safe_file_name(sent.file.name))
    draft_files.store_file(source, sent.file, sent.sample)
    audit.record(by, "started to add a source", f"source {source.slug}", draft.file_name)
    return draft


def change(draft: SourceDraft, version: int, by: Account, fields: dict[str, Any], **state: Any) -> None:
    """Change the source's fields and the draft's state; a new test run is needed if files are now read in another way.

    Raises DraftChangedError. Call it in a transaction.
    """
    current = (
        SourceDraft.objects.select_for_update(of=("self",)).select_related("source", "changed_by").get(pk=draft.pk)
    )
    if current.version != version:
        raise DraftChangedError(current)
    source = current.source
    changed = {name: value for name, value in fields.items() if getattr(source, name) != value}
    if changed.keys() - {"name", "embargo_days", "expected_interval"}:
        state = {"test_run": None, "rows_checked": False, **state}
    for name, value in changed.items():
        setattr(source, name, value)
    source.save(update_fields=list(changed) or ["name"])
    for name, value in state.items():
        setattr(current, name, value)
    current.version, current.changed_by, current.changed_at = version + 1, by, timezone.now()
    current.save()
    draft.__dict__.update(current.__dict__)
    if changed:
        audit.record(by, "changed a source being set up", f"source {source.slug}", ", ".join(sorted(changed)))


@transaction.atomic
def replace_file(draft: SourceDraft, version: int, by: Account, fields: dict[str, Any], sent: SentFile) -> None:
    """Set up the source with another file. Raises DraftChangedError, ImportNotPossibleError; OSError for a full disk."""
    name = jobs.safe_file_name(sent.file.name)
    change(draft, version, by, fields, file_name=name, test_run=None, rows_checked=False)
    draft_files.store_file(draft.source, sent.file, sent.sample)
    audit.record(by, "replaced the file of a source", f"source {draft.source.slug}", name)


@transaction.atomic
def read_again(draft: SourceDraft, version: int, by: Account, fields: dict[str, Any], sample: str) -> None:
    """Set up the source with its file read in another way. Raises DraftChangedError, ImportNotPossibleError, OSError."""
    change(draft, version, by, fields, test_run=None, rows_checked=False)
    draft_files.store_sample(draft.source, sample)


@transaction.atomic
def request_test(draft: SourceDraft, version: int, by: Account) -> ImportRun:
    """Have the worker read the whole file; nothing is stored but the codes that it has.

    Raises DraftChangedError, FileGoneError, ImportNotPossibleError.
    """
    change(draft, version, by, {}, rows_checked=True)
    path = draft_files.find_file(draft.source)
    if path is None:
        raise FileGoneError
    # Codes of columns that were chosen before: no incident has them.
    _own_codes(draft.source).filter(category=None).delete()
    with draft_files.open_copy(path) as file:
        run = jobs.request_import(draft.source, [file], origin=ImportRun.Origin.UPLOAD, by=by, dry_run=True)
    draft.test_run = run
    draft.save(update_fields=["test_run"])
    return run


@transaction.atomic
def publish(draft: SourceDraft, version: int, by: Account, fields: dict[str, Any]) -> ImportRun:
    """Make the source a feed and import its first file. Raises DraftChangedError, FileGoneError, ImportNotPossibleError."""
    change(draft, version, by, fields)
    source, path = draft.source, draft_files.find_file(draft.source)
    if path is None:
        raise FileGoneError
    SourceDraft.objects.filter(pk=source.pk).delete()
    audit.record(by, "published a source", f"source {source.slug}", f"embargo {source.embargo_days} days")
    with draft_files.open_copy(path) as file:
        run = jobs.request_import(source, [file], origin=ImportRun.Origin.UPLOAD, by=by)
    transaction.on_commit(lambda: draft_files.remove_files(source))
    return run


@transaction.atomic
def discard(draft: SourceDraft, version: int, by: Account) -> None:
    """Delete the source with its file, its test runs and the codes of its own list. Raises DraftChangedError."""
    change(draft, version, by, {})
    source = draft.source
    run_ids = list(ImportRun.objects.filter(source=source).values_list("pk", flat=True))
    _own_codes(source).delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT source_draft_erase(%s)", [source.pk])
    audit.record(by, "gave up a source", f"source {source.slug}", "it was never published")
    transaction.on_commit(lambda: draft_files.remove_files(source))
    # A test run that still waits has a copy of the file.
    transaction.on_commit(lambda: jobs.remove_folders(run_ids))


def _own_codes(source: Source) -> Any:
    return OffenceCode.objects.filter(scheme=generic.own_scheme(source.slug))


def _free_slug(name: str) -> str:
    """Return a short name for addresses and folders that no source has."""
    base = slugify(name)[: _MAX_SLUG - 4].strip("-") or "source"
    taken = set(Source.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    # The codes of a deleted source may have stayed.
    taken |= {
        scheme.removeprefix("generic:") for scheme in OffenceCode.objects.values_list("scheme", flat=True).distinct()
    }
    numbered = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)

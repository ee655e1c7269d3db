"""Takes back an import as a whole: incidents that it added are deleted, those that it changed or withdrew are as before.

The newest import of a source can be taken back, then the one before it. An undo is a run of its own, so that publication reads
the changed rows again; staging.py keeps what it puts back.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crimemap.importing import source_lock
from crimemap.importing.staging import KEPT_UNDOS
from crimemap.models import ImportRun, Incident, Source
from crimemap.publishing import publication_requests

State, Origin = ImportRun.RunState, ImportRun.Origin
UNDOABLE = "undoable"  # in ImportRun.report, of imports whose replaced rows are kept
# Put back are all columns but those that never change, and the run that last changed the row.
_NAMES = [
    field.column
    for field in Incident._meta.concrete_fields
    if field.name not in ("id", "source", "public_id", "last_run")
]
_FORGET_REVISIONS = "DELETE FROM crimemap_incidentrevision WHERE run_id = %(undone)s"
# What it added may have been put back by the undo of a later import: found through the index of last_run.
_DELETE_ADDED = """
DELETE FROM crimemap_incident WHERE first_run_id = %(undone)s AND last_run_id IN (
    SELECT id FROM crimemap_importrun WHERE source_id = %(source)s AND id >= %(undone)s)
"""
_PUT_BACK = f"""
UPDATE crimemap_incident AS incident SET last_run_id = %(run)s, {", ".join(f"{name} = before.{name}" for name in _NAMES)}
FROM crimemap_replacedincident AS replaced, jsonb_populate_record(NULL::crimemap_incident, replaced.stored) AS before
WHERE replaced.run_id = %(undone)s AND incident.id = replaced.incident_id
"""  # noqa: S608  (names of columns)
_COUNT_REPLACED = """
SELECT count(*) FILTER (WHERE incident.removed_at IS NULL), count(*) FILTER (WHERE incident.removed_at IS NOT NULL)
FROM crimemap_replacedincident AS replaced JOIN crimemap_incident AS incident ON incident.id = replaced.incident_id
WHERE replaced.run_id = %s
"""


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """The effect of taking an import back: incidents deleted, changed back, and back from being withdrawn."""

    deleted: int
    changed: int
    returned: int


def find_undoable(source: Source) -> ImportRun | None:
    """Return the import that can be taken back next; None if there is none, or it is from long ago."""
    real = ImportRun.objects.filter(source=source, dry_run=False).exclude(origin=Origin.UNDO)
    newest = real.filter(state=State.DONE).order_by("-id").first()
    if newest is None or not newest.report.get(UNDOABLE):
        return None
    later_count = real.filter(id__gt=newest.pk, state=State.UNDONE).count()
    return newest if later_count <= KEPT_UNDOS else None


def preview_undo(run: ImportRun) -> UndoPreview:
    later = ImportRun.objects.filter(source_id=run.source_id, id__gte=run.pk)
    deleted = Incident.objects.filter(last_run__in=later, first_run=run).count()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_REPLACED, [run.pk])
        changed, returned = cursor.fetchone()
    return UndoPreview(deleted, changed, returned)


def take_back(run: ImportRun) -> bool:
    """Carry out an undo that was requested as `run`. Return False while another import of the source is running."""
    with source_lock.try_lock(run.source) as locked:
        if not locked:
            return False
        with transaction.atomic():
            run = ImportRun.objects.select_for_update(of=("self",)).select_related("source", "undoes").get(pk=run.pk)
            undone = run.undoes
            if run.state != State.WAITING or undone is None:
                return True
            if find_undoable(run.source) != undone:
                run.state, run.finished_at = State.FAILED, timezone.now()
                run.message = _("Another import came first, so this one can no longer be undone. Nothing was changed.")
                run.save()
                return True
            run.started_at = timezone.now()
            with connection.cursor() as cursor:
                values = {"run": run.pk, "undone": undone.pk, "source": run.source_id}
                cursor.execute(_FORGET_REVISIONS, values)
                cursor.execute(_DELETE_ADDED, values)
                run.removed = cursor.rowcount
                cursor.execute(_PUT_BACK, values)
                run.updated = run.read = cursor.rowcount
            undone.replaced.all().delete()
            undone.state = State.UNDONE
            undone.save(update_fields=["state"])
            run.state, run.finished_at = State.DONE, timezone.now()
            run.save()
            _reset_last_success(run.source)
            publication_requests.request_publication()
    return True


def _reset_last_success(source: Source) -> None:
    done = ImportRun.objects.filter(source=source, state=State.DONE, dry_run=False).exclude(origin=Origin.UNDO)
    source.last_success_at = done.order_by("-id").values_list("finished_at", flat=True).first()
    source.save(update_fields=["last_success_at"])

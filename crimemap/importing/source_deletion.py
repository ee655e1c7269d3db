"""Deletes a source with all that came from it: incidents, revisions, imports with their files, and its own list of codes.

It can't be undone: the rows are gone, and the same files imported again get new addresses. What stays is in DeletedSource:
the public ids of incidents that residents could open, so that their addresses go on to answer 410.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from crimemap.importing import profiles, source_lock
from crimemap.importing.profiles import generic
from crimemap.models import DeletedSource, ImportRun, Incident, OffenceCode, Source, Subscription
from crimemap.publishing import publication_requests
from crimemap.snapshot import reader
from crimemap.snapshot.format import Array
from crimemap.snapshot.published_incidents import NothingPublishedError

# In this order: each refers to those below it.
_DELETIONS = (
    "DELETE FROM crimemap_replacedincident WHERE run_id IN (SELECT id FROM crimemap_importrun WHERE source_id = %(source)s)",
    "DELETE FROM crimemap_importproblem WHERE run_id IN (SELECT id FROM crimemap_importrun WHERE source_id = %(source)s)",
    "DELETE FROM crimemap_incidentrevision WHERE incident_id IN (SELECT id FROM crimemap_incident WHERE source_id = %(source)s)",
    "DELETE FROM crimemap_incident WHERE source_id = %(source)s",
    "DELETE FROM crimemap_importrun WHERE source_id = %(source)s",
    "DELETE FROM crimemap_offencecode WHERE scheme = %(scheme)s",
    "DELETE FROM crimemap_source WHERE id = %(source)s",
)


@dataclass(frozen=True, slots=True)
class DeletionPreview:
    """Numbers of what is deleted with a source; `alerts` stay, and `other_sources` have incidents for them."""

    incidents: int
    imports: int
    codes: int
    alerts: int
    other_sources: int
    has_token: bool


def preview_deletion(source: Source) -> DeletionPreview:
    return DeletionPreview(
        incidents=Incident.objects.filter(source=source).count(),
        imports=ImportRun.objects.filter(source=source).exclude(origin=ImportRun.Origin.DELETE).count(),
        codes=OffenceCode.objects.filter(scheme=_own_scheme(source)).count(),
        alerts=Subscription.objects.exclude(confirmed_at=None).count(),
        other_sources=Source.objects.exclude(pk=source.pk).count(),
        has_token=source.api_token_hash is not None,
    )


def is_being_deleted(source: Source) -> bool:
    return ImportRun.objects.filter(source=source, origin=ImportRun.Origin.DELETE).exists()


def delete_source(run: ImportRun) -> list[int] | None:
    """Carry out a deletion that was requested as `run`. Return the ids of the deleted imports; None while one still runs."""
    source = run.source
    with source_lock.try_lock(source) as locked:
        if not locked:
            return None
        with transaction.atomic():
            run_ids = list(ImportRun.objects.filter(source=source).values_list("pk", flat=True))
            DeletedSource.objects.create(slug=source.slug, public_ids=_find_public_ids(source).tobytes())
            values: dict[str, int | str] = {"source": source.pk, "scheme": _own_scheme(source)}
            with connection.cursor() as cursor:
                for deletion in _DELETIONS:
                    cursor.execute(deletion, values)
            publication_requests.request_publication()
    return run_ids


def _find_public_ids(source: Source) -> Array:
    """Return the ids of the source's incidents that the published version shows, or withdrew before. Hidden ones never were."""
    try:
        columns = reader.current().columns
    except NothingPublishedError:
        return np.empty(0, "S12")
    stored = Incident.objects.filter(source=source).values_list("public_id", flat=True)
    ids = np.array([public_id.encode() for public_id in stored.iterator(chunk_size=50_000)], "S12")
    published = np.concatenate([columns["public_id"], columns["withdrawn"]])
    return np.sort(ids[np.isin(ids, published)])


def _own_scheme(source: Source) -> str:
    """Return the list of codes that only this source has, "" for none: named profiles share theirs, and other sources may use it."""
    scheme = generic.own_scheme(source.slug)
    is_shared = Source.objects.exclude(pk=source.pk).filter(profile_config__scheme=scheme).exists()
    return "" if is_shared or source.profile != profiles.GENERIC else scheme

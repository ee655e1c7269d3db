"""A source is deleted with all that came from it, after a second question, and its addresses answer 410."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from core.staff import groups
from crimemap.importing.arrival import jobs, push_tokens
from crimemap.importing.profiles import generic
from crimemap.models import (
    Category,
    DeletedSource,
    ImportProblem,
    ImportRun,
    Incident,
    IncidentRevision,
    OffenceCode,
    ReplacedIncident,
    Source,
)
from crimemap.publishing import publisher
from tests.crimemap.importing.administrators import (
    ROWS,
    audit_entries,
    create_account,
    create_source,
    export_csv,
    sign_in,
    uploaded_file,
)
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db
COLUMNS = {"external_id": "ID", "occurred": "Date", "code": "IUCR", "label": "Primary Type", "block": "Block"}


@pytest.fixture
def folders(tmp_path: Path, settings: Any) -> Path:
    for name in ("public", "cache", "uploads"):
        (tmp_path / name).mkdir()
    settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
    settings.INCIDENT_UPLOADS, settings.PUBLICATION_RULES = tmp_path / "uploads", None
    return tmp_path


def import_rows(folder: Path, slug: str, rows: list[dict[str, str]]) -> None:
    path = folder / "export.csv"
    path.write_bytes(export_csv(rows))
    call_command("import_incidents", slug, str(path), stdout=io.StringIO(), force=True)


def status_of(public_id: str) -> int:
    return Client().get(f"/map/incident/{public_id}/").status_code


def test_a_source_goes_with_all_that_came_from_it(folders: Path) -> None:
    ada, city = create_account(), create_source()
    city.profile, city.profile_config = "generic", {"columns": COLUMNS}
    city.save()
    create_source("county")
    import_rows(folders, "county", ROWS)
    import_rows(folders, "city", [ROWS[0] | {"Date": "yesterday"}, *ROWS[1:30]])
    codes = OffenceCode.objects.filter(scheme=generic.own_scheme("city"))
    codes.update(category=Category.objects.get(slug="burglary"), visibility="block")
    codes.filter(code="0820").update(visibility="hidden")
    publisher.publish()
    import_rows(folders, "city", [row | {"Block": "099XX S NEWTON ST"} for row in ROWS[10:15]])
    assert ImportProblem.objects.exists()
    assert ReplacedIncident.objects.exists()
    assert IncidentRevision.objects.exists()
    other = set(Incident.objects.filter(source__slug="county").values_list("public_id", flat=True))
    ours = Incident.objects.filter(source=city)
    before = {public_id: status_of(public_id) for public_id in (*ours.values_list("public_id", flat=True), *other)}
    assert set(before.values()) == {200, 404}  # some are hidden
    token = push_tokens.create_token(city, ada)
    jobs.request_import(city, [uploaded_file()], origin=ImportRun.Origin.UPLOAD, by=ada)
    ImportRun.objects.filter(state="waiting").update(state="stopped")
    assert list((folders / "uploads").iterdir())

    client = sign_in(ada)
    address = f"/admin/crimemap/source/{city.pk}/delete/"
    page = client.get(address).content.decode()
    assert f"<b>{ours.count()}</b> incidents" in page
    assert "<b>3</b> imports" in page
    assert f"<b>{OffenceCode.objects.filter(scheme=generic.own_scheme('city')).count()}</b> offense codes" in page
    assert "This can&#x27;t be undone" in page or "This can't be undone" in page
    for wrong in ("", "Citi", "County"):
        assert client.post(address, {"name": wrong}).status_code == 422
    bulk = {"action": "delete_selected", "_selected_action": city.pk, "post": "yes"}
    client.post("/admin/crimemap/source/", bulk)
    assert not ImportRun.objects.filter(origin="delete").exists()

    answer = client.post(address, {"name": " city "}, follow=True)
    assert "Its incidents leave the map within minutes" in answer.content.decode()
    assert "is being deleted" in client.get(address).content.decode()
    with pytest.raises(push_tokens.InvalidTokenError):
        push_tokens.authenticate_source("city", f"Bearer {token}")
    assert audit_entries()[-1][:3] == ("ada", "deleted an incident source", "source city")
    assert ours.count() == 29
    with acting_as("bulk"):
        jobs.process_run(ImportRun.objects.get(origin="delete").pk)
    assert not Source.objects.filter(slug="city").exists()
    for model in (Incident, ImportRun):
        assert set(model.objects.values_list("source__slug", flat=True)) == {"county"}
    for leftover in (
        ReplacedIncident,
        IncidentRevision,
        ImportProblem,
        OffenceCode.objects.filter(scheme=generic.own_scheme("city")),
    ):
        assert not (leftover if hasattr(leftover, "exists") else leftover.objects).exists()
    assert not list((folders / "uploads").iterdir())

    publisher.publish()
    after = {public_id: status_of(public_id) for public_id in before}
    gone = {public_id for public_id, status in before.items() if status == 200} - other
    assert gone
    assert {public_id for public_id, status in after.items() if status == 410} == gone
    assert {after[public_id] for public_id in other} == {before[public_id] for public_id in other}
    assert len(bytes(DeletedSource.objects.get().public_ids)) == 12 * len(gone)
    import_rows(folders, "county", ROWS[:20])
    publisher.publish()
    assert {status_of(public_id) for public_id in gone} == {410}


def test_a_source_is_deleted_by_nobody_else_and_by_no_other_way(folders: Path) -> None:
    city = create_source()
    import_rows(folders, "city", ROWS[:5])
    officer = sign_in(create_account("olga", groups.OFFICER, "olga@example.org"))
    address = f"/admin/crimemap/source/{city.pk}/delete/"
    assert officer.get(address).status_code == 403
    assert officer.post(address, {"name": "City"}).status_code == 403
    for table in ("source", "importrun", "offencecode"):
        refused = pytest.raises(IntegrityError, match="incidents refer to this row")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM crimemap_{table}")
    # A deletion waits for an import that runs, and an import for a deletion.
    run = ImportRun.objects.create(source=city, origin="upload")
    page = sign_in(create_account()).post(address, {"name": "City"})
    assert page.status_code == 422
    assert "Another import of this source is still running" in page.content.decode()
    run.delete()
    assert Source.objects.filter(pk=city.pk).exists()

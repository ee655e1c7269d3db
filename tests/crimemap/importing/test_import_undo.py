"""An import that is taken back leaves the incidents as they were before it."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core.models import Account
from crimemap.importing import import_undo
from crimemap.importing.arrival import jobs
from crimemap.models import ImportRun, Incident, IncidentRevision, Source
from tests.crimemap.importing.administrators import (
    ROWS,
    audit_entries,
    create_account,
    create_source,
    export_csv,
    sign_in,
)

pytestmark = pytest.mark.django_db
COLUMNS = [field.attname for field in Incident._meta.concrete_fields if field.name != "last_run"]


@pytest.fixture
def ada(db: None) -> Account:
    return create_account()


def contents() -> list[tuple[Any, ...]]:
    rows = Incident.objects.order_by("id").values_list(*COLUMNS)
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]


def import_rows(folder: Path, rows: list[dict[str, str]], **options: Any) -> ImportRun:
    path = folder / "export.csv"
    path.write_bytes(export_csv(rows))
    call_command("import_incidents", "city", str(path), stdout=io.StringIO(), **options)
    return ImportRun.objects.latest("id")


def take_back(run: ImportRun, who: Account) -> ImportRun:
    undo = jobs.request_undo(run, who)
    jobs.process_run(undo.pk)
    undo.refresh_from_db()
    return undo


def test_an_import_is_taken_back_as_a_whole_after_a_second_question(ada: Account, tmp_path: Path) -> None:
    create_source()
    first = import_rows(tmp_path, ROWS[:30])
    before, revisions = contents(), IncidentRevision.objects.count()
    last_success = Source.objects.get().last_success_at
    changed = [row | {"Block": "099XX S NEWTON ST", "IUCR": "0110", "Domestic": "true"} for row in ROWS[10:15]]
    second = import_rows(
        tmp_path, [*changed, *ROWS[15:40]], full_snapshot=True, force=True,
        first_day=dt.date(2000, 1, 1), last_day=dt.date(2026, 12, 31),
    )  # fmt: skip
    assert (second.created, second.removed) == (10, 10)
    assert contents() != before

    page, address = sign_in(ada), f"/admin/crimemap/importrun/{second.pk}/"
    assert f"{address}undo/" in page.get(f"{address}change/").content.decode()
    assert "Take this import back" not in page.get(f"/admin/crimemap/importrun/{first.pk}/change/").content.decode()
    shown = page.get(f"{address}undo/").content.decode()
    for sentence in (
        "<b>10</b> incidents that this import added are deleted",
        "<b>5</b> incidents that it changed are as they were before",
        "<b>10</b> incidents that it withdrew are back",
    ):
        assert sentence in shown
    assert page.post(f"{address}undo/", {}).status_code == 422
    answer = page.post(f"{address}undo/", {"sure": "on"})
    undo = ImportRun.objects.latest("id")
    assert answer.url == f"/admin/crimemap/importrun/{undo.pk}/change/"
    assert jobs.unfinished_run_ids() == []  # a minute later it is sent again, if its message was lost
    jobs.process_run(undo.pk)
    undo.refresh_from_db()
    second.refresh_from_db()
    assert (undo.state, undo.removed, undo.updated, second.state) == ("done", 10, 15, "undone")
    assert contents() == before
    assert IncidentRevision.objects.count() == revisions
    assert Source.objects.get().last_success_at == last_success
    assert audit_entries()[-1][1] == "took an import back"
    assert set(Incident.objects.values_list("last_run", flat=True)) == {
        first.pk,
        undo.pk,
    }  # what publication reads again

    assert (
        "Only the newest import of a source can be undone"
        in page.post(f"{address}undo/", {"sure": "on"}).content.decode()
    )
    assert take_back(first, ada).removed == 30
    assert not Incident.objects.exists()
    assert import_rows(tmp_path, ROWS).created == len(ROWS)


def test_only_so_many_imports_are_kept_for_an_undo(ada: Account, tmp_path: Path) -> None:
    create_source()
    runs = [import_rows(tmp_path, [row | {"Arrest": arrest} for row in ROWS]) for arrest in ("true", "false") * 3]
    assert [run.updated for run in runs[1:]] == [len(ROWS)] * 5
    kept = [run for run in runs if run.replaced.exists()]
    assert kept == runs[-import_undo.KEPT_UNDOS - 1 :]
    for run in reversed(kept):
        take_back(run, ada)
    with pytest.raises(jobs.ImportNotPossibleError):
        jobs.request_undo(runs[2], ada)
    assert set(Incident.objects.values_list("outcome", flat=True)) == {"Arrest"}

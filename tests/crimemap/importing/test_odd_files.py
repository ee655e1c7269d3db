"""What agencies' files do to an import that was made for tidy ones: each with the value that is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from core.models import Account
from crimemap.importing import column_mapping
from crimemap.models import ImportRun, Incident, ReportedValue, Source
from tests.crimemap.importing.administrators import audit_entries, create_account, sign_in
from tests.crimemap.importing.import_command import run_import_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Account:
    return create_account()


def import_text(tmp_path: Path, text: str, *, config: dict[str, Any] | None = None, **columns: Any) -> dict[str, Any]:
    """Import a file with the columns as they are guessed, and with those given."""
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    guessed = column_mapping.guess_columns(column_mapping.read_sample(path).header, column_mapping.read_sample(path))
    settings = {**guessed, **(config or {}), "columns": guessed["columns"] | columns}
    source, _is_new = Source.objects.get_or_create(
        slug="odd", defaults={"name": "Odd", "profile": "generic", "time_zone": "America/Chicago"}
    )
    Source.objects.filter(pk=source.pk).update(profile_config=settings)
    return run_import_command("odd", path)


# Free text in the kind of place and the outcome

FREE_TEXT = """ID,Occurred,Offense,Block,Location Type,Disposition
1,2026-10-10 13:30,THEFT,100 BLOCK EXAMPLE ST,HOME OF J ROE 1234 EXAMPLE ST APT 5,ARRESTED JANE ROE DOB 01/02/1990 TEL 555-0100
2,2026-10-10 13:31,THEFT,100 BLOCK EXAMPLE ST,STREET,OPEN
3,2026-10-10 13:32,THEFT,100 BLOCK EXAMPLE ST,Roe Residence,Jane Roe arrested
"""


def test_free_text_is_not_stored_and_unknown_words_wait(tmp_path: Path, ada: Account) -> None:
    import_text(tmp_path, FREE_TEXT)
    stored = dict(Incident.objects.order_by("external_id").values_list("location_description", "outcome"))
    assert stored == {"": "", "STREET": "OPEN", "Roe Residence": "Jane Roe arrested"}
    waiting = ReportedValue.objects.filter(decision="waiting")
    assert set(waiting.values_list("field", "text")) == {
        ("location_description", "Roe Residence"),
        ("outcome", "Jane Roe arrested"),
    }
    assert "free text in kinds of place or outcomes" in ImportRun.objects.latest("id").report["cells"]


def test_an_administrator_decides_on_unknown_words(tmp_path: Path, ada: Account) -> None:
    import_text(tmp_path, FREE_TEXT)
    client, address = sign_in(ada), reverse("admin:crimemap_reportedvalue_changelist")
    assert "2 new kinds of place and outcomes wait for you" in client.get(reverse("admin:index")).content.decode()
    place, outcome = ReportedValue.objects.order_by("field")
    client.post(address, {"action": "approve", "_selected_action": [place.pk]})
    client.post(address, {"action": "refuse", "_selected_action": [outcome.pk]})
    assert list(ReportedValue.objects.order_by("field").values_list("decision", flat=True)) == ["approved", "refused"]
    assert not any("Jane" in part for entry in audit_entries() for part in entry)
    import_text(tmp_path, FREE_TEXT.replace("2026-10-10", "2026-10-11"))
    assert not ReportedValue.objects.filter(decision="waiting").exists()


def test_a_column_of_narratives_does_not_fill_the_list(tmp_path: Path) -> None:
    lines = [f"{n},2026-10-10 13:30,THEFT,Roe {chr(97 + n % 26)}{chr(97 + n // 26)} was here,OPEN" for n in range(600)]
    import_text(tmp_path, "\n".join(["ID,Occurred,Offense,Location Type,Disposition", *lines]))
    assert ReportedValue.objects.count() == 500

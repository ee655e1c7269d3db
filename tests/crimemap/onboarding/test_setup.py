"""Adding a source: six steps, left and taken up again, by two people, with files that go away, up to the first publication."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.models import Account
from crimemap.importing import pipeline
from crimemap.importing.arrival import draft_files, jobs
from crimemap.models import Area, ImportRun, Incident, OffenceCode, Source, SourceDraft
from crimemap.publishing import publisher
from tests.crimemap.importing.administrators import (
    audit_entries,
    create_account,
    create_source,
    export_csv,
    read_roles,
    roles_data,
    sign_in,
    uploaded_file,
)

pytestmark = pytest.mark.django_db
ADD = "/admin/crimemap/source/add/"
LIST = "/admin/crimemap/source/"
HEADER = "Row ID,Reported,Offense,Victim Name,Address,Lat,Long,Domestic\n"
OFFENSES = ("Robbery", "Arson", "Bicycle taken", "AGG ASLT - FV", "Simple assault")


def rows_of(count: int, *, offenses: tuple[str, ...] = OFFENSES) -> str:
    lines = [
        f"{n},2026-04-{n % 28 + 1:02} 14:30,{offenses[n % len(offenses)]},Jane Doe,{400 + n} Mill St,41.8{n:03},-87.6{n:03},{'Y' if n % 10 == 0 else 'N'}"
        for n in range(1, count + 1)
    ]
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def _uploads(settings: Any, tmp_path: Path) -> None:
    settings.INCIDENT_UPLOADS = tmp_path
    settings.INCIDENT_DROP_DIR = None


@pytest.fixture
def ada(db: None) -> Client:
    return sign_in(create_account())


def start(who: Client, text: str = "", **fields: Any) -> SourceDraft:
    data = {
        "name": "Riverton Police",
        "time_zone": "America/Chicago",
        "sample": uploaded_file((text or rows_of(20)).encode(), "april.csv"),
    }
    answer = who.post(ADD, {**data, **fields})
    assert answer.status_code == 302, answer.content.decode()
    draft = SourceDraft.objects.latest("changed_at")
    assert answer.url == address(draft, "columns")
    return draft


def address(draft: SourceDraft, step: str) -> str:
    return f"/admin/crimemap/source/{draft.pk}/setup/{step}/"


def show(who: Client, draft: SourceDraft, step: str) -> str:
    answer = who.get(address(draft, step))
    assert answer.status_code == 200, (step, answer.status_code, getattr(answer, "url", ""))
    return str(answer.content.decode())


def post(who: Client, draft: SourceDraft, step: str, **data: Any) -> Any:
    draft.refresh_from_db()
    return who.post(address(draft, step), {"version": draft.version, "time_zone": "America/Chicago", **data})


def go_to_codes(who: Client, text: str = "") -> SourceDraft:
    """Go through the steps up to the codes, with the whole file read."""
    draft = start(who, text)
    assert post(who, draft, "columns", **roles_data(show(who, draft, "columns"))).url == address(draft, "rows")
    assert post(who, draft, "rows").url == address(draft, "codes")
    draft.refresh_from_db()
    assert draft.test_run
    jobs.process_run(draft.test_run.pk)
    draft.test_run.refresh_from_db()
    return draft


class TestPath:
    def test_a_source_is_added_step_by_step_and_published_as_its_codes_are_classified(
        self, ada: Client, settings: Any, tmp_path: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
        settings.INCIDENT_SNAPSHOTS.mkdir()
        draft = start(ada)
        columns = show(ada, draft, "columns")
        assert read_roles(columns) == {
            "external_id": "Row ID", "occurred": "Reported", "code": "Offense", "block": "Address", "latitude": "Lat", "longitude": "Long",
            "domestic": "Domestic",
        }  # fmt: skip
        assert post(ada, draft, "columns", **roles_data(columns)).status_code == 302
        rows = show(ada, draft, "rows")
        assert "400 block of Mill St" in rows
        assert '<circle class="point"' in rows
        assert "Jane Doe" not in rows  # a column that is never read
        assert post(ada, draft, "rows").status_code == 302
        assert "The whole file is being read" in show(ada, draft, "codes")
        # Nothing behind it opens until the file has been read.
        assert ada.get(address(draft, "publish")).url == address(draft, "codes")

        draft.refresh_from_db()
        assert draft.test_run
        jobs.process_run(draft.test_run.pk)
        codes = show(ada, draft, "codes")
        assert "5 of 5 codes aren't classified. 20 rows with such codes are held back." in codes
        assert "Take 3 suggestions from the list" in codes
        assert "Take 1 careful suggestion" in codes
        assert post(ada, draft, "codes", act="list").status_code == 302
        assert post(ada, draft, "codes", act="words").status_code == 302
        own = OffenceCode.objects.filter(scheme="generic:riverton-police").exclude(category=None)
        set_codes = dict(own.values_list("code", "visibility"))
        assert set_codes == {"ROBBERY": "block", "ARSON": "block", "AGG ASLT - FV": "hidden", "SIMPLE ASSAULT": "block"}

        report = show(ada, draft, "report")
        found = dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", report))
        assert sum(map(int, found.values())) == 20
        assert found["Held: code not classified"] == "4"
        assert int(found["Hidden: in yearly totals"]) >= 4
        assert Incident.objects.count() == 0
        publisher.publish()
        assert b"Riverton" not in b"".join(
            path.read_bytes() for path in (tmp_path / "public").rglob("*") if path.is_file()
        )

        assert "Read the report" in post(ada, draft, "publish", embargo_days="1").content.decode()
        with django_capture_on_commit_callbacks(execute=True):
            published = post(ada, draft, "publish", embargo_days="3", expected_interval="24", sure="on")
        run = ImportRun.objects.get(dry_run=False)
        assert published.url == f"/admin/crimemap/importrun/{run.pk}/change/"
        source = Source.objects.get()
        assert (source.embargo_days, source.expected_interval, SourceDraft.objects.count()) == (3, 24, 0)
        assert not (tmp_path / f"draft-{source.pk}").exists()
        jobs.process_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.created, run.held) == ("done", 20, 4)
        assert ada.get(address(draft, "codes")).status_code == 404
        assert [line[1] for line in audit_entries() if "code" not in line[1]] == [
            "started to add a source", "changed a source being set up", "requested an import", "changed a source being set up",
            "published a source", "requested an import",
        ]  # fmt: skip

    def test_it_is_left_and_taken_up_again_from_the_list(self, ada: Client) -> None:
        draft = start(ada)
        shown = ada.get(LIST).content.decode()
        assert "Not published yet" in shown
        assert f'href="/admin/crimemap/source/{draft.pk}/setup/">Continue' in shown
        assert ada.get(f"/admin/crimemap/source/{draft.pk}/setup/").url == address(draft, "columns")
        assert ada.get(f"/admin/crimemap/source/{draft.pk}/change/").url == f"/admin/crimemap/source/{draft.pk}/setup/"
        # Choices stay when a step behind is opened again.
        post(
            ada,
            draft,
            "columns",
            **roles_data(show(ada, draft, "columns"), district="Victim Name", code="Address", block="Offense"),
        )
        assert read_roles(show(ada, draft, "columns"))["code"] == "Address"
        assert 'value="Riverton Police"' in show(ada, draft, "file")

    def test_a_known_format_needs_no_columns_and_no_codes(self, ada: Client) -> None:
        draft = start(ada, export_csv().decode(), name="Chicago")
        assert draft.source.profile == "chicago_portal"
        shown = show(ada, draft, "columns")
        assert "The portal knows this format" in shown
        assert "block of" in show(ada, draft, "rows")
        post(ada, draft, "rows")
        draft.refresh_from_db()
        jobs.process_run(draft.test_run.pk if draft.test_run else 0)
        assert "classified" in show(ada, draft, "codes")
        # Columns by hand instead: then the guesses are offered, and the test run is needed again.
        post(ada, draft, "columns", act="by_hand")
        assert read_roles(show(ada, draft, "columns"))["occurred"] == "Date"
        draft.refresh_from_db()
        assert (draft.test_run, draft.rows_checked) == (None, False)

    def test_a_known_format_is_read_as_a_person_said_for_good(self, ada: Client) -> None:
        draft = start(ada, f"Incidents of April\n{export_csv().decode()}", name="Chicago", header_line="2")
        assert draft.source.profile == "chicago_portal"
        assert pipeline.profile_of(draft.source).reading.header_line == 2
        assert 'name="header_line" value="2"' in show(ada, draft, "file")
        post(ada, draft, "columns", act="by_hand")
        shown = show(ada, draft, "columns")
        post(ada, draft, "columns", **roles_data(shown))
        draft.source.refresh_from_db()
        assert pipeline.profile_of(draft.source).reading.header_line == 2

    def test_rows_are_pasted_from_a_spreadsheet(self, ada: Client) -> None:
        pasted = "When\tWhat\tWhere\n2026-04-01 10:00\tTheft\t100 block of Elm St\n"
        draft = start(ada, sample="", pasted=pasted)
        assert read_roles(show(ada, draft, "columns")) == {"occurred": "When", "code": "What"} or "When" in show(
            ada, draft, "columns"
        )
        both = ada.post(
            ADD, {"name": "x", "time_zone": "UTC", "pasted": pasted, "sample": uploaded_file(b"a,b,c\n1,2,3\n")}
        )
        assert "not both" in both.content.decode()
        assert "Choose a file, or paste some rows" in ada.post(ADD, {"name": "x", "time_zone": "UTC"}).content.decode()

    def test_the_file_is_read_again_in_another_way_without_being_sent_again(self, ada: Client) -> None:
        text = "List of,Incidents in,April\nWhen,What,Where\n2026-04-01 10:00,Theft,100 block of Elm St\n"
        draft = start(ada, text)
        shown = show(ada, draft, "columns")
        assert "in line 1" in shown
        assert f'href="{address(draft, "file")}?reading=1#reading"' in shown
        assert (
            '<details class="feed-reading" id="reading" open>'
            in ada.get(f"{address(draft, 'file')}?reading=1").content.decode()
        )
        answer = post(ada, draft, "file", name="Riverton Police", header_line="2")
        assert answer.url == address(draft, "columns")
        shown = show(ada, draft, "columns")
        assert "in line 2" in shown
        assert read_roles(shown)["code"] == "What"
        assert draft_files.find_file(draft.source)
        wrong = post(ada, draft, "file", name="Riverton Police", header_line="20")
        assert wrong.status_code == 422
        assert "Choose another line" in wrong.content.decode()

    def test_a_table_that_counts_offenses_by_month_is_refused_with_a_sentence(self, ada: Client) -> None:
        months = ",".join(f"{month} 2025" for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun"))
        table = f"Area,Offence,{months}\nAlbury,Theft,1,2,3,4,5,6\n".encode()
        answer = ada.post(ADD, {"name": "x", "time_zone": "UTC", "sample": uploaded_file(table, "wide.csv")})
        assert "wide.csv has a column for each month, quarter or year, so it counts offenses" in answer.content.decode()
        assert not Source.objects.exists()

    @pytest.mark.parametrize("content", [b"", b"one\n", b"%PDF-1.4", b"PK\x03\x04"])
    def test_an_unreadable_file_is_refused_in_a_sentence(self, ada: Client, content: bytes) -> None:
        answer = ada.post(ADD, {"name": "x", "time_zone": "UTC", "sample": SimpleUploadedFile("x.csv", content)})
        assert answer.status_code == 422
        assert re.search(r'<p class="error"[^>]*>.*\.</p>', answer.content.decode())
        assert not Source.objects.exists()


class TestColumns:
    def test_wrong_roles_are_told_and_nothing_is_saved(self, ada: Client) -> None:
        draft = start(ada)
        data = roles_data(show(ada, draft, "columns"), longitude="")
        answer = post(ada, draft, "columns", **data, role3="occurred")
        assert answer.status_code == 422
        shown = answer.content.decode()
        assert "“Reported” already has this role. Choose one of the two." in shown
        assert "Choose a column for both latitude and longitude" in shown
        without_date = roles_data(show(ada, draft, "columns"), occurred="")
        missing = post(ada, draft, "columns", **without_date)
        assert "Choose the column that says when it happened" in missing.content.decode()
        assert re.search(
            r'<li class="">.*?When it happened<span class="visually-hidden">: missing', missing.content.decode()
        )
        draft.source.refresh_from_db()
        assert "columns" not in draft.source.profile_config

    def test_two_columns_make_a_code_and_several_its_words(self, ada: Client) -> None:
        text = "ID,Date,UCR,Part,Offense,Detail,Street\n1,2026-04-01,200,1,Arson,House,Elm St\n"
        draft = start(ada, text)
        roles = {
            "role0": "external_id",
            "role1": "occurred",
            "role2": "code",
            "role3": "code2",
            "role4": "label",
            "role5": "label",
        }
        assert post(ada, draft, "columns", **roles).status_code == 302
        draft.source.refresh_from_db()
        columns = draft.source.profile_config["columns"]
        assert (columns["code"], columns["label"]) == (["UCR", "Part"], ["Offense", "Detail"])
        assert "Arson | House" in show(ada, draft, "rows")

    def test_a_preview_saves_nothing(self, ada: Client) -> None:
        draft = start(ada)
        shown = post(ada, draft, "columns", **roles_data(show(ada, draft, "columns")), preview="1").content.decode()
        assert "400 block of Mill St" in shown
        draft.source.refresh_from_db()
        assert "columns" not in draft.source.profile_config

    def test_one_press_swaps_columns_reads_local_times_and_turns_the_order_of_dates(self, ada: Client) -> None:
        text = "ID,Date,Offense,Lat,Long\n" + "".join(
            f"{n},03/04/2026 01:26:00Z,Arson,-87.6{n:02},41.8{n:02}\n" for n in range(12)
        )
        draft = start(ada, text)
        post(
            ada,
            draft,
            "columns",
            role0="external_id",
            role1="occurred",
            role2="code",
            role3="latitude",
            role4="longitude",
        )
        shown = show(ada, draft, "rows")
        assert "Latitude and longitude look swapped" in shown
        for fix in ("swap", "local", "order"):
            assert post(ada, draft, "rows", fix=fix).status_code == 302
        draft.source.refresh_from_db()
        config = draft.source.profile_config
        assert (config["columns"]["latitude"], config["times_are_local"], config["day_first"]) == ("Long", True, True)
        assert "2026-04-03 01:26" in show(ada, draft, "rows")
        assert post(ada, draft, "rows", fix="swap").status_code == 302  # no longer a question: changes nothing
        draft.source.refresh_from_db()
        assert draft.source.profile_config["columns"]["latitude"] == "Long"

    def test_points_far_from_the_agencys_areas_are_told(self, ada: Client) -> None:
        draft = start(ada)
        post(ada, draft, "columns", **roles_data(show(ada, draft, "columns")))
        assert "from your areas" not in show(ada, draft, "rows")  # which has none yet
        ring = [[-87.7, 37.9], [-87.5, 37.9], [-87.5, 38.1], [-87.7, 38.1], [-87.7, 37.9]]
        Area.objects.create(
            layer="district", code="1", name="One", outline={"type": "Polygon", "coordinates": [ring]}, latitude=38.0, longitude=-87.6
        )  # fmt: skip
        assert re.search(r"These points are about 42\d km from your areas", show(ada, draft, "rows"))
        assert "km from your areas" in show(ada, draft, "columns")
        Area.objects.update(outline={"type": "Polygon", "coordinates": [[[x, y + 3.8] for x, y in ring]]})
        assert "from your areas" not in show(ada, draft, "rows")

    def test_meters_get_a_system_by_one_press(self, ada: Client) -> None:
        text = "ID,Date,Offense,X,Y\n" + "".join(f"{n},2026-04-01,Arson,49120{n},545900{n}\n" for n in range(5))
        draft = start(ada, text, time_zone="America/Vancouver")
        post(ada, draft, "columns", **roles_data(show(ada, draft, "columns")), time_zone="America/Vancouver")
        shown = show(ada, draft, "rows")
        assert 'value="system-EPSG:26910"' in shown
        post(ada, draft, "rows", fix="system-EPSG:26910")
        assert show(ada, draft, "rows").count('<circle class="point"') == 5

    def test_one_press_adds_lost_signs_and_counts_rows_of_one_incident_once(self, ada: Client) -> None:
        """Kansas City has a row for each person, and a form without minus signs put points in China."""
        text = "ID,Date,Offense,Person,Lat,Long\n" + "".join(
            f"{n // 2},2026-03-{n // 2 + 14} 13:30,Arson,{person},41.8{n // 2:02},87.6{n // 2:02}\n"
            for n, person in enumerate(("VIC", "SUS") * 6)
        )
        draft = start(ada, text)
        post(ada, draft, "columns", role1="occurred", role2="code", role4="latitude", role5="longitude")
        shown = show(ada, draft, "rows")
        assert "The coordinates seem to have lost their minus signs" in shown
        assert "6 of the first 12 rows repeat another row in every column you chose" in shown
        for fix in ("signs", "copies"):
            assert post(ada, draft, "rows", fix=fix).status_code == 302
        shown = show(ada, draft, "rows")
        assert "The minus signs of the coordinates are added" in shown
        assert ", -87.6" in shown
        assert "Rows that are alike in every column you chose count as one incident" in shown
        post(ada, draft, "columns", **roles_data(show(ada, draft, "columns")))  # which keeps both
        post(ada, draft, "rows")
        draft.refresh_from_db()
        assert draft.test_run
        jobs.process_run(draft.test_run.pk)
        draft.test_run.refresh_from_db()
        assert (draft.test_run.read, draft.test_run.created, draft.test_run.unchanged) == (12, 6, 6)
        # A column of counts says how many offenses a row stands for: then rows that are alike are no copies.
        post(ada, draft, "columns", **roles_data(show(ada, draft, "columns")), role0="count")
        assert "alike" not in show(ada, draft, "rows")
        post(ada, draft, "rows")
        draft.refresh_from_db()
        jobs.process_run(draft.test_run.pk)
        draft.test_run.refresh_from_db()
        assert draft.test_run.created == sum(2 * number for number in range(1, 6))  # a count of 0 is refused
        post(ada, draft, "columns", **roles_data(show(ada, draft, "columns"), count=""))
        for fix in ("signs", "copies"):
            assert post(ada, draft, "rows", fix=fix).status_code == 302
        draft.source.refresh_from_db()
        assert (draft.source.profile_config["lost_signs"], draft.source.profile_config["copies_are_one"]) == ([], False)


class TestTwoPeople:
    def test_the_second_of_two_changes_is_refused_with_a_sentence(self, ada: Client) -> None:
        draft = start(ada)
        grace = sign_in(create_account("grace", mail="grace@example.org"))
        data = {"version": draft.version, "name": "Riverton", "time_zone": "America/Chicago"}
        assert grace.post(address(draft, "file"), data).status_code == 302
        answer = ada.post(address(draft, "file"), {**data, "name": "River Town"}, follow=True)
        assert "Grace changed this source on" in answer.content.decode()
        draft.source.refresh_from_db()
        assert draft.source.name == "Riverton"
        for step, fields in (("columns", roles_data(show(ada, draft, "columns"))), ("rows", {})):
            ada.post(address(draft, step), {"version": draft.version, "time_zone": "America/Chicago", **fields})
        draft.refresh_from_db()
        assert (draft.test_run, draft.version) == (None, 2)

    def test_supervisors_and_communications_may_not_add_sources(self, ada: Client) -> None:
        draft = start(ada)
        for group in ("supervisor", "communications"):
            other = sign_in(create_account(group, group, f"{group}@example.org"))
            for step in ("file", "columns", "publish", "discard"):
                assert other.get(address(draft, step)).status_code == 403
            assert other.post(address(draft, "publish"), {"sure": "on", "embargo_days": 1}).status_code == 403


class TestFiles:
    def test_a_file_is_kept_for_seven_days_and_then_asked_for_again(self, ada: Client, tmp_path: Path) -> None:
        draft = go_to_codes(ada)
        folder = tmp_path / f"draft-{draft.pk}"
        jobs.remove_stray_folders()
        assert folder.is_dir()
        past = folder.stat().st_mtime - 7 * 86400 - 60
        os.utime(folder, (past, past))
        jobs.remove_stray_folders()
        assert not folder.exists()
        assert ada.get(address(draft, "codes")).url == address(draft, "file")
        assert "deleted after 7 days" in ada.get(address(draft, "codes"), follow=True).content.decode()
        answer = post(ada, draft, "file", name="Riverton Police", sample=uploaded_file(rows_of(25).encode(), "may.csv"))
        assert answer.url == address(draft, "columns")
        assert read_roles(show(ada, draft, "columns"))["code"] == "Offense"
        draft.refresh_from_db()
        assert (draft.file_name, draft.test_run) == ("may.csv", None)

    def test_no_file_of_it_is_imported_before_it_is_published(self, ada: Client, tmp_path: Path) -> None:
        draft = go_to_codes(ada)
        upload = {"source": draft.pk, "sent": uploaded_file(rows_of(3).encode())}
        answer = ada.post("/admin/crimemap/importrun/add/", upload)
        assert "Finish “Add a source” first" in answer.content.decode() or "valid choice" in answer.content.decode()
        assert ada.post(f"/admin/crimemap/source/{draft.pk}/token/").status_code == 404
        path = tmp_path / "dropped.csv"
        path.write_text(rows_of(3))
        run = ImportRun(source=draft.source, origin=ImportRun.Origin.DROP)
        pipeline.run_import(run, [path], force=True)
        assert (run.state, Incident.objects.count()) == ("failed", 0)
        assert "Finish “Add a source” first" in run.message

    def test_a_file_that_cannot_be_read_leads_back_to_its_columns(self, ada: Client) -> None:
        text = rows_of(20)
        draft = go_to_codes(ada, text.replace("2026-04", "in April"))
        shown = show(ada, draft, "codes")
        assert "The file can't be read this way" in shown
        assert address(draft, "columns") in shown
        assert ada.get(address(draft, "publish")).url == address(draft, "codes")

    def test_it_is_given_up_with_all_that_belongs_to_it(
        self, ada: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        create_source("other")
        draft = go_to_codes(ada)
        post(ada, draft, "report")  # a second test run, which waits with a copy of the file
        assert list(tmp_path.glob("*/1/april.csv"))
        assert post(ada, draft, "discard").status_code == 422
        with django_capture_on_commit_callbacks(execute=True):
            assert post(ada, draft, "discard", sure="on").status_code == 302
        assert list(Source.objects.values_list("slug", flat=True)) == ["other"]
        assert not ImportRun.objects.exists()
        assert not OffenceCode.objects.filter(scheme__startswith="generic:riverton").exists()
        assert list(tmp_path.iterdir()) == []
        assert audit_entries()[-1][1:3] == ("gave up a source", "source riverton-police")
        other = Source.objects.get()
        assert ada.get(f"/admin/crimemap/source/{other.pk}/setup/discard/").status_code == 404


def test_names_become_short_names_that_no_source_has(ada: Client) -> None:
    slugs = [start(ada, name=name).source.slug for name in ("Riverton", "Riverton", "警察")]
    assert slugs == ["riverton", "riverton-2", "source"]


def test_an_account_of_an_administrator_is_named_in_each_line(ada: Client) -> None:
    start(ada)
    assert {line[0] for line in audit_entries()} == {Account.objects.get().username}

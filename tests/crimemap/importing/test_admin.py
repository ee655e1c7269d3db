"""Imports in the admin: uploads and their reports, decisions about stopped runs, codes, sources, layers; permissions."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from core import queue
from core.models import Account
from core.staff import groups
from crimemap.importing import pipeline
from crimemap.importing.arrival import jobs, push_tokens
from crimemap.models import Category, ImportRun, Incident, OffenceCode, Source
from crimemap.offences import code_table
from tests.crimemap.importing.administrators import (
    ROWS,
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
UPLOAD = "/admin/crimemap/importrun/add/"
RUNS = "/admin/crimemap/importrun/"


@pytest.fixture
def ada(db: None) -> Account:
    return create_account()


@pytest.fixture(autouse=True)
def _uploads(settings: Any, tmp_path: Path) -> None:
    settings.INCIDENT_UPLOADS = tmp_path


def upload(who: Account, city: Source, *files: Any, **options: str) -> ImportRun:
    """Request an import as the page does; the worker has not started."""
    answer = sign_in(who).post(UPLOAD, {"source": city.pk, "sent": list(files) or [uploaded_file()], **options})
    assert answer.status_code == 302, answer.content.decode()
    return ImportRun.objects.latest("id")


def uploaded(who: Account, city: Source, *files: Any, **options: str) -> ImportRun:
    run = upload(who, city, *files, **options)
    jobs.process_run(run.pk)
    run.refresh_from_db()
    return run


def page(who: Account, address: str, **query: str) -> str:
    answer = sign_in(who).get(address, query)
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def of(run: ImportRun) -> str:
    return f"{RUNS}{run.pk}/change/"


def counts(text: str) -> dict[str, int]:
    found = re.findall(r"<div><dt>([^<]+)</dt><dd>([\d,]+)</dd></div>", text)
    return {name: int(count.replace(",", "")) for name, count in found}


class TestUploads:
    def test_an_upload_waits_for_the_worker_and_then_shows_its_report(self, ada: Account, tmp_path: Path) -> None:
        city = create_source()
        rows = [*ROWS[:-1], ROWS[-1] | {"Date": "?"}]
        run = upload(ada, city, uploaded_file(export_csv(rows)))
        assert (run.state, run.by, run.file_name) == ("waiting", ada, "june.csv")
        assert "Waiting for the worker" in page(ada, of(run))
        assert Incident.objects.count() == 0
        jobs.process_run(run.pk)
        shown = page(ada, of(run))
        found = counts(shown)
        assert (found["read"], found["created"], found["rejected"]) == (40, 39, 1)
        assert found["read"] == found["created"] + found["updated"] + found["unchanged"] + found["rejected"]
        assert re.search(r'<td class="number">40</td>', shown)
        assert not list(tmp_path.iterdir())
        assert audit_entries() == [("ada", "requested an import", "source city", f"import {run.pk}: june.csv")]

    def test_a_large_file_is_not_copied(self, ada: Account, tmp_path: Path, settings: Any) -> None:
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE, settings.FILE_UPLOAD_TEMP_DIR = 100, tmp_path
        run = upload(ada, create_source())
        assert [path.name for path in tmp_path.iterdir()] == [str(run.pk)]
        assert [path.read_bytes() for path in jobs.run_files(run)] == [export_csv()]
        jobs.process_run(run.pk)
        assert Incident.objects.count() == 40

    def test_the_same_file_again_changes_nothing(self, ada: Account) -> None:
        city = create_source()
        uploaded(ada, city)
        again = uploaded(ada, city)
        assert (again.state, again.created, again.unchanged) == ("done", 0, 40)

    def test_a_dry_run_counts_and_stores_nothing(self, ada: Account, tmp_path: Path) -> None:
        run = uploaded(ada, create_source(), dry_run="on")
        assert (run.state, run.created, Incident.objects.count()) == ("done", 40, 0)
        assert "Test run: nothing is stored" in page(ada, of(run))
        runs = page(ada, RUNS)
        assert "Test run" in runs
        assert "dry run" not in runs.lower()
        assert "way in" not in runs.lower()
        assert not list(tmp_path.iterdir())

    def test_several_files_are_one_import_and_quirks_are_named(self, ada: Account) -> None:
        first, second = (
            uploaded_file(b"\xef\xbb\xbf" + export_csv(ROWS[:20]), "a.csv"),
            uploaded_file(export_csv(ROWS[20:]), "../b b.csv"),
        )
        run = uploaded(ada, create_source(), first, second)
        assert (run.created, run.file_name) == (40, "a.csv, b b.csv")
        assert "a byte order mark at the start" in page(ada, of(run))

    def test_odd_cells_are_named_with_the_row_that_has_them_first(self, ada: Account) -> None:
        rows = [*ROWS[:2], ROWS[2] | {"Domestic": "Oui"}, *ROWS[3:]]
        run = uploaded(ada, create_source(), uploaded_file(export_csv(rows)))
        assert re.search(r"yes and no in another language[^<]*row 3", page(ada, of(run)))

    def test_the_whole_period_withdraws_missing_incidents(self, ada: Account) -> None:
        city = create_source()
        uploaded(ada, city)
        answer = sign_in(ada).post(UPLOAD, {"source": city.pk, "sent": uploaded_file(), "full_snapshot": "on"})
        assert answer.content.decode().count("Say which period the files contain everything for") == 2
        period = {"full_snapshot": "on", "snapshot_from": "2000-01-01", "snapshot_to": "2026-12-31"}
        run = uploaded(ada, city, uploaded_file(export_csv(ROWS[:5] + ROWS[6:])), **period)
        assert run.removed == 1
        assert "1 stored incident of it is not in the file. Nothing outside it is touched." in page(ada, of(run))

    def test_an_unreadable_file_fails_with_a_sentence(self, ada: Account, tmp_path: Path) -> None:
        run = uploaded(ada, create_source(), uploaded_file(b"PK\x03\x04 broken", "june.xlsx"))
        assert run.state == "failed"
        assert run.message.endswith(".")
        assert "nothing was stored" in page(ada, of(run))
        assert not list(tmp_path.iterdir())

    def test_only_one_import_of_a_source_at_a_time(self, ada: Account) -> None:
        city, town = create_source(), create_source("town")
        upload(ada, city)
        answer = sign_in(ada).post(UPLOAD, {"source": city.pk, "sent": [uploaded_file()]})
        assert answer.status_code == 422
        assert "Another import of this source is still running" in answer.content.decode()
        upload(ada, town)

    def test_the_form_reports_a_missing_file_or_folder(self, ada: Account, settings: Any) -> None:
        city = create_source()
        assert "This field is required" in sign_in(ada).post(UPLOAD, {"source": city.pk}).content.decode()
        settings.INCIDENT_UPLOADS = None
        answer = sign_in(ada).post(UPLOAD, {"source": city.pk, "sent": [uploaded_file()]})
        assert "INCIDENT_UPLOADS" in answer.content.decode()
        assert not ImportRun.objects.exists()

    def test_a_lost_message_is_sent_again_and_stray_folders_are_removed(
        self, ada: Account, tmp_path: Path, settings: Any
    ) -> None:
        settings.INCIDENT_DROP_DIR = None
        run = upload(ada, create_source())
        assert jobs.unfinished_run_ids() == []
        ImportRun.objects.update(asked_at="2026-01-01T00:00Z")
        (tmp_path / "999").mkdir()
        (tmp_path / "push-x").touch()
        for stray in tmp_path.iterdir():
            os.utime(stray, (0, 0))
        from crimemap.tasks import check_arrivals

        assert jobs.unfinished_run_ids() == [run.pk]
        check_arrivals()
        run.refresh_from_db()
        assert run.state == "done"
        assert not list(tmp_path.iterdir())

    def test_a_file_that_kills_the_worker_fails_after_three_attempts(
        self, ada: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = upload(ada, create_source())
        monkeypatch.setattr(pipeline, "run_import", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        for _try in range(3):
            with pytest.raises(KeyboardInterrupt):
                jobs.process_run(run.pk)
        jobs.process_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.message) == ("failed", "The import stopped unexpectedly 3 times. Nothing was stored.")
        assert not list(tmp_path.iterdir())

    def test_the_page_shows_progress(self, ada: Account) -> None:
        run = upload(ada, create_source())
        ImportRun.objects.update(state="running", read=250, rows_total=1000)
        result = json.loads(page(ada, f"{RUNS}{run.pk}/state/"))
        assert result == {"open": True, "percent": 25, "words": "250 rows read"}
        assert 'value="25"' in page(ada, of(run))

    def test_runs_are_listed_and_filtered(self, ada: Account) -> None:
        uploaded(ada, create_source())
        uploaded(ada, create_source("town"), uploaded_file(name="town.csv"), dry_run="on")
        assert "town.csv" in page(ada, RUNS)
        assert "town.csv" not in page(ada, RUNS, kind="real")
        assert "june.csv" not in page(ada, RUNS, source__id__exact=str(Source.objects.get(slug="town").pk))
        assert "No imports match" in page(ada, RUNS, state__exact="failed")


class TestDecisions:
    """Runs that a sanity check stopped wait for staff."""

    ODD = [row | {"Date": "?"} for row in ROWS[:15]] + ROWS[15:]

    def stopped(self, who: Account) -> ImportRun:
        run = uploaded(who, create_source(), uploaded_file(export_csv(self.ODD)))
        assert (run.state, Incident.objects.count()) == ("stopped", 0)
        assert "Publish it anyway" in page(who, of(run))
        return run

    def decide(self, who: Account, run: ImportRun, act: str) -> Any:
        return sign_in(who).post(f"{RUNS}{run.pk}/decide/", {"act": act}, follow=True)

    def test_a_released_run_is_stored(self, ada: Account, tmp_path: Path) -> None:
        run = self.stopped(ada)
        self.decide(ada, run, "release")
        jobs.process_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.created, run.rejected, Incident.objects.count()) == ("done", 25, 15, 25)
        assert run.problems.count() == 15
        assert audit_entries()[-1] == ("ada", "released an import", "source city", f"import {run.pk}: june.csv")
        assert not list(tmp_path.iterdir())

    def test_a_discarded_run_loses_its_files(
        self, ada: Account, tmp_path: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        run = self.stopped(ada)
        with django_capture_on_commit_callbacks(execute=True):
            self.decide(ada, run, "discard")
        run.refresh_from_db()
        assert (run.state, Incident.objects.count()) == ("discarded", 0)
        assert audit_entries()[-1][1] == "discarded an import"
        assert not list(tmp_path.iterdir())
        assert "already decided about this import" in self.decide(ada, run, "release").content.decode()

    def test_supervisors_may_not_decide(self, ada: Account) -> None:
        run = self.stopped(ada)
        supervisor = create_account("lindqvist", groups.SUPERVISOR)
        assert "Publish it anyway" not in page(supervisor, of(run))
        assert self.decide(supervisor, run, "release").status_code == 403
        run.refresh_from_db()
        assert run.state == "stopped"

    def test_a_decision_about_a_lost_file_is_refused(self, ada: Account) -> None:
        run = self.stopped(ada)
        jobs.remove_files(run)
        assert "gone" in self.decide(ada, run, "release").content.decode()


PAGES = {
    RUNS: {groups.ADMINISTRATOR, groups.SUPERVISOR},
    "/admin/crimemap/source/": {groups.ADMINISTRATOR, groups.SUPERVISOR},
    "/admin/crimemap/category/": {groups.ADMINISTRATOR, groups.SUPERVISOR},
    "/admin/crimemap/offencecode/": {groups.ADMINISTRATOR, groups.SUPERVISOR},
    "/admin/crimemap/area/": {groups.ADMINISTRATOR, groups.COMMUNICATIONS},
    UPLOAD: {groups.ADMINISTRATOR},
    "/admin/crimemap/source/add/": {groups.ADMINISTRATOR},
    "/admin/crimemap/source/{pk}/token/": {groups.ADMINISTRATOR},
    "/admin/crimemap/source/{pk}/columns/": {groups.ADMINISTRATOR},
    "/admin/crimemap/offencecode/classify/": {groups.ADMINISTRATOR},
    "/admin/crimemap/area/import/": {groups.ADMINISTRATOR},
    "/admin/crimemap/block/import/": {groups.ADMINISTRATOR},
}


@pytest.mark.parametrize("address", PAGES)
def test_pages_open_for_the_groups_that_need_them(address: str) -> None:
    at = address.format(pk=create_source(profile="generic").pk)
    admitted = {group for group in groups.GROUPS if sign_in(create_account(group, group)).get(at).status_code == 200}
    assert admitted == PAGES[address]


class TestCodes:
    def code(self, **columns: Any) -> OffenceCode:
        return OffenceCode.objects.create(scheme="city", code="9", **columns)

    def post(self, who: Account, code: OffenceCode, category: str, visibility: str, why: str = "") -> Any:
        chosen = Category.objects.get(slug=category).pk if category else ""
        data = {"label": code.label, "category": chosen, "visibility": visibility, "why": why}
        return sign_in(who).post(reverse("admin:crimemap_offencecode_change", args=[code.pk]), data)

    def test_a_stricter_visibility_needs_no_reason_and_is_published(
        self, ada: Account, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(queue, "send", sent.append)
        code = self.code(category=Category.objects.get(slug="theft"), visibility="block")
        with django_capture_on_commit_callbacks(execute=True):
            assert self.post(ada, code, "theft", "area").status_code == 302
        code.refresh_from_db()
        assert code.visibility == "area"
        assert ("ada", "classified a code", "code city 9", "theft/block -> theft/area") in audit_entries()
        assert sent == ["crimemap.bulk.publish"]

    def test_a_looser_visibility_needs_a_reason_which_is_recorded(self, ada: Account) -> None:
        code = self.code(category=Category.objects.get(slug="theft"), visibility="area")
        answer = self.post(ada, code, "theft", "block")
        assert "Say why" in answer.content.decode()
        code.refresh_from_db()
        assert code.visibility == "area"
        assert self.post(ada, code, "theft", "block", "the chief decided on 1 June").status_code == 302
        assert audit_entries()[-1][3] == "theft/area -> theft/block: the chief decided on 1 June"

    def test_another_category_that_shows_more_is_looser_too(self, ada: Account) -> None:
        hidden = Category.objects.filter(least_visibility="hidden").first()
        assert hidden
        code = self.code(category=hidden, visibility="block")
        assert "Say why" in self.post(ada, code, "theft", "block").content.decode()

    def test_half_a_classification_is_refused(self, ada: Account) -> None:
        code = self.code()
        assert "both a category and a visibility" in self.post(ada, code, "theft", "").content.decode()

    def test_a_looser_minimum_of_a_category_needs_a_reason(self, ada: Account) -> None:
        category = Category.objects.get(slug="homicide")
        address = reverse("admin:crimemap_category_change", args=[category.pk])
        data = {"name": category.name, "family": category.family, "least_visibility": "block", "order": category.order}
        assert "Say why" in sign_in(ada).post(address, data).content.decode()
        assert sign_in(ada).post(address, data | {"why": "decided"}).status_code == 302
        assert any("least_visibility: area -> block" in detail for _who, _what, _of, detail in audit_entries())

    def test_codes_cannot_be_deleted(self, ada: Account) -> None:
        code = self.code()
        assert sign_in(ada).post(reverse("admin:crimemap_offencecode_delete", args=[code.pk])).status_code == 403


class TestClassifying:
    """The page of unclassified codes, whose incidents are held."""

    CLASSIFY = "/admin/crimemap/offencecode/classify/"
    CONFIG = {"columns": {"external_id": "id", "occurred": "when", "code": "what"}}

    def held(self, who: Account) -> Source:
        city = create_source(profile="generic", profile_config=self.CONFIG)
        rows = [f"{n},2026-01-01 12:00,{'Bicycle Theft' if n % 3 else 'Robbery'}" for n in range(30)]
        run = uploaded(who, city, uploaded_file("\n".join(["id,when,what", *rows]).encode()))
        assert (run.state, run.created, run.held) == ("done", 30, 30)
        return city

    def test_codes_are_listed_by_incidents_held_back_with_suggestions(self, ada: Account) -> None:
        self.held(ada)
        shown = page(ada, self.CLASSIFY)
        assert re.findall(r'<label for="code-\d+"><bdi>([^<]+)</bdi>', shown) == ["BICYCLE THEFT", "ROBBERY"]
        assert re.findall(r'<td class="number" data-name="Rows">(\d+)</td>', shown) == ["20", "10"]
        assert re.findall(r'<td data-name="Suggestion">([^<]*)</td>', shown) == ["Theft, block", "Robbery, block"]

    def test_classified_incidents_are_published_without_a_new_import(
        self, ada: Account, tmp_path: Path, settings: Any
    ) -> None:
        from crimemap.publishing import publisher

        settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
        settings.INCIDENT_SNAPSHOTS.mkdir()
        self.held(ada)
        assert publisher.publish().held == 30
        bicycle = OffenceCode.objects.get(code="BICYCLE THEFT")
        data = {"act": "set", "code": str(bicycle.pk), "category": "theft", "visibility": "block"}
        answer = sign_in(ada).post(self.CLASSIFY, data, follow=True)
        assert "1 code is changed" in answer.content.decode()
        published = publisher.publish()
        assert (published.shown, published.held) == (20, 10)
        assert [row.code.code for row in code_table.load_table(code_table.Scope()).rows] == ["ROBBERY"]
        assert audit_entries()[-1] == (
            "ada",
            "classified a code",
            "code generic:city BICYCLE THEFT",
            "held -> theft/block",
        )


class TestSources:
    DATA = {"name": "City", "profile": "chicago_portal", "time_zone": "America/Chicago", "embargo_days": 7}

    def test_a_change_is_recorded(self, ada: Account) -> None:
        city = create_source()
        sign_in(ada).post(reverse("admin:crimemap_source_change", args=[city.pk]), self.DATA | {"embargo_days": 14})
        assert audit_entries() == [("ada", "changed incident source", "incident source City", "embargo_days: 7 -> 14")]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"south": 41}, "all four sides"),
            ({"south": 42, "north": 41, "west": -88, "east": -87}, "South must be below"),
            ({"time_zone": "Chicago"}, "is not a time zone"),
            ({"embargo_days": 0}, "greater than or equal to 1"),
            ({"profile": "other"}, "valid choice"),
        ],
    )
    def test_invalid_settings_are_refused(self, ada: Account, wrong: dict[str, Any], message: str) -> None:
        address = reverse("admin:crimemap_source_change", args=[create_source().pk])
        assert message in sign_in(ada).post(address, self.DATA | wrong).content.decode()
        assert audit_entries() == []

    def test_a_token_is_shown_once_and_can_be_revoked(self, ada: Account) -> None:
        city = create_source()
        address = f"/admin/crimemap/source/{city.pk}/token/"
        made = sign_in(ada).post(address).content.decode()
        (token,) = re.findall(r"<code>([\w-]{43})</code>", made)
        assert push_tokens.authenticate_source("city", f"Bearer {token}") == city
        assert token not in page(ada, address)
        city.refresh_from_db()
        assert token.encode() not in bytes(city.api_token_hash or b"")
        sign_in(ada).post(address, {"revoke": "1"})
        with pytest.raises(push_tokens.InvalidTokenError):
            push_tokens.authenticate_source("city", f"Bearer {token}")
        assert [line[1] for line in audit_entries()] == ["created an API token", "revoked an API token"]


class TestColumns:
    """The generic profile, made from a sample."""

    SAMPLE = (
        "Case,Reported,Offense,Suspect Name,Address,Lat,Long,Precinct\n"
        "1,03/04/2026 14:30,Theft from vehicle,Jane Doe,412 Mill St,41.80123,-87.60123,7\n"
        "2,13/04/2026 00:00,Robbery,John Doe,1250 Elm Ave,0,0,8\n"
        "3,?,Arson,,99 Oak St,41.8,-87.6,8\n"
    )

    def address(self, city: Source) -> str:
        return f"/admin/crimemap/source/{city.pk}/columns/"

    def shown(self, who: Account, city: Source, content: str = SAMPLE) -> str:
        answer = sign_in(who).post(self.address(city), {"sample": uploaded_file(content.encode(), "sample.csv")})
        assert answer.status_code == 200, answer.content.decode()
        return str(answer.content.decode())

    def data(self, shown: str, roles: dict[str, str] | None = None, **changed: str) -> dict[str, str]:
        (rows,) = re.findall(r'name="rows" value="([^"]*)"', shown)
        return {"rows": unescape(rows), "time_zone": "America/Chicago", **roles_data(shown, **(roles or {})), **changed}

    def test_columns_are_guessed_and_the_first_rows_previewed(self, ada: Account) -> None:
        shown = self.shown(ada, create_source(profile="generic"))
        assert read_roles(shown) == {
            "occurred": "Reported", "code": "Offense", "block": "Address", "latitude": "Lat", "longitude": "Long", "district": "Precinct",
        }  # fmt: skip
        table = re.findall(r"<tbody>(.*?)</tbody>", shown, re.DOTALL)[1]
        assert "2026-04-03 14:30" in table
        assert "2026-04-13</td>" in table
        assert "400 block of Mill St" in table
        assert "middle of a 250 m cell" in table
        assert "41.80123" not in table
        assert "Jane Doe" not in table
        assert table.count("Rejected:") == 1
        assert "held until classified" in table

    def test_the_date_order_is_shown_with_its_results(self, ada: Account) -> None:
        shown = self.shown(ada, create_source(profile="generic"))
        assert "Month first: “03/04/2026 14:30” is 4 March 2026" in shown
        assert "Day first: “03/04/2026 14:30” is 3 April 2026" in shown

    def test_the_next_import_uses_the_saved_columns(self, ada: Account) -> None:
        city = create_source(profile="generic")
        data = self.data(self.shown(ada, city), {"external_id": "Case"}, day_first="1", save="1")
        answer = sign_in(ada).post(self.address(city), data)
        assert answer.status_code == 302
        assert answer.url == f"{UPLOAD}?source={city.pk}&dry=1"
        city.refresh_from_db()
        assert city.profile_config["columns"]["external_id"] == "Case"
        assert audit_entries()[-1][1] == "changed columns"
        run = uploaded(ada, city, uploaded_file(self.SAMPLE.encode()))
        assert (run.created, run.rejected, run.held) == (2, 1, 2)
        assert set(Incident.objects.values_list("external_id", "district")) == {("1", "7"), ("2", "8")}

    def test_a_change_is_previewed_without_saving(self, ada: Account) -> None:
        city = create_source(profile="generic")
        data = self.data(self.shown(ada, city), {"code2": "Precinct", "district": ""}, time_zone="UTC", preview="1")
        shown = sign_in(ada).post(self.address(city), data).content.decode()
        assert "THEFT FROM VEHICLE | 7" in shown
        city.refresh_from_db()
        assert (city.profile_config, city.time_zone) == ({}, "America/Chicago")

    def test_without_a_time_or_an_offence_nothing_is_saved(self, ada: Account) -> None:
        city = create_source(profile="generic")
        data = self.data(self.shown(ada, city), {"occurred": ""}, save="1")
        shown = sign_in(ada).post(self.address(city), data).content.decode()
        assert "Choose the column that says when it happened" in shown
        city.refresh_from_db()
        assert city.profile_config == {}

    def test_a_person_says_how_to_read_the_file_and_imports_keep_to_it(self, ada: Account) -> None:
        city = create_source(profile="generic")
        shown = self.shown(ada, city)
        assert (
            "Between the cells: <b><bdi>Commas</bdi></b>; Letters: <b><bdi>UTF-8</bdi></b>; Names of the columns: "
            in shown
        )
        text = "Case|Reported|Offense\nNo.|When|What\n1|2026-04-03 14:30|HURTO Y DAÑO\n"
        chosen = {"delimiter": "|", "encoding": "cp850", "header_line": "2"}
        page = sign_in(ada)
        answer = page.post(self.address(city), {"sample": uploaded_file(text.encode("cp850")), **chosen})
        shown = answer.content.decode()
        assert "DOS 850" in shown
        data = self.data(shown, {"occurred": "When", "code": "What"}, save="1")
        assert page.post(self.address(city), data).status_code == 302
        run = uploaded(ada, city, uploaded_file(text.encode("cp850")))
        assert (run.created, Incident.objects.get().raw_code) == (1, "HURTO Y DAÑO")
        assert '<option value="cp850" selected' in page.get(self.address(city)).content.decode()
        answer = page.post(self.address(city), {"sample": uploaded_file(text.encode()), **chosen, "header_line": "99"})
        assert answer.status_code == 422

    @pytest.mark.parametrize("content", [b"", b"one\n", b"a,b,c\n", b"%PDF-1.4", b"PK\x03\x04"])
    def test_an_unreadable_sample_is_refused_in_a_sentence(self, ada: Account, content: bytes) -> None:
        city = create_source(profile="generic")
        answer = sign_in(ada).post(self.address(city), {"sample": uploaded_file(content, "x.csv")})
        assert answer.status_code == 422
        assert re.search(r'<p class="error"[^>]*>.*\.</p>', answer.content.decode())

    @pytest.mark.parametrize("rows", ["", "x", "[]", '["a", ["b"], [["c", "d"]]]', '["a", ["b"], []]'])
    def test_a_damaged_sample_in_the_form_asks_for_another(self, ada: Account, rows: str) -> None:
        answer = sign_in(ada).post(self.address(create_source(profile="generic")), {"rows": rows, "save": "1"})
        assert answer.status_code == 422
        assert "A sample file" in answer.content.decode()


class TestFirstPage:
    """The first page of the desk warns administrators."""

    def test_late_feeds_stopped_imports_and_unknown_codes(self, ada: Account) -> None:
        run = TestDecisions().stopped(ada)
        OffenceCode.objects.create(scheme="city", code="9")
        Source.objects.update(expected_interval=1, last_success_at="2026-01-01T00:00Z")
        shown = page(ada, "/admin/")
        assert "is late" in shown
        assert f"Import {run.pk}</a> of City needs your decision" in shown
        assert "1 offense code is not classified" in shown
        assert "is late" not in page(create_account("lena", groups.OFFICER), "/admin/")

    def test_no_warning_when_all_is_well(self, ada: Account) -> None:
        uploaded(ada, create_source())
        shown = page(ada, "/admin/")
        assert not re.search("is late|needs your decision|not classified", shown)

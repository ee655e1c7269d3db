"""The folder that agencies' systems drop files into, and feeds that are late."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from crimemap.importing import pipeline
from crimemap.importing.arrival import drop_folder, feed_monitor, jobs
from crimemap.models import ImportRun, Incident, Source
from tests.crimemap.importing.administrators import ROWS, create_account, create_source, export_csv

pytestmark = pytest.mark.django_db
TODAY = f"{timezone.localdate():%Y-%m-%d}"


@pytest.fixture
def drop(settings: Any, tmp_path: Path) -> Path:
    """The source's folder, as the first scan creates it."""
    settings.INCIDENT_DROP_DIR, settings.INCIDENT_UPLOADS = tmp_path / "drop", tmp_path / "uploads"
    (tmp_path / "drop").mkdir()
    (tmp_path / "uploads").mkdir()
    create_source()
    drop_folder.scan_drop_folder()
    return tmp_path / "drop" / "city"


def put(folder: Path, name: str = "june.csv", content: bytes | None = None, seconds_ago: float = 60) -> Path:
    path = folder / name
    path.write_bytes(export_csv() if content is None else content)
    written = time.time() - seconds_ago
    os.utime(path, (written, written))
    return path


def looked(times: int = 2) -> None:
    for _look in range(times):
        drop_folder.scan_drop_folder()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


class TestFiles:
    def test_a_complete_file_is_imported_and_moved_away(self, drop: Path) -> None:
        put(drop)
        drop_folder.scan_drop_folder()
        assert files(drop) == {"june.csv"}
        drop_folder.scan_drop_folder()
        assert files(drop) == {f"done/{TODAY}/june.csv"}
        run = ImportRun.objects.get()
        assert (run.state, run.origin, run.file_name, run.created) == ("done", "drop", "june.csv", 40)
        assert Source.objects.get().last_success_at

    def test_a_file_still_being_written_is_skipped(self, drop: Path) -> None:
        put(drop, content=export_csv(ROWS[:10]))
        drop_folder.scan_drop_folder()
        put(drop, content=export_csv(ROWS[:20]))
        drop_folder.scan_drop_folder()
        put(drop, seconds_ago=5)
        looked()
        assert files(drop) == {"june.csv"}
        assert not ImportRun.objects.exists()
        put(drop)
        looked()
        assert ImportRun.objects.get().created == 40

    @pytest.mark.parametrize(
        "name", ["june.csv.part", "june.csv.tmp", ".june.csv.Xy12", "june.csv~", "june.csv.filepart"]
    )
    def test_names_of_unfinished_files_are_skipped(self, drop: Path, name: str) -> None:
        put(drop, name)
        looked(3)
        assert files(drop) == {name}

    def test_the_same_file_again_changes_nothing(self, drop: Path) -> None:
        put(drop)
        looked()
        put(drop)
        looked()
        assert files(drop) == {f"done/{TODAY}/june.csv", f"done/{TODAY}/june-2.csv"}
        assert ImportRun.objects.latest("id").unchanged == 40

    def test_a_file_that_fails_stays_with_a_report_beside_it(self, drop: Path, mailoutbox: Any) -> None:
        create_account()
        put(drop, content=b"name,phone,note\nx,1,y\n")
        looked()
        assert files(drop) == {"failed/june.csv", "failed/june.csv.report.txt"}
        report = (drop / "failed" / "june.csv.report.txt").read_text()
        assert ImportRun.objects.get().message in report
        assert "Nothing was stored" in report
        (mail,) = mailoutbox
        assert mail.subject == "An import of City failed"
        looked()
        assert ImportRun.objects.count() == 1

    def test_a_stopped_file_can_still_be_released(self, drop: Path) -> None:
        put(drop, content=export_csv([row | {"Date": "?"} for row in ROWS[:15]] + ROWS[15:]))
        looked()
        run = ImportRun.objects.get()
        assert run.state == "stopped"
        assert "Row 1, " in (drop / "failed" / "june.csv.report.txt").read_text()
        jobs.release_run(run, create_account())
        jobs.process_run(run.pk)
        run.refresh_from_db()
        assert (run.state, run.file_name, Incident.objects.count()) == ("done", "june.csv", 25)

    def test_a_stopped_file_is_moved_away_without_a_folder_for_uploads(self, drop: Path, settings: Any) -> None:
        settings.INCIDENT_UPLOADS = None
        put(drop, content=export_csv([row | {"Date": "?"} for row in ROWS[:15]] + ROWS[15:]))
        looked()
        assert files(drop) == {"failed/june.csv", "failed/june.csv.report.txt"}

    def test_several_files_are_imported_oldest_first(self, drop: Path) -> None:
        put(drop, "a.csv", seconds_ago=60)
        put(drop, "b.csv", seconds_ago=90)
        looked()
        assert list(ImportRun.objects.order_by("id").values_list("file_name", flat=True)) == ["b.csv", "a.csv"]

    def test_a_killed_scan_is_completed_by_the_next(self, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(drop)
        drop_folder.scan_drop_folder()
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "run_import", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                drop_folder.scan_drop_folder()
        assert files(drop) == {".taken/june.csv", ".taken/.june.csv.tries"}
        drop_folder.scan_drop_folder()
        assert files(drop) == {f"done/{TODAY}/june.csv"}
        assert Incident.objects.count() == 40

    def test_a_file_that_kills_its_reader_is_given_up(self, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(drop)
        drop_folder.scan_drop_folder()
        monkeypatch.setattr(pipeline, "run_import", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        for _try in range(3):
            with pytest.raises(KeyboardInterrupt):
                drop_folder.scan_drop_folder()
        drop_folder.scan_drop_folder()
        assert files(drop) == {"failed/june.csv", "failed/june.csv.report.txt"}

    def test_a_file_waits_while_its_source_is_busy(self, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(drop)

        def busy(*args: Any, **options: Any) -> None:
            raise pipeline.ImportRunningError

        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "run_import", busy)
            looked()
        assert files(drop) == {".taken/june.csv"}
        assert not ImportRun.objects.exists()
        drop_folder.scan_drop_folder()
        assert ImportRun.objects.get().state == "done"


class TestRefused:
    def report(self, drop: Path) -> str:
        (report,) = (drop / "failed").glob("*.report.txt")
        return report.read_text()

    def test_a_link_is_not_followed(self, drop: Path, tmp_path: Path) -> None:
        secret = put(tmp_path, "secret.csv")
        (drop / "june.csv").symlink_to(secret)
        os.utime(drop / "june.csv", (1, 1), follow_symlinks=False)
        looked()
        assert "follow links" in self.report(drop)
        assert (drop / "failed" / "june.csv").is_symlink()
        assert secret.exists()
        assert not ImportRun.objects.exists()

    def test_a_folder_that_is_a_link_is_not_scanned(self, drop: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        create_source("town")
        (drop.parent / "town").symlink_to(tmp_path / "elsewhere")
        put(tmp_path / "elsewhere")
        looked()
        assert files(tmp_path / "elsewhere") == {"june.csv"}

    @pytest.mark.parametrize("name", ["june\n.csv", "june;rm.csv", "=cmd.csv", "x" * 180 + ".csv", "-rf.csv"])
    def test_odd_names_are_refused(self, drop: Path, name: str) -> None:
        put(drop, name)
        looked()
        assert "file name isn't allowed" in self.report(drop)
        assert not ImportRun.objects.exists()

    def test_a_pipe_is_refused(self, drop: Path) -> None:
        os.mkfifo(drop / "june.csv")
        os.utime(drop / "june.csv", (1, 1))
        looked()
        assert "This is not a file" in self.report(drop)

    def test_a_folder_of_an_unknown_source_is_reported(self, drop: Path) -> None:
        village = drop.parent / "village"
        village.mkdir()
        put(village)
        looked()
        assert "There is no source “village”" in self.report(village)


def test_two_scans_at_once_import_a_file_once(drop: Path) -> None:
    put(drop)
    drop_folder.scan_drop_folder()
    with drop_folder._exclusive_lock(drop.parent) as locked:
        assert locked
        drop_folder.scan_drop_folder()
    assert files(drop) == {"june.csv"}


def test_without_a_folder_the_scan_does_nothing(settings: Any) -> None:
    settings.INCIDENT_DROP_DIR = None
    drop_folder.scan_drop_folder()


class TestLate:
    def late(self, hours: float) -> Source:
        last = timezone.now() - dt.timedelta(hours=hours)
        return create_source(expected_interval=24, last_success_at=last)

    def test_administrators_are_notified_once(self, mailoutbox: Any) -> None:
        create_account()
        create_account("lena", "officer", "lena@example.org")
        self.late(25)
        feed_monitor.mail_about_late_sources()
        feed_monitor.mail_about_late_sources()
        (mail,) = mailoutbox
        assert (mail.to, mail.subject) == (["ada@example.org"], "City is late")

    def test_a_source_late_again_is_reported_again(self, mailoutbox: Any) -> None:
        create_account()
        city = self.late(25)
        feed_monitor.mail_about_late_sources()
        Source.objects.update(late_told_at=timezone.now() - dt.timedelta(hours=60))
        Source.objects.update(last_success_at=timezone.now() - dt.timedelta(hours=30))
        feed_monitor.mail_about_late_sources()
        assert len(mailoutbox) == 2
        city.refresh_from_db()
        assert feed_monitor.is_late(city)

    def test_sources_on_time_without_interval_or_imports_are_not_late(self, mailoutbox: Any) -> None:
        create_account()
        self.late(23)
        create_source("town", last_success_at=timezone.now() - dt.timedelta(days=900))
        create_source("village", expected_interval=1)
        feed_monitor.mail_about_late_sources()
        assert mailoutbox == []

    def test_mail_is_sent_later_when_the_mail_server_is_down(
        self, mailoutbox: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create_account()
        self.late(25)

        def away(*args: Any) -> int:
            raise ConnectionRefusedError

        with monkeypatch.context() as patched:
            patched.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", away)
            feed_monitor.mail_about_late_sources()
        feed_monitor.mail_about_late_sources()
        assert len(mailoutbox) == 1

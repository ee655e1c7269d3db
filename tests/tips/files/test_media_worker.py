"""The media worker: which files it rebuilds, when it gives up, and which it can open."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.utils import timezone

import file_cleaning
from core.roles import Role
from file_cleaning import FileRefusedError, MediaKind, OutputPart, RebuiltFile, RefusalReason, SandboxLayers
from tests.tipportal.database.test_grants import acting_as
from tests.tips.files import sealed_files
from tipportal.deploy import processes
from tips import conversation, key_rotation, vault
from tips.files import media_worker, rebuilt_file, sealed_store, worker_keys
from tips.models import AgencyKey, Attachment, Tip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store_of_its_own")]

ROOT = Path(__file__).resolve().parents[3]
Rebuild = Callable[[Path, Path, Callable[[int], None]], RebuiltFile]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rebuild], None]:
    """Return a function that replaces the sandbox by another `rebuild`."""
    return lambda rebuild: monkeypatch.setattr(file_cleaning, "rebuild", rebuild)


@pytest.fixture
def clean(sandbox: Callable[[Rebuild], None]) -> list[Path]:
    """A sandbox that accepts every file, and the list of originals it was given."""
    seen: list[Path] = []

    def rebuild(source: Path, into: Path, _progress: Callable[[int], None]) -> RebuiltFile:
        seen.append(source)
        return cleaned(into)

    sandbox(rebuild)
    return seen


def cleaned(into: Path) -> RebuiltFile:
    parts = []
    for role, content in (("full", b"full" * 50_000), ("preview", b"preview"), ("thumbnail", b"thumb")):
        path = into / role
        path.write_bytes(content)
        parts.append(OutputPart(role, path, "image/jpeg", 640, 480))
    return RebuiltFile(MediaKind.PHOTO, parts)


def take(row: Attachment) -> Attachment:
    media_worker.rebuild(str(row.id))
    return Attachment.objects.get(pk=row.pk)


def agency_opens(row: Attachment) -> rebuilt_file.RebuiltFileReader:
    key = vault.open_key_with(row.key_for_agency, row.agency_key_id, settings.AGENCY_PRIVATE_KEYS)
    return rebuilt_file.RebuiltFileReader(row.file, key)


def test_a_file_becomes_ready_and_its_original_is_destroyed(clean: list[Path]) -> None:
    row = sealed_files.send_waiting_file()
    done = take(row)
    assert (done.state, done.progress, done.attempts) == ("ready", 100, 1)
    assert done.file != row.file
    assert sealed_files.list_store() == {str(done.file)}
    assert (done.key_for_worker, done.worker_key) == (None, "")
    with agency_opens(done) as opened:
        assert opened.kind is MediaKind.PHOTO
        assert [part.role for part in opened.parts] == ["full", "preview", "thumbnail"]
        assert b"".join(opened.read_part(opened.parts[0])) == b"full" * 50_000
        assert b"".join(opened.read_part(opened.parts[2])) == b"thumb"
        assert b"".join(opened.read_part(opened.parts[1], 2, 5)) == b"evi"
    assert not clean[0].exists()


def test_the_real_sandbox_cleans_a_photo() -> None:
    done = take(sealed_files.send_waiting_file(sealed_files.photo("canary in a comment")))
    assert done.state == "ready"
    with agency_opens(done) as opened:
        full = b"".join(opened.read_part(opened.parts[opened.part_indexes("full")[0]]))
    assert full.startswith(b"\xff\xd8")
    assert b"canary" not in full


def test_repeated_tasks_rebuild_once(clean: list[Path]) -> None:
    row = sealed_files.send_waiting_file()
    first = take(row)
    assert take(row).file == first.file
    assert len(clean) == 1


def test_a_refused_file_is_destroyed_and_its_reason_stored(sandbox: Callable[[Rebuild], None]) -> None:
    def refuse(*_: Any) -> RebuiltFile:
        raise FileRefusedError(RefusalReason.PROTECTED)

    sandbox(refuse)
    done = take(sealed_files.send_waiting_file())
    assert (done.state, done.reason, done.file, bytes(done.key_for_agency)) == ("refused", "protected", None, b"")
    assert sealed_files.list_store() == set()


def test_a_file_that_was_changed_in_the_store_is_refused(clean: list[Path]) -> None:
    row = sealed_files.send_waiting_file()
    with sealed_store.file_path(row.file).open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"changed")
    assert take(row).reason == "damaged"
    assert not clean


def test_hostile_bytes_leave_the_worker_alive() -> None:
    assert take(sealed_files.send_waiting_file(b"\xff\xd8\xff\xe0 not a picture at all" * 100)).state == "refused"
    assert take(sealed_files.send_waiting_file()).state == "ready"


class TestFaultOfTheMachine:
    def test_is_counted_against_no_file(self, sandbox: Callable[[Rebuild], None]) -> None:
        def fail(*_: Any) -> RebuiltFile:
            raise file_cleaning.SandboxError("no room")

        sandbox(fail)
        row = sealed_files.send_waiting_file()
        for _ in range(5):
            assert (take(row).state, take(row).attempts) == ("received", 0)
        assert sealed_files.list_store() == {str(row.file)}

    @pytest.mark.parametrize("away", ["MEDIA_STORE", "MEDIA_PRIVATE_KEYS", "AGENCY_PUBLIC_KEYS"])
    def test_a_missing_store_or_key_gives_up_no_file(self, clean: list[Path], tmp_path: Path, away: str) -> None:
        row = sealed_files.send_waiting_file()
        with override_settings(**{away: tmp_path / "elsewhere"}):
            for _ in range(4):
                assert take(row).state == "received"
        assert take(row).state == "ready"

    def test_is_tried_again_after_some_minutes_only(self, clean: list[Path], tmp_path: Path) -> None:
        row = sealed_files.send_waiting_file()
        with override_settings(MEDIA_STORE=tmp_path / "elsewhere"):
            take(row)
        media_worker.sweep()
        assert not clean
        Attachment.objects.update(started_at=timezone.now() - dt.timedelta(minutes=11))
        media_worker.sweep()
        assert len(clean) == 1


class TestDeath:
    def die(self, row: Attachment, sandbox: Callable[[Rebuild], None]) -> Attachment:
        """Kill the worker in the middle: no exception handler runs."""

        def dead(*_: Any) -> RebuiltFile:
            raise SystemExit

        sandbox(dead)
        with pytest.raises(SystemExit):
            media_worker.rebuild(str(row.id))
        return Attachment.objects.get(pk=row.pk)

    def test_is_counted_before_the_file_is_opened(self, sandbox: Callable[[Rebuild], None]) -> None:
        left = self.die(sealed_files.send_waiting_file(), sandbox)
        assert (left.state, left.attempts) == ("rebuilding", 1)

    def test_once_or_twice_is_retried(self, sandbox: Callable[[Rebuild], None]) -> None:
        row = sealed_files.send_waiting_file()
        self.die(row, sandbox)
        self.die(row, sandbox)
        sandbox(lambda _source, into, _progress: cleaned(into))
        media_worker.sweep()
        assert Attachment.objects.get().state == "ready"

    def test_three_times_is_refused_and_the_next_goes_on(self, sandbox: Callable[[Rebuild], None]) -> None:
        row = sealed_files.send_waiting_file()
        for _ in range(3):
            self.die(row, sandbox)
        other = sealed_files.send_waiting_file()
        sandbox(lambda _source, into, _progress: cleaned(into))
        media_worker.sweep()
        assert [Attachment.objects.get(pk=each.pk).state for each in (row, other)] == ["refused", "ready"]
        assert Attachment.objects.get(pk=row.pk).reason == "deadly"
        assert str(row.file) not in sealed_files.list_store()


class TestDeletedMeanwhile:
    def test_nothing_of_the_result_is_left(self, sandbox: Callable[[Rebuild], None]) -> None:
        def delete(_source: Path, into: Path, _progress: Callable[[int], None]) -> RebuiltFile:
            Attachment.objects.all().delete()
            return cleaned(into)

        row = sealed_files.send_waiting_file()
        sandbox(delete)
        media_worker.rebuild(str(row.id))
        assert sealed_files.list_store() <= {str(row.file)}

    def test_progress_ends_the_rebuilding(
        self, sandbox: Callable[[Rebuild], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(media_worker, "_PROGRESS_SECONDS", 0)
        reported = []

        def slow(_source: Path, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
            progress(30)
            reported.append(Attachment.objects.get().progress)
            Attachment.objects.all().delete()
            progress(60)
            raise AssertionError("went on")

        row = sealed_files.send_waiting_file()
        sandbox(slow)
        media_worker.rebuild(str(row.id))
        assert reported == [30]


@pytest.mark.django_db(transaction=True)
def test_two_workers_take_a_file_once(clean: list[Path]) -> None:
    row = sealed_files.send_waiting_file()
    with another_session() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [int.from_bytes(row.id.bytes[:8], "big", signed=True)])
        assert take(row).state == "received"
    assert take(row).state == "ready"


@pytest.mark.django_db(transaction=True)
def test_a_retired_agency_key_is_no_loss(
    clean: list[Path], settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agency key is rotated away right after the worker has read the folder of keys."""
    settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"
    AgencyKey.objects.all().delete()
    key_rotation.create_key()
    row = sealed_files.send_waiting_file()
    real, before = vault.seal_key_to_newest, iter([True])

    def rotated(key: bytes, folder: Path) -> tuple[str, bytes]:
        sealed = real(key, folder)
        if next(before, False):
            key_rotation.rotate()
        return sealed

    monkeypatch.setattr(vault, "seal_key_to_newest", rotated)
    done = take(row)
    assert done.state == "ready"
    with agency_opens(done) as opened:
        assert opened.parts


class another_session:  # noqa: N801
    """A second connection to the same database; its locks are released at the end."""

    def __enter__(self) -> Any:
        self.connection = connections["default"].copy()
        return self.connection.cursor()

    def __exit__(self, *_: object) -> None:
        self.connection.cursor().execute("SELECT pg_advisory_unlock_all()")
        self.connection.close()


class TestSweep:
    def test_videos_and_photos_are_swept_separately(self, clean: list[Path]) -> None:
        photo, video = sealed_files.send_waiting_file(), sealed_files.send_waiting_file(kind=MediaKind.VIDEO)
        media_worker.sweep()
        assert states(photo, video) == ["ready", "received"]
        media_worker.sweep(videos=True)
        assert states(photo, video) == ["ready", "ready"]

    def test_the_store_loses_files_without_a_row(self) -> None:
        row, unsent, fresh = (
            sealed_files.send_waiting_file(),
            sealed_files.store_upload(b"x"),
            sealed_files.store_upload(b"y"),
        )
        for file in (row.file, unsent.file):
            an_hour_ago(sealed_store.file_path(file))
        media_worker.sweep_store()
        assert sealed_files.list_store() == {str(row.file), str(fresh.file)}

    def test_the_store_loses_files_of_a_deleted_tip(self, clean: list[Path]) -> None:
        done = take(sealed_files.send_waiting_file())
        an_hour_ago(sealed_store.file_path(done.file))
        Attachment.objects.all().delete()
        media_worker.sweep_store()
        assert sealed_files.list_store() == set()

    def test_the_store_keeps_files_sent_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = sealed_files.store_upload(b"x")
        an_hour_ago(sealed_store.file_path(upload.file))
        real, first = sealed_store.list_stale_files, iter([True])

        def unclaimed() -> list[uuid.UUID]:
            if next(first, False):
                return real()
            sealed_store.touch(upload.file)  # sent: after the rows were read
            return real()

        monkeypatch.setattr(sealed_store, "list_stale_files", unclaimed)
        media_worker.sweep_store()
        assert sealed_files.list_store() == {str(upload.file)}


def states(*rows: Attachment) -> list[str]:
    return [Attachment.objects.get(pk=row.pk).state for row in rows]


def an_hour_ago(path: Path, seconds: float = 3700) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


class TestKeys:
    @pytest.fixture(autouse=True)
    def keys(self, settings: Any, tmp_path: Path) -> Iterator[None]:
        settings.MEDIA_PUBLIC_KEYS, settings.MEDIA_PRIVATE_KEYS = tmp_path / "mpub", tmp_path / "mkey"
        worker_keys.renew()
        return

    def ids(self) -> tuple[list[str], list[str]]:
        public = vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub")
        return [file.id for file in public], [file.id for file in vault.key_files(settings.MEDIA_PRIVATE_KEYS, "key")]

    def age(self, seconds: float) -> None:
        for file in vault.key_files(settings.MEDIA_PRIVATE_KEYS, "key"):
            an_hour_ago(file.path, seconds)

    def test_one_key_pair_is_used_for_a_day(self) -> None:
        (public,), (private,) = self.ids()
        assert public == private
        self.age(23 * 3600)
        media_worker.tend()
        assert self.ids() == ([public], [private])

    def test_replaced_after_a_day_and_destroyed_an_hour_later(self) -> None:
        (old,), _ = self.ids()
        self.age(25 * 3600)
        media_worker.tend()
        (new,), private = self.ids()
        assert new != old
        assert private == [old, new]
        self.age(3700)
        media_worker.tend()
        assert self.ids() == ([new], [new])

    def test_kept_while_a_file_waits_for_it(self, clean: list[Path]) -> None:
        row = sealed_files.send_waiting_file()
        self.age(25 * 3600)
        media_worker.tend()
        self.age(3700)
        media_worker.tend()
        assert len(self.ids()[1]) == 2
        assert take(row).state == "ready"
        media_worker.tend()
        assert len(self.ids()[1]) == 1

    def test_the_web_side_seals_to_the_new_key_without_a_restart(self) -> None:
        before = sealed_files.send_waiting_file().worker_key
        self.age(25 * 3600)
        media_worker.tend()
        assert sealed_files.send_waiting_file().worker_key not in ("", before)

    def test_half_a_pair_is_replaced(self) -> None:
        for folder in (settings.MEDIA_PUBLIC_KEYS, settings.MEDIA_PRIVATE_KEYS):
            for path in folder.iterdir():
                path.unlink()
            worker_keys.renew()
            public, private = self.ids()
            assert public[-1] == private[-1]
            assert len(public) == 1

    def test_todays_keys_do_not_open_files_of_a_month_ago(self, clean: list[Path]) -> None:
        """An attacker who has the worker's keys, its database account and an old copy of everything."""
        old = sealed_files.send_waiting_file()
        copy = sealed_store.file_path(old.file).read_bytes()
        take(old)
        for age in (25 * 3600, 3700):
            self.age(age)
            media_worker.tend()
        sealed_store.file_path(old.file).write_bytes(copy)
        now = sealed_files.send_waiting_file()
        opened = []
        for sealed, key_id, file in (
            (old.key_for_worker, old.worker_key, old.file),
            (old.key_for_agency, old.agency_key_id, old.file),
            (now.key_for_worker, now.worker_key, now.file),
        ):
            try:
                key = vault.open_key_with(sealed, key_id, settings.MEDIA_PRIVATE_KEYS)
            except vault.KeyMissingError:
                continue
            with sealed_store.Reader(file, key):
                opened.append(file)
        assert opened == [now.file]
        with pytest.raises(vault.KeyMissingError):
            vault.open_key_with(now.tip.key_for_agency, now.tip.agency_key_id, settings.MEDIA_PRIVATE_KEYS)


def test_the_rights_of_the_workers_user_are_enough_and_no_more(clean: list[Path]) -> None:
    row = sealed_files.send_waiting_file()
    with acting_as("media"):
        media_worker.rebuild(str(row.id))
        media_worker.sweep()
        media_worker.tend()
        assert [each.state for each in media_worker._waiting_rows()] == []
        assert list(Attachment.objects.order_by("id").values_list("state", flat=True)) == ["ready"]


def test_officers_and_sources_read_the_result(clean: list[Path]) -> None:
    tip = sealed_files.send_tip(
        sealed_files.store_upload(sealed_files.photo()), sealed_files.store_upload(b"", MediaKind.DOCUMENT)
    )
    sealed_files.add_message(Tip.objects.get(), sealed_files.store_upload(sealed_files.photo()))
    opened = conversation.read_tip_as_officer(tip)
    assert [file.name for file in opened.files] == ["Photo 1", "Document 2"]
    assert [file.name for entry in opened.messages for file in entry.files] == ["Photo 3"]


class TestStart:
    def start(self, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Start a worker without a broker: a start that is not refused waits for one."""
        everything = dict(os.environ) | {
            "REDIS_URL": "redis://127.0.0.1:1",
            "MEDIA_PRIVATE_KEYS": str(tmp_path / "key"),
        }
        environment = processes.environment_for(Role.MEDIA, everything | variables)
        process = processes.BY_NAME["worker-media"]
        return subprocess.run(
            process.argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )

    def test_in_production_needs_memory_for_plaintext(self, tmp_path: Path) -> None:
        done = self.start(tmp_path, DEMO="0", RAM_FOLDER=str(ROOT))
        assert done.returncode == 1
        assert "The media worker does not start. There is no folder in memory" in done.stderr
        assert not (tmp_path / "key").exists()

    def test_makes_its_keys_before_it_takes_work(self, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_PUBLIC_KEYS, settings.MEDIA_PRIVATE_KEYS = tmp_path / "mpub", tmp_path / "mkey"
        settings.ROLE = Role.MEDIA
        media_worker.refuse_unsafe_start()
        assert len(vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub")) == 1

    @pytest.mark.parametrize("held", [SandboxLayers(), SandboxLayers(landlock=True, memory=True)])
    def test_in_production_needs_a_sandbox_without_network(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch, held: SandboxLayers
    ) -> None:
        settings.ROLE, settings.DEMO = Role.MEDIA, False
        monkeypatch.setattr("file_cleaning.host_requirements.probe_sandbox", lambda: held)
        with pytest.raises(SystemExit, match="reach the network"):
            media_worker.refuse_unsafe_start()

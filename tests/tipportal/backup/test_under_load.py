"""A hundred backups while sources write, files are cleaned and tips erased: each is restored, and no row lacks its file."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.tips.files import sealed_files
from tipportal.backup import drill, packs, restoration
from tipportal.backup.backup_keys import create_key
from tipportal.backup.backup_writer import write_backup
from tips.files import media_worker, sealed_store
from tips.models import Attachment, Tip

ROUNDS = 100
MOST_TIPS = 60


def send_tip() -> None:
    with suppress(Tip.DoesNotExist):  # erased by another thread at once
        sealed_files.send_tip(sealed_files.store_upload(os.urandom(random.randrange(1, 300_000))))
    if Tip.objects.count() > MOST_TIPS:
        erase_tip()


def clean_file() -> None:
    row = Attachment.objects.filter(key_for_worker__isnull=False).order_by("?").first()
    if row is not None:
        with suppress(Attachment.DoesNotExist):  # erased by another thread at once
            sealed_files.finish_rebuilding(row, sealed_files.PHOTO, ("image", "image/png", os.urandom(1000)))


def erase_tip() -> None:
    tip = Tip.objects.order_by("?").first()
    if tip is not None:
        files = list(tip.attachments.filter(file__isnull=False).values_list("file", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT tip_erase(%s)", [tip.pk])
        sealed_store.remove_files(files)


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_no_row_of_a_hundred_backups_under_load_lacks_its_file(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKUP_KEYS, settings.MEDIA_STORE = tmp_path / "backup-keys", tmp_path / "media"
    settings.MEDIA_STORE.mkdir()
    create_key(settings.BACKUP_KEYS, tmp_path / "safe")
    monkeypatch.setattr(packs, "STEP_BYTES", 1024**2)
    over, problems = threading.Event(), []

    def work(*acts: Callable[[], None]) -> None:
        try:
            while not over.is_set():
                random.choice(acts)()
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=acts)
        for acts in ((send_tip,), (clean_file, media_worker.sweep_store), (send_tip, send_tip, erase_tip))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            new = write_backup(tmp_path / "backups")
            assert new.missing_count == 0
            proof = drill.prove(restoration.open_backup(tmp_path / "backups", tmp_path / "safe"), with_key=True)
            assert proof.unread_packs == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert problems == []

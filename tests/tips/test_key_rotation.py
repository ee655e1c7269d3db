"""Rotation of the agency key: no tip is lost, wherever the rotation is interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from core.models import Account
from file_cleaning import MediaKind
from tests.tips.files import sealed_files
from tips import conversation, form_tokens, intake, key_rotation, receipts, vault
from tips.files import media_worker, sealed_store
from tips.models import AgencyKey, Attachment, Category, NotesKey, Tip
from tips.source import inbox_session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> tuple[Path, Path]:
    settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"
    AgencyKey.objects.all().delete()
    key_rotation.create_key()
    return settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS


def send(text: str = "Two men") -> str:
    return intake.accept_tip(
        intake.Report(category=Category.objects.first(), description=text), form_tokens.read(form_tokens.issue())
    )


def test_every_tip_and_note_opens_afterwards(folders: tuple[Path, Path]) -> None:
    receipt, *_ = [send(f"tip {number}") for number in range(3)]
    officer = Account.objects.create_user("officer")
    conversation.add_note(Tip.objects.first(), officer, "a note")
    old = Tip.objects.first().agency_key_id
    new = key_rotation.rotate()
    assert new != old
    assert {conversation.read_tip_as_officer(tip).report["description"] for tip in Tip.objects.all()} == {
        "tip 0",
        "tip 1",
        "tip 2",
    }
    assert conversation.read_notes(NotesKey.objects.get().tip)[0].text == "a note"
    assert inbox_session.find_session(receipts.stretch_receipt(receipt)).read().report["description"] == "tip 0"


def test_every_file_opens_afterwards_in_any_state(store_of_its_own: None) -> None:
    waiting, ready, refused = (
        sealed_files.send_waiting_file(kind=kind) for kind in (MediaKind.VIDEO, MediaKind.PHOTO, MediaKind.DOCUMENT)
    )
    sealed_files.finish_photo(ready)
    media_worker.RebuildAttempt(refused.id, 0, refused.file).refuse(media_worker.RefusalReason.DAMAGED)
    new = key_rotation.rotate()
    assert set(Attachment.objects.values_list("agency_key", flat=True)) == {new}
    for row in (waiting, ready):
        now = Attachment.objects.get(pk=row.pk)
        key = vault.open_key_with(now.key_for_agency, new, settings.AGENCY_PRIVATE_KEYS)
        with sealed_store.Reader(now.file, key) as reader:
            assert reader.content["kind"] in ("video", "photo")
    assert bytes(Attachment.objects.get(pk=refused.pk).key_for_agency) == b""


def test_a_file_rebuilt_during_the_rotation_keeps_its_new_key(
    store_of_its_own: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker replaces an original by its rebuilt file between two steps of the rotation."""
    row = sealed_files.send_waiting_file()
    real, late = key_rotation._retire_key, iter([row])

    def retire(key_id: str) -> bool:
        if waits := next(late, None):
            sealed_files.finish_photo(waits)
        return real(key_id)

    monkeypatch.setattr(key_rotation, "_retire_key", retire)
    new = key_rotation.rotate()
    now = Attachment.objects.get()
    assert (now.state, now.agency_key_id) == ("ready", new)
    with sealed_store.Reader(
        now.file, vault.open_key_with(now.key_for_agency, new, settings.AGENCY_PRIVATE_KEYS)
    ) as reader:
        assert reader.content["kind"] == "photo"


def test_the_old_private_half_is_destroyed_and_its_id_forgotten(folders: tuple[Path, Path]) -> None:
    send()
    old = Tip.objects.get().agency_key_id
    new = key_rotation.rotate()
    assert [file.id for file in vault.key_files(folders[1], "key")] == [new]
    assert [file.id for file in vault.key_files(folders[0], "pub")] == [new]
    assert not AgencyKey.objects.filter(pk=old).exists()


def test_content_is_not_touched() -> None:
    send()
    before = bytes(Tip.objects.get().report)
    key_rotation.rotate()
    assert bytes(Tip.objects.get().report) == before


def test_an_interrupted_rotation_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        send(f"tip {number}")
    monkeypatch.setattr(key_rotation, "_BATCH_ROWS", 2)

    def interrupt(moved: int) -> None:
        if moved == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        key_rotation.rotate(interrupt)
    assert len(key_rotation.list_keys()) == 2
    new = key_rotation.rotate()
    assert [(key.id, key.seal_count) for key in key_rotation.list_keys()] == [(new, 5)]
    assert len({conversation.read_tip_as_officer(tip).report["description"] for tip in Tip.objects.all()}) == 5


def test_an_interruption_between_database_and_key_files_is_completed(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    send()
    monkeypatch.setattr(vault, "destroy_key_pair", interrupted)
    with pytest.raises(KeyboardInterrupt):
        key_rotation.rotate()
    monkeypatch.undo()
    key_rotation.rotate()
    assert len(vault.key_files(folders[1], "key")) == 1
    assert conversation.read_tip_as_officer(Tip.objects.get()).report["description"] == "Two men"


def test_tips_sent_meanwhile_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tip is sealed to the old key after that key's seals were moved, right before it is retired."""
    send("before")
    real, late = key_rotation._retire_key, iter(["late"])
    monkeypatch.setattr(
        key_rotation, "_retire_key", lambda key_id: (write_to(key_id, next(late, None)), real(key_id))[1]
    )
    key_rotation.rotate()
    assert {conversation.read_tip_as_officer(tip).report["description"] for tip in Tip.objects.all()} == {
        "before",
        "late",
    }


def write_to(key_id: str, text: str | None) -> None:
    """A web process that has read the old public half stores its tip."""
    if text is None:
        return
    current = vault.key_files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            vault, "key_files", lambda folder, suffix: [file for file in current(folder, suffix) if file.id == key_id]
        )
        send(text)


def test_without_an_old_private_half_nothing_is_changed(folders: tuple[Path, Path]) -> None:
    send()
    next(folders[1].iterdir()).unlink()
    with pytest.raises(vault.KeyMissingError, match="private half"):
        key_rotation.rotate()
    assert len(vault.key_files(folders[0], "pub")) == 1


def test_status_lists_each_key(capsys: pytest.CaptureFixture[str]) -> None:
    send()
    key_rotation.create_key()
    call_command("vault", "status")
    old, new = capsys.readouterr().out.splitlines()
    assert "older" in old
    assert "1 seals" in old
    assert "newest" in new
    assert "0 seals" in new


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_another_staff_node_destroys_its_old_half_once_it_has_the_new_one(
    settings: Any, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    send("tip 0")
    here, there = folders, (tmp_path / "public-there", tmp_path / "private-there")
    for ours, theirs in zip(here, there, strict=True):
        shutil.copytree(ours, theirs)
    key_rotation.rotate()
    settings.AGENCY_PUBLIC_KEYS, settings.AGENCY_PRIVATE_KEYS = there
    shutil.copy(next(here[0].iterdir()), there[0])
    with pytest.raises(vault.KeyMissingError):  # before the new private half was copied
        key_rotation.rotate()
    assert len(list(there[1].iterdir())) == 1

    shutil.copy(next(here[1].iterdir()), there[1])
    key_rotation.rotate()
    assert [sorted(path.name for path in folder.iterdir()) for folder in there] == [
        sorted(path.name for path in folder.iterdir()) for folder in here
    ]
    assert conversation.read_tip_as_officer(Tip.objects.get()).report["description"] == "tip 0"

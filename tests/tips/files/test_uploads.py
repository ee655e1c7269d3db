"""Files that come with the form: which are accepted, and that a refused one costs neither text nor other files."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from core import ephemeral_store
from tests.tips.files import sample_uploads
from tests.tips.source.pages import TEXT, field_of, fill_form, receipt_of, send_tip, words_of
from tips import conversation, form_tokens, intake, receipts, vault
from tips.files import attachments, multipart, pending_files, sealed_store
from tips.files.incoming_upload import IncomingUpload
from tips.models import Attachment, Message, Tip
from tips.source import inbox_session, throttle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Return an empty store."""
    settings.MEDIA_STORE = tmp_path / "store"
    settings.MEDIA_STORE.mkdir()
    return tmp_path / "store"


@pytest.fixture
def media_tasks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str]]:
    """The tasks handed to the queue."""
    sent_tasks: list[tuple[str, list[str], str]] = []
    monkeypatch.setattr(
        attachments.queue, "send", lambda name, *args, queue: sent_tasks.append((name, list(args), queue))
    )
    return sent_tasks


def opened(receipt: str) -> conversation.OpenedTip:
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return session.read()


def fields_of(page: HttpResponse) -> dict[str, str]:
    """Return the fields that the page would send if Send was pressed again."""
    names = ["token", "description", "ticket", "uploads"]
    return {name: field_of(page, name) or "" for name in names} | {"category": "vehicle"}


# Taken


def test_a_tip_comes_with_its_files(
    client: Client, media_tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    contents = [
        sample_uploads.photo(),
        sample_uploads.video(200_000),
        sample_uploads.document(sealed_store.CHUNK_BYTES),
    ]
    with django_capture_on_commit_callbacks(execute=True):
        page = send_tip(client, attachments=[sample_uploads.form_file(content) for content in contents])
    rows = list(Attachment.objects.all())
    assert [row.state for row in rows] == ["received"] * 3
    assert [row.id for row in rows] == [row.file for row in rows]
    assert [sample_uploads.open_as_agency(row) for row in rows] == contents
    assert [sample_uploads.open_as_worker(row) for row in rows] == contents
    assert [file.name for file in opened(receipt_of(page)).files] == ["Photo 1", "Video 2", "Document 3"]
    assert "3 files arrived with it." in words_of(page)
    assert [path.name for path in sample_uploads.list_store()] == sorted(
        str(row.id) for row in rows
    )  # and no ticket any more
    queues = ["media", "media-video", "media"]
    assert media_tasks == [
        ("tips.media.rebuild", [str(row.id)], queue) for row, queue in zip(rows, queues, strict=True)
    ]


def test_a_tip_without_files_says_nothing_of_files(client: Client) -> None:
    page = send_tip(client)
    assert "arrived with it" not in words_of(page)
    assert not Attachment.objects.exists()


def test_an_empty_file_field_is_ignored(client: Client) -> None:
    body = "".join(
        f'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fill_form(client).items()
    )
    body += '--a-boundary-of-forms\r\nContent-Disposition: form-data; name="attachments"; filename=""\r\n\r\n\r\n--a-boundary-of-forms--\r\n'
    receipt_of(client.post("/tips/", body.encode(), content_type="multipart/form-data; boundary=a-boundary-of-forms"))
    assert sample_uploads.list_store() == []


def test_djangos_upload_handlers_are_not_used(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: Any, **_named: Any) -> None:
        raise AssertionError("in clear")

    for handler in (MemoryFileUploadHandler, TemporaryFileUploadHandler):
        monkeypatch.setattr(handler, "receive_data_chunk", never)
    receipt_of(send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo())))


def test_the_original_file_name_is_not_stored(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo(), "anna-kovacs-birthday.jpg"))
    row = Attachment.objects.values().get()
    assert b"anna" not in b"".join(bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
    assert "anna" not in str(row) + caplog.text + page.content.decode()
    assert not any("anna" in path.name or b"anna" in path.read_bytes() for path in sample_uploads.list_store())
    assert "anna" not in sample_uploads.open_as_agency(Attachment.objects.get()).decode("latin-1")


def test_labels_open_only_with_the_tips_key(client: Client) -> None:
    send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo()))
    row = Attachment.objects.get()
    assert b"photo" not in bytes(row.label)
    with pytest.raises(vault.SealError):
        attachments.read_label(row, vault.generate_key())


def test_a_repeated_form_creates_one_tip_with_its_files_once(client: Client) -> None:
    fields, content = fill_form(client), sample_uploads.photo()
    first = client.post("/tips/", fields | {"attachments": sample_uploads.form_file(content)})
    second = client.post("/tips/", fields | {"attachments": sample_uploads.form_file(content)})
    assert receipt_of(first) == receipt_of(second)
    assert "1 file arrived with it." in words_of(second)
    assert Attachment.objects.count() == 1
    assert [path.name for path in sample_uploads.list_store() if path.suffix != ".ticket"] == [
        str(Attachment.objects.get().id)
    ]


def test_only_the_token_says_how_many_files_arrived(client: Client) -> None:
    fields = fill_form(client)
    client.post(
        "/tips/",
        fields
        | {
            "attachments": [
                sample_uploads.form_file(sample_uploads.photo()),
                sample_uploads.form_file(sample_uploads.photo()),
            ]
        },
    )
    assert "2 files arrived with it." in words_of(client.post("/tips/", {"token": fields["token"]}))


def test_a_tip_whose_rows_fail_has_no_files_either(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(intake.officer_alerts, "raise_alert", fails)  # the last that is written
    page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo()))
    assert page.status_code == 503
    assert not Tip.objects.exists()
    assert not Attachment.objects.exists()
    assert "We keep the 1 file you attached, encrypted, for an hour." in words_of(page)
    monkeypatch.undo()
    again = client.post("/tips/", fields_of(page))
    assert "1 file arrived with it." in words_of(again)


def test_an_unavailable_queue_does_not_delay_the_receipt(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def down(*_args: Any, **_named: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(attachments.queue, "send", down)
    with django_capture_on_commit_callbacks(execute=True):
        page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo()))
    receipt_of(page)
    assert [path.suffix for path in sample_uploads.list_store()] == [""]


# Not taken, nothing else lost


def test_a_refused_word_file_is_explained_and_other_files_stay(client: Client) -> None:
    page = send_tip(
        client,
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.word(), "note<b>.docx"),
            sample_uploads.form_file(sample_uploads.video()),
        ],
    )
    assert page.status_code == 422
    assert "note<b>.docx: This is a Word file. Save it as a PDF and attach that." in words_of(page)
    assert field_of(page, "description") == TEXT
    assert "Photo 1 is uploaded. Check the box to remove it" in words_of(page)
    assert "Video 2 is uploaded. Check the box to remove it" in words_of(page)
    assert not Tip.objects.exists()
    page = client.post("/tips/", fields_of(page))
    assert [file.name for file in opened(receipt_of(page)).files] == ["Photo 1", "Video 2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file is empty."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "attach"),
        (b"MZ" + bytes(200), "attach"),
        (b"\x00" * 70_000, "We can't accept this kind of file."),
    ],
)
def test_unsupported_file_kinds_are_refused(client: Client, content: bytes, words: str) -> None:
    page = send_tip(client, attachments=sample_uploads.form_file(content, "holiday.jpg"))
    assert page.status_code == 422
    assert re.search(f"holiday.jpg: .*{words}", words_of(page), re.IGNORECASE)
    assert sample_uploads.list_store() == []


def test_a_pending_file_can_be_removed_by_its_box(client: Client) -> None:
    page = send_tip(
        client,
        description="",
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.document()),
        ],
    )
    first, second = (field_of(page, "uploads") or "").split()
    page = client.post("/tips/", fields_of(page) | {"description": TEXT, f"remove_{first}": "1"})
    assert [file.name for file in opened(receipt_of(page)).files] == ["Document 1"]
    assert {path.name.removesuffix(".ticket") for path in sample_uploads.list_store()} == {second}


def test_kept_files_survive_another_error_and_new_ones_join_them(client: Client) -> None:
    page = send_tip(client, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    page = client.post("/tips/", fields_of(page) | {"attachments": sample_uploads.form_file(sample_uploads.video())})
    page = client.post(
        "/tips/",
        fields_of(page) | {"description": TEXT, "attachments": sample_uploads.form_file(sample_uploads.document())},
    )
    assert [file.name for file in opened(receipt_of(page)).files] == ["Photo 1", "Video 2", "Document 3"]


def test_files_sent_before_are_kept_while_a_long_post_arrives(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    page = send_tip(client, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    for path in sample_uploads.list_store():
        os.utime(path, (path.stat().st_mtime - 3700,) * 2)
    stale: list[list[uuid.UUID]] = [sealed_store.list_stale_files()]
    finish = IncomingUpload.finish

    def look_and_finish(incoming: IncomingUpload) -> attachments.Upload:
        stale.append(sealed_store.list_stale_files())
        return finish(incoming)

    monkeypatch.setattr(IncomingUpload, "finish", look_and_finish)
    monkeypatch.setattr(multipart, "_KEEP_SECONDS", -1)
    client.post("/tips/", fields_of(page) | {"attachments": sample_uploads.form_file(sample_uploads.video())})
    assert [len(files) for files in stale] == [1, 0]


def test_looking_for_a_street_keeps_the_files(client: Client) -> None:
    page = send_tip(
        client,
        find_place="1",
        search="Arden",
        attachments=[sample_uploads.form_file(sample_uploads.photo()), sample_uploads.form_file(sample_uploads.word())],
    )
    assert page.status_code == 200
    assert "This is a Word file." in words_of(page)
    assert "Photo 1 is uploaded." in words_of(page)
    assert "1 file arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_more_files_than_allowed_are_left_out_and_the_page_says_so(client: Client, settings: Any) -> None:
    settings.TIP_MAX_FILES = 3
    page = send_tip(client, attachments=[sample_uploads.form_file(sample_uploads.photo()) for _ in range(5)])
    assert page.status_code == 422
    assert "You can send 3 files at once. 2 were left out." in words_of(page)
    assert len([path for path in sample_uploads.list_store() if not path.suffix]) == 3
    page = client.post("/tips/", fields_of(page) | {"attachments": sample_uploads.form_file(sample_uploads.photo())})
    assert "You can send 3 files at once. 1 was left out." in words_of(page)
    assert "3 files arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_too_many_files_get_a_sentence_with_the_limit(client: Client) -> None:
    page = send_tip(client, attachments=[sample_uploads.form_file(sample_uploads.photo(20)) for _ in range(150)])
    assert "You can send 10 files at once. 140 were left out." in words_of(page)
    assert field_of(page, "description") == TEXT


def test_a_file_beyond_the_limit_is_dropped_while_it_arrives(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIP_MAX_BYTES = 300_000
    sealed = 0
    real = vault.seal_chunk

    def counted(*args: Any, **named: Any) -> bytes:
        nonlocal sealed
        sealed += 1
        return real(*args, **named)

    monkeypatch.setattr(vault, "seal_chunk", counted)
    page = send_tip(
        client,
        attachments=[
            sample_uploads.form_file(sample_uploads.video(2_000_000), "long.mp4"),
            sample_uploads.form_file(sample_uploads.photo(250_000)),
        ],
    )
    assert page.status_code == 422
    assert "long.mp4: Your files are too large: the limit is 293.0 KB in total." in words_of(page).replace("\xa0", " ")
    assert sealed < 15  # 2 MB are 31 chunks
    assert "Photo 1 is uploaded." in words_of(page)
    page = client.post(
        "/tips/", fields_of(page) | {"attachments": sample_uploads.form_file(sample_uploads.photo(100_000))}
    )
    assert page.status_code == 422
    assert "1 file arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_files_wait_under_a_flood(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "CALM_POSTS", 0)
    page = send_tip(
        client,
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.word(), "a.docx"),
        ],
    )
    assert page.status_code == 429
    assert "We keep the 1 file you attached, encrypted, for an hour." in words_of(page)
    assert "a.docx: This is a Word file." in words_of(page)
    monkeypatch.setattr(throttle, "RIPE_SECONDS", -1)
    assert "1 file arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_no_byte_of_a_file_is_stored_before_a_token_of_ours(client: Client) -> None:
    fields = fill_form(client)
    file = {"attachments": sample_uploads.form_file(sample_uploads.photo(), "me.jpg")}
    without = {name: value for name, value in fields.items() if name != "token"}
    for posted in (without | file, {"token": "made-up"} | without | file, without | file | {"token": fields["token"]}):
        page = client.post("/tips/", posted)
        assert sample_uploads.list_store() == []
        if page.status_code == 422:
            assert "me.jpg: This page was open for too long, so we didn't keep the file." in words_of(page)
            assert field_of(page, "description") == fields["description"]


def test_without_an_open_inbox_no_file_of_a_message_is_stored(client: Client) -> None:
    for address in ("/tips/inbox/", "/tips/inbox/conversation/"):
        client.post(address, {"text": "more", "attachments": sample_uploads.form_file(sample_uploads.photo())})
        assert sample_uploads.list_store() == []


def test_a_page_that_was_open_for_long_keeps_its_files(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = fill_form(client)
    monkeypatch.setattr(form_tokens, "LIFETIME_SECONDS", -1)
    page = client.post("/tips/", fields | {"attachments": sample_uploads.form_file(sample_uploads.photo())})
    monkeypatch.undo()
    assert "1 file arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_missing_files_are_reported_before_the_tip_is_accepted(client: Client) -> None:
    page = send_tip(
        client,
        description="",
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.video()),
        ],
    )
    first, second = (field_of(page, "uploads") or "").split()
    sealed_store.remove_files([uuid.UUID(first)])
    page = client.post("/tips/", fields_of(page) | {"description": TEXT})
    assert page.status_code == 422
    assert "We no longer have 1 file you attached." in words_of(page)
    assert not Tip.objects.exists()
    assert field_of(page, "uploads") == second
    assert [file.name for file in opened(receipt_of(client.post("/tips/", fields_of(page)))).files] == ["Video 1"]


def test_another_ticket_opens_no_file(client: Client) -> None:
    page = send_tip(client, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    page = client.post("/tips/", fields_of(page) | {"description": TEXT, "ticket": pending_files.new_ticket()})
    assert "We no longer have 1 file you attached." in words_of(page)
    assert len([path for path in sample_uploads.list_store() if not path.suffix]) == 1


def test_a_file_of_one_tip_cannot_be_sent_with_another(client: Client, media_tasks: list[Any]) -> None:
    page = send_tip(client, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    fields = fields_of(page) | {"description": TEXT}
    receipt_of(client.post("/tips/", fields))  # the ticket is still there: nothing is committed in this test
    page = client.post("/tips/", fill_form(client) | {"ticket": fields["ticket"], "uploads": fields["uploads"]})
    assert page.status_code == 503
    assert Attachment.objects.count() == 1
    assert len([path for path in sample_uploads.list_store() if not path.suffix]) == 1


def test_a_post_cut_short_in_a_file_leaves_nothing(client: Client) -> None:
    parts = fill_form(client)
    body = b"".join(
        f'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts.items()
    )
    for content in (sample_uploads.photo(), sample_uploads.photo(200_000)):
        body += (
            b'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="attachments"; filename="a.jpg"\r\n\r\n'
            + content
            + b"\r\n"
        )
    for missing in (10, 150_000):
        page = client.generic(
            "POST",
            "/tips/",
            CONTENT_TYPE="multipart/form-data; boundary=a-boundary-of-forms",
            CONTENT_LENGTH=str(len(body)),
            **{"wsgi.input": io.BytesIO(body[:-missing])},
        )
        assert page.status_code == 400
        assert "Part of what you sent got lost on the way" in words_of(page)
        assert sample_uploads.list_store() == []
    assert not Tip.objects.exists()


def test_a_connection_error_leaves_nothing(client: Client) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            if not content:
                raise ConnectionResetError
            return content

    body = (
        b'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="attachments"; filename="a.jpg"\r\n\r\n'
        + sample_uploads.photo(300_000)
    )
    page = client.generic(
        "POST",
        "/tips/",
        CONTENT_TYPE="multipart/form-data; boundary=a-boundary-of-forms",
        CONTENT_LENGTH=str(len(body) + 40),
        **{"wsgi.input": Breaking(body)},
    )
    assert page.status_code == 400
    assert sample_uploads.list_store() == []


# A store that fails


def test_without_a_store_the_tip_is_accepted_without_files(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_STORE = tmp_path / "unmounted"
    page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo(), "a.jpg"))
    assert page.status_code == 422
    assert "a.jpg: We can't accept files right now. Send your text now" in words_of(page)
    assert field_of(page, "description") == TEXT
    receipt_of(client.post("/tips/", fields_of(page)))


def test_a_full_disk_accepts_only_text(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_store, "MIN_FREE_BYTES", 1024**6)
    page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo()))
    assert "We can't accept files right now." in words_of(page)
    receipt_of(client.post("/tips/", fields_of(page)))


@pytest.mark.parametrize("when", ["seal_chunk", "ticket", "fsync"])
def test_a_disk_that_fills_up_loses_no_complete_file(
    client: Client, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    page = send_tip(client, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    fields = fields_of(page) | {"description": TEXT}
    real, calls = vault.seal_chunk, 0

    def full(*_args: Any, **_named: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_at_third(*args: Any, **named: Any) -> bytes:
        nonlocal calls
        calls += 1
        return full() if calls == 3 else real(*args, **named)

    def full_for_tickets(path: Any, flags: int, *rest: Any) -> int:
        return full() if str(path).endswith(".ticket") else real_open(path, flags, *rest)

    real_open = os.open
    name = {"ticket": "open"}.get(when, when)
    instead = {"seal_chunk": full_at_third, "ticket": full_for_tickets, "fsync": full}[when]
    monkeypatch.setattr(vault if when == "seal_chunk" else os, name, instead)
    page = client.post("/tips/", fields | {"attachments": sample_uploads.form_file(sample_uploads.video(400_000))})
    monkeypatch.undo()
    assert page.status_code == 422
    assert "We can't accept files right now." in words_of(page)
    assert len(sample_uploads.list_store()) == 2  # the photo and its ticket
    assert "1 file arrived" in words_of(client.post("/tips/", fields_of(page)))


def test_without_the_workers_key_no_file_is_accepted(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_PUBLIC_KEYS = tmp_path
    page = send_tip(client, attachments=sample_uploads.form_file(sample_uploads.photo()))
    assert "We can't accept files right now." in words_of(page)
    receipt_of(client.post("/tips/", fields_of(page)))


# In the inbox


@pytest.fixture
def signed_in(client: Client) -> Client:
    receipt = receipt_of(send_tip(client))
    client.post("/tips/inbox/", {"receipt": receipt})
    return client


def message(client: Client, **fields: Any) -> HttpResponse:
    page = client.get("/tips/inbox/conversation/")
    names = ("form_id", "ticket", "uploads")
    blank = {name: field_of(page, name) or "" for name in names} | {"text": ""}
    return client.post("/tips/inbox/conversation/", blank | fields, follow=True)


def test_a_message_may_be_files_only_and_shows_their_status(signed_in: Client) -> None:
    page = message(
        signed_in,
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.video()),
        ],
    )
    assert "Message sent." in words_of(page)
    assert "Photo 1 Uploaded. We'll clean it next" in words_of(page)
    page = message(signed_in, text="And the plate", attachments=sample_uploads.form_file(sample_uploads.document()))
    assert "Document 3 Uploaded." in words_of(page)
    assert [row.message.position for row in Attachment.objects.select_related("message")] == [1, 1, 2]  # type: ignore[union-attr]
    Attachment.objects.filter(position=1).update(state="rebuilding")
    Attachment.objects.filter(position=2).update(state="ready", key_for_worker=None, worker_key="", file=uuid.uuid4())
    Attachment.objects.filter(position=3).update(
        state="refused", key_for_worker=None, worker_key="", file=None, reason="protected"
    )
    words = words_of(signed_in.get("/tips/inbox/conversation/"))
    assert "Photo 1 We're cleaning it" in words
    assert "Video 2 Location and device data removed. Officers see the cleaned copy; your original is erased" in words
    assert "Document 3 This file did not work, so we erased it. This file is locked with a password." in words


def test_a_message_needs_text_or_a_file(signed_in: Client) -> None:
    assert "Write a message or attach a file first." in words_of(message(signed_in))


def test_a_refused_file_preserves_the_text_of_a_message(signed_in: Client) -> None:
    page = message(
        signed_in,
        text="The plate",
        attachments=[sample_uploads.form_file(sample_uploads.word()), sample_uploads.form_file(sample_uploads.photo())],
    )
    assert page.status_code == 422
    assert "This is a Word file." in words_of(page)
    assert field_of(page, "text") == "The plate"
    assert "Photo 1 is uploaded." in words_of(page)
    assert not Message.objects.exists()
    names = ("form_id", "ticket", "uploads", "text")
    page = signed_in.post("/tips/inbox/conversation/", {name: field_of(page, name) for name in names}, follow=True)
    assert "Photo 1 Uploaded." in words_of(page)


def test_a_repeated_message_form_creates_one_message_with_its_files_once(signed_in: Client) -> None:
    content = sample_uploads.photo()
    for _ in range(2):
        message(signed_in, form_id="the same", text="Look", attachments=sample_uploads.form_file(content))
    assert Attachment.objects.count() == Message.objects.count() == 1
    assert len([path for path in sample_uploads.list_store() if not path.suffix]) == 1


def test_files_wait_while_the_receipt_is_typed_again(client: Client) -> None:
    receipt = receipt_of(send_tip(client))
    client.post("/tips/inbox/", {"receipt": receipt})
    page = client.get("/tips/inbox/conversation/")
    fields = {name: field_of(page, name) for name in ("token", "form_id", "ticket")} | {"text": ""}
    ephemeral_store.forget(inbox_session._store_name(inbox_session._read_cookie_key(_request(client))))  # type: ignore[arg-type]
    page = client.post(
        "/tips/inbox/conversation/", fields | {"attachments": sample_uploads.form_file(sample_uploads.photo())}
    )
    assert "What you wrote and attached is still here." in words_of(page)
    fields = {name: field_of(page, name) or "" for name in ("form_id", "ticket", "uploads")}
    page = client.post("/tips/inbox/", fields | {"receipt": receipt, "text": ""}, follow=True)
    assert "Photo 1 Uploaded." in words_of(page)


def _request(client: Client) -> Any:
    request = type("Request", (), {})()
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    return request


def test_deleting_a_tip_removes_its_files_at_once(signed_in: Client) -> None:
    message(
        signed_in,
        attachments=[
            sample_uploads.form_file(sample_uploads.photo()),
            sample_uploads.form_file(sample_uploads.video()),
        ],
    )
    page = send_tip(signed_in, description="", attachments=sample_uploads.form_file(sample_uploads.photo()))
    assert len(sample_uploads.list_store()) > 2
    signed_in.post("/tips/inbox/delete/", {"sure": "erase"})
    assert not Attachment.objects.exists()
    assert {path.name.removesuffix(".ticket") for path in sample_uploads.list_store()} == {field_of(page, "uploads")}


def test_a_tip_under_hold_keeps_its_files(signed_in: Client) -> None:
    import datetime as dt

    message(signed_in, attachments=sample_uploads.form_file(sample_uploads.photo()))
    Tip.objects.update(state="open", opened_after=dt.timedelta(minutes=5), legal_hold=True)
    signed_in.post("/tips/inbox/delete/", {"sure": "hold"})
    assert sample_uploads.open_as_agency(Attachment.objects.get())

"""Resumable uploads: acknowledged bytes are stored, and the file that comes out is exactly the file that was sent."""

from __future__ import annotations

import io
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from file_cleaning import MediaKind
from tests.tips.files import sample_pictures, sample_uploads
from tests.tips.source.pages import field_of, fill_form, receipt_of, words_of
from tips import conversation, form_tokens, vault
from tips.files import attachments, pending_files, sealed_store
from tips.files.incoming_upload import IncomingUpload
from tips.models import Attachment
from tips.source import throttle

CHUNK = sealed_store.CHUNK_BYTES
PIECE = "application/offset+octet-stream"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_STORE = tmp_path / "store"
    settings.MEDIA_STORE.mkdir()
    return tmp_path / "store"


class Sender:
    """The page of a source that sends one file ahead."""

    def __init__(self, length: int, client: Client | None = None, **headers: str) -> None:
        self.client = client or Client()
        self.ticket = pending_files.new_ticket()
        headers = {
            "Upload-Length": str(length),
            "Form-Token": form_tokens.issue(),
            "Upload-Ticket": self.ticket,
        } | headers
        self.begun = self.client.post("/tips/files/", headers=headers)
        self.address = self.begun.headers.get("Location", "")

    @property
    def id(self) -> uuid.UUID:
        return uuid.UUID(self.address.rstrip("/").rpartition("/")[2])

    def head(self, ticket: str | None = None) -> HttpResponse:
        return self.client.head(self.address, headers={"Upload-Ticket": ticket or self.ticket})

    def offset(self) -> int:
        answer = self.head()
        assert answer.status_code == 200
        return int(answer["Upload-Offset"])

    def patch(self, offset: int, content: bytes, announced: int | None = None, ticket: str = "") -> HttpResponse:
        """Send a piece of which `content` arrives; if more was announced, the connection broke."""
        return self.client.generic(
            "PATCH",
            self.address,
            CONTENT_TYPE=PIECE,
            CONTENT_LENGTH=str(len(content) if announced is None else announced),
            headers={"Upload-Ticket": ticket or self.ticket, "Upload-Offset": str(offset)},
            **{"wsgi.input": io.BytesIO(content)},
        )

    def delete(self, ticket: str = "") -> HttpResponse:
        return self.client.delete(self.address, headers={"Upload-Ticket": ticket or self.ticket})

    def arrived(self) -> bytes:
        """Return the whole file, opened with the ticket."""
        key, length = pending_files.find_key(self.id, pending_files.decode_ticket(self.ticket))
        with sealed_store.Reader(self.id, key) as reader:
            assert reader.length == length
            return b"".join(reader.read())


def test_a_file_uploaded_in_pieces_is_sent_with_the_tip(client: Client, db: None) -> None:
    content = sample_uploads.video(5 * CHUNK + 100)
    sender = Sender(len(content))
    assert sender.begun.status_code == 201
    assert sender.offset() == 0
    for start, piece in sample_uploads.split_pieces(content, 2 * CHUNK):
        answer = sender.patch(start, piece)
        assert answer.status_code == 204
        assert int(answer["Upload-Offset"]) == start + len(piece)
    assert sender.offset() == len(content)
    page = client.post("/tips/", fill_form(client) | {"ticket": sender.ticket, "uploads": str(sender.id)})
    receipt_of(page)
    assert "1 file arrived" in words_of(page)
    assert sample_uploads.open_as_agency(Attachment.objects.get()) == content


def test_an_incomplete_file_is_not_sent_with_the_tip(client: Client, db: None) -> None:
    sender = Sender(3 * CHUNK)
    sender.patch(0, sample_uploads.photo(2 * CHUNK))
    page = client.post("/tips/", fill_form(client) | {"ticket": sender.ticket, "uploads": str(sender.id)})
    assert page.status_code == 422
    assert "We no longer have 1 file you attached." in words_of(page)
    assert field_of(page, "uploads") == ""
    assert not Attachment.objects.exists()


def test_options_lists_the_servers_capabilities(client: Client) -> None:
    answer = client.options("/tips/files/")
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,termination"
    assert answer["Tus-Max-Size"] == str(1024**3)


# Permissions


def test_creation_requires_a_form_token(db: None) -> None:
    for token in ("", "x", "A" * 400):
        sender = Sender(10, **{"Form-Token": token})
        assert sender.begun.status_code == 403
        assert Sender(10, **{"Form-Token": sender.begun["Form-Token"]}).begun.status_code == 201


def test_creation_is_allowed_with_an_open_inbox(client: Client, db: None) -> None:
    receipt = receipt_of(client.post("/tips/", fill_form(client)))
    client.post("/tips/inbox/", {"receipt": receipt})
    assert Sender(10, client, **{"Form-Token": ""}).begun.status_code == 201


def test_creation_is_throttled_under_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "CALM_POSTS", 0)
    sender = Sender(10)
    assert sender.begun.status_code == 429
    assert 5 <= int(sender.begun["Retry-After"]) <= 9
    assert sample_uploads.list_store() == []


@pytest.mark.parametrize("headers", [{"Upload-Length": ""}, {"Upload-Length": "-1"}, {"Upload-Ticket": "short"}])
def test_creation_requires_length_and_ticket(headers: dict[str, str]) -> None:
    assert Sender(10, **headers).begun.status_code == 400


def test_without_its_ticket_a_file_is_not_found() -> None:
    content = sample_uploads.photo(CHUNK + 1)
    sender = Sender(len(content))
    sender.patch(0, content[:CHUNK])
    wrong = pending_files.new_ticket()
    for answer in (sender.head(wrong), sender.patch(CHUNK, content[CHUNK:], ticket=wrong), sender.delete(wrong)):
        assert answer.status_code == 404
    assert sender.offset() == CHUNK
    sender.address = f"/tips/files/{uuid.uuid4()}/"
    for answer in (sender.head(), sender.patch(0, b"x"), sender.delete()):
        assert answer.status_code == 404


def test_the_ticket_is_in_no_file_and_its_key_opens_with_it_alone() -> None:
    sender = Sender(10)
    ticket = pending_files.decode_ticket(sender.ticket)
    assert ticket is not None
    assert not any(ticket in path.read_bytes() or sender.ticket in path.name for path in sample_uploads.list_store())
    key, _ = pending_files.find_key(sender.id, ticket)
    assert not any(key in path.read_bytes() for path in sample_uploads.list_store())
    other = Sender(10)
    sealed_store.ticket_path(other.id).write_bytes(sealed_store.ticket_path(sender.id).read_bytes())
    with pytest.raises(pending_files.UnknownFileError):
        pending_files.find_key(other.id, ticket)


# Refused uploads


def test_the_first_bytes_decide_the_kind() -> None:
    content = sample_uploads.word()
    sender = Sender(len(content))
    answer = sender.patch(0, content)
    assert answer.status_code == 415
    assert answer.content.decode() == "This is a Word file. Save it as a PDF and attach that."
    assert sample_uploads.list_store() == []


def test_the_file_kind_is_checked_before_the_upload_ends() -> None:
    sender = Sender(100 * CHUNK)
    assert sender.patch(0, b"%!PS-Adobe" + bytes(2 * CHUNK)).status_code == 415
    assert sample_uploads.list_store() == []


def test_an_empty_file_gets_its_sentence() -> None:
    sender = Sender(0)
    assert sender.begun.status_code == 415
    assert "This file is empty." in sender.begun.content.decode()
    assert sample_uploads.list_store() == []


def test_no_file_grows_beyond_its_announced_or_allowed_length(settings: Any) -> None:
    sender = Sender(CHUNK)
    assert sender.patch(0, sample_uploads.photo(CHUNK + 1)).status_code == 413
    assert sender.offset() == 0
    settings.TIP_MAX_BYTES = 1000
    sender = Sender(1001)
    assert sender.begun.status_code == 413
    assert "Attach a shorter video" in sender.begun.content.decode()


def test_a_full_disk_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(2 * CHUNK)
    monkeypatch.setattr(sealed_store, "MIN_FREE_BYTES", 1024**6)
    for answer in (sender.patch(0, sample_uploads.photo(CHUNK)), Sender(10).begun):
        assert answer.status_code == 507
        assert "Send your text now" in answer.content.decode()
    assert [path.stem for path in sample_uploads.list_store()] == [
        str(sender.id)
    ] * 2  # to go on with once there is room


def test_a_piece_requires_its_content_type_and_offset() -> None:
    sender = Sender(10)
    headers = {"Upload-Ticket": sender.ticket, "Upload-Offset": "0"}
    assert sender.client.patch(sender.address, b"x", content_type="text/plain", headers=headers).status_code == 415
    assert (
        sender.client.patch(
            sender.address, b"x", content_type=PIECE, headers={"Upload-Ticket": sender.ticket}
        ).status_code
        == 400
    )


# Broken lines and two writers


def test_an_interrupted_piece_resumes_at_a_whole_chunk() -> None:
    content = sample_uploads.video(4 * CHUNK)
    sender = Sender(len(content))
    sender.patch(0, content[: 2 * CHUNK + 77], announced=len(content))
    assert sender.offset() == 2 * CHUNK
    assert sender.patch(2 * CHUNK, content[2 * CHUNK :]).status_code == 204
    assert sender.arrived() == content


def test_a_chunk_sent_twice_with_other_content_changes_nothing() -> None:
    content = sample_uploads.video(3 * CHUNK)
    sender = Sender(len(content))
    sender.patch(0, content[: 2 * CHUNK])
    for offset in (0, CHUNK, 3 * CHUNK):
        answer = sender.patch(offset, os.urandom(CHUNK) if offset < 3 * CHUNK else b"")
        assert answer.status_code == 409
        assert answer["Upload-Offset"] == str(2 * CHUNK)
    sender.patch(2 * CHUNK, content[2 * CHUNK :])
    assert sender.arrived() == content


def test_a_finished_file_accepts_no_more_data() -> None:
    content = sample_uploads.photo(CHUNK + 5)
    sender = Sender(len(content))
    sender.patch(0, content)
    for offset in (0, CHUNK, len(content)):
        answer = sender.patch(offset, b"" if offset == len(content) else b"x")
        assert answer.status_code == 409
        assert answer["Upload-Offset"] == str(len(content))
    assert sender.arrived() == content


def test_the_second_of_two_writers_gets_a_conflict() -> None:
    sender = Sender(2 * CHUNK)
    content = sample_uploads.photo(2 * CHUNK)
    key, length = pending_files.find_key(sender.id, pending_files.decode_ticket(sender.ticket))
    first = IncomingUpload(sender.id, key, length)
    first.write(content[:CHUNK])
    answer = sender.patch(0, os.urandom(CHUNK))
    assert answer.status_code == 409
    first.pause()
    assert sender.offset() == CHUNK
    sender.patch(CHUNK, content[CHUNK:])
    assert sender.arrived() == content


@pytest.mark.parametrize("lost", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [35 * CHUNK, 35 * CHUNK + 9])
def test_a_kill_while_closing_a_file_costs_one_chunk(length: int, lost: int) -> None:
    content = sample_uploads.video(length)
    sender = Sender(length)
    sender.patch(0, content)
    path = sealed_store.file_path(sender.id)
    os.truncate(path, path.stat().st_size - lost * sealed_store.SEALED_CHUNK_BYTES)
    offset = sender.offset()
    assert offset < length
    assert sender.patch(offset, content[offset:]).status_code == 204
    assert sender.arrived() == content
    assert sender.offset() == length


@given(
    chunks=st.integers(0, 3),
    rest=st.integers(30, CHUNK),
    steps=st.lists(
        st.tuples(st.integers(0, 3 * CHUNK), st.integers(0, 3 * CHUNK), st.integers(-CHUNK, CHUNK)), max_size=6
    ),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_interruptions_corrupt_no_file_and_reuse_no_nonce(
    chunks: int, rest: int, steps: list[tuple[int, int, int]]
) -> None:
    """Each of `steps`: bytes announced of a piece, bytes that arrive, and the error of its offset."""
    content = sample_uploads.video(chunks * CHUNK + rest)
    nonces: list[bytes] = []
    real = os.urandom

    def watched(length: int) -> bytes:
        value = real(length)
        if length == vault.NONCE_BYTES:
            nonces.append(value)
        return value

    with (
        tempfile.TemporaryDirectory() as folder,
        override_settings(MEDIA_STORE=Path(folder)),
        mock.patch.object(vault.os, "urandom", watched),
        mock.patch.object(throttle, "gate", throttle.FloodGate()),
    ):
        sender = Sender(len(content))
        for announced, reaching, shift in steps:
            offset = sender.offset()
            at = max(0, offset + shift)
            piece = content[at : at + announced]
            if at != offset:
                piece = real(len(piece))  # other content for what is there, or too far ahead
            sender.patch(at, piece[:reaching], announced=len(piece))
            assert sender.offset() % CHUNK == 0 or sender.offset() == len(content)
            assert sender.offset() >= offset
        while (offset := sender.offset()) < len(content):
            assert sender.patch(offset, content[offset:]).status_code == 204
        assert sender.arrived() == content
    assert len(set(nonces)) == len(nonces)


# Taken back


def test_a_pending_file_can_be_removed(db: None) -> None:
    sender = Sender(2 * CHUNK)
    sender.patch(0, sample_uploads.photo(CHUNK))
    assert sender.delete().status_code == 204
    assert sample_uploads.list_store() == []
    assert sender.head().status_code == 404


def test_a_file_of_a_tip_cannot_be_removed(client: Client, db: None) -> None:
    content = sample_uploads.photo()
    sender = Sender(len(content))
    sender.patch(0, content)
    receipt_of(client.post("/tips/", fill_form(client) | {"ticket": sender.ticket, "uploads": str(sender.id)}))
    sender.delete()  # the ticket is still there: nothing is committed in this test
    assert sample_uploads.open_as_agency(Attachment.objects.get()) == content


def hour_old(paths: list[Path]) -> None:
    for path in paths:
        moment = path.stat().st_mtime - 3700
        os.utime(path, (moment, moment))


def test_an_abandoned_upload_is_swept_after_an_hour() -> None:
    sender = Sender(3 * CHUNK)
    sender.patch(0, sample_uploads.photo(CHUNK))
    assert sealed_store.list_stale_files() == []
    hour_old(sample_uploads.list_store())
    assert sealed_store.list_stale_files() == [sender.id]


def test_a_file_on_its_way_for_longer_than_an_hour_is_not_swept() -> None:
    sender = Sender(3 * CHUNK)
    hour_old([sealed_store.ticket_path(sender.id)])
    sender.patch(0, sample_uploads.photo(CHUNK))
    assert sealed_store.list_stale_files() == []


def test_no_file_is_swept_while_its_page_still_sends_another() -> None:
    first = Sender(1000)
    first.patch(0, sample_uploads.photo())
    second = Sender(3 * CHUNK, **{"Upload-Ticket": first.ticket})
    second.ticket = first.ticket
    of_another_page = Sender(1000)
    hour_old(sample_uploads.list_store())
    second.patch(0, sample_uploads.photo(CHUNK))
    assert sealed_store.list_stale_files() == [of_another_page.id]
    assert first.offset() == 1000


def test_a_picture_of_too_many_pixels_is_refused_at_its_first_bytes() -> None:
    picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (20_000).to_bytes(4) + (10_000).to_bytes(4) + bytes(CHUNK)
    sender = Sender(9 * CHUNK)
    answer = sender.patch(0, picture[:CHUNK])
    assert answer.status_code == 415
    assert "We accept pictures of up to 100 megapixels." in answer.content.decode()
    assert sample_uploads.list_store() == []


def test_the_answer_to_a_motion_photo_says_that_its_clip_is_lost(client: Client, db: None) -> None:
    photo = sample_pictures.photo()
    for content, expected in ((photo, None), (photo + bytes(CHUNK) + sample_uploads.video(), "1")):
        sender = Sender(len(content))
        sender.patch(0, content[:CHUNK]) if len(content) > CHUNK else None
        answer = sender.patch(sender.offset(), content[sender.offset() :])
        assert answer.headers.get("Upload-Has-Clip") == expected
    page = client.post("/tips/", fill_form(client) | {"ticket": sender.ticket, "uploads": str(sender.id)})
    assert "One of your photos also holds a short video or sound. We keep only the picture." in words_of(page)
    client.post("/tips/inbox/", {"receipt": receipt_of(page)})
    assert "This photo also holds a short video" in words_of(client.get("/tips/inbox/conversation/"))
    row = Attachment.objects.get()
    assert attachments.read_label(row, conversation.key_for_officer(row.tip)) == (MediaKind.PHOTO, True)


def test_a_page_that_comes_back_keeps_its_files_for_another_hour(client: Client, db: None) -> None:
    content = sample_uploads.photo()
    sender = Sender(len(content))
    sender.patch(0, content)
    hour_old(sample_uploads.list_store())
    fields = fill_form(client, description="") | {"ticket": sender.ticket, "uploads": str(sender.id)}
    assert "Photo 1 is uploaded." in words_of(client.post("/tips/", fields))
    assert sealed_store.list_stale_files() == []

"""Officers view a source's files: only rebuilt ones, inert, in any byte range, and audited first."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.models import Account
from core.staff import groups
from file_cleaning import MediaKind
from tests.tips.desk import officers
from tests.tips.files import sealed_files
from tips import conversation
from tips.admin import file_responses
from tips.desk import triage
from tips.files import media_worker, sealed_store
from tips.models import Attachment, Tip

pytestmark = pytest.mark.django_db

VIDEO = bytes(range(256)) * 1200


@pytest.fixture
def officer(store_of_its_own: None) -> Account:
    return officers.create_officer()


@pytest.fixture
def client(officer: Account) -> Client:
    return officers.sign_in(officer)


@pytest.fixture
def tip(officer: Account) -> Tip:
    """An opened tip with a ready photo, a ready video, and a refused document."""
    kinds = (MediaKind.PHOTO, MediaKind.VIDEO, MediaKind.DOCUMENT)
    tip = sealed_files.send_tip(*(sealed_files.store_upload(kind.encode(), kind) for kind in kinds))
    photo, video, document = tip.attachments.all()
    sealed_files.finish_photo(photo)
    parts = (("video", "video/mp4", VIDEO), ("poster", "image/jpeg", b"poster"), ("thumbnail", "image/jpeg", b"small"))
    sealed_files.finish_rebuilding(video, MediaKind.VIDEO, *parts, duration_seconds=83.2)
    media_worker.RebuildAttempt(document.id, 0, document.file).refuse(media_worker.RefusalReason.PROTECTED)
    triage.open_tip(tip.pk, officer)
    return tip


def address(name: str, tip: Tip, *more: Any) -> str:
    return reverse(f"admin:tips_{name}", args=[tip.pk, *more])


def part_of(client: Client, tip: Tip, number: int, tag: str = "img") -> str:
    """Return the address that a file's page fetches its content from."""
    page = client.get(address("file", tip, number)).content.decode()
    found = re.search(rf'<{tag}[^>]* src="(/admin/tips/tip/[^"]*)"', page)
    assert found, page
    return found[1]


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


class TestPanel:
    def test_files_are_listed_with_their_message(self, client: Client, tip: Tip) -> None:
        sealed_files.add_message(tip, sealed_files.store_upload(b"later"))
        page = client.get(reverse("admin:tips_tip_change", args=[tip.pk])).content.decode()
        with_tip, with_message = page.split('id="files-1"')
        for name in ("Photo 1", "Video 2", "Document 3"):
            assert f'<span class="cap" data-name>{name}</span>' in with_tip
        assert '<span class="cap" data-name>Photo 4</span>' in with_message
        assert "Waiting to be cleaned" in with_message
        assert "It needs a password." in with_tip

    def test_a_photo_that_held_a_clip_says_so(self, client: Client, tip: Tip) -> None:
        sealed_files.add_message(tip, dataclasses.replace(sealed_files.store_upload(b"photo"), has_clip=True))
        sentence = "This photo also held a short video or sound. We kept only the picture."
        page = client.get(reverse("admin:tips_tip_change", args=[tip.pk])).content.decode()
        assert page.count(sentence) == 1
        assert sentence in page.split("Photo 4")[-1]

    def test_thumbnails_are_shown_and_audited_only_when_asked_for(self, client: Client, tip: Tip) -> None:
        page = client.get(reverse("admin:tips_tip_change", args=[tip.pk])).content.decode()
        assert 'pane"><img' not in page
        assert "saw thumbnails of" not in [line[1] for line in officers.read_audit_trail()]
        link, panel = re.search(r'href="([^"#]*)#tip-body" data-thumbnails="([^"]*)"', page).groups()
        for address_of_link in (link, panel):
            page = client.get(address_of_link).content.decode()
            thumbnails = re.findall(r'pane"><img src="([^"]*)"', page)
            assert len(thumbnails) == 2
            assert "Hide small pictures" in page
            assert content(client.get(thumbnails[0])) == sealed_files.photo("thumbnail")
        assert [line for line in officers.read_audit_trail() if line[1] == "saw thumbnails of"] == [
            ("okafor", "saw thumbnails of", f"tip {tip.number}", "files 1, 2")
        ] * 2

    def test_a_tip_without_files_lists_none(self, client: Client, officer: Account) -> None:
        page = client.get(
            reverse("admin:tips_tip_change", args=[officers.send_opened_tip(officer).pk])
        ).content.decode()
        assert "data-files" not in page
        assert "admin-files" not in page

    def test_states_are_listed_without_opening_a_seal(self, client: Client, tip: Tip) -> None:
        Attachment.objects.filter(tip=tip, position=1).update(progress=40)
        lines = officers.read_audit_trail()
        states = client.get(address("file_states", tip)).json()
        assert {number: file["state"] for number, file in states.items()} == {
            "1": "ready",
            "2": "ready",
            "3": "refused",
        }
        assert officers.read_audit_trail() == lines

    def test_the_panel_shows_no_more_than_the_page(self, client: Client, tip: Tip) -> None:
        lines = officers.read_audit_trail()
        panel = client.get(address("files", tip)).content.decode()
        assert panel.strip().startswith('<ul class="shots" id="files-0"')
        assert officers.read_audit_trail() == lines


class TestPage:
    def test_each_view_is_one_audit_entry_for_any_number_of_requests(self, client: Client, tip: Tip) -> None:
        before = len(officers.read_audit_trail())
        source = part_of(client, tip, 2, "video")
        for start in (0, 1000, 300_000):
            client.get(source, headers={"range": f"bytes={start}-"})
        assert officers.read_audit_trail()[before:] == [("okafor", "viewed", f"file 2 of tip {tip.number}", "")]

    def test_each_page_of_a_document_is_a_separate_view(self, client: Client, officer: Account) -> None:
        tip = sealed_files.send_tip(sealed_files.store_upload(b"pdf", MediaKind.DOCUMENT))
        triage.open_tip(tip.pk, officer)
        pages = [("page", "image/jpeg", b"one"), ("page", "image/jpeg", b"two")]
        bound = ("document", "application/pdf", b"%PDF")
        sealed_files.finish_rebuilding(
            tip.attachments.get(), MediaKind.DOCUMENT, bound, ("thumbnail", "image/jpeg", b"t"), *pages, pages=2
        )
        assert "Page 1 of 2" in client.get(address("file", tip, 1)).content.decode()
        second = client.get(address("file", tip, 1) + "?page=2").content.decode()
        assert 'rel="prev"' in second
        assert 'rel="next"' not in second
        assert content(client.get(re.search(r'<img src="(/admin/tips[^"]*)"', second)[1])) == b"two"
        assert "Page 2 of 2" in client.get(address("file", tip, 1) + "?page=99").content.decode()
        assert "Page 1 of 2" in client.get(address("file", tip, 1) + "?page=x").content.decode()
        assert [line[3] for line in officers.read_audit_trail() if line[1] == "viewed"] == ["", "page 2", "page 2", ""]

    def test_a_file_that_is_not_ready_says_why(self, client: Client, tip: Tip) -> None:
        sealed_files.add_message(tip, sealed_files.store_upload(b"later"))
        assert "It needs a password." in client.get(address("file", tip, 3)).content.decode()
        assert "Waiting to be cleaned" in client.get(address("file", tip, 4)).content.decode()
        assert client.get(address("file_download", tip, 4)).status_code == 302
        assert not [line for line in officers.read_audit_trail() if line[1] in ("viewed", "downloaded")]

    def test_files_of_a_deleted_tip_are_explained(self, client: Client, tip: Tip) -> None:
        source = part_of(client, tip, 1)
        Attachment.objects.filter(tip=tip).delete()
        for gone in (address("file", tip, 1), address("file_download", tip, 1), source, address("file_states", tip)):
            answer = client.get(gone)
            assert answer.status_code == 404
            assert "its source deleted the tip" in answer.content.decode()

    def test_a_file_that_cannot_be_opened_is_explained(self, client: Client, tip: Tip) -> None:
        row = tip.attachments.get(position=1)
        with sealed_store.file_path(row.file).open("r+b") as stream:
            stream.truncate(sealed_store.SEALED_CHUNK_BYTES)
        for name in ("file", "file_download"):
            answer = client.get(address(name, tip, 1))
            assert answer.status_code == 409
            assert "Tell an administrator." in answer.content.decode()
        assert client.get(reverse("admin:tips_tip_change", args=[tip.pk])).status_code == 200


class TestRights:
    def test_other_accounts_get_no_file(self, tip: Tip) -> None:
        others = officers.sign_in(officers.create_officer("marsh", groups.COMMUNICATIONS)), Client()
        source = part_of(officers.sign_in(officers.create_officer("other")), tip, 1)
        for client in others:
            before = officers.read_audit_trail()
            for name, more in (("file", [1]), ("file_download", [1]), ("files", []), ("file_states", [])):
                assert client.get(address(name, tip, *more)).status_code in (302, 403)
            assert client.get(source).status_code in (302, 403)
            assert officers.read_audit_trail() == before

    def test_an_unopened_tip_shows_no_file(self, client: Client) -> None:
        tip = sealed_files.send_tip(sealed_files.store_upload(b"x"))
        sealed_files.finish_photo(tip.attachments.get())
        assert client.get(address("file", tip, 1)).status_code == 404
        assert client.get(address("files", tip)).status_code == 404

    def test_a_file_url_is_bound_to_session_file_and_time(
        self, client: Client, tip: Tip, officer: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = part_of(client, tip, 1)
        assert client.get(source).status_code == 200
        assert officers.sign_in(officer).get(source).status_code == 404
        assert client.get(source.replace("/files/1/", "/files/2/")).status_code == 404
        assert client.get(source[:-2] + "x/").status_code == 404
        monkeypatch.setattr("tips.desk.file_access.ADDRESS_LIFETIME_SECONDS", -1)
        assert client.get(source).status_code == 404

    def test_no_content_is_read_if_the_audit_entry_fails(
        self, client: Client, tip: Tip, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[Any] = []
        monkeypatch.setattr("tips.desk.file_access.RebuiltFileReader.read_part", lambda *part: opened.append(part))
        settings.AUDIT_KEY = None
        client.raise_request_exception = False
        for name in ("file", "file_download"):
            assert client.get(address(name, tip, 1)).status_code == 500
        assert not opened

    def test_what_was_not_shown_is_not_in_the_audit_trail(self, client: Client, tip: Tip) -> None:
        lines = officers.read_audit_trail()
        for name in ("file", "file_download"):
            assert client.head(address(name, tip, 1)).status_code == 405
        sealed_store.remove_files([tip.attachments.get(position=1).file])
        for name in ("file", "file_download"):
            assert client.get(address(name, tip, 1)).status_code == 409
        assert officers.read_audit_trail() == lines


class TestServed:
    @pytest.fixture
    def source(self, client: Client, tip: Tip) -> str:
        return part_of(client, tip, 2, "video")

    def test_responses_have_a_fixed_type_and_run_no_scripts(self, client: Client, tip: Tip, source: str) -> None:
        for where, expected in ((source, "video/mp4"), (part_of(client, tip, 1), "image/jpeg")):
            answer = client.get(where, headers={"accept-encoding": "gzip"})
            assert answer["Content-Type"] == expected
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert answer["Cache-Control"] == "no-store"
            assert answer["Content-Disposition"] == "inline"
            assert "Content-Encoding" not in answer

    def test_unexpected_types_are_never_served_as_a_page(self, client: Client, officer: Account) -> None:
        tip = sealed_files.send_tip(sealed_files.store_upload(b"x"))
        triage.open_tip(tip.pk, officer)
        parts = ((role, "text/html", b"<script>") for role in ("full", "preview", "thumbnail"))
        sealed_files.finish_rebuilding(tip.attachments.get(), MediaKind.PHOTO, *parts)
        assert client.get(part_of(client, tip, 1))["Content-Type"] == "application/octet-stream"

    def test_downloads_have_a_neutral_name_and_an_audit_entry(self, client: Client, tip: Tip) -> None:
        answer = client.get(address("file_download", tip, 1), headers={"range": "bytes=0-9"})
        assert answer.status_code == 200
        assert answer["Content-Disposition"] == f'attachment; filename="tip-{tip.number}-photo-1.jpg"'
        assert content(answer) == sealed_files.photo("full")
        assert officers.read_audit_trail()[-1][1:3] == ("downloaded", f"file 1 of tip {tip.number}")

    def test_head_sends_headers_without_content(self, client: Client, source: str) -> None:
        answer = client.head(source)
        assert (answer.status_code, answer["Content-Length"], answer["Accept-Ranges"]) == (
            200,
            str(len(VIDEO)),
            "bytes",
        )
        assert not content(answer)

    def test_other_methods_are_refused(self, client: Client, source: str, tip: Tip) -> None:
        assert client.post(source).status_code == 405
        assert client.post(address("file_download", tip, 1)).status_code == 405

    def test_a_range_beyond_the_end_is_refused(self, client: Client, source: str) -> None:
        answer = client.get(source, headers={"range": f"bytes={len(VIDEO)}-"})
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(VIDEO)}")

    @hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(first=st.integers(0, len(VIDEO) - 1), span=st.integers(0, 140_000), form=st.sampled_from("abc"))
    def test_any_range_returns_exactly_its_bytes(
        self, client: Client, source: str, first: int, span: int, form: str
    ) -> None:
        last = min(first + span, len(VIDEO) - 1)
        header, expected = {
            "a": (f"bytes={first}-{first + span}", VIDEO[first : last + 1]),
            "b": (f"bytes={first}-", VIDEO[first:]),
            "c": (f"bytes=-{span + 1}", VIDEO[-span - 1 :]),
        }[form]
        answer = client.get(source, headers={"range": header})
        assert answer.status_code == 206
        assert content(answer) == expected
        assert answer["Content-Length"] == str(len(expected))
        start = len(VIDEO) - len(expected) if form != "a" else first
        assert answer["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(VIDEO)}"

    @pytest.mark.parametrize(
        "header", ["", "bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=0-4", "bytes=x-", "bytes=٣-"]
    )
    def test_an_unsupported_range_returns_the_whole_file(self, header: str) -> None:
        assert file_responses.parse_range(header, 100) is None

    def test_only_the_chunks_of_the_range_are_opened(
        self, client: Client, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[int] = []
        real = sealed_store.Reader._open_chunk

        def chunk(reader: sealed_store.Reader, number: int, **last: Any) -> bytes:
            opened.append(number)
            return real(reader, number, **last)

        monkeypatch.setattr(sealed_store.Reader, "_open_chunk", chunk)
        content(client.get(source, headers={"range": f"bytes={len(VIDEO) - 10}-"}))
        assert len(opened) == 2  # the closing chunk, and one of the content


def test_the_conversation_names_the_files(client: Client, tip: Tip) -> None:
    page = client.get(reverse("admin:tips_tip_change", args=[tip.pk])).content.decode()
    report = page[page.index('id="files-0"') :]
    assert "Video 2</span>" in report[: report.index("</ul>")]
    assert conversation.read_tip_as_officer(tip).files

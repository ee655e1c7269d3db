"""The push API: authentication, responses, and that a repeated push changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.models import Account
from crimemap.importing.arrival import jobs, push_api, push_tokens
from crimemap.models import ImportRun, Incident, Source
from tests.crimemap.importing.administrators import ROWS, audit_entries, create_account, create_source, export_csv

pytestmark = pytest.mark.django_db
CITY = "/api/incidents/city/"


@pytest.fixture
def token(settings: Any, tmp_path: Path) -> str:
    settings.INCIDENT_UPLOADS = tmp_path
    return push_tokens.create_token(create_source(), create_account())


@pytest.fixture
def _worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the bulk worker's part as soon as an import is requested."""

    def request_import(*args: Any, **options: Any) -> ImportRun:
        run = ask(*args, **options)
        jobs.process_run(run.pk)
        run.refresh_from_db()
        return run

    ask = jobs.request_import
    monkeypatch.setattr(jobs, "request_import", request_import)


def push(token: str, content: bytes | None = None, address: str = CITY, kind: str = "text/csv", **headers: str) -> Any:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    client = Client(enforce_csrf_checks=True)
    return client.post(address, export_csv() if content is None else content, content_type=kind, headers=headers)


def counts(answer: Any) -> tuple[int, ...]:
    return tuple(answer.json()[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


@pytest.mark.usefixtures("_worker")
class TestAccepted:
    def test_a_push_is_imported_and_answered_with_the_counts(self, token: str, tmp_path: Path) -> None:
        answer = push(token)
        assert (answer.status_code, counts(answer)) == (200, (40, 40, 0, 0, 0))
        assert answer.json()["problems"] == []
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        run = ImportRun.objects.get()
        assert (run.origin, run.by) == ("push", None)
        assert audit_entries()[-1] == (
            "API of city",
            "requested an import",
            "source city",
            f"import {run.pk}: push.csv",
        )
        assert not list(tmp_path.iterdir())

    def test_a_second_push_changes_nothing(self, token: str) -> None:
        push(token)
        assert counts(push(token)) == (40, 0, 0, 40, 0)
        assert Incident.objects.count() == 40

    @pytest.mark.parametrize("lines", [False, True], ids=["an array", "a line each"])
    def test_json_is_imported(self, token: str, lines: bool) -> None:
        text = "\n".join(map(json.dumps, ROWS)) if lines else json.dumps(ROWS)
        answer = push(token, text.encode(), kind="application/json")
        assert (answer.status_code, counts(answer)) == (200, (40, 40, 0, 0, 0))

    def test_unreadable_rows_are_reported_with_their_number(self, token: str) -> None:
        answer = push(token, export_csv([ROWS[0] | {"Date": "?"}, *ROWS[1:]]))
        assert (answer.status_code, counts(answer)) == (200, (40, 39, 0, 0, 1))
        (problem,) = answer.json()["problems"]
        assert problem["row"] == 1
        assert problem["message"].endswith(".")

    @pytest.mark.parametrize(
        "content",
        [b"a,b,c\n1,2,3\n", b"PK\x03\x04", b"\0" * 100, export_csv([row | {"Date": "?"} for row in ROWS])],
        ids=["other columns", "no table", "no text", "no row that can be read"],
    )
    def test_a_file_of_another_kind_is_422_with_a_reason(self, token: str, content: bytes) -> None:
        answer = push(token, content)
        assert answer.status_code == 422
        assert answer.json()["message"].endswith(".")
        assert Incident.objects.count() == 0

    def test_a_stopped_push_is_422_and_waits_for_staff(self, token: str, mailoutbox: Any) -> None:
        answer = push(token, export_csv([row | {"Date": "?"} for row in ROWS[:15]] + ROWS[15:]))
        assert (answer.status_code, answer.json()["state"]) == (422, "stopped")
        assert len(answer.json()["problems"]) == 15
        (mail,) = mailoutbox
        assert mail.to == ["ada@example.org"]
        assert mail.subject == "An import of City needs your decision"
        assert f"/admin/crimemap/importrun/{answer.json()['import']}/change/" in mail.body

    def test_a_source_that_keeps_failing_is_mailed_about_once(self, token: str, mailoutbox: Any) -> None:
        for _again in range(3):
            push(token, b"a,b,c\n1,2,3\n")
        assert len(mailoutbox) == 1
        push(token)
        push(token, b"a,b,c\n1,2,3\n")
        assert len(mailoutbox) == 2

    def test_dry_run_and_full_snapshot_flags(self, token: str) -> None:
        assert counts(push(token, address=f"{CITY}?dry_run=1"))[1] == 40
        assert Incident.objects.count() == 0
        push(token)
        answer = push(token, export_csv(ROWS[:9] + ROWS[10:]), address=f"{CITY}?full_snapshot=1")
        assert answer.json()["removed"] == 1


class TestRefused:
    @pytest.mark.parametrize("made", ["", "x", "Bearer", "é"])
    def test_a_push_without_the_token_is_refused(self, token: str, made: str, tmp_path: Path) -> None:
        answer = push("", Authorization=made) if made else push("")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert not list(tmp_path.iterdir())

    def test_the_token_of_another_source_opens_nothing(self, token: str) -> None:
        other = push_tokens.create_token(create_source("town"), Account.objects.get())
        assert push(other).status_code == 401
        assert push(other, address="/api/incidents/village/").status_code == 404

    def test_a_source_without_token_accepts_no_push(self, token: str) -> None:
        Source.objects.update(api_token_hash=None)
        assert push(token).status_code == 401

    @pytest.mark.parametrize("is_declared", [True, False], ids=["declared length", "read length"])
    def test_a_body_over_the_limit_is_413(
        self, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_declared: bool
    ) -> None:
        monkeypatch.setattr(push_api, "MAX_BYTES", 1000)
        headers = {} if is_declared else {"Content-Length": "0"}
        answer = push(token, **headers) if is_declared else Client().generic(
            "POST", CITY, export_csv(), "text/csv", headers={"Authorization": f"Bearer {token}"}, CONTENT_LENGTH="900000"
        )  # fmt: skip
        assert answer.status_code == 413
        assert "in parts" in answer.json()["error"]
        assert not list(tmp_path.iterdir())

    def test_an_empty_body_is_400_and_a_missing_folder_503(self, token: str, settings: Any) -> None:
        assert push(token, b"").status_code == 400
        settings.INCIDENT_UPLOADS = None
        assert push(token).status_code == 503

    def test_a_push_during_another_import_of_the_source_is_409(self, token: str, tmp_path: Path) -> None:
        first = push(token, Prefer="wait=0")
        assert first.status_code == 202
        answer = push(token)
        assert (answer.status_code, answer.headers["Retry-After"]) == (409, "30")
        assert ImportRun.objects.count() == len(list(tmp_path.iterdir())) == 1

    def test_other_methods_are_405(self, token: str) -> None:
        assert Client().get(CITY, headers={"Authorization": f"Bearer {token}"}).status_code == 405


def test_a_client_that_does_not_wait_polls_for_the_result(token: str) -> None:
    first = push(token, Prefer="wait=0")
    assert (first.status_code, first.json()["state"]) == (202, "waiting")
    where = first.headers["Location"]
    assert where == f"{CITY}{first.json()['import']}/"
    assert Client().get(where).status_code == 401
    jobs.process_run(first.json()["import"])
    answer = Client().get(where, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, counts(answer)) == (200, (40, 40, 0, 0, 0))
    assert Client().get(f"{CITY}999999/", headers={"Authorization": f"Bearer {token}"}).status_code == 404

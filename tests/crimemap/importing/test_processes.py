"""Imports in real processes, each with its own database user: staff's web server requests, the bulk worker imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crimemap.importing.administrators import ROWS, export_csv
from tests.stack import ROOT, Stack, wait_until

PREPARE = """
from crimemap.importing.arrival import push_tokens
from crimemap.models import Source
from tests.crimemap.importing.administrators import create_account
city = Source.objects.create(slug="city", name="City", profile="chicago_portal", time_zone="America/Chicago", expected_interval=1)
print("TOKEN", push_tokens.create_token(city, create_account()))
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(
        tmp_path_factory.mktemp("feeding"), web=["staff"], workers=["bulk"], variables={"WEB_CONCURRENCY": "1"}
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def token(running: Stack) -> str:
    words = running.run_manage("shell", "-c", PREPARE, role="staff").split()
    return words[words.index("TOKEN") + 1]


def run_worker_task(running: Stack) -> None:
    """Run the bulk worker's task of every minute, twice."""
    call = (
        "import django; django.setup(); from crimemap.tasks import check_arrivals; check_arrivals(); check_arrivals()"
    )
    environment = running.environment("bulk")
    result = subprocess.run(
        [sys.executable, "-c", call], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def count_rows(running: Stack, sql: str) -> int:
    with running.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def test_a_push_is_imported_and_published(running: Stack, token: str) -> None:
    address = f"{running.staff_url}/api/incidents/city/"
    headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=50", "Content-Type": "text/csv"}
    request = urllib.request.Request(address, export_csv(), headers)
    with ThreadPoolExecutor(1) as pool:
        push = pool.submit(urllib.request.urlopen, request, timeout=120)
        newest_run = "SELECT coalesce(max(id), 0) FROM crimemap_importrun"
        wait_until(lambda: count_rows(running, newest_run), 120, "the run of the push")
        running.send_task("crimemap.bulk.run_import", "bulk", count_rows(running, newest_run))
        with push.result() as answer:
            assert answer.status == 200
            assert json.loads(answer.read())["created"] == 40
            assert "Set-Cookie" not in answer.headers
    wait_until((Path(running.keys["INCIDENT_SNAPSHOTS"]) / "current").exists, 120, "a published version")
    uploads = Path(running.keys["INCIDENT_UPLOADS"])
    wait_until(lambda: not list(uploads.iterdir()), 120, "nothing left of the file")


def test_the_public_site_accepts_no_push(running: Stack) -> None:
    call = "import django; django.setup(); from django.urls import resolve; resolve('/api/incidents/city/')"
    environment = running.environment("public")
    result = subprocess.run(
        [sys.executable, "-c", call], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert "Resolver404" in result.stderr


def test_a_dropped_file_is_imported_and_a_late_feed_reported(running: Stack, token: str) -> None:
    folder = Path(running.keys["INCIDENT_DROP_DIR"]) / "city"
    folder.mkdir(exist_ok=True)
    late = folder / "june.csv"
    late.write_bytes(export_csv([row | {"ID": f"9{row['ID']}"} for row in ROWS]))

    os.utime(late, (1, 1))
    run_worker_task(running)
    assert count_rows(running, "SELECT count(*) FROM crimemap_incident") == 80
    with running.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE crimemap_source SET last_success_at = now() - interval '2 hours'")
    run_worker_task(running)
    (mail,) = running.mails.wait()
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "City is late"
    assert count_rows(running, "SELECT count(*) FROM crimemap_source WHERE late_told_at IS NOT NULL") == 1


def test_workers_may_publish_and_residents_processes_read_no_incident(running: Stack) -> None:
    result = json.loads(running.run_manage("publish_incidents", "--json", role="bulk"))
    assert result["version"]
    assert "was published already" in running.run_manage("publish_incidents", role="bulk")
    script = (
        "import django; django.setup(); from crimemap.exports import data_files; from crimemap.snapshot import reader;"
        " published = reader.current(); print(published.version, 'incidents.parquet' in data_files.find_data_files(published).files)"
    )
    public = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=running.environment("public"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert public.stdout.split() == [result["version"], "True"]
    with running.connect("public") as connection, connection.cursor() as cursor:
        for table in ("incident", "incidentrevision", "offencecode", "importrun", "source"):
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(f"SELECT 1 FROM crimemap_{table}")
            connection.rollback()

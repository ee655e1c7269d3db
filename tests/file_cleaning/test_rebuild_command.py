"""`manage.py rebuild`: its output and exit codes on a machine where nothing else is set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.file_cleaning.sample_files import NAME, jpeg
from tests.stack import ROOT
from tipportal.deploy.processes import VARIABLES


def rebuild(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "manage.py", "rebuild", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def reported_files(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["files"]
    return found


def test_prints_rebuilt_and_refused_files_as_json(tmp_path: Path) -> None:
    (tmp_path / "photo.HEIC").write_bytes(jpeg())
    (tmp_path / "page.jpg").write_text("<html>")

    done = rebuild(tmp_path / "photo.HEIC", tmp_path / "page.jpg", "--to", tmp_path / "out", "--json")

    assert done.returncode == 0, done.stderr
    ready, refused = reported_files(done)
    assert (ready["state"], ready["kind"]) == ("ready", "photo")
    assert [part["file"] for part in ready["parts"]] == [
        "photo.HEIC.jpg",
        "photo.HEIC-preview.jpg",
        "photo.HEIC-thumbnail.jpg",
    ]
    for part in ready["parts"]:
        assert (tmp_path / "out" / part["file"]).stat().st_size == part["bytes"]
    assert (refused["state"], refused["reason"]) == ("refused", "unsupported")
    assert "web page" in refused["sentence"]
    assert all(file["seconds"] >= 0 for file in (ready, refused))
    assert NAME.encode() not in (tmp_path / "out" / "photo.HEIC.jpg").read_bytes()


def test_prints_rebuilt_and_refused_files_as_text(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg())
    (tmp_path / "empty.jpg").write_bytes(b"")
    done = rebuild(tmp_path / "photo.jpg", tmp_path / "empty.jpg", "--to", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "photo.jpg: photo, ready after" in done.stdout
    assert "photo.jpg.jpg  image/jpeg  320 x 480" in done.stdout
    assert "empty.jpg: refused (empty)" in done.stdout


@pytest.mark.parametrize("json_wanted", [True, False])
def test_reports_a_missing_file_and_rebuilds_the_others(tmp_path: Path, json_wanted: bool) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg())
    done = rebuild(
        tmp_path / "no.jpg", tmp_path, tmp_path / "photo.jpg", "--to", tmp_path / "out", *["--json"] * json_wanted
    )
    assert done.returncode == 1
    assert "This file doesn't exist." in done.stdout
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "photo.jpg.jpg").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_bytes(jpeg())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.jpg.jpg").write_text("mine")

    rebuild(tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg", "--to", tmp_path / "out")

    assert (tmp_path / "out" / "x.jpg.jpg").read_text() == "mine"
    assert {"x.jpg.2.jpg", "x.jpg.3.jpg"} <= {path.name for path in (tmp_path / "out").iterdir()}


NAMES = [
    "x" * 251 + ".jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "..\\..\\win.ini.jpg",
    "a\u202egpj.exe",
    "line\nbreak.jpg",
    "-to.jpg",
    os.fsdecode(b"\xff\xfe.jpg"),
]


def test_escapes_hostile_names(tmp_path: Path) -> None:
    paths = [tmp_path / "in" / name for name in NAMES]
    (tmp_path / "in").mkdir()
    for path in paths:
        path.write_bytes(jpeg())

    done = rebuild(*paths, "--to", tmp_path / "out", "--json")

    assert done.returncode == 0, done.stderr
    assert [file["state"] for file in reported_files(done)] == ["ready"] * len(NAMES)
    assert len(list((tmp_path / "out").iterdir())) == 3 * len(NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    words = rebuild(*paths[3:5], "--to", tmp_path / "words").stdout
    assert all(letter.isprintable() or letter == "\n" for letter in words)
    assert "line\\nbreak.jpg" in words


def test_reports_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = rebuild(tmp_path / "file", "--to", tmp_path / "file")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr

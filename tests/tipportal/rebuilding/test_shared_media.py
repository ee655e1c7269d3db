"""The media beside the project, where they are: each good file comes out clean and looks the same, no hostile one does harm."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tipportal.rebuilding import traces
from tipportal import rebuilding
from tipportal.rebuilding import Reason

SHARED = Path(__file__).resolve().parents[4] / "shared"
GOOD, HOSTILE = SHARED / "media" / "good", SHARED / "media" / "hostile"


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.suffix != ".json"]


def check_media() -> Any:
    spec = importlib.util.spec_from_file_location("check_media", SHARED / "tools" / "check_media.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", files(GOOD), ids=lambda path: path.name)
def test_a_good_file_comes_out_clean_and_looks_the_same(path: Path, folder: Path) -> None:
    made = rebuilding.rebuild(path, folder)

    assert {trace for part in made.parts for trace in traces.left(part.path)} == set()
    whole = folder / f"{path.name}{made.parts[0].path.suffix}"
    shutil.copy(made.parts[0].path, whole)
    assert check_media().check(path, whole) == []
    about = json.loads((GOOD / "manifest.json").read_text())[path.name]
    if "seconds" in about:
        assert made.duration == pytest.approx(about["seconds"], abs=0.5)
    assert made.pages == about.get("pages")


@pytest.mark.parametrize("path", files(HOSTILE), ids=lambda path: path.name)
def test_a_hostile_file_is_refused_or_harmless(path: Path, folder: Path) -> None:
    expected = json.loads((HOSTILE / "manifest.json").read_text())[path.name]["expect"]
    try:
        made = rebuilding.rebuild(path, folder)
    except rebuilding.RefusedError as refusal:
        assert "refused" in expected
        assert refusal.sentence
        if path.name == "locked.pdf":
            assert refusal.reason is Reason.PROTECTED
        if "limit named" in expected:
            assert refusal.reason is Reason.TOO_LONG
    else:
        assert "rebuilt" in expected or "shortened" in expected
        assert {trace for part in made.parts for trace in traces.left(part.path)} == set()
        assert not any(b"<script" in part.path.read_bytes() or b"PK\x03\x04" in part.path.read_bytes() for part in made.parts)

"""Good files beside the project, if there are any: each is rebuilt clean and looks the same."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import file_cleaning
from tests.file_cleaning import traces
from tests.file_cleaning.shared_media import GOOD, SHARED, files


def check_media() -> Any:
    spec = importlib.util.spec_from_file_location("check_media", SHARED / "tools" / "check_media.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Films take seconds each. Two of them are rebuilt in each run, and short ones of all containers in test_video.py.
FILM_SUFFIXES = {".3gp", ".avi", ".mkv", ".mov", ".mp4", ".ts", ".webm"}
FILMS_OF_EACH_RUN = {"made_video.mp4", "made_hevc_rotated.mov"}


def is_for_the_night(path: Path) -> bool:
    return path.suffix in FILM_SUFFIXES and path.name not in FILMS_OF_EACH_RUN


GOOD_FILES = [pytest.param(path, marks=pytest.mark.nightly) if is_for_the_night(path) else path for path in files(GOOD)]


@pytest.mark.parametrize("path", GOOD_FILES, ids=lambda path: path.name)
def test_a_good_file_is_rebuilt_clean_and_looks_the_same(path: Path, folder: Path) -> None:
    rebuilt = file_cleaning.rebuild(path, folder)

    assert traces.find_traces(rebuilt) == []
    whole = folder / f"{path.name}{rebuilt.parts[0].path.suffix}"
    shutil.copy(rebuilt.parts[0].path, whole)
    assert check_media().check(path, whole) == []
    about = json.loads((GOOD / "manifest.json").read_text())[path.name]
    if "seconds" in about:
        assert rebuilt.duration_seconds == pytest.approx(about["seconds"], abs=0.5)
    assert rebuilt.pages == about.get("pages")

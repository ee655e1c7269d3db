"""Hostile files beside the project, if there are any: none does harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import file_cleaning
from file_cleaning import RebuiltFile, RefusalReason
from tests.file_cleaning import traces
from tests.file_cleaning.shared_media import HOSTILE, files


def outcome(path: Path, folder: Path) -> RebuiltFile | RefusalReason:
    try:
        return file_cleaning.rebuild(path, folder)
    except file_cleaning.FileRefusedError as refusal:
        return refusal.reason


@pytest.mark.parametrize("path", files(HOSTILE), ids=lambda path: path.name)
def test_a_hostile_file_is_refused_or_harmless(path: Path, folder: Path) -> None:
    expected = json.loads((HOSTILE / "manifest.json").read_text())[path.name]["expect"]

    result = outcome(path, folder)

    if isinstance(result, RebuiltFile):
        assert "rebuilt" in expected or "shortened" in expected
        assert traces.find_traces(result) == []
        assert not any(sign in part.path.read_bytes() for part in result.parts for sign in (b"<script", b"PK\x03\x04"))
        return
    assert "refused" in expected
    if path.name == "locked.pdf":
        assert result is RefusalReason.PROTECTED
    if "limit named" in expected:
        assert result is RefusalReason.TOO_LONG

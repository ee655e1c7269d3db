"""The collected static files, as the web server sends them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings

FOLDER = Path(settings.STATIC_ROOT)
NAMES: dict[str, str] = json.loads((FOLDER / "staticfiles.json").read_text())["paths"]


@pytest.mark.parametrize(
    ("kind", "comment"), [("js", re.compile(r"^\s*(//|/\*)", re.MULTILINE)), ("css", re.compile(r"/\*"))]
)
def test_our_files_have_no_comments(kind: str, comment: re.Pattern[str]) -> None:
    ours = [FOLDER / served for name, served in NAMES.items() if name.startswith(f"{kind}/")]
    assert len(ours) > 10
    assert [path.name for path in ours if comment.search(path.read_text())] == []


def test_other_projects_keep_their_licenses() -> None:
    assert "(c) 2010-2022" in (FOLDER / NAMES["leaflet/leaflet.js"]).read_text()


def test_everything_but_comments_is_kept() -> None:
    source = (settings.BASE_DIR / "static" / "js" / "map" / "label-room.js").read_text()
    served = (FOLDER / NAMES["js/map/label-room.js"]).read_text()
    lines, comments = source.splitlines(keepends=True), re.findall(r"^/\*.*?\*/\n", source, re.MULTILINE | re.DOTALL)
    assert "".join(comments).count("\n") > len(comments) > 0, "one of several lines is among them"
    hidden = {line for comment in comments for line in comment.splitlines(keepends=True)}
    kept = [line for line in lines if line not in hidden and not line.lstrip().startswith("//")]
    assert served == "".join(kept)


def test_a_name_changes_with_the_bytes_that_browsers_get() -> None:
    for name, served in NAMES.items():
        if name.startswith(("js/", "css/")):
            content = (FOLDER / served).read_bytes()
            assert hashlib.md5(content, usedforsecurity=False).hexdigest()[:12] in served

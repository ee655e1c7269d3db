"""No script uses a member of the web platform that a browser of .browserslistrc lacks, unless it copes without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

SCRIPTS = settings.BASE_DIR / "static" / "js"
TABLE = Path(__file__).with_name("newer_members.txt")
# By script and name: how the script copes without the member, or whose member it is.
EXCUSED = {
    ("admin-audit.js", "requestSubmit"): "a button on the page does the same",
    ("admin-files.js", "scrollLeft"): "old; what is newer is the way Safari counts from right to left",
    ("agency-colors.js", "replaceChildren"): "caught: the button shows the same preview",
    ("desk/drafts.js", "at"): "our own",
    ("desk/drafts.js", "read"): "our own",
    ("desk/tip.js", "hidePopover"): "asked for first: without it menus stand open",
    ("map/base-map.js", "at"): "our own",
    ("map/base-map.js", "escape"): "CSS.escape, which is older than RegExp.escape",
    ("map/base-map.js", "touches"): "of touch events, which come only where there is a touch screen",
    ("map/incidents.js", "inert"): "a property of our own there, and marks beyond the edge can be reached",
    ("map/label-room.js", "at"): "our own",
    ("map/label-room.js", "inert"): "a property of our own there",
    ("map/label-room.js", "translate"): "without it marks stay where they belong, on names too",
    ("map/lit.js", "at"): "our own",
    ("map/main.js", "ready"): "our own",
    ("map/selection.js", "escape"): "CSS.escape, which is older than RegExp.escape",
    ("map/tile-style.js", "ink"): "our own",
    ("map/tools.js", "show"): "our own",
    ("map/type-keys.js", "escape"): "CSS.escape, which is older than RegExp.escape",
    ("screen-lock.js", "showModal"): "only for dialogs that it has opened before",
    ("sending.js", "ready"): "our own",
    ("tip-form.js", "submitter"): "the button that was clicked last is remembered",
}
COMMENT = re.compile(r"(?<![:\"'`])//[^\n]*|/\*[\s\S]*?\*/")


def newer_members() -> set[str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line[0] != "#"}


def used_members() -> Iterator[tuple[str, str]]:
    for path in SCRIPTS.rglob("*.js"):
        text = COMMENT.sub("", path.read_text(encoding="utf-8"))
        for name in re.findall(r"(?:\?\.|(?<!\.)\.)([A-Za-z_]\w*)", text):
            yield str(path.relative_to(SCRIPTS)), name


def test_scripts_use_only_what_the_oldest_browsers_have() -> None:
    newer = newer_members()
    assert {"replaceChildren", "submitter", "at", "replaceAll"} <= newer
    used = {(script, name) for script, name in used_members() if name in newer}
    assert sorted(used - EXCUSED.keys()) == []
    assert sorted(EXCUSED.keys() - used) == [], "no longer used"


def test_scripts_use_no_syntax_that_the_oldest_browsers_refuse() -> None:
    """A module with a syntax that a browser doesn't know isn't run at all, nor any module that imports it."""
    newer = re.compile(r"\?\?=|\|\|=|&&=|\bstatic\s*\{|\bthis\.#\w|^await\b|^export \* as\b", re.MULTILINE)
    for path in SCRIPTS.rglob("*.js"):
        assert not newer.search(COMMENT.sub("", path.read_text(encoding="utf-8"))), path.name

"""However the confined process ends, its caller survives, no process is left, and its output is not trusted."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

import file_cleaning
from file_cleaning import MediaKind, RefusalReason, launcher, limits
from file_cleaning.results import validate_rebuilt_file
from tests.file_cleaning.compromised_decoder import PHOTO, take_over
from tests.stack import ROOT, wait_until

ON_LINUX = [sys.platform] if sys.platform == "linux" else []


def find_processes_in(folder: Path) -> list[psutil.Process]:
    """Return the running processes that work in `folder`."""
    every = psutil.process_iter(["cmdline"])
    return [each for each in every if any(word.startswith(str(folder)) for word in each.info["cmdline"] or ())]


def rebuild_refused(folder: Path) -> RefusalReason:
    into = folder / "into"
    into.mkdir()
    (folder / "source").write_bytes(PHOTO)
    with pytest.raises(file_cleaning.FileRefusedError) as raised:
        file_cleaning.rebuild(folder / "source", into)
    assert find_processes_in(folder) == []
    return raised.value.reason


WAYS_TO_END = {
    "crashes": ("ctypes.string_at(0)", RefusalReason.DAMAGED),
    "aborts": ("os.abort()", RefusalReason.DAMAGED),
    "leaves": ("os._exit(0)", RefusalReason.DAMAGED),
    "raises": ("raise RecursionError", RefusalReason.DAMAGED),
    "floods what it says": ("while True: progress(1)", RefusalReason.DAMAGED),
    "writes a huge file": ("(into / 'x').open('wb').truncate(2**40)", RefusalReason.TOO_LARGE),
}


@pytest.mark.parametrize(("attack", "reason"), WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_refuses_the_file_however_the_process_ends(
    attack: str, reason: RefusalReason, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(monkeypatch, attack)
    assert rebuild_refused(folder) is reason


@pytest.mark.parametrize("system", ON_LINUX)
def test_memory_is_limited(system: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(monkeypatch, "bytearray(4 * 2**30)")
    assert rebuild_refused(folder) is RefusalReason.TOO_LARGE


def test_time_is_limited_for_the_process_and_its_children(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = dataclasses.replace(limits.PROCESS_LIMITS[MediaKind.PHOTO], elapsed_seconds=1)
    monkeypatch.setitem(limits.PROCESS_LIMITS, MediaKind.PHOTO, short)
    take_over(monkeypatch, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass")
    assert rebuild_refused(folder) is RefusalReason.TOO_LARGE


def test_a_process_killed_from_outside_is_a_sandbox_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(monkeypatch, "progress(5)\nwhile True: pass")
    (folder / "source").write_bytes(PHOTO)

    with pytest.raises(file_cleaning.SandboxError, match="killed"):
        file_cleaning.rebuild(folder / "source", folder, lambda _percent: find_processes_in(folder)[0].kill())


def test_a_process_that_does_not_start_is_a_sandbox_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_BOOTSTRAP", "raise SystemExit(3)")
    (folder / "source").write_bytes(PHOTO)
    with pytest.raises(file_cleaning.SandboxError, match="doesn't start"):
        file_cleaning.rebuild(folder / "source", folder)


def test_an_exception_in_the_caller_leaves_no_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(monkeypatch, "progress(5)\nwhile True: pass")
    (folder / "source").write_bytes(PHOTO)

    def stop(_percent: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        file_cleaning.rebuild(folder / "source", folder, stop)
    assert find_processes_in(folder) == []


WORKER = """
import signal, sys
from pathlib import Path
import file_cleaning
from file_cleaning import launcher
launcher._BOOTSTRAP = sys.argv[1]
with file_cleaning.open_workspace(allow_disk=True) as folder:
    (folder / "source").write_bytes(b"\\xff\\xd8\\xff\\xe0")
    file_cleaning.rebuild(folder / "source", folder, lambda percent: print(folder, flush=True))
"""


@pytest.mark.parametrize("system", ON_LINUX)
def test_killing_the_worker_ends_its_process_and_its_folder_is_removed_later(
    system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A folder of its own: in the shared one, another process may remove what is left before this test looks.
    monkeypatch.setenv("RAM_FOLDER", "/nowhere")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    take_over(monkeypatch, "progress(5)\nwhile True: pass")
    command = [sys.executable, "-c", WORKER, launcher._BOOTSTRAP]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    left = Path(worker.stdout.readline().strip())
    (child,) = psutil.Process(worker.pid).children()

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 120, "the process ends")
    assert left.exists()
    file_cleaning.remove_abandoned_workspaces()
    assert not left.exists()


def test_progress_rises_from_0_to_100(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(monkeypatch, "for percent in (3, 1, 50, 50, 101, -5, 'x', True, None, 99): progress(percent)")
    (folder / "source").write_bytes(PHOTO)
    seen: list[int] = []
    with pytest.raises(file_cleaning.FileRefusedError):
        file_cleaning.rebuild(folder / "source", folder, seen.append)
    assert seen == [3, 50, 99]


JPEG = b"\xff\xd8\xff\xe0 and so on"


def make_claim(**changes: Any) -> dict[str, Any]:
    return {"kind": "photo", "duration": None, "pages": None, "parts": make_parts()} | changes


def make_parts(**changes: Any) -> list[dict[str, Any]]:
    """Return the parts of a photo, with `changes` to the first."""
    parts: list[dict[str, Any]] = [
        {"role": role, "path": f"{role}.jpg", "media_type": "image/jpeg", "width": 4, "height": 3}
        for role in ("full", "preview", "thumbnail")
    ]
    parts[0] |= changes
    return parts


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    for role in ("full", "preview", "thumbnail"):
        (folder / f"{role}.jpg").write_bytes(JPEG)
    (folder / "page.html").write_bytes(b"<script>")
    (folder / "html.jpg").write_bytes(b"<script>")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "link.jpg").symlink_to(folder / "full.jpg")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (tmp_path / "outside.jpg").write_bytes(JPEG)
    os.link(tmp_path / "outside.jpg", folder / "hard.jpg")
    return folder


def test_accepts_a_true_claim(into: Path) -> None:
    validated = validate_rebuilt_file(make_claim(), into)
    assert [part.role for part in validated.parts] == ["full", "preview", "thumbnail"]
    assert validated.parts[0].path == into / "full.jpg"


INVALID_NAMES = "../outside.jpg /etc/passwd missing.jpg html.jpg empty.jpg link.jpg folder.jpg pipe.jpg hard.jpg . .."
FALSE_CLAIMS: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "no parts": make_claim(parts=[]),
    "another kind": make_claim(kind="video"),
    "an unknown kind": make_claim(kind="program"),
    "a role missing": make_claim(parts=make_parts()[1:]),
    "a role twice": make_claim(parts=[*make_parts(), make_parts()[0]]),
    "one file for all": make_claim(parts=[part | {"path": "full.jpg"} for part in make_parts()]),
    "too many": make_claim(parts=make_parts() * 1000),
    "no objects": make_claim(parts=["full", "preview", "thumbnail"]),
    **{f"file {name!r}": make_claim(parts=make_parts(path=name)) for name in (INVALID_NAMES.split())},
    "no name": make_claim(parts=make_parts(path=None)),
    "another type": make_claim(parts=make_parts(media_type="text/html", path="page.html")),
    "no such role": make_claim(parts=make_parts(role="page")),
    **{f"width {width!r}": make_claim(parts=make_parts(width=width)) for width in (0, -1, 70000, "4", None, 4.0, True)},
}


@pytest.mark.parametrize("lie", FALSE_CLAIMS.values(), ids=FALSE_CLAIMS)
def test_rejects_a_false_claim(lie: Any, into: Path) -> None:
    with pytest.raises(ValueError):
        validate_rebuilt_file(lie, into)


@pytest.mark.parametrize("duration", [-1, float("nan"), float("inf"), 1e9, "1", [1]])
def test_rejects_an_invalid_duration(duration: Any, tmp_path: Path) -> None:
    (tmp_path / "audio.m4a").write_bytes(b"\0\0\0\x1cftypM4A ")
    part = {"role": "audio", "path": "audio.m4a", "media_type": "audio/mp4"}
    assert validate_rebuilt_file({"kind": "audio", "duration": 2.5, "parts": [part]}, tmp_path).duration_seconds == 2.5
    with pytest.raises(ValueError):
        validate_rebuilt_file({"kind": "audio", "duration": duration, "parts": [part]}, tmp_path)

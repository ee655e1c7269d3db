"""A workspace is private, always removed, and never taken from another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import file_cleaning
from tests.stack import ROOT

HOLD = "import sys\nfrom file_cleaning import open_workspace\nwith open_workspace(allow_disk=True) as w: print(w, flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def _own_base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use a base folder on the disk, apart from tests that run at the same time."""
    monkeypatch.setenv("RAM_FOLDER", "/nowhere")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def start_holder() -> tuple[subprocess.Popen[str], Path]:
    """Start another process with a workspace. Returns it and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_workspace_is_private_and_removed_after_an_exception() -> None:
    seen: list[Path] = []

    def fail() -> None:
        with file_cleaning.open_workspace(allow_disk=True) as folder:
            seen.append(folder)
            assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
            (folder / "plain").write_bytes(b"secret")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(seen[0].parent.iterdir()) == []


def test_removes_folders_of_killed_processes_alone() -> None:
    (killed, abandoned), (living, in_use) = start_holder(), start_holder()
    (abandoned / "plain").write_bytes(b"secret")
    killed.kill()
    killed.wait()
    assert abandoned.exists()

    file_cleaning.remove_abandoned_workspaces()

    assert not abandoned.exists()
    assert in_use.exists()
    living.communicate("")
    assert list(in_use.parent.iterdir()) == []


def test_refuses_without_a_folder_in_memory() -> None:
    assert not file_cleaning.has_ram_folder()
    with pytest.raises(file_cleaning.NoRamFolderError, match="Set RAM_FOLDER"), file_cleaning.open_workspace():
        pass


def test_a_folder_on_a_disk_is_not_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAM_FOLDER", str(ROOT))
    assert not file_cleaning.has_ram_folder()


def test_refuses_a_base_folder_that_others_can_read() -> None:
    with file_cleaning.open_workspace(allow_disk=True) as folder:
        base = folder.parent
    base.chmod(0o755)
    with (
        pytest.raises(file_cleaning.NoRamFolderError, match="other users can read it"),
        file_cleaning.open_workspace(allow_disk=True),
    ):
        pass


@pytest.mark.parametrize("folder", [path for path in [Path("/dev/shm")] if path.is_dir()])
def test_shared_memory_is_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAM_FOLDER", str(folder))
    assert file_cleaning.has_ram_folder()
    with file_cleaning.open_workspace() as workspace:
        assert workspace.is_relative_to(folder)

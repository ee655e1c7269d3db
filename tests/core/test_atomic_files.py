from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.atomic_files import write_atomically


def test_replaces_the_content_and_sets_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "current"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new", mode=0o640)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_keeps_an_existing_file_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_atomically(path, b"first", mode=0o600, overwrite=False)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"second", mode=0o600, overwrite=False)
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_leaves_the_old_file_and_no_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "current"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]

"""Static files for `make run` and the tests: collected once for each state of the sources, so that a second start is quick
and a test run beside `make run` takes nothing from under it. Production collects when the image is built.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "static"
KEPT_SECONDS = 7 * 24 * 60 * 60


def collect(environment: Mapping[str, str], folder: Path = FOLDER) -> Path:
    """The folder with all static files as they are now. `environment` is that of a web role.

    Raises CalledProcessError, with Django's words in `stderr`, when they cannot be collected.
    """
    ready = folder / _fingerprint()
    if ready.is_dir():
        os.utime(ready)
        return ready
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder))
    try:
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
            cwd=ROOT,
            env={**environment, "STATIC_ROOT": str(partial)},
            check=True,
            capture_output=True,
            text=True,
        )
        if not ready.is_dir():
            partial.rename(ready)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _remove_old(folder)
    return ready


def _fingerprint() -> str:
    """Of our files' names and content, and of the pinned packages whose files are collected with them."""
    content = hashlib.blake2b(digest_size=8)
    folders = (ROOT / "static", *(found for found in sorted(ROOT.glob("*/static")) if found != FOLDER))
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in (*files, ROOT / "requirements.txt", ROOT / "tipportal" / "static_storage.py"):
        content.update(f"{path.relative_to(ROOT)}\0".encode())
        content.update(path.read_bytes())
    return content.hexdigest()


def _remove_old(folder: Path) -> None:
    for other in folder.iterdir():
        if other.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)

"""Collect static files for `make run` and the tests, once per state of the sources.

A second start is quick, and a test run beside `make run` does not replace files in use. Production collects static files when
the image is built.
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
UNUSED_SECONDS_BEFORE_REMOVAL = 7 * 24 * 60 * 60


def collect(environment: Mapping[str, str], folder: Path = FOLDER) -> Path:
    """Return the folder with all static files in their present state. `environment` is that of a web role.

    Raises CalledProcessError, with Django's messages in `stderr`, if they cannot be collected.
    """
    collected = folder / _fingerprint()
    if collected.is_dir():
        os.utime(collected)
        return collected
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
        if not collected.is_dir():
            partial.rename(collected)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _remove_unused(folder)
    return collected


def _fingerprint() -> str:
    """Hash our static files, the pinned packages that bring others, and the storage class that processes them."""
    content = hashlib.blake2b(digest_size=8)
    folders = (ROOT / "static", *(path for path in sorted(ROOT.glob("*/static")) if path != FOLDER))
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in (*files, ROOT / "requirements.txt", ROOT / "tipportal" / "static_storage.py"):
        content.update(f"{path.relative_to(ROOT)}\0".encode())
        content.update(path.read_bytes())
    return content.hexdigest()


def _remove_unused(folder: Path) -> None:
    for other in folder.iterdir():
        if other.stat().st_mtime < time.time() - UNUSED_SECONDS_BEFORE_REMOVAL:
            shutil.rmtree(other, ignore_errors=True)

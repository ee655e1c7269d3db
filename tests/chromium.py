"""Where Chromium is. `python -m tests.chromium` installs it where the system's package manager may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = (
    "chromium-headless-shell"  # the same engine without a browser's own windows: a new page costs a third of the time
)
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)


def find() -> str | None:
    """The browser named by CHROMIUM, or the first that this machine has."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    on_path = next((found for name in NAMES if (found := shutil.which(name))), None)
    return on_path or next((str(path) for path in ON_MACOS if path.exists()), None)


def path() -> str:
    """Raises FileNotFoundError with a sentence when there is no browser."""
    found = find()
    if not found:
        raise FileNotFoundError("The browser tests need Chromium: install it, or set CHROMIUM to its path.")
    return found


def _apt(*words: str) -> int:
    """Its exit code."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    said = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(["apt-get", "-qq", *words], check=False, env=environment, **said).returncode


def main() -> None:
    if "CHROMIUM" in os.environ or shutil.which(SHELL):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests ...", flush=True)
        _apt("update")
        if _apt("install", "-y", "--no-install-recommends", SHELL) and not find():
            _apt("install", "-y", "--no-install-recommends", "chromium")
    if find():
        return
    sys.exit(
        "The browser tests need Chromium, and it cannot be installed from here. On Debian: sudo apt install chromium. "
        "Elsewhere install Chromium or Chrome, or set CHROMIUM to its path. Then start again."
    )


if __name__ == "__main__":
    main()

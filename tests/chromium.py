"""Where Chromium is. `python -m tests.chromium` installs it where the system's package manager may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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


def main() -> None:
    if find():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests ...", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, **quiet)
        if find():
            return
    sys.exit(
        "The browser tests need Chromium, and it cannot be installed from here. On Debian: sudo apt install chromium. "
        "Elsewhere install Chromium or Chrome, or set CHROMIUM to its path. Then start again."
    )


if __name__ == "__main__":
    main()

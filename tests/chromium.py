"""Find and start the Chromium that drives the browser tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# The headless shell is the same engine without a browser's own windows: a new page costs a third of the time.
HEADLESS_SHELL = "chromium-headless-shell"
NAMES = (HEADLESS_SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS_APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)


def find() -> str | None:
    """Return the browser named by CHROMIUM, or the first one on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    on_path = next((program for name in NAMES if (program := shutil.which(name))), None)
    return on_path or next((str(path) for path in MACOS_APPLICATIONS if path.exists()), None)


def path() -> str:
    """Return the browser's path. Raises FileNotFoundError with a sentence when there is none."""
    program = find()
    if not program:
        raise FileNotFoundError("The browser tests need Chromium: install it, or set CHROMIUM to its path.")
    return program


@contextmanager
def run() -> Iterator[Browser]:
    """Start the browser. It can reach this machine alone."""
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path(), args=arguments)
        yield running
        running.close()

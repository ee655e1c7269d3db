"""Make the pictures of the README: `.venv/bin/python -m docs.screenshots`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.stack import Stack

FOLDER = Path(__file__).parent / "img"
PAGES = {"home": "/", "form": "/tips/", "inbox": "/tips/inbox/"}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack, sync_playwright() as playwright:
        stack.run_manage("demo")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        for name, path in PAGES.items():
            page.goto(stack.public_url + path)
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()

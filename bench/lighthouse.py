"""Runs Lighthouse on the pages that residents open first.

    .venv/bin/python -m bench.lighthouse [--runs 5] [--url http://127.0.0.1:8000] [--only map]

Installs Lighthouse once from npm into ~/.cache/portal-lighthouse (needs node 18 or later), and runs it with the Chromium of the
browser tests and its default settings: a phone with simulated throttling. Prints the median of each score and of each
performance metric, then every failed audit of the other categories. Goals: 95, 100, 100.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.first_page import portal
from tests import chromium

VERSION = "12.8.2"
FOLDER = Path.home() / ".cache" / "portal-lighthouse"
PAGES = {
    "home": "/",
    "tip form": "/tips/",
    "map": "/map/",
    "list": "/map/list/",
    "stories": "/stories/",
    "story": "/stories/quarter-of-an-hour/",
}
SCORES = {"performance": 95, "accessibility": 100, "best-practices": 100}
TIMES = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "total-blocking-time": "blocked",
    "cumulative-layout-shift": "shift",
    "speed-index": "speed index",
}


def install() -> Path:
    """Return the path of Lighthouse's command. Raises CalledProcessError if npm cannot install it."""
    command = FOLDER / "node_modules" / ".bin" / "lighthouse"
    if not command.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        npm_command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(FOLDER)]
        subprocess.run([*npm_command, f"lighthouse@{VERSION}"], check=True)
    return command


def measure(command: Path, url: str, tries: int = 3) -> dict[str, Any]:
    """Return Lighthouse's report of one run. It sometimes loses the browser's trace, so a failed run is repeated."""
    done = subprocess.run(
        [
            *(str(command), url, "--output=json", "--output-path=stdout", "--quiet"),
            f"--only-categories={','.join(SCORES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage",
        ],
        env={**os.environ, "CHROME_PATH": chromium.path()},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode and tries > 1:
        return measure(command, url, tries - 1)
    if done.returncode:
        sys.exit(f"Lighthouse on {url}:\n{done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def find_failed_audits(report: dict[str, Any]) -> set[str]:
    """Return the failed audits of the categories whose goal is a full score."""
    failed = set()
    for name in ("accessibility", "best-practices"):
        for reference in report["categories"][name]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                failed.add(f"{name}: {audit['title']}")
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--url")
    parser.add_argument("--only", choices=PAGES, action="append")
    options = parser.parse_args()
    if not shutil.which("npm"):
        sys.exit("Lighthouse needs node and npm.")
    command = install()
    print(f"Lighthouse {VERSION}, median of {options.runs}")
    print(f"{'page':<10}" + "".join(f"{name:>16}" for name in (*SCORES, *TIMES.values())))
    failed_by_page: dict[str, set[str]] = {}
    with portal(options.url) as url:
        for name in options.only or PAGES:
            reports = [measure(command, url + PAGES[name]) for _ in range(options.runs)]
            cells = []
            for score in SCORES:
                value = statistics.median(each["categories"][score]["score"] or 0 for each in reports)
                cells.append(f"{value * 100:.0f}")
            for audit in TIMES:
                value = statistics.median(each["audits"][audit]["numericValue"] for each in reports)
                cells.append(f"{value:.3f}" if audit == "cumulative-layout-shift" else f"{value:.0f} ms")
            print(f"{name:<10}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
            failed_by_page[name] = set.union(*map(find_failed_audits, reports))
    for name, lines in failed_by_page.items():
        for line in sorted(lines):
            print(f"{name}: {line}")


if __name__ == "__main__":
    main()

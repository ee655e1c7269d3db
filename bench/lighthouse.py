"""Lighthouse on the pages that residents open first.

    .venv/bin/python -m bench.lighthouse [--runs 5] [--url http://127.0.0.1:8000] [--only map]

Installs Lighthouse from npm into ~/.cache/portal-lighthouse once (node 18 or later), and runs it with the Chromium of the
browser tests as it comes: a phone, with its own simulated throttling. Prints the median of each score and of what the
performance is made of; what costs points, and is not only timing, is named below. Goals: 95, 100, 100.
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
    """Lighthouse's command. Raises CalledProcessError when npm cannot install it."""
    command = FOLDER / "node_modules" / ".bin" / "lighthouse"
    if not command.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(FOLDER)]
        subprocess.run([*words, f"lighthouse@{VERSION}"], check=True)
    return command


def measure(command: Path, url: str, tries: int = 3) -> dict[str, Any]:
    """Lighthouse's report of one run; it loses the browser's trace now and then, and is asked again."""
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


def costs(report: dict[str, Any]) -> set[str]:
    """What takes points away in the categories that should have all of them."""
    found = set()
    for name in ("accessibility", "best-practices"):
        for reference in report["categories"][name]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                found.add(f"{name}: {audit['title']}")
    return found


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
    troubles: dict[str, set[str]] = {}
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
            troubles[name] = set.union(*map(costs, reports))
    for name, lines in troubles.items():
        for line in sorted(lines):
            print(f"{name}: {line}")


if __name__ == "__main__":
    main()

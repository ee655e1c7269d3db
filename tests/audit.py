"""`make audit`: list known vulnerabilities in the packages of production. A package that cannot be looked up is a failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        "requirements.txt",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.exit(f"pip-audit gave no answer: {(done.stderr.strip().splitlines() or ['nothing said'])[-1]}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    vulnerabilities = [
        f"{package['name']} {package['version']}: {vulnerability['id']}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    for line in (*vulnerabilities, *(f"{name}: could not be looked up" for name in skipped)):
        print(line)
    if vulnerabilities or skipped:
        sys.exit(1)
    print(f"No known hole in {len(packages)} packages.")


if __name__ == "__main__":
    main()

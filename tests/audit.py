"""`make audit`: list known holes in the packages of production, as they are installed here. It asks the network.

A package that cannot be looked up is a failure, and so is a list of holes that cannot be reached: nothing was checked then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import sbom

SECONDS = 300


def list_pins() -> str:
    """Return the packages that requirements.txt names, and what these need, with the installed versions."""
    return "".join(f"{name}=={package.version}\n" for name, package in sbom.find_packages().items())


def ask(pins: Path) -> list[dict[str, Any]] | str:
    """Return what pip-audit found for each package, or its last words."""
    # The list is whole, so that pip has nothing to resolve.
    command = [sys.executable, "-m", "pip_audit", "-r", str(pins), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        return json.loads(done.stdout)["dependencies"]  # type: ignore[no-any-return]
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} seconds"
    except (ValueError, KeyError):
        return (done.stderr.strip().splitlines() or ["nothing said"])[-1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(list_pins())
        packages = ask(pins)
    skipped = (
        [package["name"] for package in packages if "skip_reason" in package] if isinstance(packages, list) else []
    )
    if isinstance(packages, str) or len(skipped) == len(packages):
        reason = packages if isinstance(packages, str) else "no package is known to the service that answers"
        sys.exit(
            f"Nothing was checked: the list of known holes can't be reached from here ({reason[:200]}). Run `make audit` again"
            " where there is a network, before a release."
        )
    vulnerabilities = [
        f"{package['name']} {package['version']}: {vulnerability['id']}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    for line in (*vulnerabilities, *(f"{name}: could not be looked up" for name in skipped)):
        print(line)
    if vulnerabilities or skipped:
        sys.exit(
            f"{len(vulnerabilities)} known holes, and {len(skipped)} of {len(packages)} packages that nobody looked up."
        )
    print(f"No known hole in {len(packages)} packages.")


if __name__ == "__main__":
    main()

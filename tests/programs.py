"""`make test`: see to the programs that come from the system's packages, not from PyPI.

Says what is missing and what installs it. Installs it where that needs no password: as root on Debian and Ubuntu.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from tests import chromium


@dataclass(frozen=True)
class Program:
    name: str
    purpose: str
    debian: str  # package
    macos: str  # Homebrew's formula or cask
    preferred: bool = False  # tests run without it too, but slower

    @property
    def is_missing(self) -> bool:
        if self.name != "Chromium":
            return shutil.which(self.name) is None
        named = os.environ.get("CHROMIUM")
        return not (named or shutil.which(chromium.HEADLESS_SHELL)) if self.preferred else chromium.find() is None


PROGRAMS = (
    Program("exiftool", "looks for traces in cleaned files", "libimage-exiftool-perl", "exiftool"),
    Program("ffprobe", "looks into cleaned video and sound", "ffmpeg", "ffmpeg"),
    Program("Chromium", "runs the browser tests", "chromium-headless-shell", "--cask chromium", preferred=True),
)
# Where Debian's release is too old for the headless shell.
FULL_BROWSER = Program("Chromium", "runs the browser tests", "chromium", "--cask chromium")


def main() -> None:
    can_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    missing = [program for program in PROGRAMS if program.is_missing and (can_install or not program.preferred)]
    if chromium.find() is None and not can_install:
        missing.append(FULL_BROWSER)
    if not missing:
        return
    print("The tests need programs that this machine lacks:")
    for program in missing:
        print(f"  {program.name} {program.purpose}")
    commands = _apt_commands(missing)
    if not can_install:
        sys.exit(_how_to_install(missing))
    print("Installing them now:\n" + "\n".join(f"  {' '.join(command)}" for command in commands), flush=True)
    for command in commands:
        _run(command)
    if chromium.find() is None:
        _run(_apt_commands([FULL_BROWSER])[-1])
    lacking = [program for program in (*PROGRAMS[:2], FULL_BROWSER) if program.is_missing]
    if lacking:
        sys.exit(_how_to_install(lacking))


def _apt_commands(programs: list[Program]) -> list[list[str]]:
    packages = [program.debian for program in programs]
    return [["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]]


def _how_to_install(programs: list[Program]) -> str:
    packages = " ".join(program.debian.replace("-headless-shell", "") for program in programs)
    formulas = "; ".join(f"brew install {program.macos}" for program in programs)
    return (
        f"On Debian and Ubuntu: sudo apt install {packages}\nOn macOS: {formulas}\n"
        "Or set CHROMIUM to the path of a Chromium or Chrome. Then start again."
    )


def _run(command: list[str]) -> None:
    """Run an installer quietly; its errors go to standard error."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

"""Releases of the code on a server: a folder for each, named after its version and content, with its packages and static files."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from tipportal.deploy.setup import layout
from tipportal.deploy.setup.machine import Machine

SOURCE = Path(__file__).resolve().parents[3]
# All that runs. The Dockerfile copies the same.
PRODUCT = (
    "manage.py",
    "SECURITY.md",
    "requirements.txt",
    "constraints.txt",
    "locale",
    "static",
    "templates",
    "tipportal",
    "tips",
    "crimemap",
    "outreach",
    "file_cleaning",
    "core",
)
_COMPLETE = ".complete"
# Roles that sign nothing and have no database collect static files.
_COLLECTING = {"PORTAL_ROLE": "beat", "REDIS_URL": "redis://none"}


class Release:
    """The code beside this module, as a release of the machine."""

    def __init__(self, machine: Machine, source: Path = SOURCE) -> None:
        self.machine = machine
        self.source = source
        digest = hashlib.sha256()
        for path in self._list_files():
            digest.update(f"{path.relative_to(source)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        version = re.search(r'^VERSION = "(.+)"$', (source / "tipportal" / "version.py").read_text(), re.MULTILINE)
        self.name = f"{version[1] if version else '0'}-{digest.hexdigest()[:12]}"
        self.folder = layout.RELEASES / self.name

    def is_ready(self) -> bool:
        return self.machine.path(self.folder / _COMPLETE).exists()

    def build(self) -> None:
        """Copy the code, install its packages, and collect its static files; begin again if that was interrupted."""
        folder = self.machine.path(self.folder)
        if folder.exists():
            shutil.rmtree(folder)
        for path in self._list_files():
            target = folder / path.relative_to(self.source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o644)
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        if self.machine.is_real:
            self._install_packages(folder)
        (folder / _COMPLETE).touch()

    def _install_packages(self, folder: Path) -> None:
        python = folder / ".venv" / "bin" / "python"
        self.machine.run("/usr/bin/python3", "-m", "venv", folder / ".venv")
        self.machine.run(
            *(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"),
            *("--requirement", folder / "requirements.txt", "--constraint", folder / "constraints.txt"),
        )
        static = folder / layout.STATIC.relative_to(layout.CURRENT)
        self.machine.run(
            *(python, folder / "manage.py", "collectstatic", "--noinput", "--verbosity=0"),
            environment={**_COLLECTING, "STATIC_ROOT": str(static)},
        )
        self.machine.run(python, "-m", "compileall", "-q", folder)

    def _list_files(self) -> Iterator[Path]:
        for name in PRODUCT:
            path = self.source / name
            found = [path] if path.is_file() else sorted(path.rglob("*"))
            yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def remove_others(machine: Machine, folders: Collection[str]) -> None:
    """Remove the releases that are in none of these folders. What can't be removed is tried again after the next upgrade."""
    for folder in machine.path(layout.RELEASES).iterdir():
        if str(layout.RELEASES / folder.name) not in folders:
            shutil.rmtree(folder, ignore_errors=True)

"""The machine that is set up: its files below a root, its commands, and what it is."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.atomic_files import write_atomically

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
# What reaches the package index is the operator's: proxies, mirrors, certificates.
_PASSED_ON = ("PIP_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
_SUPPORTED = {"debian": 12.0, "ubuntu": 24.04}


class StepFailedError(Exception):
    """A step can't be done. The message is a sentence that says what to do; `output` is that of the command, if one has failed."""

    def __init__(self, sentence: str, output: str = "") -> None:
        super().__init__(sentence)
        self.output = output


class BegunCommand:
    """A command that was started and waits for its input. Leave its context, and it is killed unless it was finished."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise StepFailedError(f"{command[0]} can't be started: {error.strerror}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def finish(self, text: str) -> str:
        """Give the command its input, and return its output. Raises StepFailedError with the command's last words."""
        output, errors = self._process.communicate(text)
        if self._process.returncode:
            words = [line.strip() for line in (errors or output).splitlines() if line.strip()]
            raise StepFailedError(
                f"“{' '.join(self._command)}” has failed: {' '.join(words[-5:]) or 'it gave no reason'}", output
            )
        return output.strip()


@dataclass(frozen=True, slots=True)
class Rights:
    """Of a file or folder: the names of its owner and group, and its mode."""

    owner: str = "root"
    group: str = "root"
    mode: int = 0o644


OPEN_FILE, OPEN_FOLDER = Rights(), Rights(mode=0o755)


class Machine:
    """The machine, or a folder that stands for one: with a root other than / files are written below it, and nothing else is done."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.is_real = root == Path("/")

    def path(self, path: Path) -> Path:
        """Return where a path of the machine is for this process."""
        return path if self.is_real else self.root / path.relative_to("/")

    def run(self, *arguments: str | Path, text: str = "", environment: Mapping[str, str] | None = None) -> str:
        """Run a command with `text` as its input, and return its output. Raises StepFailedError with the command's last words."""
        with self.begin(*arguments, environment=environment) as command:
            return command.finish(text)

    def begin(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> BegunCommand:
        """Start a command that waits for its input. Raises StepFailedError if it can't be started."""
        passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        command = [str(argument) for argument in arguments]
        return BegunCommand(command, {**passed_on, **_ENVIRONMENT, **(environment or {})})

    def answer(self, *arguments: str | Path) -> str:
        """Return the output of a command, or nothing if it fails or isn't there."""
        try:
            return self.run(*arguments)
        except StepFailedError:
            return ""

    def write(self, path: Path, content: bytes, rights: Rights) -> None:
        """Write a file, complete or not at all, and give it to its owner."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content, mode=0o600)
        self.give(path, rights)

    def give(self, path: Path, rights: Rights) -> None:
        """Set owner, group and mode. Below another root the names may belong to nobody, and only the mode is set."""
        target = self.path(path)
        if self.is_real:
            shutil.chown(target, rights.owner, rights.group)
        target.chmod(rights.mode)

    def is_given(self, path: Path, rights: Rights) -> bool:
        """Return whether the path is there with these rights."""
        try:
            status = self.path(path).stat()
        except OSError:
            return False
        return status.st_mode & 0o7777 == rights.mode and (
            not self.is_real or (status.st_uid, status.st_gid) == (find_user(rights.owner), find_group(rights.group))
        )


def find_user(name: str) -> int | None:
    """Return the id of a Unix user, None if there is none."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def find_group(name: str) -> int | None:
    """Return the id of a Unix group, None if there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def list_members(group: str) -> Sequence[str]:
    try:
        return grp.getgrnam(group).gr_mem
    except KeyError:
        return []


def find_obstacles(release: Path = Path("/etc/os-release"), systemd: Path = Path("/run/systemd/system")) -> list[str]:
    """Return a sentence for each reason why this machine can't be set up."""
    obstacles = []
    if os.geteuid() != 0:
        obstacles.append("The installer makes users and services, so it must run as root. Start it with sudo.")
    if not _is_supported(release):
        obstacles.append(
            "The installer knows Debian 12 and newer, and Ubuntu 24.04 LTS and newer. On other systems use Docker, or follow"
            " docs/installation.md by hand."
        )
    elif not systemd.is_dir():
        obstacles.append(
            "systemd doesn't run here, and the portal's processes would be its services. Use Docker, or a machine with systemd."
        )
    if _serves_other_sites():
        obstacles.append(
            "nginx already serves other sites here. The portal needs ports 80 and 443, and a server of its own: its neighbors could"
            " read its memory. Remove those sites, or take another server."
        )
    return obstacles


def _is_supported(release: Path) -> bool:
    if sys.version_info < (3, 11) or not release.exists():
        return False
    fields = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
    name, version = fields.get("ID", "").strip('"'), fields.get("VERSION_ID", "").strip('"')
    try:
        # Debian's coming version has no number.
        return name in _SUPPORTED and (not version or float(version) >= _SUPPORTED[name])
    except ValueError:
        return False


def _serves_other_sites(folder: Path = Path("/etc/nginx")) -> bool:
    sites = [*folder.glob("sites-enabled/*"), *folder.glob("conf.d/*.conf")]
    return any(site.name != "default" for site in sites)

"""Steps of a plan. Each knows whether it is done, so that a second run changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tipportal.deploy.setup.machine import OPEN_FILE, OPEN_FOLDER, Machine, Rights, find_group, find_user, list_members


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its title, whether it is done, and the act that does it.

    `needs_machine`: it is not for a folder that stands for a machine. `may_fail`: what comes after it doesn't need it.
    """

    title: str
    is_done: Callable[[], bool]
    carry_out: Callable[[], object]
    needs_machine: bool = False
    may_fail: bool = False


def join(title: str, parts: Sequence[Step]) -> Step:
    """Return one step that does those of several that aren't done."""

    def carry_out() -> None:
        for part in parts:
            if not part.is_done():
                part.carry_out()

    needs_machine = any(part.needs_machine for part in parts)
    return Step(title, lambda: all(part.is_done() for part in parts), carry_out, needs_machine)


def keep_file(
    machine: Machine,
    path: Path,
    content: str | Callable[[], str],
    rights: Rights = OPEN_FILE,
) -> Step:
    """Return a step after which the file has this content and these rights."""

    def text() -> bytes:
        return (content() if callable(content) else content).encode()

    def is_done() -> bool:
        try:
            same = machine.path(path).read_bytes() == text()
        except OSError:
            return False
        return same and machine.is_given(path, rights)

    return Step(f"Write {path}", is_done, lambda: machine.write(path, text(), rights))


def keep_folder(machine: Machine, path: Path, rights: Rights = OPEN_FOLDER) -> Step:
    """Return a step after which the folder is there, with these rights."""

    def carry_out() -> None:
        machine.path(path).mkdir(parents=True, exist_ok=True)
        machine.give(path, rights)

    return Step(f"Make {path}", lambda: machine.is_given(path, rights), carry_out)


def make_secret(machine: Machine, path: Path, content: Callable[[], bytes], rights: Rights) -> Step:
    """Return a step that writes a secret once. One that is there is never replaced; its rights are set."""

    def carry_out() -> None:
        if machine.path(path).exists():
            machine.give(path, rights)
        else:
            machine.write(path, content(), rights)

    return Step(f"Make {path}", lambda: machine.is_given(path, rights), carry_out)


def point_link(machine: Machine, link: Path, target: Path) -> Step:
    """Return a step after which the link leads to the target, changed in one act."""

    def carry_out() -> None:
        partial = machine.path(link).with_name(f".{link.name}.partial")
        partial.unlink(missing_ok=True)
        partial.symlink_to(target)
        partial.rename(machine.path(link))

    def is_done() -> bool:
        path = machine.path(link)
        return path.is_symlink() and os.readlink(path) == str(target)

    return Step(f"Let {link} lead to {target}", is_done, carry_out)


def add_user(machine: Machine, name: str, groups: Sequence[str]) -> Step:
    """Return a step after which there is a user that nobody can sign in as, with a group of its own, in these groups."""

    def is_done() -> bool:
        return find_user(name) is not None and all(name in list_members(group) for group in groups)

    def carry_out() -> None:
        for group in (name, *groups):
            if find_group(group) is None:
                machine.run("groupadd", "--system", group)
        if find_user(name) is None:
            machine.run(
                *("useradd", "--system", "--gid", name, "--no-create-home", "--home-dir", "/nonexistent"),
                *("--shell", "/usr/sbin/nologin", name),
            )
        for group in groups:
            machine.run("usermod", "--append", "--groups", group, name)

    return Step(f"Add the user {name}", is_done, carry_out, needs_machine=True)

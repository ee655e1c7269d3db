"""A whole portal whose processes have a Unix user for each role, with files and folders as the installer gives them.

As root; elsewhere all processes have one user, and show that the steps work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from core.roles import Role
from tests.journey import Visitor
from tests.stack import ROOT, Stack, wait_until
from tests.tipportal.deploy import unix_users
from tests.tipportal.deploy.unix_users import IS_ROOT
from tests.tips.files import sample_pictures
from tipportal.deploy import role_files
from tipportal.deploy.processes import BY_NAME, WEB_STAFF, Process
from tipportal.deploy.role_files import SecretFile
from tipportal.deploy.setup import layout
from tipportal.dev_stack.child_process import Child

PASSWORD = "not-a-real-password-23"
CREATE_OFFICER = f"""
from django.contrib.auth.models import Group; from core.models import Account
account = Account.objects.create_user("okafor", "okafor@example.org", {PASSWORD!r}, is_staff=True)
account.groups.add(Group.objects.get(name="officer"))
"""


class PortalOfUsers(Stack):
    """A portal that is given to its users once it has its keys and its database, and only then started."""

    def start(self) -> Self:
        processes, self.to_start = self.to_start, []
        super().start()
        try:
            self.hand_over()
            for process in processes:
                self.start_process(process)
            for process in processes:
                self._wait_until_ready(process, 180)
        except BaseException:
            self.stop()
            raise
        return self

    def hand_over(self) -> None:
        # A portal that was run from this folder has closed the one of the collected files to others.
        static = shutil.copytree(self.extra_variables["STATIC_ROOT"], self.folder / "static")
        self.extra_variables["STATIC_ROOT"] = str(static)
        for folder in (self.folder, self.folder / "keys", static):
            folder.chmod(0o755)
        for item in (*role_files.FILES, *role_files.FOLDERS):
            if item.variable in self.keys:
                path = self.path_of(item)
                if not isinstance(item, SecretFile):
                    path.mkdir(exist_ok=True)
                unix_users.give(path, item)
        unix_users.share_socket(self.servers.redis_socket, "portal_store")
        for socket in self.servers.sockets.glob(".s.PGSQL.*[0-9]"):
            socket.chmod(0o777)  # PostgreSQL asks for a password

    def path_of(self, item: SecretFile | role_files.Folder) -> Path:
        return Path(self.keys[item.variable])

    def command_of(self, process: Process) -> list[str]:
        return [*unix_users.become(process.role), sys.executable, "-m", "tipportal.deploy.processes", process.name]

    def start_process(self, process: Process) -> None:
        """Start a process as an installation does, so that it looks at what it lacks."""
        lock, log = self.folder / f"{process.name}.lock", self.logs / f"{process.name}.log"
        environment = self.environment(process.role)
        argv = self.command_of(process)
        child = Child(process.name, argv, lock=lock, log=log, environment=environment, folder=ROOT)
        self.children[process.name] = child
        child.start()

    def find_refusal(self, process: Process) -> str:
        """Return what a process says that doesn't start."""
        done = subprocess.run(
            self.command_of(process),
            cwd=ROOT,
            env=self.environment(process.role),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def portal() -> Iterator[PortalOfUsers]:
    folder = unix_users.make_open_folder()
    ram = Path(tempfile.mkdtemp(prefix="portal-users-ram-", dir="/dev/shm"))
    for open_folder in (folder / "temp", ram):
        open_folder.mkdir(exist_ok=True)
        open_folder.chmod(0o1777)
    variables = {"TMPDIR": str(folder / "temp"), "RAM_FOLDER": str(ram)}
    try:
        with PortalOfUsers(folder, web=["public", "staff"], workers=["media"], variables=variables) as portal:
            portal.run_manage("shell", "-c", CREATE_OFFICER)
            yield portal
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(ram)


def list_readable(role: Role, paths: list[Path]) -> set[Path]:
    """Return those of the files and folders that the role's user can read."""
    script = 'for p; do if [ -d "$p" ]; then ls "$p"; else cat "$p"; fi >/dev/null 2>&1 && echo "$p"; done; true'
    command = [*unix_users.become(role), "sh", "-c", script, "sh", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {Path(line) for line in done.stdout.splitlines()}


def check_users(portal: PortalOfUsers) -> None:
    for name, child in portal.children.items():
        assert child.process is not None
        owner = os.stat(f"/proc/{child.process.pid}").st_uid
        assert owner == (unix_users.user_of(BY_NAME[name].role) if IS_ROOT else os.geteuid()), name


def test_each_process_has_the_user_of_its_role(portal: PortalOfUsers) -> None:
    assert portal.children.keys() == {"web-public", "web-staff", "worker-media", "worker-media-video"}
    check_users(portal)


def test_an_officer_opens_a_tip_with_a_photo_and_its_source_reads_that_it_was_cleaned(portal: PortalOfUsers) -> None:
    receipt = Visitor(portal.public_url).send("A blue van", files=[sample_pictures.photo("canary")])
    portal.send_task("tips.media.sweep", queue="media")

    def find_tip() -> tuple[str, str] | None:
        with closing(portal.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT tip_id::text, state FROM tips_attachment")
            row: tuple[str, str] | None = cursor.fetchone()
            return row

    wait_until(lambda: (found := find_tip()) and found[1] == "ready", 90, lambda: f"a clean photo ({find_tip()})")
    found = find_tip()
    assert found is not None
    officer = Visitor(portal.staff_url)
    officer.sign_in("okafor", PASSWORD)
    tip = f"/admin/tips/tip/{found[0]}"
    assert "A blue van" in officer.open(f"{tip}/change/")
    assert "Photo 1" in officer.page
    officer.open(f"{tip}/files/1/")
    officer.open(f"{tip}/files/1/download/")
    assert officer.status == 200
    assert officer.content.startswith(b"\xff\xd8\xff")
    assert b"canary" not in officer.content
    source = Visitor(portal.public_url)
    assert "Location and device data removed." in source.enter_inbox(receipt)
    # As the desk sees it: whoever wrote a file, all that need it read it, and nobody else does.
    (sealed,) = [path for path in Path(portal.keys["MEDIA_STORE"]).iterdir() if path.is_file()]
    for role in layout.ROLES:
        is_member = role in role_files.GROUPS["portal_files"]
        assert bool(list_readable(role, [sealed])) is (is_member or not IS_ROOT), role


def test_no_user_reads_a_key_of_another(portal: PortalOfUsers) -> None:
    items = [item for item in (*role_files.FILES, *role_files.FOLDERS) if item.variable in portal.keys]
    for role in layout.ROLES if IS_ROOT else ():
        readable = list_readable(role, [portal.path_of(item) for item in items])
        for item in items:
            needs_it = role in (item.roles if isinstance(item, SecretFile) else item.readers | item.writers)
            is_secret = isinstance(item, SecretFile) or item.variable.endswith("PRIVATE_KEYS")
            if needs_it or is_secret:
                assert (portal.path_of(item) in readable) is needs_it, (item.variable, role)


def test_a_desk_that_cant_read_a_photo_says_so_and_doesnt_start(portal: PortalOfUsers) -> None:
    """A store that one user had before, or that was restored without its group."""
    file = Path(portal.keys["MEDIA_STORE"]) / "of-another-user"
    file.touch()
    file.chmod(0o600 if IS_ROOT else 0)
    try:
        refusal = portal.find_refusal(WEB_STAFF)
    finally:
        file.unlink()
    assert "web-staff doesn't start:" in refusal
    assert "holds sealed files that the user of this process" in refusal
    assert "chgrp -R GROUP" in refusal


def test_a_process_that_cant_read_the_collected_files_says_so_and_doesnt_start(portal: PortalOfUsers) -> None:
    static = Path(portal.extra_variables["STATIC_ROOT"])
    static.chmod(0)
    try:
        refusal = portal.find_refusal(WEB_STAFF)
    finally:
        static.chmod(0o755)
    assert f"STATIC_ROOT names {static}, and the user of this process" in refusal
    assert "Traceback" not in refusal


@pytest.mark.nightly
def test_roles_that_touch_no_file_of_sources_start_too(portal: PortalOfUsers) -> None:
    others = [BY_NAME[name] for name in ("worker-alerts", "worker-bulk", "beat")]
    for process in others:
        portal.start_process(process)
    for process in others:
        portal._wait_until_ready(process, 180)
    check_users(portal)

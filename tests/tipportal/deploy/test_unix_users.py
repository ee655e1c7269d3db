"""Each role as a Unix user of its own: roles open what they share, and nothing else (docs/installation.md, "Unix users").

As root each step is done by a forked process that has become another user. Elsewhere all steps have one user, and show that the
steps work.
"""

from __future__ import annotations

import os
import shutil
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.roles import Role
from crimemap.importing.arrival import jobs
from tests.tipportal.deploy import unix_users
from tests.tipportal.deploy.unix_users import IS_ROOT
from tipportal.deploy import role_files
from tips import vault
from tips.files import pending_files, sealed_store, worker_keys

PUBLIC, STAFF, MEDIA, BULK, OTHER = Role.PUBLIC, Role.STAFF, Role.MEDIA, Role.BULK, Role.BEAT
FOLDERS = ("MEDIA_STORE", "MEDIA_PUBLIC_KEYS", "MEDIA_PRIVATE_KEYS", "INCIDENT_UPLOADS")


def as_user(role: Role, step: Callable[[], object]) -> bool:
    """Do a step as this user, with the umask of a process of the portal; return whether the system let it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.umask(0o007)
            if IS_ROOT:
                user = unix_users.user_of(role)
                os.setgroups(unix_users.groups_of(role))
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            step()
            code = 0
        except PermissionError:
            code = 2
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 2), f"the step has failed for another reason than rights ({code})"
    return code == 0


@pytest.fixture
def root(settings: Any) -> Iterator[Path]:
    """The folders as the installer makes them, in a place that every user can reach."""
    root = unix_users.make_open_folder()
    for item in role_files.FOLDERS:
        if item.variable in FOLDERS:
            folder = root / item.variable.lower()
            folder.mkdir()
            unix_users.give(folder, item)
            setattr(settings, item.variable, folder)
    yield root
    shutil.rmtree(root)


def test_a_photo_goes_from_the_public_user_to_the_media_worker_and_to_the_desk(root: Path, settings: Any) -> None:
    sent, cleaned, key, ticket = uuid4(), uuid4(), vault.generate_key(), vault.generate_key()

    def write(file: Any) -> None:
        writer = sealed_store.Writer(file, key)
        writer.write(b"a photo")
        writer.finish(kind="image")

    def read(file: Any) -> None:
        with sealed_store.Reader(file, key) as reader:
            assert b"".join(reader.read()) == b"a photo"

    def send() -> None:
        vault.seal_key_to_newest(key, settings.MEDIA_PUBLIC_KEYS)
        write(sent)
        pending_files.store_key(sent, key, 7, ticket)

    def clean() -> None:
        read(sent)
        write(cleaned)
        sealed_store.list_stale_files()  # reads the tickets of public users
        sealed_store.remove_files([sent])

    def read_private_key() -> None:
        (file,) = vault.key_files(settings.MEDIA_PRIVATE_KEYS, "key") or os.listdir(settings.MEDIA_PRIVATE_KEYS)
        Path(file.path).read_bytes()

    assert as_user(MEDIA, worker_keys.renew)
    assert as_user(PUBLIC, send)
    assert as_user(MEDIA, clean)
    assert not sealed_store.file_path(sent).exists()
    assert not sealed_store.ticket_path(sent).exists()
    assert as_user(STAFF, lambda: read(cleaned))
    assert stat.S_IMODE(sealed_store.file_path(cleaned).stat().st_mode) == 0o640
    if IS_ROOT:
        for user in (BULK, OTHER):
            assert not as_user(user, lambda: read(cleaned))
        for user in (PUBLIC, STAFF, BULK, OTHER):
            assert not as_user(user, read_private_key)
    assert as_user(STAFF, lambda: sealed_store.remove_files([cleaned]))

    # In a folder of one user the files are that user's alone.
    settings.MEDIA_STORE.chmod(0o700)
    write(sent)
    pending_files.store_key(sent, key, 7, ticket)
    for path in (sealed_store.file_path(sent), sealed_store.ticket_path(sent)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_staff_upload_is_imported_and_removed_by_the_bulk_worker(root: Path, settings: Any) -> None:
    folder = settings.INCIDENT_UPLOADS / "run-7"
    path = folder / "1" / "incidents.csv"

    def upload() -> None:
        jobs.store_files(folder, [SimpleUploadedFile("incidents.csv", b"number,time\n")])

    def read() -> None:
        assert path.read_bytes() == b"number,time\n"

    assert as_user(STAFF, upload)
    assert as_user(BULK, read)
    if IS_ROOT:
        assert not as_user(PUBLIC, read)
        assert not as_user(MEDIA, read)
    assert as_user(BULK, lambda: shutil.rmtree(folder))
    assert not folder.exists()

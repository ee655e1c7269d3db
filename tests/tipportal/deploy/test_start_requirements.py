"""A process refuses to start without the variables, keys, folders and rights that its role needs, with a sentence for each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from environs import EnvError

from core.roles import Role
from tests.tipportal.database.test_grants import acting_as
from tipportal.deploy import database_rights, start_requirements
from tipportal.deploy.processes import environment_for, variables_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def keys(settings: Any, tmp_path: Path) -> Path:
    """A folder with all that the staff and public roles need."""
    for name, size in (("RECEIPT_SALT", 16), ("AUDIT_KEY", 32), ("FACTOR_KEY", 32), ("ADDRESS_HASH_KEY", 32)):
        path = tmp_path / name
        path.write_bytes(bytes(size))
        path.chmod(0o600)
        setattr(settings, name, path)
    for name in ("AGENCY_PUBLIC_KEYS", "AGENCY_PRIVATE_KEYS", "MEDIA_STORE", "MEDIA_PUBLIC_KEYS", "INCIDENT_UPLOADS"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        setattr(settings, name, folder)
    for name in ("INCIDENT_SNAPSHOTS", "BASE_MAP", "ADDRESS_PUBLIC_KEYS", "ALERT_CHANNEL_PUBLIC_KEYS"):
        setattr(settings, name, None)
    (settings.AGENCY_PUBLIC_KEYS / "0001-0123456789abcdef.pub").write_bytes(bytes(32))
    key = settings.AGENCY_PRIVATE_KEYS / "0001-0123456789abcdef.key"
    key.write_bytes(bytes(32))
    key.chmod(0o600)
    return tmp_path


def test_every_role_is_given_what_it_needs_and_names_what_is_missing() -> None:
    for role in Role:
        needed = {
            name
            for table in (start_requirements.NEEDED_VARIABLES, start_requirements.NEEDED_IN_PRODUCTION)
            for name, roles in table.items()
            if role in roles
        }
        assert needed <= variables_of(role)
        assert len(start_requirements.find_missing_variables(role, {})) == len(needed)
        assert not start_requirements.find_missing_variables(role, dict.fromkeys(needed, "x"))
    demo = start_requirements.find_missing_variables(Role.PUBLIC, {"DEMO": "1"})
    assert not [sentence for sentence in demo if sentence.startswith(("PORTAL_URL", "ALLOWED_HOSTS"))]


def test_key_files_and_folders_that_a_role_cant_use_are_named(settings: Any, keys: Path) -> None:
    assert start_requirements.find_file_problems(Role.PUBLIC) == []
    assert start_requirements.find_file_problems(Role.STAFF) == []
    assert start_requirements.find_file_problems(Role.BEAT) == []

    settings.RECEIPT_SALT.write_bytes(bytes(15))
    settings.AUDIT_KEY.unlink()
    (settings.AGENCY_PUBLIC_KEYS / "0001-0123456789abcdef.pub").unlink()
    settings.MEDIA_PUBLIC_KEYS.rmdir()
    assert start_requirements.find_file_problems(Role.PUBLIC) == [
        f"RECEIPT_SALT names {keys}/RECEIPT_SALT, which has 15 bytes instead of 16. Restore it from your safe copy.",
        f"AGENCY_PUBLIC_KEYS names {keys}/agency_public_keys, which has no key. Run manage.py vault create-key on the staff"
        " node.",
        f"MEDIA_PUBLIC_KEYS names {keys}/media_public_keys, which doesn't exist.",
    ]
    key = settings.AGENCY_PRIVATE_KEYS / "0001-0123456789abcdef.key"
    key.chmod(0o640)
    sentences = start_requirements.find_file_problems(Role.STAFF)
    assert f"AUDIT_KEY names {keys}/AUDIT_KEY, which doesn't exist." in sentences
    assert f"{key} can be read by other users than its own. Run chmod 600 on it." in sentences
    # A hash key of two users is shared by their group, and by nobody else.
    settings.ADDRESS_HASH_KEY.chmod(0o640)
    assert not [each for each in start_requirements.find_file_problems(Role.BULK) if "ADDRESS_HASH_KEY" in each]
    settings.ADDRESS_HASH_KEY.chmod(0o644)
    assert [each for each in start_requirements.find_file_problems(Role.BULK) if "ADDRESS_HASH_KEY" in each]


def test_a_folder_that_the_user_may_not_enter_or_write_is_named(
    settings: Any, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by the system for other users than root, under whom tests may run."""
    may = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (path == settings.MEDIA_STORE and mode & os.W_OK) and may(path, mode)
    )
    (sentence,) = start_requirements.find_file_problems(Role.PUBLIC)
    assert sentence.startswith(
        f"MEDIA_STORE names {keys}/media_store, and the user of this process (id {os.geteuid()})"
    )
    assert "can't write to it" in sentence

    sealed = settings.MEDIA_STORE / "sealed"
    sealed.touch()
    assert start_requirements.find_file_problems(Role.STAFF) == [
        f"MEDIA_STORE names {keys}/media_store, and the user of this process (id {os.geteuid()}) can't write to it. Set its owner,"
        " group and mode."
    ]
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(sealed) and may(path, mode))
    (sentence,) = start_requirements.find_file_problems(Role.STAFF)
    assert "holds sealed files that the user of this process" in sentence


@pytest.mark.django_db
def test_a_database_user_with_other_rights_than_its_roles_is_named(settings: Any) -> None:
    for role in (Role.PUBLIC, Role.STAFF, Role.ALERTS, Role.BULK, Role.MEDIA):
        with acting_as(role), connection.cursor() as cursor:
            assert database_rights.find_problems(cursor, role) == []
    settings.DEMO = False
    with acting_as("staff"), connection.cursor() as cursor:
        wrong_user, open_tables = database_rights.find_problems(cursor, Role.PUBLIC)
    assert "The public role must be portal_public" in wrong_user
    assert "core_account" in open_tables
    with connection.cursor() as cursor:  # the tests' own user
        assert "is a superuser" in " ".join(database_rights.find_problems(cursor, Role.STAFF))
        cursor.execute("REVOKE USAGE ON SCHEMA public FROM portal_bulk")
    with acting_as("bulk"), connection.cursor() as cursor:
        assert "Run manage.py migrate" in " ".join(database_rights.find_problems(cursor, Role.BULK))


def test_a_process_that_lacks_something_ends_with_a_sentence_for_each(tmp_path: Path) -> None:
    values = {
        "PATH": "/bin:/usr/bin",
        "HOME": str(tmp_path),
        "DATABASE_URL": "postgres://portal_public:x@127.0.0.1:1/portal",  # away, which keeps no process from starting
        "REDIS_URL": "redis://127.0.0.1:1",
        "RECEIPT_SALT": str(tmp_path / "salt"),
        "AGENCY_PUBLIC_KEYS": str(tmp_path),
        "MEDIA_STORE": str(tmp_path),
        "MEDIA_PUBLIC_KEYS": str(tmp_path),
        "PORTAL_URL": "https://tips.example",
        "ALLOWED_HOSTS": "tips.example",
        "STATIC_ROOT": os.environ["STATIC_ROOT"],
    }

    done = subprocess.run(
        [sys.executable, "-m", "tipportal.deploy.processes", "web-public"],
        cwd=ROOT,
        env=environment_for(Role.PUBLIC, values),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "web-public doesn't start:\n"
        f"- RECEIPT_SALT names {tmp_path}/salt, which doesn't exist.\n"
        f"- AGENCY_PUBLIC_KEYS names {tmp_path}, which has no key. Run manage.py vault create-key on the staff node.\n"
    )


def test_a_value_that_the_settings_cant_use_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_role: Role) -> list[str]:
        raise EnvError('Environment variable "TIP_MAX_FILES" invalid: ["Not a valid integer."]')

    monkeypatch.setattr(start_requirements, "find_file_problems", refuse)
    (sentence,) = start_requirements.find_problems(Role.BEAT, {"REDIS_URL": "redis://x"})
    assert "TIP_MAX_FILES" in sentence

"""pg_dump and pg_restore as streams, in the version of the server. Passwords go by the environment, never by arguments."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from django.db import connection

from tipportal.backup.errors import BackupError
from tipportal.dev_stack.servers import PrivateServerError, postgres_programs

# Rows that mean nothing a moment later, or open something: they are in no backup.
TRANSIENT_TABLES = (
    "core_accountmail",
    "core_auditheadmail",
    "core_failedattempt",
    "core_heartbeat",
    "core_signinlink",
    "core_staffsession",
    "django_session",
    "outreach_previewlink",
    "outreach_remindermail",
    "tips_callerformcount",
    "tips_pendingact",
    "tips_viewalert",
)
_DEBIAN = Path("/usr/lib/postgresql")
_PIECE_BYTES = 1024**2


def dump_database(snapshot: str, write: Callable[[bytes], object]) -> None:
    """Stream the database, as the exported snapshot shows it, to `write`. Raises BackupError."""
    arguments = ["--format=custom", "--compress=6", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    arguments += [f"--exclude-table-data=public.{table}" for table in TRANSIENT_TABLES]
    with _run("pg_dump", arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(_PIECE_BYTES):
            write(piece)


def restore_database(pieces: Iterable[bytes]) -> None:
    """Fill the empty database from a dump, wholly or not at all. Raises BackupError."""
    arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--dbname"]
    with _run("pg_restore", arguments, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, and says why
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()


def find_server_version() -> int:
    """Return the major version of the connected server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def _run(
    name: str, arguments: list[str], *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of PostgreSQL on the connected database, and raise BackupError with its reason if it fails."""
    program = _find_program(name, find_server_version())
    command, variables = connection.client.settings_to_cmd_args_env(connection.settings_dict, arguments)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.DEVNULL,
            stderr=complaints,
            env=os.environ | {"LC_ALL": "C"} | (variables or {}),
        )
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()
        if code:
            raise BackupError(f"{name} failed: {_find_reason(complaints)}")


def _find_reason(complaints: IO[bytes]) -> str:
    """Return the line that says why a program failed. Lines after it may hold values of rows."""
    complaints.seek(0)
    lines = complaints.read(100_000).decode(errors="replace").splitlines()
    return next((line.partition("error: ")[2] for line in lines if "error: " in line), "it doesn't say why")


def _find_program(name: str, version: int) -> Path:
    """Return the program of the server's version, or of the next newer one: an older one refuses, and a much newer one writes
    settings that the server doesn't know."""
    found: dict[int, Path] = {}
    for path in _list_programs(name):
        printed = subprocess.run([path, "--version"], check=False, capture_output=True, text=True).stdout
        if number := re.search(r"\) (\d+)", printed):
            found.setdefault(int(number[1]), path)
    fitting = [number for number in sorted(found) if number >= version]
    if not fitting:
        raise BackupError(
            f"{name} of PostgreSQL {version} isn't installed here. Install the package postgresql-client-{version}."
        )
    return found[fitting[0]]


def _list_programs(name: str) -> list[Path]:
    paths = [folder / "bin" / name for folder in _DEBIAN.iterdir()] if _DEBIAN.is_dir() else []
    if in_path := shutil.which(name):
        paths.append(Path(in_path))
    with contextlib.suppress(PrivateServerError):
        paths.append(postgres_programs() / name)
    return [path for path in paths if path.is_file()]

"""MB/s of a backup, of the next one, of a drill and of a restore, as the owner's database user: see bench/README.md.

    .venv/bin/python -m bench.backup [--gigabytes 0.5] [--folder FOLDER]

Beside the clock's MB/s stand those of the processor: what a machine with nothing else to do and a disk that never lets it wait
would reach. FOLDER is on the disk to be measured, and needs three times as much room.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

from tests.stack import ROOT, Stack
from tipportal.dev_stack.servers import SUPERUSER
from tips import vault

FILE_CHUNKS = 48  # 3 MB, as a photo
TIPS = 10_000
# Nothing is opened, so random bytes of the usual lengths do.
FILL = """
INSERT INTO tips_tip (id, number, category_id, state, disposition, priority, received_at, legal_hold, agency_key_id, key_for_agency,
    key_for_source, token_hash, form_hash, report)
SELECT gen_random_uuid(), n, (SELECT min(id) FROM tips_category), 'new', '', 2, now(), false, (SELECT min(id) FROM tips_agencykey),
    sha256(int8send(n)), sha256(int8send(n)), sha256(int8send(n)), sha256(int8send(-n)),
    (SELECT string_agg(sha256(int8send(n * 100 + part)), '') FROM generate_series(1, 34) AS part)
FROM generate_series(1, %s) AS n
"""
ATTACH = """
INSERT INTO tips_attachment (id, tip_id, position, label, received_at, state, reason, progress, attempts, file, agency_key_id,
    key_for_agency, worker_key)
SELECT gen_random_uuid(), (SELECT id FROM tips_tip LIMIT 1), n, '', now(), 'ready', '', 100, 1, file,
    (SELECT min(id) FROM tips_agencykey), '', ''
FROM unnest(%s::uuid[]) WITH ORDINALITY AS files(file, n)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument(
        "--folder", help="where the store and the backups are for the time; by default that of temporary files"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        variables = {"BACKUP_KEYS": str(folder / "backup-keys")}
        with Stack(folder, web=[], variables=variables) as stack:
            store = Path(stack.keys["MEDIA_STORE"])
            _fill(stack, store, round(options.gigabytes * 1000))
            total = sum(path.stat().st_size for path in store.iterdir()) / 1e6
            files = len(list(store.iterdir()))
            stack.run_manage("backup_key", "create", str(folder / "safe"), role="owner")
            with closing(stack.connect("postgres")) as connection:
                connection.autocommit = True
                connection.cursor().execute("CREATE DATABASE portal_drill OWNER portal_owner")
            backups = str(folder / "backups")
            arguments = {
                "backup": ["backup", backups],
                "next backup, nothing new": ["backup", backups],
                "drill with the key": ["restore", backups, "--key", str(folder / "safe"), "--drill"],
                "restore": ["restore", backups, "--key", str(folder / "safe")],
            }
            print(f"{total:.0f} MB in {files} files, {_count(stack)} tips", flush=True)
            for what, command in arguments.items():
                if what == "restore":
                    shutil.rmtree(store)
                    store.mkdir()
                    with closing(stack.connect()) as connection, connection:
                        connection.cursor().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                started, used = time.perf_counter(), _count_cpu_seconds()
                # Not `Stack.run_manage`, which gives up after three minutes.
                subprocess.run(
                    [sys.executable, "manage.py", *command], cwd=ROOT, env=stack.environment("owner"), check=True, stdout=subprocess.DEVNULL
                )  # fmt: skip
                seconds, used = time.perf_counter() - started, _count_cpu_seconds() - used
                print(
                    f"{what}: {seconds:.1f} s, {total / seconds:.0f} MB/s; {used:.1f} s of the processor without PostgreSQL,"
                    f" {total / used:.0f} MB/s",
                    flush=True,
                )
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(
                f"largest process: {memory:.0f} MiB; {_count(stack)} tips and {len(list(store.iterdir()))} files are back"
            )


def _count_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fill(stack: Stack, store: Path, megabytes: int) -> None:
    size = FILE_CHUNKS * vault.SEALED_CHUNK_BYTES
    files = [str(uuid.uuid4()) for _ in range(megabytes * 1_000_000 // size)]
    for file in files:
        (store / file).write_bytes(os.urandom(size))
    with closing(stack.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(FILL, [TIPS])
        cursor.execute(ATTACH, [files])


def _count(stack: Stack) -> int:
    with closing(stack.connect(SUPERUSER)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tips_tip")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()

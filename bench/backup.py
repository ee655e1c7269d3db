"""MB/s of a backup, of the next one, of a drill and of a restore, as the owner's database user.

.venv/bin/python -m bench.backup             # 500 MB of files and 10,000 tips
.venv/bin/python -m bench.backup --quick     # 50 MB
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

from bench.row_rewriting import COPY
from tests.stack import Stack
from tipportal.dev_stack.servers import SUPERUSER
from tips import vault

FILE_CHUNKS = 48  # 3 MB, as a photo
ATTACH = """
INSERT INTO tips_attachment SELECT (jsonb_populate_record(NULL::tips_attachment, to_jsonb(a) || jsonb_build_object(
    'id', gen_random_uuid(), 'file', file, 'position', 1000 + n))).*
FROM unnest(%s::uuid[]) WITH ORDINALITY AS files(file, n), (SELECT * FROM tips_attachment WHERE state = 'ready' LIMIT 1) AS a
"""


def main() -> None:
    megabytes = 50 if "--quick" in sys.argv else 500
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = {"BACKUP_KEYS": str(folder / "backup-keys")}
        with Stack(folder, web=[], demo=True, variables=variables) as stack:
            store = Path(stack.keys["MEDIA_STORE"])
            _fill(stack, store, megabytes)
            total = sum(path.stat().st_size for path in store.iterdir()) / 1e6
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
            print(f"{total:.0f} MB of files, {_count(stack)} tips")
            for what, command in arguments.items():
                if what == "restore":
                    shutil.rmtree(store)
                    store.mkdir()
                    with closing(stack.connect()) as connection, connection:
                        connection.cursor().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                started = time.perf_counter()
                stack.run_manage(*command, role="owner")
                seconds = time.perf_counter() - started
                print(f"{what}: {seconds:.1f} s, {total / seconds:.0f} MB/s")
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(
                f"largest process: {memory:.0f} MiB; {_count(stack)} tips and {len(list(store.iterdir()))} files are back"
            )


def _fill(stack: Stack, store: Path, megabytes: int) -> None:
    size = FILE_CHUNKS * vault.SEALED_CHUNK_BYTES
    files = [str(uuid.uuid4()) for _ in range(megabytes * 1_000_000 // size)]
    for file in files:
        (store / file).write_bytes(os.urandom(size))
    with closing(stack.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(COPY, [10_000])
        cursor.execute(
            "UPDATE tips_attachment SET state = 'ready', worker_key = '', key_for_worker = NULL, file = gen_random_uuid()"
            " WHERE id = (SELECT id FROM tips_attachment LIMIT 1)"
        )
        cursor.execute(ATTACH, [files])


def _count(stack: Stack) -> int:
    with closing(stack.connect(SUPERUSER)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tips_tip")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()

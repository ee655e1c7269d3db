"""How long the nightly rewriting of rows about sources takes, beside one update of all rows in their order.

.venv/bin/python -m bench.row_rewriting
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.stack import Stack

TIPS = 10_000
COPY = """
INSERT INTO tips_tip SELECT (jsonb_populate_record(NULL::tips_tip, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid(),
    'number', 100000 + n, 'token_hash', sha256(int8send(n)), 'form_hash', sha256(int8send(-n))))).*
FROM generate_series(1, %s) AS n, (SELECT * FROM tips_tip LIMIT 1) AS t
"""
IN_ORDER = "UPDATE tips_tip SET report = report || ''"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), web=[], demo=True) as stack,
        closing(stack.connect("owner")) as connection,
    ):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT source_rows_rewrite()")
            cursor.execute(COPY, [TIPS])
            for name, statement in (
                ("in their order, one statement", IN_ORDER),
                ("source_rows_rewrite()", "SELECT source_rows_rewrite()"),
                ("source_rows_rewrite() with nothing to do", "SELECT source_rows_rewrite()"),
            ):
                started = time.perf_counter()
                cursor.execute(statement)
                print(f"{name}: {time.perf_counter() - started:.2f} s for {TIPS} tips")


if __name__ == "__main__":
    main()

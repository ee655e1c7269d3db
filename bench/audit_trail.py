"""Measures the audit trail with a million lines and 100,000 tips: pages, filters, the check, the export. See bench/README.md."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.stack import ROOT, Stack

TIPS = """
INSERT INTO tips_tip SELECT (jsonb_populate_record(NULL::tips_tip, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid(),
    'number', 100000 + n, 'token_hash', sha256(int8send(n)), 'form_hash', sha256(int8send(-n))))).*
FROM generate_series(1, {tips}) AS n, (SELECT * FROM tips_tip LIMIT 1) AS t
ON CONFLICT DO NOTHING
"""
# Seals of the right chain are made in the process below: here is only what the pages read.
LINES = """
INSERT INTO core_auditentry (id, at, actor, action, subject, detail, seal, is_restricted)
SELECT n, timestamptz '2025-01-01' + n * interval '30 seconds', 'officer' || n % 60,
    ('{{opened,answered,viewed,assigned,signed in,changed duty}}'::text[])[1 + n % 6],
    CASE WHEN n % 6 < 4 THEN 'tip ' || 100000 + (random() * {tips} * 1.2)::int ELSE 'account officer' || n % 60 END, '', '', false
FROM generate_series(1, {lines}) n
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--tips", type=int, default=100_000)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.lines)
        return
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=[], demo=True) as stack:
        with closing(stack.connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                cursor.execute("DELETE FROM core_auditentry")
                cursor.execute(TIPS.format(tips=arguments.tips))
                cursor.execute(LINES.format(tips=arguments.tips, lines=arguments.lines))
                cursor.execute("ANALYZE core_auditentry; ANALYZE tips_tip")
        environment = os.environ | stack.environment("staff")
        command = [sys.executable, "-m", "bench.audit_trail", "--measure", "--lines", str(arguments.lines)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


def measure(line_count: int) -> None:
    import django

    django.setup()
    from core.audit import trail
    from core.models import Account, AuditEntry
    from tipportal.audit_trail import csv_export, visible_lines
    from tipportal.audit_trail.visible_lines import TrailFilter

    supervisor = Account.objects.get(username="supervisor")
    administrator = Account.objects.get(username="administrator")
    some = AuditEntry.objects.filter(tip__isnull=False)[0]
    middle = AuditEntry.objects.get(pk=line_count // 2).at
    pages: dict[str, Callable[[], Any]] = {
        "newest page, supervisor": lambda: page(supervisor, TrailFilter()),
        "newest page, administrator": lambda: page(administrator, TrailFilter()),
        "page in the middle": lambda: page(supervisor, TrailFilter(), before=middle),
        "the page before that": lambda: page(supervisor, TrailFilter(), after=middle),
        "one tip": lambda: page(supervisor, TrailFilter(tip=some.tip)),
        "one officer": lambda: page(supervisor, TrailFilter(who="officer7")),
        "one act": lambda: page(supervisor, TrailFilter(what="signed")),
        "an act that is not there": lambda: page(supervisor, TrailFilter(what="levitated")),
        "an officer who is not there": lambda: page(supervisor, TrailFilter(who="nobody")),
        "one officer's act, one day": lambda: page(
            supervisor, TrailFilter("officer7", "opened", None, middle, middle.replace(hour=23))
        ),
    }

    def page(account: Account, asked: TrailFilter, **cursor: Any) -> None:
        visible_lines.read_page(account, asked, **cursor)

    for name, read in pages.items():
        read()
        times = []
        for _round in range(9):
            started = time.perf_counter()
            read()
            times.append(1000 * (time.perf_counter() - started))
        print(f"{name}: {statistics.median(times):.1f} ms (most {max(times):.1f})")
    started = time.process_time()
    size = sum(len(row) for row in csv_export.stream_csv(visible_lines.find_lines(supervisor, TrailFilter())))
    print(f"export of all lines: {time.process_time() - started:.1f} s of processor time, {size / 1e6:.0f} MB")
    rows = list(
        AuditEntry.objects.order_by("id").values_list("id", "at", "actor", "action", "subject", "detail")[:100_000]
    )
    key, seal, sealed = trail.read_key(), bytes(trail.SEAL_BYTES), []
    for row in rows:
        seal = trail._compute_seal(key, seal, row)
        sealed.append((*row, seal))
    started = time.process_time()
    assert trail.verify_rows(key, sealed).last == len(rows)
    hashing = time.process_time() - started
    started = time.process_time()
    for _row in AuditEntry.objects.order_by("id").values_list(*trail._COLUMNS)[:100_000].iterator(chunk_size=2000):
        pass
    reading = time.process_time() - started
    print(f"check of 100,000 lines: {hashing:.2f} s of processor time for hashing, {reading:.2f} s for reading")


if __name__ == "__main__":
    main()

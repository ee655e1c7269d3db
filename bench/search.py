"""Measures searches in sealed texts: the scan, the search process's memory, and opening tip by tip in one process. See bench/README.md."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.stack import ROOT, Stack
from tips import vault
from tips.receipts import load_words

# The word that the measured search looks for, in one tip of a hundred; the newest tip has it.
RARE = "zanzibar"
WORDS_A_TEXT = 50
TIP = ("id", "category_id", "state", "disposition", "priority", "received_at", "legal_hold", "agency_key_id", "key_for_agency",
       "form_hash", "receipt_seen", "report")  # fmt: skip
MESSAGE = ("id", "tip_id", "author", "position", "body", "written_at", "form_hash", "read")
NOTE = ("id", "tip_id", "position", "body", "written_at")
NOTES_KEY = ("tip_id", "agency_key_id", "key_for_agency")
ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tips", type=int, default=10_000)
    parser.add_argument("--memory-only", action="store_true", help="leave out what opens all tips again and again")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(scans=not arguments.memory_only)
        return
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=[], demo=True) as stack:
        with closing(stack.connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                cursor.execute("DELETE FROM tips_arrival")
                cursor.execute("SELECT id FROM tips_category WHERE NOT is_sensitive ORDER BY id LIMIT 1")
                write_tips(cursor, arguments.tips, cursor.fetchone()[0], Path(stack.keys["AGENCY_PUBLIC_KEYS"]))
                cursor.execute("VACUUM ANALYZE")
        environment = os.environ | stack.environment("staff")
        command = [
            sys.executable,
            "-m",
            "bench.search",
            "--measure",
            *(["--memory-only"] if arguments.memory_only else []),
        ]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


def write_tips(cursor: Any, count: int, category_id: int, public_keys: Path) -> None:
    """Copy tips of three texts into the database: a report, a message of the source, and an officer's note."""
    draw, vocabulary = random.Random(17), load_words()
    rows: dict[str, list[tuple[Any, ...]]] = {"tip": [], "message": [], "notes_key": [], "note": []}
    now = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
    # The same keys for all tips: that saves most of the writing, and opening them takes what it takes.
    key, notes_key = vault.generate_key(), vault.generate_key()
    key_id, sealed_key = vault.seal_key_to_newest(key, public_keys)
    _, sealed_notes_key = vault.seal_key_to_newest(notes_key, public_keys)
    for number in range(count):
        tip_id, message_id, note_id = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        received = now - dt.timedelta(hours=number // 4)
        rare = f" {RARE}" if number % 100 == 0 else ""
        # Half of the texts have a typographic apostrophe or an accent, as phones write them.
        texts = [" ".join(draw.choices(vocabulary, k=WORDS_A_TEXT)) + (" it\u2019s Jos\u00e9" if draw.random() < 0.5 else "") for _ in range(3)]  # fmt: skip
        report = {"arrived_at": received.isoformat(), "description": texts[0] + rare, "danger": "", "answers": [],
                  "place": "Harbor Street", "place_ref": "", "latitude": None, "longitude": None, "when": "", "incident": "", "about": ""}  # fmt: skip
        sealed = vault.seal_text(key, json.dumps(report, ensure_ascii=False), vault.report_context(tip_id))
        body = vault.seal_text(key, texts[1], vault.message_context(tip_id, message_id, "source", 1))
        note = vault.seal_text(notes_key, texts[2], vault.note_context(tip_id, note_id, 1))
        rows["tip"].append(
            (tip_id, category_id, "new", "", 2, received, False, key_id, sealed_key, os.urandom(32), True, sealed)
        )
        rows["message"].append((message_id, tip_id, "source", 1, body, received, os.urandom(32), True))
        rows["notes_key"].append((tip_id, key_id, sealed_notes_key))
        rows["note"].append((note_id, tip_id, 1, note, received))
    for table, columns, name in (
        ("tips_tip", TIP, "tip"),
        ("tips_message", MESSAGE, "message"),
        ("tips_noteskey", NOTES_KEY, "notes_key"),
        ("tips_note", NOTE, "note"),
    ):
        buffer = io.StringIO()
        csv.writer(buffer).writerows([["\\x" + cell.hex() if isinstance(cell, bytes) else cell for cell in row] for row in rows[name]])  # fmt: skip
        buffer.seek(0)
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT csv, NULL 'none')", buffer)


def measure(*, scans: bool) -> None:
    import django

    django.setup()
    from django.conf import settings

    from core.models import Account
    from core.web.asked_once import asked_once
    from tips.desk.search import matching, scan, sealed_tips, slices, tip_batches
    from tips.desk.search.text_memory import TextMemory
    from tips.desk.search.tip_batches import Scope

    officer = Account.objects.get(username="officer")
    terms = matching.parse_words(RARE)
    candidates = tip_batches.list_candidates(officer, Scope.GENERAL)
    print(f"{len(candidates):,} tips of three texts, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")

    def search(engine: Any, seconds: float = 600) -> slices.Slice:
        return slices.search(officer, terms, Scope.GENERAL, None, seconds, 10**9, engine=engine)

    def one_process(terms: Any, batches: Any) -> Iterator[Any]:
        for ids in batches:
            yield sealed_tips.match_batch(tip_batches.fetch_batch(ids), terms, settings.AGENCY_PRIVATE_KEYS)

    rounds = 3 if scans else 0
    report(
        "list the tips that the officer may open",
        time_of(lambda: tip_batches.list_candidates(officer, Scope.GENERAL), ROUNDS),
    )
    report("scan: first hits, helpers not started before", time_of(lambda: search(scan.match_batches, 0), 1))
    for _ in range(rounds):  # in turns: the machine's noise meets both
        report("scan: all tips", time_of(lambda: search(scan.match_batches), 1))
        report("opened tip by tip in one process", time_of(lambda: search(one_process), 1))
    report("scan: first hits", time_of(lambda: search(scan.match_batches, 0), ROUNDS))
    before, memory = resident_megabytes(), TextMemory()
    memory.synchronize()
    report("memory: first search, which opens all", time_of(lambda: search(memory.match_batches), 1))
    print(f"memory: {resident_megabytes() - before:.0f} MB for {len(memory):,} tips")

    def warm() -> Any:
        memory.synchronize()
        with asked_once():
            return search(memory.match_batches)

    memory.synchronize()
    report("memory: warm, one word", time_of(warm, ROUNDS))
    report(
        "memory: look for changes after one",
        time_of(lambda: memory._watcher.submit(memory._forget_changed).result(), ROUNDS),
    )
    engines = (scan.match_batches, one_process, memory.match_batches) if scans else (memory.match_batches,)
    found = [len(search(engine).found) for engine in engines]
    print(f"found by each: {found}")
    memory.close()


Times = list[tuple[float, float]]


def time_of(run: Any, rounds: int) -> Times:
    """Return the seconds of each round, and the CPU seconds of this process among them."""
    times = []
    for _ in range(rounds):
        started, cpu = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - started, time.process_time() - cpu))
    return times


def report(name: str, times: Times) -> None:
    seconds, cpu = zip(*times, strict=True)
    spread = (
        f", {min(seconds) * 1000:,.0f} to {max(seconds) * 1000:,.0f} in {len(seconds)} rounds"
        if len(seconds) > 1
        else ""
    )
    print(
        f"{name}: {statistics.median(seconds) * 1000:,.0f} ms{spread}; CPU of this process {statistics.median(cpu) * 1000:,.0f} ms",
        flush=True,
    )


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    main()

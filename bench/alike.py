"""Measure what finding tips like others costs: reading a tip into the index, its memory, and the look-up for a page of the queue.

    python -m bench.alike [TIPS]

No database: reading a tip also opens its seal (about 0.2 ms), and a look-up asks one query for up to 256 ids.
"""

from __future__ import annotations

import datetime as dt
import random
import resource
import statistics
import sys
import time
import uuid

from tips.desk.alike import features
from tips.desk.alike.index import AlikeIndex
from tips.receipts import load_words

ROWS = 50
WORDS_A_TIP = 60
EVENT_SHARE = 0.1  # of the tips are about one of the events
EVENTS = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    draw = random.Random(17)
    vocabulary = load_words()
    events = [draw.choices(vocabulary, k=40) for _ in range(EVENTS)]
    now = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
    reports = [build_report(draw, vocabulary, events) for _ in range(count)]
    memory = peak_megabytes()
    index, ids, seconds = AlikeIndex(), [], []
    begun = time.perf_counter()
    for report in reports:
        tip_id = uuid.uuid4()
        started = time.perf_counter()
        received_at = now - dt.timedelta(hours=draw.randrange(90 * 24))
        index.add(tip_id, features.extract(report, received_at))
        seconds.append(time.perf_counter() - started)
        ids.append(tip_id)
    total = time.perf_counter() - begun
    print(f"{count} tips in {total:.1f} s; one: median {statistics.median(seconds) * 1000:.2f} ms, ", end="")
    print(f"95 of 100 under {statistics.quantiles(seconds, n=20)[-1] * 1000:.2f} ms")
    print(f"memory: {peak_megabytes() - memory:.0f} MB more")
    rounds = []
    for _ in range(200):
        started = time.perf_counter()
        found = [index.find(tip_id) for tip_id in draw.sample(ids, ROWS)]
        rounds.append(time.perf_counter() - started)
    print(f"{ROWS} rows: {statistics.median(rounds) * 1000:.3f} ms; ", end="")
    print(f"{sum(map(len, found)) / ROWS:.1f} neighbors a tip in the last round")


def build_report(draw: random.Random, vocabulary: tuple[str, ...], events: list[list[str]]) -> dict[str, object]:
    # A few words are in most texts, most words in few.
    common = [vocabulary[int(len(vocabulary) * draw.random() ** 4)] for _ in range(WORDS_A_TIP)]
    if draw.random() < EVENT_SHARE:
        common[:25] = draw.sample(draw.choice(events), 25)
        draw.shuffle(common)
    at = {"latitude": 41.5 + draw.random() / 10, "longitude": -38.5 + draw.random() / 10}
    return {"description": " ".join(common), "answers": [], "place": "", "place_ref": "", **at}


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

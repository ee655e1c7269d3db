"""Measures the server time of pages with 10,000 stories: see bench/README.md."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.stack import Stack

VOCABULARY = (
    "bicycle lamp street neighbor garage officer window school river bridge market paint copper night morning van dog "
    "shoe receipt answer engine corner garden station park letter phone clerk savings flat stair door parcel key winter"
)
WORDS = VOCABULARY.split(" ")
WARM_UP_REQUESTS = 10
P95_LIMIT_SECONDS = 0.040

# Each story has about 250 words, drawn so that some words are in every story and most in few.
FILL = """
INSERT INTO core_account (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
    VALUES ('bench', '', '', '', '', false, true, false, now());
INSERT INTO outreach_tag (slug, name) SELECT 'tag-' || n, 'Tag ' || n FROM generate_series(1, 40) n;
CREATE TEMPORARY TABLE generated AS
    SELECT n, 'story-' || n AS slug, 'Story ' || n || ' of a ' || w[1 + n % {words}] AS title,
        'What became of it when somebody spoke up about a ' || w[1 + n / 7 % {words}] AS summary,
        (SELECT string_agg(CASE WHEN i % 40 = 0 THEN E'.\\n\\n## And then\\n\\n' WHEN i % 3 = 0 THEN 'rare' || (hashint4(n * 300 + i) & 4095)
            ELSE w[1 + (hashint4(n * 300 + i) & 1023) % {words}] END, ' ') FROM generate_series(1, 250) i) AS body,
        (ARRAY['arrest', 'weapons', 'property', 'prevention', 'you_said_we_did', 'other'])[1 + n % 6] AS category,
        jsonb_build_array(jsonb_build_array('district', (1 + n % 4)::text)) AS areas, n % 3 AS arrests
    FROM generate_series(1, {count}) n, (SELECT string_to_array('{list}', ' ') AS w) list;
INSERT INTO outreach_story (id, slug, title, summary, body, category, areas, what_happened, how_soon, arrests, property_words, quote,
        quote_by, you_said, we_did, status, version, author_id, edited_by_id, edited_at, approved_by_id, correction)
    SELECT n, slug, title, summary, body, category, areas, '', 'day', arrests, '', '', '', '', '', 'published', 1, a, a, now(), a, ''
    FROM generated, (SELECT max(id) AS a FROM core_account) by;
INSERT INTO outreach_publishedstory (story_id, slug, title, summary, body, category, areas, what_happened, how_soon, arrests,
        property_words, quote, quote_by, you_said, we_did, published_on)
    SELECT n, slug, title, summary, body, category, areas, '', 'day', arrests, '', '', '', '', '', date '2026-11-01' - n / 4 FROM generated;
INSERT INTO outreach_publishedstory_tags (publishedstory_id, tag_id)
    SELECT n, 1 + (SELECT min(id) FROM outreach_tag) - 1 + n % 40 FROM generated;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="20 of each question instead of 200")
    options = parser.parse_args()
    times = 20 if options.quick else 200
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=["public"]) as stack:
        _fill(stack, options.stories)
        rng = random.Random(3)
        path_makers = {
            "list": lambda: f"/stories/?page={rng.randint(1, options.stories // 12)}",
            "list, filtered": lambda: f"/stories/?category=arrest&tag=tag-{rng.randint(1, 40)}",
            "story": lambda: f"/stories/story-{rng.randint(1, options.stories)}/",
            "search, a rare word": lambda: f"/stories/search/?q=rare{rng.randint(0, 4095)}",
            "search, two words": lambda: f"/stories/search/?q={quote(' '.join(rng.sample(WORDS, 2)))}",
            "search, a common word": lambda: f"/stories/search/?q={rng.choice(WORDS)}",
            "feed": lambda: "/stories/feed.atom",
            "impact": lambda: "/impact/",
            "share card": lambda: f"/stories/card/story-{rng.randint(1, options.stories)}.png",
        }
        print(
            f"{options.stories:,} stories, {times} of each\n{'':24}{'median':>10}{'p95':>10}{'longest':>10}{'CPU each':>10}   ms"
        )
        for name, make_path in path_makers.items():
            durations, cpu = _measure(stack, make_path, times)
            p95 = statistics.quantiles(durations, n=20)[-1]
            mark = "" if p95 < P95_LIMIT_SECONDS or name == "share card" else f"   over {P95_LIMIT_SECONDS * 1000:.0f}"
            figures = (statistics.median(durations), p95, max(durations), cpu)
            print(f"{name:24}" + "".join(f"{1000 * figure:10.1f}" for figure in figures) + mark, flush=True)


def _fill(stack: Stack, count: int) -> None:
    with stack.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute(FILL.format(count=count, words=len(WORDS), list=" ".join(WORDS)))
    connection.autocommit = True  # what autovacuum does within minutes
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


def _measure(stack: Stack, make_path: Callable[[], str], times: int) -> tuple[list[float], float]:
    """Return the seconds of each response, requested one after another on one connection, and the CPU seconds of each.

    The first few requests are not counted: they warm the processes up. CPU time covers all processes of the portal, PostgreSQL
    included; on a machine with other users it is more reliable than elapsed time.
    """
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports["public"])
    durations, before = [], 0.0
    for number in range(times + WARM_UP_REQUESTS):
        if number == WARM_UP_REQUESTS:
            before = _cpu()
        path = make_path()
        begin = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if number >= WARM_UP_REQUESTS:
            durations.append(time.perf_counter() - begin)
        assert answer.status == 200, (path, answer.status)
    return durations, (_cpu() - before) / times


def _cpu() -> float:
    """Return the CPU seconds of this process's descendants (Linux)."""
    ticks, family = 0, {os.getpid()}
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda found: int(found.parent.name)):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) in family:
                family.add(int(path.parent.name))
                ticks += sum(map(int, fields[11:15]))  # its own, and that of its ended children
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()

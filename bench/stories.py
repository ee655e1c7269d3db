"""Server time of the pages of 10,000 stories: see bench/README.md."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from tests.stack import Stack

SPOKEN = (
    "bicycle lamp street neighbor garage officer window school river bridge market paint copper night morning van dog "
    "shoe receipt answer engine corner garden station park letter phone clerk savings flat stair door parcel key winter"
)
WORDS = SPOKEN.split(" ")
WARM = 10
LIMIT = 0.040  # seconds: what 95 of 100 answers must stay under

# Words are drawn so that some are in every story and most in few; a story has some 250 of them.
FILL = """
INSERT INTO core_account (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
    VALUES ('bench', '', '', '', '', false, true, false, now());
INSERT INTO outreach_tag (slug, name) SELECT 'tag-' || n, 'Tag ' || n FROM generate_series(1, 40) n;
CREATE TEMPORARY TABLE told AS
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
    FROM told, (SELECT max(id) AS a FROM core_account) by;
INSERT INTO outreach_publishedstory (story_id, slug, title, summary, body, category, areas, what_happened, how_soon, arrests,
        property_words, quote, quote_by, you_said, we_did, published_on)
    SELECT n, slug, title, summary, body, category, areas, '', 'day', arrests, '', '', '', '', '', date '2026-11-01' - n / 4 FROM told;
INSERT INTO outreach_publishedstory_tags (publishedstory_id, tag_id)
    SELECT n, 1 + (SELECT min(id) FROM outreach_tag) - 1 + n % 40 FROM told;
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stories", type=int, default=10_000)
    options.add_argument("--quick", action="store_true", help="20 of each question instead of 200")
    given = options.parse_args()
    times = 20 if given.quick else 200
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=["public"]) as stack:
        _fill(stack, given.stories)
        chance = random.Random(3)
        questions = {
            "list": lambda: f"/stories/?page={chance.randint(1, given.stories // 12)}",
            "list, filtered": lambda: f"/stories/?category=arrest&tag=tag-{chance.randint(1, 40)}",
            "story": lambda: f"/stories/story-{chance.randint(1, given.stories)}/",
            "search, a rare word": lambda: f"/stories/search/?q=rare{chance.randint(0, 4095)}",
            "search, two words": lambda: f"/stories/search/?q={quote(' '.join(chance.sample(WORDS, 2)))}",
            "search, a common word": lambda: f"/stories/search/?q={chance.choice(WORDS)}",
            "feed": lambda: "/stories/feed.atom",
            "impact": lambda: "/impact/",
            "share card": lambda: f"/stories/card/story-{chance.randint(1, given.stories)}.png",
        }
        print(
            f"{given.stories:,} stories, {times} of each\n{'':24}{'median':>10}{'p95':>10}{'longest':>10}{'CPU each':>10}   ms"
        )
        for name, question in questions.items():
            taken, cpu = _ask(stack, question, times)
            p95 = statistics.quantiles(taken, n=20)[-1]
            mark = "" if p95 < LIMIT or name == "share card" else f"   over {LIMIT * 1000:.0f}"
            figures = (statistics.median(taken), p95, max(taken), cpu)
            print(f"{name:24}" + "".join(f"{1000 * figure:10.1f}" for figure in figures) + mark, flush=True)


def _fill(stack: Stack, count: int) -> None:
    with stack.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute(FILL.format(count=count, words=len(WORDS), list=" ".join(WORDS)))
    connection.autocommit = True  # what autovacuum does within minutes
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


def _ask(stack: Stack, question, times: int) -> tuple[list[float], float]:
    """Seconds of each answer, asked one after another on one connection, and seconds of CPU an answer costs.

    The first few, which are not counted, warm the process up. CPU is that of all processes of the portal, PostgreSQL too:
    on a machine that others use it tells more than the clock.
    """
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports["public"])
    taken, before = [], 0.0
    for number in range(times + WARM):
        if number == WARM:
            before = _cpu()
        path = question()
        begin = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if number >= WARM:
            taken.append(time.perf_counter() - begin)
        assert answer.status == 200, (path, answer.status)
    return taken, (_cpu() - before) / times


def _cpu() -> float:
    """Seconds of CPU of this process' children and theirs, as Linux counts them."""
    ticks, family = 0, {os.getpid()}
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda found: int(found.parent.name)):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) in family:
                family.add(int(path.parent.name))
                ticks += sum(map(int, fields[11:15]))  # its own, and of its children that ended
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()

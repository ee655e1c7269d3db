"""Measures a morning's alerts: see bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.stack import ROOT, Stack

CITY = (41.62, -87.93, 42.02, -87.53)
KNOWN_INCIDENTS, NEW_INCIDENTS = 50_000, 5_000  # of sixty days and of one week in a big city

PUBLISH = """
import datetime, sys
import django; django.setup()
import numpy as np
from dataclasses import replace
from django.conf import settings
from crimemap.privacy import visibility
from crimemap.publishing import publisher
from tests.crimemap.sample_incidents import records, rule
from crimemap.privacy.visibility import RuleSource
count, south, west, north, east = int(sys.argv[1]), *map(float, sys.argv[2:])
today = (datetime.date.today() - datetime.date(1970, 1, 1)).days
rules = replace(rule(), sources={1: RuleSource("city", "City", 7, today)})
random = np.random.default_rng(3)
points = np.round(random.random((4000, 2)) * [north - south, east - west] + [south, west], 5).tolist()
rows = []
for number in range(count):
    place = int(random.integers(4000))
    rows.append({"code": int(random.choice([1, 2, 3])), "point": points[place], "block": f"{place}00 block of Arden Street",
        "district": str(place % 25), "beat": str(place % 277), "neighbourhood": str(place % 77),
        "day": today - 8 - int(random.integers(50)), "hour": int(random.integers(24)), "public_id": f"{number:012}"})
stored = records(*rows)
settings.INCIDENT_SNAPSHOTS.mkdir(exist_ok=True)
publisher.write_version(settings.INCIDENT_SNAPSHOTS, stored, visibility.decide_levels(stored, rules), rules, [])
"""

# A mixture: most subscribe to a block, some to a district or beat, a few to the whole city; half of them to one category.
SUBSCRIBE = """
INSERT INTO crimemap_subscription (sealed_contact, address_hash, link_hash, layer, code, latitude, longitude, radius, place,
    categories, rhythm, asked_at, confirmed_at, sent_up_to, looked_on)
SELECT %(sealed)s, sha256(('address' || number)::bytea), sha256(number::text::bytea),
    CASE WHEN kind BETWEEN 7 AND 8 THEN 'district' WHEN kind = 9 THEN 'beat' ELSE '' END,
    CASE WHEN kind BETWEEN 7 AND 8 THEN (number %% 25)::text WHEN kind = 9 THEN (number %% 277)::text ELSE '' END,
    CASE WHEN kind < 7 THEN 41.62 + random() * 0.4 END, CASE WHEN kind < 7 THEN -87.93 + random() * 0.4 END,
    CASE WHEN kind < 7 THEN (ARRAY[300, 500, 1000, 2000])[1 + number %% 4] END, '400 block of Arden Street',
    CASE WHEN number %% 2 = 0 THEN '{}'::text[] ELSE ARRAY[(ARRAY['burglary', 'assault', 'fraud'])[1 + number %% 3]] END,
    'weekly', now(), now(), 1, current_date - 40
FROM (SELECT number, number %% 11 AS kind FROM generate_series(1, %(count)s) number) made
"""

PLAN = """
import json, resource, time
import django; django.setup()
from crimemap.alerts import delivery, new_incidents, planning
from crimemap.models import Delivery
start = time.perf_counter(); planning.plan_mails(dry_run=True); found = time.perf_counter() - start
start = time.perf_counter(); plan = planning.plan_mails(); planned = time.perf_counter() - start
start = time.perf_counter()
from crimemap.snapshot import reader
from django.utils import timezone
new = planning.load_new_incidents(reader.current(), 1, timezone.now())
batch = list(Delivery.objects.order_by("pk")[:1000])
box = delivery.DeliveryOutbox(new)
made = [box.compose_mail(each) for each in batch]
print(json.dumps({"new": plan.new_count, "due": sum(plan.due_by_rhythm.values()), "mails": plan.mail_count, "found": found, "plan": planned,
    "mail": (time.perf_counter() - start) / len(batch),
    "sent": sum(len(each.sent_ids) // 12 for each in made if each) / len(batch),
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

# For comparison: new incidents are in an indexed table, and each subscription queries it.
PLAIN = """
import json, math, sys, time
import django; django.setup()
from django.db import connection
from crimemap.snapshot import reader
from crimemap.models import Edition, Subscription
published = reader.current()
rows = published.read_rows(range(len(published.columns["time"])))
new = set(bytes(Edition.objects.last().public_ids)[at : at + 12].decode() for at in range(0, 12 * int(sys.argv[2]), 12))
with connection.cursor() as cursor:
    cursor.execute("CREATE TEMPORARY TABLE plain (public_id text, latitude float8, longitude float8, district text, beat text, category text)")
    for row in rows:
        if row.public_id in new:
            cursor.execute("INSERT INTO plain VALUES (%s, %s, %s, %s, %s, %s)", [row.public_id, row.latitude, row.longitude,
                row.areas.get("district", ""), row.areas.get("beat", ""), row.category])
    cursor.execute("CREATE INDEX ON plain (latitude, longitude); CREATE INDEX ON plain (district); CREATE INDEX ON plain (beat); ANALYZE plain")
    chosen = list(Subscription.objects.order_by("pk")[: int(sys.argv[1])])
    start = time.perf_counter()
    found = 0
    for each in chosen:
        where, values = ["true"], []
        if each.layer:
            where.append(f"{each.layer} = %s"); values.append(each.code)
        if each.radius:
            north = each.radius / 111195; east = north / math.cos(math.radians(each.latitude))
            where.append("latitude BETWEEN %s AND %s AND longitude BETWEEN %s AND %s")
            values += [each.latitude - north, each.latitude + north, each.longitude - east, each.longitude + east]
        if each.categories:
            where.append("category = ANY(%s)"); values.append(each.categories)
        cursor.execute(f"SELECT public_id FROM plain WHERE {' AND '.join(where)}", values)
        found += bool(cursor.fetchall())
print(json.dumps({"seconds": (time.perf_counter() - start) / len(chosen), "found": found}))
"""


def run_code(stack: Stack, code: str, *args: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=ROOT,
        env=stack.environment("bulk") | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def store_subscriptions(stack: Stack, count: int) -> None:
    seal = "import django; django.setup()\nfrom core.mail import subscriber_addresses as a\nprint(a.seal_contact(a.Contact('maria@example.org', bytes(32))).hex())"
    sealed = bytes.fromhex(run_code(stack, seal).strip())
    with stack.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute(SUBSCRIBE, {"sealed": sealed, "count": count})
    connection = stack.connect("owner")
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE crimemap_subscription")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the subscriptions")
    count = 10_000 if parser.parse_args().quick else 100_000
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=[]) as stack:
        run_code(stack, PUBLISH, KNOWN_INCIDENTS, *CITY)
        run_code(stack, "import django; django.setup()\nfrom crimemap.alerts import planning\nplanning.plan_mails()")
        run_code(stack, PUBLISH, KNOWN_INCIDENTS + NEW_INCIDENTS, *CITY)
        store_subscriptions(stack, count)
        begin = time.perf_counter()
        result: dict[str, Any] = json.loads(run_code(stack, PLAN))
        total_seconds = time.perf_counter() - begin
        plain: dict[str, Any] = json.loads(run_code(stack, PLAIN, 2000, result["new"]))
    print(f"{result['due']:,} alerts x {result['new']:,} new incidents on {os.cpu_count()} cores")
    print(f"  incidents read and matched to alerts     {result['found']:8.1f} s   peak {result['peak']:.0f} MB")
    print(f"  the same, and {result['mails']:,} mails written  {result['plan']:8.1f} s")
    print(f"  one SQL query per subscription, no mails {plain['seconds'] * count:8.1f} s   (2,000 of them, for all)")
    print(
        f"  one mail made, address opened            {result['mail'] * 1000:8.1f} ms  ({result['sent']:.0f} incidents found)"
    )
    print(f"  (with start of the process and 1,000 mails {total_seconds:.0f} s)")


if __name__ == "__main__":
    main()

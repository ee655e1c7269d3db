"""Random faults while people use the portal, and all that it promised afterwards: `make soak`, each night.

    SOAK_SEED=7 SOAK_FAULTS=40 .venv/bin/python -m pytest -m nightly tests/faults/test_soak.py

The same seed draws the same faults in the same order; how they meet what people do then differs. Without SOAK_SEED it is drawn, and
printed if something fails.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg2
import pytest

from tests.crimemap.alerts.city import EPOCH, ZONE, City
from tests.faults.soak import disks, verdict
from tests.faults.soak.clock import Clock
from tests.faults.soak.faults import Faults
from tests.faults.soak.people import CANARY, People
from tests.journey import Visitor
from tests.stack import Stack
from tipportal.deploy import processes

pytestmark = pytest.mark.nightly

SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
FAULTS = int(os.environ.get("SOAK_FAULTS", "200"))
RESIDENTS = [f"{CANARY}-{number}@example.org" for number in range(6)]
LONGEST_SECONDS, LONGEST_REST_SECONDS = 4.0, 3.0
TWO_AT_ONCE = 0.2
PUBLISH_EVERY = 10  # faults


class Portal:
    """The portal on small disks and a clock of its own."""

    def __init__(self, folder: Path, entered: ExitStack) -> None:
        self.images = folder / "images"
        self.images.mkdir()
        self.clock = Clock(folder / "clock")
        (folder / "portal" / "temp").mkdir(parents=True)
        roles = {"web": ["public", "staff"], "workers": ["alerts", "bulk", "media"], "beat": True}
        variables = {
            "TMPDIR": str(folder / "portal" / "temp"),
            "SEARCH_SOCKET": str(folder / "portal" / "search"),
            "WEB_CONCURRENCY": "2",
            **self.clock.variables(),
        }
        self.stack = Stack(folder / "portal", **roles, variables=variables, demo=True)
        self.stack.servers.postgres.environment |= self.clock.variables()
        self.disks: dict[str, disks.Disk] = {}
        if disks.can_mount(folder):
            for name, path, megabytes in (("files", "keys/media", 8000), ("PostgreSQL", "servers/postgres", 1500)):
                image = self.images / f"{name}.ext4"
                self.disks[name] = entered.enter_context(disks.Disk(self.stack.folder / path, image, megabytes))
        entered.enter_context(self.stack)
        self.stack.start_process(processes.SEARCH)


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    folder = Path(
        tempfile.mkdtemp(prefix="portal-soak-")
    )  # not pytest's: another user's PostgreSQL reads the clock's file
    folder.chmod(0o755)
    try:
        with ExitStack() as entered:
            yield Portal(folder, entered)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def subscribe(stack: Stack, city: City) -> None:
    """Publish a city, and let residents ask for its alerts and confirm them."""
    city.add_many("known", 5)
    city.publish()
    stack.send_task("crimemap.bulk.plan_alerts", queue="bulk")
    resident = Visitor(stack.public_url)
    for address in RESIDENTS:
        resident.open("/map/alerts/", {"where": "city", "rhythm": "daily", "email": address})
        assert resident.status == 302
    texts = [mail.get_body(("plain",)).get_content() for mail in stack.mails.wait(len(RESIDENTS), 90)]
    for text in texts:
        link = re.search(r"/map/alerts/confirm/[\w-]{43}/", text)
        assert link, text
        resident.open(link[0])
        resident.open(link[0], {})
        assert resident.status == 302
    stack.mails.clear()


def publish(stack: Stack, city: City, number: int) -> str:
    """Publish one more incident, on another day."""
    incident = city.add(f"soak{number}")
    city.publish()
    with suppress(psycopg2.Error):
        verdict.ask(stack, "UPDATE crimemap_subscription SET looked_on = looked_on - 1")
    with suppress(Exception):  # beat sends it again
        stack.send_task("crimemap.bulk.plan_alerts", queue="bulk")
    return incident


def test_a_portal_under_random_faults_keeps_its_promises(portal: Portal) -> None:
    print(f"seed {SEED}, {FAULTS} faults")
    stack, pick = portal.stack, random.Random(SEED)
    city = City(Path(stack.keys["INCIDENT_SNAPSHOTS"]), (dt.datetime.now(ZONE).date() - EPOCH).days)
    subscribe(stack, city)
    faults = Faults(stack, portal.clock, portal.disks, pick)
    people = People(stack, portal.clock, SEED)
    people.start()
    incidents = []
    begun = time.monotonic()
    for number in range(FAULTS):
        if number % PUBLISH_EVERY == 0:
            incidents.append(publish(stack, city, number))
        together = [faults.draw() for _ in range(2 if pick.random() < TWO_AT_ONCE else 1)]
        seconds, rest = pick.random() * LONGEST_SECONDS, pick.random() * LONGEST_REST_SECONDS
        print(f"{time.monotonic() - begun:7.1f} s  {' and '.join(each.name for each in together)} for {seconds:.1f} s", flush=True)  # fmt: skip
        for fault in together:
            fault.begin()
        time.sleep(seconds)
        for fault in reversed(together):
            fault.end()
        time.sleep(rest)
    for process in processes.PRODUCTION:
        if process.name in stack.children:
            stack._wait_until_ready(process)
    people.stop()
    record = people.record
    print(
        f"{len(record.sent)} receipts, {len(record.arrived)} tips without, {len(record.taken_answers)} answers, {record.statuses}"
    )
    stack.send_task("crimemap.bulk.plan_alerts", queue="bulk")
    verdict.come_to_rest(stack)
    broken = [
        *verdict.find_broken_promises(stack, record),
        *verdict.find_wrong_searches(people),
        *verdict.find_repeated_alerts(stack, incidents, RESIDENTS),
        *verdict.find_leaks(stack, [disk.image for disk in portal.disks.values()]),
    ]
    assert not broken, f"seed {SEED}: {faults.names}"

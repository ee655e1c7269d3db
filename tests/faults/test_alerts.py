"""Alerts by e-mail in a real portal: requested on the public node, sent by the bulk worker.

The worker is killed after sending a mail and before recording it. Every resident gets each incident exactly once.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.crimemap.alerts.city import EPOCH, ZONE, City
from tests.journey import Visitor
from tests.stack import Stack, wait_until

WORKER = "worker-bulk"
PEOPLE = [f"resident{number}@example.org" for number in range(24)]
A_DAY_PASSES = "UPDATE crimemap_subscription SET looked_on = looked_on - 1"
TRY_NOW = "UPDATE crimemap_delivery SET next_attempt_at = now()"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(
        tmp_path_factory.mktemp("alerts"), web=["public"], workers=["bulk"], variables={"WEB_CONCURRENCY": "1"}
    ) as running:
        yield running


@pytest.fixture(scope="module")
def city(stack: Stack) -> City:
    """Something is published, and alerts have looked at it."""
    city = City(Path(stack.keys["INCIDENT_SNAPSHOTS"]), (dt.datetime.now(ZONE).date() - EPOCH).days)
    city.add_many("known", 5)
    city.publish()
    run(stack)
    return city


@pytest.fixture(scope="module")
def links(stack: Stack, city: City) -> dict[str, str]:
    """Residents ask, get their mail, and press the button. By address the path of their link to leave."""
    resident = Visitor(stack.public_url)
    for address in PEOPLE:
        resident.open("/map/alerts/", {"where": "city", "rhythm": "daily", "email": address})
        assert resident.status == 302
    run(stack)
    confirm = {to[0]: re.search(r"/map/alerts/confirm/[\w-]{43}/", text)[0] for to, text in sent(stack, len(PEOPLE))}
    assert sorted(confirm) == sorted(PEOPLE)
    for path in confirm.values():
        resident.open(path)
        assert resident.status == 200
        resident.open(path, {})
        assert resident.status == 302
    assert not resident.cookies
    stack.mails.clear()
    return {address: path.replace("/confirm/", "/leave/") for address, path in confirm.items()}


def run(stack: Stack, *, to_the_end: bool = True) -> None:
    """Run beat's tasks of the bulk worker. Tasks of a killed worker stay with the broker."""
    broker: Any = redis.Redis.from_url(stack.redis_url)
    held = broker.hlen("unacked")
    stack.send_task("crimemap.bulk.plan_alerts", queue="bulk")
    if to_the_end:
        wait_until(lambda: not broker.llen("bulk") and broker.hlen("unacked") <= held, 90, "the run is done")


def ask(stack: Stack, sql: str) -> Any:
    connection = stack.connect("owner")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def sent(stack: Stack, count: int) -> list[tuple[list[str], str]]:
    mails = stack.mails.wait(count, seconds=90)
    return [
        (to, mail.get_body(("plain",)).get_content()) for to, mail in zip(stack.mails.recipients, mails, strict=False)
    ]


def settled(stack: Stack) -> bool:
    return ask(stack, "SELECT count(*) FROM crimemap_delivery WHERE state = 'waiting'") == 0


class Killer:
    """Kills the worker while the mail server has taken a mail, and its answer is on the way."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
        self.killed = threading.Semaphore(0)
        taken = stack.mails.handle_DATA
        count = 0

        async def handle(server: Any, session: Any, envelope: Any) -> str:
            nonlocal count
            answer = await taken(server, session, envelope)
            count += 1
            if count in numbers:
                stack.children[WORKER].kill()
                self.killed.release()
            return answer

        monkeypatch.setattr(stack.mails, "handle_DATA", handle)


def test_each_resident_is_mailed_once_despite_a_second_run_and_a_kill(
    stack: Stack, city: City, links: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = (7, 15)
    killer = Killer(stack, monkeypatch, *kills)
    new = city.add_many("new", 3)
    city.publish()
    ask(stack, A_DAY_PASSES)
    for _kill in kills:
        run(stack, to_the_end=False)
        assert killer.killed.acquire(timeout=90)
        wait_until(lambda: not stack.children[WORKER].is_alive, 120, "the worker's end")
        stack.start_worker("bulk")
        ask(stack, TRY_NOW)
    for _again in range(3):
        run(stack)
    assert settled(stack)
    mails = sent(stack, len(PEOPLE) + len(kills))
    assert len(mails) == len(PEOPLE) + len(kills)
    by_id = Counter(str(mail["Message-ID"]) for mail in stack.mails.received)
    assert len(by_id) == len(PEOPLE)
    assert sorted(by_id.values())[-3:] == [1, 2, 2]
    assert {to[0] for to, _text in mails} == set(PEOPLE)
    for _to, text in mails:
        assert all(public_id in text for public_id in new)
    stack.mails.clear()
    run(stack)
    late = city.add("late", day=city.today - 40)
    city.publish()
    ask(stack, A_DAY_PASSES)
    run(stack)
    assert settled(stack)
    assert Counter(to[0] for to, _text in sent(stack, len(PEOPLE))) == Counter(PEOPLE)
    for _to, text in sent(stack, len(PEOPLE)):
        assert late in text
        assert not any(public_id in text for public_id in new)


def test_no_address_is_in_plaintext_in_database_or_logs(stack: Stack, links: dict[str, str]) -> None:
    secrets = [path.split("/")[-2] for path in links.values()]
    connection = stack.connect("postgres")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
                text = str(cursor.fetchone()[0])
                for clear in ("resident1@", PEOPLE[1].encode().hex(), *secrets):
                    assert clear not in text, table
    finally:
        connection.close()
    for log in stack.logs.iterdir():
        text = log.read_text(errors="replace")
        assert "resident1" not in text
        assert not any(secret in text for secret in secrets)


def test_after_unsubscribing_there_is_no_mail_and_no_data(stack: Stack, city: City, links: dict[str, str]) -> None:
    stack.mails.clear()
    provider = Visitor(stack.public_url)
    for address in PEOPLE[:23]:
        provider.open(links[address], {"List-Unsubscribe": "One-Click"})
        assert provider.status == 200
    for table in ("subscription", "alertlink"):
        assert ask(stack, f"SELECT count(*) FROM crimemap_{table}") == 1
    assert ask(stack, "SELECT count(DISTINCT address_hash) FROM crimemap_delivery") == 1
    city.add("last")
    city.publish()
    ask(stack, A_DAY_PASSES)
    run(stack)
    assert [to for to, _text in sent(stack, 1)] == [[PEOPLE[23]]]

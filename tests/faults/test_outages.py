"""Outages of a part of the portal: a source notices nothing or reads an explanation, and nothing sent is lost."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as BrowserError

from core.staff import groups
from tests.browser.source import visit
from tests.browser.test_staff import LIST, sign_in
from tests.journey import Visitor
from tests.stack import Stack, wait_until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("outages"), web=["all"], workers=["alerts"], beat=True, demo=True) as stack:
        yield stack


@pytest.fixture
def source(stack: Stack) -> Visitor:
    return Visitor(stack.public_url)


def tips(stack: Stack) -> int:
    connection = stack.connect("owner")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tips_tip")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_without_redis_a_tip_is_stored_and_alerted_later(stack: Stack, source: Visitor, how: str) -> None:
    fields = source.tip("Two men load boxes")
    before = len(stack.mails.received)
    (stack.stop_redis if how == "stopped" else stack.freeze_redis)()
    try:
        source.open("/tips/", fields)
        receipt = source.receipt()
        fresh = Visitor(stack.public_url)
        assert fresh.send("Another, with a form made while Redis was away")
        fresh.open("/tips/inbox/", {"receipt": receipt})
        assert fresh.status == 503
        assert "Your tip is safe" in fresh.page
    finally:
        (stack.start_redis if how == "stopped" else stack.resume_redis)()
    stack.mails.wait(before + 2, seconds=90)
    assert "Two men load boxes" in source.enter_inbox(receipt)


def test_without_postgresql_the_page_explains_and_keeps_the_text(stack: Stack, source: Visitor) -> None:
    fields = source.tip("Two men load boxes from a van")
    stack.stop_database()
    try:
        source.open("/tips/", fields)
        assert source.status == 503
        assert "Two men load boxes from a van" in source.page
        assert source.field("token") == fields["token"]
    finally:
        stack.start_database()
    source.open("/tips/", fields)
    assert source.receipt()


def test_a_web_process_killed_after_the_receipt_loses_nothing(stack: Stack, source: Visitor) -> None:
    receipt = source.send("Sent right before the power went")
    stack.kill_web()
    stack.start_web()
    assert "Sent right before the power went" in source.enter_inbox(receipt)


@pytest.mark.parametrize(
    "delay",  # each start of a web process takes seconds
    [pytest.param(0.0, marks=pytest.mark.nightly), 0.03, pytest.param(0.08, marks=pytest.mark.nightly)],
)
def test_a_web_process_killed_before_leaves_a_complete_tip_or_none(stack: Stack, source: Visitor, delay: float) -> None:
    """Killed at some moment of a post: a stored tip is complete, and sending the page again yields the same tip."""
    fields = source.tip(f"Killed after {delay} s")
    before = tips(stack)
    posting = threading.Thread(target=post_and_ignore, args=(stack, fields))
    posting.start()
    posting.join(delay)
    stack.kill_web()
    posting.join(30)
    stack.start_web()
    stored = tips(stack) - before
    source.open("/tips/", fields)
    if stored:
        assert f"Killed after {delay} s" in Visitor(stack.public_url).enter_inbox(source.receipt())
    elif source.status != 200:  # the web server's own keys are gone, and the shared ones may open the form all the same
        fields["token"] = source.field("token")
        source.open("/tips/", fields)
    assert source.receipt()
    assert tips(stack) == before + 1


def post_and_ignore(stack: Stack, fields: dict[str, str]) -> None:
    with suppress(OSError, http.client.HTTPException):
        Visitor(stack.public_url).open("/tips/", fields)


def test_a_post_repeated_after_a_dropped_connection_gives_the_receipt(stack: Stack, source: Visitor) -> None:
    fields = source.tip("The answer was lost on the way")
    before = tips(stack)
    body = urlencode(fields).encode()
    with socket.create_connection((source.host, source.port)) as line:
        head = (
            f"POST /tips/ HTTP/1.1\r\nHost: {source.host}:{source.port}\r\nOrigin: {source.origin}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
        )
        line.sendall(head.encode() + body)
    wait_until(lambda: tips(stack) == before + 1, 120, "the tip is stored")
    source.open("/tips/", fields)
    receipt = source.receipt()
    assert tips(stack) == before + 1
    assert "The answer was lost on the way" in source.enter_inbox(receipt)


def test_a_truncated_post_stores_nothing(stack: Stack, source: Visitor) -> None:
    fields = source.tip("Only half of this arrives " * 40)
    before = tips(stack)
    body = urlencode(fields).encode()
    with socket.create_connection((source.host, source.port)) as line:
        head = (
            f"POST /tips/ HTTP/1.1\r\nHost: {source.host}:{source.port}\r\nOrigin: {source.origin}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
        )
        line.sendall(head.encode() + body[: len(body) // 2])
        line.shutdown(socket.SHUT_WR)
        line.settimeout(20)
        while line.recv(65536):
            pass
    assert tips(stack) == before
    source.open("/tips/", fields)
    assert source.receipt()


def test_sixteen_sources_at_once_all_get_a_receipt(stack: Stack) -> None:
    sources = [Visitor(stack.public_url) for _ in range(16)]
    posts = [(source, source.tip(f"Source {number}")) for number, source in enumerate(sources)]
    barrier = threading.Barrier(16)

    def send(source: Visitor, fields: dict[str, str]) -> None:
        barrier.wait(20)
        source.open("/tips/", fields)

    threads = [threading.Thread(target=send, args=post) for post in posts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [source.status for source in sources] == [200] * 16
    assert len({source.receipt() for source in sources}) == 16


WORDS = "Stay inside. A patrol is on its way to you."


def set_due(stack: Stack, seconds: int) -> None:
    """Move the time at which waiting acts go out, so that a slow machine is no failure."""
    with closing(stack.connect("owner")) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE tips_pendingact SET due_at = now() + make_interval(secs => %s) WHERE due_at IS NOT NULL", [seconds])  # fmt: skip


def count_acts(stack: Stack) -> int:
    with closing(stack.connect("owner")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tips_pendingact WHERE due_at IS NOT NULL")
        return int(cursor.fetchone()[0])


def open_tip(page: Page, stack: Stack, words: str) -> None:
    page.goto(f"{stack.staff_url}{LIST}?shown=100")  # the tests before sent more than one page of tips
    page.locator(".rows2 .first a").filter(has_text=words).first.click()
    expect(page.get_by_role("list", name="Time line")).to_be_visible()


def send_answer(page: Page, stack: Stack) -> None:
    page.get_by_label("Your answer").fill(WORDS)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Your answer goes out in 30 seconds.")).to_be_visible()
    set_due(stack, 600)


@pytest.mark.nightly  # tests/tips/desk/test_outbox.py: the database alone has the waiting act, and a death leaves it whole
def test_an_answer_is_undone_or_sent_once_though_its_staff_node_is_killed(
    browser: Browser, stack: Stack, source: Visitor
) -> None:
    """The node that answers after the kill knows nothing of the one before: the database alone has the waiting act."""
    receipt = source.send("Somebody tries the cellar door right now")
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        open_tip(page, stack, "cellar door")
        send_answer(page, stack)
        stack.kill_web()
        with suppress(BrowserError):  # the browser's own page says that the site can't be reached
            page.get_by_role("button", name="Undo").click()
        stack.start_web()
        page.goto(stack.staff_url + LIST)  # the first page of a fresh process takes its time
        set_due(stack, 55)
        # Undone once the desk is back, from any page; the text is in its field again.
        page.goto(stack.staff_url + LIST)
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        page.keyboard.press("z")
        expect(page.get_by_text("What you had typed is in its field again. Nothing was sent.")).to_be_visible()
        expect(page.get_by_label("Your answer")).to_have_value(WORDS)
        assert count_acts(stack) == 0
        assert WORDS not in Visitor(stack.public_url).enter_inbox(receipt)

        # Sent again; the node dies while the act is due, and two nodes' threads find it: it goes out once.
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Your answer goes out in 30 seconds.")).to_be_visible()
        page.get_by_role("button", name="Undo").focus()  # so that it stays when its time is over
        stack.kill_web()
        set_due(stack, 0)
        stack.start_web()
        wait_until(lambda: count_acts(stack) == 0, 120, "the answer goes out")
        assert Visitor(stack.public_url).enter_inbox(receipt).count(WORDS) == 1

        # An undo that comes too late says so, and what the source has read stays on the page.
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("It's too late to undo that.")).to_be_visible()
        open_tip(page, stack, "cellar door")
        expect(page.locator(".msg-us", has_text=WORDS)).to_have_count(1)


def test_all_processes_give_signs_of_life_after_all_that(stack: Stack) -> None:
    def list_living() -> set[str]:
        with closing(stack.connect("owner")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT process FROM core_heartbeat WHERE at > now() - interval '90 seconds'")
            return {process for (process,) in cursor.fetchall()}

    running = {"worker-alerts", "beat", "web-public", "web-staff"}
    wait_until(lambda: list_living() == running, 120, lambda: f"all to live, and not {list_living()}")

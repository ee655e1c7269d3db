"""The web server as started in production: its log and its responses."""

from __future__ import annotations

import http.client
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from core.roles import Role
from tests.journey import Visitor
from tests.stack import Stack, wait_until
from tipportal.deploy import connection, gunicorn_worker
from tipportal.deploy.connection import (
    ANSWER_AHEAD,
    BODY_AHEAD,
    CROWDED_LEAST_BYTES_A_SECOND,
    FIRST_SECONDS,
    MOST_SECONDS,
    TimedSocket,
    TooSlowError,
)
from tipportal.dev_stack.readiness import is_home_page_served
from tips import receipts


def send(stack: Stack, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.ports["all"]), MOST_SECONDS / 3) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_no_request_leaves_a_line_in_the_log(stack: Stack) -> None:
    before = (stack.logs / "web.log").read_text()
    here = b"HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for status, raw in (
        (b"400", b"GET /canary HTTP/9.9\r\n\r\n"),
        (b"400", b"CANARY \x00\x01\r\n\r\n"),
        (b"400", b"GET /canary HTTP/1.1\r\nX canary\r\n\r\n"),
        (b"400", b"GET / HTTP/1.1\r\nHost: canary.example\r\nConnection: close\r\n\r\n"),
        (b"404", b"GET /canary " + here + b"Connection: close\r\n\r\n"),
        (b"422", b"POST /tips/ " + here + b"Content-Length: 0\r\nConnection: close\r\n\r\n"),
        (b"403", b"POST /tips/ " + here + b"Origin: null\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    ):
        assert status in send(stack, raw).split(b"\r\n")[0]
    assert (stack.logs / "web.log").read_text() == before


def test_a_url_that_is_too_long_gets_an_explanation(stack: Stack) -> None:
    answer = send(stack, b"GET /map/?category=" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"This web address is too long" in answer
    assert b'<a href="/map/">' in answer


@pytest.mark.parametrize("length", [9_000, 30_000])
def test_cookies_of_a_parent_domain_do_not_keep_a_resident_out(stack: Stack, length: int) -> None:
    head = b"HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nCookie: city=" + b"a" * length + b"\r\n\r\n"
    assert send(stack, b"GET /tips/ " + head).startswith(b"HTTP/1.1 200 ")
    assert send(stack, b"GET /admin/login/ " + head).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "fields", [b"Cookie: city=" + b"a" * 40_000, b"Cookie: city=" + b"a" * 200_000, b"\r\n".join([b"X-A: 1"] * 61)]
)
def test_a_head_that_is_too_long_is_answered_with_what_to_do(stack: Stack, fields: bytes) -> None:
    answer = send(stack, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"delete the cookies of this site" in answer


@pytest.mark.parametrize("host", [b"10.0.0.7:8000", b"", b"[::1]", b"a b", b"canary.example"])
def test_a_load_balancer_is_answered_whatever_host_it_names(stack: Stack, host: bytes) -> None:
    answer = send(stack, b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nok")


def test_readiness_names_the_parts_that_are_missing(stack: Stack) -> None:
    request = b"GET /readyz HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n"
    answer = send(stack, request)
    assert answer.startswith(b"HTTP/1.1 503 ")
    # The alerts worker runs, and so do database and store.
    missing = [f"missing: {name}" for name in ("worker-bulk", "worker-media", "worker-media-video", "beat")]
    assert answer.partition(b"\r\n\r\n")[2].decode().splitlines() == missing


def test_responses_do_not_name_the_server(stack: Stack) -> None:
    answer = send(stack, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert b"Server: web\r\n" in answer
    assert b"gunicorn" not in answer.lower()


def test_failed_sign_ins_are_counted_by_the_address_that_the_web_server_sees(stack: Stack) -> None:
    """From 127.0.0.2, so that no other test is locked out; half of them at an address that is written differently."""

    def post_sign_in(number: int) -> str:
        line = http.client.HTTPConnection("127.0.0.1", stack.ports["all"], 20, source_address=("127.0.0.2", 0))
        address = "/%61dmin/login/" if number % 2 else "/admin/login/"
        line.request("GET", address)
        answer = line.getresponse()
        (cookie,) = (value for value in answer.headers.get_all("Set-Cookie") if value.startswith("csrf"))
        (token,) = set(re.findall(r'csrfmiddlewaretoken" value="(\w+)"', answer.read().decode()))
        fields = {"csrfmiddlewaretoken": token, "username": f"name{number}", "password": "wrong"}
        headers = {"Cookie": cookie.partition(";")[0], "Content-Type": "application/x-www-form-urlencoded"}
        line.request("POST", address, urlencode(fields), headers)
        return line.getresponse().read().decode()

    pages = [post_sign_in(number) for number in range(6)]
    assert ["network address" in page for page in pages] == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("path", "role", "expected"),
    [
        ("/admin/login/", Role.STAFF, ("203.0.113.5", 4000)),
        ("/%61dmin/login/", Role.ALL, ("203.0.113.5", 4000)),
        ("/admin/login/", Role.PUBLIC, ("", 0)),
        ("/tips/", Role.ALL, ("", 0)),
        ("/", Role.STAFF, ("", 0)),
    ],
)
def test_no_page_of_residents_gets_an_address(
    monkeypatch: pytest.MonkeyPatch, settings: Any, path: str, role: Role, expected: tuple[str, int]
) -> None:
    seen: list[Any] = []
    settings.ROLE = role
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda _worker, _req, conn: seen.append(conn.client))
    client = SimpleNamespace(find_client=lambda: ("203.0.113.5", 4000))
    line = SimpleNamespace(client=("", 0), sock=client, moves_on=False)
    worker = gunicorn_worker.PollingWorker.__new__(gunicorn_worker.PollingWorker)
    worker.handle_request(SimpleNamespace(path=path), line)
    assert seen == [expected]
    assert line.client == ("", 0)


def test_a_killed_worker_is_replaced(stack: Stack) -> None:
    import psutil

    master = stack.children["web"].process
    assert master
    workers = psutil.Process(master.pid).children()
    assert len(workers) == 2
    for worker in workers:
        worker.kill()

    wait_until(lambda: is_home_page_served(stack.ports["all"]), 120, "new workers answer")
    assert not {worker.pid for worker in workers} & {worker.pid for worker in psutil.Process(master.pid).children()}


# More than all threads of both web processes.
SLOW_LINES = 300
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\ntoken=a"
FILE = b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="a"\r\n\r\n' + b"a" * 2 * BODY_AHEAD
UPLOAD = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n" + FILE


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /ti",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half",
        b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + FORM,
        b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + UPLOAD,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["request line", "header", "body", "upload", "reader"],
)
def test_slow_lines_hold_no_thread_that_pages_need(stack: Stack, begun: bytes) -> None:
    with ExitStack() as lines:
        for _ in range(SLOW_LINES):
            line = lines.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.settimeout(20)
            line.connect(("127.0.0.1", stack.ports["all"]))
            line.sendall(begun)
        answer = send(stack, b"GET /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        if begun.endswith(UPLOAD):
            # Stopped uploads go within seconds once another waits for their threads: `send` gives it less than the minute that
            # they may stay otherwise.
            rest = b"\r\n--x--\r\n"
            whole = UPLOAD.replace(b"9000000", str(len(FILE + rest)).encode()) + rest
            upload = send(stack, b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + whole)
            assert upload.startswith(b"HTTP/1.1 422 ")
    assert answer.startswith(b"HTTP/1.1 200 ")


GUESSERS = 150


def test_guessed_receipts_keep_out_neither_a_tip_nor_a_source(stack: Stack) -> None:
    source = Visitor(stack.public_url)
    receipt = source.send("Two men load boxes from a white van")
    with ExitStack() as lines:
        for _ in range(GUESSERS):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", stack.ports["all"]), 20))
            line.sendall(guess_receipt(f"127.0.0.1:{stack.ports['all']}"))
        assert Visitor(stack.public_url).send("A tip while receipts are guessed")
        assert Visitor(stack.public_url).send("Another")
        assert "white van" in Visitor(stack.public_url).enter_inbox(receipt)


def guess_receipt(host: str) -> bytes:
    body = "receipt=" + receipts.spell_receipt(receipts.draw_positions()).replace(" ", "+")
    head = f"POST /tips/inbox/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def test_two_requests_sent_at_once_are_both_answered(stack: Stack) -> None:
    one = b"GET /privacy/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    answer = send(stack, one + b"\r\n" + one + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 60",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Content-Length: +5",
        b"Content-Length: 5, 60",
    ],
)
def test_a_request_whose_end_two_servers_may_see_differently_is_refused(stack: Stack, fields: bytes) -> None:
    smuggled = b"GET /privacy/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = send(stack, b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + b"\r\n\r\ntoken" + smuggled)
    assert answer.split(b" ")[1] in (b"400", b"501")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_asks_whether_to_send_its_body_is_told_to(stack: Stack) -> None:
    with socket.create_connection(("127.0.0.1", stack.ports["all"]), 20) as line:
        line.sendall(b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n")
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"token=a")
        assert b" 100 " not in line.recv(1000).split(b"\r\n")[0]


def test_headers_without_end_are_refused(stack: Stack) -> None:
    answer = send(stack, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 5_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.fixture
def pair() -> Iterator[tuple[TimedSocket, socket.socket]]:
    ours, client = socket.socketpair()
    with ours, client:
        yield TimedSocket(ours), client


Pair = tuple[TimedSocket, socket.socket]


class TestTimedSocket:
    def test_a_silent_line_is_cut_off_when_its_seconds_are_over(self, pair: Pair) -> None:
        ours, _ = pair
        ours.begin(0.01)
        with pytest.raises(TooSlowError):
            ours.recv(10)
        with pytest.raises(TooSlowError):
            ours.sendall(b"an answer")

    def test_a_silent_line_is_cut_off_sooner_once_others_wait_for_its_thread(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(connection, "CROWDED_SECONDS", 0.1)
        ours, client = pair
        ours.begin(MOST_SECONDS)
        looks = iter([False] * 3)
        ours.is_crowded = lambda: next(looks, True)
        with pytest.raises(TooSlowError):
            ours.recv(10)
        # One that moves stays, if it moves faster than usual.
        ours = TimedSocket(ours._sock)
        ours.is_crowded = lambda: True
        client.sendall(b"a" * 8_000)
        ours.recv(8_000)
        assert ours.seconds_left == FIRST_SECONDS + 8_000 / CROWDED_LEAST_BYTES_A_SECOND

    def test_bytes_that_move_earn_time_up_to_a_minute(self, pair: Pair) -> None:
        ours, client = pair
        ours.begin(0.5)
        client.sendall(b"a" * 3_000)
        ours.recv(3_000)
        assert 2 < ours.seconds_left <= 3.5
        for _ in range(10):
            client.sendall(b"a" * 10_000)
            ours.recv(10_000)
        assert ours.seconds_left == MOST_SECONDS

    def test_a_page_is_left_to_the_poller_when_its_reader_is_slow(self, pair: Pair) -> None:
        ours, client = pair
        page = os.urandom(ANSWER_AHEAD)
        ours.sendall(page)
        assert ours.unsent
        client.setblocking(False)
        read = b""
        while ours.unsent:
            read += client.recv(len(page))
            ours.send_ahead()
        read += client.recv(len(page))
        assert read == page

    def test_a_thread_waits_for_the_reader_of_a_long_answer_and_gives_up(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "MOST_SECONDS", 0.1)
        ours, _ = pair
        ours.begin(0.01)
        with pytest.raises(TooSlowError):
            ours.sendall(b"a" * 4 * ANSWER_AHEAD)

    def test_an_answer_that_is_held_is_not_sent_by_its_thread(self, pair: Pair) -> None:
        ours, client = pair
        ours.hold(20)
        ours.sendall(b"not a receipt")
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)


def test_the_latest_and_the_earliest_of_a_lane_take_turns() -> None:
    lane = gunicorn_worker.Lane(threads=1, max_waiting=4)
    assert lane.occupy_thread()
    assert not lane.occupy_thread()
    hostile: Any = [SimpleNamespace(deadline=number) for number in range(5)]
    assert [lane.wait(connection) for connection in hostile] == [None, None, None, None, hostile[0]]
    assert lane.pass_thread_on() is hostile[4]
    assert lane.pass_thread_on() is hostile[1]
    assert list(lane.remove_overdue(now=2)) == [hostile[2]]
    assert lane.pass_thread_on() is hostile[3]
    assert lane.pass_thread_on() is None
    assert lane.occupy_thread()


@pytest.mark.parametrize(
    ("raw", "threads"),
    [
        (guess_receipt("127.0.0.1"), gunicorn_worker.SIGN_IN_THREADS),
        (b"GET /map/?days=7 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", gunicorn_worker.MAP_THREADS),
    ],
    ids=["guesses", "readers of the map"],
)
def test_some_requests_share_a_few_threads_and_leave_the_others_to_pages(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, threads: int
) -> None:
    worker = gunicorn_worker.PollingWorker(0, 0, [], None, 30, Config(), None)
    started: list[Any] = []
    monkeypatch.setattr(worker, "enqueue_req", started.append)
    for left_out in ("_stop_polling", "_send_rest"):
        monkeypatch.setattr(worker, left_out, lambda _connection: None)

    def ask(raw: bytes) -> Any:
        request: Any = SimpleNamespace(
            head=raw, is_whole=True, awaits_permission=False, deadline=0, sock=SimpleNamespace()
        )
        worker._consider(request)
        return request

    done: Future[tuple[bool, Any]] = Future()
    done.set_result((False, None))
    many = [ask(raw) for _ in range(10)]
    page = ask(b"GET /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert started == [*many[:threads], page]
    worker.finish_request(page, done)
    assert len(started) == threads + 1
    worker.finish_request(many[0], done)
    assert started[-1] in many[threads:]


def test_readers_of_the_map_who_had_to_wait_ask_again_whichever_process_is_less_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = gunicorn_worker.PollingWorker(0, 0, [], None, 30, Config(), None)
    for left_out in ("enqueue_req", "_stop_polling"):
        monkeypatch.setattr(worker, left_out, lambda _connection: None)
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda _worker, request, _connection: request.closes)

    def closes(raw: bytes) -> bool:
        client = connection.Connection(Config(), socket.socketpair()[0], ("", 0), ("", 0))
        client.sock.received += raw
        request = SimpleNamespace(path="/map/", closes=False)
        request.force_close = lambda: setattr(request, "closes", True)
        worker._consider(client)
        return bool(worker.handle_request(request, client))

    reading = b"GET /map/data/bubbles.json?days=7 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    assert [closes(reading) for _ in range(gunicorn_worker.MAP_THREADS + 2)] == [
        *[False] * gunicorn_worker.MAP_THREADS,
        True,
        True,
    ]
    assert not closes(b"GET /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/map/", True),
        ("/%6dap/data/bubbles.json?days=7", True),
        ("/map/data/list.html?days=7", True),
        ("/map/area/beats/4/", True),
        ("/near/?q=100+Arden+Street", True),
        ("/api/v1/incidents?limit=5", True),
        ("/map/base/areas-0a1b.json", False),
        ("/map/downloads/incidents.csv.zip", False),
        ("/map/download.csv?days=7", False),
        ("/", False),
        ("/tips/", False),
        ("/stories/?next=/map/", False),
    ],
)
def test_pages_and_figures_of_incidents_wait_for_each_other_and_files_do_not(path: str, expected: bool) -> None:
    line = gunicorn_worker.decode_request_line(f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode())
    assert gunicorn_worker.is_map_reading(line) is expected


@pytest.mark.parametrize("name", ["tips:inbox", "admin:login"])
def test_posts_to_the_doors_are_sign_ins_however_they_are_spelled(name: str) -> None:
    path = reverse(name)
    for spelled in (path, path.replace("i", "%69"), path + "?next=/", path + "#a", "http://host" + path):
        assert gunicorn_worker.is_sign_in(f"POST {spelled} HTTP/1.1\r\nHost: a\r\n".encode())
    assert not gunicorn_worker.is_sign_in(f"GET {path} HTTP/1.1\r\n".encode())
    assert not gunicorn_worker.is_sign_in(b"POST /tips/ HTTP/1.1\r\n")

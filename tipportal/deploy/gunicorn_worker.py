"""Worker class of the web server: gunicorn's threads, behind a poller that no slow client can block.

The poller reads heads and short bodies, sends responses and closes connections. It waits for thousands of clients at once,
each within its time budget (tipportal/deploy/connection.py). A thread gets a request once it is complete, or once 64 kB of
a long body have arrived, and leaves the response to the poller. Sign-ins, uploads and tips have lanes: each kind shares a fixed
number of threads and waits for them, so that other requests keep the rest. Posts of the tip form that look like a flood have
narrow lanes of their own (tipportal/deploy/tip_posts.py). So do readers of the map, who come by the thousand on some evenings:
they wait before anybody else does, and tips last.
"""

from __future__ import annotations

import contextlib
import errno
import math
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

from core import visitor_traces
from tipportal.deploy.connection import FIRST_SECONDS, LEAST_BYTES_A_SECOND, MOST_SECONDS, NO_CLIENT, Connection
from tipportal.deploy.tip_posts import TOKEN_WITHIN_BYTES, Standing, TipPosts, is_tip_post

SIGN_IN_THREADS = 2
# Fifty lines of 1 Mbit/s, all on one process, must leave some threads for pages.
UPLOAD_THREADS = 56
TIP_THREADS = {Standing.RIPE: 16, Standing.YOUNG: 4, Standing.ODD: 2}
# These requests compute, and so many share the interpreter with one that opens the tip form.
MAP_THREADS = 4
# Beyond this many waiting requests a lane answers 503 to the earliest.
MAX_WAITING_SIGN_INS, MAX_WAITING_UPLOADS, MAX_WAITING_TIPS, MAX_WAITING_MAPS = 1_000, 500, 1_000, 1_000
LONGEST_IN_LINE_SECONDS = 120.0
# In bytes. A sign-in may carry a message, but no file.
LONGEST_SIGN_IN = 1024 * 1024
LINGER_SECONDS = 2.0
CHECK_SECONDS = 0.5
# How long a served request may leave traces in memory (core/visitor_traces.py).
TRACES_SECONDS = 5.0
# Limit on the memory of all waiting connections of a process; beyond it the connection that uses most is closed.
MOST_HELD_BYTES = 128 * 1024 * 1024

HEAD_TOO_LONG_STATUS = "431 Request Header Fields Too Large"

_SIGN_IN = re.compile(rb"POST [^?#]*/(?:tips/inbox|admin/login)/?(?:[?#].*)?", re.DOTALL)
# Pages and figures of incidents. Downloads and tiles are long answers, for which a thread waits: they have limits of their own.
_MAP_READING = re.compile(
    rb"(?:(?:GET|HEAD) /(?:api/v1/|map/(?!base/|downloads?[/.]))|[A-Z]+ /near/)[^?#]*(?:[?#].*)?", re.DOTALL
)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{sentence}</p>
<p><a href="/map/">Open the crime map</a> or <a href="/">the home page</a>.</p></html>
"""
URL_TOO_LONG_PAGE = _PAGE.format(
    title="This web address is too long",
    sentence="A web address can have up to 8,000 characters here, and this one has more. Nothing you sent was saved.",
)
HEAD_TOO_LONG_PAGE = _PAGE.format(
    title="Your browser sent too many cookies",
    sentence="Other pages of this agency or city have saved more cookies in your browser than we can read. Open this page in a "
    "private window, or delete the cookies of this site in your browser's settings. Then try again. Nothing you sent was saved.",
)
TOO_LARGE_PAGE = _PAGE.format(
    title="This is too large", sentence="Your browser sent more than we can accept here. Nothing you sent was saved."
)
BUSY_PAGE = _PAGE.format(
    title="Too many people are here right now",
    sentence="Try again in a minute. If you had typed something, go back: your browser still has it.",
)


class Lane:
    """Requests of one kind that share a fixed number of threads. Of those that wait the latest and the earliest take turns.

    Without a flood nobody waits. Under one the earliest first would make a person wait behind all hostile connections; the
    latest first alone would make some wait forever.
    """

    def __init__(self, threads: int, max_waiting: int) -> None:
        self._free = threads
        self._max_waiting = max_waiting
        self._waiting: deque[Connection] = deque()
        self._latest_is_next = True

    def occupy_thread(self) -> bool:
        """Return whether there is a free thread, which is then occupied."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def wait(self, connection: Connection) -> Connection | None:
        """Have the connection wait; return the earliest if it has to go for that."""
        self._waiting.append(connection)
        return self._waiting.popleft() if len(self._waiting) > self._max_waiting else None

    def pass_thread_on(self) -> Connection | None:
        """Return the connection that gets the thread which is done, or None if nobody waits for it."""
        if not self._waiting:
            self._free += 1
            return None
        self._latest_is_next = not self._latest_is_next
        return self._waiting.popleft() if self._latest_is_next else self._waiting.pop()

    def has_waiting(self) -> bool:
        return bool(self._waiting)

    def remove_overdue(self, now: float) -> Iterator[Connection]:
        while self._waiting and self._waiting[0].deadline <= now:
            yield self._waiting.popleft()


class PollingWorker(ThreadWorker):
    """gunicorn's threaded worker with a poller for all waiting, and pages for the refusals that a person may cause.

    `polled` has the connections that the poller waits for, the one that entered its stage first in front.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.polled: dict[Connection, None] = {}
        self.sign_ins = Lane(SIGN_IN_THREADS, MAX_WAITING_SIGN_INS)
        self.uploads = Lane(UPLOAD_THREADS, MAX_WAITING_UPLOADS)
        self.tips = {standing: Lane(threads, MAX_WAITING_TIPS) for standing, threads in TIP_THREADS.items()}
        self.maps = Lane(MAP_THREADS, MAX_WAITING_MAPS)
        self._tip_posts = TipPosts()
        self._next_check = 0.0
        self._has_traces = False
        self._next_dropping = 0.0

    # Requests on their way in

    def accept(self, listener: Any) -> None:
        if self.nr_conns >= self.worker_connections - 1 and self.polled:
            self._close(next(iter(self.polled)))
        try:
            client, _address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE) and self.polled:
                self._close(next(iter(self.polled)))
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, client, NO_CLIENT, listener.getsockname())
        self._poll(connection, selectors.EVENT_READ, self._read, FIRST_SECONDS)

    def _await_request(self, connection: Connection, seconds: float) -> None:
        connection.begin_request()
        if connection.sock.received:
            self._poll(connection, selectors.EVENT_READ, self._read, FIRST_SECONDS)
            self._consider(connection)
        else:
            self._poll(connection, selectors.EVENT_READ, self._read_first, seconds)

    def _read_first(self, connection: Connection) -> None:
        """Start the budget of a new request on a connection that was kept alive."""
        self._stop_polling(connection)
        self._poll(connection, selectors.EVENT_READ, self._read, FIRST_SECONDS)
        self._read(connection)

    def _read(self, connection: Connection) -> None:
        count = connection.sock.read_ahead()
        connection.deadline = _extended(connection.deadline, count)
        if connection.sock.has_ended and not connection.head:
            self._close(connection)
        elif count or connection.sock.has_ended:
            self._consider(connection)

    def _consider(self, connection: Connection) -> None:
        """Hand the request to a thread if enough of it has arrived."""
        head = connection.head
        if not head:
            if connection.head_is_too_long:
                # gunicorn itself refuses a URL that is too long, without reading further.
                if b"\r\n" in connection.sock.received[:8192]:
                    self._refuse(connection, HEAD_TOO_LONG_STATUS, HEAD_TOO_LONG_PAGE)
                else:
                    self._start(connection, None)
            return
        if connection.awaits_permission:
            connection.sock.unsent += b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sock.send_ahead()
        whole = connection.is_whole
        if is_sign_in(head):
            if whole or connection.sock.has_ended:
                self._start(connection, self.sign_ins)
            elif len(connection.sock.received) > LONGEST_SIGN_IN:
                self._refuse(connection, "413 Content Too Large", TOO_LARGE_PAGE)
        elif whole:
            self._start(connection, self._find_lane(connection, decode_request_line(head)))
        elif connection.is_worth_a_thread:
            self._start(connection, self.uploads)

    def _find_lane(self, connection: Connection, request_line: bytes) -> Lane | None:
        if is_tip_post(request_line):
            return self.tips[self._tip_posts.judge(connection.read_body_start(TOKEN_WITHIN_BYTES), time.time())]
        return self.maps if is_map_reading(request_line) else None

    def _start(self, connection: Connection, lane: Lane | None) -> None:
        """Give the request a thread, of its lane if it has one, or have it wait for one."""
        self._stop_polling(connection)
        connection.sock.seconds_left = connection.deadline - time.monotonic()
        connection.lane = lane
        connection.sock.is_crowded = lane.has_waiting if lane else lambda: False
        if lane is None or lane.occupy_thread():
            self.enqueue_req(connection)
            return
        # The next connection is accepted by the process that is less busy. With those that are kept, eight readers of the map
        # (and nginx's kept connections, which are theirs) may all wait for one process while another has nothing to do.
        connection.moves_on = lane is self.maps
        connection.deadline = time.monotonic() + LONGEST_IN_LINE_SECONDS
        if refused := lane.wait(connection):
            self._refuse(refused, "503 Service Unavailable", BUSY_PAGE)

    # Answers on their way out

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Pass the client's address on to staff pages alone, where failed sign-ins are counted by it. Runs in a thread.

        A connection that moves on ends with the response.
        """
        if conn.moves_on:
            req.force_close()
        if settings.ROLE.serves_staff and is_staff_page(req.path):
            conn.client = conn.sock.find_client()
        try:
            return super().handle_request(req, conn)
        finally:
            conn.client = NO_CLIENT

    def finish_request(self, connection: Connection, future: Any) -> None:
        """Pass the thread on to the next request of its lane, and send the rest of the response. Runs in the poller."""
        lane = connection.lane
        if lane is not None and (following := lane.pass_thread_on()):
            self.enqueue_req(following)
        try:
            connection.keeps_alive = not future.cancelled() and bool(future.result()) and self.alive
        except Exception:
            connection.keeps_alive = False
        self._send_rest(connection)

    def _send_rest(self, connection: Connection) -> None:
        line = connection.sock
        if line.is_cut_off or line.fileno() < 0:
            self._discard(connection)
        elif line.held_until > time.monotonic():
            # Watched for its deadline alone.
            self._poll(connection, 0, self._send, line.held_until - time.monotonic())
        else:
            line.held_until = 0.0
            seconds = FIRST_SECONDS + len(line.unsent) / LEAST_BYTES_A_SECOND
            self._poll(connection, selectors.EVENT_WRITE, self._send, min(seconds, MOST_SECONDS))
            self._guarded(self._send, connection)

    def _send(self, connection: Connection) -> None:
        connection.deadline = _extended(connection.deadline, connection.sock.send_ahead())
        if connection.sock.unsent:
            return
        self._stop_polling(connection)
        if connection.keeps_alive:
            self._await_request(connection, self.cfg.keepalive)
        else:
            # Closing while bytes still arrive would make the system drop the response it has not sent yet.
            connection.sock.shutdown(socket.SHUT_WR)
            self._poll(connection, selectors.EVENT_READ, self._linger, LINGER_SECONDS)

    def _linger(self, connection: Connection) -> None:
        if connection.sock.drop_arriving():
            self._close(connection)

    def _refuse(self, connection: Connection, status: str, page: str) -> None:
        if connection in self.polled:
            self._stop_polling(connection)
        connection.keeps_alive = False
        connection.sock.unsent += _answer(status, page)
        self._send_rest(connection)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        if isinstance(exc, LimitRequestLine):
            answer = _answer("400 Bad Request", URL_TOO_LONG_PAGE)
        elif isinstance(exc, LimitRequestHeaders):
            answer = _answer(HEAD_TOO_LONG_STATUS, HEAD_TOO_LONG_PAGE)
        else:
            return super().handle_error(req, client, addr, exc)  # type: ignore[no-any-return]
        with contextlib.suppress(OSError):
            client.sendall(answer)
        return None

    # Waiting

    def _poll(self, connection: Connection, events: int, stage: Any, seconds: float) -> None:
        connection.deadline = time.monotonic() + seconds
        self.polled[connection] = None
        if events:
            self.poller.register(connection.sock, events, partial(self._on_event, connection, stage))

    def _on_event(self, connection: Connection, stage: Any, _sock: Any) -> None:
        # An earlier event of the same round may have closed it.
        if connection in self.polled:
            self._guarded(stage, connection)

    def _guarded(self, stage: Any, connection: Connection) -> None:
        try:
            stage(connection)
        except OSError:
            self._close(connection)

    def _stop_polling(self, connection: Connection) -> None:
        del self.polled[connection]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        if connection in self.polled:
            self._stop_polling(connection)
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        self._has_traces = True
        self.nr_conns -= 1
        connection.close()

    # Called by gunicorn's loop

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that are past their deadline. gunicorn calls this after every round of events."""
        now = time.monotonic()
        if force or now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._close_overdue(now, force)
            self._keep_memory_within_limit()
        if self._has_traces and now >= self._next_dropping:
            self._has_traces = False
            self._next_dropping = now + TRACES_SECONDS
            visitor_traces.drop_traces()

    def _close_overdue(self, now: float, force: bool) -> None:
        for connection in [one for one in self.polled if force or one.deadline <= now]:
            if connection.sock.held_until and not force:
                self._stop_polling(connection)
                self._send_rest(connection)
            else:
                self._close(connection)
        for lane in (self.sign_ins, self.uploads, self.maps, *self.tips.values()):
            for connection in lane.remove_overdue(math.inf if force else now):
                self._refuse(connection, "503 Service Unavailable", BUSY_PAGE)

    def _keep_memory_within_limit(self) -> None:
        held = {one: one.held_bytes for one in self.polled}
        excess = sum(held.values()) - MOST_HELD_BYTES
        while excess > 0:
            largest = max(held, key=held.__getitem__)
            excess -= held.pop(largest)
            self._close(largest)

    def _cap_keepalive(self, deadline: float) -> None:
        """Let a stopping worker close connections without a request soon."""
        for connection in self.polled:
            if not connection.held_bytes:
                connection.deadline = min(connection.deadline, deadline)


def _extended(deadline: float, count: int) -> float:
    return min(deadline + count / LEAST_BYTES_A_SECOND, time.monotonic() + MOST_SECONDS)


def is_sign_in(head: bytes) -> bool:
    return _SIGN_IN.fullmatch(decode_request_line(head)) is not None


def is_map_reading(request_line: bytes) -> bool:
    """Return whether a decoded request line without its version asks for incidents."""
    return _MAP_READING.fullmatch(request_line) is not None


def is_staff_page(path: str) -> bool:
    """Decoded as Django routes it: otherwise /%61dmin/ would be a sign-in whose address nothing counts."""
    return unquote_to_bytes(path).startswith(b"/admin/")


def decode_request_line(head: bytes) -> bytes:
    """Return method and address with %-escapes decoded, as Django routes them."""
    return unquote_to_bytes(head.split(b"\r\n", 1)[0].rpartition(b" ")[0])


def _answer(status: str, page: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(page.encode())}\r\n"
    head += "Retry-After: 60\r\n" if status.startswith("503") else ""
    head += "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
    return (head + page).encode()

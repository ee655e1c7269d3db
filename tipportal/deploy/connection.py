"""A client's connection to the web server, and its time budget.

The same budget applies to heads, bodies and responses: 20 seconds at the start, one more for each kilobyte that is
transferred, and never more than 60 in stock. A Tor circuit of 2 kB a second keeps the budget full; a client that sends a
byte every 20 seconds is cut off after the first 20. While requests of the same kind wait for a thread, a request that occupies
one gets five seconds, and one more for each four kilobytes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import TConn

FIRST_SECONDS = 20.0
MOST_SECONDS = 60.0
LEAST_BYTES_A_SECOND = 1_000
CROWDED_SECONDS = 5.0
CROWDED_LEAST_BYTES_A_SECOND = 4_000

# In bytes. Browsers send one or two kilobytes; gunicorn limits the request line itself to 8,190 bytes.
LONGEST_HEAD = 32 * 1024
# A request with a shorter body is handed to a thread whole; of a longer body this many bytes must arrive first.
BODY_AHEAD = 64 * 1024
# A thread leaves up to this many bytes of a response to the poller, and waits for the client only beyond. All pages and
# scripts are shorter.
ANSWER_AHEAD = 512 * 1024
# Threads of a process that may wait for clients to read longer responses; further clients are cut off.
LONG_ANSWERS = 16

NO_CLIENT = ("", 0)

_READ_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)

_long_answers = threading.BoundedSemaphore(LONG_ANSWERS)


class TooSlowError(ConnectionResetError):
    """The connection has used up its budget. gunicorn logs it as little as a client that went away: not at all."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "too slow")


class TimedSocket:
    """A client's socket for gunicorn's parser and Django: blocking, within the connection's budget.

    The poller fills `received` before a thread reads from it, and sends what the thread left in `unsent`. The system's
    socket never blocks.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self.received = bytearray()
        self.unsent = bytearray()
        self.has_ended = False
        self.is_cut_off = False
        self.seconds_left = FIRST_SECONDS
        # Whether others wait for the thread that this request occupies.
        self.is_crowded: Callable[[], bool] = lambda: False
        # No byte of the response is sent before this moment (time.monotonic).
        self.held_until = 0.0

    def begin(self, seconds: float = FIRST_SECONDS) -> None:
        """Reset the budget."""
        self.seconds_left = seconds

    def hold(self, seconds: float) -> None:
        """Delay the response to this request, without a thread that waits."""
        self.held_until = time.monotonic() + seconds

    # The poller's side

    def read_ahead(self) -> int:
        """Read what has arrived into `received` and return the number of bytes. Raises OSError."""
        try:
            part = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return 0
        self.has_ended = not part
        self.received += part
        return len(part)

    def drop_arriving(self) -> bool:
        """Discard what has arrived and return whether the client has closed its side. Raises OSError."""
        try:
            return not self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False

    def send_ahead(self) -> int:
        """Send as much of `unsent` as the network accepts now and return the number of bytes. Raises OSError."""
        if not self.unsent:
            return 0
        try:
            sent = self._sock.send(self.unsent)
        except (BlockingIOError, InterruptedError):
            return 0
        del self.unsent[:sent]
        return sent

    # The thread's side, with the names of socket.socket

    def recv(self, size: int) -> bytes:
        if self.received:
            part = bytes(memoryview(self.received)[:size])
            del self.received[:size]
            return part
        if self.has_ended:
            return b""
        # gunicorn asks for up to 1 MiB of a body. The system maps and clears fresh memory for buffers that large: a third
        # of the CPU of an upload.
        size = min(size, _READ_BYTES)
        while True:
            try:
                part = self._sock.recv(size)
            except (BlockingIOError, InterruptedError):
                self._wait(select.POLLIN)
                continue
            self._earn(len(part))
            return part

    def sendall(self, content: bytes) -> None:
        if self.is_cut_off:
            raise TooSlowError
        self.unsent += content
        if self.held_until:
            return
        self._earn(self.send_ahead())
        while len(self.unsent) > ANSWER_AHEAD:
            if not _long_answers.acquire(blocking=False):
                self._cut_off()
            try:
                self._wait(select.POLLOUT)
            finally:
                _long_answers.release()
            self._earn(self.send_ahead())

    def send(self, content: bytes) -> int:
        self.sendall(content)
        return len(content)

    def sendfile(self, file: Any, offset: int, count: int) -> int:
        sent = 0
        while part := os.pread(file.fileno(), min(_READ_BYTES, count - sent), offset + sent):
            self.sendall(part)
            sent += len(part)
        return sent

    def setblocking(self, flag: bool) -> None:
        """Do nothing: gunicorn switches the mode between poller and threads, and the budget serves both."""

    def settimeout(self, seconds: float | None) -> None:
        """Lower the budget, for the limit that gunicorn sets when it drains the rest of a refused body."""
        if seconds is not None:
            self.seconds_left = min(self.seconds_left, seconds)

    def gettimeout(self) -> None:
        return None

    def find_client(self) -> tuple[str, int]:
        """Return the client's address and port; "" and 0 if it has none (a Unix socket) or is gone."""
        with contextlib.suppress(OSError):
            found = self._sock.getpeername()
            if isinstance(found, tuple):
                return found[0], found[1]
        return NO_CLIENT

    def fileno(self) -> int:
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()

    def _wait(self, event: int) -> None:
        if self.is_cut_off:
            raise TooSlowError
        poll = select.poll()
        poll.register(self._sock, event)
        while True:
            if self.is_crowded():
                self.seconds_left = min(self.seconds_left, CROWDED_SECONDS)
            begun = time.monotonic()
            # A crowd may come while this waits.
            ready = poll.poll(min(max(0.0, self.seconds_left), _LOOK_SECONDS) * 1000)
            self.seconds_left -= time.monotonic() - begun
            if ready:
                return
            if self.seconds_left <= 0:
                self._cut_off()

    def _cut_off(self) -> None:
        self.is_cut_off = True
        raise TooSlowError

    def _earn(self, count: int) -> None:
        rate = CROWDED_LEAST_BYTES_A_SECOND if self.is_crowded() else LEAST_BYTES_A_SECOND
        self.seconds_left = min(self.seconds_left + count / rate, MOST_SECONDS)


class Connection(TConn):
    """A connection on its way between the poller and the threads.

    `deadline` (time.monotonic) is when the poller gives it up.
    """

    sock: TimedSocket

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, TimedSocket(sock), client, server)
        # gunicorn's worker would otherwise wait in a thread for the first byte.
        self.data_ready = True
        self.deadline = 0.0
        self.keeps_alive = False
        self.lane: Any = None
        # Whether it ends with this response, because others waited for the same threads of this process.
        self.moves_on = False
        self._head_end = -1
        self._is_awaited = False

    @property
    def held_bytes(self) -> int:
        return len(self.sock.received) + len(self.sock.unsent)

    def close(self, graceful: bool = False) -> None:  # noqa: ARG002  (gunicorn's signature)
        """Close the socket and drop what was received: the poller's last event refers to the connection until the next."""
        self.sock.close()
        self.sock.received = bytearray()
        self.sock.unsent = bytearray()
        self.parser = None

    def begin_request(self) -> None:
        """Prepare for the next request, which begins with the bytes that the parser read too far."""
        if self.parser is not None:
            self.sock.received[:0] = self.parser.unreader.take_buffered()
        self._head_end = -1
        self._is_awaited = False
        self.sock.held_until = 0.0
        self.sock.begin()

    @property
    def head(self) -> bytes:
        """The request line and headers without the empty line, or b"" while some are missing."""
        if self._head_end < 0:
            received = self.sock.received
            while received[:2] == b"\r\n":
                del received[:2]
            self._head_end = received.find(_HEAD_END)
        return bytes(self.sock.received[: self._head_end + 2]) if self._head_end >= 0 else b""

    def read_body_start(self, size: int) -> bytes:
        """Return up to `size` bytes of what has arrived of the body."""
        start = self._head_end + len(_HEAD_END)
        return bytes(self.sock.received[start : start + size])

    @property
    def head_is_too_long(self) -> bool:
        return not self.head and len(self.sock.received) > LONGEST_HEAD

    @property
    def awaits_permission(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body. True once a request."""
        asks = not self._is_awaited and _EXPECTS.search(self.head) is not None
        self._is_awaited = self._is_awaited or asks
        return asks

    @property
    def is_whole(self) -> bool:
        """Whether the request is complete, so that its thread never waits for the client."""
        head = self.head
        if not head:
            return False
        if _CHUNKED.search(head):
            return self.sock.received.endswith(b"0\r\n\r\n")
        length = _LENGTH.search(head)
        return self._body_bytes >= int(length[1] if length else 0)

    @property
    def is_worth_a_thread(self) -> bool:
        """Whether enough of a long body has arrived."""
        return bool(self.head) and (self._body_bytes >= BODY_AHEAD or self.sock.has_ended)

    @property
    def _body_bytes(self) -> int:
        return len(self.sock.received) - self._head_end - len(_HEAD_END)

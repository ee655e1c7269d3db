"""The search process: answers searches of the staff web processes on a unix socket, out of memory (text_memory.py).

It runs on the staff node, off by default (SEARCH_SOCKET), as its own user if the agency likes: it answers users of its own group alone,
by the peer credentials of the socket. It is given an account's id and asks the account's permissions itself. It writes no core dump,
can't be traced by other processes of its user, and locks its memory where the system allows it. After a quarter of an hour without a search
it forgets all texts, and tips that were erased within seconds.

A request and its answer are one line of JSON each (process_client.py).
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import socket
import socketserver
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, connections

from core import visitor_traces
from core.models import Account
from core.web.asked_once import asked_once
from tips.desk.search import matching, slices
from tips.desk.search.text_memory import TextMemory
from tips.desk.search.tip_batches import Position, Scope

IDLE_SECONDS = 15 * 60.0
_CHECK_SECONDS = 5.0
MAX_REQUEST_BYTES = 16 * 1024
_PR_SET_DUMPABLE = 4
_MCL_CURRENT_FUTURE_ONFAULT = 7
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid (unix(7), SO_PEERCRED)

logger = logging.getLogger(__name__)


class SearchServer(socketserver.ThreadingUnixStreamServer):
    """Listens on the socket; a thread for each request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path) -> None:
        self.memory = TextMemory()
        self.next_check = time.monotonic() + _CHECK_SECONDS
        with suppress(FileNotFoundError):
            path.unlink()
        mask = os.umask(0o117)
        try:
            super().__init__(str(path), _RequestHandler)
        finally:
            os.umask(mask)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Refuse processes of other users, unless they are of this process's group."""
        credentials = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _pid, uid, gid = _PEER_CREDENTIALS.unpack(credentials)
        return bool(uid == os.geteuid() or gid == os.getegid())

    def service_actions(self) -> None:
        """Forget what is gone or has not been used for long, every few seconds."""
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + _CHECK_SECONDS
        threading.Thread(target=self._forget, daemon=True).start()

    def server_close(self) -> None:
        super().server_close()
        self.memory.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log the class of an error alone: its text could hold some of a tip's."""
        logger.error("A search failed: %s", getattr(sys.exception(), "__class__", type(None)).__name__)

    def _forget(self) -> None:
        if self.memory.clear_if_idle(IDLE_SECONDS) or not len(self.memory):
            return
        try:
            self.memory.synchronize()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Changed tips are looked up with the next search: %s", type(error).__name__)


class _RequestHandler(socketserver.StreamRequestHandler):
    """Answers one request. A client that is gone costs the rest of its slice, at most two seconds."""

    timeout = 10.0

    def handle(self) -> None:
        assert isinstance(self.server, SearchServer)
        line = self.rfile.readline(MAX_REQUEST_BYTES)
        try:
            answer = answer_request(self.server.memory, json.loads(line))
        finally:
            connections.close_all()
            visitor_traces.drop_traces()
        with suppress(OSError):
            self.wfile.write(json.dumps(answer).encode() + b"\n")


def answer_request(memory: TextMemory, asked: dict[str, Any]) -> dict[str, Any]:
    """Return a slice for the account of the request; "refused" if it may not search."""
    account = Account.objects.filter(pk=asked["account"], is_active=True).first()
    if account is None:
        return {"refused": True}
    after = Position(asked["after"][0], UUID(hex=asked["after"][1])) if asked["after"] else None
    memory.synchronize()
    try:
        with asked_once():
            found = slices.search(
                account,
                matching.parse_words(asked["words"]),
                Scope(asked["scope"]),
                after,
                asked["seconds"],
                asked["max_found"],
                engine=memory.match_batches,
            )
    except PermissionDenied:
        return {"refused": True}
    return {
        "found": [tip_id.hex for tip_id in found.found],
        "searched": found.searched,
        "remaining": found.remaining,
        "unopened": found.unopened,
        "after": [found.after.received, found.after.id.hex] if found.after else None,
    }


def protect_memory() -> bool:
    """Keep this process's memory out of core dumps and from other processes; return whether it is locked against swapping too."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        logger.warning("Other processes of this user can read the search process's memory.")
    try:
        # With a limit, locking would succeed now and let a later allocation fail.
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        return False
    return bool(libc.mlockall(_MCL_CURRENT_FUTURE_ONFAULT) == 0)


def serve(path: Path) -> None:
    """Answer until the process is stopped."""
    if not hasattr(socket, "SO_PEERCRED"):
        sys.exit("The search process needs Linux. Leave SEARCH_SOCKET empty: tips are then opened for each search.")
    if not protect_memory():
        logger.warning(
            "The search process can't lock its memory, so texts may be swapped to disk. Allow it (LimitMEMLOCK=infinity), or turn swap off."
        )
    visitor_traces.freeze_loaded_code()
    with SearchServer(path) as server:
        server.serve_forever(poll_interval=1.0)

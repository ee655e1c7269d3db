"""Sources, officers and residents who go on with what they came for, whatever happens to the portal.

They do what a page tells them: they send again, wait, and sign in again. What the portal has promised them is written down, to be
compared with what is there in the end: receipts that were shown, messages and answers that were taken.
"""

from __future__ import annotations

import http.client
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from tests.faults.soak.clock import Clock
from tests.journey import Visitor, compute_code
from tests.stack import Stack
from tests.theft.instance import draw_photo

# In every text of a source, an officer or a resident's address: found in no file in the end.
CANARY = "zebrawick"
# Each source has an address of its own, to be found in no log.
ADDRESSES = "127.66"
PATIENCE_SECONDS = 240
SEARCH_PAGE = "/admin/tips/tip/search/"
# What the form says if it was sent before, and the keys to its receipt are gone with Valkey and the web process.
ARRIVED_BEFORE = "You sent this form before, and we have your tip."
# What the form says while no file can be stored: the source sends the text.
FILES_LATER = "accept files right now"
# `next_code` asks the database itself.
NETWORK_ERRORS = (OSError, http.client.HTTPException, AssertionError, psycopg2.Error)


@dataclass
class Sent:
    """A tip whose receipt was shown."""

    receipt: str
    text: str
    photos: int
    messages: list[str] = field(default_factory=list)  # those that its source saw in the conversation


@dataclass
class Record:
    """All that the portal has promised."""

    sent: list[Sent] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)  # texts of tips whose receipt no page could show
    taken_answers: set[str] = field(default_factory=set)  # the desk said that the answer goes out
    tried_answers: set[str] = field(default_factory=set)
    statuses: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int) -> None:
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1


class People:
    """Starts a thread for each source and officer; `stop()` lets each finish what it does."""

    def __init__(self, stack: Stack, clock: Clock, seed: int, *, sources: int = 3, officers: int = 1) -> None:
        self.stack, self.clock = stack, clock
        self.record = Record()
        self.stopped = threading.Event()
        acts: list[Callable[[random.Random, int], None]] = [self._be_source] * sources + [self._be_officer] * officers
        self.threads = [
            threading.Thread(target=self._go_on, args=[act, random.Random(f"{seed}:{number}"), number], daemon=True)
            for number, act in enumerate(acts)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS + 60)
            assert not thread.is_alive(), "a person is still busy"

    def _go_on(self, act: Callable[[random.Random, int], None], pick: random.Random, number: int) -> None:
        while not self.stopped.is_set():
            act(pick, number)

    # Sources

    def _be_source(self, pick: random.Random, number: int) -> None:
        address = f"{ADDRESSES}.{number + 1}.{pick.randrange(1, 250)}"
        text = f"{CANARY} {pick.getrandbits(64):016x} saw two men at the mill {pick.getrandbits(64):016x}"
        photos = [draw_photo(f"{CANARY} {pick.getrandbits(64):x}") for _ in range(pick.choice([0, 0, 1, 2]))]
        receipt = self._send(Visitor(self.stack.public_url, address), text, photos)
        if receipt is None:
            return
        sent = Sent(receipt, text, len(photos))  # those that the page took
        self.record.sent.append(sent)
        if pick.random() < 0.5:
            self._write_message(
                Visitor(self.stack.public_url, address), sent, f"{CANARY} {pick.getrandbits(64):x} more"
            )
        self.stopped.wait(pick.random() * 0.5)

    def _send(self, visitor: Visitor, text: str, photos: list[bytes]) -> str | None:
        """Send a tip as often as the pages ask for it; return its receipt, or None if that takes too long or none can be shown."""
        fields: dict[str, str] | None = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            wait = 0.5
            try:
                fields = fields or visitor.tip(text)
                visitor.open("/tips/", fields, files=photos, timeout=30)
                self.record.count(visitor.status)
                if ARRIVED_BEFORE in visitor.page:
                    self.record.arrived.append(text)
                    return None
                if visitor.status == 200:
                    return visitor.receipt()
                if FILES_LATER in visitor.page:
                    photos.clear()
                fields["token"] = visitor.field("token")
                wait = float(visitor.answer.get("Retry-After", "1"))
            except NETWORK_ERRORS:
                pass
            time.sleep(min(wait, 4))
        self.record.given_up.append(text)
        return None

    def _write_message(self, visitor: Visitor, sent: Sent, text: str) -> None:
        """Sign in and write once more; it counts if the source sees it."""
        try:
            visitor.enter_inbox(sent.receipt)
            visitor.open("/tips/inbox/conversation/", {"text": text, "form_id": visitor.field("form_id")})
            if text in visitor.open("/tips/inbox/conversation/"):
                sent.messages.append(text)
        except NETWORK_ERRORS:
            return

    # Officers

    def _be_officer(self, pick: random.Random, number: int) -> None:
        """Sign in, answer tips on the first page and search all, until something fails."""
        try:
            officer = self.sign_in()
            while not self.stopped.is_set():
                page = officer.open("/admin/tips/tip/")
                paths = sorted(set(re.findall(r"/admin/tips/tip/[0-9a-f-]{36}/change/", page)))
                assert officer.status == 200
                assert paths
                for path in pick.sample(paths, min(3, len(paths))):
                    self._answer(officer, path, f"{CANARY} {pick.getrandbits(64):016x} is our answer")
                    self.stopped.wait(pick.random())
                self.search(officer, CANARY)
        except NETWORK_ERRORS:
            self.stopped.wait(2)

    def sign_in(self) -> Visitor:
        officer = Visitor(self.stack.staff_url)
        self.stack.next_code("officer")  # lets a code be used again
        secrets = dict(re.findall(r"^Authenticator key: (\S+) (\S+)$", self.stack.printed, re.M))
        officer.sign_in("officer", self.stack.staff["officer"], compute_code(secrets["officer"], self.clock.offset))
        return officer

    def search(self, officer: Visitor, words: str) -> set[str]:
        """Return the ids of the tips on the page that a search shows."""
        officer.open(SEARCH_PAGE, timeout=30)
        fields = {"csrfmiddlewaretoken": officer.field("csrfmiddlewaretoken"), "words": words}
        page = officer.open(SEARCH_PAGE, fields, timeout=60)
        assert officer.status == 200
        return set(re.findall(r"/admin/tips/tip/([0-9a-f-]{36})/", page))

    def _answer(self, officer: Visitor, path: str, text: str) -> None:
        page = officer.open(path, timeout=30)
        form = re.search(r'<form class="tip".*?</form>', page, re.S)
        if officer.status != 200 or form is None:
            assert officer.status in (200, 404), officer.status
            return
        fields: dict[str, Any] = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        self.record.tried_answers.add(text)
        officer.open(path, fields | {"act": "answer", "answer": text}, timeout=30)
        if officer.status in (302, 303) and "/login/" not in (officer.answer["Location"] or ""):
            self.record.taken_answers.add(text)

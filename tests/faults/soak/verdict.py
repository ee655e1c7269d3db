"""The end of a soak: let everything come to rest, then compare what is there with what was promised."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import redis

from tests.faults.soak.people import ADDRESSES, CANARY, People, Record
from tests.journey import Visitor
from tests.stack import Stack, wait_until
from tests.theft.search import Finder, spell_text

# What still waits, by the sentence that says so.
WAITING = {
    "files wait to be cleaned": "tips_attachment WHERE state IN ('received', 'rebuilding')",
    "alerts of officers aren't spread": "tips_alert WHERE state IN ('held', 'waiting')",
    "officers' mails wait": "tips_notification WHERE state = 'waiting'",
    "residents' mails wait": "crimemap_delivery WHERE state = 'waiting'",
    "acts of officers wait": "tips_pendingact WHERE due_at IS NOT NULL",
}
# As if the waiting times of the next attempts had passed.
TIME_PASSES = (
    "UPDATE tips_pendingact SET due_at = now() WHERE due_at > now()",
    "UPDATE tips_notification SET next_attempt_at = now() - interval '1 hour' WHERE state = 'waiting'",
    "UPDATE crimemap_delivery SET next_attempt_at = now() WHERE state = 'waiting'",
)
# Opens all that officers can open: prints how each file ends, and each text of an officer that a source can read.
READ_ALL = """
import io, json
from PIL import Image
from tests.tips.files import sample_uploads
from tips import conversation
from tips.models import Attachment, Tip
seen = []
for row in Attachment.objects.all():
    content = sample_uploads.open_as_agency(row) if row.state == "ready" else b""
    try:
        Image.open(io.BytesIO(content)).load()
        seen.append("decodes")
    except Exception as error:
        seen.append(f"{row.state} {row.reason} {type(error).__name__}")
answers = [each.text for tip in Tip.objects.all() for each in conversation.read_tip_as_officer(tip).messages]
print("FOUND", json.dumps([seen, answers]))
"""
_BLOCK = 16 * 1024 * 1024


def ask(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    with closing(stack.connect("postgres")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall()) if cursor.description else []


def count_waiting(stack: Stack) -> dict[str, int]:
    counts = {what: int(ask(stack, f"SELECT count(*) FROM {rows}")[0][0]) for what, rows in WAITING.items()}
    return {what: count for what, count in counts.items() if count}


def come_to_rest(stack: Stack, seconds: float = 300) -> None:
    """Wait until nothing waits. Raises AssertionError that names what is stuck."""

    def is_done() -> bool:
        for statement in TIME_PASSES:
            ask(stack, statement)
        return not count_waiting(stack)

    wait_until(is_done, seconds, lambda: f"nothing waits; there are {count_waiting(stack)}")


def find_broken_promises(stack: Stack, record: Record) -> Iterator[str]:
    """Yield a sentence for each promise to a source or an officer that isn't kept."""
    if record.given_up:
        yield f"{len(record.given_up)} sources got no receipt"
    photos = 0
    for sent in record.sent:
        page = Visitor(stack.public_url).enter_inbox(sent.receipt)
        yield from _compare(page, [sent.text, *sent.messages], "a text of its source")
        photos += sent.photos
    files, texts = json.loads(stack.run_manage("shell", "-c", READ_ALL, role="staff").partition("FOUND ")[2])
    counts = Counter(texts)
    for text in record.tried_answers:
        if counts[text] > 1 or (text in record.taken_answers and not counts[text]):
            yield f"an answer is there {counts[text]} times"
    broken = Counter(each for each in files if each != "decodes")
    if broken:
        yield f"files that no officer can see: {dict(broken)}"
    if len(files) < photos:
        yield f"{photos} photos were taken, and {len(files)} are there"


def _compare(page: str, texts: Iterable[str], what: str) -> Iterator[str]:
    for text in texts:
        if page.count(text) != 1:
            yield f"{what} is there {page.count(text)} times"


def find_wrong_searches(people: People) -> Iterator[str]:
    """Yield a sentence for each of the first and last texts of sources that an officer's search finds not once, and of texts
    whose receipt no page could show.

    The search process holds all texts in memory, and was killed, frozen and cut off from PostgreSQL like all others.
    """
    officer, texts = people.sign_in(), [each.text for each in people.record.sent]
    for text in [*texts[:3], *texts[-3:], *people.record.arrived]:
        found = people.search(officer, text.split()[1])
        if len(found) != 1:
            yield f"a search finds a text {len(found)} times"


def find_repeated_alerts(stack: Stack, incidents: Iterable[str], addresses: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each resident who got an incident not once.

    A mail that the server took and the worker could not record is sent again under its Message-ID, of which mail programs show one.
    """
    received: dict[tuple[str, str], set[str]] = {}
    for mail, recipients in zip(stack.mails.received, stack.mails.recipients, strict=True):
        body = mail.get_body(("plain",))
        text = body.get_content() if body else ""
        for incident in incidents:
            if incident in text:
                received.setdefault((recipients[0], incident), set()).add(str(mail["Message-ID"]))
    for address in addresses:
        for incident in incidents:
            count = len(received.get((address, incident), ()))
            if count != 1:
                yield f"a resident got incident {incident} {count} times"


def find_leaks(stack: Stack, images: Iterable[Path]) -> Iterator[str]:
    """Yield the places where something that people wrote is readable: all files, the store, and raw images of disks."""
    finder = Finder({"text": spell_text(CANARY)})
    for path in [*stack.folder.rglob("*"), *images, *Path("/dev/shm").glob("portal*")]:
        if _count(path, finder):
            yield f"{path} has what a person wrote"
    with redis.Redis(unix_socket_path=str(stack.servers.redis_socket)) as store:
        for key in store.scan_iter("*"):
            if +finder.count(key + (store.dump(key) or b"")):
                yield "the store has what a person wrote"
    for log in [*stack.logs.iterdir(), *stack.servers.folder.glob("*.log")]:
        text = log.read_text(errors="replace")
        if f"{ADDRESSES}." in text:
            yield f"{log.name} has the address of a source"


def _count(path: Path, finder: Finder) -> int:
    """Search a file in blocks that overlap, without its holes."""
    found = 0
    try:
        if not path.is_file():
            return 0
        with path.open("rb") as file:
            for begin, end in _list_data(file.fileno(), path.stat().st_size):
                file.seek(begin)
                rest, left = b"", end - begin
                while block := file.read(min(_BLOCK, left)):
                    found += sum((+finder.count(rest + block)).values())
                    rest, left = block[-200:], left - len(block)
    except FileNotFoundError:  # PostgreSQL recycles its files
        return found
    return found


def _list_data(file: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the parts of a file that aren't holes."""
    end = 0
    while end < length:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # a hole up to the end
            return
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end

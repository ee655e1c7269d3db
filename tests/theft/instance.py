"""A portal of its own for the theft test, with made-up sources, an officer and a subscriber who do what people do."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import redis
from nacl import bindings as sodium
from PIL import Image

from core.roles import Role
from tests.journey import BOUNDARY, Visitor, multipart
from tests.stack import Stack, wait_until
from tests.theft import blind_receipts, process_memory
from tests.theft.memory_search import MemorySearch
from tests.theft.search import Finder, spell_bytes, spell_digests, spell_packed_address, spell_receipt, spell_text
from tipportal.deploy.processes import Process
from tipportal.dev_stack.servers import postgres_programs
from tips import receipts, vault

PASSWORD = "not-a-real-password-17"
OFFICER = "officer-of-the-theft-test@example.org"
BRIEF_SEARCH = Process("search", Role.STAFF, ("tests.theft.brief_search",))
# Found in every process of ours: proof that its memory was read.
CONTROL = b"PORTAL_ROLE"
CHANNEL_SERVER = "json://127.0.0.1:1"

# Alerts can be asked for once something is published.
PUBLISH_CITY = """
import datetime as dt
from pathlib import Path
from tests.crimemap.alerts.city import EPOCH, ZONE, City
city = City(Path({folder!r}), (dt.datetime.now(ZONE).date() - EPOCH).days)
city.add_many("known", 5)
city.publish()
"""


@dataclass
class Source:
    """A made-up source, with everything that must be found nowhere after them."""

    number: int
    address: str
    forwarded: str
    agent: str
    referrer: str
    text: str
    place: str
    when: str
    message: str
    photo_comment: str
    photo: bytes | None = None
    by_phone: bool = False
    spoken_receipt: str = ""  # of a tip by phone, until its source has new words
    receipt: str = ""
    token: str = ""
    cookie: bytes = b""
    secret: vault.SourceSecret | None = None
    tip_key: bytes = b""


@dataclass
class Findings:
    """Counts by place and kind of secret."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    candidates: set[str] = field(default_factory=set)
    uncontrolled: list[str] = field(default_factory=list)  # processes whose control text was not found
    searched_bytes: int = 0

    @property
    def is_clean(self) -> bool:
        return not any(self.counts.values())


def make_source(number: int) -> Source:
    mark = secrets.token_hex(5)
    return Source(
        number,
        address=f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(200) + 20}.{secrets.randbelow(90) + 110}",
        forwarded=f"203.0.113.{secrets.randbelow(90) + 110}",
        agent=f"Agent-{mark}/7.{number} (made up for the theft test)",
        referrer=f"https://referrer-{mark}.example/page",
        # Sentences that differ in every window, so that parts of a text are found as well.
        text=" ".join(f"{secrets.token_hex(4)} saw the white van {secrets.token_hex(4)}." for _ in range(12)),
        place=f"{secrets.token_hex(4)} behind the mill {secrets.token_hex(4)}",
        when=f"{secrets.token_hex(4)} last Tuesday {secrets.token_hex(4)}",
        message=f"{secrets.token_hex(4)} here is more about the van {secrets.token_hex(4)}.",
        photo_comment=f"taken {mark} with the phone of a made-up person",
        photo=draw_photo(f"taken {mark} with the phone of a made-up person") if number % 2 == 0 else None,
        by_phone=number % 3 == 1,
    )


def draw_photo(comment: str) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((320, 240), 90).convert("RGB").save(stream, "JPEG", comment=comment.encode(), quality=80)
    return stream.getvalue()


class Instance:
    """The portal, its people, and what must be found of them."""

    def __init__(self, folder: Path, source_count: int) -> None:
        (folder / "temp").mkdir(parents=True)
        self.stack = Stack(
            folder,
            web=["public", "staff"],
            workers=["alerts", "bulk", "media"],
            beat=True,
            variables={
                "TMPDIR": str(folder / "temp"),
                "SEARCH_SOCKET": str(folder / "search"),
                "ALERT_CHANNELS": CHANNEL_SERVER,
            },
        )
        self.stack.wipes_memory = True
        self.sources = [make_source(number) for number in range(source_count)]
        mark = secrets.token_hex(5)
        self.answers = [f"{mark}{number} is an answer of the officer to the source" for number in range(source_count)]
        self.note = f"{mark} is a note between officers"
        self.subscriber = f"resident-{mark}@example.org"
        self.channel_secret = f"room-{secrets.token_hex(10)}"
        self.cleaned: list[bytes] = []
        self.agency_keys: set[bytes] = set()  # opened: keys of files and of notes

    def __enter__(self) -> Instance:
        self.stack.start()
        self.stack.start_process(BRIEF_SEARCH)
        code = (
            "from django.contrib.auth.models import Group; from core.models import Account\n"
            f"a = Account.objects.create_user('okafor', {OFFICER!r}, {PASSWORD!r}, is_staff=True)\n"
            "a.groups.add(Group.objects.get(name='officer'))"
        )
        self.stack.run_manage("shell", "-c", code)
        self.stack.run_manage(
            "shell", "-c", PUBLISH_CITY.format(folder=self.stack.keys["INCIDENT_SNAPSHOTS"]), role="bulk"
        )
        return self

    def __exit__(self, *_details: object) -> None:
        self.stack.stop()

    # What people do

    def act(self) -> None:
        """Let everybody do what they came for, and leave."""
        self._subscribe()
        self.officer = officer = Visitor(self.stack.staff_url)
        officer.sign_in("okafor", PASSWORD)
        # The key of a file as it came is replaced once the worker has cleaned the file.
        self.stack.children["worker-media"].signal(signal.SIGSTOP)
        for source in self.sources:
            if source.by_phone:
                self._send_by_phone(source)
            else:
                self._send(source)
        self._collect_agency_keys("tips_attachment")
        self.stack.children["worker-media"].signal(signal.SIGCONT)
        self._wait_for_files()
        tip_list = officer.open("/admin/tips/tip/")
        for path in sorted(set(re.findall(r"/admin/tips/tip/[0-9a-f-]{36}/change/", tip_list))):
            self._handle_tip(officer, path)
        self._let_answers_go_out()
        for source in self.sources:
            self._come_back(source)
            self._make_mistakes(source)
        self._collect_agency_keys("tips_attachment")
        self._collect_agency_keys("tips_noteskey")
        self.search_words()
        self._add_channel()
        officer.open("/admin/")

    def _add_channel(self) -> None:
        """Let the officer have alerts sent to a channel, which the alerts worker tests at once: no server is there."""
        page = "/admin/tips/alertchannel/mine/"
        self.officer.open(page)
        fields = {"csrfmiddlewaretoken": self.officer.field("csrfmiddlewaretoken"), "add": "1"}
        self.officer.open(page, fields | {"address": f"{CHANNEL_SERVER}/{self.channel_secret}"})
        wait_until(lambda: self._count("tips_alertchannel WHERE works = false"), 60, "the channel was tried")

    def search_words(self) -> None:
        """Let the officer search the tips, so that the search process has the texts of all of them."""
        wait_until((self.stack.folder / "search").exists, 60, "the search process listens")
        self.officer.open("/admin/tips/tip/search/")
        fields = {"csrfmiddlewaretoken": self.officer.field("csrfmiddlewaretoken"), "words": "white van"}
        page = self.officer.open("/admin/tips/tip/search/", fields)
        assert all(f"/admin/tips/tip/{tip_id}/" in page for tip_id in self._list_tips()), self.officer.status

    def _list_tips(self) -> list[str]:
        with closing(self.stack.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id::text FROM tips_tip")
            return [row[0] for row in cursor.fetchall()]

    def _send(self, source: Source) -> None:
        visitor = self._visit(source)
        visitor.open("/")
        form = visitor.tip(source.text, place=source.place, when=source.when)
        source.token = form["token"]
        visitor.open("/tips/", form | {"category": "no such"})  # a mistake: the text comes back once
        form["token"] = visitor.field("token")
        visitor.open("/tips/", form, files=[source.photo] if source.photo else [])
        assert not visitor.cookies
        source.receipt = visitor.receipt()
        source.secret = vault.stretch_secret(source.receipt.encode(), self._salt)

    def _send_by_phone(self, source: Source) -> None:
        """Let the officer write a tip for a caller: desk, mark, residents' form, and seven words that are read out."""
        self.officer.open("/admin/tips/tip/for-a-caller/")
        fields = {"csrfmiddlewaretoken": self.officer.field("csrfmiddlewaretoken"), "route": "phone"}
        self.officer.open("/admin/tips/tip/for-a-caller/", fields)
        mark = self.officer.field("mark")
        browser = Visitor(self.stack.public_url)
        browser.origin = "null"  # the form comes from the other host, which the browser doesn't name
        browser.open("/tips/for-a-caller/", {"mark": mark})
        assert browser.status == 200, browser.page
        browser.origin = self.stack.public_url
        source.token = browser.field("token")
        form = {"token": source.token, "caller": browser.field("caller"), "category": browser.field("category")}
        form |= {"description": source.text, "place": source.place, "when": source.when}
        browser.open("/tips/", form | {"category": "no such"})
        form["token"] = browser.field("token")
        browser.open("/tips/", form, files=[source.photo] if source.photo else [])
        assert not browser.cookies
        source.spoken_receipt = " ".join(re.findall(r"<li><b>([a-z-]+)</b>", browser.page))

    def _change_words(self, source: Source, visitor: Visitor) -> None:
        """Let a caller sign in with the words that were read out, and get words that no officer knows."""
        visitor.open("/tips/inbox/", {"receipt": source.spoken_receipt})
        page = visitor.open("/tips/inbox/new-words/")
        shown = re.search(r'<bdi lang="en" translate="no">([a-z -]+)</bdi>', page)
        assert shown, page
        source.receipt = shown[1]
        source.secret = vault.stretch_secret(source.receipt.encode(), self._salt)
        visitor.open("/tips/inbox/new-words/", {"words": visitor.field("words")})
        assert visitor.status == 302, visitor.page

    def _come_back(self, source: Source) -> None:
        visitor = self._visit(source)
        if source.by_phone:
            self._change_words(source, visitor)
        page = visitor.enter_inbox(source.receipt)
        assert any(answer in page for answer in self.answers), visitor.status
        assert self.note not in page
        assert "okafor" not in page.lower()
        source.cookie = base64.urlsafe_b64decode(visitor.cookies["inbox"].value)
        visitor.open("/tips/inbox/conversation/", {"text": source.message, "form_id": visitor.field("form_id")})
        assert source.message in visitor.open("/tips/inbox/conversation/")
        visitor.open("/tips/leave/", {})
        with closing(self.stack.connect("postgres")) as connection, connection.cursor() as cursor:
            assert source.secret is not None
            cursor.execute("SELECT key_for_source FROM tips_tip WHERE token_hash = %s", [source.secret.token_hash])
            source.tip_key = vault.open_key_as_source(cursor.fetchone()[0], source.secret.seed)

    def _make_mistakes(self, source: Source) -> None:
        """Do what ends in an error: a wrong receipt, pages that do not exist, another host's name, an upload broken off."""
        visitor = self._visit(source)
        visitor.open("/tips/inbox/", {"receipt": source.receipt.rpartition(" ")[0], "text": source.message})
        visitor.open("/tips/inbox/", {"receipt": "abacus " * 7, "text": source.message})
        visitor.open(f"/tips/nowhere/?q={quote(source.message)}")
        visitor.open("/tips/", {"token": "broken", "description": source.text})
        visitor.open("/tips/", {"incident": source.message})
        visitor.headers["Host"] = f"{source.agent.partition('/')[0]}.example"
        visitor.open(f"/?q={quote(source.message)}")
        form = multipart({"token": source.token, "description": source.text}, [source.photo or b"x" * 100_000])
        head = (
            f"POST /tips/ HTTP/1.1\r\nHost: {visitor.host}\r\nOrigin: {visitor.origin}\r\nUser-Agent: {source.agent}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(form) + 1_000_000}\r\n\r\n"
        )
        for sent in (head.encode() + form, head.encode() + form[:300], head.encode()[:150]):
            with socket.create_connection((visitor.host, visitor.port or 80), 20, (source.address, 0)) as connection:
                connection.sendall(sent)

    def _visit(self, source: Source) -> Visitor:
        headers = {"User-Agent": source.agent, "Referer": source.referrer, "X-Forwarded-For": source.forwarded}
        return Visitor(self.stack.public_url, source.address, **headers)

    def _collect_agency_keys(self, table: str) -> None:
        private = Path(self.stack.keys["AGENCY_PRIVATE_KEYS"])
        with closing(self.stack.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT key_for_agency, agency_key_id FROM {table}")
            self.agency_keys |= {vault.open_key_with(sealed, key_id, private) for sealed, key_id in cursor.fetchall()}

    def _wait_for_files(self) -> None:
        expected = sum(source.photo is not None for source in self.sources)
        wait_until(lambda: self._count("tips_attachment WHERE state = 'ready'") >= expected, 60, "the photos are clean")

    def _handle_tip(self, officer: Visitor, path: str) -> None:
        page = officer.open(path)
        assert officer.status == 200, officer.status
        number = next(number for number, source in enumerate(self.sources) if source.text in page)
        for file in sorted(set(re.findall(r'href="(/admin/tips/tip/[^"]*)" download', page))):
            officer.open(file)
            if officer.status == 200 and len(officer.content) > 2000:
                self.cleaned.append(officer.content)
        for kind, text in (("answer", self.answers[number]), ("note", self.note)):
            form = re.search(r'<form class="tip".*?</form>', officer.open(path), re.S)
            assert form, officer.status
            fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
            officer.open(path, fields | {"act": kind, kind: text})
            assert officer.status in (302, 303), officer.status
        assert self.note in officer.open(path)

    def _let_answers_go_out(self) -> None:
        """End the 30 seconds in which an officer can undo an answer."""
        with closing(self.stack.connect("postgres")) as connection, connection, connection.cursor() as cursor:
            cursor.execute("UPDATE tips_pendingact SET due_at = now() WHERE due_at IS NOT NULL")
        wait_until(lambda: not self._count("tips_pendingact WHERE kind = 'answer'"), 60, "the answers have gone out")

    def _subscribe(self) -> None:
        resident = Visitor(self.stack.public_url)
        resident.open("/map/alerts/", {"where": "city", "rhythm": "daily", "email": self.subscriber})
        assert resident.status == 302, resident.status
        self.stack.mails.wait(1)

    def _count(self, what: str) -> int:
        with closing(self.stack.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {what}")
            return int(cursor.fetchone()[0])

    # What must be found nowhere

    @property
    def _salt(self) -> bytes:
        return Path(self.stack.keys["RECEIPT_SALT"]).read_bytes()

    def secrets(self) -> dict[str, set[bytes]]:
        """Return the spellings of everything that must be found nowhere, by kind."""
        kinds: dict[str, set[bytes]] = {}

        def add(kind: str, *spellings: set[bytes]) -> None:
            kinds.setdefault(kind, set()).update(*spellings)

        for source in self.sources:
            assert source.secret is not None
            for sentence in source.text.split("."):
                if sentence.strip():
                    add("text", spell_text(sentence.strip()))
            for text in (source.message, source.place, source.when):
                add("text", spell_text(text))
            for receipt in filter(None, (source.receipt, source.spoken_receipt)):
                positions = [_POSITIONS[word] for word in receipt.split()]
                add("receipt", spell_receipt(receipt))
                add("receipt", {struct.pack(f"{order}7H", *positions) for order in "<>"})
            _public, private = sodium.crypto_box_seed_keypair(source.secret.seed)
            add("keys", spell_bytes(source.secret.seed), spell_bytes(private), spell_bytes(source.tip_key))
            add("look-up token", spell_bytes(source.secret.token))
            add("session cookie", spell_bytes(source.cookie))
            add("form token", {source.token.encode()[:60]}, spell_bytes(base64.urlsafe_b64decode(source.token)))
            add("user agent", spell_text(source.agent), spell_text(source.referrer))
            for address in (source.address, source.forwarded):
                add("address", spell_text(address), spell_packed_address(address))
            add("file metadata", spell_text(source.photo_comment))
            if source.photo:
                add("file", {source.photo[begin : begin + 32] for begin in range(2_000, len(source.photo) - 64, 4_000)})
        for text in (*self.answers, self.note):
            add("officers' text", spell_text(text))
        for content in self.cleaned:
            add("cleaned file", {content[begin : begin + 32] for begin in range(1_000, len(content) - 64, 4_000)})
        for key in self.agency_keys:
            add("keys", spell_bytes(key))
        add("subscriber", spell_text(self.subscriber))
        return kinds

    def digests(self) -> set[bytes]:
        """Return the digests of addresses, agents and receipts under every secret that the portal has at hand."""
        keys = {b""} | {path.read_bytes() for path in (self.stack.folder / "keys").rglob("*") if path.is_file()}
        for child in self.stack.children.values():
            keys |= {value.encode() for value in child.environment.values()}
        return {
            spelling
            for source in self.sources
            for text in (source.address, source.forwarded, source.agent, source.receipt, source.spoken_receipt)
            if text
            for spelling in spell_digests(text, keys)
        }

    # What a thief takes

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids by name: the portal's processes and its servers."""
        children = {**self.stack.children, "valkey": self.stack.servers.valkey, "postgres": self.stack.servers.postgres}
        return {
            name: process_memory.list_descendants(child.process.pid)
            for name, child in children.items()
            if child.process
        }

    def search_memory(self, search: MemorySearch) -> Findings:
        """Search the memory of every process."""
        findings = Findings()
        # Web processes first: pages that they share with others must be searched blindly as well.
        for name, pids in sorted(self.processes().items(), key=lambda item: not item[0].startswith("web")):
            counts = findings.counts.setdefault(name, Counter())
            for pid in pids:
                found = search.search(pid, CONTROL, blind=name.startswith("web"))
                counts.update(found.counts)
                findings.candidates |= found.candidates
                findings.searched_bytes += found.read_bytes
                # Workers are replaced, and commands end, while others are read: what ended has no memory left.
                if not found.has_control and name in self.stack.children and process_memory.is_running(pid):
                    findings.uncontrolled.append(name)
        return findings

    def count_searchable(self, finder: Finder) -> int:
        """Return how many pieces of sources' texts are in the memory of the search process."""
        (pid, *_children) = self.processes()["search"]
        return MemorySearch(finder).search(pid, CONTROL, blind=False).counts["text"]

    def open_blindly(self, candidates: set[str]) -> int:
        """Return how many tips the rows of words open."""
        with closing(self.stack.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT token_hash FROM tips_tip")
            hashes = {bytes(row[0]) for row in cursor.fetchall()}
        return blind_receipts.count_opened_tips(candidates, self._salt, hashes)

    def search_remains(self, finder: Finder) -> Findings:
        """Search dump, database files with their log, files, Redis, logs, temp folders, mails and environments."""
        findings = Findings()
        for place, content in self.list_remains():
            findings.searched_bytes += len(content)
            findings.counts.setdefault(place, Counter()).update(finder.count(content))
        return findings

    def list_remains(self) -> Iterator[tuple[str, bytes]]:
        """Yield each thing that a thief could take, with the name of its place."""
        url = self.stack.database_url("postgres")
        dump = [postgres_programs() / "pg_dump", "--inserts", url]
        yield "database dump", subprocess.run(dump, capture_output=True, check=True).stdout
        for number in (0, 1):
            with redis.Redis(unix_socket_path=str(self.stack.servers.redis_socket), db=number) as store:
                for key in store.keys("*"):
                    yield f"redis database {number}", key + (store.dump(key) or b"")
        folders = {"servers": "database files", "keys": "keys and file store", "logs": "logs", "temp": "temp folder"}
        paths = [(place, path) for name, place in folders.items() for path in (self.stack.folder / name).rglob("*")]
        paths += [("files in memory", path) for path in Path("/dev/shm").glob("*")]
        for place, path in paths:
            try:
                yield place, path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:  # PostgreSQL recycles its files
                continue
        for mail in self.stack.mails.received:
            headers = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "To")
            yield "mails (without To)", headers.encode() + mail.as_bytes().partition(b"\n\n")[2]
        for name, pids in self.processes().items():
            for pid in pids:
                yield f"environment of {name}", Path(f"/proc/{pid}/environ").read_bytes()


_POSITIONS = {word: place for place, word in enumerate(receipts.load_words())}


class ControlProcess:
    """A process that holds what the search must find: proof that it finds it."""

    def __init__(self, held: list[str]) -> None:
        code = (
            "import json, sys; held = json.loads(sys.stdin.readline()); print(len(held), flush=True); sys.stdin.read()"
        )
        self.process = subprocess.Popen(
            ["python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(held).encode() + b"\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def read_memory(self) -> bytes:
        return b"".join(process_memory.read_memory(self.process.pid))

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

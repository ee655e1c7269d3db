"""A thief who takes everything of a running portal finds nothing of sources who have left (`make theft-test`, shorter)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import receipt_cost
from tests.journey import Visitor
from tests.theft import blind_receipts, process_memory
from tests.theft.instance import OFFICER, ControlProcess, Findings, Instance
from tests.theft.memory_search import MemorySearch
from tests.theft.search import Finder, spell_text

SOURCES = 3
# Half of what SECURITY.md promises.
LONGEST_SECONDS = 30


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with receipt_cost.full_cost(), Instance(tmp_path_factory.mktemp("theft") / "portal", SOURCES) as instance:
        instance.act()
        yield instance


@pytest.fixture(scope="module")
def finder(instance: Instance) -> Finder:
    return Finder(instance.secrets() | {"digest": instance.digests()})


@pytest.fixture(scope="module")
def searchable(instance: Instance, finder: Finder) -> int:
    """Return how many pieces of texts the search process has right after a search: the one named exception."""
    instance.search_words()
    return instance.count_searchable(finder)


@pytest.fixture(scope="module")
def found(instance: Instance, finder: Finder, searchable: int) -> Findings:
    """Search until nothing is found, or the time is over."""
    search = MemorySearch(finder)
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        begun = time.monotonic()
        found = instance.search_memory(search)
        if (found.is_clean and not instance.open_blindly(found.candidates)) or begun > deadline:
            return found


def test_no_process_holds_anything_of_sources_who_left(found: Findings) -> None:
    assert {name: dict(counts) for name, counts in found.counts.items() if counts} == {}


def test_the_search_process_has_texts_until_nobody_has_searched_for_a_while(searchable: int, found: Findings) -> None:
    """Here it is emptied after seconds (tests/theft/brief_search.py), in production after a quarter of an hour."""
    assert searchable >= SOURCES
    assert not found.counts["search"]


def test_the_blind_search_opens_no_tip(instance: Instance, found: Findings) -> None:
    assert instance.open_blindly(found.candidates) == 0


def test_the_memory_of_every_process_was_read(found: Findings) -> None:
    assert found.uncontrolled == []
    assert {"web-public", "web-staff", "worker-bulk", "worker-media", "beat", "search", "postgres", "valkey"} <= set(
        found.counts
    )


def test_nothing_that_is_stored_holds_anything_of_a_source(instance: Instance, finder: Finder) -> None:
    """Dump, database files, file store, Redis, logs, temp folders, mails, environments."""
    remains = instance.search_remains(finder)
    assert {place: dict(counts) for place, counts in remains.counts.items() if counts} == {}
    assert {"database dump", "database files", "logs", "mails (without To)", "environment of web-public"} <= set(
        remains.counts
    )


def test_what_is_stored_is_searched(instance: Instance) -> None:
    """The officer's email address, which is no secret, is found where it must be; that of a channel, which is one, nowhere."""
    finder = Finder({"officer": {OFFICER.encode()}, "channel": spell_text(instance.channel_secret)})
    found = {(kind, place) for place, content in instance.list_remains() for kind in +finder.count(content)}
    assert {("officer", "database dump"), ("officer", "database files")} <= found
    assert {place for kind, place in found if kind == "channel"} == set()


def test_digests_are_found_at_any_offset(instance: Instance, finder: Finder) -> None:
    for number, digest in enumerate(sorted(instance.digests())[::2000]):
        assert finder.count(b"." * number + digest + b".")["digest"] == 1


def test_the_public_process_never_had_a_key_of_the_staff(instance: Instance) -> None:
    for pid in instance.processes()["web-public"]:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        for name in (b"AGENCY_PRIVATE_KEYS", b"AUDIT_KEY", b"SECRET_KEY", b"portal_staff", b"portal_owner"):
            assert name not in environment
        files = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        assert not [path for path in files if "private" in path]


def test_the_public_role_has_no_admin(instance: Instance) -> None:
    visitor = Visitor(instance.stack.public_url)
    visitor.open("/admin/")
    assert visitor.status == 404


def test_the_search_finds_what_is_there(instance: Instance, finder: Finder) -> None:
    source = instance.sources[0]
    assert source.secret is not None
    control = ControlProcess(
        [source.text, source.receipt, source.address, source.secret.seed.hex(), instance.subscriber]
    )
    try:
        content = control.read_memory()
    finally:
        control.stop()
    counts = finder.count(content)
    assert all(counts[kind] for kind in ("text", "receipt", "address", "keys", "subscriber"))
    assert instance.open_blindly(blind_receipts.find_candidates(content)) == 1


def test_only_processes_of_its_own_are_read() -> None:
    with pytest.raises(process_memory.NotOurProcessError):
        next(process_memory.read_memory(os.getppid()))


def test_a_process_that_has_ended_holds_nothing() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not list(process_memory.read_memory(child.pid))  # its parent hasn't asked for its end yet
    child.wait()
    assert not list(process_memory.read_memory(child.pid))


def test_a_live_portal_is_refused() -> None:
    environment = os.environ | {"DATABASE_URL": "postgres://live/portal"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.theft"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "could be a live portal" in done.stderr

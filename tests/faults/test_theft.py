"""A thief who takes the memory of a running portal's processes finds nothing of sources who have left (`make theft-test`, shorter)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.theft import blind_receipts, process_memory
from tests.theft.instance import ControlProcess, Findings, Instance
from tests.theft.memory_search import MemorySearch
from tests.theft.search import Finder

SOURCES = 3
# Half of what SECURITY.md promises.
LONGEST_SECONDS = 30


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("theft") / "portal", SOURCES) as instance:
        instance.act()
        yield instance


@pytest.fixture(scope="module")
def finder(instance: Instance) -> Finder:
    return Finder(instance.secrets())


@pytest.fixture(scope="module")
def found(instance: Instance, finder: Finder) -> Findings:
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


def test_the_blind_search_opens_no_tip(instance: Instance, found: Findings) -> None:
    assert instance.open_blindly(found.candidates) == 0


def test_the_memory_of_every_process_was_read(found: Findings) -> None:
    assert found.uncontrolled == []
    assert {"web-public", "web-staff", "worker-bulk", "worker-media", "postgres", "valkey"} <= set(found.counts)


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


def test_a_live_portal_is_refused() -> None:
    environment = os.environ | {"DATABASE_URL": "postgres://live/portal"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.theft"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "could be a live portal" in done.stderr

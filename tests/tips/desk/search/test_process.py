"""The search process: the same answers as the scan, from memory; nothing is remembered that is gone."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from core.models import Account
from core.staff import groups
from tests.stack import wait_until
from tests.tips.desk import officers
from tipportal.deploy.processes import WIPING_ALLOCATOR
from tips.desk.search import engines, process_client, search_process, slices, text_memory
from tips.desk.search.matching import parse_words
from tips.desk.search.search_process import SearchServer
from tips.desk.search.text_memory import TextMemory
from tips.desk.search.tip_batches import Scope
from tips.models import Category, Message, Tip, Unit

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = 65534


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor")


@pytest.fixture
def memory() -> Iterator[TextMemory]:
    memory = TextMemory()
    yield memory
    memory.close()


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[SearchServer]:
    settings.SEARCH_SOCKET = tmp_path / "socket"
    server = SearchServer(settings.SEARCH_SOCKET)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(memory: TextMemory, account: Account, words: str) -> list[Any]:
    memory.synchronize()
    return slices.search(account, parse_words(words), Scope.GENERAL, None, 60, 100, engine=memory.match_batches).found


def test_texts_are_opened_once_and_new_ones_are_found_in_the_next_search(
    okafor: Account, memory: TextMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    fetch_batch = text_memory.tip_batches.fetch_batch
    monkeypatch.setattr(text_memory.tip_batches, "fetch_batch", lambda ids: opened.append(len(ids)) or fetch_batch(ids))
    tips = [officers.send_tip("A needle") for _ in range(3)]
    for _ in range(2):
        assert set(ask(memory, okafor, "needle")) == {tip.pk for tip in tips}
    assert opened == [3]
    officers.write_as_source(tips[0], "And a haystack", b"1" * 16)
    assert ask(memory, okafor, "haystack") == [tips[0].pk]
    assert opened == [3, 1]
    late = officers.send_tip("A needle")
    assert late.pk in ask(memory, okafor, "needle")
    assert opened == [3, 1, 1]


def test_an_erased_tip_is_forgotten_and_a_foreign_or_walled_one_has_no_hit(okafor: Account, memory: TextMemory) -> None:
    erased, foreign, walled, sensitive = (officers.send_tip("A needle") for _ in range(4))
    assert len(ask(memory, okafor, "needle")) == 4
    forgotten = {erased.pk.bytes, walled.pk.bytes}
    erased.delete()
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("ito"))
    Tip.objects.filter(pk=foreign.pk).update(unit=unit)
    officers.create_officer("smith", first_name="John", last_name="Lindqvist")
    officers.write_as_source(walled, "Officer Lindqvist was there", b"1" * 16)
    bias = Category.objects.create(slug="bias", name="Bias", is_sensitive=True, active=False)
    Tip.objects.filter(pk=sensitive.pk).update(category=bias)
    assert ask(memory, okafor, "needle") == []
    assert foreign.pk.bytes in memory._texts
    assert not forgotten & set(memory._texts)


def test_a_change_that_arrives_while_texts_are_opened_is_not_lost(
    okafor: Account, memory: TextMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text fetched before the change must not be stored after it."""
    tip = officers.send_tip("A needle")
    fetch_batch = text_memory.tip_batches.fetch_batch

    def fetch_and_change(ids: Any) -> Any:
        fetched = fetch_batch(ids)
        officers.write_as_source(tip, "And a haystack", b"1" * 16)
        memory.synchronize()
        return fetched

    monkeypatch.setattr(text_memory.tip_batches, "fetch_batch", fetch_and_change)
    assert ask(memory, okafor, "needle") == [tip.pk]
    monkeypatch.setattr(text_memory.tip_batches, "fetch_batch", fetch_batch)
    assert ask(memory, okafor, "haystack") == [tip.pk]


def test_the_memory_is_emptied_when_it_is_idle(okafor: Account, memory: TextMemory) -> None:
    officers.send_tip("A needle")
    assert ask(memory, okafor, "needle")
    assert not memory.clear_if_idle(60)
    assert len(memory) == 1
    assert memory.clear_if_idle(0)
    assert len(memory) == 0
    assert len(ask(memory, okafor, "needle")) == 1


def test_the_process_asks_the_permissions_of_the_account_itself(okafor: Account, server: SearchServer) -> None:
    tip = officers.send_tip("A needle")
    found, is_gone = engines.search(okafor, "needle", Scope.GENERAL, None, 5, 100)
    assert (found.found, found.searched, is_gone) == ([tip.pk], 1, False)
    assert len(server.memory) == 1
    administrator = officers.create_officer("root", groups.ADMINISTRATOR)
    turned_off = officers.create_officer("ito", is_active=False)
    for account in (administrator, turned_off, Account(pk=0)):
        with pytest.raises(PermissionDenied):
            process_client.search(server.server_address, account, "needle", Scope.GENERAL, None, 5, 100)  # type: ignore[arg-type]
    okafor.groups.clear()  # from the next request on
    with pytest.raises(PermissionDenied):
        engines.search(okafor, "needle", Scope.GENERAL, None, 5, 100)


def test_two_officers_search_at_once_and_each_finds_their_own(server: SearchServer, okafor: Account) -> None:
    unit = Unit.objects.create(name="Narcotics")
    ito = officers.create_officer("ito")
    unit.members.add(ito)
    common, foreign = officers.send_tip("A needle"), officers.send_tip("A needle")
    Tip.objects.filter(pk=foreign.pk).update(unit=unit)
    found: dict[str, set[Any]] = {}

    def run(account: Account) -> None:
        result = process_client.search(Path(str(server.server_address)), account, "needle", Scope.GENERAL, None, 5, 100)
        found[account.username] = set(result.found)

    threads = [threading.Thread(target=run, args=[account]) for account in (okafor, ito)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"okafor": {common.pk}, "ito": {common.pk, foreign.pk}}


def test_nonsense_is_answered_with_nothing_and_the_process_lives(okafor: Account, server: SearchServer) -> None:
    officers.send_tip("A needle")
    for line in (b"\n", b"{}\n", b"[1]\n", b"x" * search_process.MAX_REQUEST_BYTES * 2 + b"\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(server.server_address))
            try:
                client.sendall(line)
                assert client.recv(1024) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert engines.search(okafor, "needle", Scope.GENERAL, None, 5, 100)[0].found


@pytest.mark.parametrize(
    ("uid", "gid", "is_answered"),
    [
        (os.geteuid(), NOBODY, True),
        (NOBODY, os.getegid(), True),  # the web processes' user, in the group that both share
        (NOBODY, NOBODY, False),
    ],
)
def test_only_users_of_the_own_group_are_answered(server: SearchServer, uid: int, gid: int, is_answered: bool) -> None:
    assert Path(str(server.server_address)).stat().st_mode & 0o777 == 0o660

    class Peer:
        def getsockopt(self, *_asked: int) -> bytes:
            return struct.pack("3i", 1, uid, gid)

    assert server.verify_request(Peer(), None) is is_answered


def test_the_credentials_are_those_that_the_kernel_knows(server: SearchServer) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server.server_address))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    assert struct.unpack("3i", credentials) == (os.getpid(), os.geteuid(), os.getegid())


def test_a_process_that_is_gone_or_killed_is_replaced_by_the_scan_with_a_sentence(
    okafor: Account, tmp_path: Path, settings: Any
) -> None:
    settings.SEARCH_SOCKET = tmp_path / "socket"
    tip = officers.send_tip("A needle")
    environment = {
        **os.environ,
        **WIPING_ALLOCATOR,
        "SEARCH_SOCKET": str(settings.SEARCH_SOCKET),
        "DATABASE_URL": _database_url(),
    }
    command = [sys.executable, "-m", "django", "search_process"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(settings.SEARCH_SOCKET.exists, 120, "the search process listens")
        found, is_gone = engines.search(okafor, "needle", Scope.GENERAL, None, 5, 100)
        assert (found.found, is_gone) == ([tip.pk], False)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert "Max core file size        0                    0" in limits
        os.kill(process.pid, signal.SIGSTOP)  # alive, but silent: like one that is killed in the middle of a search
        timer = threading.Timer(0.3, process.kill)
        timer.start()
        found, is_gone = engines.search(okafor, "needle", Scope.GENERAL, None, 5, 100)
        assert (found.found, is_gone) == ([tip.pk], True)
        timer.join()
    finally:
        process.kill()
        print(process.communicate()[1])
    page = officers.sign_in(okafor).post("/admin/tips/tip/search/", {"words": "needle"}).content.decode()
    assert "The search process isn&#x27;t running, so this search takes longer." in page
    assert f'id="tip-{tip.number}"' in page


def _database_url() -> str:
    """Return the address of this process's copy of the database."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"


def test_counts_of_messages_are_known_without_a_text(okafor: Account, memory: TextMemory) -> None:
    tip = officers.send_tip("A needle")
    officers.write_as_source(tip, "And a haystack", b"1" * 16)
    ask(memory, okafor, "needle")
    assert memory._known[Message] == {Message.objects.get().pk.bytes}

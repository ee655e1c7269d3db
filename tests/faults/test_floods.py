"""Hostile connections by the hundred: sources still send and open their tips."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.journey import Visitor
from tests.stack import Stack
from tips import receipts

GUESSERS = 150


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("floods"), web=["all"]) as stack:
        yield stack


def guess(host: str) -> bytes:
    body = "receipt=" + receipts.spell_receipt(receipts.draw_positions()).replace(" ", "+")
    head = f"POST /tips/inbox/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def test_guessed_receipts_keep_out_neither_a_tip_nor_a_source(stack: Stack) -> None:
    source = Visitor(stack.url)
    receipt = source.send("Two men load boxes from a white van")
    address = ("127.0.0.1", stack.ports["all"])
    with ExitStack() as guessers:
        for _ in range(GUESSERS):
            connection = guessers.enter_context(socket.create_connection(address, 20))
            connection.sendall(guess("{}:{}".format(*address)))
        for number in range(5):
            start = time.monotonic()
            assert Visitor(stack.url).send(f"Tip {number} while receipts are guessed")
            assert time.monotonic() - start < 5
        assert "white van" in Visitor(stack.url).enter_inbox(receipt)

"""The web server as started in production: its log and its responses."""

from __future__ import annotations

import socket
from types import SimpleNamespace

from tests.stack import Stack, wait_until
from tipportal.deploy import gunicorn
from tipportal.dev_stack.readiness import is_home_page_served


def send(stack: Stack, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.ports["all"]), 20) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_the_log_has_neither_address_nor_content_of_a_malformed_request(stack: Stack) -> None:
    for raw in (
        b"GET /canary HTTP/9.9\r\n\r\n",
        b"CANARY \x00\x01\r\n\r\n",
        b"GET /canary HTTP/1.1\r\nX canary\r\n\r\n",
    ):
        assert b" 400 " in send(stack, raw).split(b"\r\n")[0]
    log = (stack.logs / "web.log").read_text()
    assert "127.0.0.1" not in log
    assert "canary" not in log.lower()


def test_a_url_that_is_too_long_gets_an_explanation(stack: Stack) -> None:
    answer = send(stack, b"GET /map/?category=" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The address is too long" in answer
    assert b'<a href="/map/">' in answer


def test_responses_do_not_name_the_server(stack: Stack) -> None:
    answer = send(stack, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert b"Server: web\r\n" in answer
    assert b"gunicorn" not in answer.lower()


def test_a_killed_worker_is_replaced(stack: Stack) -> None:
    import psutil

    master = stack.children["web"].process
    assert master
    workers = psutil.Process(master.pid).children()
    assert len(workers) == 2
    for worker in workers:
        worker.kill()

    wait_until(lambda: is_home_page_served(stack.ports["all"]), 30, "new workers answer")
    assert not {worker.pid for worker in workers} & {worker.pid for worker in psutil.Process(master.pid).children()}


def test_a_silent_connection_is_closed() -> None:
    line, other = socket.socketpair()
    with line, other:
        gunicorn.pre_request(None, SimpleNamespace(unreader=SimpleNamespace(sock=line)))
        assert line.gettimeout() == gunicorn.READ_TIMEOUT_SECONDS

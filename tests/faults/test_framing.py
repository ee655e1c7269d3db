"""Generated requests that are framed wrongly, sent to a real web server: `make soak`, each night.

The forms have parts with broken headers, lengths and boundaries; the uploads lie about what they send. No answer is a failure of ours,
no line of the log is one, and the server answers others afterwards.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journey import Visitor
from tests.stack import Stack
from tests.tips.files import sample_uploads

pytestmark = pytest.mark.nightly

EXAMPLES = 300
SECONDS = 10.0
LINE_ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n", b"\0"])
NAMES = st.sampled_from([b"attachments", b"token", b"description", b"uploads", b"", b"a" * 5000, b"\xff\xfe"])
HEADERS = st.sampled_from(
    [b"Content-Type: image/jpeg", b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: x", b"Content-Length: -1", b": x", b"X" * 9000, b""]
)  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=400), st.sampled_from([sample_uploads.photo(3000), b"%PDF-1.7", b"--b--", b"\r\n--b\r\n" * 50])
)
LENGTHS = st.sampled_from([b"0", b"1", b"-5", b"99999999999999999999", b"abc", b"10, 10", b"0x10", b""])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("framing"), web=["public"], variables={"WEB_CONCURRENCY": "1"}) as running:
        sample_uploads.ensure_worker_key(running.keys)
        yield running
        assert Visitor(running.public_url).send("It still works")
        log = (running.logs / "web-public.log").read_text(errors="replace")
        assert "Traceback" not in log
        assert "Internal Server Error" not in log


def exchange(stack: Stack, head: bytes, body: bytes) -> int:
    """Send a request and end the line; return the status, 0 for none."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.ports["public"]), SECONDS) as line, suppress(OSError):
        line.sendall(head.replace(b"{host}", f"127.0.0.1:{stack.ports['public']}".encode()) + b"\r\n" + body)
        line.shutdown(socket.SHUT_WR)
        while len(answer) < 12 and (part := line.recv(64)):
            answer += part
    return int(answer[9:12]) if answer[9:12].isdigit() else 0


@given(
    parts=st.lists(st.tuples(NAMES, HEADERS, LINE_ENDS, CONTENTS), max_size=6),
    boundary=st.sampled_from([b"b", b"", b"x" * 300, b'"b"', b"b; charset=utf-7"]),
    ending=st.sampled_from([b"--b--\r\n", b"--b", b"", b"--b--extra"]),
    lie=st.integers(-20, 20),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_form_that_is_framed_wrongly_gets_an_answer(
    stack: Stack, parts: list[tuple[bytes, bytes, bytes, bytes]], boundary: bytes, ending: bytes, lie: int
) -> None:
    form = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="'
        + name
        + b'"; filename="a"\r\n'
        + header
        + end
        + content
        + b"\r\n"
        for name, header, end, content in parts
    )
    body = form + ending
    head = b"POST /tips/ HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=" + boundary
    head += b"\r\nContent-Length: " + str(max(0, len(body) + lie)).encode() + b"\r\n"
    assert exchange(stack, head, body) not in (500, 502)


@given(
    method=st.sampled_from([b"POST", b"PATCH", b"HEAD", b"DELETE", b"OPTIONS", b"GET", b"\0", b"PRI"]),
    name=st.sampled_from([b"", b"0" * 32, b"00000000-0000-0000-0000-000000000000", b"%2e%2e%2f", b"\xff", b"%00"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"Upload-Length", b"Upload-Offset", b"Upload-Ticket", b"Form-Token", b"Content-Length", b"Transfer-Encoding", b"Expect"]),
            st.one_of(LENGTHS, st.sampled_from([b"chunked", b"100-continue", b"\xff"])),
        ),
        max_size=6,
    ),
    body=st.binary(max_size=300),
)  # fmt: skip
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_upload_that_lies_gets_an_answer(
    stack: Stack, method: bytes, name: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = (
        method
        + b" /tips/files/"
        + name
        + b" HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/offset+octet-stream\r\n"
    )
    head += b"".join(each + b": " + value + b"\r\n" for each, value in headers)
    assert exchange(stack, head, body) not in (500, 502)


@given(content=st.binary(max_size=600))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_bytes_get_an_answer_or_none(stack: Stack, content: bytes) -> None:
    assert exchange(stack, content, b"") not in (500, 502)
    assert not [path for path in Path(stack.keys["MEDIA_STORE"]).iterdir() if content and content in path.read_bytes()]

"""Uploads in real processes: broken connections, a killed web server, and plaintext on no disk."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_media import found_on_disk
from tests.journey import Visitor
from tests.stack import Stack, wait_until
from tests.tips.files import sample_uploads
from tips.files import sealed_store

CANARY = b"canary 3be9: the first frames of a video"
NAME = "canary-name-of-a-person.mp4"
BOUNDARY = "----a-boundary-of-forms"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "temp").mkdir()
    with Stack(folder, web=["public"], variables={"TMPDIR": str(folder / "temp")}) as stack:
        sample_uploads.ensure_worker_key(stack.keys)
        yield stack


@pytest.fixture(scope="module")
def video() -> bytes:
    return sample_uploads.video(100) + CANARY * 60_000


def in_store(stack: Stack) -> list[Path]:
    return [path for path in Path(stack.keys["MEDIA_STORE"]).iterdir() if path.is_file()]


class Form:
    """A tip with one file, sent as slowly as a test needs."""

    def __init__(self, stack: Stack, content: bytes) -> None:
        self.source = Visitor(stack.public_url)
        fields = self.source.tip("Two men load boxes")
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}' for name in fields
        ]
        parts += [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="attachments"; filename="{NAME}"\r\n\r\n']
        body = "\r\n".join(parts).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        head = (
            f"POST /tips/ HTTP/1.1\r\nHost: {self.source.host}:{self.source.port}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        )
        self.line = socket.create_connection((self.source.host, self.source.port or 0), 30)
        self.left = memoryview(head.encode() + body)

    def send(self, length: int) -> None:
        self.line.sendall(self.left[:length])
        self.left = self.left[length:]

    def finish(self) -> str:
        self.send(len(self.left))
        answer = b""
        while part := self.line.recv(65536):
            answer += part
        self.line.close()
        return answer.decode()


def test_neither_content_nor_name_is_on_a_disk_in_plaintext(stack: Stack, video: bytes) -> None:
    form = Form(stack, video)
    form.send(1_000_000)
    wait_until(lambda: sum(path.stat().st_size for path in in_store(stack)) > 500_000, 120, "half a file is sealed")
    assert found_on_disk(stack, CANARY[:20]) == []
    page = form.finish()
    assert "1 file arrived with it." in page
    assert found_on_disk(stack, CANARY[:20]) == []
    assert found_on_disk(stack, NAME.encode()) == []
    assert len(in_store(stack)) == 1  # its ticket is gone
    in_store(stack)[0].unlink()


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_an_abandoned_upload_leaves_nothing(stack: Stack, video: bytes, how: str) -> None:
    form = Form(stack, video)
    form.send(1_000_000)
    wait_until(lambda: in_store(stack), 120, "the file is begun")
    if how == "reset":
        form.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    form.line.close()
    wait_until(lambda: not in_store(stack), 120, "nothing is left")


def test_a_killed_web_server_leaves_no_plaintext_and_its_remains_are_removed(stack: Stack, video: bytes) -> None:
    form = Form(stack, video)
    form.send(1_000_000)
    wait_until(lambda: in_store(stack), 120, "the file is begun")
    stack.kill_web()
    assert found_on_disk(stack, CANARY[:20]) == []
    assert found_on_disk(stack, NAME.encode()) == []
    stack.start_web()
    assert found_on_disk(stack, CANARY[:20]) == []
    (rest,) = in_store(stack)  # sealed with a key that no longer exists
    rest.unlink()


def test_an_upload_resumes_where_a_killed_web_server_stopped(stack: Stack, video: bytes) -> None:
    source = Visitor(stack.public_url)
    fields = source.tip("Two men load boxes")
    ticket = source.field("ticket")
    half = len(video) // 2 // sealed_store.CHUNK_BYTES * sealed_store.CHUNK_BYTES

    def ask(method: str, path: str, content: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        line = http.client.HTTPConnection(source.host, source.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, content, {"Upload-Ticket": ticket, **named})
        answer = line.getresponse()
        answer.read()
        line.close()
        return answer

    kind = "application/offset+octet-stream"
    begun = ask("POST", "/tips/files/", Upload_Length=str(len(video)), Form_Token=fields["token"])
    address = begun.headers["Location"]
    assert ask("PATCH", address, video[:half], Content_Type=kind, Upload_Offset="0").status == 204
    stack.kill_web()
    assert found_on_disk(stack, CANARY[:20]) == []
    stack.start_web()
    assert ask("HEAD", address).headers["Upload-Offset"] == str(half)
    assert ask("PATCH", address, video[half:], Content_Type=kind, Upload_Offset=str(half)).status == 204
    assert found_on_disk(stack, CANARY[:20]) == []
    # The page is from before the server died: the keys of its form are lost, its content is not.
    page = source.open("/tips/", fields | {"ticket": ticket, "uploads": address.split("/")[-2]})
    if source.status != 200:
        page = source.open("/tips/", fields | {name: source.field(name) for name in ("token", "ticket", "uploads")})
    assert "1 file arrived with it." in page
    assert [path.name for path in in_store(stack)] == [address.split("/")[-2]]

"""After a whole journey neither the source's address nor any plaintext of the tip is anywhere in the portal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from tests.journey import Visitor
from tests.stack import Stack
from tipportal.dev_stack.servers import postgres_programs

ADDRESS = "127.45.67.89"
FORWARDED = "203.0.113.77"
AGENT = "Canary/7.7 (distinctive agent)"
REFERRER = "https://canary-referrer.example/page"
CANARY = "canary sentence about two men and a white van"
ANSWER = "canary answer of the officer to the source"
MORE = "canary of the source coming back"
NOTE = "canary note between officers"
PASSWORD = "not-a-real-password-17"


@pytest.fixture(scope="module")
def portal_with_tip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """Return the portal after a journey, and the receipt."""
    folder = tmp_path_factory.mktemp("anonymity")
    temp = folder / "temp"
    temp.mkdir()
    with Stack(folder, web=["public", "staff"], workers=["alerts"], variables={"TMPDIR": str(temp)}) as stack:
        officer_script = (
            "from django.contrib.auth.models import Group; from core.models import Account\n"
            f"a = Account.objects.create_user('okafor', 'okafor@example.org', {PASSWORD!r}, is_staff=True)\n"
            "a.groups.add(Group.objects.get(name='officer'))"
        )
        stack.run_manage("shell", "-c", officer_script)
        yield stack, journey(stack)


def journey(stack: Stack) -> str:
    source = Visitor(
        stack.public_url, ADDRESS, **{"X-Forwarded-For": FORWARDED, "User-Agent": AGENT, "Referer": REFERRER}
    )
    source.open("/")
    assert "Set-Cookie" not in source.answer
    receipt = source.send(CANARY, place=CANARY, when=CANARY)
    assert "Set-Cookie" not in source.answer
    source.open("/no-such-page")
    source.open("/tips/", {"token": "broken", "description": CANARY})
    source.open("/tips/inbox/", {"receipt": "abacus " * 7})
    stack.mails.wait(1)

    officer = Visitor(stack.staff_url)
    officer.sign_in("okafor", PASSWORD)
    listed = officer.open("/admin/tips/tip/")
    assert CANARY not in listed
    address = re.search(r'href="(/admin/tips/tip/[0-9a-f-]{36}/change/)', listed)
    assert address, listed
    assert CANARY in officer.open(address[1])
    act(officer, address[1], "answer", ANSWER)
    act(officer, address[1], "note", NOTE)
    assert NOTE in officer.open(address[1])

    assert ANSWER in source.enter_inbox(receipt)
    assert NOTE not in source.page
    assert "kafor" not in source.page
    source.open("/tips/inbox/conversation/", {"text": MORE, "form_id": source.field("form_id")})
    assert MORE in source.open("/tips/inbox/conversation/")
    stack.mails.wait(2)
    return receipt


def act(officer: Visitor, address: str, what: str, text: str) -> None:
    """Post the form of the tip's page that does `what`."""
    form = next(form for form in re.findall(r"<form.*?</form>", officer.page, re.S) if f'value="{what}"' in form)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    buttons = dict(re.findall(r'<button[^>]*name="([^"]+)" value="([^"]*)"', form))
    officer.open(address, fields | buttons | {"text": text})
    assert officer.status in (302, 303), officer.page
    officer.open(address)


@pytest.fixture(scope="module")
def found(portal_with_tip: tuple[Stack, str]) -> dict[str, bytes]:
    """Collect all remains: database dump and files, Redis, logs, temp folder, mails, and environments of processes."""
    stack, _ = portal_with_tip
    left: dict[str, bytes] = {"database dump": dump(stack)}
    for number in (0, 1):
        with redis.Redis(unix_socket_path=str(stack.servers.redis_socket), db=number) as store:
            for key in store.keys("*"):
                left[f"redis {number} {key!r}"] = key + (store.dump(key) or b"")
    for folder in (stack.folder, Path("/dev/shm")):
        for path in folder.rglob("*"):
            try:
                left[f"file {path}"] = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:  # PostgreSQL recycles its files
                continue
    for number, mail in enumerate(stack.mails.received):
        left[f"mail {number}"] = mail.as_bytes()
    for name, child in stack.children.items():
        left[f"environment of {name}"] = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    return left


def dump(stack: Stack) -> bytes:
    url = stack.database_url("postgres")
    return subprocess.run([postgres_programs() / "pg_dump", "--inserts", url], capture_output=True, check=True).stdout


NEEDLES = [ADDRESS, FORWARDED, AGENT, REFERRER, CANARY, ANSWER, MORE, NOTE]


@pytest.mark.parametrize("needle", NEEDLES, ids=range(len(NEEDLES)))  # ids of tests are in environments of processes
def test_the_needle_is_found_nowhere(found: dict[str, bytes], needle: str) -> None:
    spellings = {needle.encode(), needle.encode().hex().encode(), base64.b64encode(needle.encode()).rstrip(b"=")}
    spellings |= {needle.encode("utf-16-le")}
    assert [place for place, content in found.items() if any(spelling in content for spelling in spellings)] == []


def test_the_receipt_is_found_nowhere(portal_with_tip: tuple[Stack, str], found: dict[str, bytes]) -> None:
    words = portal_with_tip[1].encode()
    for spelling in (words, words.replace(b" ", b"-"), words.replace(b" ", b"\n"), words.replace(b" ", b"")):
        assert [place for place, content in found.items() if spelling in content] == []


def test_no_digest_of_the_address_under_any_secret_at_hand(
    portal_with_tip: tuple[Stack, str], found: dict[str, bytes]
) -> None:
    stack, _ = portal_with_tip
    secrets = [b""] + [path.read_bytes() for path in (stack.folder / "keys").rglob("*") if path.is_file()]
    for name, content in found.items():
        if name.startswith("environment"):
            secrets += [value.partition(b"=")[2] for value in content.split(b"\0") if value]
        if name.startswith("redis"):
            secrets.append(content[:64])
    digests: set[bytes] = set()
    for address in (ADDRESS, FORWARDED):
        for secret in secrets:
            for algorithm in ("md5", "sha1", "sha256", "sha512"):
                digests.add(hmac.new(secret, address.encode(), algorithm).digest()[:16])
                digests.add(hashlib.new(algorithm, secret + address.encode()).digest()[:16])
            for size in (16, 32, 64):
                digests.add(hashlib.blake2b(address.encode(), key=secret[:64], digest_size=size).digest()[:16])
    spellings = {
        spelling
        for digest in digests
        for spelling in (
            digest,
            digest.hex().encode(),
            base64.b64encode(digest)[:20],
            base64.urlsafe_b64encode(digest)[:20],
        )
    }
    everything = b"".join(found.values())
    assert not holds(everything, spellings)
    for spelling in sorted(spellings)[::2000]:  # the search must find one wherever it is
        assert holds(everything[: len(spelling) + 3] + spelling + everything[-3:], spellings)


def holds(content: bytes, wanted: set[bytes]) -> bool:
    """Return whether `content` contains one of many texts of at least 8 bytes, by looking up its windows of 8 bytes."""
    begins = np.array([int.from_bytes(text[:8], "little") for text in wanted], "<u8")
    low = np.uint64(2**24 - 1)
    may_begin = np.zeros(2**24, bool)
    may_begin[begins & low] = True
    for offset in range(8):
        windows = (
            np.frombuffer(content, "<u8", max(0, len(content) - offset) // 8, offset)
            if len(content) > offset
            else begins[:0]
        )
        at = np.flatnonzero(may_begin[windows & low])
        for position in (at[np.isin(windows[at], begins)] * 8 + offset).tolist():
            if any(content.startswith(text, position) for text in wanted):
                return True
    return False


def test_the_search_finds_existing_text(portal_with_tip: tuple[Stack, str], found: dict[str, bytes]) -> None:
    """The search does find the agency's officer in the dump, the mail and the files."""
    assert b"okafor@example.org" in found["database dump"]
    assert b"okafor@example.org" in found["mail 0"]
    assert any(b"okafor@example.org" in content for place, content in found.items() if "servers" in place)


def test_the_public_process_never_had_the_private_key(portal_with_tip: tuple[Stack, str]) -> None:
    stack, _ = portal_with_tip
    environment = Path(f"/proc/{stack.children['web-public'].process.pid}/environ").read_bytes()
    for name in (b"AGENCY_PRIVATE_KEYS", b"AUDIT_KEY", b"SECRET_KEY", b"portal_staff", b"portal_owner"):
        assert name not in environment
    for process in os.listdir("/proc"):
        if process.isdigit() and str(stack.children["web-public"].process.pid) == parent_of(process):
            files = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
            assert not [path for path in files if "private" in path]


def parent_of(process: str) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""


def test_the_public_role_has_no_admin(portal_with_tip: tuple[Stack, str]) -> None:
    visitor = Visitor(portal_with_tip[0].public_url)
    visitor.open("/admin/")
    assert visitor.status == 404

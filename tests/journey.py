"""A source and an officer as plain HTTP clients, for tests and checks that look at the portal from outside."""

from __future__ import annotations

import base64
import hmac
import html
import http.client
import re
import struct
import time
from collections.abc import Sequence
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

BOUNDARY = "a-line-that-no-file-of-the-tests-has"


def multipart(fields: dict[str, str], files: Sequence[bytes]) -> bytes:
    """Return the body of a form with files, as browsers send it."""
    parts = [f'form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    head = b'form-data; name="attachments"; filename="IMG_0001"\r\nContent-Type: application/octet-stream\r\n\r\n'
    parts += [head + file for file in files]
    line = f"--{BOUNDARY}".encode()
    return b"".join(line + b"\r\nContent-Disposition: " + part + b"\r\n" for part in parts) + line + b"--\r\n"


def compute_code(secret: str, offset: float = 0) -> str:
    """Return what an authenticator app shows in `offset` seconds for this secret in base 32 (RFC 6238)."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time() + offset) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


class Visitor:
    """A browser without script: keeps cookies and follows no redirect. `address` is the loopback address it connects from."""

    def __init__(self, url: str, address: str = "127.0.0.1", **headers: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port
        self.origin = url
        self.address = address
        self.headers = headers
        self.cookies: SimpleCookie = SimpleCookie()
        self.status = 0
        self.page = ""
        self.content = b""
        self.answer: http.client.HTTPMessage

    def open(
        self, path: str, fields: dict[str, str] | None = None, timeout: float = 60, files: Sequence[bytes] = ()
    ) -> str:
        """Send a GET, or a POST of `fields` and `files`, and return the page; its bytes are in `content`."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout, source_address=(self.address, 0))
        headers = dict(self.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        body: str | bytes | None = None
        if fields is not None:
            headers["Origin"] = self.origin
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields)
        if fields is not None and files:
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
            body = multipart(fields, files)
        connection.request("GET" if fields is None else "POST", path, body, headers)
        response = connection.getresponse()
        self.status, self.answer = response.status, response.headers
        self.content = response.read()
        self.page = self.content.decode(errors="replace")
        for header in response.headers.get_all("Set-Cookie") or []:
            self.cookies.load(header)
        connection.close()
        return self.page

    def field(self, name: str) -> str:
        """The value of the first field of that name on the page."""
        for tag in re.findall(r"<input[^>]*>", self.page):
            if f'name="{name}"' in tag and (value := re.search(r'value="([^"]*)"', tag)):
                return html.unescape(value[1])
        if prefilled := re.search(rf'<textarea[^>]*name="{name}"[^>]*>\n?(.*?)</textarea>', self.page, re.S):
            return html.unescape(prefilled[1])
        raise AssertionError(f"no field {name} on the page (status {self.status}):\n{self.page[:2000]}")

    # A source

    def tip(self, description: str, **fields: str) -> dict[str, str]:
        """Open the form and fill it in; returns the fields to post."""
        self.open("/tips/")
        assert self.status == 200, self.page
        return {"token": self.field("token"), "category": self.field("category"), "description": description, **fields}

    def send(self, description: str, files: Sequence[bytes] = (), **fields: str) -> str:
        """Send a tip and return its receipt."""
        self.open("/tips/", self.tip(description, **fields), files=files)
        assert self.status == 200, (self.status, self.page)
        return self.receipt()

    def receipt(self) -> str:
        found = re.search(r'class="words"[^>]*>(.*?)</p>', self.page, re.S)
        assert found, f"no receipt on the page:\n{self.page[:3000]}"
        return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())

    def enter_inbox(self, receipt: str) -> str:
        self.open("/tips/inbox/", {"receipt": receipt})
        assert self.status in (302, 303), (self.status, self.page)
        return self.open("/tips/inbox/conversation/")

    # An officer

    def sign_in(self, user: str, password: str, code: str = "") -> None:
        """Enter the password, then the code of the authenticator app. An account that has none adds one here."""
        self.open("/admin/login/")
        fields = {"csrfmiddlewaretoken": self.field("csrfmiddlewaretoken"), "username": user, "password": password}
        self.open("/admin/login/?next=/admin/", fields)
        assert self.status == 302, self.page
        address = self.answer["Location"]
        self.open(address)
        if self.status == 302:  # the account has no second factor yet
            address = self.answer["Location"]
            self.open(address)
        secret = re.search(r'class="factor-secret">([^<]+)<', self.page)
        answer = {"app_code": compute_code(secret[1])} if secret else {"factor_code": code}
        self.open(address, {"csrfmiddlewaretoken": self.field("csrfmiddlewaretoken"), **answer})
        assert self.status == 302, self.page

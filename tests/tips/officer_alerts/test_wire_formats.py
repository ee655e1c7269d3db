"""Alerts as ntfy and Matrix servers receive them: servers that accept what their documented interfaces accept, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.channel_services import Outcome
from core.models import Account
from tests.tips.desk import officers
from tests.tips.officer_alerts.alert_channels import add_channel
from tips.models import AlertChannel
from tips.officer_alerts import channels

TOKEN, PASSWORD = "tk_canary7QxAbCdEfGhIjKlMnOpQrStU", "canary-password"
ROOM = "!desk:riverton.example"
URGENT = "Urgent: a tip is waiting. Sign in to read it."
_CLIENT = "/_matrix/client/v3"


@dataclass
class Server:
    """Speaks both: ntfy's "Publish as JSON", and of Matrix's client-server interface (v3) what sends a text to a room."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    ntfy: list[dict[str, Any]] = field(default_factory=list)
    matrix: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        self.requests.append(f"{method} {path}")
        content = json.loads(body) if body else None
        if (method, path) == ("POST", f"{_CLIENT}/login"):
            if content["password"] != PASSWORD:
                return 403, {"errcode": "M_FORBIDDEN"}
            return 200, {"access_token": TOKEN, "user_id": "@desk:riverton.example", "device_id": "DESK"}
        if path.startswith(f"{_CLIENT}/register"):
            return 403, {"errcode": "M_FORBIDDEN"}
        if headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, {"errcode": "M_UNKNOWN_TOKEN"}
        if (method, path) == ("POST", "/"):
            self.ntfy.append({"priority": headers["X-Priority"], **content})
            return 200, {"id": "sPs71M8A2T", "event": "message"}
        if (method, path) == ("GET", f"{_CLIENT}/account/whoami"):
            return 200, {"user_id": "@desk:riverton.example", "device_id": "DESK"}
        if (method, unquote(path)) == ("POST", f"{_CLIENT}/join/{ROOM}"):
            return 200, {"room_id": ROOM}
        if (method, path) == ("POST", f"{_CLIENT}/logout"):
            return 200, {}
        sent, _slash, transaction = unquote(path).rpartition("/")
        if (method, sent) == ("PUT", f"{_CLIENT}/rooms/{ROOM}/send/m.room.message") and transaction:
            self.matrix.append(content)
            return 200, {"event_id": "$1"}
        return 404, {"errcode": "M_UNRECOGNIZED"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of "localhost", signed by itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("wire") / "localhost.pem"
    file.write_bytes(built.public_bytes(pem) + private)
    return file


@pytest.fixture
def server(certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, opens_channels: None) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, content = state.answer(self.command, self.path, self.headers, body)
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *_args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    state.port = listening.server_port
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    settings.ALERT_CHANNELS = [f"{schema}://localhost:{state.port}" for schema in ("ntfys", "matrixs")]
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def test_ntfy_gets_a_topic_a_text_and_for_urgent_ones_a_priority(server: Server, okafor: Account) -> None:
    channel = add_channel(f"ntfys://{TOKEN}@localhost:{server.port}/desk", officer=okafor)
    assert channels.send(channel, "A tip is waiting.", is_urgent=False).outcome is Outcome.SENT
    assert channels.send(channel, URGENT, is_urgent=True).outcome is Outcome.SENT
    assert server.ntfy == [
        {"priority": None, "topic": "desk", "message": "A tip is waiting."},
        {"priority": "high", "topic": "desk", "message": URGENT},
    ]


@pytest.mark.parametrize("account", [TOKEN, f"desk:{PASSWORD}"])
def test_matrix_gets_one_text_and_no_keys_of_a_device(server: Server, okafor: Account, account: str) -> None:
    channel: AlertChannel = add_channel(f"matrixs://{account}@localhost:{server.port}/{ROOM}", officer=okafor)
    assert channels.send(channel, URGENT, is_urgent=True).outcome is Outcome.SENT
    assert server.matrix == [{"msgtype": "m.text", "body": URGENT}]
    assert not [request for request in server.requests if "keys" in request or "encryption" in request]


def test_a_wrong_password_is_a_refusal_and_makes_no_account(server: Server, okafor: Account) -> None:
    channel = add_channel(f"matrixs://desk:wrong@localhost:{server.port}/{ROOM}", officer=okafor)
    assert channels.send(channel, URGENT, is_urgent=True).outcome is Outcome.REFUSED
    assert not [request for request in server.requests if "register" in request]
    assert server.matrix == []

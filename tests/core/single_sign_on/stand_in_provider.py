"""A small real OpenID Connect provider on this machine: discovery, keys, authorization with PKCE, signed ID tokens.

It behaves unless a test tells it otherwise: `claims` are added to each token, `without` removes some, and the other attributes
replace what it signs with, how, or what it says of itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "portal", "a secret of the portal"
_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
OWN_KEY, FOREIGN_KEY = _KEYS


@dataclass
class StandInProvider:
    subject: str = "subject-1"
    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    signing_key: Any = OWN_KEY
    algorithm: str = "RS256"
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "one"})
    description: dict[str, Any] = field(default_factory=dict)
    response: dict[str, str] = field(default_factory=dict)
    raw_token: str | None = None
    token_status: int = 200
    keys: list[dict[str, Any]] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(query))
                    self.end_headers()
                elif parts.path == "/.well-known/openid-configuration":
                    self.answer(200, provider.describe())
                elif parts.path == "/keys":
                    self.answer(200, {"keys": provider.list_keys()})
                else:
                    self.answer(404, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                data = {name: values[0] for name, values in parse_qs(body).items()}
                self.answer(*provider.exchange(data, self.headers.get("Authorization", "")))

            def answer(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            **self.description,
        }

    def list_keys(self) -> list[dict[str, Any]]:
        if self.keys is not None:
            return self.keys
        key = jwt.algorithms.RSAAlgorithm.to_jwk(OWN_KEY.public_key(), as_dict=True)
        return [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]

    def authorize(self, query: dict[str, str]) -> str:
        """Sign the person in at once, and return the address that the browser is sent back to."""
        self.asked.append(query)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], **self.response}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, data: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return the tokens for a code, once, to the client that asked for it and knows its PKCE verifier."""
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_client = authorization == f"Basic {basic}" or (
            data.get("client_id") == CLIENT_ID and data.get("client_secret") == CLIENT_SECRET
        )
        query = self.codes.pop(data.get("code", ""), None)
        if not is_client or query is None or data.get("redirect_uri") != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(data["code_verifier"].encode()).digest()).decode()
        if challenge.rstrip("=") != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return self.token_status, {
            "token_type": "Bearer",
            "access_token": "unused",
            "id_token": self.write_token(query),
        }

    def write_token(self, query: dict[str, str]) -> str:
        if self.raw_token is not None:
            return self.raw_token
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "auth_time": now,
            "preferred_username": "k.okafor@riverton.example",
            **self.claims,
        }
        content = {name: value for name, value in claims.items() if name not in self.without}
        return jwt.encode(content, self.signing_key, algorithm=self.algorithm, headers=self.header)

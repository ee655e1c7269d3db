"""Form tokens, the idempotency keys of the tip form: one form is one tip, however often and whenever it is posted.

A token is issued with the form and posted back in a hidden field. It carries the receipt-to-be, its time of issue and
the tip's route,
sealed under keys that exist in memory only: one of this web server (drawn before it forks, so that its workers share it)
and one of the hour that all nodes share through the memory-only store. Either opens it, so a restart of the web server or
an outage of the store costs no source the receipt; both together cost one more press of Send, and the receipt of a tip that is
stored, but whose answer got lost on its way.

    token = base64url( id (16) | box under the node's key (59 bytes of 19) | box under the shared key, or nothing )
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import threading
import time
from dataclasses import dataclass

from core import ephemeral_store
from tips import receipts, vault
from tips.callers.routes import TipRoute

HOUR = 3600
LIFETIME_SECONDS = HOUR
ID_BYTES = 16
_CONTENT = struct.Struct(f">IB{receipts.WORD_COUNT}H")
_BOX_BYTES = vault.NONCE_BYTES + _CONTENT.size + 16


class TokenError(Exception):
    """The text is no token of ours, or its keys are gone."""


class TokenExpiredError(TokenError):
    """The token is ours, but older than an hour. `route` is that of its form."""

    def __init__(self, route: TipRoute) -> None:
        super().__init__()
        self.route = route


@dataclass(frozen=True, slots=True)
class FormToken:
    """An opened token: its id, its time of issue in Unix seconds, the word positions of the receipt-to-be, and the tip's route."""

    id: bytes
    issued_at: int
    positions: tuple[int, ...]
    route: TipRoute = TipRoute.WEB

    @property
    def receipt(self) -> str:
        return receipts.spell_receipt(self.positions)

    @property
    def form_hash(self) -> bytes:
        return hash_token_id(self.id)

    @property
    def age_seconds(self) -> float:
        return time.time() - self.issued_at


def hash_token_id(token_id: bytes) -> bytes:
    """Return the hash that is stored with a tip (Tip.form_hash), from which the token's id cannot be read."""
    return hashlib.sha256(b"form" + token_id).digest()


def mark_spent(form_hash: bytes) -> None:
    """Have is_spent recognize a form for as long as its token can be read, though its tip is deleted.

    The mark is in memory only and is the hash of a hash of a random id, so that it tells nothing without the form. It expires
    at a full hour, so that its time to live does not tell when the tip was deleted. Raises ephemeral_store.StoreDownError.
    """
    ephemeral_store.put(_mark_name(form_hash), b"1", LIFETIME_SECONDS + HOUR - int(time.time()) % HOUR)


def is_spent(form_hash: bytes) -> bool:
    """Return whether the tip of this form was deleted by its source. False while the store is down: no tip is refused."""
    try:
        return ephemeral_store.get(_mark_name(form_hash)) is not None
    except ephemeral_store.StoreDownError:
        return False


def _mark_name(form_hash: bytes) -> str:
    return "form-spent:" + hashlib.sha256(b"spent" + form_hash).hexdigest()[:32]


class _Keys:
    """The two keys of an hour. Neither outlives the next hour by more than one; neither is ever written to a disk."""

    def __init__(self) -> None:
        self._node_secret = os.urandom(vault.KEY_BYTES)
        self._shared: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def node_key(self, hour: int) -> bytes:
        """Return this web server's key of an hour."""
        return hashlib.blake2b(hour.to_bytes(8, "big"), key=self._node_secret, digest_size=vault.KEY_BYTES).digest()

    def shared_key(self, hour: int) -> bytes | None:
        """Return all nodes' key of an hour, or None while the store is down and this process has not seen it."""
        with self._lock:
            if hour in self._shared:
                return self._shared[hour]
        try:
            key = ephemeral_store.put_once(f"form-key:{hour}", vault.generate_key(), 3 * HOUR)
        except ephemeral_store.StoreDownError:
            return None
        with self._lock:
            self._shared = {past: value for past, value in self._shared.items() if past >= hour - 1} | {hour: key}
        return key


_keys = _Keys()


def issue(route: TipRoute = TipRoute.WEB) -> str:
    """Return a new token with a new receipt in it, as the text of the form's hidden field."""
    token_id = os.urandom(ID_BYTES)
    now = int(time.time())
    content = _CONTENT.pack(now, route, *receipts.draw_positions())
    hour = now // HOUR
    shared = _keys.shared_key(hour)
    boxes = [vault.seal_box(key, content, token_id) for key in (_keys.node_key(hour), shared) if key]
    return base64.urlsafe_b64encode(b"".join([token_id, *boxes])).decode()


def spell_id(token_id: bytes) -> str:
    """Return a token's id as text. It names the form and opens no receipt."""
    return base64.urlsafe_b64encode(token_id).decode()


def parse_id(text: str) -> bytes:
    """Return the id that spell_id spelled. Raises TokenError."""
    token_id = _decode(text)
    if len(token_id) != ID_BYTES:
        raise TokenError
    return token_id


def read_token_id(text: str) -> bytes:
    """Return the id of a token, which no key protects. Raises TokenError for any text that cannot be a token."""
    return _split(text)[0]


def read(text: str) -> FormToken:
    """Open a token. Raises TokenExpiredError or TokenError."""
    token_id, boxes = _split(text)
    this_hour = int(time.time()) // HOUR
    for hour in (this_hour, this_hour - 1):
        for key_of_hour, box in zip((_keys.node_key, _keys.shared_key), boxes, strict=False):
            content = _open_or_none(key_of_hour(hour), box, token_id)
            if content is None:
                continue
            token = _parse(token_id, content)
            if token.age_seconds > LIFETIME_SECONDS:
                raise TokenExpiredError(token.route)
            return token
    raise TokenError


def read_route(text: str) -> TipRoute:
    """Return the route of a form, also of an expired one; WEB for a text that is no token, or whose keys are gone."""
    try:
        return read(text).route
    except TokenExpiredError as error:
        return error.route
    except TokenError:
        return TipRoute.WEB


def read_at_once(text: str) -> FormToken | None:
    """Open a token of this web server without asking the store, however old it is; None for any other."""
    try:
        token_id, boxes = _split(text)
    except TokenError:
        return None
    this_hour = int(time.time()) // HOUR
    for hour in (this_hour, this_hour - 1):
        content = _open_or_none(_keys.node_key(hour), boxes[0], token_id)
        if content is not None:
            return _parse(token_id, content)
    return None


def _parse(token_id: bytes, content: bytes) -> FormToken:
    issued_at, route, *positions = _CONTENT.unpack(content)
    return FormToken(token_id, issued_at, tuple(positions), TipRoute(route))


def _split(text: str) -> tuple[bytes, list[bytes]]:
    raw = _decode(text)
    token_id, rest = raw[:ID_BYTES], raw[ID_BYTES:]
    if len(rest) not in (_BOX_BYTES, 2 * _BOX_BYTES):
        raise TokenError
    return token_id, [rest[:_BOX_BYTES], rest[_BOX_BYTES:]]


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text[:400].encode("ascii"))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise TokenError from None


def _open_or_none(key: bytes | None, box: bytes, token_id: bytes) -> bytes | None:
    if key is None or not box:
        return None
    try:
        return vault.open_box(key, box, token_id)
    except vault.SealError:
        return None

"""Marks: each opens the tip form once for an officer who writes for a caller.

The staff side signs a mark with a key that it derives from its SECRET_KEY; the public side has only the key to check it with, from a
table that the staff role alone writes. So someone who has broken into the public side can make none. A mark has the route, the step
of five minutes in which it was made, and a random id: neither officer nor session nor time. Neither side stores which marks were
made. The memory-only store remembers a used one by the hash of its id until it has expired.

    mark = base64url( Ed25519 signature (64) | route (1) | step (4) | id (16) )
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import time

from django.conf import settings

from core import ephemeral_store
from tips import vault
from tips.callers.routes import TipRoute
from tips.models import CallerMarkKey

STEP_SECONDS = 300
# A mark is good in the step in which it was made and in the next two: at least ten minutes. One step of the future, since the clocks
# of two machines differ.
_GOOD_AGES = range(-1, 3)
_SPENT_SECONDS = 4 * STEP_SECONDS
_CONTENT = struct.Struct(">BI16s")
_LABEL = b"caller mark 1"
_LONGEST_TEXT = 200


class MarkError(Exception):
    """The text is no mark of this agency, or the mark was used before or has expired."""


def make(route: TipRoute) -> str:
    """Return a new mark. Staff side only: the public side's database user can't store the key to check it with."""
    seed = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"caller marks 1").digest()
    _publish_key(vault.signing_public_half(seed))
    content = _CONTENT.pack(route, int(time.time()) // STEP_SECONDS, os.urandom(16))
    return base64.urlsafe_b64encode(vault.sign(seed, content, _LABEL)).decode()


def redeem(text: str) -> TipRoute:
    """Use up a mark and return its route. Raises MarkError, and ephemeral_store.StoreDownError without using it up."""
    content = _open(text)
    route, step, mark_id = _CONTENT.unpack(content)
    if int(time.time()) // STEP_SECONDS - step not in _GOOD_AGES or route not in (TipRoute.PHONE, TipRoute.COUNTER):
        raise MarkError
    own_try = os.urandom(8)
    name = "caller-mark:" + hashlib.sha256(b"mark" + mark_id).hexdigest()[:32]
    if ephemeral_store.put_once(name, own_try, _SPENT_SECONDS) != own_try:
        raise MarkError
    return TipRoute(route)


def _open(text: str) -> bytes:
    try:
        signed = base64.urlsafe_b64decode(text[:_LONGEST_TEXT].encode("ascii"))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise MarkError from None
    for public in CallerMarkKey.objects.values_list("public_key", flat=True):
        try:
            content = vault.open_signed(bytes(public), signed, _LABEL)
        except vault.SealError:
            continue
        if len(content) == _CONTENT.size:
            return content
    raise MarkError


def _publish_key(public: bytes) -> None:
    """Store the key that checks marks, in the place of one from an earlier SECRET_KEY."""
    if not CallerMarkKey.objects.filter(public_key=public).exists():
        CallerMarkKey.objects.bulk_create([CallerMarkKey(public_key=public)], ignore_conflicts=True)
        CallerMarkKey.objects.exclude(public_key=public).delete()

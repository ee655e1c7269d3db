"""Keys of drafts: what an officer has typed is kept sealed in their browser's tab, under a key that only this server can give back.

A draft is the unsent text of one tip's form in one tab. The browser seals it (AES-GCM, padded to 512 bytes) and keeps it in the
tab's sessionStorage, which browsers write to disk to restore a session. So the server never has the text, the disk never has the
key, and a draft whose key is dropped is gone wherever copies of it lie.

A key is derived from a random half in the memory-only store and a half that this server's SECRET_KEY makes, bound to account,
tip and draft: neither half opens anything, and a draft that is asked for under another tip or account does not open. Names in
the store are keyed hashes, and its values don't say which tip they belong to. Keys end 24 hours after the draft began, when its
text is sent, and when their officer signs out; they are refused once the officer may not see the tip.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.http import HttpRequest

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from core.models import Account
from tips.desk import permissions

LIFETIME_SECONDS = 24 * 3600
MAX_DRAFTS_ASKED = 60
_MAX_NEW_AN_HOUR = 400
_ID = re.compile("[0-9a-f]{32}")
_RANDOM_BYTES, _MARK_BYTES = 32, 16
# In place of a key whose draft was sent or whose officer signed out, so that a tab can tell this from a lost store.
_DROPPED = b"dropped"
_MARK = "draft_mark"  # in the session: names the keys to drop at sign-out


@dataclass(frozen=True, slots=True)
class DraftKeys:
    """Keys (32 bytes) by the id of their draft, and the ids of drafts that were dropped. Of all others no key is known."""

    keys: dict[str, bytes]
    dropped: list[str]


def name_owner(account: Account) -> str:
    """Return the prefix of this account's drafts in a browser: it says that they are of one account, not of which."""
    return _hash(b"owner", account.pk).hex()[:8]


def give_keys(
    tip_id: UUID, officer: Account, session: SessionBase, draft_ids: Iterable[str], new_id: str = ""
) -> DraftKeys:
    """Return the keys of these drafts for this tip, and a new key for the draft `new_id`, if it is given.

    Raises conversation.TipGoneError if the officer may not see the tip, PermissionDenied, and StoreDownError.
    """
    permissions.require(permissions.can_act(officer))
    permissions.find_tip(tip_id, officer)
    mark = _read_mark(session)
    if _ID.fullmatch(new_id) and _may_begin(officer):
        ephemeral_store.put_once(_name(officer, new_id), os.urandom(_RANDOM_BYTES) + mark, LIFETIME_SECONDS)
    keys, dropped = {}, []
    for draft_id in [*draft_ids, new_id][:MAX_DRAFTS_ASKED]:
        value = ephemeral_store.get(_name(officer, draft_id)) if _ID.fullmatch(draft_id) else None
        if value == _DROPPED:
            dropped.append(draft_id)
        elif value is not None:
            _adopt(_name(officer, draft_id), value, mark)
            keys[draft_id] = _derive(value[:_RANDOM_BYTES], officer, tip_id, draft_id)
    return DraftKeys(keys, dropped)


def drop(officer: Account, draft_id: str) -> None:
    """Forget the key of a draft whose text was sent. Does nothing while the store is down: the tab then offers the text again."""
    if not _ID.fullmatch(draft_id):
        return
    try:
        ephemeral_store.put(_name(officer, draft_id), _DROPPED, LIFETIME_SECONDS)
    except StoreDownError:
        return


@receiver(user_logged_out)
def _drop_at_sign_out(request: HttpRequest, user: Account | None, **_kwargs: Any) -> None:
    """Forget the keys that this session was given; a colleague's and those of the officer's other browsers stay."""
    mark = request.session.get(_MARK, "")
    if user is None or not mark:
        return
    try:
        for name in ephemeral_store.list_names(_prefix(user)):
            value = ephemeral_store.get(name)
            if value is not None and value[_RANDOM_BYTES:].hex() == mark:
                ephemeral_store.put(name, _DROPPED, LIFETIME_SECONDS)
    except StoreDownError:
        return


def _may_begin(officer: Account) -> bool:
    """Return whether the account may begin another draft: a limit for scripts, which could fill the store."""
    count = ephemeral_store.count_up(f"draft-count:{_hash(b'count', officer.pk).hex()[:16]}", 3600)
    return count <= _MAX_NEW_AN_HOUR


def _adopt(name: str, value: bytes, mark: bytes) -> None:
    """Have the key dropped when this session signs out: the one that it was made in may have ended without that."""
    if value[_RANDOM_BYTES:] != mark:
        ephemeral_store.put(name, value[:_RANDOM_BYTES] + mark, max(1, ephemeral_store.seconds_left(name)))


def _read_mark(session: SessionBase) -> bytes:
    if _MARK not in session:
        session[_MARK] = os.urandom(_MARK_BYTES).hex()
    return bytes.fromhex(session[_MARK])


def _derive(random_half: bytes, officer: Account, tip_id: UUID, draft_id: str) -> bytes:
    place = f"{officer.pk}\0{tip_id}\0{draft_id}".encode()
    return hashlib.blake2b(random_half + place, key=_server_half(), digest_size=32, person=b"tip draft key 1").digest()


def _prefix(officer: Account) -> str:
    return f"draft:{_hash(b'account', officer.pk).hex()[:32]}:"


def _name(officer: Account, draft_id: str) -> str:
    return _prefix(officer) + _hash(b"draft", officer.pk, draft_id).hex()[:32]


def _hash(use: bytes, *parts: object) -> bytes:
    text = "\0".join(map(str, parts)).encode()
    return hashlib.blake2b(text, key=_server_half(), digest_size=32, person=use).digest()


def _server_half() -> bytes:
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"draft keys").digest()

"""Replaces the receipt that an officer read to a caller, when the caller first opens their tip with it.

The officer has seen those words. So the first page after signing in shows new ones, which the caller alone sees. The old words work
until the caller says that they have written the new ones down: whatever is lost on the way, one of the two opens the tip. Until
then the new words are sealed under the key in the browser's cookie, in the memory-only store, so that the page shows the same ones
again.

Nothing in clear says that a tip's receipt is to be replaced, or was: the sealed report has the hash of the look-up token that was
read out, and while the tip's own is the same, the change is due.
"""

from __future__ import annotations

import hashlib

from django.db import connection
from django.http import HttpRequest

from tips import receipts, vault
from tips.conversation import OpenedTip
from tips.source import inbox_session
from tips.source.inbox_session import InboxSession


class ReceiptReplacedError(Exception):
    """The tip is gone, or someone else has replaced its receipt meanwhile."""


def is_due(opened: OpenedTip) -> bool:
    """Return whether the receipt that opened this tip is the one that was read out."""
    token_hash = opened.tip.token_hash
    return token_hash is not None and opened.report.get("read_out") == bytes(token_hash).hex()


def offer_words(request: HttpRequest) -> str:
    """Return the words to come of this session, the same for as long as it lasts. Raises ephemeral_store.StoreDownError."""
    return inbox_session.keep_words(request, draw_words())


def draw_words() -> str:
    return receipts.spell_receipt(receipts.draw_positions())


def name_words(words: str) -> str:
    """Return a short name of the words, so that those that were written down are the ones that are confirmed."""
    return hashlib.sha256(b"new words" + words.encode()).hexdigest()[:16]


def replace(request: HttpRequest, session: InboxSession, words: str) -> None:
    """Have these words open the tip from now on, and no others. The session goes on.

    Raises ReceiptReplacedError, receipts.ReceiptQueueFullError, and ephemeral_store.StoreDownError after the words were replaced.
    """
    secret = receipts.stretch_for_sign_in(words)
    key_for_source = vault.seal_key_to_source(session.key, secret.seed)
    # The rule is in the database (rules.sql): without the present look-up token not even the public role's user replaces it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT receipt_replace(%s, %s, %s)", [session.token, secret.token_hash, key_for_source])
        if not cursor.fetchone()[0]:
            raise ReceiptReplacedError
    inbox_session.change_secret(request, secret)

"""Seals the words an officer typed for an act that waits, in its row, under the key of the tip's notes."""

from __future__ import annotations

import json
from typing import Any

from tips import conversation, vault
from tips.models import Author, PendingAct, Tip


def seal(tip: Tip, act: PendingAct, fields: dict[str, Any], form_id: bytes) -> bytes:
    """Return PendingAct.body with these fields. Raises vault.SealError, vault.KeyMissingError."""
    text = json.dumps({"fields": fields, "form_id": form_id.hex()})
    return vault.seal_text(conversation.ensure_notes_key(tip), text, _context(act))


def unseal(tip: Tip, act: PendingAct) -> tuple[dict[str, Any], bytes]:
    """Return the fields of an act that waits, and the id of the form that sent it. Raises as `seal` does."""
    assert act.body is not None
    content = json.loads(vault.open_text(conversation.ensure_notes_key(tip), act.body, _context(act)))
    return content["fields"], bytes.fromhex(content["form_id"])


def _context(act: PendingAct) -> vault.SealContext:
    return vault.SealContext(
        tip=act.tip_id, row=act.id, kind="pending", author=Author.STAFF, position=act.position, field="body"
    )

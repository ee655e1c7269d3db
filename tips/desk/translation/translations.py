"""Keeps translations of a tip's report and messages. The newest of a text counts, earlier ones are its history.

They are sealed as notes are, and recorded as notes (tips/note_text.py). No source ever sees one.
"""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation
from tips.desk import permissions, tip_history, triage
from tips.desk.translation import translator
from tips.desk.translation.translator import TranslatorError
from tips.desk.triage import TransitionError
from tips.models import Author, Note, Tip


def write(tip: Tip, officer: Account, position: int, text: str, form_id: bytes, *, by_machine: bool = False) -> bool:
    """Keep a translation of the report (position 0) or of a message of the source, once a form.

    Returns False if this form was stored before. Raises TransitionError, conversation.TipGoneError, PermissionDenied,
    vault.SealError, vault.KeyMissingError.
    """
    note_id = _derive_id(tip, position, form_id, by_machine=by_machine)
    with triage.locked(tip, officer, permissions.can_act) as locked_tip:
        if Note.objects.filter(pk=note_id).exists():
            return False
        triage.refuse_unopened(locked_tip)
        if position and not locked_tip.messages.filter(author=Author.SOURCE, position=position).exists():
            raise TransitionError(_("This text of the source isn't there anymore. Load the page again."))
        # A person's translation is never covered by a machine's.
        if by_machine and _is_translated(locked_tip, position):
            raise TransitionError(_("This text has a translation already. You can correct it."))
        conversation.add_note(locked_tip, officer, text, note_id, position, by_machine=by_machine)
        audit.record(officer, tip_history.WROTE_NOTE, f"tip {locked_tip.number}")
    return True


def write_by_machine(tip: Tip, officer: Account, position: int, form_id: bytes) -> bool:
    """Have the translator of this server translate a text, and keep what it wrote. Must not be called in a transaction.

    Raises as `write` does; TransitionError also if the translator failed.
    """
    permissions.require(permissions.can_act(officer))
    if Note.objects.filter(pk=_derive_id(tip, position, form_id, by_machine=True)).exists():
        return False
    triage.refuse_unopened(tip)
    original = conversation.read_source_text(tip, position)
    if not original:
        raise TransitionError(_("There is no text to translate."))
    try:
        text = translator.translate(original)
    except TranslatorError as problem:
        raise TransitionError(str(problem)) from None
    return write(tip, officer, position, text, form_id, by_machine=True)


def read_newest(tip: Tip, position: int) -> str:
    """Return the newest translation of a text of an opened tip, "" if it has none. Raises vault.SealError, KeyMissingError."""
    texts = [entry.text for entry in conversation.read_notes(tip) if entry.translates == position]
    return texts[-1] if texts else ""


def _is_translated(tip: Tip, position: int) -> bool:
    return any(entry.translates == position for entry in conversation.read_notes(tip))


def _derive_id(tip: Tip, position: int, form_id: bytes, *, by_machine: bool) -> UUID:
    kind = b"machine translation" if by_machine else b"translation"
    return triage.derive_note_id(kind + str(position).encode(), tip, form_id)

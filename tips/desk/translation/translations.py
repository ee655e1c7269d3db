"""Keeps translations of a tip's report and messages. The newest of a text counts, earlier ones are its history.

They are sealed as notes are, and recorded as notes (tips/note_text.py). No source ever sees one.
"""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation
from tips.conversation import ConversationEntry
from tips.desk import permissions, tip_history, triage
from tips.desk.translation import translator
from tips.desk.translation.translator import TranslatorError
from tips.desk.triage import TransitionError
from tips.models import Author, Note, Tip


def write(
    tip: Tip,
    officer: Account,
    position: int,
    text: str,
    form_id: bytes,
    *,
    by_machine: bool = False,
    shown_count: int | None = None,
) -> bool:
    """Keep a translation of the report (position 0) or of a message of the source, once a form.

    `shown_count`: how many translations of this text the page showed, None if it is not known. If there are more by now, nothing
    is kept and the officer is told: two who translate at once see both texts before one becomes the newest.

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
        present = _list_translations(locked_tip, position)
        if by_machine and present:
            raise TransitionError(_("This text has a translation already. You can correct it."))
        if shown_count is not None and len(present) > shown_count:
            raise TransitionError(_describe_conflict(present[-1]))
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
    present = _list_translations(tip, position)
    return present[-1].text if present else ""


def _list_translations(tip: Tip, position: int) -> list[ConversationEntry]:
    return [entry for entry in conversation.read_notes(tip) if entry.translates == position]


def _describe_conflict(newest: ConversationEntry) -> str:
    """Return what happened meanwhile, and what the officer can do with the text that is still in its field."""
    if newest.by_machine:
        happened = _("This text was translated by machine while you wrote, so yours isn't kept yet.")
    else:
        happened = _("%(name)s translated this text while you wrote, so yours isn't kept yet.") % {
            "name": newest.officer
        }
    advice = _("Compare the two. If you keep yours, it becomes the newest one, and the other stays as an earlier one.")
    return f"{happened} {advice}"


def _derive_id(tip: Tip, position: int, form_id: bytes, *, by_machine: bool) -> UUID:
    kind = b"machine translation" if by_machine else b"translation"
    return triage.derive_note_id(kind + str(position).encode(), tip, form_id)

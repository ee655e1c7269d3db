"""Wording of the source's pages: states in plain words, and the receipt as text file."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import file_cleaning
from tips.conversation import TipFile
from tips.files import upload_sentences
from tips.models import Attachment, Disposition, State, Tip

_REMIND_AFTER_DAYS = 2
STATES: dict[str, Promise] = {
    State.NEW: gettext_lazy("No officer has read this yet"),
    State.OPEN: gettext_lazy("An officer is working on it"),
    State.WAITING: gettext_lazy("An officer asked you something"),
}
# One sentence for four dispositions. A suspect can send a tip about their own crime to learn whether another source has already
# told of it: "we already knew", "we passed it on" and "not enough to act on" would each be an answer, and put the other
# source in danger.
_IN_HAND = gettext_lazy("We read it, and the right officers have it")
OUTCOMES: dict[str, Promise] = {
    Disposition.ARREST: gettext_lazy("It led to an arrest or charges"),
    Disposition.RECOVERED: gettext_lazy("We found weapons, drugs or stolen items"),
    Disposition.RESOLVED: gettext_lazy("The problem was solved without an arrest"),
    Disposition.USEFUL: _IN_HAND,
    Disposition.REFERRED: _IN_HAND,
    Disposition.DUPLICATE: _IN_HAND,
    Disposition.UNFOUNDED: gettext_lazy("We checked and found nothing"),
    Disposition.NO_ACTION: _IN_HAND,
}

FILE_STATES: dict[str, Promise] = {
    Attachment.AttachmentState.RECEIVED: gettext_lazy("Uploaded. We'll clean it next."),
    Attachment.AttachmentState.REBUILDING: gettext_lazy("We're cleaning it."),
    Attachment.AttachmentState.READY: gettext_lazy(
        "Location and device data removed. Officers see the cleaned copy; your original is erased."
    ),
}


def describe_status(tip: Tip) -> str:
    """Return the status or outcome of a tip in a resident's words."""
    if tip.state == State.CLOSED:
        return str(OUTCOMES[tip.disposition])
    return str(STATES[tip.state])


def suggest_reminder() -> str:
    """Return words for a calendar or a note that say when to look for an answer, and nothing of a tip."""
    # Translators: a reminder that must not give away what it is about. %(day)s is a day of the week.
    return _("Look again on %(day)s") % {
        "day": date_format(timezone.localdate() + dt.timedelta(days=_REMIND_AFTER_DAYS), "l")
    }


def describe_file(file: TipFile) -> str:
    """Return the status of a file, and if it was refused, why and what to do instead."""
    if file.row.state == Attachment.AttachmentState.REFUSED:
        reason = file_cleaning.explain_refusal(file_cleaning.RefusalReason(file.row.reason))
        return f"{_('This file did not work, so we erased it.')} {reason}"
    sentences = [str(FILE_STATES[file.row.state])] + [upload_sentences.clip_removed()] * file.has_clip
    return " ".join(sentences)


def text_file_address(receipt: str) -> str:
    """Return a data: address of a text file with the receipt, so that saving it sends no request to the server."""
    return "data:text/plain;charset=utf-8," + quote(receipt + "\n")

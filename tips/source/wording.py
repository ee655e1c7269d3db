"""Wording of the source's pages: states in plain words, and the receipt as text file."""

from __future__ import annotations

from urllib.parse import quote

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import file_cleaning
from tips.conversation import TipFile
from tips.models import Attachment, Disposition, State, Tip

STATES: dict[str, Promise] = {
    State.NEW: gettext_lazy("An officer has not read this yet"),
    State.OPEN: gettext_lazy("An officer is working on it"),
    State.WAITING: gettext_lazy("An officer asked you something"),
}
OUTCOMES: dict[str, Promise] = {
    Disposition.ARREST: gettext_lazy("It led to an arrest or to charges"),
    Disposition.RECOVERED: gettext_lazy("Weapons, drugs or stolen things were found"),
    Disposition.RESOLVED: gettext_lazy("The problem was solved without an arrest"),
    Disposition.USEFUL: gettext_lazy("It was useful and was passed on"),
    Disposition.REFERRED: gettext_lazy("Another agency takes care of it now"),
    Disposition.DUPLICATE: gettext_lazy("We knew of it already"),
    Disposition.UNFOUNDED: gettext_lazy("We checked and found nothing"),
    Disposition.NO_ACTION: gettext_lazy("There was not enough to act on"),
}

FILE_STATES: dict[str, Promise] = {
    Attachment.AttachmentState.RECEIVED: gettext_lazy("Arrived. It is cleaned next"),
    Attachment.AttachmentState.REBUILDING: gettext_lazy("Being cleaned"),
    Attachment.AttachmentState.READY: gettext_lazy("Cleaned. Officers can see it, what you sent is erased"),
}


def describe_status(tip: Tip) -> str:
    """Return the status or outcome of a tip in a resident's words."""
    if tip.state == State.CLOSED:
        return str(OUTCOMES[tip.disposition])
    return str(STATES[tip.state])


def describe_file(file: TipFile) -> str:
    """Return the status of a file, and if it was refused, why and what to do instead."""
    if file.row.state == Attachment.AttachmentState.REFUSED:
        return f"{_('Not taken, and erased.')} {file_cleaning.explain_refusal(file_cleaning.RefusalReason(file.row.reason))}"
    return str(FILE_STATES[file.row.state])


def text_file_address(receipt: str) -> str:
    """Return a data: address of a text file with the receipt, so that saving it sends no request to the server."""
    return "data:text/plain;charset=utf-8," + quote(receipt + "\n")

"""Sentences about processes that don't run, for the desk and for mails."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_SENTENCES = {
    "worker-alerts": gettext_lazy("The alerts worker isn't running: officers get no email about new tips."),
    "worker-bulk": gettext_lazy("The bulk worker isn't running: imports, residents' emails, stories and posts wait."),
    "worker-media": gettext_lazy("The media worker isn't running: files from sources are not cleaned."),
    "worker-media-video": gettext_lazy("The video worker isn't running: videos from sources are not cleaned."),
    "beat": gettext_lazy("The scheduler (beat) isn't running: nothing that failed once is tried again."),
    "web-public": gettext_lazy("The public web process isn't running: residents see no page and can't send tips."),
    "web-staff": gettext_lazy(
        "The staff web process isn't running: nobody can open the desk, and alerts about new tips wait."
    ),
    "memory store": gettext_lazy(
        "The memory store doesn't answer: sources can't open their inbox, and all work waits."
    ),
}


def describe(part: str) -> str:
    """Return the sentence about a process, or about the memory store; empty for other names."""
    return str(_SENTENCES.get(part, ""))


def compose_mail(sentence: str) -> tuple[str, str]:
    """Return subject and text of the mail to administrators about a process that gives no sign of life."""
    text = _(
        "%(sentence)s\n\n"
        "It has given no sign of life for more than a minute. It was stopped or killed, or it hangs. Tell the person who runs"
        " the server to look at it and start it again. You get no second email until it has run again.\n\n"
        "The desk shows what waits: %(address)s"
    ) % {"sentence": sentence, "address": f"{settings.STAFF_URL}/admin/"}
    return _("A part of the portal isn't running"), text

"""What every mail of the portal has in common: a name that a repeat keeps, one click to leave, and what a refusal means."""

from __future__ import annotations

import smtplib
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings


def headers(row: UUID, leave: str = "") -> dict[str, str]:
    """Headers of the mail that stands in this row: sent again, it has the same Message-ID. `leave`: where a mail program's
    own button posts to (RFC 8058), for mails that residents asked for."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    named = {"Message-ID": f"<{row}@{domain}>", "Auto-Submitted": "auto-generated"}
    if leave:
        named |= {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return named


def is_final(error: smtplib.SMTPException) -> bool:
    """Whether the mail server refuses this very message for good (5xx), and not for now."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600

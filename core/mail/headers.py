"""Headers of the portal's mails: a Message-ID that a repeat keeps, and one click to unsubscribe."""

from __future__ import annotations

from email.utils import parseaddr
from uuid import UUID

from django.conf import settings


def identity(row_id: UUID) -> dict[str, str]:
    """Return the headers of this row's mail: sent again, it has the same Message-ID."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return {"Message-ID": f"<{row_id}@{domain}>", "Auto-Submitted": "auto-generated"}


def unsubscribe(url: str) -> dict[str, str]:
    """Return the headers that let a mail program's own button unsubscribe with one post to `url` (RFC 8058)."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

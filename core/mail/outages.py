"""Remembers since when the mail server has not accepted mail, in the memory-only store, for the desk to say so.

Workers write it, staff's web process reads it. It is rounded down to five minutes: an alert that fails first tells when its tip
came. It expires some minutes after the last failed try.
"""

from __future__ import annotations

import datetime as dt
import smtplib
from contextlib import suppress
from dataclasses import dataclass

from django.utils import timezone

from core import ephemeral_store
from core.ephemeral_store import StoreDownError

_NAME = "mail server outage"
_REMEMBERED_SECONDS = 15 * 60
_ROUNDING = dt.timedelta(minutes=5)
_REFUSED_PASSWORD = b"password"


@dataclass(frozen=True, slots=True)
class MailOutage:
    """`since` is a lower bound; `refuses_password`: the server answers, but not to our user name and password."""

    since: dt.datetime
    refuses_password: bool


def note_failure(error: smtplib.SMTPException | OSError) -> None:
    """Remember that the mail server could not be used, if this is the first failure in a row."""
    now = timezone.now()
    since = now - (now - dt.datetime.min.replace(tzinfo=dt.UTC)) % _ROUNDING
    reason = _REFUSED_PASSWORD if isinstance(error, smtplib.SMTPAuthenticationError) else b"away"
    with suppress(StoreDownError):
        if ephemeral_store.get_and_touch(_NAME, _REMEMBERED_SECONDS) is None:
            ephemeral_store.put(_NAME, since.isoformat().encode() + b" " + reason, _REMEMBERED_SECONDS)


def note_success() -> None:
    with suppress(StoreDownError):
        ephemeral_store.forget(_NAME)


def find_outage() -> MailOutage | None:
    """Return the present outage; None if there is none, or the store that would know it is away."""
    with suppress(StoreDownError):
        if (value := ephemeral_store.get(_NAME)) is not None:
            since, _space, reason = value.partition(b" ")
            return MailOutage(dt.datetime.fromisoformat(since.decode()), reason == _REFUSED_PASSWORD)
    return None

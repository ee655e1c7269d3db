"""Tells by mail that the desk does not take up what arrives: tips stay hidden and alerts wait until it does.

The staff web process compares each tip with the names of staff before anyone sees it or is alerted. While that process is down, or
its comparison fails, only the database knows that something came. The alerts worker notices that one alert is held for long.

Since when is kept in the memory-only store, rounded down to five minutes, with the id of the alert.
"""

from __future__ import annotations

import datetime as dt
import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from core.models import Account
from core.staff import account_mails, groups
from tips.models import Alert, rounded_now

PATIENCE = dt.timedelta(minutes=10)
_SINCE, _MAILED = "desk silent since", "desk silence mailed"
_REMEMBERED_SECONDS = 24 * 60 * 60
_DESK_PATH = "/admin/"


def notice() -> None:
    """Mail supervisors and administrators, once an outage, if one alert has been held for PATIENCE. Call it every few seconds."""
    held = Alert.objects.filter(state=Alert.AlertState.HELD)
    try:
        since, _space, alert_id = (ephemeral_store.get(_SINCE) or b"").decode().partition(" ")
        if alert_id and held.filter(pk=alert_id).exists():
            if timezone.now() - dt.datetime.fromisoformat(since) >= PATIENCE and _is_first():
                _write_mails()
            return
        ephemeral_store.forget(_MAILED)
        if (oldest := held.order_by("raised_at", "pk").values_list("pk", flat=True).first()) is None:
            ephemeral_store.forget(_SINCE)
        else:
            ephemeral_store.put(_SINCE, f"{rounded_now().isoformat()} {oldest}".encode(), _REMEMBERED_SECONDS)
    except StoreDownError:
        return  # the desk says that the store is away


def _is_first() -> bool:
    """Return whether no other process has mailed about this outage."""
    token = secrets.token_bytes(8)
    return ephemeral_store.put_once(_MAILED, token, _REMEMBERED_SECONDS) == token


def _write_mails() -> None:
    receivers = Account.objects.filter(
        is_active=True, is_staff=True, groups__name__in=(groups.SUPERVISOR, groups.ADMINISTRATOR)
    ).distinct()
    text = _(
        "Something has arrived from sources, and for at least ten minutes the desk hasn't taken it up. Until it does, nobody"
        " sees it, and no alert goes out. It may be urgent.\n\n"
        "Open the desk: %(address)s\n"
        "If it doesn't open, the staff server is down. If it opens and nothing new appears, the comparison with the names of"
        " staff has failed. In both cases, tell the person who runs the server."
    ) % {"address": settings.STAFF_URL + _DESK_PATH}
    with transaction.atomic():
        account_mails.mail_accounts_of(receivers, _("The desk isn't taking up new tips"), text)

"""Views that officers follow: each new tip in one, one message a day, or one when it has many tips.

The staff side looks at each view as its officer would, so a tip that they may not see changes nothing. Views of sensitive and walled
tips can't be followed: the few people who see them get alerts of their own, and a message more would tell the mail server
of such a tip. Nor can filters by language, which each process knows for itself, in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tips import readers
from tips.desk.queue import loading
from tips.models import Alert, FollowedView, Notification
from tips.officer_alerts import view_alerts

MAX_VIEWS = 10  # of one officer: each is looked at every minute
_MAX_KNOWN = 5000  # tips of a view that are told apart
_DIGEST_BYTES = 8

Rhythm = FollowedView.Rhythm
_UNSPREAD = (Alert.AlertState.HELD, Alert.AlertState.WAITING)


class TooManyViewsError(Exception):
    """The officer follows as many views as one may; the message is a sentence for them."""


def follow(followed: FollowedView) -> None:
    """Store how an officer follows a view, from now on: what is in it is not new. Raises TooManyViewsError."""
    if followed.pk is None and FollowedView.objects.filter(officer=followed.officer_id).count() >= MAX_VIEWS:
        raise TooManyViewsError(_("You follow 10 views. Stop following one, then try again."))
    ids = _list_tips(followed)
    followed.known = _join(_digest(followed, tip_id) for tip_id in ids)
    followed.is_full = followed.least is not None and len(ids) >= followed.least
    followed.digest_on = (
        timezone.localdate() if followed.hour is None or timezone.localtime().hour >= followed.hour else None
    )
    followed.save()


def describe(followed: FollowedView) -> str:
    """Return in words when the officer gets a message."""
    if followed.rhythm == Rhythm.DIGEST and followed.hour is not None:
        hour = timezone.localtime().replace(hour=followed.hour, minute=0)
        return _("Every day at %(time)s, if it has tips") % {"time": date_format(hour, "TIME_FORMAT")}
    if followed.rhythm == Rhythm.FROM and followed.least is not None:
        sentence = ngettext("When it has %(count)s tip", "When it has %(count)s tips or more", followed.least)
        return sentence % {"count": followed.least}
    return _("At each new tip in it")


def look() -> int:
    """Look at all views that are followed, and write the messages that are due; return for how many views. Any staff process may call it.

    A view that another process looks at meanwhile is left out.
    """
    told = 0
    active = FollowedView.objects.filter(officer__in=readers.desk_accounts())
    for pk in active.values_list("pk", flat=True):
        with transaction.atomic():
            locked = FollowedView.objects.select_for_update(skip_locked=True, of=("self",)).select_related("officer")
            followed = locked.filter(pk=pk).first()
            if followed is not None and _look_at(followed):
                view_alerts.write(followed.officer)
                told += 1
    return told


def _look_at(followed: FollowedView) -> bool:
    """Return whether the officer gets a message now, and note what the view has."""
    before = (bytes(followed.known), followed.is_full, followed.digest_on)
    ids = _list_tips(followed)
    is_due = False
    if followed.rhythm == Rhythm.EACH:
        is_due = _note_new(followed, ids)
    elif followed.rhythm == Rhythm.FROM:
        is_full = followed.least is not None and len(ids) >= followed.least
        is_due, followed.is_full = is_full and not followed.is_full, is_full
    elif followed.hour is not None and timezone.localtime().hour >= followed.hour:
        today = timezone.localdate()
        is_due, followed.digest_on = bool(ids) and followed.digest_on != today, today
    if before != (followed.known, followed.is_full, followed.digest_on):
        followed.save(update_fields=["known", "is_full", "digest_on"])
    return is_due


def _note_new(followed: FollowedView, ids: list[UUID]) -> bool:
    """Return whether a tip is new in the view that its own alert doesn't tell the officer of."""
    stored = bytes(followed.known)
    known = {stored[first : first + _DIGEST_BYTES] for first in range(0, len(stored), _DIGEST_BYTES)}
    digests = {_digest(followed, tip_id): tip_id for tip_id in ids}
    new = {tip_id for digest, tip_id in digests.items() if digest not in known}
    # Their own alerts are on the way: to whom is known at a later look.
    held = set(Alert.objects.filter(tip__in=new, state__in=_UNSPREAD).values_list("tip", flat=True))
    followed.known = _join(digest for digest, tip_id in digests.items() if tip_id not in held)
    told = Notification.objects.filter(officer=followed.officer_id, alert__tip__in=new)
    return bool(new - held - set(told.values_list("alert__tip", flat=True)))


def _list_tips(followed: FollowedView) -> list[UUID]:
    chosen = loading.select(followed.officer, QueryDict(followed.query))
    return list(chosen.tips.order_by("pk").values_list("pk", flat=True)[:_MAX_KNOWN]) if chosen.can_be_followed else []


def _digest(followed: FollowedView, tip_id: UUID) -> bytes:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"followed views").digest()
    return hashlib.blake2b(
        f"{followed.officer_id} {followed.query} {tip_id}".encode(), key=key, digest_size=_DIGEST_BYTES
    ).digest()


def _join(digests: Iterable[bytes]) -> bytes:
    return b"".join(sorted(digests))

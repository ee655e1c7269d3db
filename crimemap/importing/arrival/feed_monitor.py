"""Mails to administrators about feeds: one that is late, an import that nobody watched and that went wrong."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone
from django.utils.translation import gettext as _

from core.mail import outbox
from core.models import Account
from core.staff.groups import ADMINISTRATOR
from crimemap.models import ImportRun, Source

State, Origin = ImportRun.RunState, ImportRun.Origin
_WRONG = (State.FAILED, State.STOPPED)


def is_late(source: Source, now: dt.datetime | None = None) -> bool:
    """Whether the next file should have come. A source that never brought anything is not late."""
    if source.expected_interval is None or source.last_success_at is None:
        return False
    return (now or timezone.now()) > source.last_success_at + dt.timedelta(hours=source.expected_interval)


def mail_about_late_sources() -> None:
    """Mail administrators of each source that has become late; once, until it has brought something again."""
    for source in Source.objects.exclude(expected_interval=None).exclude(last_success_at=None):
        last = source.last_success_at
        if not is_late(source) or (source.late_told_at and last and source.late_told_at > last):
            continue
        subject = _("%(source)s is late") % {"source": source}
        words = _(
            "Incidents of “%(source)s” should come every %(hours)s hours. The last ones came on %(when)s.\n"
            "Residents see older data until more comes. Look at the agency's export, then at %(address)s"
        ) % {
            "source": source,
            "hours": source.expected_interval,
            "when": f"{timezone.localtime(last):%Y-%m-%d %H:%M}",
            "address": f"{settings.STAFF_URL}/admin/crimemap/source/{source.pk}/change/",
        }
        if _mail(subject, words):
            Source.objects.filter(pk=source.pk).update(late_told_at=timezone.now())


def mail_about_failed_import(run: ImportRun) -> None:
    """Mail administrators of an import that went wrong with nobody watching; not again while the source keeps failing."""
    if run.origin not in (Origin.PUSH, Origin.DROP) or run.state not in _WRONG:
        return
    before = ImportRun.objects.filter(source=run.source, origin=run.origin, pk__lt=run.pk, dry_run=False).first()
    if before is not None and before.state in _WRONG:
        return
    stopped = run.state == State.STOPPED
    subject = _("An import of %(source)s waits for a decision") if stopped else _("An import of %(source)s failed")
    words = _("File: %(file)s\n%(message)s\nNothing of it was stored. %(address)s") % {
        "file": run.file_name,
        "message": run.message,
        "address": f"{settings.STAFF_URL}/admin/crimemap/importrun/{run.pk}/change/",
    }
    _mail(subject % {"source": run.source}, words)


def _mail(subject: str, words: str) -> bool:
    """One mail to each administrator with an address. Returns whether the mail server took them, or nobody has one."""
    addresses = Account.objects.filter(is_active=True, groups__name=ADMINISTRATOR).exclude(email="")
    to = sorted(set(addresses.values_list("email", flat=True)))
    return outbox.send_unqueued(EmailMessage(" ".join(subject.split()), words, to=[address]) for address in to)

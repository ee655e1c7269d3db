"""Mails administrators about feeds that are late, and about unattended imports that went wrong."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.staff.administrator_mails import mail_administrators
from crimemap.models import ImportRun, Source

State, Origin = ImportRun.RunState, ImportRun.Origin
_UNSUCCESSFUL = (State.FAILED, State.STOPPED)


def is_late(source: Source, now: dt.datetime | None = None) -> bool:
    """Return whether the source's next file is overdue. A source without any import is not late."""
    if source.expected_interval is None or source.last_success_at is None:
        return False
    return (now or timezone.now()) > source.last_success_at + dt.timedelta(hours=source.expected_interval)


def mail_about_late_sources() -> None:
    """Mail administrators about each source that is late: once, until its next import."""
    for source in Source.objects.exclude(expected_interval=None).exclude(last_success_at=None):
        last = source.last_success_at
        if not is_late(source) or (source.late_told_at and last and source.late_told_at > last):
            continue
        subject = _("%(source)s is late") % {"source": source}
        text = _(
            "Incidents from “%(source)s” should arrive every %(hours)s hours. The last ones came on %(when)s.\n"
            "Residents see older data until new files arrive. Check the agency's export, then %(address)s"
        ) % {
            "source": source,
            "hours": source.expected_interval,
            "when": f"{timezone.localtime(last):%Y-%m-%d %H:%M}",
            "address": f"{settings.STAFF_URL}/admin/crimemap/source/{source.pk}/change/",
        }
        if mail_administrators(subject, text):
            Source.objects.filter(pk=source.pk).update(late_told_at=timezone.now())


def mail_about_failed_import(run: ImportRun) -> None:
    """Mail administrators about an unattended import that went wrong; only the first in a row."""
    if run.origin not in (Origin.PUSH, Origin.DROP) or run.state not in _UNSUCCESSFUL:
        return
    previous = ImportRun.objects.filter(source=run.source, origin=run.origin, pk__lt=run.pk, dry_run=False).first()
    if previous is not None and previous.state in _UNSUCCESSFUL:
        return
    stopped = run.state == State.STOPPED
    subject = _("An import of %(source)s needs your decision") if stopped else _("An import of %(source)s failed")
    text = _("File: %(file)s\n%(message)s\nNothing of it was stored. %(address)s") % {
        "file": run.file_name,
        "message": run.message,
        "address": f"{settings.STAFF_URL}/admin/crimemap/importrun/{run.pk}/change/",
    }
    mail_administrators(subject % {"source": run.source}, text)


def count_overdue_imports() -> int:
    """Return how many imports have waited for the bulk worker for more than an hour."""
    late = timezone.now() - dt.timedelta(hours=1)
    return ImportRun.objects.filter(state=State.WAITING, asked_at__lt=late).count()

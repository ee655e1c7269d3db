"""Mails the number and seal of the audit trail's newest line once a day to an address outside; the alerts worker does.

A trail whose end was cut off, or that was written anew by someone with its key, is consistent in itself: only a record outside
the portal shows it. The mail says nothing else, neither names nor acts.
"""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core.agency import current_settings
from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import AuditEntry, AuditHeadMail

REFUSED = "refused"


def plan_today() -> None:
    """Write the mail of today, unless there is one, no address, or nothing in the trail."""
    today = timezone.localdate()
    if not settings.AUDIT_HEAD_EMAIL or AuditHeadMail.objects.filter(day=today).exists():
        return
    head = AuditEntry.objects.order_by("-id").only("id", "at", "seal").first()
    if head is None:
        return
    try:
        with transaction.atomic():
            AuditHeadMail.objects.create(day=today, number=head.pk, seal=bytes(head.seal).hex(), at=head.at)
    except IntegrityError:
        return  # another run has just written it


def last_mailed_day() -> dt.date | None:
    """Return the day of the newest mail that the mail server has accepted."""
    return AuditHeadMail.objects.filter(state=outbox.SENT).order_by("-day").values_list("day", flat=True).first()


class HeadMailOutbox(Outbox[AuditHeadMail]):
    model = AuditHeadMail
    name = "mails with the audit trail's head"
    quick_tries = 5

    def compose(self, row: AuditHeadMail) -> EmailMessage | None:
        if not settings.AUDIT_HEAD_EMAIL:
            return None
        text = _(
            "Keep this email. It proves later that nobody has cut off or rewritten the audit trail of the portal.\n\n"
            "Newest entry: %(number)s\n"
            "Written: %(time)s\n"
            "Seal: %(seal)s\n\n"
            "To check the trail against this email, the person who runs the portal enters this on the staff server:\n"
            "manage.py audit verify --expect %(number)s:%(seal)s\n\n"
            "You get this email every day. If a day has none, ask why."
        ) % {
            "number": row.number,
            "seal": row.seal,
            "time": formats.date_format(timezone.localtime(row.at), "DATETIME_FORMAT"),
        }
        subject = _("Audit trail of %(agency)s, %(day)s") % {
            "agency": current_settings.current().name,
            "day": formats.date_format(row.day, "DATE_FORMAT"),
        }
        return EmailMessage(subject=subject, body=text, to=[settings.AUDIT_HEAD_EMAIL])

    def record_refusal(self, row: AuditHeadMail) -> None:
        self.settle(row, state=REFUSED)


@shared_task(name="core.alerts.mail_audit_head")  # type: ignore[untyped-decorator]
def mail_audit_head() -> None:
    """Write the mail of today if it is missing, and send what is due."""
    plan_today()
    HeadMailOutbox().send(outbox.due_rows(AuditHeadMail))

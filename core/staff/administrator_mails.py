"""Mails to administrators about the portal's work, sent at once and without a row."""

from __future__ import annotations

from django.core.mail import EmailMessage

from core.mail import outbox
from core.models import Account
from core.staff.groups import ADMINISTRATOR


def mail_administrators(subject: str, text: str) -> bool:
    """Send one mail to each administrator with an address. Return False if the mail server did not accept them."""
    addresses = Account.objects.filter(is_active=True, groups__name=ADMINISTRATOR).exclude(email="")
    recipients = sorted(set(addresses.values_list("email", flat=True)))
    return outbox.send_unqueued(EmailMessage(" ".join(subject.split()), text, to=[address]) for address in recipients)

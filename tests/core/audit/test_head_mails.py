"""The daily mail with the audit trail's head."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from core import audit
from core.audit import head_mails
from core.models import AuditHeadMail

AUDITOR = "auditor@city.example"


@pytest.fixture(autouse=True)
def auditor(db: None, settings: Any) -> None:
    settings.AUDIT_HEAD_EMAIL = AUDITOR


def test_one_mail_a_day_has_number_and_seal_and_nothing_else() -> None:
    audit.record("okafor", "opened", "tip 12")
    head = audit.verify()
    audit_time = timezone.now()
    head_mails.mail_audit_head()
    audit.record("okafor", "opened", "tip 13")
    head_mails.mail_audit_head()
    (sent,) = mail.outbox
    assert sent.to == [AUDITOR]
    assert f"manage.py audit verify --expect 1:{head.seal}" in sent.body
    assert not {"okafor", "opened", "tip"} & set(sent.body.split())
    assert head_mails.last_mailed_day() == timezone.localdate(audit_time)


def test_the_next_day_has_its_own_mail() -> None:
    audit.record("okafor", "opened", "tip 12")
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    AuditHeadMail.objects.create(day=yesterday, number=1, seal="0" * 64, at=timezone.now(), state="sent")
    head_mails.mail_audit_head()
    assert len(mail.outbox) == 1


def test_without_an_address_or_an_entry_nothing_is_written(settings: Any) -> None:
    head_mails.mail_audit_head()
    settings.AUDIT_HEAD_EMAIL = ""
    audit.record("okafor", "opened", "tip 12")
    head_mails.mail_audit_head()
    assert not AuditHeadMail.objects.exists()
    assert not mail.outbox

"""Changes to the audit trail as someone makes them who owns the database, but has no key of the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from core.models import AuditEntry


@contextmanager
def without_trigger() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER audit_append_only")
        yield
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER audit_append_only")


def change_entry(number: int) -> None:
    with without_trigger():
        AuditEntry.objects.filter(pk=number).update(actor="someone else")


def restore_entry(number: int, actor: str) -> None:
    with without_trigger():
        AuditEntry.objects.filter(pk=number).update(actor=actor)


def cut_off_after(number: int) -> None:
    with without_trigger():
        AuditEntry.objects.filter(pk__gt=number).delete()

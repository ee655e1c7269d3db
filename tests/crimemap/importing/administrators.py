"""Administrators, sources and files for the tests of imports."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.models import Account, AuditEntry
from core.staff import groups
from crimemap.models import Source
from tests import staff_session
from tests.crimemap.importing import agency_exports
from tests.crimemap.importing.agency_exports import CHICAGO, Row

ROWS: list[Row] = [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(40)]


def create_account(name: str = "ada", group: str = groups.ADMINISTRATOR, mail: str = "ada@example.org") -> Account:
    found = Account.objects.create_user(name, mail, is_staff=True)
    found.groups.set(Group.objects.filter(name=group))
    return found


def sign_in(who: Account) -> Client:
    client = Client(raise_request_exception=True)
    staff_session.sign_in(client, who)
    return client


def create_source(slug: str = "city", profile: str = "chicago_portal", **columns: Any) -> Source:
    return Source.objects.create(slug=slug, name=slug.title(), profile=profile, time_zone="America/Chicago", **columns)


def export_csv(rows: list[Row] = ROWS) -> bytes:
    return agency_exports.text_of(rows, CHICAGO).encode()


def uploaded_file(content: bytes | None = None, name: str = "june.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, export_csv() if content is None else content, "text/csv")


def audit_entries() -> list[tuple[str, str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject", "detail"))

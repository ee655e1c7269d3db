"""Administrators, sources and files for the tests of imports."""

from __future__ import annotations

import re
from html import unescape
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


def read_roles(shown: str) -> dict[str, str]:
    """Return the column of each role that the page of columns shows as chosen."""
    header = [unescape(name) for name in re.findall(r'<th scope="col"><bdi>(.*?)</bdi>', shown)]
    selects = re.findall(r'<select name="role(\d+)"[^>]*>(.*?)</select>', shown, re.DOTALL)
    chosen = {int(number): re.findall(r'<option value="([^"]+)" selected', options) for number, options in selects}
    return {roles[0]: header[number] for number, roles in chosen.items() if roles}


def roles_data(shown: str, **columns: str) -> dict[str, str]:
    """Return what the page of columns would post after some roles have been given to other columns, or with "" to none."""
    header = [unescape(name) for name in re.findall(r'<th scope="col"><bdi>(.*?)</bdi>', shown)]
    roles = {**read_roles(shown), **columns}
    return {f"role{header.index(column)}": role for role, column in roles.items() if column}

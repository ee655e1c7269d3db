"""What each role may do at each address of the staff side: roles.txt, to be read in review, is what the pages do.

Each line names an address, and for each role G if it may read the page and P if it may post to it. A post is empty, so that
only the permission is asked. If this test fails, the table or the pages are wrong: decide which.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.template.base import Template
from django.test import Client
from django.utils.safestring import SafeString

from core.models import Account
from core.sign_in import fresh_factor
from core.staff import groups
from tests import staff_session
from tests.tipportal.staff_urls.addresses import World, create_world
from tests.tips.desk import officers

TABLE = Path(__file__).parent / "roles.txt"
ROLES = (groups.OFFICER, groups.SUPERVISOR, groups.COMMUNICATIONS, groups.ADMINISTRATOR)
SUPERUSER = "superuser"  # the last column: no role, and no portal is set up with one
# Signing in and out and the screen lock are everyone's, and a factor is its owner's alone.
LEFT_OUT = {
    "login",
    "logout",
    "sign_in_factor",
    "sign_in_set_up",
    "set-up",
    "session_lock",
    "session_unlock",
    "passkey_options",
    "factor_change",
}


def probe(client: Client, account: Account, path: str) -> str:
    """Return "GP", "G", "P" or "-"."""
    allowed = ""
    for letter, method in (("G", client.get), ("P", client.post)):
        response: Any = method(path)
        if "/admin/login/" in response.headers.get("Location", ""):  # a post before this one has ended the session
            staff_session.sign_in(client, account)
            response = method(path)
        if response.streaming:
            list(response.streaming_content)
        is_login = "/admin/login/" in response.headers.get("Location", "")
        if response.status_code not in (401, 403, 404, 405) and not is_login:
            assert response.status_code < 500, (path, response.status_code)
            allowed += letter
    return allowed or "-"


def probe_all(world: World, *, has_superuser: bool) -> list[str]:
    accounts = {role: officers.create_officer(f"probe-{role}", role) for role in ROLES}
    if has_superuser:
        accounts[SUPERUSER] = Account.objects.create_user("root", is_staff=True, is_superuser=True)
    clients = {
        role: staff_session.sign_in(Client(raise_request_exception=False), who) for role, who in accounts.items()
    }
    cells: dict[str, dict[str, str]] = {}
    for role, client in clients.items():
        for address in world.list_addresses(client.cookies["staff"].value):
            # Patterns without a name lead on to pages that have one.
            if address.name not in LEFT_OUT and not address.name.startswith("admin/"):
                cells.setdefault(address.name, {})[role] = probe(client, accounts[role], address.path)
    heading = f"{'':<42} {' '.join(f'{role:<14}' for role in clients)}".rstrip()
    rows = [
        f"{name:<42} {' '.join(f'{row[role]:<14}' for role in clients)}".rstrip() for name, row in sorted(cells.items())
    ]
    return [heading, *rows]


def read_table(*, has_superuser: bool) -> list[str]:
    lines = TABLE.read_text().splitlines()
    return lines if has_superuser else [line[: lines[0].index(SUPERUSER)].rstrip() for line in lines]


@pytest.mark.parametrize("has_superuser", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_each_role_reaches_the_addresses_of_the_table(
    db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_superuser: bool
) -> None:
    # The permission is asked before the page is written, and writing it takes most of the time.
    monkeypatch.setattr(Template, "render", lambda _self, _context: SafeString(""))
    # All sign in before the first is asked, and a busy machine takes minutes until it is the last one's turn.
    monkeypatch.setattr(fresh_factor, "FRESH_SECONDS", 24 * 60 * 60)
    settings.STAFF_LOCK_MINUTES = 24 * 60
    settings.MEDIA_STORE = tmp_path / "media"
    settings.MEDIA_STORE.mkdir()
    found = probe_all(create_world(), has_superuser=has_superuser)
    expected = read_table(has_superuser=has_superuser)
    changed = [f"- {line}" for line in expected if line not in found] + [
        f"+ {line}" for line in found if line not in expected
    ]
    assert changed == [], "\n".join(["roles.txt is not what the pages do:", *changed])

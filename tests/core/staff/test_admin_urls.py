"""Every address of the admin answers, whatever stands in its place for an id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core.models import Account
from core.staff import groups
from tests import staff_session

# By path converter; other parameters are any text.
IDS = {"int": "99999999999999999999", "uuid": "00000000-0000-4000-8000-000000000000"}


def list_addresses() -> Iterator[str]:
    """Yield each address of the admin, with ids of no row."""
    for path in _list_paths(admin_patterns()):
        yield "/admin/" + re.sub(r"<(?:(\w+):)?\w+>", lambda match: IDS.get(match[1], "%00"), path)


def admin_patterns() -> list[URLPattern | URLResolver]:
    (resolver,) = (each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin")
    return list(resolver.url_patterns)


def _list_paths(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _list_paths(pattern.url_patterns, path)
        elif not path.startswith(("^", "(")) and "(?P" not in path:
            yield path


def find_demo_names(text: str) -> list[str]:
    """Return the names of the demo city in a text. "Arden" is one, "garden" is none."""
    return re.findall(r"Riverton|riverton|\bArden\b", text)


def test_no_address_of_the_admin_breaks_or_shows_the_demo_citys_names(db: None, settings: Any) -> None:
    settings.AGENCY_NAME = settings.CITY_NAME = settings.CONTACT = ""  # as in an installation
    root = Account.objects.create_user("root", is_staff=True, is_superuser=True)
    root.groups.set(Group.objects.all())
    client = Client(raise_request_exception=False)
    staff_session.sign_in(client, root)
    addresses = sorted(set(list_addresses()))
    assert len(addresses) > 100
    broken, named = {}, {}
    for address in addresses:
        if "logout" in address:
            continue
        answer = client.get(address)
        if answer.status_code not in (200, 302, 301, 403, 404, 405):
            broken[address] = answer.status_code
        if not answer.streaming and (found := find_demo_names(answer.content.decode(errors="replace"))):
            named[address] = found
    assert (broken, named) == ({}, {})


@pytest.mark.parametrize("name", ["view_on_site", "autocomplete"])
def test_addresses_that_no_page_uses_are_not_there(name: str) -> None:
    assert name not in [pattern.name for pattern in admin_patterns() if isinstance(pattern, URLPattern)]


def test_a_list_is_named_after_what_it_holds(db: None) -> None:
    client = Client()
    account = Account.objects.create_user("marsh", is_staff=True)
    account.groups.set(Group.objects.filter(name=groups.SUPERVISOR))
    staff_session.sign_in(client, account)
    for path, name in (("tips/unit", "Units"), ("tips/shift", "Shifts"), ("tips/responsetarget", "Response targets")):
        page = client.get(f"/admin/{path}/").content.decode()
        assert f"<h1>{name}</h1>" in page
        assert "Select" not in page.partition("<table")[0].partition("</h1>")[0]


def test_the_list_of_models_is_made_for_pages_that_draw_it_alone(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Account.objects.create_user("root", is_staff=True, is_superuser=True)
    client = staff_session.sign_in(Client(), root)
    made: list[str | None] = []
    make = AdminSite._build_app_dict

    def note(site: AdminSite, request: HttpRequest, label: str | None = None) -> Any:
        made.append(label)
        return make(site, request, label)

    monkeypatch.setattr(AdminSite, "_build_app_dict", note)
    assert client.get("/admin/core/account/").status_code == 200
    assert made == []
    for address in ("/admin/", "/admin/core/"):
        assert 'href="/admin/core/account/"' in client.get(address).content.decode()
    assert made == [None, "core"]

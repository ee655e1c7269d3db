"""Each web role on a host of its own: no address, link or query string makes it fail."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
from django.urls import Resolver404, resolve

from core.staff import groups
from tests.journey import Visitor
from tests.stack import Stack

# Prefixes of residents' pages, and a page that does not exist below each.
PUBLIC_PATHS = (
    "/tips/",
    "/tips/inbox/",
    "/tips/leave/",
    "/tips/nowhere/",
    "/map/",
    "/stories/",
    "/events/",
    "/guides/",
    "/api/v1/",
)
HOSTILE_VALUES = ("\0", "-" * 200, "'\"\\%_:*()&|!<>\u202e", "9" * 30)
# Pages that differ only in numbers and ids have one shape.
VALUE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
PARAMETERS = (
    "q",
    "p",
    "o",
    "e",
    "page",
    "state",
    "area",
    "category",
    "tag",
    "year",
    "from",
    "to",
    "box",
    "types",
    "near",
    "days",
    "layer",
    "code",
    "next",
)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(
        tmp_path_factory.mktemp("hosts"), web=["public", "staff"], demo=True, variables={"WEB_CONCURRENCY": "1"}
    ) as running:
        yield running


def test_no_page_of_residents_fails_whatever_the_query_string_says(hosts: Stack) -> None:
    assert not crawl(Visitor(hosts.public_url), "/", set())


def test_no_page_of_the_desk_fails_on_a_host_without_residents_pages(hosts: Stack) -> None:
    attacked = set[str]()
    for user in (groups.OFFICER, groups.SUPERVISOR, groups.COMMUNICATIONS, groups.ADMINISTRATOR):
        officer = Visitor(hosts.staff_url)
        officer.sign_in(user, hosts.staff[user], hosts.next_code(user))
        assert not crawl(officer, "/admin/", attacked), user


@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_residents_pages_are_not_found_on_the_staff_host(hosts: Stack, path: str) -> None:
    visitor = Visitor(hosts.staff_url)
    for fields in (None, {"q": "x"}):
        visitor.open(path, fields)
        assert visitor.status == 404, (visitor.status, visitor.page)


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/tips/tip/", "/api/incidents/x/"])
def test_the_desk_is_not_found_on_the_public_host(hosts: Stack, path: str) -> None:
    visitor = Visitor(hosts.public_url)
    visitor.open(path)
    assert visitor.status == 404


def crawl(visitor: Visitor, start: str, attacked: set[str]) -> list[str]:
    """Follow the links of this host. Returns the addresses that fail.

    One page of each shape is opened, and one for each parameter that links to it have: not each combination of filters. One page
    of each view is opened with hostile values too, and once for each of its parameters. What `attacked` has of these, another
    person has met already: then pages are opened without their parameters.
    """
    found, seen, failed = [start], set[str](), list[str]()
    while found:
        address = found.pop(0)
        path, _mark, query = address.partition("?")
        shape, view = VALUE.sub("#", unquote(path)), name_view(path)
        parameters = [each.partition("=")[0] for each in query.split("&") if each]
        new = {f"{shape}?{name}" for name in parameters if f"{view}?{name}" not in attacked} | {shape}
        if new <= seen or "logout" in address:
            continue
        seen |= new
        page = open_page(visitor, address, failed)
        links = [html.unescape(link).partition("#")[0] for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page)]
        found += [link for link in links if not link.startswith(("//", "/static/")) and link not in found]
        if visitor.status < 400:
            attack(visitor, address, 'name="q"' in page, attacked, failed)
    return failed


def attack(visitor: Visitor, address: str, can_search: bool, attacked: set[str], failed: list[str]) -> None:
    """Open the address with hostile values for each parameter that its view has not met yet."""
    path, _mark, query = address.partition("?")
    view = name_view(path)
    parameters = [each for each in re.finditer(r"([^&=]+)=([^&]*)", query) if f"{view}?{each[1]}" not in attacked]
    for value in map(quote, HOSTILE_VALUES):
        # The lists of the admin drop a query string with a parameter that they do not know, so `q` comes alone too.
        if view not in attacked and can_search:
            open_page(visitor, f"{path}?q={value}", failed)
        if view not in attacked:
            open_page(visitor, f"{path}?" + "&".join(f"{name}={value}" for name in PARAMETERS), failed)
        for each in parameters:
            open_page(visitor, f"{path}?{query[: each.start(2)]}{value}{query[each.end(2) :]}", failed)
    attacked |= {view, *(f"{view}?{each[1]}" for each in parameters)}


def name_view(path: str) -> str:
    """Return the route: what is the same for all addresses that lead to the same code."""
    try:
        return str(resolve(unquote(path)).route)
    except Resolver404:
        return path


def open_page(visitor: Visitor, address: str, failed: list[str]) -> str:
    visitor.open(address)
    if visitor.status >= 500:
        failed.append(f"{visitor.status} {address}")
    return visitor.page if visitor.answer.get_content_type() == "text/html" else ""

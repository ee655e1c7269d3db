"""Each web role on a host of its own: no address, link or query string makes it fail."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, unquote

import pytest
from django.urls import Resolver404, resolve

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
# Pages that differ only in numbers, ids and values of the query string have one shape; one of each shape is opened.
VALUE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+|=[^&]*")
PARAMETERS = (
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
    with Stack(tmp_path_factory.mktemp("hosts"), web=["public", "staff"], demo=True) as running:
        yield running


def test_no_page_of_residents_fails_whatever_the_query_string_says(hosts: Stack) -> None:
    assert not crawl(Visitor(hosts.public_url), "/", set())


def test_no_page_of_the_desk_fails_on_a_host_without_residents_pages(hosts: Stack) -> None:
    accounts = [line.split()[-2:] for line in hosts.printed.splitlines() if line.startswith("Staff:")]
    assert accounts
    attacked = set[str]()
    for user, password in accounts:
        officer = Visitor(hosts.staff_url)
        officer.sign_in(user, password)
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

    One page of each view that is not in `attacked` is opened with hostile values too, for each set of parameters.
    """
    found, seen, failed = [start], set[str](), list[str]()
    while found:
        address = found.pop(0)
        shape = VALUE.sub("#", unquote(address))
        if shape in seen or "logout" in address:
            continue
        seen.add(shape)
        page = open_page(visitor, address, failed)
        links = [html.unescape(link).partition("#")[0] for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page)]
        found += [link for link in links if not link.startswith(("//", "/static/")) and link not in found]
        view = name_view(address)
        if view not in attacked and visitor.status < 400:
            attacked.add(view)
            path, _mark, query = address.partition("?")
            for value in map(quote, HOSTILE_VALUES):
                # The admin drops a query string with a parameter that it does not know, so `q` comes alone too.
                open_page(visitor, f"{path}?q={value}", failed)
                open_page(visitor, f"{path}?" + "&".join(f"{name}={value}" for name in PARAMETERS), failed)
                for each in re.finditer(r"=([^&]*)", query):
                    open_page(visitor, f"{path}?{query[: each.start(1)]}{value}{query[each.end(1) :]}", failed)
    return failed


def name_view(address: str) -> str:
    """Return what is the same for all addresses that lead to the same code: the route, and the names of the parameters."""
    path, _mark, query = address.partition("?")
    try:
        route = resolve(unquote(path)).route
    except Resolver404:
        route = path
    return f"{route}?{sorted(parse_qs(query, keep_blank_values=True))}"


def open_page(visitor: Visitor, address: str, failed: list[str]) -> str:
    visitor.open(address)
    if visitor.status >= 500:
        failed.append(f"{visitor.status} {address}")
    return visitor.page if visitor.answer.get_content_type() == "text/html" else ""

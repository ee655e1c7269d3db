"""Each web role on a host of its own: no address, link or query string makes it fail."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
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
# The hostile values for a view, or for a parameter of one.
Choice = Callable[[str], Sequence[str]]
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


def one_value(place: str) -> Sequence[str]:
    """Return the hostile value for a view or a parameter of one: each place meets the same in each run, and all are met."""
    return [HOSTILE_VALUES[zlib.crc32(place.encode()) % len(HOSTILE_VALUES)]]


def all_values(_place: str) -> Sequence[str]:
    return HOSTILE_VALUES


EACH_NIGHT = [one_value, pytest.param(all_values, marks=pytest.mark.nightly)]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(
        tmp_path_factory.mktemp("hosts"), web=["public", "staff"], demo=True, variables={"WEB_CONCURRENCY": "1"}
    ) as running:
        yield running


@pytest.mark.parametrize("choose_values", EACH_NIGHT)
def test_no_page_of_residents_fails_whatever_the_query_string_says(hosts: Stack, choose_values: Choice) -> None:
    assert not crawl(Visitor(hosts.public_url), "/", set(), choose_values)


@pytest.mark.parametrize("choose_values", EACH_NIGHT)
def test_no_page_of_the_desk_fails_on_a_host_without_residents_pages(hosts: Stack, choose_values: Choice) -> None:
    attacked = set[str]()
    for user in (groups.OFFICER, groups.SUPERVISOR, groups.COMMUNICATIONS, groups.ADMINISTRATOR):
        officer = Visitor(hosts.staff_url)
        officer.sign_in(user, hosts.staff[user], hosts.next_code(user))
        assert not crawl(officer, "/admin/", attacked, choose_values), user


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


def crawl(visitor: Visitor, start: str, attacked: set[str], choose_values: Choice) -> list[str]:
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
            attack(visitor, address, 'name="q"' in page, attacked, choose_values, failed)
    return failed


def attack(
    visitor: Visitor, address: str, can_search: bool, attacked: set[str], choose_values: Choice, failed: list[str]
) -> None:
    """Open the address with hostile values for each parameter that its view has not met yet."""
    path, _mark, query = address.partition("?")
    view = name_view(path)
    if view not in attacked:
        for value in map(quote, choose_values(view)):
            # The lists of the admin drop a query string with a parameter that they do not know, so `q` comes alone too.
            if can_search:
                open_page(visitor, f"{path}?q={value}", failed)
            open_page(visitor, f"{path}?" + "&".join(f"{name}={value}" for name in PARAMETERS), failed)
    for each in re.finditer(r"([^&=]+)=([^&]*)", query):
        place = f"{view}?{each[1]}"
        if place not in attacked:
            for value in map(quote, choose_values(place)):
                open_page(visitor, f"{path}?{query[: each.start(2)]}{value}{query[each.end(2) :]}", failed)
        attacked.add(place)
    attacked.add(view)


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

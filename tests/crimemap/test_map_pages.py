"""The map as residents without script have it: the picture, its links, the filter's form."""

from __future__ import annotations

import re
from html import unescape

import pytest

from crimemap.filtering import Filter
from crimemap.query import Published


def links(page: str, css: str) -> list[tuple[str, str]]:
    """(address, name) of the picture's links of a class."""
    found = re.findall(rf'<a class="{css}" href="([^"]*)" aria-label="([^"]*)"', page)
    return [(unescape(address), unescape(name)) for address, name in found]


def read(client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_draws_the_city_and_counts_what_is_in_it(client, riverton, incidents: Published):
    page = read(client, "/map/")
    total = incidents.count(Filter.parse({}, incidents))
    assert 'class="streets minor"' in page
    assert "Old Town" in page
    assert f"{total:,} incidents reported in the last year" in page
    assert "style=" not in page
    marks = links(page, "bub") + links(page, "one")
    counted = sum(int(re.match(r"[\d,]+", name)[0].replace(",", "")) for _address, name in marks)
    assert counted + incidents.unmapped(Filter.parse({}, incidents)) == total

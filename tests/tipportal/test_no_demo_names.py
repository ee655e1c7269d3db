"""An installation shows its own names: nothing of the demo city stands on a page, in a file that is served or in a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver

from core.models import AgencySettings
from crimemap.models import Block, Intersection, Landmark
from crimemap.places import examples
from tests.core.staff.test_admin_urls import find_demo_names
from tipportal import public_urls

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "crimemap", "file_cleaning", "outreach", "tipportal", "tips")
# What only `make run` and the demo commands use.
DEMO = re.compile(r"/demo/|/demo\w*\.py$|tipportal/settings\.py$|/migrations/")


@pytest.fixture
def installation(settings: Any) -> None:
    """Give the process what a server without names in its environment has."""
    settings.AGENCY_NAME = settings.CITY_NAME = settings.CONTACT = ""


def list_public_addresses() -> Iterator[str]:
    """Yield the addresses of residents' pages that need no id."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for pattern in patterns:
            path = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, path)
            elif "<" not in path:
                yield path

    yield from walk(public_urls.urlpatterns, "/")


@pytest.mark.django_db
@pytest.mark.usefixtures("installation")
def test_no_page_of_residents_has_the_demo_citys_names(client: Client) -> None:
    addresses = sorted(set(list_public_addresses()))
    assert len(addresses) > 20
    named = {}
    shown = 0
    for address in addresses:
        answer = client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        shown += answer.status_code == 200
        if found := find_demo_names(content.decode(errors="replace")):
            named[address] = found
    assert named == {}
    assert shown > 15
    assert "Police Department" in client.get("/").content.decode()


@pytest.mark.django_db
def test_hints_name_streets_of_the_city_and_none_before_there_are_any(client: Client) -> None:
    AgencySettings.objects.create(stored={"city": "Harlow"})
    assert examples.list_examples() is None
    for street, hundreds in (("Elm Road", (100,)), ("Kiln Lane", (100, 300, 900))):
        for hundred in hundreds:
            Block.objects.create(street=street, hundred=hundred, latitude=41.0 + hundred / 10000, longitude=-87.0)
    Intersection.objects.create(first="Elm Road", second="Kiln Lane", latitude=41.0, longitude=-87.0)
    Landmark.objects.create(kind=Landmark.Kind.SCHOOL, name="Fen School", latitude=41.0, longitude=-87.0)
    examples.page_cache.clear()
    found = examples.list_examples()
    assert found == examples.PlaceExamples(
        "300 Kiln Lane", "300 block of Kiln Lane", "Elm Road and Kiln Lane", "Fen School"
    )
    assert "“300 Kiln Lane” or “Elm Road and Kiln Lane”" in client.get("/tips/").content.decode()


def test_no_file_that_is_served_has_them() -> None:
    folders = ("templates", "static/css", "static/js", "static/img", "outreach/starter_guides")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]
    assert [str(file) for file in files if find_demo_names(file.read_text(errors="replace"))] == []


def test_no_sentence_of_the_program_has_them() -> None:
    named = []
    for file in (file for app in APPS for file in (ROOT / app).rglob("*.py")):
        source = file.read_text()
        if DEMO.search(str(file.relative_to(ROOT))) or not find_demo_names(source):
            continue
        tree = ast.parse(source)
        documented = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
        docstrings = {id(node.value) for node in documented}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        named += [
            f"{file}:{node.lineno}" for node in texts if id(node) not in docstrings and find_demo_names(node.value)
        ]
    assert named == []

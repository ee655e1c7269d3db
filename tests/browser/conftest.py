"""The browser of all tests in this folder: a start of it and of its driver takes a second of processor time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests import chromium
from tests.browser import source


@pytest.fixture(scope="package")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """Start one Chromium for all modules: each test has contexts of its own, which share nothing."""
    source.are_all_looks_checked = (
        pytestconfig.getoption("--hypothesis-profile") == "searching"
    )  # as `make soak` asks for
    with chromium.run() as running:
        yield running

"""What a browser's cache holds of the portal: the same for a reader of stories as for a source."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.source import TEXT, visit
from tests.stack import Stack


def collect_static_files(page: Page) -> set[str]:
    """Return a set that fills with the addresses of the static files that the page loads."""
    files: set[str] = set()
    page.on("requestfinished", lambda request: "/static/" in request.url and files.add(request.url))
    return files


def send_tip_and_open_it(page: Page, origin: str) -> None:
    page.goto(origin + "/tips/", wait_until="networkidle")
    page.get_by_role("radio", name="Vehicle").check()
    go_on = page.locator("[data-go='1']:visible")
    while go_on.count():
        if page.locator("#id_description:visible").count():
            page.locator("#id_description").fill(TEXT)
        go_on.click()
    page.locator("#id_description").fill(TEXT, force=True)
    page.locator("[data-send]").click()
    receipt = page.locator(".words").inner_text()
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name="Open my tip").click()
    page.get_by_label("Your receipt").fill(receipt)
    page.locator("main").get_by_role("button", name="Open my tip").click()
    expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_the_cache_does_not_tell_readers_from_sources(browser: Browser, stack: Stack, script: bool) -> None:
    origin = stack.public_url
    with visit(browser, origin, script=script) as page:
        of_source = collect_static_files(page)
        send_tip_and_open_it(page, origin)
    assert any("tips." in address for address in of_source)
    for path in ("/privacy/", "/stories/", "/guides/staying-safe/"):
        with visit(browser, origin, script=script) as page:
            of_reader = collect_static_files(page)
            page.goto(origin + path, wait_until="networkidle")
        assert of_reader == of_source, path

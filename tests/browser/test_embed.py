"""The map inside a page of another site, in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.source import AXE
from tests.stack import ROOT, Stack


@pytest.fixture(scope="module")
def elsewhere(portal: Stack) -> Iterator[str]:
    """Serve another site with the snippet of docs/communications.md on its page."""
    text = (ROOT / "docs" / "communications.md").read_text()
    snippet = re.search(r"<iframe.*?</iframe>", text, re.DOTALL)
    assert snippet
    frame = snippet[0].replace("https://portal.example.org", portal.public_url)
    body = f"<!doctype html><html lang=en><title>News</title><main><h1>News</h1>{frame}</main>".encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, portal: Stack, elsewhere: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=request.param)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda each: requests.append(each.url))
    page.goto(elsewhere)
    page.frame_locator("iframe").locator("svg.city").wait_for()
    yield page
    assert all(url.startswith((portal.public_url, elsewhere)) for url in requests)
    assert context.cookies() == []
    context.close()


def test_embedded_map_is_accessible_in_a_page_of_another_site(page: Page) -> None:
    frame = page.frames[1]
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    frame.evaluate(AXE)
    assert [each["id"] for each in frame.evaluate("() => axe.run()")["violations"]] == []


def test_links_of_the_embedded_map_leave_the_frame(page: Page, portal: Stack) -> None:
    page.frame_locator("iframe").get_by_role("link", name="Open the full map").click()
    page.wait_for_url(f"{portal.public_url}/map/**")
    assert len(page.frames) == 1

"""Shared by browser tests: pages that fail on errors, foreign requests and policy violations, and checks with axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, Page, expect

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
# No preload: for Django's style sheets that import others, axe would add inline styles, which the policy refuses. Residents'
# pages have targets of 24 pixels (WCAG 2.5.8), a rule that axe leaves off.
AXE_OPTIONS = """{ resultTypes: ["violations"], preload: false,
    rules: { "target-size": { enabled: !location.pathname.startsWith("/admin/") } } }"""
TEXT = "A white van behind the old bakery\nmost nights. Canary: quartz-lemon-trellis."
NEUTRAL = "https://www.weather.gov/"
LOOKS = ((390, "dark"), (1280, "light"))  # width in pixels, scheme
# axe takes more processor time than the pages. Of those of a journey one is checked on the phone, the next on the desktop;
# `make soak` checks each in both.
are_all_looks_checked = False
_turns: WeakKeyDictionary[Page, int] = WeakKeyDictionary()
SLOW = 30_000  # milliseconds; a machine that takes longer for one answer is no busy one
expect.set_options(timeout=SLOW)  # Playwright's own five seconds fail beside other tests
# Colors in the middle of a transition would fail the contrast check. Asked again and again: `finished` of an animation whose
# element is replaced may never settle.
SETTLED = """() => !document.getAnimations().some(
    each => each.playState === "running" && each.effect.getComputedTiming().endTime < 2000
)"""
# Console messages of Chromium about responses that our pages expect and handle.
EXPECTED = ("Failed to load resource", "net::ERR")


@contextmanager
def visit(browser: Browser, origin: str, *, script: bool = True, width: int = 390, **options: Any) -> Iterator[Page]:
    """A page of a fresh context. Fails at the end if another origin was asked, a script or the policy complained, or a page
    was broken (500).

    The neutral site that "Leave this site" goes to is answered here.
    """
    context = browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=script, **options)
    context.set_default_timeout(SLOW)
    context.route(f"{NEUTRAL}**", lambda route: route.fulfill(body="Sunny.", content_type="text/plain"))
    page = context.new_page()
    asked: list[str] = []
    troubles: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    broken: list[str] = []
    context.on("response", lambda response: response.status == 500 and broken.append(response.url))
    page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    try:
        yield page
        foreign = [url for url in asked if not url.startswith((origin, NEUTRAL, "data:"))]
        assert not foreign
        assert not broken
        assert not [words for words in troubles if not words.startswith(EXPECTED) and "net::ERR" not in words]
    finally:
        context.close()


def check(page: Page) -> None:
    """Check that axe-core finds nothing, the page does not scroll sideways, and no sentence ends twice, as after "8 p.m."."""
    page.wait_for_load_state()  # without its style sheets the page looks different
    page.wait_for_function(SETTLED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("async () => (await axe.run(OPTIONS)).violations".replace("OPTIONS", AXE_OPTIONS))
    assert not found, [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert re.findall(r".{0,60}\w\.\.(?!\.)", page.inner_text("body")) == [], page.url


def check_looks(page: Page) -> None:
    """Check the page on a phone in dark mode or on a desktop in light mode, in turn; in both if `are_all_looks_checked`."""
    before = page.viewport_size
    assert before is not None
    turn = _turns.get(page, 0)
    _turns[page] = turn + 1
    for width, scheme in LOOKS if are_all_looks_checked else [LOOKS[turn % len(LOOKS)]]:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        check(page)
    page.set_viewport_size(before)
    page.emulate_media(color_scheme="light")


def stored(page: Page) -> str:
    """Return all storage of the page's origin, and the state of its history entry."""
    return str(page.evaluate("JSON.stringify([history.state, {...localStorage}, {...sessionStorage}, location.href])"))


def cookies(context: BrowserContext) -> list[str]:
    return [cookie["name"] for cookie in context.cookies()]

"""Residents read stories in a real browser: at both widths, in the dark, mirrored, on paper, with and without script."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.browser.source import check_looks, visit
from tests.stack import Stack

STORY = "/stories/marked-bicycles/"
PAGES = ["/", "/stories/", STORY, f"{STORY}share/?server=nonsense", "/stories/search/?q=bicycle", "/stories/archive/",
         "/stories/archive/2026/", "/impact/", "/guides/", "/guides/describe-a-person/", "/stories/nothing/"]  # fmt: skip


def test_axe_finds_nothing_and_nothing_scrolls_sideways(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url) as page:
        for path in PAGES:
            page.goto(stack.public_url + path)
            check_looks(page)


def test_mirrored_pages_do_not_scroll_sideways(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url) as page:
        for path in PAGES:
            page.goto(stack.public_url + path)
            page.evaluate("document.documentElement.dir = 'rtl'")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_story_weighs_little_on_a_phone(stack: Stack, browser: Browser) -> None:
    """It stays below 150 kB with picture, style, font and script, at three device pixels per CSS pixel."""
    with visit(browser, stack.public_url, device_scale_factor=3) as page:
        received: list[float] = []
        pictures: list[str] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        page.on("request", lambda asked: asked.resource_type == "image" and pictures.append(asked.url))
        page.goto(stack.public_url + STORY)
        page.wait_for_load_state("networkidle")
        assert len(received) >= 6
        assert sum(received) < 150_000
        lead = next(url for url in pictures if "/stories/media/" in url)
        assert lead.endswith(".webp")


def test_a_story_is_found_read_and_shared(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(stack.public_url + "/stories/")
        page.get_by_label("About").select_option(label="Property returned (2)")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("status")).to_have_text("2 stories")
        page.get_by_role("link", name="How marked frames found their way home").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("How marked frames found their way home")
        expect(page.get_by_role("img", name="Drawing of three bicycles")).to_be_visible()
        page.get_by_role("link", name=re.compile("Corrected on")).click()
        expect(page.locator("#corrections")).to_be_focused()
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_text("Copied", exact=True)).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == stack.public_url + STORY
        page.get_by_role("link", name="Mastodon").click()
        page.get_by_label("Your server").fill("@me@social.example")
        page.get_by_role("button", name="Continue").click()
        onward = page.get_by_role("link", name="Continue to social.example")
        assert onward.get_attribute("href").startswith("https://social.example/share?text=How+marked+frames")
        assert page.context.cookies() == []


def test_the_home_page_opens_its_doors_on_a_phone(portal: Stack, browser: Browser) -> None:
    with visit(browser, portal.public_url) as page:
        page.goto(portal.public_url + "/")
        doors = page.get_by_role("main").get_by_role("list").first
        for name in ("Send an anonymous tip", "Open the crime map", "Open my tip"):
            box = doors.get_by_role("link", name=name).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 844, f"{name} is on the first screen"
        page.locator("header summary").press("Enter")
        expect(page.get_by_role("navigation", name="Menu").get_by_role("link", name="Events")).to_be_visible()
        page.locator("header summary").press("Enter")
        with page.expect_response(re.compile(r"/near/matches\.json$")):
            page.get_by_role("combobox", name="Street, school, park").fill("412 arden")
        page.get_by_role("option", name="400 block of Arden Street").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("400 block of Arden Street")
        assert page.url == portal.public_url + "/near/", "no address has what was typed"


def test_everything_works_without_script(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url, script=False) as page:
        page.goto(stack.public_url + STORY)
        expect(page.get_by_role("link", name="Bluesky")).to_be_visible()
        expect(page.get_by_role("button", name="Copy link")).to_have_count(0)
        page.get_by_role("link", name="QR code").click()
        expect(page.get_by_role("img", name="QR code with the link to this story")).to_be_visible()
        page.goto(stack.public_url + "/stories/search/")
        page.get_by_label("Search stories").fill("downspouts")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("link", name="The copper that never reached the scrapyard")).to_be_visible()
        page.goto(stack.public_url + "/impact/")
        expect(page.get_by_role("heading", name="You said, we did")).to_be_visible()


def test_a_guide_prints_without_parts_for_the_screen(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url, width=1280) as page:
        page.goto(stack.public_url + "/guides/staying-safe/")
        page.emulate_media(media="print")
        expect(page.get_by_role("heading", name="Before you write")).to_be_visible()
        for gone in ("Leave this site", "Send an anonymous tip"):
            assert not page.get_by_role("link", name=gone).first.is_visible()


def test_a_guide_can_be_left_with_shift(stack: Stack, browser: Browser) -> None:
    with visit(browser, stack.public_url) as page:
        page.goto(stack.public_url + "/guides/staying-safe/")
        for _ in range(3):
            page.keyboard.press("Shift")
        page.wait_for_url("https://www.weather.gov/")

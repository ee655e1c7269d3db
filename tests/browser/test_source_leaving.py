"""Leave and Back in a real browser, with script and without: nothing of a tip comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.source import NEUTRAL, TEXT, check_looks, cookies, visit
from tests.stack import Stack, wait_until

EXPIRED = "This page has expired"


@pytest.fixture(params=[True, False], ids=["script", "plain"])
def page(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Page]:
    """The page of a receipt, in a tab that came from the home page."""
    with visit(browser, stack.public_url, script=request.param) as page:
        page.goto(stack.public_url + "/")
        page.goto(stack.public_url + "/tips/")
        send_tip(page)
        yield page


def send_tip(page: Page) -> None:
    """Send the form as the browser would by itself, with script or without."""
    page.get_by_role("radio", name="Vehicle").check()
    while page.locator("[data-go='1']:visible").count():
        if page.locator("#id_description:visible").count():
            page.locator("#id_description").fill(TEXT)
        page.locator("[data-go='1']:visible").click()
    if page.locator("#id_description:visible").count():
        page.locator("#id_description").fill(TEXT)
    page.locator("[data-send]").click()
    page.wait_for_selector(".receipt")


def leave(page: Page) -> None:
    page.locator(".exitbar").get_by_role("link", name="Leave this site").click()
    page.wait_for_url(NEUTRAL)


def assert_no_way_back(page: Page, receipt: str) -> None:
    """Go back entry by entry: none shows the receipt, and one that showed it says nothing of a tip."""
    for _ in range(page.evaluate("history.length")):
        page.go_back(wait_until="load")
        shown = page.content()
        assert receipt not in shown
        if page.url.startswith("about:"):
            return
        if EXPIRED in shown:
            assert "receipt" not in page.locator("main").inner_text().lower()
    raise AssertionError("the history does not end")


def test_back_after_leaving_the_receipt_shows_a_neutral_page(page: Page) -> None:
    receipt = page.locator(".words").inner_text()
    leave(page)
    assert_no_way_back(page, receipt)


@pytest.mark.parametrize(
    "name",
    [
        "Open my tip",
        pytest.param("Send another tip", marks=pytest.mark.nightly),
        "Stay safe while you report",
        pytest.param("Back to the home page", marks=pytest.mark.nightly),
    ],
)
def test_back_to_the_receipt_from_the_next_page_shows_a_neutral_page(page: Page, name: str) -> None:
    receipt = page.locator(".words").inner_text()
    page.set_viewport_size({"width": 1280, "height": 844})
    page.get_by_role("link", name=name).first.click()
    page.wait_for_function("() => !document.querySelector('.receipt')")
    assert not page.url.endswith("/receipt/")
    page.go_back()
    expect(page.get_by_role("heading", name=EXPIRED)).to_be_visible()
    check_looks_of_neutral(page, receipt)


def check_looks_of_neutral(page: Page, receipt: str) -> None:
    assert page.url.endswith("/tips/closed/"), "the browser keeps no post to send again"
    assert receipt not in page.content()


def test_back_after_more_pages_and_leaving_shows_no_receipt(page: Page) -> None:
    receipt = page.locator(".words").inner_text()
    open_tip(page, receipt)
    assert cookies(page.context) == ["inbox"]
    leave(page)
    wait_until(lambda: page.wait_for_timeout(20) or not cookies(page.context), 120, "the tip is closed")
    assert_no_way_back(page, receipt)
    for _ in range(page.evaluate("history.length") - 1):
        page.go_forward()
        assert receipt not in page.content()
        assert "quartz" not in page.locator("body").inner_text()


def test_back_after_deleting_the_tip_sends_nothing_again(page: Page, stack: Stack) -> None:
    receipt = page.locator(".words").inner_text()
    open_tip(page, receipt)
    page.get_by_role("link", name="Delete this tip").click()
    for _question in range(2):
        page.locator(".btn-danger").click()
    expect(page.get_by_role("heading", name="Your tip is deleted")).to_be_visible()
    before = count_tips(stack)
    for _ in range(page.evaluate("history.length") - 1):
        page.go_back(wait_until="load")
        # Chromium asks before it posts a form again, and its error page does so at a reload.
        page.reload(wait_until="load")
        assert receipt not in page.content()
        assert page.locator(".receipt").count() == 0
    assert count_tips(stack) == before


def open_tip(page: Page, receipt: str) -> None:
    page.get_by_role("link", name="Open my tip").click()
    page.get_by_label("Your receipt").fill(receipt)
    page.locator("main").get_by_role("button", name="Open my tip").click()
    expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()


def count_tips(stack: Stack) -> int:
    with closing(stack.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tips_tip")
        return int(cursor.fetchone()[0])


def test_the_neutral_page_and_the_receipts_buttons_are_accessible(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        page.goto(stack.public_url + "/tips/")
        send_tip(page)
        check_looks(page)
        page.reload()
        check_looks(page)


def test_another_site_signs_nobody_out(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        page.goto(stack.public_url + "/tips/")
        send_tip(page)
        receipt = page.locator(".words").inner_text()
        open_tip(page, receipt)
        other = page.context.new_page()
        address = stack.public_url + "/tips/leave/"
        page.context.route(
            f"{NEUTRAL}elsewhere",
            lambda route: route.fulfill(
                body=f'<a href="{address}">open</a><form method="post" action="{address}"><button>post</button></form>',
                content_type="text/html",
            ),
        )
        for name in ("open", "post"):
            other.goto(f"{NEUTRAL}elsewhere")
            with other.expect_response(address):
                other.get_by_text(name).click()
        assert cookies(page.context) == ["inbox"]
        page.reload()
        expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()

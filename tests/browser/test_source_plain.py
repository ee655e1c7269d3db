"""A source's journey in a real browser without script: one page, plain posts, nothing lost."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.browser.source import NEUTRAL, TEXT, cookies, visit
from tests.stack import Stack


def test_a_tip_from_form_to_inbox_without_script(browser: Browser, stack: Stack) -> None:
    origin = stack.public_url
    with visit(browser, origin, script=False) as page:
        main = page.locator("main")
        page.goto(origin + "/tips/")
        assert page.locator("[data-step]:visible").count() == 4
        assert page.locator("details[open]").count() == 0
        expect(page.get_by_role("button", name="Continue")).to_have_count(0)
        expect(page.locator("noscript p")).to_have_text("After you leave, the Back button can still show this page.")
        expect(page.locator("noscript p")).to_be_visible()

        # 911 comes with the answer
        expect(page.get_by_text("Call 911 now")).to_be_hidden()
        page.get_by_role("radio", name="Yes").check()
        expect(page.get_by_text("Call 911 now")).to_be_visible()

        # A street is found by a post that keeps what was typed
        page.get_by_label("Tell us in your own words").fill(TEXT)
        page.locator("summary", has_text="Vehicle").click()
        page.get_by_label("License plate").fill("4KT 9")
        page.get_by_label("Find a street or intersection").fill("arden")
        page.get_by_role("button", name="Find street").click()
        page.locator("#id_place_ref label").first.click()
        expect(page.get_by_label("Tell us in your own words")).to_have_value(TEXT)
        expect(page.get_by_label("License plate")).to_be_visible()

        # An error keeps everything and leads to its field
        main.get_by_role("button", name="Send").click()
        expect(page.locator("#problem")).to_contain_text("Choose what your tip is about.")
        expect(page.get_by_label("License plate")).to_have_value("4KT 9")
        assert page.locator("#id_place_ref :checked").count() == 1
        page.get_by_role("radio", name="Vehicle").check()
        main.get_by_role("button", name="Send").click()

        # The receipt, and the inbox it opens
        receipt = page.locator(".words").inner_text()
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)
        page.reload()
        assert page.locator(".words").inner_text() == receipt
        expect(page.get_by_text("It was not sent twice")).to_be_visible()
        assert cookies(page.context) == []
        main.get_by_role("link", name="Open my tip").click()
        expect(page).to_have_url(origin + "/tips/inbox/")
        page.get_by_label("Your receipt").fill(receipt)
        main.get_by_role("button", name="Open my tip").click()
        expect(page.locator(".talk")).to_contain_text("4KT 9")
        page.get_by_label("Add to your tip or reply").fill("They came again")
        main.get_by_role("button", name="Send").click()
        expect(page.locator(".talk li")).to_have_count(2)

        # Expired while writing
        page.get_by_label("Add to your tip or reply").fill("And again")
        page.context.clear_cookies()
        main.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Your tip timed out")).to_be_visible()
        page.get_by_label("Your receipt").fill(receipt)
        main.get_by_role("button", name="Open my tip").click()
        expect(page.locator(".talk li").last).to_contain_text("And again")

        # Leaving is a button that closes the tip on its way out
        with page.expect_request(NEUTRAL):
            page.get_by_role("link", name="Leave this site").last.click()
        page.wait_for_url(lambda url: not url.startswith(origin), wait_until="commit")
        assert cookies(page.context) == []
        page.goto(origin + "/tips/inbox/conversation/")
        expect(page).to_have_url(origin + "/tips/inbox/")

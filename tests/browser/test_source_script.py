"""A source's journey in a real browser with script: the form in steps, Send, Back, Leave, and the inbox."""

from __future__ import annotations

import re

import pypdfium2
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.source import NEUTRAL, TEXT, check, check_looks, cookies, stored, visit
from tests.stack import Stack, wait_until

STEP = "[data-step]:visible h2[id^=step-]"


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).locator("visible=true").click()


def step(page: Page) -> str:
    return page.locator(STEP).inner_text()


def expect_step(page: Page, name: str) -> None:
    """Wait for a step of the form: Back and Forward of the browser show it a moment after the address."""
    expect(page.locator(STEP)).to_have_text(name)


def write(page: Page, origin: str, text: str = TEXT) -> None:
    """Fill in the minimum and go to the last step."""
    page.goto(origin + "/tips/")
    page.get_by_role("radio", name="Vehicle").check()
    press(page, "Continue")
    page.get_by_label("Tell us in your own words").fill(text)
    press(page, "Continue")
    press(page, "Continue")
    expect_step(page, "Check and send")


def way_back_is_empty(page: Page) -> None:
    """Check that each earlier entry of the history is an empty form at its first step."""
    for entries in (1, 2, 3):
        with page.expect_event("load"):
            page.evaluate(f"history.go(-{entries})")
        expect(page.locator("#id_description")).to_have_value("")
        expect_step(page, "What is it about?")
        assert "quartz" not in page.content() + stored(page)
        with page.expect_event("load"):
            page.evaluate(f"history.go({entries})")


def printed(page: Page) -> str:
    """Return the text of the page as it is printed, and check that no sheet has a margin for the browser's own lines."""
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(document) == 1
    rules = "[...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText).join()"
    assert "@page { margin: 0px; }" in page.evaluate(rules)
    return document[0].get_textpage().get_text_range().replace("\r\n", "\n").rstrip() + "\n"


def tips(stack: Stack) -> int:
    with stack.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tips_tip")
        return int(cursor.fetchone()[0])


def test_a_tip_from_form_to_deletion(browser: Browser, stack: Stack) -> None:
    origin = stack.public_url
    with visit(browser, origin) as page:
        # Step 1: nothing is chosen, Continue says what is missing, and 911 stands there with the answer
        page.goto(origin + "/")
        page.goto(origin + "/tips/")
        check(page)
        assert page.locator("main :checked").count() == 0
        assert page.locator("[data-step]:visible").count() == 1
        press(page, "Continue")
        expect(page.get_by_text("Choose what your tip is about.")).to_be_visible()
        expect(page.get_by_text("Call 911 now")).to_be_hidden()
        page.get_by_role("radio", name="Vehicle").check()
        expect(page.get_by_text("Choose what your tip is about.")).to_have_count(0)
        page.get_by_role("radio", name="Yes").check()
        expect(page.get_by_role("alert").get_by_text("Call 911 now")).to_be_visible()
        expect(page.get_by_role("alert").get_by_role("link", name="911")).to_have_attribute("href", "tel:911")
        press(page, "Continue")

        # Step 2: the heading has the focus, only the chosen category asks, the counter counts
        expect(page.locator("#step-2")).to_be_focused()
        assert page.locator("main details:visible").count() == 1
        check(page)
        press(page, "Continue")
        expect(page.get_by_text("Write what you saw or know.")).to_be_visible()
        page.get_by_label("Tell us in your own words").fill("😀\n" + "x" * 10)
        expect(page.locator(".counter")).to_have_text("Characters left: 9,988")
        page.get_by_label("Tell us in your own words").fill(TEXT)
        page.get_by_label("License plate").fill("4KT 9")
        page.get_by_label("License plate").press("Enter")
        expect_step(page, "Where and when?")

        # Back of the page and of the browser keep what was typed
        press(page, "Back")
        expect(page.get_by_label("Tell us in your own words")).to_have_value(TEXT)
        page.go_back()
        expect_step(page, "What is it about?")
        page.get_by_role("radio", name="Drugs").check()
        page.get_by_role("radio", name="Vehicle").check()
        page.go_forward()
        press(page, "Continue")

        # Away and back again too
        page.locator("#id_when").fill("at night")
        page.goto(origin + "/privacy/")
        page.go_back()
        page.wait_for_load_state("load")
        expect_step(page, "Where and when?")
        expect(page.locator("#id_when")).to_have_value("at night")
        expect(page.locator("#id_description")).to_have_value(TEXT)
        assert page.get_by_role("radio", name="Vehicle", include_hidden=True).is_checked()

        # Step 3: a street found without leaving the page
        page.get_by_label("Where did it happen?").fill("behind the old bakery")
        page.get_by_label("Find a street or intersection").fill("arden")
        page.get_by_label("Find a street or intersection").press("Enter")
        expect(page.locator("#id_place_ref")).to_be_focused()
        page.locator("#id_place_ref label").first.click()
        expect(page.get_by_label("Where did it happen?")).to_have_value("behind the old bakery")
        page.get_by_label("Date").fill("2026-03-31")
        check(page)
        press(page, "Continue")

        # Step 4: everything once more; Change comes straight back
        expect_step(page, "Check and send")
        for said in ("Vehicle", TEXT, "4KT 9", "behind the old bakery", "block of Arden", "March 31, 2026"):
            expect(page.locator("[data-review]")).to_contain_text(said.split("\n")[0])
        check(page)
        page.get_by_role("button", name="Change: What happened?").click()
        page.get_by_label("License plate").fill("4KT 91")
        press(page, "Continue")
        expect(page.locator("[data-review]")).to_contain_text("4KT 91")
        assert "quartz" not in stored(page)

        # No line: a sentence, everything still there
        page.context.set_offline(True)
        press(page, "Send tip")
        expect(page.get_by_text("We couldn't send your tip: the connection failed.")).to_be_visible()
        expect(page.get_by_label("Tell us in your own words")).to_have_value(TEXT)
        page.context.set_offline(False)

        expect(page.get_by_text("We couldn't send your tip")).to_be_focused()

        # The receipt: the same after a reload; the post the browser keeps has no word of the tip
        posts: list[str] = []
        page.on("request", lambda request: request.is_navigation_request() and posts.append(request.post_data or ""))
        press(page, "Send tip")
        page.wait_for_selector(".receipt")
        check(page)
        receipt = page.locator(".words").inner_text()
        page.get_by_text("Show a QR code").click()
        assert page.locator(".qr svg").bounding_box()["width"] > 100
        with page.expect_download() as saved:
            page.get_by_text("Save as a text file").click()
        assert saved.value.suggested_filename == "words.txt"
        assert saved.value.path().read_text() == receipt + "\n"
        assert printed(page) == "".join(f"{number}. {word}\n" for number, word in enumerate(receipt.split(), 1))
        page.reload()
        expect(page.get_by_role("heading", name="This page has expired")).to_be_visible()
        assert "quartz" not in "".join(posts)
        assert page.title().startswith("Form - ")
        assert cookies(page.context) == []

        # Back: an empty form at its start, at every step of the history
        way_back_is_empty(page)

        # The inbox
        page.goto(origin + "/tips/inbox/")
        check(page)
        page.get_by_label("Your receipt").fill("abacus zoom")
        press(page, "Open my tip")
        expect(page.locator("#problem")).to_be_focused()
        check(page)
        page.get_by_label("Your receipt").fill(receipt.upper().replace(" ", " - "))
        press(page, "Open my tip")
        expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()
        expect(page.locator(".talk")).to_contain_text("quartz-lemon-trellis")
        check(page)
        press(page, "Send message")
        expect(page.locator("#problem")).to_contain_text("Write a message or attach a file first.")
        page.context.set_offline(True)
        page.get_by_label("Add to your tip or reply").fill("They came again")
        press(page, "Send message")
        expect(page.get_by_text("We couldn't send your message: the connection failed.")).to_be_visible()
        page.context.set_offline(False)
        press(page, "Send message")
        expect(page.get_by_text("Message sent.")).to_be_visible()
        expect(page.locator(".talk > li")).to_have_count(2)
        expect(page.locator("#newest")).to_be_focused()
        expect(page.get_by_label("Add to your tip or reply")).to_have_value("")
        check(page)

        # Delete, asked twice
        page.get_by_role("link", name="Delete this tip").click()
        check(page)
        press(page, "Delete tip")
        press(page, "Delete tip now")
        expect(page.get_by_role("heading", name="Your tip is deleted")).to_be_visible()
        check(page)
        assert cookies(page.context) == []


def test_a_lost_response_costs_nothing(browser: Browser, stack: Stack) -> None:
    before = tips(stack)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    with visit(browser, stack.public_url) as page:
        write(page, stack.public_url)
        page.route("**/tips/", lose_the_answer, times=1)
        press(page, "Send tip")
        expect(page.get_by_text("We couldn't send your tip: the connection failed.")).to_be_visible()
        assert tips(stack) == before + 1
        press(page, "Send tip")
        page.wait_for_selector(".receipt")
        expect(page.get_by_text("Changes you made afterwards were not saved.")).to_be_visible()
        receipt = page.locator(".words").inner_text()
        page.goto(stack.public_url + "/tips/inbox/")
        page.get_by_label("Your receipt").fill(receipt)
        press(page, "Open my tip")
        expect(page.locator(".talk")).to_contain_text("quartz-lemon-trellis")
        assert tips(stack) == before + 1


def test_a_server_error_leads_to_its_step(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        write(page, stack.public_url, "x" * 10_003)
        press(page, "Send tip")
        expect(page.locator("#problem")).to_be_focused()
        expect_step(page, "What happened?")
        expect(page.locator(".counter")).to_have_text("Too long by 3 characters")
        check(page)
        page.locator("#problem a").click()
        expect(page.get_by_label("Tell us in your own words")).to_be_focused()
        page.get_by_label("Tell us in your own words").fill("x" * 10_001)
        expect(page.locator("#problem")).to_have_count(1)
        page.get_by_label("Tell us in your own words").fill(TEXT)
        expect(page.locator("#problem, .invalid-feedback, .is-invalid")).to_have_count(0)
        press(page, "Continue")
        press(page, "Send tip")
        page.wait_for_selector(".receipt")


def test_when_throttled_send_counts_down_and_uses_a_fresh_token(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        page.clock.install()
        write(page, stack.public_url)
        asked: list[str] = []
        page.on("request", lambda request: request.method == "POST" and asked.append(request.url))

        def early(route: Route) -> None:
            page_again = route.fetch(post_data=route.request.post_data.replace("token=", "token=old"))
            route.fulfill(response=page_again, status=429, headers=page_again.headers | {"retry-after": "50"})

        page.route("**/tips/", early, times=1)
        press(page, "Send tip")
        expect(page.get_by_role("alert").get_by_text("Press Send again.")).to_be_visible()
        page.get_by_role("button", name=re.compile(r"You can send in \d+ seconds")).click()
        assert len(asked) == 1
        check(page)
        page.clock.fast_forward(51_000)
        press(page, "Send tip")
        page.wait_for_selector(".receipt")


def test_leaving_clears_everything(browser: Browser, stack: Stack) -> None:
    origin = stack.public_url
    with visit(browser, origin, width=1280) as page:
        # Shift with a letter is a capital, Shift alone three times leaves
        page.goto(origin + "/")
        write(page, origin)
        check(page)
        page.get_by_role("button", name="Change: What happened?").click()
        field = page.get_by_label("Tell us in your own words")
        field.focus()
        for _ in range(4):
            page.keyboard.press("Shift+A")
        assert page.url == origin + "/tips/"
        page.keyboard.press("Shift")
        page.keyboard.press("Shift")
        expect(page.locator("[data-shift]")).to_contain_text("1")
        page.keyboard.press("Shift")
        page.wait_for_url(NEUTRAL)
        way_back_is_empty(page)

        # In the inbox it also ends the session
        page.goto(origin + "/tips/inbox/")
        page.get_by_label("Your receipt").fill(demo_receipt(stack))
        press(page, "Open my tip")
        expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()
        check(page)
        assert cookies(page.context) == ["inbox"]
        with page.expect_request("**/tips/leave/"):
            page.get_by_role("link", name="Leave this site").last.click()
        page.wait_for_url(NEUTRAL)
        # The browser sends the end of the session on its own, while the neutral page loads.
        wait_until(
            lambda: page.goto(origin + "/tips/inbox/conversation/").url == origin + "/tips/inbox/", 120, "session ends"
        )


def demo_receipt(stack: Stack) -> str:
    return re.search(r"Demo receipt: (.+)", stack.printed)[1].strip()


def test_every_page_for_sources_is_accessible_in_both_color_schemes(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        write(page, stack.public_url)
        check_looks(page)
        for _ in range(3):
            page.go_back()
            check_looks(page)
        # As the browser sends it by itself, with a token that is none: the page that keeps everything
        page.evaluate("() => { const form = document.forms[0]; form.elements.token.value = 'none'; form.submit(); }")
        expect(page.get_by_role("heading", name="Not sent yet")).to_be_visible()
        check_looks(page)
        press(page, "Send again")
        page.wait_for_selector(".receipt")
        check_looks(page)
        page.goto(stack.public_url + "/tips/inbox/")
        page.get_by_label("Your receipt").fill(demo_receipt(stack))
        press(page, "Open my tip")
        expect(page.get_by_role("heading", name="Your tip", exact=True)).to_be_visible()
        check_looks(page)
        page.get_by_role("link", name="Delete this tip").click()
        check_looks(page)


def test_the_form_loads_no_map_before_it_is_opened(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        weights: dict[str, int] = {}

        def weigh(answered: Request) -> None:
            weights[answered.url] = answered.sizes()["responseBodySize"]

        page.on("requestfinished", weigh)
        page.goto(stack.public_url + "/tips/", wait_until="networkidle")
        assert sum(weights.values()) < 60_000, weights
        assert len(weights) > 10

"""A tip is sent whatever the browser lacks, and keys of an input method do nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.source import TEXT, visit
from tests.browser.test_source_script import expect_step, press, step, tips, write
from tests.stack import Stack

# What browsers of .browserslistrc lack of what our scripts or others' could use.
OLD_BROWSER = """
    for (const owner of [Element, Document, DocumentFragment]) delete owner.prototype.replaceChildren;
    for (const owner of [Array, String]) delete owner.prototype.at;
    for (const name of ["replaceAll", "matchAll"]) delete String.prototype[name];
    delete SubmitEvent.prototype.submitter;
    delete HTMLFormElement.prototype.requestSubmit;
    delete Element.prototype.checkVisibility;
    delete window.structuredClone;
"""
# Each stops a script of ours somewhere else: at its start, at a step, at Send, after the answer.
MISSING = {
    "no random numbers": "delete Crypto.prototype.getRandomValues",
    "no FormData": "delete window.FormData",
    "no append": "for (const owner of [Element, Document, DocumentFragment]) delete owner.prototype.append",
    "no fetch": "delete window.fetch",
    "no parser": "delete window.DOMParser",
}


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    with visit(browser, stack.public_url) as page:
        yield page


def fill_in_and_send(page: Page, origin: str) -> None:
    """Go through the form as it shows itself: in steps, or as one page once the plain form has taken over."""
    page.goto(origin + "/tips/")
    page.get_by_role("radio", name="Vehicle").check()
    while page.locator("[data-go='1']:visible").count():
        before = step(page)
        if page.locator("#id_description:visible").count():
            page.locator("#id_description").fill(TEXT)
        page.locator("[data-go='1']:visible").first.click()
        assert step(page) != before or not page.locator("[data-go='1']:visible").count()
    page.locator("#id_description").fill(TEXT, force=True) if page.locator("#id_description:visible").count() else None
    page.locator("[data-send]").click()
    page.wait_for_selector(".receipt")


def test_the_steps_work_in_the_oldest_browsers_and_find_sends_nothing(page: Page, stack: Stack) -> None:
    page.add_init_script(OLD_BROWSER)
    before = tips(stack)
    write(page, stack.public_url)
    press(page, "Back")
    page.get_by_label("Find a street or intersection").fill("arden")
    press(page, "Find street")
    page.locator("#id_place_ref label").first.click()
    assert tips(stack) == before
    press(page, "Continue")
    expect(page.locator("[data-review]")).to_contain_text("block of Arden")
    press(page, "Send tip")
    page.wait_for_selector(".receipt")
    assert tips(stack) == before + 1


@pytest.mark.parametrize("missing", MISSING)
def test_the_plain_form_sends_where_a_script_cannot(browser: Browser, stack: Stack, missing: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.add_init_script(MISSING[missing])
    before = tips(stack)
    fill_in_and_send(page, stack.public_url)
    assert tips(stack) == before + 1
    context.close()


def test_leaving_works_where_a_script_breaks(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.public_url) as page:
        page.add_init_script("delete Navigator.prototype.sendBeacon; delete window.URLSearchParams")
        page.goto(stack.public_url + "/tips/safety/")
        page.locator(".exitbar [data-leave]").click()
        page.wait_for_url("https://www.weather.gov/**")


@pytest.mark.parametrize("event", ["{ isComposing: true }", "{ keyCode: 229 }"])
def test_enter_that_accepts_a_word_of_an_input_method_does_nothing(page: Page, stack: Stack, event: str) -> None:
    page.goto(stack.public_url + "/tips/")
    page.get_by_role("radio", name="Vehicle").check()
    press(page, "Continue")
    field = page.get_by_label("License plate")
    enter = f"(field) => field.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, cancelable: true, ...{event} }}))"
    page.get_by_label("Tell us in your own words").fill(TEXT)
    assert field.evaluate(enter), "the browser's own work with the key was prevented"
    expect_step(page, "What happened?")
    field.press("Enter")
    expect_step(page, "Where and when?")
    search = page.get_by_label("Find a street or intersection")
    search.fill("arden")
    assert search.evaluate(enter)
    expect(page.locator("#id_place_ref label")).to_have_count(0)
    page.goto(stack.public_url + "/tips/inbox/")
    assert page.get_by_label("Your receipt").evaluate(enter)
    for _ in range(4):
        page.evaluate(
            f"for (const name of ['keydown', 'keyup']) document.body.dispatchEvent(new KeyboardEvent(name, {{ key: 'Shift', bubbles: true, ...{event} }}))"
        )
    assert page.url == stack.public_url + "/tips/inbox/"

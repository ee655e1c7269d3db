"""The desk in real browsers while things happen: what comes, who is there, the line that is lost, and keys alone."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from core.staff import groups
from tests.browser.source import SLOW, check_looks, visit
from tests.browser.test_staff import LIST, sign_in
from tests.journey import Visitor
from tests.stack import Stack


def send_tip(stack: Stack, text: str) -> None:
    Visitor(stack.public_url).send(text)


def show_new(page: Page) -> None:
    page.keyboard.press(".")
    expect(page.locator(".fresh")).to_have_count(0)


def test_new_tips_wait_behind_a_bar_and_no_row_moves(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        before = page.locator(".rows2 > li").evaluate_all("rows => rows.map(row => row.id)")
        send_tip(stack, "A quartz lamp burns in the old mill every night")
        expect(page.locator(".fresh")).to_contain_text("1 new tip")  # bench/live.py measures how soon
        assert page.locator(".rows2 > li").evaluate_all("rows => rows.map(row => row.id)") == before
        expect(page).to_have_title(re.compile(r"^\(1\) "))
        check_looks(page)
        page.keyboard.press("j")
        page.keyboard.press("x")
        chosen = page.locator(".pick :checked").input_value()
        show_new(page)
        expect(page.locator(".rows2 > li")).to_have_count(len(before) + 1)
        shown = page.locator(".rows2 > li").evaluate_all("rows => rows.map(row => row.id)")
        assert page.evaluate("document.activeElement.closest('li').id") in set(shown) - set(before)
        assert page.locator(".pick :checked").input_value() == chosen
        expect(page).not_to_have_title(re.compile(r"^\("))


def test_officers_see_who_is_at_a_tip_and_a_lost_line_is_said(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page, visit(browser, stack.staff_url, width=1280) as other:
        sign_in(other, stack, groups.SUPERVISOR)
        page.clock.install()
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        expect(page.locator(".people")).to_contain_text("You")
        other.goto(stack.staff_url + LIST)
        other.keyboard.press("j")
        number = other.locator(":focus .no, li:focus-within .no").inner_text()
        other.keyboard.press("o")
        expect_tip(other)
        expect(other.locator("#tip-title")).to_have_text(f"Tip {number}")
        row = page.locator(f"#tip-{number}")
        expect(row.locator(".has")).to_contain_text("reading")
        other.keyboard.press("n")
        other.keyboard.type("Ask the patrol")
        expect(row.locator(".has")).to_contain_text("writing")
        check_looks(page)
        page.context.set_offline(True)
        send_tip(stack, "Two men carry a quartz counter out of the bank")
        page.clock.fast_forward("00:21")
        expect(page.get_by_text("Not live since")).to_be_visible()
        expect(page.get_by_text("Not live", exact=True)).to_be_visible()
        expect(row.locator(".has")).not_to_contain_text("writing")
        expect(page.locator(".people")).to_have_count(0)
        check_looks(page)
        page.context.set_offline(False)
        page.get_by_role("button", name="Try now").click()
        expect(page.get_by_text("Live again. 1 tip came meanwhile")).to_be_visible()
        expect(row.locator(".has")).to_contain_text("writing")
        page.locator("#live-line").get_by_role("button", name="Show them").click()
        expect(page.locator(".fresh")).to_have_count(0)
        other.keyboard.press("Escape")
        expect(other.locator("#note-note")).to_have_value("Ask the patrol")
        other.locator("#note-note").fill("")
        other.close()
        expect(row.locator(".has")).not_to_contain_text("supervisor", timeout=2 * SLOW)


# Puts a fold like that of linked tips below the first row, and the link to more rows below the last.
FOLD = """() => {
  const row = document.querySelector(".rows2 > li[id]");
  const folded = row.cloneNode(true);
  folded.removeAttribute("id");
  row.insertAdjacentHTML("afterend", '<li class="wave"><details><summary>1 more</summary><ol class="rows2"></ol></details></li>');
  row.nextElementSibling.querySelector("ol").append(folded);
}"""
MORE = """() => document.querySelector(".queue-foot").insertAdjacentHTML("afterbegin", '<a href="?shown=100">Show 50 more</a>')"""


def test_keys_press_the_buttons_that_show_them(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("?")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        check_looks(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Keys")).not_to_be_visible()
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()
        page.keyboard.type("jx?")
        expect(page.locator("#find")).to_have_value("jx?")
        page.keyboard.press("Escape")
        expect(page.locator("#find")).not_to_be_focused()
        expect(page.locator("#find")).to_have_value("jx?")
        page.evaluate(FOLD)
        for key in ("j", "x", "j", "j", "Shift+X"):
            page.keyboard.press(key)
        expect(page.locator(".pick :checked")).to_have_count(3)
        expect(page.locator(".wave :checked")).to_have_count(0)
        page.evaluate(MORE)
        page.locator(".rows2 > li[id] .first a:visible").last.focus()
        page.keyboard.press("j")
        expect(page.get_by_role("link", name="Show 50 more")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.activeElement.closest('.rows2 > li') !== null")
        expect(page.get_by_text("3 chosen")).to_be_visible()
        expect(page.locator(".pick :checked")).to_have_count(3)
        page.keyboard.press("Control+j")  # the browser's own
        page.keyboard.press("h")
        expect(page.locator("#picked-snooze")).to_be_visible()
        page.keyboard.press("Escape")  # closes the menu alone
        expect(page.locator("#picked-snooze")).not_to_be_visible()
        expect(page.locator(".pick :checked")).to_have_count(3)
        page.keyboard.press("Escape")
        expect(page.locator(".pick :checked")).to_have_count(0)
        page.keyboard.press("x")
        page.locator(".picked").get_by_role("button", name="Answer").click()
        expect(page.get_by_role("heading", name="Answer 1 chosen tip")).to_be_visible()
        check_looks(page)
        page.keyboard.press("g")
        page.keyboard.press("1")
        expect(page.locator(".views [aria-current=page]")).to_contain_text("Needs me")
        page.goto(stack.staff_url + LIST + "keys/")
        check_looks(page)
        page.get_by_role("button", name="Turn single-letter keys off").click()
        expect(page.get_by_role("button", name="Turn single-letter keys on")).to_be_visible()
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement === document.body")
        page.goto(stack.staff_url + LIST + "keys/")
        page.get_by_role("button", name="Turn single-letter keys on").click()
        expect(page.get_by_role("button", name="Turn single-letter keys off")).to_be_visible()
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("Shift+L")
        expect(page.get_by_role("heading", name="Locked")).to_be_visible()


def expect_tip(page: Page) -> None:
    """Wait for a tip's page that has just been opened, and for its scripts: before they run, keys do nothing."""
    expect(page.locator("#tip-title")).to_be_focused()
    page.wait_for_load_state()


def press_until(page: Page, key: str, is_reached: str, most: int = 20) -> None:
    """Press a key until the element with the focus matches a selector."""
    for _number in range(most):
        if page.evaluate("selector => document.activeElement.matches(selector)", is_reached):
            return
        page.keyboard.press(key)
    raise AssertionError(
        f"{is_reached} not reached by {key}: {page.evaluate('document.activeElement.outerHTML')[:300]}"
    )


def test_an_officer_clears_tips_with_keys_alone(browser: Browser, stack: Stack) -> None:
    for number in range(2):
        send_tip(stack, f"Quartz dust on the road by the quarry, truck {number}")
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("j")
        page.keyboard.press("o")
        heading = page.locator("#tip-title")
        expect_tip(page)
        first = heading.inner_text()
        page.keyboard.press("t")
        expect(page.get_by_text("You have it")).to_be_visible()
        expect_tip(page)
        page.keyboard.press("r")
        answer = page.get_by_label("Your answer")
        expect(answer).to_be_focused()
        page.keyboard.type("txc Where is it?")  # letters are text here
        page.keyboard.press("Escape")
        expect(answer).not_to_be_focused()
        expect(answer).to_have_value("txc Where is it?")
        page.keyboard.press("n")
        page.keyboard.type("Ask the quarry")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".msg-note", has_text="Ask the quarry")).to_be_visible()
        expect_tip(page)
        expect(answer).to_have_value("txc Where is it?")
        page.locator(".translate summary").first.focus()
        page.keyboard.press("Enter")
        press_until(page, "Tab", ".translate textarea")
        page.keyboard.type("txc Polvo de cuarzo")
        check_looks(page)
        page.keyboard.press("Control+Enter")  # its own button, not that of the answer
        expect(page.locator(".msg-src .other", has_text="txc Polvo de cuarzo")).to_be_visible()
        expect(page.locator(".msg-us")).to_have_count(0)
        expect(answer).to_have_value("txc Where is it?")
        page.wait_for_load_state()
        page.keyboard.press("r")
        expect(answer).to_be_focused()
        page.keyboard.press("Control+Shift+Enter")
        expect(page.get_by_text("goes out").first).to_be_visible()
        expect_tip(page)
        assert heading.inner_text() == first
        page.keyboard.press("j" if page.locator("[rel=next]").count() else "k")
        expect(heading).not_to_have_text(first)
        expect_tip(page)
        second = heading.inner_text()
        page.keyboard.press("c")
        expect(page.get_by_role("heading", name=f"Close {second}")).to_be_visible()
        press_until(page, "Tab", "[name=disposition]")
        page.keyboard.press("ArrowDown")
        press_until(page, "Tab", "button[value=close]")
        page.keyboard.press("Enter")
        expect(page.get_by_text(re.compile("clos", re.IGNORECASE)).first).to_be_visible()

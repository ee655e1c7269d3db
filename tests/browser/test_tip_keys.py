"""Every letter of the tip's page by keyboard alone, hostile texts on screen and paper, and the desk at all widths."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, expect

from core.staff import groups
from tests.browser.source import check, check_looks, visit
from tests.browser.test_live import expect_tip, press_until
from tests.browser.test_staff import LIST, sign_in
from tests.journey import Visitor
from tests.stack import Stack
from tests.tips import hostile_texts

WIDTHS = (390, 1280, 1920)
SCHEMES = ("light", "dark")


def press(page: Page, keys: Iterable[str]) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_each_letter_of_a_tip_opens_what_it_names_and_z_undoes(browser: Browser, stack: Stack) -> None:
    for number in range(3):
        Visitor(stack.public_url).send(f"Sodium lamps flicker at the depot, lamp {number}")
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("f")
        opened = page.locator("details[open], [popover]:popover-open").filter(has=page.locator("select"))
        expect(opened).to_be_visible()
        page.keyboard.press("Escape")
        page.goto(stack.staff_url + LIST)
        row = page.locator(".rows2 > li").filter(has_text="Sodium lamps").first
        other = page.locator(".rows2 > li").filter(has_text="Sodium lamps").last.locator(".no").inner_text()
        row.locator(".first a").focus()
        page.keyboard.press("o")
        expect_tip(page)
        # A menu takes the focus, letters there are text or nothing, and Escape gives the page back.
        for key, menu in (("p", "priority"), ("y", "category"), ("h", "snooze"), ("l", "link"), ("m", "template")):
            page.keyboard.press(key)
            expect(page.locator(f"#menu-{menu}")).to_be_visible()
            page.wait_for_function(
                "id => document.getElementById(id).contains(document.activeElement)", arg=f"menu-{menu}"
            )
            page.keyboard.press("Escape")
            expect(page.locator(f"#menu-{menu}")).to_be_hidden()
        page.keyboard.press("p")
        press_until(page, "Tab", "[value='priority:3']")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Priority changed.")).to_be_visible()
        expect_tip(page)
        page.keyboard.press("z")
        expect(page.locator("#tip").get_by_role("button", name="Priority: Normal")).to_be_visible()
        page.wait_for_load_state()
        page.keyboard.press("l")
        page.keyboard.type(other)
        press_until(page, "Tab", "[value='link:']")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Linked. Officers see the notes of both tips")).to_be_visible()
        expect_tip(page)
        page.keyboard.press("h")
        page.keyboard.type("the lamp lab")
        press_until(page, "Tab", "[value='snooze:tomorrow']")
        page.keyboard.press("Enter")
        expect(page.get_by_text("This tip sleeps.")).to_be_visible()
        expect_tip(page)
        # A template goes where the text is, at its end, and nothing is sent.
        page.keyboard.press("r")
        page.keyboard.type("Hello. ")
        page.keyboard.press("Escape")
        page.keyboard.press("m")
        press_until(page, "Tab", "[data-put-in]")
        page.keyboard.press("Enter")
        answer = page.get_by_label("Your answer")
        expect(answer).not_to_have_value("Hello. ")
        assert answer.input_value().startswith("Hello. ")
        answer.fill("")
        answer.blur()
        page.keyboard.press("s")
        expect(page.get_by_text("This tip is spam. Nothing was sent.").first).to_be_visible()
        expect_tip(page)
        page.keyboard.press("z")
        # The buttons for chosen rows have the same names, and show until the script hides them.
        expect(page.locator("#tip").get_by_role("button", name="Spam")).to_be_visible()


def test_without_script_an_officer_answers_undoes_notes_closes_and_clears_spam(browser: Browser, stack: Stack) -> None:
    words = "Thank you. Which nights does it stand there?"
    source = Visitor(stack.public_url)
    receipt = source.send("Carbide lamps in the closed mine shaft")
    Visitor(stack.public_url).send("Cheap carbide watches, buy today")
    with visit(browser, stack.staff_url, script=False) as page:  # on a phone
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.locator(".rows2 .first a").filter(has_text="Carbide lamps").click()
        address = page.url
        # Sent, undone from another page, given back, sent again.
        page.get_by_label("Your answer").fill(words)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Your answer goes out in 30 seconds.")).to_be_visible()
        page.goto(stack.staff_url + LIST)
        page.locator(".toast").get_by_role("button", name="Undo").last.click()
        expect(page.get_by_label("Your answer")).to_have_value(words)
        assert words not in Visitor(stack.public_url).enter_inbox(receipt)
        # The session ends before it is sent: the text comes through signing in.
        page.context.clear_cookies(name="staff")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("What you typed is still here")).to_be_visible()
        page.get_by_label("Username").fill(groups.OFFICER)
        page.get_by_label("Password").fill(stack.staff[groups.OFFICER])
        page.get_by_role("button", name="Continue", exact=True).click()
        page.get_by_label("Code").fill(stack.next_code(groups.OFFICER))
        page.get_by_role("button", name="Sign in and continue").click()
        expect(page.get_by_label("Your answer")).to_have_value(words)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Your answer goes out in 30 seconds.")).to_be_visible()
        # A note, by its own field.
        page.goto(address.partition("?")[0] + "?write=note")
        page.locator("#note-note").fill("Ask the mine's owner")
        page.get_by_role("button", name="Keep note").click()
        expect(page.locator(".msg-note", has_text="Ask the mine's owner")).to_be_visible()
        # A selection, with its bar shown by the style sheet alone.
        page.goto(stack.staff_url + LIST)
        page.locator(".rows2 > li").filter(has_text="Cheap carbide watches").locator(".pick input").check()
        page.locator(".picked").get_by_role("button", name="Spam").click()
        expect(page.get_by_text("Done for 1 tip.").first).to_be_visible()
        expect(page.locator(".rows2 > li").filter(has_text="Cheap carbide watches")).to_have_count(0)
        # Searched, page by page.
        page.locator(".find input[name=words]").first.fill("mine shaft")
        page.keyboard.press("Enter")
        expect(page.locator(".rows2 mark").first).to_be_visible()


def test_hostile_texts_are_whole_and_inert_on_screen_and_on_paper(browser: Browser, stack: Stack) -> None:
    text = "\n".join(text for name, text in hostile_texts.TEXTS.items() if name != "one word") + "\n" + "W" * 8_000
    Visitor(stack.public_url).send(text, place=hostile_texts.TEXTS["script"])
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.locator(".rows2 .first a").filter(has_text="<script>alert(1)").first.click()
        expect(page.get_by_role("list", name="Time line")).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            check(page)
        assert page.locator("img[src=x]").count() == 0
        page.emulate_media(media="print")
        printed = _read_pdf(page.pdf(format="Letter"))
        assert printed.count("W") >= 8_000, "a word that is wider than the paper is cut"
        for words in (
            "<script>alert(1)</script></textarea><img",
            "=HYPERLINK(",
            "Bcc: everyone",
            "gun",
            "{{ 7|add:7 }}",
            "algo",
        ):
            assert words in printed, words  # fmt: skip
        # The paper has what was told, and nothing to press.
        for words in ("Wait for a reply", "Snooze", "Needs me"):
            assert words not in printed


def _read_pdf(content: bytes) -> str:
    """Return the text of all pages in one line."""
    with pypdfium2.PdfDocument(io.BytesIO(content)) as document:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    return " ".join(unicodedata.normalize("NFKC", text).split())


DESK = ("/admin/", LIST, *(LIST + each for each in ("?view=closed", "workload/", "search/", "for-a-caller/")))


def list_desk(page: Page, stack: Stack) -> list[str]:
    """Return the addresses of the desk's pages, and of a tip."""
    sign_in(page, stack, groups.SUPERVISOR)
    page.goto(stack.staff_url + LIST)
    return [*DESK, str(page.locator(".rows2 .first a").first.get_attribute("href"))]


def test_the_desk_is_clean_and_fits_all_widths(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page:
        for address in list_desk(page, stack):
            page.goto(stack.staff_url + address)
            check_looks(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 1080})
                page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.nightly  # 42 looks
def test_the_desk_is_clean_at_all_widths_light_and_dark(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page:
        for address in list_desk(page, stack):
            page.goto(stack.staff_url + address)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 1080})
                for scheme in SCHEMES:
                    page.emulate_media(color_scheme=scheme)
                    check(page)

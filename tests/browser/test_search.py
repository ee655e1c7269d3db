"""The search in a real browser: by keyboard, slice by slice with script, stopped, and with words in no store of the browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, Page, Route, expect

from core.staff import groups
from tests.browser.source import check_looks, stored, visit
from tests.browser.test_staff import LIST, sign_in
from tests.stack import Stack, wait_until

SEARCH = f"**{LIST}search/"
RESULTS = re.compile(r'(id="search-results">).*(</div>\s*</section>)', re.DOTALL)


def test_words_are_found_by_keyboard_and_stay_out_of_the_browser(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.keyboard.press("/")
        page.keyboard.type("the")
        page.keyboard.press("Enter")
        expect(page.locator(".rows2 mark").first).to_be_visible()
        check_looks(page)
        page.get_by_label("Words, or a tip's number").fill("zanzi bar9")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Nothing has “zanzi bar9”")).to_be_visible()
        check_looks(page)
        assert "zanzi" not in page.url + stored(page)
        expect(page.get_by_role("button", name="Search spam")).to_be_visible()
        page.get_by_label("Words, or a tip's number").fill("x" * 101)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Words, or a tip's number")).to_have_attribute("aria-invalid", "true")
        check_looks(page)


def build_slice(rows: list[int], searched: int) -> str:
    """Return a slice as the server does: of 300 tips, so many searched."""
    is_done = searched == 300
    state = "" if is_done else (
        f'<progress max="300" value="{searched}" aria-label="Searched"></progress>'
        f'<input type="hidden" name="state" value="state-{searched}"><p><button class="ctl" data-search-go-on>Go on</button>'
        '<button class="ctl" type="button" data-search-stop hidden>Stop</button></p>'
    )  # fmt: skip
    listed = "".join(f'<li id="tip-{row}"><a href="#">Tip {row}</a></li>' for row in rows)
    said = "All 300 searched." if is_done else f"Searched {searched} of 300."
    return (
        f'<form class="searching" method="post" action="{LIST}search/"{"" if is_done else " data-search-goes-on"}>'
        f'<p role="status" data-search-status><b data-running="Searching {searched} of 300.">{said}</b> {len(rows)} found</p>'
        f'{state}</form><form class="queue-form"><ol role="list" class="rows2">{listed}</ol></form>'
    )


def search_with(page: Page, stack: Stack, answer_slice: Callable[[Route, str], None]) -> None:
    """Search, with the first slice in the page and the following ones from `answer_slice`."""

    def answer(route: Route) -> None:
        posted = route.request.post_data or ""
        if "fragment=1" in posted:
            answer_slice(route, posted)
        else:
            response = route.fetch()
            body = RESULTS.sub(lambda match: match[1] + build_slice([1], 100) + match[2], response.text())
            route.fulfill(response=response, body=body)

    page.route(SEARCH, answer)
    page.goto(stack.staff_url + LIST)
    page.get_by_label("Search what sources wrote, or a tip's number").fill("needle")
    page.keyboard.press("Enter")


def test_script_goes_on_slice_by_slice_stops_and_gives_the_button_back(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        sign_in(page, stack, groups.OFFICER)
        asked: list[str] = []

        def answer_all(route: Route, posted: str) -> None:
            asked.append(posted)
            searched = 200 if len(asked) == 1 else 300
            route.fulfill(
                body=build_slice([1, 2] if searched == 200 else [1, 2, 3], searched), content_type="text/html"
            )

        search_with(page, stack, answer_all)
        expect(page.locator("[data-search-status]")).to_have_text("All 300 searched. 3 found")
        expect(page.locator(".rows2 > li")).to_have_text(["Tip 1", "Tip 2", "Tip 3"])
        assert [re.findall(r"state=([\w-]+)", each) for each in asked] == [["state-100"], ["state-200"]]
        assert not any("needle" in each for each in asked)
        page.unroute(SEARCH)

        held: list[Route] = []
        search_with(page, stack, lambda route, _posted: held.append(route))
        stop = page.get_by_role("button", name="Stop")
        expect(stop).to_be_visible()
        expect(page.locator("[data-search-status]")).to_have_text("Searching 100 of 300. 1 found")
        wait_until(lambda: page.wait_for_timeout(20) or held, 60, "the next slice is asked for")
        stop.click()
        go_on = page.get_by_role("button", name="Go on")
        expect(go_on).to_be_focused()
        assert len(held) == 1
        page.unroute(SEARCH)

        search_with(page, stack, lambda route, _posted: route.fulfill(status=503, body="down"))
        expect(go_on).to_be_visible()
        expect(stop).to_be_hidden()

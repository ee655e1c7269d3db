"""The crime map in a real browser: by pointer and keyboard, without script, and printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.source import check, visit
from tests.stack import Stack

READY = "#crime-map[data-equipped]"


@contextmanager
def opened(browser: Browser, portal: Stack, query: str = "", **options: Any) -> Iterator[Page]:
    with visit(browser, portal.public_url, **options) as page:
        page.goto(f"{portal.public_url}/map/{query}")
        page.wait_for_selector(READY)
        yield page


def in_view(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator(".map-said p").inner_text().split("incident")[0].split(".")[-1]))


def bubbles(page: Page) -> list[str]:
    """Return the text of each bubble, in the order of the page."""
    return page.locator(".bub:not([inert]) .visually-hidden").all_text_contents()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@contextmanager
def answered(page: Page, name: str = "bubbles") -> Iterator[None]:
    """Wait for a data response and until it is shown."""
    with page.expect_response(lambda response: f"/data/{name}.json" in response.url):
        yield
    expect(page.locator("#crime-map")).not_to_have_class(re.compile("is-loading"))


def move(page: Page, key: str) -> None:
    """Press an arrow key on the map and wait until the URL shows that it has moved."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_function("before => location.href !== before", arg=before)


def test_zooming_splits_bubbles_and_lists_stacked_incidents(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        assert page.locator("#crime-map svg.city").count() == 0
        whole, many = in_view(page), bubbles(page)
        assert sum(int(re.match(r"[\d,]+", name)[0].replace(",", "")) for name in many) == whole
        split = page.locator(".bub:not([inert]):has-text('Zoom in')").first
        assert "at" not in query(page)
        with answered(page):
            split.click()
        assert float(query(page)["at"][0].split(",")[2]) > 13
        assert in_view(page) < whole
        assert page.evaluate("document.activeElement.className").startswith("place-map")
        frame = page.locator(".live-map").bounding_box()
        assert frame
        for box in page.locator(".bub:not([inert])").evaluate_all(
            "all => all.map(each => each.getBoundingClientRect())"
        ):
            assert frame["x"] <= box["x"] + box["width"] / 2 <= frame["x"] + frame["width"]
            assert frame["y"] <= box["y"] + box["height"] / 2 <= frame["y"] + frame["height"]
        for _ in range(3):
            stacked = page.locator(".bub:not([inert]):has-text('as a list')")
            if stacked.count():
                break
            with answered(page):
                page.locator(".bub:not([inert]):has-text('Zoom in')").first.click()
        name = stacked.first.inner_text()
        stacked.first.click()
        title = page.locator("#map-list-title")
        expect(title).to_be_focused()
        count = re.match(r"\d+", name)[0]
        assert title.inner_text() == f"{count} incidents here"
        first = page.locator(".rows-at a").first
        assert re.fullmatch(r"/map/incident/\w{12}/", urlsplit(first.evaluate("link => link.href")).path)
        assert "block of Arden Street" in page.locator(".rows-at li").first.inner_text()
        page.keyboard.press("Escape")
        expect(stacked.first).to_be_focused()
        check(page)


def test_the_filter_changes_map_words_and_address_and_back_undoes_it(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        whole = in_view(page)
        with answered(page):
            page.get_by_text("30 days", exact=True).click()
        expect(page.locator("#lead")).to_contain_text("the newest 30 days")
        assert query(page) == {"days": ["30"]}
        month = in_view(page)
        assert 0 < month < whole
        assert all("days=30" in link for link in page.locator("#views a").evaluate_all("all => all.map(a => a.href)"))
        assert page.locator("#legend [data-family=theft] .count").first.inner_text() != ""
        with answered(page):
            page.locator("#legend [data-family=people] input").first.uncheck()
        expect(page.locator("#chips")).to_contain_text("types")
        assert "burglary" in query(page)["category"][0]
        assert in_view(page) < month
        assert not any("Against people" in name for name in bubbles(page))
        seen = page.locator("#legend [data-family=theft] .seen").inner_text()
        assert seen == f"{in_view(page)} in view"
        with answered(page):
            page.go_back()
        expect(page.locator("#legend [data-family=people] input").first).to_be_checked()
        assert query(page) == {"days": ["30"]}
        assert in_view(page) == month
        with answered(page):
            page.go_back()
        expect(page.locator("#lead")).to_contain_text("the newest year")
        assert in_view(page) == whole
        with answered(page):
            page.locator("#id_area").select_option("district:1")
        expect(page.locator(".live-map path.chosen")).to_have_count(1)
        assert query(page)["area"] == ["district:1"]
        with answered(page):
            page.locator("#chips a").first.click()
        assert "area" not in query(page)
        expect(page.locator("#lead")).to_be_focused()


def test_a_shared_link_shows_the_same_elsewhere(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280, permissions=["clipboard-read", "clipboard-write"]) as page:
        with answered(page):
            page.get_by_text("90 days", exact=True).click()
        with answered(page):
            page.get_by_role("button", name="Zoom in", exact=True).click()
        page.get_by_role("button", name="Copy link to this view").click()
        expect(page.locator(".map-said")).to_contain_text("Link copied.")
        link = page.evaluate("navigator.clipboard.readText()")
        shown = bubbles(page)
        assert shown
    with opened(browser, portal, "?" + urlsplit(link).query, width=1280) as page:
        assert bubbles(page) == shown
        assert page.locator("input[name=days]:checked").get_attribute("value") == "90"
    with visit(browser, portal.public_url, width=1280, script=False) as page:
        page.goto(link)
        expect(page.locator("svg.city a").first).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280, reduced_motion="reduce") as page:
        frame = page.get_by_role("application", name="Map of the incidents")
        frame.focus()
        with answered(page):
            page.keyboard.press("+")
        move(page, "ArrowRight")
        frame.focus()
        page.keyboard.press("Tab")
        expect(page.locator(".bub:not([inert])").first).to_be_focused()
        page.locator(".bub:not([inert]):has-text('Zoom in')").first.focus()
        with answered(page):
            page.keyboard.press("Enter")
        expect(frame).to_be_focused()

        # A box: Enter at the middle of the map, twice
        page.get_by_role("button", name="Draw a box").press("Enter")
        expect(frame).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".map-said")).to_contain_text("opposite corner")
        for key in ("ArrowRight", "ArrowDown"):
            move(page, key)
        with answered(page):
            page.keyboard.press("Enter")
        south, west, north, east = map(float, query(page)["box"][0].split(","))
        assert south < north
        assert west < east
        expect(page.locator("#chips")).to_contain_text("Inside a box on the map")

        # The slider of months
        last = page.get_by_role("slider", name="Last month")
        last.focus()
        assert last.get_attribute("aria-valuetext") == "September 2024"
        with answered(page):
            page.keyboard.press("ArrowLeft")
        assert last.get_attribute("aria-valuetext") == "August 2024"
        page.wait_for_function("() => new URLSearchParams(location.search).get('to') === '2024-08-31'")
        expect(page.locator("#lead")).to_contain_text("Aug. 31, 2024")


def test_places_are_found_while_typing(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal) as page:
        page.locator("#panel > summary").click()
        field = page.get_by_label("Search for a street, block or neighborhood")
        with answered(page, "places"):
            field.press_sequentially("412 arden")
        expect(page.get_by_text("1 place found.")).to_be_visible()
        with answered(page):
            page.get_by_role("button", name="400 block of Arden Street").click()
        assert query(page)["radius"] == ["500"]
        expect(page.locator(".live-map path.chosen")).to_have_count(1)
        assert not page.locator("#panel").evaluate("panel => panel.open")
        check(page)
        with answered(page):
            page.locator("#chips a").first.click()
        assert "near" not in query(page)


def test_enter_goes_to_the_only_place_found(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal) as page:
        page.locator("#panel > summary").click()
        field = page.get_by_label("Search for a street, block or neighborhood")
        with answered(page):
            field.fill("412 arden")
            field.press("Enter")
        assert query(page)["radius"] == ["500"]


def test_a_box_is_drawn_by_a_drag(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        whole = in_view(page)
        page.get_by_role("button", name="Draw a box").click()
        area = page.locator(".live-map").bounding_box()
        assert area
        middle = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
        page.mouse.move(middle[0] - 120, middle[1] - 100)
        page.mouse.down()
        page.mouse.move(middle[0] + 60, middle[1] + 90, steps=5)
        with answered(page):
            page.mouse.up()
        assert len(query(page)["box"][0].split(",")) == 4
        assert 0 < in_view(page) < whole
        expect(page.locator("#chips")).to_contain_text("Inside a box on the map")


def test_the_users_location_stays_on_the_device(browser: Browser, portal: Stack) -> None:
    """Two people in one cell of the grid send identical requests."""
    asked = []
    for latitude, longitude in ((41.49731, -38.50217), (41.49588, -38.49812)):
        where = {"latitude": latitude, "longitude": longitude}
        with opened(browser, portal, geolocation=where, permissions=["geolocation"]) as page:
            urls: list[str] = []
            page.on("request", lambda request, urls=urls: urls.append(request.url))
            with answered(page):
                page.get_by_role("button", name="Search near me").click()
            expect(page.locator(".map-said")).to_contain_text("Your exact place stays on your device")
            assert query(page)["near"] == ["41.49500,-38.50000"]
            expect(page.locator(".live-map path.chosen")).to_have_count(1)
            asked.append([urlsplit(url).query for url in urls])
            assert str(latitude) not in "".join(urls)
            assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") == "[{},{}]"
    assert asked[0] == asked[1]
    far = {"latitude": 48.1, "longitude": 11.5}
    with opened(browser, portal, geolocation=far, permissions=["geolocation"]) as page:
        page.get_by_role("button", name="Search near me").click()
        expect(page.locator(".map-said")).to_contain_text("outside")
        assert "near" not in query(page)


def test_a_failed_load_is_reported_and_retried(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        shown = bubbles(page)

        def fail(route: Route) -> None:
            route.abort()

        page.route("**/data/bubbles.json*", fail)
        page.get_by_role("button", name="Zoom in", exact=True).click()
        expect(page.locator(".map-said")).to_contain_text("couldn't load new results")
        assert set(bubbles(page)) == set(shown)
        page.unroute("**/data/bubbles.json*", fail)
        with answered(page):
            page.get_by_role("button", name="Try again").click()
        expect(page.locator(".map-said")).to_contain_text("in view")
        assert len(bubbles(page)) > 0
        page.locator("input[name=days][value='']").check(force=True)
        page.get_by_label("From", exact=True).first.fill("2024-06-01")
        page.get_by_label("To", exact=True).first.fill("2024-05-01")
        expect(page.locator(".map-said")).to_contain_text("The first day comes after the last day.")


def test_without_data_the_drawing_stays(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        page.route("**/data/bubbles.json*", lambda route: route.abort())
        with page.expect_event("requestfailed"):
            page.goto(portal.public_url + "/map/")
        expect(page.locator(".live-map")).to_have_count(0)
        expect(page.locator("svg.city a").first).to_be_visible()
        expect(page.locator("#moves")).to_be_visible()
        check(page)


def test_without_script_the_map_is_a_drawing_with_links(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/")
        expect(page.locator("#moves")).to_be_visible()
        before = page.locator("svg.city a").count()
        page.get_by_role("link", name="Zoom in", exact=True).click()
        assert page.locator("svg.city a").count() != before
        page.locator("#panel > summary").click()
        page.locator("#panel").get_by_text("30 days", exact=True).click()
        page.get_by_role("button", name="Show").click()
        assert query(page)["days"] == ["30"]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing(browser: Browser, portal: Stack, scheme: str, width: int) -> None:
    with opened(browser, portal, "?days=30", width=width, color_scheme=scheme) as page:
        if width < 900:
            page.locator("#panel > summary").click()
        check(page)
        page.locator(".bub:not([inert]):has-text('as a list'), .bub:not([inert]):has-text('Show it')").first.click()
        page.wait_for_selector(".map-list:not([hidden])")
        check(page)


def test_names_for_screen_readers(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?category=burglary&days=90", width=1280) as page:
        names = bubbles(page)
        assert all(re.fullmatch(r"[\d,]+ incidents?: Theft and burglary\. \w.+", name) for name in names)
        tree = page.locator("main").aria_snapshot()
        for line in (
            'application "Map of the incidents"',
            'button "Zoom in"',
            'slider "First month"',
            'slider "Last month"',
            "status: ",
            'button "Search near me"',
        ):
            assert line in tree
        assert page.locator(".map-said [role=status]").inner_text().endswith("in view.")
        scales = page.locator(".leaflet-control-scale-line").all_inner_texts()
        assert [text.split()[1] in ("mi", "ft") for text in scales] == [True, False], scales


def swipe(page: Page, x: float, y: float, distance: float) -> None:
    """Move one finger up by `distance` pixels."""
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        point = {"x": x, "y": y - distance * step / 10}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_swipe_and_wheel_scroll_the_page_where_the_map_cannot_move(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=390, has_touch=True) as page:
        frame = page.locator(".live-map")
        frame.scroll_into_view_if_needed()
        box = frame.bounding_box()
        assert box
        x, y = box["x"] + 20, box["y"] + box["height"] / 2
        zoom_in = page.get_by_role("button", name="Zoom in", exact=True)

        def scrolls(by: str) -> None:
            page.evaluate("top => scrollTo(0, top)", 0)
            frame.scroll_into_view_if_needed()
            top = page.evaluate("scrollY")
            if by == "swipe":
                swipe(page, x, y, 200)
            else:
                page.mouse.move(x, y)
                page.mouse.wheel(0, 200)
            page.wait_for_function("top => scrollY > top + 50", arg=top)

        scrolls("swipe")
        scrolls("wheel")
        assert "at" not in query(page)
        with answered(page):
            zoom_in.click()  # the city is wider than the screen, but not higher
        scrolls("swipe")
        while float(query(page)["at"][0].split(",")[2]) < 15:
            with answered(page):
                zoom_in.click()
        frame.scroll_into_view_if_needed()
        address, top = page.url, page.evaluate("scrollY")
        swipe(page, x, y, 100)
        page.wait_for_function("before => location.href !== before", arg=address)
        assert page.evaluate("scrollY") == top, "a map that can move takes the swipe"


def test_scripts_that_die_leave_the_plain_page(browser: Browser, portal: Stack) -> None:
    def dead(route: Route) -> None:
        route.fulfill(body="throw new Error()", content_type="text/javascript")

    address = f"{portal.public_url}/map/?days=30"
    with browser.new_page(viewport={"width": 1280, "height": 844}) as page:  # errors are wanted
        page.route("**/js/map/tools*.js", dead)
        page.goto(address)
        page.wait_for_selector("#crime-map[data-ready]")
        page.locator("#panel").get_by_text("7 days", exact=True).click()
        page.get_by_role("button", name="Show incidents").click()
        expect(page.locator("#lead")).to_contain_text("the newest 7 days")
        page.wait_for_selector("#crime-map[data-ready]")
        page.locator(".bub:not([inert]):not(:has-text('Zoom in'))").first.click()
        expect(page).to_have_url(re.compile(r"/map/list/\?days=7&box="))
        page.route("**/js/map/bubbles*.js", dead)
        page.goto(address)
        page.get_by_role("link", name="Zoom in", exact=True).click()
        expect(page).to_have_url(re.compile("at="))
        expect(page.locator("svg.city")).to_be_visible()


# Pairs of elements that differ in a state: page, one in the state, one out of it.
STATES = [
    ("/map/?days=30", ".seg label:has(:checked)", ".seg label:not(:has(:checked))"),
    ("/map/?days=30", ".tabs [aria-current]", ".tabs a:not([aria-current])"),
    ("/map/?days=30", ".nav [aria-current]", ".nav a:not([aria-current])"),
    ("/map/?days=30", ".months-between", ".months"),
    ("/map/?days=30", ".leaflet-disabled", ".leaflet-control-zoom-in"),
    ("/map/list/", ".sorts [aria-current]", ".sorts a:not([aria-current])"),
    ("/tips/", ".steps i.on", ".steps i:not(.on)"),
    ("/map/alerts/", ".form-check:has(:checked)", ".form-check:not(:has(:checked))"),
]
LOOK = """element => { const { color, backgroundColor, borderColor, borderWidth, borderStyle, outlineStyle, outlineColor, fontWeight }
    = getComputedStyle(element);
    return [color, backgroundColor, borderColor, borderWidth, borderStyle, outlineStyle, outlineColor, fontWeight].join() }"""


def test_states_and_charts_show_in_the_readers_own_colors(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, width=1280, forced_colors="active") as page:
        at = ""
        for address, inside, outside in STATES:
            if address != at:
                page.goto(portal.public_url + address)
                at = address
            if address.startswith("/map/?"):
                page.wait_for_selector(READY)
            looks = [page.locator(selector).first.evaluate(LOOK) for selector in (inside, outside)]
            assert looks[0] != looks[1], inside
            button = page.locator(".btn:not(.btn-line)").first
            if button.count():  # a system color of ours as background would hide the text
                assert button.evaluate("each => getComputedStyle(each).forcedColorAdjust") == "auto"
                ground, ink = button.evaluate(
                    "each => [getComputedStyle(each).backgroundColor, getComputedStyle(each).color]"
                )
                assert ground != ink
        page.goto(f"{portal.public_url}/map/charts/?days=90")
        ink, paper = (
            page.evaluate(
                "name => { document.body.style.color = name; return getComputedStyle(document.body).color }", name
            )
            for name in ("CanvasText", "Canvas")
        )
        for drawn in (".bars .bar", ".kinds .fam", ".grid .s5", ".kinds .sym path"):
            assert page.locator(drawn).first.evaluate("each => getComputedStyle(each).fill") == ink != paper, drawn


def test_the_printed_map_holds_all_that_the_screen_shows(browser: Browser, portal: Stack) -> None:
    outside = """() => {
        const frame = document.querySelector(".live-map").getBoundingClientRect();
        return [...document.querySelectorAll(".bub:not([inert])")].map(each => each.getBoundingClientRect())
            .filter(box => box.x + box.width / 2 < frame.x || box.x + box.width / 2 > frame.right).length;
    }"""
    with opened(browser, portal, width=1280, color_scheme="dark") as page:
        with answered(page):
            page.get_by_role("button", name="Zoom in", exact=True).click()
        address, shown = page.url, page.locator(".map-said p").inner_text()
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})
        expect(page.locator(".map-tools")).to_be_hidden()
        expect(page.locator(".leaflet-control-zoom")).to_be_hidden()
        land = "getComputedStyle(document.documentElement).getPropertyValue('--land')"
        assert page.evaluate(land) == "#f2efe7", "paper is light, whatever the screen was"
        page.wait_for_function("() => document.querySelector('.live-map').clientWidth <= 718")
        page.wait_for_function(f"() => ({outside})() === 0")
        page.set_viewport_size({"width": 1280, "height": 844})
        page.emulate_media(media="screen")
        expect(page.locator(".map-said p")).to_have_text(shown)
        assert page.url == address

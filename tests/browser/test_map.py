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
    return int(
        re.sub(r"\D", "", (page.locator(".map-said p").text_content() or "").split("incident")[0].split(".")[-1])
    )


MARK = ".mark-at > button:not([inert])"


def marks(page: Page) -> list[str]:
    """Return the name of each mark in view, in the order of the page."""
    return page.locator(f"{MARK} > .visually-hidden").all_text_contents()


def named_counts(names: list[str]) -> int:
    """Return how many incidents marks stand for; the name of a single incident says no number."""
    found = [re.search(r": ([\d,]+) incident", name) for name in names]
    return sum(int(each[1].replace(",", "")) if each else 1 for each in found)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(page.evaluate("location.search.slice(1)"))


@contextmanager
def answered(page: Page, name: str = r"(areas|bubbles|points)\.json") -> Iterator[None]:
    """Wait for a data response and until it is shown, as is the page of a new selection, whose address comes with it."""
    with page.expect_response(lambda response: bool(re.search(f"/data/{name}", response.url))):
        yield
    expect(page.locator("#filter[aria-busy]")).to_have_count(0)
    expect(page.locator("#crime-map")).not_to_have_class(re.compile("is-loading"))


@contextmanager
def moved(page: Page) -> Iterator[None]:
    """Wait until the position in the address is another."""
    before = query(page).get("at", [None])[0]
    yield
    page.wait_for_function("before => new URLSearchParams(location.search).get('at') !== before", arg=before)


def move(page: Page, key: str) -> None:
    """Press a key that moves the map, and wait until it has."""
    with moved(page):
        page.keyboard.press(key)


def zoom_to(page: Page, level: str) -> None:
    """Press "Zoom in" until the map has this level."""
    frame = page.locator(".live-map")
    for _ in range(10):
        if frame.get_attribute("data-level") == level:
            return
        with moved(page):
            page.get_by_role("button", name="Zoom in", exact=True).click()
        expect(page.locator("#crime-map")).not_to_have_class(re.compile("is-loading"))
    assert frame.get_attribute("data-level") == level


def choose_period(page: Page, name: str) -> None:
    if not page.locator("#period-summary").evaluate("summary => summary.parentNode.open"):
        page.locator("#period-summary").click()
    page.locator(".drop").get_by_text(name).click()


# Steps aside of two marks that are at one point, of one on a name and of one out of view, on a map of 300 x 300 pixels.
STEPS_ASIDE = """async () => {
    const { keepNamesFree } = await import(performance.getEntriesByType('resource').find(({ name }) => name.includes('label-room')).name);
    const marks = [[50, 50], [50, 50], [200, 200], [299, 250], [310, 250]].map(([x, y], key) => ({ key, x, y,
        node: { offsetWidth: 48, offsetHeight: 48, inert: x > 300, style: {} } }));
    const name = { left: 150, right: 280, top: 190, bottom: 205 };
    const map = { getContainer: () => document.body, getZoom: () => 15, getSize: () => ({ x: 300, y: 300 }), on: () => {},
        latLngToContainerPoint: mark => mark, nameBoxes: () => [name] };
    keepNamesFree(map, { level: 'middle', marks: new Map(marks.map(mark => [mark.key, { mark }])) })();
    return marks.map(({ node }) => node.style.translate.split(' ').map(parseFloat));
}"""
TOPS = "all => all.map(each => each.getBoundingClientRect().top)"
# Pixels between the city's areas and the legend, the right edge, the notice and the left edge of the map.
FREE_SPACE = """() => {
    const boxes = [...document.querySelectorAll('.live-map path.ar')].map(each => each.getBoundingClientRect());
    const frame = document.querySelector('.live-map').getBoundingClientRect();
    return [
        Math.min(...boxes.map(box => box.top)) - document.querySelector('#keys').getBoundingClientRect().bottom,
        frame.right - Math.max(...boxes.map(box => box.right)),
        document.querySelector('.attr').getBoundingClientRect().top - Math.max(...boxes.map(box => box.bottom)),
        Math.min(...boxes.map(box => box.left)) - frame.left,
    ];
}"""


def test_areas_then_rings_then_symbols_and_their_lists(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        assert page.locator("#crime-map svg.city").count() == 0
        top = page.locator("#crime-map").bounding_box()
        assert top
        assert top["y"] <= 60, "the map is what people see first"
        whole, many = in_view(page), marks(page)
        assert page.locator(".live-map").get_attribute("data-level") == "city"
        assert named_counts(many) == whole
        assert "at" not in query(page)
        assert len({round(y) for y in page.locator("#keys a").evaluate_all(TOPS)}) == 1, "the legend is one row"
        free = page.evaluate(FREE_SPACE)
        assert min(free) >= 0, "nothing lies on the city"
        assert min(free[0] + free[2], free[1] + free[3]) < 90, "the city fills the map"
        expect(page.locator("#map-heading")).to_have_text(f"{whole} incidents in Riverton")
        with answered(page):
            page.locator(f"{MARK}:has-text('Old Town')").click()
        assert page.locator(".live-map").get_attribute("data-level") == "middle"
        assert float(query(page)["at"][0].split(",")[2]) > 13
        assert page.evaluate("document.activeElement.closest('.live-map') !== null"), "the focus stays on the map"
        shown = in_view(page)
        assert named_counts(marks(page)) == shown
        expect(page.locator("#map-heading")).to_have_text(f"{shown} incident{'' if shown == 1 else 's'} in view")
        assert re.search(r", near \d+00 block of Arden Street: \d+ incidents?: .+\. Zoom in", " ".join(marks(page)))
        frame = page.locator(".live-map").bounding_box()
        assert frame
        for box in page.locator(MARK).evaluate_all("all => all.map(each => each.getBoundingClientRect())"):
            assert frame["x"] <= box["x"] + box["width"] / 2 <= frame["x"] + frame["width"]
            assert frame["y"] <= box["y"] + box["height"] / 2 <= frame["y"] + frame["height"]
        page.goto(f"{portal.public_url}/map/?days=90&at=41.50000,-38.50000,16")
        page.wait_for_selector(READY)
        assert page.locator(".live-map").get_attribute("data-level") == "street"
        assert named_counts(marks(page)) == in_view(page)
        expect(page.locator("#type-keys button").first).to_be_visible()
        first, second, on_name, at_edge, outside = page.evaluate(STEPS_ASIDE)
        assert first == outside == [0, 0]
        assert max(map(abs, second)) >= 40, "marks do not cover each other"
        assert 27 <= abs(on_name[1]) <= 56, "names win"
        assert at_edge[0] <= 0, "no mark steps out of view"
        total = in_view(page)
        expect(page.locator("#where")).to_contain_text("Old Town")
        expect(page.locator(".map-said p")).to_contain_text(re.compile("in view: .*Old Town"))
        key = page.locator("#type-keys button").first
        assert sum(int(each) for each in page.locator("#type-keys b").all_inner_texts()) == total
        with answered(page):
            key.click()
        expect(key).to_have_attribute("aria-pressed", "false")
        expect(key).to_be_focused()
        page.wait_for_function("() => new URLSearchParams(location.search).has('category')")
        assert in_view(page) < total
        with answered(page):
            key.click()
        expect(key).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".map-said p")).to_contain_text(f"{total} incidents in view")
        page.wait_for_function("() => !new URLSearchParams(location.search).has('category')")
        stacked = page.locator(f"{MARK}:has-text('Show them as a list')").first
        name = stacked.locator(".visually-hidden").text_content() or ""
        row = page.locator("#rows a.row[data-at]").first
        row.hover()
        expect(page.locator(f"{MARK}.is-lit")).to_have_count(1)
        stacked.focus()
        expect(page.locator("#rows a.row.is-lit").first).to_be_attached()
        with answered(page, r"list\.html"):
            page.keyboard.press("Enter")
        title = page.locator("#map-list-title")
        expect(title).to_be_focused()
        assert title.inner_text() == f"{named_counts([name])} incidents here"
        first = page.locator(".rows-at a.row").first
        assert re.fullmatch(r"/map/incident/\w{12}/", urlsplit(first.evaluate("link => link.href")).path)
        expect(first).to_contain_text("block of Arden Street")
        page.keyboard.press("Escape")
        expect(stacked).to_be_focused()
        check(page)


def test_the_filter_changes_map_words_and_address_and_back_undoes_it(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        month = in_view(page)
        with answered(page):
            choose_period(page, "Newest 90 days")
        expect(page.locator("#lead")).to_contain_text("the newest 90 days")
        assert query(page) == {"days": ["90"]}
        quarter = in_view(page)
        assert month < quarter
        assert all("days=90" in link for link in page.locator("#views a").evaluate_all("all => all.map(a => a.href)"))
        page.keyboard.press("Escape")
        expect(page.locator("#period-summary")).to_be_focused()
        with answered(page):
            page.locator("#keys [data-family=people]").click()
        expect(page.locator("#chips")).to_contain_text("types")
        assert query(page) == {"category": ["family:theft"], "days": ["90"]}, "a family is one word"
        assert in_view(page) < quarter
        expect(page.locator("#keys .off")).to_have_attribute("data-family", "people")
        with answered(page):
            page.go_back()
        expect(page.locator("#keys .off")).to_have_count(0)
        assert query(page) == {"days": ["90"]}
        assert in_view(page) == quarter
        with answered(page):
            page.go_back()
        expect(page.locator("#lead")).to_contain_text("the newest 30 days")
        assert in_view(page) == month
        page.locator("#types-summary").click()
        with answered(page):
            page.locator("#id_area").select_option("district:1")
        expect(page.locator(".live-map path.chosen")).to_have_count(1)
        assert page.locator(".live-map").get_attribute("data-level") == "middle"
        assert query(page)["area"] == ["district:1"]
        page.keyboard.press("Escape")
        with answered(page):
            page.locator("#chips a").first.click()
        expect(page.locator("#lead")).to_be_focused()
        assert "area" not in query(page)
        page.locator("[data-shade=change]").click()
        assert query(page)["shade"] == ["change"]
        expect(page.locator(".area-mark .ch").first).to_be_visible()
        page.reload()
        page.wait_for_selector(READY)
        expect(page.locator(".area-mark .ch").first).to_be_visible()


def test_a_shared_link_shows_the_same_elsewhere(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280, permissions=["clipboard-read", "clipboard-write"]) as page:
        with answered(page):
            choose_period(page, "Newest 90 days")
        page.keyboard.press("Escape")
        zoom_to(page, "middle")
        page.locator(".map-tools summary").click()
        page.get_by_role("button", name="Copy link to this view").click()
        expect(page.locator(".map-said")).to_contain_text("Link copied.")
        link = page.evaluate("navigator.clipboard.readText()")
        shown = marks(page)
        assert shown
    with opened(browser, portal, "?" + urlsplit(link).query, width=1280) as page:
        assert marks(page) == shown
        assert page.locator("input[name=days]:checked").get_attribute("value") == "90"
    with visit(browser, portal.public_url, width=1280, script=False) as page:
        page.goto(link)
        expect(page.locator("svg.city a").first).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?days=90&at=41.50000,-38.50000,15", width=1280, reduced_motion="reduce") as page:
        frame = page.get_by_role("group", name="Map of the incidents")
        assert page.locator(f"{MARK}[tabindex='0']").count() == 1, "the map is one tab stop"
        page.locator("#crime-map").evaluate("() => document.querySelector('.mark-at > button[tabindex=\"0\"]').focus()")
        names = marks(page)
        focused = "document.activeElement.querySelector('.visually-hidden').textContent"
        assert page.evaluate(focused) == names[0]
        page.keyboard.press("End")
        assert page.evaluate(focused) == names[-1]
        before = page.evaluate("document.activeElement.getBoundingClientRect().y")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.getBoundingClientRect().y") < before
        page.keyboard.press("Home")
        assert page.evaluate(focused) == names[0]
        move(page, "Shift+ArrowDown")
        with answered(page):
            page.keyboard.press("+")
        assert page.evaluate("document.activeElement.closest('.live-map') !== null")
        page.locator(f"{MARK}[tabindex='0']").focus()
        page.keyboard.press("Escape")
        expect(frame).to_be_focused()

        # A box: Enter at the middle of the map, twice
        page.locator(".map-tools summary").press("Enter")
        page.get_by_role("button", name="Draw a box").press("Enter")
        expect(frame).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".map-said")).to_contain_text("opposite corner")
        for key in ("ArrowRight", "ArrowDown"):
            move(page, key)
        with answered(page):
            page.keyboard.press("Enter")
        expect(page.locator("#chips")).to_contain_text("Inside a box on the map")
        south, west, north, east = map(float, query(page)["box"][0].split(","))
        assert south < north
        assert west < east

        # The time brush
        first, last = (page.get_by_role("slider", name=f"{which} day") for which in ("First", "Last"))
        assert last.get_attribute("aria-valuetext") == "Sep 26, 2024"
        first.focus()
        with answered(page):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("() => new URLSearchParams(location.search).get('to') === '2024-09-26'")
        expect(page.locator("#brush-title")).to_contain_text("2024")
        assert page.get_by_role("button", name="Play").count() == 0, "nothing plays with reduced motion"


def test_the_brush_plays_to_the_newest_day_and_slices_the_day(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?days=30", width=1280) as page:
        brush = page.locator("#brush")
        brush.get_by_label("Move by").select_option("month")
        brush.get_by_role("button", name="Play").click()
        expect(brush.get_by_role("button", name="Stop")).to_be_visible()
        page.wait_for_function("() => new URLSearchParams(location.search).get('to') === '2024-09-26'")
        expect(brush.get_by_role("button", name="Play")).to_be_visible()
        with answered(page):
            brush.get_by_role("link", name="Night").click()
        expect(brush.get_by_role("link", name="Night")).to_have_attribute("aria-current", "true")
        assert query(page)["hour"] == ["0,1,2,3,4,5"]


def test_a_phone_has_the_list_as_a_sheet_of_three_heights(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?days=30", width=390, has_touch=True) as page:
        top = page.locator("#crime-map").bounding_box()
        assert top
        assert top["y"] <= 120
        rows = page.locator("#rows a.row").first
        expect(rows).to_be_hidden()
        page.locator("#sheet-both").check()
        expect(rows).to_be_visible()
        expect(page.locator(".live-map")).to_be_visible()
        page.locator("#sheet-list").check()
        expect(page.locator(".live-map")).to_be_hidden()
        box = page.locator(".side .ph").bounding_box()
        assert box
        page.mouse.move(box["x"] + 20, box["y"] + 8)
        page.mouse.down()
        page.mouse.move(box["x"] + 20, box["y"] + 200, steps=4)
        page.mouse.up()
        expect(page.locator("#sheet-both")).to_be_checked()


def test_a_place_is_found_while_typing_and_is_in_no_address(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal) as page:
        addresses = []
        page.on("request", lambda request: addresses.append(request.url))
        field = page.get_by_role("combobox", name="Street, school, park or other place")
        with page.expect_response(re.compile(r"/near/matches\.json$")) as suggested:
            field.press_sequentially("412 arden")
        assert len(suggested.value.request.post_data or "") == 2048, "the length of the post tells what was typed"
        option = page.get_by_role("option", name="400 block of Arden Street")
        expect(option).to_be_visible()
        check(page)
        with page.expect_request(lambda request: request.is_navigation_request()) as chosen:
            option.click()
        assert len(chosen.value.post_data or "") == 2048
        expect(page.locator("h1#answer")).to_contain_text("400 block of Arden Street")
        assert urlsplit(page.url).path == "/near/"
        assert not [each for each in addresses if "arden" in each.lower() or "412" in each]
        page.go_back()
        page.wait_for_selector(READY)
        assert urlsplit(page.url).path == "/map/"

        # The page about the place: another distance and period, share, print
        field.fill("400 block of Arden Street")
        with page.expect_navigation():
            field.press("Enter")
        expect(page.locator("h1#answer")).to_contain_text("400 block of Arden Street")
        expect(page.locator(".stillmap .label.street").first).to_be_attached()
        check(page)
        ask = page.get_by_role("search").filter(has=page.locator("#id_within"))
        if not page.locator("#id_within").is_visible():
            page.locator(".askd > summary").click()
        page.locator("#id_within").select_option(index=0)
        page.locator("#id_period").select_option("newest-90")
        with page.expect_navigation():
            ask.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("h1#answer")).to_contain_text("400 block of Arden Street")
        assert page.locator("#id_period").input_value() == "newest-90"
        assert urlsplit(page.url).path == "/near/"
        with page.expect_navigation():
            page.locator(".my .acts").get_by_role("button", name="Share").click()
        expect(page.locator("#id_address")).to_have_value(re.compile("/near/400-arden-street/newest-90/"))
        expect(page.get_by_role("button", name="Print report")).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator(".pr-foot")).to_be_visible()
        expect(page.locator(".my .acts")).to_be_hidden()
        for paper in ("Letter", "A4"):
            assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))) == 1, f"one page of {paper}"


def test_a_parent_asks_about_the_school_run_near_a_school(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, has_touch=True) as page:
        page.get_by_role("combobox", name="Street, school, park or other place").press_sequentially("school")
        with page.expect_navigation():
            page.get_by_role("option", name=re.compile("Old Town School")).click()
        expect(page.locator("h1#answer")).to_contain_text("Old Town School")
        page.goto(f"{portal.public_url}/near/old-town-school/newest-90/")  # its own address, as a school may link to
        page.get_by_role("link", name="Open on the crime map").click()
        page.wait_for_selector(READY)
        page.locator("#types-summary").click()
        with answered(page):
            page.locator("#day-slices").get_by_role("link", name="School run").click()
        page.wait_for_function("() => new URLSearchParams(location.search).get('hour') === '7,8,14,15'")
        page.keyboard.press("Escape")
        page.locator("#sheet-both").check()
        for part in ("Old Town School", "7 a.m. to 9 a.m.", "Monday"):
            expect(page.locator("#chips")).to_contain_text(part)
        assert {"near", "radius", "weekday"} <= set(query(page))


# What a tile of zoom 15 names at zooms up to the end of the shaded city, 14.6, and beyond.
TILE_NAMES = """async () => {
    const { drawTiles } = await import(performance.getEntriesByType('resource').find(({ name }) => name.includes('tile-style')).name);
    let [zoom, rules, drawn, moved] = [14.5, null, 0, null];
    const symbolizers = ['PolygonSymbolizer', 'LineSymbolizer', 'CenteredTextSymbolizer', 'LineLabelSymbolizer'];
    const layer = { on: () => {}, addTo: () => {}, remove: () => {}, clearLayout: () => {}, redraw: () => { drawn += 1 } };
    window.protomapsL = { ...Object.fromEntries(symbolizers.map(name => [name, class {}])),
        leafletLayer: options => { rules = options.labelRules; return layer } };
    drawTiles({ getContainer: () => document.body, getZoom: () => zoom, fire: () => {}, on: (_name, react) => { moved = react } }, '', 14.6);
    const names = () => rules.filter(({ minzoom = 0, maxzoom = 99, filter }) => minzoom <= 15 && maxzoom >= 15
        && ['area', 'major', 'park', 'school'].some(kind => filter(15, { props: { kind } }))).length;
    const found = [names()];
    zoom = 14.55;
    moved();
    found.push(names(), drawn);
    zoom = 14.7;
    moved();
    return [...found, names(), drawn];
}"""


def test_tiles_name_nothing_while_the_shaded_areas_have_names_of_their_own(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal) as page:
        assert page.evaluate(TILE_NAMES) == [0, 0, 0, 4, 1]


def test_a_box_is_drawn_by_a_drag(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        whole = in_view(page)
        page.locator(".map-tools summary").click()
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
            with (
                page.expect_response(lambda response: "/list.html" in response.url and "near=" in response.url),
                answered(page),
            ):
                page.get_by_role("button", name="Near me").click()
            expect(page.locator(".map-said")).to_contain_text("Your exact place stays on your device")
            assert query(page)["near"] == ["41.49500,-38.50000"]
            expect(page.locator(".live-map path.chosen")).to_have_count(1)
            asked.append([urlsplit(url).query for url in urls if "near=" in url])
            assert str(latitude) not in "".join(urls)
            assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") == "[{},{}]"
    assert asked[0] == asked[1]
    far = {"latitude": 48.1, "longitude": 11.5}
    with opened(browser, portal, geolocation=far, permissions=["geolocation"]) as page:
        page.get_by_role("button", name="Near me").click()
        expect(page.locator(".map-said")).to_contain_text("outside")
        assert "near" not in query(page)


def test_a_failed_load_is_reported_and_retried(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?days=90&at=41.50000,-38.50000,15", width=1280) as page:
        shown = marks(page)

        def fail(route: Route) -> None:
            route.abort()

        page.route("**/data/*.json*", fail)
        page.get_by_role("button", name="Zoom in", exact=True).click()
        expect(page.locator(".map-said")).to_contain_text("couldn't load new results")
        assert set(marks(page)) <= set(shown)
        page.unroute("**/data/*.json*", fail)
        with answered(page):
            page.get_by_role("button", name="Try again").click()
        expect(page.locator(".map-said")).to_contain_text("in view")
        assert len(marks(page)) > 0
        page.locator("#period-summary").click()
        page.locator("input[name=days][value='']").check(force=True)
        page.get_by_label("From", exact=True).first.fill("2024-06-01")
        page.get_by_label("To", exact=True).first.fill("2024-05-01")
        expect(page.locator(".map-said")).to_contain_text("The first day comes after the last day.")


def test_without_data_the_drawing_stays(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        page.route("**/data/areas.json*", lambda route: route.abort())
        with page.expect_event("requestfailed"):
            page.goto(portal.public_url + "/map/")
        expect(page.locator(".live-map")).to_have_count(0)
        expect(page.locator("svg.city a").first).to_be_visible()
        expect(page.locator("#moves")).to_be_visible()
        check(page)


def test_what_the_city_shows_is_on_its_way_before_leaflet_is_there(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        held: list[Route] = []
        is_released = False

        def hold(route: Route) -> None:
            if is_released:
                route.continue_()
            else:
                held.append(route)

        page.route("**/leaflet/leaflet*.js", hold)
        with page.expect_request("**/data/areas.json*"), page.expect_request("**/base/areas-*.json"):
            page.goto(portal.public_url + "/map/", wait_until="commit")
        is_released = True
        for route in held:
            route.continue_()
        page.wait_for_selector(READY)


def test_without_script_the_map_is_a_drawing_with_links(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/")
        expect(page.locator("#moves")).to_be_visible()
        page.get_by_role("link", name=re.compile("^Old Town: .* Zoom in$")).click()
        expect(page.locator("svg.city a.mk").first).to_be_visible()
        page.locator("#period-summary").click()
        page.locator(".drop").get_by_text("Newest 90 days").click()
        page.locator(".drop").get_by_role("button", name="Show incidents").first.click()
        assert query(page)["days"] == ["90"]
        page.locator("#sheet-both").check()
        expect(page.locator("#rows a.row").first).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing(browser: Browser, portal: Stack, scheme: str, width: int) -> None:
    with opened(browser, portal, "?days=30", width=width, color_scheme=scheme) as page:
        check(page)
        page.locator("#types-summary").click()
        check(page)
        page.goto(f"{portal.public_url}/map/?days=90&at=41.50000,-38.50000,16")
        page.wait_for_selector(READY)
        check(page)
        with answered(page, r"list\.html.*page=1"):
            page.locator(f"{MARK}:has-text('Show')").first.press("Enter")
        expect(page.locator("#map-list-title")).to_be_focused()
        check(page)


def test_names_for_screen_readers(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?category=burglary&days=90&at=41.50000,-38.50000,15", width=1280) as page:
        pattern = (
            r"(Old Town|Millside), near \d+00 block of Arden Street: [\d,]+ incidents?: Theft and burglary \d+\. \w.+"
        )
        assert all(re.fullmatch(pattern, name) for name in marks(page))
        tree = page.locator("body").aria_snapshot()
        for line in (
            'group "Map of the incidents"',
            'button "Zoom in"',
            'slider "First day"',
            'slider "Last day"',
            "status: ",
            'button "Near me"',
            'region "Incidents, newest first"',
        ):
            assert line in tree, line
        said = page.locator(".map-said [role=status]").text_content() or ""
        assert re.fullmatch(r"\d+ incidents in view: [\w ,]+\.", said)
        scales = page.locator(".leaflet-control-scale-line").all_inner_texts()
        assert [text.split()[1] in ("mi", "ft") for text in scales] == [True, False], scales


class TreeReader:
    """A reader who knows only what Chromium's accessibility tree says: finds things by role and name, and uses the keyboard."""

    def __init__(self, page: Page) -> None:
        self.page, self.tools = page, page.context.new_cdp_session(page)

    def find(self, role: str, name: str) -> tuple[str, int]:
        """Return the name and the node's number of the first match of a regular expression."""
        nodes = [node for node in self.tools.send("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        names = [
            (str(node["name"]["value"]), node["backendDOMNodeId"])
            for node in nodes
            if node["role"]["value"] == role and "name" in node
        ]
        found = next((each for each in names if re.fullmatch(name, each[0])), None)
        assert found, f"no {role} is called {name}: {names}"
        return found

    def press(self, role: str, name: str, *keys: str) -> None:
        """Focus what has this role and name; type the text or press the keys there."""
        self.tools.send("DOM.getDocument")
        self.tools.send("DOM.focus", {"backendNodeId": self.find(role, name)[1]})
        for key in keys:
            self.page.keyboard.type(key) if " " in key or "@" in key else self.page.keyboard.press(key)


def test_roles_and_names_lead_from_the_search_to_an_alert(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, width=1280) as page:
        reader = TreeReader(page)
        assert reader.find("heading", r"[\d,]+ incidents in Riverton")
        with page.expect_navigation():
            reader.press("combobox", "Street, school, park or other place", "Old Town", "Escape", "Enter")
        answer, _node = reader.find("heading", r"\d+ incidents? in Old Town .+")
        count = answer.split()[0]
        page.set_viewport_size({"width": 320, "height": 640})
        check(page)
        page.set_viewport_size({"width": 1280, "height": 844})
        assert reader.find("heading", rf"(The|Incidents 1 to 45 of) {count}( incidents)?, newest first")
        assert reader.find("rowheader", "Burglary")
        assert reader.find("cell", "(in the usual|too few|no usual|. more|. fewer).*")
        with page.expect_navigation():
            reader.press("link", "Email me updates", "Enter")
        assert reader.find("heading", "Get an email about incidents near you")
        reader.press("textbox", "Your email address", "tree@example.org")
        with page.expect_navigation():
            reader.press("button", "Send me the link", "Enter")
        assert reader.find("heading", "Check your email")


def swipe(page: Page, x: float, y: float, distance: float) -> None:
    """Move one finger up by `distance` pixels."""
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        point = {"x": x, "y": y - distance * step / 10}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_one_finger_moves_the_map_and_scrolls_the_page_only_in_a_low_window(browser: Browser, portal: Stack) -> None:
    with opened(browser, portal, "?days=90&at=41.50000,-38.50000,15", width=390, has_touch=True) as page:
        box = page.locator(".live-map").bounding_box()
        assert box
        x, y = box["x"] + 20, box["y"] + box["height"] / 2
        address = page.url
        swipe(page, x, y, 100)
        page.wait_for_function("before => location.href !== before", arg=address)
        assert page.evaluate("scrollY") == 0
    with visit(browser, portal.public_url, width=390, has_touch=True) as page:
        page.set_viewport_size({"width": 390, "height": 420})  # as at large zoom: the map stands in the page
        page.goto(f"{portal.public_url}/map/?days=90&at=41.50000,-38.50000,15")
        page.wait_for_selector(READY)
        frame = page.locator(".live-map")
        frame.scroll_into_view_if_needed()
        box = frame.bounding_box()
        assert box
        top, address = page.evaluate("scrollY"), page.url
        page.evaluate("""() => new MutationObserver((_changes, observer) => {
            const hint = document.querySelector(".map-hint");
            if (hint) [window.hint, window.hintIsGone] = [hint.textContent, () => !hint.isConnected];
            if (hint) observer.disconnect();
        }).observe(document.querySelector(".live-map"), { childList: true })""")
        swipe(page, box["x"] + 20, box["y"] + box["height"] / 2, 120)
        page.wait_for_function("top => scrollY > top + 50", arg=top)
        page.wait_for_function("() => window.hint === 'Use two fingers to move the map' && window.hintIsGone()")
        assert page.url == address


def test_scripts_that_die_leave_the_plain_page(browser: Browser, portal: Stack) -> None:
    def dead(route: Route) -> None:
        route.fulfill(body="throw new Error()", content_type="text/javascript")

    address = f"{portal.public_url}/map/?days=30&at=41.50000,-38.50000,16"
    with browser.new_page(viewport={"width": 1280, "height": 844}) as page:  # errors are wanted
        page.route("**/js/map/tools*.js", dead)
        page.goto(address)
        page.wait_for_selector("#crime-map[data-ready]")
        page.locator(f"{MARK}:has-text('Show')").first.press("Enter")
        expect(page).to_have_url(re.compile(r"/map/list/\?days=30&box="))
        page.go_back()
        page.wait_for_selector("#crime-map[data-ready]")
        page.locator("#period-summary").click()
        page.locator(".drop").get_by_text("Newest 7 days").click()
        page.locator(".drop").get_by_role("button", name="Show incidents").first.click()
        expect(page.locator("#lead")).to_contain_text("the newest 7 days")
        page.route("**/js/map/incidents*.js", dead)
        page.goto(address)
        page.locator("svg.city a.mk").first.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/map/list/\?days=30&box="))


# Pairs of elements that differ in a state: page, one in the state, one out of it.
STATES = [
    ("/map/?days=30", ".slices [aria-current]", ".slices a:not([aria-current])"),
    ("/map/?days=30", ".sw [aria-current]", ".sw a:not([aria-current])"),
    ("/map/?days=30", ".leaflet-disabled", ".leaflet-control-zoom-in"),
    ("/map/list/", ".seg label:has(:checked)", ".seg label:not(:has(:checked))"),
    ("/map/list/", ".tabs [aria-current]", ".tabs a:not([aria-current])"),
    ("/map/list/", ".nav [aria-current]", ".nav a:not([aria-current])"),
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
        for drawn in (".bars .bar", ".kinds .fam", ".grid .s5", ".kinds .ty .sh"):
            assert page.locator(drawn).first.evaluate("each => getComputedStyle(each).fill") == ink != paper, drawn


def test_the_printed_map_holds_all_that_the_screen_shows(browser: Browser, portal: Stack) -> None:
    outside = """() => {
        const frame = document.querySelector(".live-map").getBoundingClientRect();
        return [...document.querySelectorAll(".mark-at > button:not([inert])")].map(each => each.getBoundingClientRect())
            .filter(box => box.x + box.width / 2 < frame.x || box.x + box.width / 2 > frame.right).length;
    }"""
    with opened(browser, portal, "?days=90&at=41.50000,-38.50000,15", width=1280, color_scheme="dark") as page:
        address, shown = page.url, page.locator(".map-said p").text_content() or ""
        page.wait_for_function(
            "() => (window.tiles = [...document.querySelectorAll('.live-map .leaflet-tile-loaded')]).length > 3"
        )
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})
        for hidden in (".bar", "#brush", ".leaflet-control-zoom"):
            expect(page.locator(hidden)).to_be_hidden()
        expect(page.locator("#rows a.row").first).to_be_visible()
        land = "getComputedStyle(document.documentElement).getPropertyValue('--land')"
        assert page.evaluate(land) == "#f2efe7", "paper is light, whatever the screen was"
        page.wait_for_function("() => document.querySelector('.live-map').getBoundingClientRect().width <= 718")
        page.wait_for_function(f"() => ({outside})() === 0")
        assert page.evaluate("tiles.every(each => each.isConnected)"), "new ones would be drawn after the page"
        page.set_viewport_size({"width": 1280, "height": 844})
        page.emulate_media(media="screen")
        expect(page.locator(".map-said p")).to_have_text(shown)
        assert page.url == address

"""The picker of a point on the tip form, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from crimemap.demo import plan
from tests.browser.source import AXE

SHOW_ITS_STEP = "() => dispatchEvent(new PopStateEvent('popstate', { state: { step: 2 } }))"


@pytest.fixture
def page(browser, stack) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.requests = []
    page.troubles = []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: message.type == "error" and page.troubles.append(message.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.goto(stack.public_url + "/tips/")
    page.evaluate(SHOW_ITS_STEP)
    page.wait_for_selector(".place-status", state="attached")
    yield page
    assert page.troubles == []
    assert all(url.startswith(stack.public_url) for url in page.requests)
    context.close()


def open_map(page: Page) -> None:
    page.get_by_role("button", name="Pick a point on the map").click()
    page.wait_for_selector(".place-map path.streets")


def point(page: Page) -> tuple[str, str]:
    return page.input_value("#id_latitude"), page.input_value("#id_longitude")


def expect_status(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.locator(".place-status")).to_have_text(words)


def test_no_map_is_loaded_before_it_is_requested(page):
    page.wait_for_selector("[data-place-picker] button")
    assert not [url for url in page.requests if "leaflet" in url or "/map/" in url]


def test_a_tap_chooses_a_point_without_any_request(page):
    open_map(page)
    request_count = len(page.requests)
    page.locator(".place-map").click(position={"x": 120, "y": 150})
    latitude, longitude = point(page)
    assert len(page.requests) == request_count
    for value, middle in zip((latitude, longitude), plan.MIDDLE, strict=True):
        assert abs(float(value) - middle) < 0.05
        assert len(value.partition(".")[2]) == 5
    expect_status(page, re.compile("^Point chosen"))
    assert page.locator(".place-pin").count() == 1


def test_a_chosen_place_moves_the_map_without_any_request(page):
    page.get_by_label("Find a street or intersection").fill("arden")
    with page.expect_response("**/tips/") as answer:
        page.get_by_role("button", name="Find street").click()
    assert len(answer.value.request.post_data or "") % 16_384 == 0, "the length of the post tells the name"
    places = page.locator("#id_place_ref label")
    expect(places.nth(2)).to_be_visible()
    open_map(page)
    request_count = len(page.requests)
    for number in range(2):
        places.nth(number).click()
        name = places.nth(number).locator("bdi").first.inner_text()
        expect_status(page, f"The map shows {name}. If you know the exact spot, tap it.")
        expect(page.locator(".place-ring")).to_have_count(1)
    assert point(page) == ("", ""), "the exact spot remains the source's own choice"
    places.filter(has_text="None of these").click()
    expect(page.locator(".place-ring")).to_have_count(0)
    assert len(page.requests) == request_count


def test_the_point_can_be_removed(page):
    open_map(page)
    page.locator(".place-map").click(position={"x": 120, "y": 150})
    page.get_by_role("button", name="Remove the point").click()
    assert point(page) == ("", "")
    expect_status(page, "Point removed.")
    assert page.locator(".place-pin").count() == 0
    assert page.evaluate("() => document.activeElement.getAttribute('aria-controls')") == "place-picker-map"


def test_the_keyboard_moves_the_map_and_chooses_its_center(page):
    open_map(page)
    page.locator(".place-map").focus()
    page.keyboard.press("Enter")
    first = point(page)
    moved = "() => { const map = document.querySelector('.leaflet-map-pane'); return map.style.transform }"
    before = page.evaluate(moved)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        f"(before) => ({moved})() !== before && !document.querySelector('.leaflet-pan-anim')", arg=before
    )
    page.keyboard.press("Enter")
    second = point(page)
    assert float(second[1]) - float(first[1]) > 0.001
    assert abs(float(second[0]) - float(first[0])) < 0.001


def test_a_button_chooses_the_center_without_dragging(page):
    open_map(page)
    page.get_by_role("button", name="Use the center of the map").click()
    assert all(point(page))


def test_a_chosen_point_is_shown_when_the_page_comes_with_one(page):
    page.evaluate(
        "() => { id_latitude.value = '41.50000'; id_longitude.value = '-38.50000'; window.dispatchEvent(new Event('pageshow')) }"
    )
    expect_status(page, "Point chosen.")
    page.evaluate(SHOW_ITS_STEP)
    open_map(page)
    page.wait_for_function("() => document.querySelector('.place-status').textContent.startsWith('Point chosen, near')")
    assert page.locator(".place-pin").count() == 1


def test_a_cleared_point_is_not_announced_on_return(page):
    open_map(page)
    page.locator(".place-map").click(position={"x": 120, "y": 150})
    page.evaluate("() => { id_latitude.value = id_longitude.value = ''; window.dispatchEvent(new Event('pageshow')) }")
    expect_status(page, "")
    assert page.locator(".place-pin").count() == 0


def test_a_map_that_does_not_load_says_so_and_can_be_tried_again(page):
    page.route("**/map/base/*", lambda route: route.abort())
    page.get_by_role("button", name="Pick a point on the map").click()
    page.wait_for_function("() => document.querySelector('.place-status').textContent.includes('load the map')")
    page.unroute("**/map/base/*")
    open_map(page)
    page.troubles.clear()


def test_axe_finds_nothing_with_the_map_open(page):
    open_map(page)
    page.locator(".place-map").click(position={"x": 120, "y": 150})
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run('[data-place-picker]')")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


# The other scheme changes colors alone, and other tests look at pages of the map and of stories in it.
@pytest.mark.parametrize(
    ("scheme", "rules"),
    [("light", "{}"), pytest.param("dark", "{ runOnly: ['color-contrast'] }", marks=pytest.mark.nightly)],
)
def test_axe_finds_nothing_on_the_pages(browser, stack, scheme, rules):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    for address in ("/map/", "/map/?q=arden+and+mill", "/map/?q=nowhere", "/stories/"):
        page.goto(stack.public_url + address)
        page.evaluate(AXE)
        found = page.evaluate(f"() => axe.run({rules})")
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == [], address
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, address
    context.close()

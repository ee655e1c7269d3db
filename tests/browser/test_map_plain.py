"""The crime map without script in a real browser: positions of marks, a journey through all views, print, and axe."""

from __future__ import annotations

import csv
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.source import check, check_looks, cookies, visit
from tests.stack import Stack

# Of each mark of the drawing, in pixels: where it is rendered, and where its attributes place it.
MARKS = """() => [...document.querySelectorAll("svg.city a.mk > g")].map((mark) => {
  const [x, y] = mark.getAttribute("transform").match(/-?[0-9.]+/g).map(Number);
  const svg = mark.ownerSVGElement;
  const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
  const box = mark.querySelector(".hole, .b1, .sh").getBoundingClientRect();
  return [box.x + box.width / 2 - point.x, box.y + box.height / 2 - point.y, box.width];
})"""


def days(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query)["days"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "address",
    ["/map/?days=365&at=41.50000,-38.50000,15", "/map/?days=30&at=41.50000,-38.50000,16", "/map/area/district/1/"],
)
def test_each_mark_of_the_drawing_is_at_its_place(browser: Browser, portal: Stack, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.route("**/*.js", lambda route: route.abort())  # no script of the page runs, while this test can still measure
    page.goto(portal.public_url + address)
    marks = page.evaluate(MARKS)
    assert len(marks) > 5
    for x, y, size in marks:
        assert abs(x) < 3, (x, y)
        assert abs(y) < 3, (x, y)
        assert size >= 10
    context.close()


def test_from_the_map_to_a_tip_about_an_incident(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/list/")
        page.locator("#panel > summary").click()
        page.locator("#panel").get_by_text("90 days", exact=True).click()
        page.locator("#panel").get_by_text("Against people", exact=True).click()  # off
        page.locator("#id_area").select_option("North District")
        page.get_by_role("button", name="Show incidents").click()
        expect(page).to_have_url(re.compile(r"\?category=family:theft&days=90&area=district:1$"))

        page.goto(f"{portal.public_url}/map/?{urlsplit(page.url).query}")
        page.locator(".mn > summary").click()
        for name, heading in (("Charts", "Charts of incidents"), ("List", "List of incidents")):
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            assert days(page) == ["90"]
        page.get_by_role("link", name="Type, Z to A").click()
        expect(page.locator("table.flow tbody tr").first).to_contain_text("Fraud")
        page.get_by_role("link", name=re.compile("^North District.*remove")).click()
        expect(page).not_to_have_url(re.compile("area"))

        page.locator("table.flow tbody th a").first.click()
        page.get_by_role("button", name="Send an anonymous tip about this").click()
        expect(page.get_by_text("About this incident:")).to_be_visible()
        assert page.url == portal.public_url + "/tips/"
        assert cookies(page.context) == []


def test_from_the_map_to_a_comparison_with_its_file(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/?days=30&area=district:1")
        page.locator(".mn > summary").click()
        page.locator(".mn").get_by_role("link", name="Download", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Download the data")
        page.get_by_role("link", name="Compare these days with a year before").click()
        expect(page).to_have_url(re.compile(r"/map/compare/periods/\?days=30&area=district:1$"))
        total = page.locator("table.compare tr.sum td").first.inner_text().replace(",", "")
        address = page.get_by_role("link", name="Download these numbers (CSV)").get_attribute("href")
        lines = page.request.get(f"{portal.public_url}{address}").text().splitlines()
        assert lines[1].split(",")[6] == total
        page.get_by_label("Compare with", exact=True).select_option("The days just before")
        page.get_by_role("button", name="Compare periods").click()
        expect(page).to_have_url(re.compile("days=30&area=district:1&with=before$"))
        assert cookies(page.context) == []


def test_a_journalist_compares_two_areas_in_two_steps(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/area/district/1/")
        page.get_by_label("Compare with").select_option("Central District")
        page.get_by_role("button", name="Compare areas").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("North District and Central District")
        address = page.locator(".snippet").inner_text()
        assert address.endswith("/map/compare/?a=district:1&b=district:2&days=365")
        expect(page.get_by_text("Source: ")).to_contain_text("version")
        totals = [each.replace(",", "") for each in page.locator("table.compare tr.sum td").all_inner_texts()]
        file = page.get_by_role("link", name="Download these numbers (CSV)").get_attribute("href")
        head, everything, *_types = csv.reader(page.request.get(f"{portal.public_url}{file}").text().splitlines())
        line = dict(zip(head, everything, strict=True))
        assert [line["first_count"], line["second_count"]] == totals[:2]
        assert line["page"] == address
        page.goto(address)
        assert [each.replace(",", "") for each in page.locator("table.compare tr.sum td").all_inner_texts()] == totals


def test_pages_fit_the_narrowest_window(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, width=320) as page:
        for address in ("/", "/map/compare/periods/", "/map/downloads/", "/map/area/district/1/"):
            page.goto(portal.public_url + address)
            check(page)
        table = page.goto(portal.public_url + "/map/compare/periods/") and page.locator(".scroll:has(table.compare)")
        assert table
        page.set_viewport_size({"width": 360, "height": 844})
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), "no figure is cut"


def test_no_request_header_names_the_incident_of_a_tip(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        page.goto(portal.public_url + "/map/list/")
        page.locator("table.flow tbody th a").first.click()
        public_id = urlsplit(page.url).path.rstrip("/").rsplit("/", 1)[-1]
        with page.expect_request(lambda request: request.method == "POST") as sent:
            page.get_by_role("button", name="Send an anonymous tip about this").click()
        assert public_id not in f"{sent.value.url} {sent.value.all_headers()}"
        assert sent.value.post_data == f"incident={public_id}"
        expect(page.get_by_text("About this incident:")).to_be_visible()


PAGES = [
    "list/",
    "list/?days=7&category=fraud&hour=3",
    "charts/",
    "charts/?days=30",
    "about/",
    "areas/",
    "area/district/1/",
]
PAGES += [
    "area/district/4/",
    "compare/",
    "compare/?a=district:1&b=district:2",
    "compare/periods/",
    "downloads/",
    "list/?days=8",
]


def test_axe_finds_nothing(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        for address in PAGES:
            page.goto(f"{portal.public_url}/map/{address}")
            check_looks(page)
        page.goto(portal.public_url + "/map/list/")
        page.locator("table.flow tbody th a").first.click()
        page.wait_for_url("**/map/incident/**")
        check_looks(page)
        page.get_by_role("button", name="Send an anonymous tip about this").click()
        page.wait_for_url("**/tips/")
        check_looks(page)


def test_the_printed_list_has_nothing_else(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, width=800) as page:
        page.goto(portal.public_url + "/map/list/?days=90")
        page.emulate_media(media="print")
        for hidden in ("#filter", ".tabs", ".sorts", ".pages", ".foot nav", ".near-ask"):
            expect(page.locator(hidden)).to_be_hidden()
        expect(page.get_by_text("the newest 90 days")).to_be_visible()
        expect(page.get_by_text("Our data ends")).to_be_visible()
        expect(page.locator(".foot").get_by_text(portal.public_url)).to_be_visible()
        assert page.locator("table.flow tbody tr").count() == 50

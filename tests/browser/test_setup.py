"""A city with 400 codes from its first file to the public map, in a real browser; its clicks are counted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

from core.staff import groups
from tests.browser.source import check_looks, visit
from tests.browser.test_staff import sign_in
from tests.crimemap import published_city
from tests.crimemap.places.layer_files import EAST, SQUARE, file_of, polygon
from tests.stack import Stack

CODES = Path(__file__).parents[2] / "crimemap/data/codes/chicago.csv"
MAX_CLICKS, MAX_FIELDS = 60, 20
PROCESS = "from crimemap.importing.arrival import jobs; from crimemap.models import ImportRun; jobs.process_run(ImportRun.objects.latest('id').pk)"
PUBLISH = f"{PROCESS}; from crimemap.publishing import publisher; publisher.publish()"
DELETE = (
    "from crimemap.importing import source_deletion; from crimemap.models import ImportRun, Source;"
    " source_deletion.delete_source(ImportRun.objects.create(source=Source.objects.get(slug='lake-city-police'), origin='delete'))"
)


@dataclass
class Hands:
    """The acts of a person on the page, counted. Asks for a code of the app are answered; they aren't part of the work."""

    page: Page
    stack: Stack
    clicks: int = 0
    fields: int = 0
    done: list[str] = field(default_factory=list)

    def press(self, button: Locator, then: Locator) -> None:
        self.clicks += 1
        button.click()
        code = self.page.get_by_label("Code", exact=True).and_(self.page.locator("[name=factor_code]"))
        expect(then.or_(code).first).to_be_visible()
        if code.is_visible():
            code.fill(self.stack.next_code(groups.ADMINISTRATOR))
            code.press("Enter")
            expect(then).to_be_visible()

    def type(self, label: str, text: str) -> None:
        self.fields += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def choose(self, select: Locator, value: str) -> None:
        self.clicks += 1
        select.select_option(value)


def city_file(rows_of_a_code: int = 2) -> bytes:
    """Return incidents with some 400 codes, under headers that the portal guesses, with columns that it must never read."""
    known = [row["label"] for row in csv.DictReader(io.StringIO(CODES.read_text(encoding="utf-8")))]
    # Half of them in words that no list has.
    labels = [label if number % 2 else f"{label} (LAKE CODE)" for number, label in enumerate(known)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Row ID", "Occurred", "Offense", "Suspect", "Address", "Lat", "Long", "Domestic"])
    for number, label in enumerate(labels * rows_of_a_code):
        day = f"2026-{number % 9 + 1:02}-{number % 28 + 1:02} 13:30"
        writer.writerow(
            [number, day, label, "Jane Roe", f"{100 + number} Mill St", 41.5 + number / 1e5, -38.5 - number / 1e5, "N"]
        )
    return text.getvalue().encode()


def is_preview(answer: Response) -> bool:
    return answer.request.method == "POST" and answer.url.endswith("/setup/columns/")


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


def preview_a_layer(page: Page, stack: Stack) -> None:
    """See what a file of districts would change, and give it up."""
    page.goto(f"{stack.staff_url}/admin/crimemap/area/import/")
    page.get_by_label("Layer", exact=True).select_option("district")
    districts = file_of(polygon(SQUARE, district=1, name="Harbor"), polygon(EAST, district=9, name="Hill"))
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "districts.geojson", "mimeType": "application/geo+json", "buffer": districts}
    )
    page.get_by_role("button", name="Show what would change").click()
    expect(heading(page, "Code and name of each area")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Map of the layer"))).to_be_visible()
    check_looks(page)
    page.get_by_role("button", name="Remove the file, change nothing").click()
    expect(page.get_by_text("The file was removed. Nothing has changed.")).to_be_visible()


@pytest.fixture
def restored(portal: Stack) -> Iterator[Stack]:
    """The shared portal, which shows its own incidents again when a test is over that published others."""
    yield portal
    portal.run_manage("shell", "--no-imports", "-c", DELETE, role="bulk")
    published_city.write(Path(portal.keys["INCIDENT_SNAPSHOTS"]))


def test_a_city_with_400_codes_is_published_with_few_clicks(browser: Browser, restored: Stack) -> None:
    stack = restored
    with visit(browser, stack.staff_url, width=1280) as page:
        page.set_default_timeout(30_000)
        sign_in(page, stack, groups.ADMINISTRATOR)
        hands = Hands(page, stack)
        page.goto(f"{stack.staff_url}/admin/crimemap/source/")
        hands.press(page.get_by_role("link", name="Add a source"), heading(page, "Begin with a file of your records"))
        check_looks(page)
        hands.type("Name of the source", "Lake City Police")
        hands.fields += 1
        page.get_by_label("Its first file").set_input_files(
            {"name": "city.csv", "mimeType": "text/csv", "buffer": city_file()}
        )
        hands.press(
            page.get_by_role("button", name="Show its columns"), heading(page, "What the columns of city.csv mean")
        )
        check_looks(page)
        # The preview follows each choice, and tells what is missing.
        role = page.get_by_label("Role of Occurred", exact=True)
        with page.expect_response(is_preview):
            hands.choose(role, "")
        expect(page.get_by_role("list", name="What a file needs")).to_contain_text("When it happened: missing")
        with page.expect_response(is_preview):
            hands.choose(role, "occurred")
        expect(page.locator("#setup-preview")).to_contain_text("100 block of Mill St")
        hands.press(
            page.get_by_role("button", name="Save and show the rows"),
            heading(page, "What the file says, and what it becomes"),
        )
        expect(page.locator(".setup-pairs")).not_to_contain_text("Jane Roe")
        check_looks(page)
        hands.press(
            page.get_by_role("button", name="Read the whole file"), heading(page, "The whole file is being read")
        )
        stack.run_manage("shell", "--no-imports", "-c", PROCESS, role="bulk")
        lead = page.locator(".feed-lead")  # the page reloads by itself
        expect(lead).to_contain_text("codes aren't classified", timeout=60_000)
        check_looks(page)
        for name in (r"suggestions? from the list", r"careful suggestions?"):
            button = page.get_by_role("button", name=re.compile(name))
            hands.press(button, page.get_by_text(re.compile(r"codes? (is|are) changed")))
            page.goto(page.url)  # without that sentence
        for words, category, visibility in (("theft", "theft", "block"), ("narcotics", "drugs", "block")):
            search = page.get_by_role("search")
            search.get_by_label("Search").fill(words)
            hands.fields += 1
            hands.press(
                search.get_by_role("button", name="Search codes"), page.get_by_label(re.compile("^Select (all|the) "))
            )
            bar = page.get_by_role("group", name="Set the selected codes")
            bar.get_by_label(re.compile("^Select (all|the) ")).check()
            hands.clicks += 1
            hands.choose(bar.get_by_label("Category"), category)
            hands.choose(bar.get_by_label("Visibility"), visibility)
            hands.press(
                bar.get_by_role("button", name="Set selected codes"),
                page.get_by_text(re.compile(r"codes? (is|are) changed")),
            )
        hands.press(page.get_by_role("link", name="Show the report"), page.get_by_text("Shown by block"))
        check_looks(page)
        hands.press(page.get_by_role("link", name="Go on to publish"), heading(page, "Publish this source"))
        check_looks(page)
        page.get_by_role("link", name="Delete this source").click()
        expect(heading(page, "Delete this source?")).to_be_visible()
        check_looks(page)
        page.go_back()
        expect(heading(page, "Publish this source")).to_be_visible()
        page.get_by_label("I have read the report of the test run").check()
        hands.clicks += 1
        hands.press(page.get_by_role("button", name="Publish this source"), heading(page, "Waiting for the worker"))
        print(f"{hands.clicks} clicks, {hands.fields} fields")
        assert hands.clicks <= MAX_CLICKS
        assert hands.fields <= MAX_FIELDS
        stack.run_manage("shell", "--no-imports", "-c", PUBLISH, role="bulk")
        preview_a_layer(page, stack)
    with visit(browser, stack.public_url, width=1280) as page:
        page.goto(f"{stack.public_url}/map/list/?days=365")
        expect(page.get_by_role("main")).to_contain_text("block of Mill St")
        expect(page.get_by_role("main")).not_to_contain_text("Jane Roe")


def test_the_steps_work_without_script_and_by_keyboard(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, script=False) as page:
        page.set_default_timeout(30_000)
        sign_in(page, stack, groups.ADMINISTRATOR)
        page.goto(f"{stack.staff_url}/admin/crimemap/source/add/")
        page.get_by_label("Name of the source").fill("Plain City")
        page.get_by_label("Or paste rows").fill("When\tOffense\tAddress\n2026-04-01 10:00\tArson\t412 Mill St\n")
        page.get_by_role("button", name="Show its columns").press("Enter")
        expect(heading(page, "What the columns of pasted.txt mean")).to_be_visible()
        page.get_by_label("Role of Address", exact=True).select_option("")
        page.get_by_role("button", name="Show the result").press("Enter")
        expect(page.get_by_label("Role of Address", exact=True)).to_have_value("")
        page.get_by_role("button", name="Save and show the rows").press("Enter")
        expect(heading(page, "What the file says, and what it becomes")).to_be_visible()
        page.get_by_role("navigation", name="Steps").get_by_role("link", name="Columns").press("Enter")
        expect(page.get_by_label("Role of When", exact=True)).to_have_value("occurred")
        # It is left, taken up again from the list, and deleted.
        page.goto(f"{stack.staff_url}/admin/crimemap/source/")
        page.get_by_role("row", name="Plain City").get_by_role("link", name="Continue").press("Enter")
        expect(heading(page, "What the file says, and what it becomes")).to_be_visible()
        page.get_by_role("link", name="Delete this source").press("Enter")
        expect(heading(page, "Delete this source?")).to_be_visible()
        page.get_by_label("Delete this source and its file").check()
        page.get_by_role("button", name="Delete this source").press("Enter")
        expect(page.get_by_text("Nothing of it was ever public.")).to_be_visible()

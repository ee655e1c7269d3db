"""Cities from their first file to the public map, one with 400 codes, in a real browser; clicks are counted."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

from core.staff import groups
from tests.browser.source import check_looks, visit
from tests.browser.test_staff import sign_in
from tests.crimemap import published_city
from tests.crimemap.importing.import_command import SHARED
from tests.crimemap.places.layer_files import EAST, SQUARE, file_of, polygon
from tests.stack import Stack

CODES = Path(__file__).parents[2] / "crimemap/data/codes/chicago.csv"
CHICAGO, PHILADELPHIA, IUCR = (
    SHARED / name
    for name in ("chicago_portal_2024_10k.csv.gz", "philadelphia_2025-01_part1_part2.csv.gz", "chicago_iucr_codes.csv")
)
MAX_CLICKS, MAX_FIELDS = 60, 20
PROCESS = "from crimemap.importing.arrival import jobs; from crimemap.models import ImportRun; jobs.process_run(ImportRun.objects.latest('id').pk)"
PUBLISH = (
    "from crimemap.importing.arrival import jobs; from crimemap.models import ImportRun; from crimemap.publishing import publisher;"
    " [jobs.process_run(run.pk) for run in ImportRun.objects.filter(dry_run=False, state='waiting').order_by('id')]; publisher.publish()"
)
DELETE = (
    "from crimemap.importing import source_deletion; from crimemap.models import ImportRun, Source;"
    " [source_deletion.delete_source(ImportRun.objects.create(source=source, origin='delete'))"
    " for source in Source.objects.filter(slug__in=['lake-city-police', 'second-city-police'])]"
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


@dataclass(frozen=True)
class CityFile:
    """A city's first file. `occurred`: the column of dates. `detail`: the second part of its codes. `street`: in its labels;
    `hidden`: in columns that aren't read."""

    name: str
    content: bytes
    occurred: str
    street: str
    hidden: str
    is_known: bool = False
    detail: str = ""


def city_file() -> CityFile:
    """Return incidents with 400 codes, half of them in words that no list has: Chicago's rows, or made-up ones without that file."""
    if not CHICAGO.exists() or not IUCR.exists():
        return made_up_file()
    with gzip.open(CHICAGO, "rt", encoding="utf-8-sig", newline="") as file, IUCR.open(encoding="utf-8") as codes:
        rows = [
            row | {"Primary Type": f"{code['primary_type']}{own}", "Description": code["description"]}
            for number, (row, code) in enumerate(zip(csv.DictReader(file), csv.DictReader(codes), strict=False))
            for own in ["" if number % 2 else " (LAKE CODE)"]
        ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    hidden = rows[0]["Case Number"]
    return CityFile("chicago.csv", text.getvalue().encode(), "Date", "block of ", hidden, True, "Description")


def made_up_file() -> CityFile:
    """Return incidents with some 400 codes, under headers that the portal guesses, with columns that it must never read."""
    known = [row["label"] for row in csv.DictReader(io.StringIO(CODES.read_text(encoding="utf-8")))]
    # Half of them in words that no list has.
    labels = [label if number % 2 else f"{label} (LAKE CODE)" for number, label in enumerate(known)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Row ID", "Occurred", "Offense", "Suspect", "Address", "Lat", "Long", "Domestic"])
    for number, label in enumerate(labels * 2):
        day = f"2026-{number % 9 + 1:02}-{number % 28 + 1:02} 13:30"
        writer.writerow(
            [number, day, label, "Jane Roe", f"{100 + number} Mill St", 41.5 + number / 1e5, -38.5 - number / 1e5, "N"]
        )
    return CityFile("city.csv", text.getvalue().encode(), "Occurred", "100 block of Mill St", "Jane Roe")


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


def start_source(hands: Hands, name: str, city: CityFile) -> None:
    """Do the first step, up to the columns, or to the sentence that the portal knows them."""
    page = hands.page
    page.goto(f"{hands.stack.staff_url}/admin/crimemap/source/")
    hands.press(page.get_by_role("link", name="Add a source"), heading(page, "Begin with a file of your records"))
    hands.type("Name of the source", name)
    hands.fields += 1
    page.get_by_label("Its first file").set_input_files(
        {"name": city.name, "mimeType": "text/csv", "buffer": city.content}
    )
    then = "The portal knows this format" if city.is_known else f"What the columns of {city.name} mean"
    hands.press(page.get_by_role("button", name="Show its columns"), heading(page, then))


def read_whole_file(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("button", name="Read the whole file"), heading(page, "The whole file is being read"))
    hands.stack.run_manage("shell", "--no-imports", "-c", PROCESS, role="bulk")
    # The page reloads by itself.
    expect(page.locator(".feed-lead")).to_contain_text(re.compile("classified"), timeout=60_000)


def take_suggestions(hands: Hands) -> None:
    page = hands.page
    for name in (r"suggestions? from the list", r"careful suggestions?"):
        button = page.get_by_role("button", name=re.compile(name))
        hands.press(button, page.get_by_text(re.compile(r"codes? (is|are) changed")))
        page.goto(page.url)  # without that sentence


def publish(hands: Hands, *, looks: bool) -> None:
    """Do the last two steps."""
    page = hands.page
    hands.press(page.get_by_role("link", name="Show the report"), page.get_by_text("Shown by block"))
    if looks:
        check_looks(page)
    hands.press(page.get_by_role("link", name="Go on to publish"), heading(page, "Publish this source"))
    if looks:
        check_looks(page)
        page.get_by_role("link", name="Delete this source").click()
        expect(heading(page, "Delete this source?")).to_be_visible()
        check_looks(page)
        page.go_back()
        expect(heading(page, "Publish this source")).to_be_visible()
    page.get_by_label("I have read the report of the test run").check()
    hands.clicks += 1
    hands.press(page.get_by_role("button", name="Publish this source"), heading(page, "Waiting for the worker"))


def add_a_known_city(page: Page, stack: Stack) -> None:
    """Publish the first rows of a file whose format the portal knows: nothing is to be chosen."""
    with gzip.open(PHILADELPHIA) as file:
        city = CityFile("philadelphia.csv", b"".join(islice(file, 201)), "", "", "", is_known=True)
    hands = Hands(page, stack)
    start_source(hands, "Second City Police", city)
    hands.press(
        page.get_by_role("link", name="Show the first rows"), heading(page, "What the file says, and what it becomes")
    )
    read_whole_file(hands)
    publish(hands, looks=False)
    print(f"{city.name}: {hands.clicks} clicks, {hands.fields} fields")
    assert (hands.clicks, hands.fields) == (8, 2)


def test_cities_are_published_with_few_clicks_one_with_400_codes(browser: Browser, restored: Stack) -> None:
    stack, city = restored, city_file()
    with visit(browser, stack.staff_url, width=1280) as page:
        page.set_default_timeout(30_000)
        sign_in(page, stack, groups.ADMINISTRATOR)
        hands = Hands(page, stack)
        start_source(hands, "Lake City Police", city)
        columns = heading(page, f"What the columns of {city.name} mean")
        if city.is_known:  # as a city would whose format the portal doesn't know
            hands.press(page.get_by_role("button", name="Choose the columns by hand"), columns)
        check_looks(page)
        # The preview follows each choice, and tells what is missing.
        role = page.get_by_label(f"Role of {city.occurred}", exact=True)
        with page.expect_response(is_preview):
            hands.choose(role, "")
        expect(page.get_by_role("list", name="What a file needs")).to_contain_text("When it happened: missing")
        with page.expect_response(is_preview):
            hands.choose(role, "occurred")
        expect(page.locator("#setup-preview")).to_contain_text(city.street)
        if city.detail:
            with page.expect_response(is_preview):
                hands.choose(page.get_by_label(f"Role of {city.detail}", exact=True), "code2")
        hands.press(
            page.get_by_role("button", name="Save and show the rows"),
            heading(page, "What the file says, and what it becomes"),
        )
        expect(page.locator(".setup-pairs")).not_to_contain_text(city.hidden)
        check_looks(page)
        read_whole_file(hands)
        expect(page.locator(".feed-lead")).to_contain_text(re.compile(r"of (39\d|4\d\d) codes aren't classified"))
        check_looks(page)
        take_suggestions(hands)
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
        publish(hands, looks=True)
        print(f"{city.name}: {hands.clicks} clicks, {hands.fields} fields")
        assert hands.clicks <= MAX_CLICKS
        assert hands.fields <= MAX_FIELDS
        if PHILADELPHIA.exists():
            add_a_known_city(page, stack)
        stack.run_manage("shell", "--no-imports", "-c", PUBLISH, role="bulk")
        expect(page.locator("[data-progress]")).to_have_count(0)  # reloaded: it interrupts no other address anymore
        preview_a_layer(page, stack)
    with visit(browser, stack.public_url, width=1280) as page:
        for year in ("2024", "2025") if city.is_known else ("2026",):
            page.goto(f"{stack.public_url}/map/list/?from={year}-01-01&to={year}-12-31")
            expect(page.get_by_role("main")).to_contain_text(city.street)
            expect(page.get_by_role("main")).not_to_contain_text(city.hidden)


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

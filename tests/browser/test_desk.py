"""The editing desk in a real browser: an author, a second person and what residents see meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.staff import groups
from tests.browser.source import check_looks, visit
from tests.browser.test_staff import sign_in
from tests.stack import Stack, wait_until
from tests.tips.files.sample_pictures import photo

STORIES = "/admin/outreach/story/"
WORD = "<p class=MsoNormal><u>Nine</u> <b style='mso-bidi-font-weight:normal'>lamps</b><o:p></o:p></p><style>p{color:red}</style>"
LOOK = os.environ.get("SHOTS")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("desk"), web=["all"], workers=["media"], demo=True) as running:
        yield running


def look(page: Page, name: str) -> None:
    check_looks(page)
    if LOOK:
        page.screenshot(path=Path(LOOK) / f"{name}.png", full_page=True)


def write(page: Page, desk: Stack, title: str) -> None:
    page.goto(desk.staff_url + STORIES + "add/")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Summary").fill("Nine lamps were replaced, because forty of you said so.")
    page.get_by_label("Text", exact=True).fill(
        "## What you said\n\nThe steps are **dark**.\n\n| Lamps | Hedge |\n|---|---|\n| 9 | cut |"
    )


def answer_checks(page: Page) -> None:
    page.get_by_label("No, no one").check()
    page.get_by_label("No, nothing").check()
    page.get_by_label("No, every case is closed, or there is no case").check()


def test_a_story_from_the_first_word_to_its_withdrawal(browser: Browser, desk: Stack, tmp_path: Path) -> None:
    address = f"{desk.public_url}/stories/lamps-at-dusk/"
    file = tmp_path / "steps.jpg"
    file.write_bytes(photo(size=(1700, 900)))
    with visit(browser, desk.staff_url) as author, visit(browser, desk.staff_url) as second:
        sign_in(author, desk, groups.COMMUNICATIONS)
        sign_in(second, desk, groups.ADMINISTRATOR)
        write(author, desk, "Lamps at dusk")
        expect(author.locator("[data-preview] strong")).to_have_text("dark")  # while typing
        paste(author)
        assert author.get_by_label("Text", exact=True).input_value().endswith("Nine **lamps**")
        look(author, "editor")
        author.get_by_text("Pictures", exact=True).click()
        author.get_by_label("Picture", exact=True).set_input_files(file)
        author.get_by_role("button", name="Save and add picture").click()
        expect(author.get_by_text("Say what the picture shows.").first).to_be_visible()
        look(author, "refused")
        author.get_by_label("Picture", exact=True).set_input_files(file)
        author.get_by_label("What it shows").fill("Steps with lamps at dusk")
        author.get_by_label("Credit").fill("City of Riverton")
        author.get_by_role("button", name="Save and add picture").click()
        expect(author.get_by_text("with the picture in its text")).to_be_visible()
        page_address = author.url
        _wait_for_picture(author, desk)
        look(author, "draft")
        author.get_by_role("button", name="Save and send to review").first.click()
        answer_checks(author)
        look(author, "checks")
        author.get_by_role("button", name="Send to review").click()
        expect(author.get_by_text("Someone else has to approve it")).to_be_visible()
        expect(author.get_by_role("link", name="Approve")).to_have_count(0)
        look(author, "review")

        second.goto(page_address)
        second.get_by_label("Comment", exact=True).fill("Read and liked.")
        second.get_by_role("button", name="Add comment").click()
        expect(second.get_by_text("Read and liked.").first).to_be_visible()
        second.get_by_role("link", name="Approve").click()
        second.get_by_role("button", name="Approve").click()
        expect(second.get_by_text("Answer this question.").first).to_be_visible()
        answer_checks(second)
        look(second, "approve")
        second.get_by_role("button", name="Approve").click()
        expect(second.get_by_text("It's approved. You can publish it.")).to_be_visible()
        assert second.request.get(address).status == 404

        author.goto(page_address)
        author.get_by_role("link", name="Schedule").click()
        author.get_by_label("Day").fill("2020-01-01")
        author.get_by_label("Time", exact=True).fill("09:00")
        author.get_by_role("button", name="Schedule").click()
        expect(author.get_by_text("This time is in the past.").first).to_be_visible()
        look(author, "schedule")
        author.goto(page_address)
        author.get_by_role("link", name="Publish now").click()
        author.get_by_role("button", name="Publish now").click()
        expect(author.get_by_text("Residents can read it.")).to_be_visible()
        look(author, "published")
        assert "Steps with lamps at dusk" in second.request.get(address).text()

        author.get_by_role("link", name="Withdraw").click()
        author.get_by_label("Reason").fill("A neighbor asked us to.")
        look(author, "withdraw")
        author.get_by_role("button", name="Withdraw").click()
        expect(author.get_by_text("Residents can't read it")).to_be_visible()
        assert second.request.get(address).status == 410


def paste(page: Page) -> None:
    text = page.get_by_label("Text", exact=True)
    text.press("End")
    text.evaluate("element => element.setSelectionRange(element.value.length, element.value.length)")
    text.press("Enter")
    text.press("Enter")
    with page.expect_response(lambda answer: answer.url.endswith("/paste/")):
        text.evaluate(
            """(element, html) => {
                const data = new DataTransfer();
                data.setData("text/html", html);
                data.setData("text/plain", "Nine lamps");
                element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            }""",
            WORD,
        )
    expect(page.locator("[data-preview]")).to_contain_text("Nine lamps")
    expect(page.get_by_text("Underlining is left out.")).to_be_visible()


def _wait_for_picture(page: Page, desk: Stack) -> None:
    """Reload the page, as an editor would, until the media worker has rebuilt the picture."""
    desk.send_task("outreach.media.sweep", queue="media")

    def ready() -> bool:
        page.reload()
        return page.get_by_text("is still processing").count() == 0

    wait_until(ready, 60, "the picture is ready")


def test_text_survives_the_end_of_the_session(browser: Browser, desk: Stack) -> None:
    with visit(browser, desk.staff_url) as page:
        sign_in(page, desk, groups.COMMUNICATIONS)
        write(page, desk, "Written in the night")
        page.context.clear_cookies(name="staff")
        page.get_by_role("button", name="Save", exact=True).first.click()
        expect(page.get_by_text("What you typed is still here")).to_be_visible()
        look(page, "again")
        page.get_by_label("Username").fill(groups.COMMUNICATIONS)
        page.get_by_label("Password").fill(desk.staff[groups.COMMUNICATIONS])
        page.get_by_role("button", name="Continue", exact=True).click()
        page.get_by_label("Code").fill(desk.next_code(groups.COMMUNICATIONS))
        page.get_by_role("button", name="Sign in and continue").click()
        expect(page.get_by_text("It is not saved yet")).to_be_visible()
        expect(page.get_by_label("Title")).to_have_value("Written in the night")
        page.get_by_role("button", name="Save", exact=True).first.click()
        expect(page.get_by_text("The story is saved.")).to_be_visible()


def test_the_desk_works_without_script(browser: Browser, desk: Stack) -> None:
    with visit(browser, desk.staff_url, script=False, width=1280) as page:
        sign_in(page, desk, groups.COMMUNICATIONS)
        write(page, desk, "Without script")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("[data-preview] strong")).to_have_text("dark")
        page.get_by_role("button", name="Save", exact=True).first.click()
        expect(page.get_by_text("The story is saved.")).to_be_visible()


def test_lists_guides_and_versions_are_clean(browser: Browser, desk: Stack) -> None:
    with visit(browser, desk.staff_url) as page:
        sign_in(page, desk, groups.COMMUNICATIONS)
        for number, path in enumerate(("story/", "guide/", "picture/", "picture/add/", "tag/", "guide/add/")):
            page.goto(f"{desk.staff_url}/admin/outreach/{path}")
            look(page, f"list-{number}")
        page.goto(f"{desk.staff_url}/admin/outreach/guide/")
        page.locator("#result_list tbody th a").first.click()
        look(page, "guide")
        page.get_by_label("Summary").fill("Changed today")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="Version 1", exact=True).click()
        expect(page.locator("ins", has_text="today")).to_be_visible()
        look(page, "version")

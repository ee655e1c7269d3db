"""Files in a real browser: uploaded ahead with script, sent with the form without, and never at the cost of the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.source import TEXT, check, visit
from tests.browser.test_source_script import expect_step, press
from tests.stack import Stack, wait_until
from tests.tips.files import sample_pictures, sample_uploads


def file(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "application/x-whatever", "buffer": content}


@pytest.fixture(scope="module")
def portal(stack: Stack) -> Stack:
    sample_uploads.ensure_worker_key(stack.keys)
    return stack


def photo() -> Any:
    return file("garden.jpg", sample_pictures.photo("canary")) | {"mimeType": "image/jpeg"}


def to_files(page: Page, origin: str) -> None:
    page.goto(origin + "/tips/")
    page.get_by_role("radio", name="Vehicle").check()
    press(page, "Continue")
    page.get_by_label("Tell us in your own words").fill(TEXT)


def card(page: Page, name: str) -> Any:
    return page.locator(".file", has_text=name)


def in_store(portal: Stack) -> list[str]:
    return [path.name for path in Path(portal.keys["MEDIA_STORE"]).iterdir()]


def test_files_upload_ahead_and_a_refused_one_affects_no_other(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        posted: list[Request] = []
        page.on("request", lambda request: request.method == "POST" and posted.append(request))
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files(
            [photo(), file("letter.docx", sample_uploads.word()), file("van.mp4", sample_uploads.video(3_000_000))]
        )
        expect(card(page, "van.mp4")).to_contain_text("Uploaded (encrypted)")
        expect(card(page, "garden.jpg")).to_contain_text("Uploaded (encrypted)")
        expect(card(page, "garden.jpg").locator("canvas")).to_be_visible()
        expect(card(page, "letter.docx")).to_contain_text("This is a Word file. Save it as a PDF and attach that.")
        expect(card(page, "garden.jpg")).to_be_focused()
        check(page)

        # Send asks about the one that is not there; the other two go
        press(page, "Continue")
        press(page, "Continue")
        expect_step(page, "Check and send")
        expect(page.locator("[data-review]")).to_contain_text("garden.jpg")
        expect(page.locator("[data-review]")).to_contain_text("van.mp4")
        expect(page.locator("[data-review]")).to_contain_text("File not addedletter.docx: This is a Word file.")
        press(page, "Send tip")
        expect(page.get_by_text("Some files can't be sent:")).to_be_visible()
        check(page)
        press(page, "Send without them")
        expect(page.get_by_text("2 files arrived with it.")).to_be_visible()
        sent = "".join(f"{request.url} {request.headers} {request.post_data or ''}" for request in posted)
        assert "garden" not in sent  # its name stays with its sender


def test_a_broken_upload_resumes_by_itself(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        broken: list[str] = []

        def break_twice(route: Route) -> None:
            if route.request.method == "PATCH" and len(broken) < 2:
                broken.append(route.request.url)
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/tips/files/*/", break_twice)
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([file("van.mp4", sample_uploads.video(200_000))])
        expect(card(page, "van.mp4")).to_contain_text("We keep trying")
        expect(card(page, "van.mp4")).to_contain_text("Uploaded (encrypted)")
        assert len(broken) == 2
        assert len(set(broken)) == 1  # the same file, not begun again


def test_an_upload_that_goes_silent_is_tried_again_from_where_the_server_has_it(
    browser: Browser, portal: Stack
) -> None:
    with visit(browser, portal.public_url) as page:
        page.clock.install()
        silent: list[Route] = []
        offsets: list[str | None] = []

        def say_nothing_once(route: Route) -> None:
            if route.request.method == "PATCH":
                offsets.append(route.request.headers.get("upload-offset"))
            if offsets == ["0", "65536"] and not silent:
                silent.append(route)
            else:
                route.continue_()

        page.route("**/tips/files/*/", say_nothing_once)
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([file("van.mp4", sample_uploads.video(300_000))])
        wait_until(lambda: page.wait_for_timeout(20) or silent, 60, "the second piece is on its way")
        page.clock.fast_forward(20_000)  # the clock goes on by itself, too
        assert len(offsets) == 2
        page.clock.fast_forward(12_000)
        expect(card(page, "van.mp4")).to_contain_text("We keep trying.")
        page.clock.fast_forward(3_000)
        expect(card(page, "van.mp4")).to_contain_text("Uploaded (encrypted)")
        assert offsets == ["0", "65536", "65536"]


def test_send_waits_for_an_upload_and_can_skip_it(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        held: list[Route] = []

        def hold_the_first(route: Route) -> None:
            if route.request.method == "PATCH" and not held:
                held.append(route)
            else:
                route.continue_()

        page.route("**/tips/files/*/", hold_the_first)
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([file("van.mp4", sample_uploads.video(200_000)), photo()])
        press(page, "Continue")
        press(page, "Continue")
        press(page, "Send tip")
        expect(page.get_by_text("Your files are still uploading.")).to_be_visible()
        wait_until(lambda: page.wait_for_timeout(20) or held, 60, "the first file is on its way")
        held[0].continue_()
        expect(page.get_by_text("2 files arrived with it.")).to_be_visible()


def test_leaving_withdraws_the_files(browser: Browser, portal: Stack) -> None:
    before = set(in_store(portal))
    with visit(browser, portal.public_url) as page:
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([photo()])
        expect(card(page, "garden.jpg")).to_contain_text("Uploaded (encrypted)")
        assert set(in_store(portal)) - before
        page.locator(".exitbar [data-leave]").click()
        page.wait_for_url("https://www.weather.gov/**")
        wait_until(lambda: not set(in_store(portal)) - before, 60, "the file is taken back")


def test_removing_a_card_removes_the_file(browser: Browser, portal: Stack) -> None:
    before = set(in_store(portal))
    with visit(browser, portal.public_url) as page:
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([photo()])
        expect(card(page, "garden.jpg")).to_contain_text("Uploaded (encrypted)")
        card(page, "garden.jpg").get_by_role("button", name="Remove").click()
        expect(page.locator(".file")).to_have_count(0)
        expect(page.locator("#id_attachments")).to_be_focused()
        wait_until(lambda: not set(in_store(portal)) - before, 60, "the file is taken back")


def test_without_the_upload_module_files_come_with_the_form(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        page.route("**/js/uploads.*.js", lambda route: route.abort())
        to_files(page, portal.public_url)
        page.locator("#id_attachments").set_input_files([photo()])
        press(page, "Continue")
        press(page, "Continue")
        expect(page.locator("[data-review]")).to_contain_text("garden.jpg")
        press(page, "Send tip")
        expect(page.get_by_text("1 file arrived with it.")).to_be_visible()


def test_files_in_the_inbox(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        to_files(page, portal.public_url)
        press(page, "Continue")
        press(page, "Continue")
        press(page, "Send tip")
        receipt = page.locator(".words").inner_text()
        page.goto(portal.public_url + "/tips/inbox/")
        page.get_by_label("Your receipt").fill(receipt)
        press(page, "Open my tip")
        page.wait_for_load_state("load")
        page.locator("#id_attachments").set_input_files([photo(), file("letter.docx", sample_uploads.word())])
        expect(card(page, "garden.jpg")).to_contain_text("Uploaded (encrypted)")
        expect(card(page, "letter.docx")).to_contain_text("This is a Word file.")
        check(page)
        press(page, "Send message")
        press(page, "Send without them")
        expect(page.locator(".talk")).to_contain_text("Photo 1 Uploaded. We'll clean it next")
        check(page)


def test_without_script_files_come_with_the_form(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        main = page.locator("main")
        page.goto(portal.public_url + "/tips/")
        page.get_by_role("radio", name="Vehicle").check()
        page.get_by_label("Tell us in your own words").fill(TEXT)
        page.locator("#id_attachments").set_input_files([photo(), file("letter.docx", sample_uploads.word())])
        main.get_by_role("button", name="Send").click()
        expect(page.locator("#problem")).to_contain_text("letter.docx: This is a Word file.")
        expect(page.get_by_label("Tell us in your own words")).to_have_value(TEXT)
        expect(page.get_by_label("Photo 1 is uploaded. Check the box to remove it")).to_be_visible()
        main.get_by_role("button", name="Send").click()
        expect(page.get_by_text("1 file arrived with it.")).to_be_visible()

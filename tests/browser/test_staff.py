"""The staff side in a real browser: every page clean for axe and the policy, by keyboard, wide and narrow, light and dark."""

from __future__ import annotations

from contextlib import closing

from playwright.sync_api import Browser, Page, Request, expect

from core.staff import groups
from tests.browser.source import NEUTRAL, TEXT, check_looks, stored, visit
from tests.stack import Stack

LIST = "/admin/tips/tip/"
ADMINISTRATORS = [
    "/admin/core/account/",
    "/admin/core/account/invite/",
    "/admin/core/account/invite-list/",
    "/admin/core/account/invitations/",
    "/admin/core/account/requests/",
    "/admin/core/auditentry/",
    "/admin/core/agencysettings/",
    "/admin/setup/",
    "/admin/tips/category/",
    "/admin/tips/category/add/",
    "/admin/tips/duty/",
    "/admin/tips/duty/add/",
    "/admin/crimemap/importrun/",
    "/admin/crimemap/importrun/add/",
    "/admin/crimemap/source/add/",
    "/admin/crimemap/offencecode/",
    "/admin/crimemap/offencecode/classify/",
    "/admin/crimemap/area/import/",
    "/admin/password_change/",
]


def sign_in(page: Page, stack: Stack, user: str) -> None:
    page.goto(stack.staff_url + "/admin/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(stack.staff[user])
    page.keyboard.press("Enter")
    page.get_by_label("Code").fill(stack.next_code(user))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your desk")).to_be_visible()


def test_an_officer_opens_and_answers_by_keyboard(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        page.goto(stack.staff_url + "/admin/")
        check_looks(page)
        sign_in(page, stack, groups.SUPERVISOR)
        check_looks(page)
        page.goto(stack.staff_url + LIST + "?state=all")
        check_looks(page)
        page.locator(".rows2 .first a").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("list", name="Time line")).to_be_visible()
        check_looks(page)
        page.get_by_role("button", name="Send", exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Not sent.")).to_be_visible()
        check_looks(page)
        page.get_by_role("link", name="Your answer is empty. Write it first.").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Your answer")).to_be_focused()
        page.keyboard.type("Where is it?")
        page.get_by_label("Your answer").blur()  # on a phone the keyboard covers the acts
        page.get_by_role("group", name="Actions").get_by_role("button", name="Take").click()
        expect(page.get_by_text("You have text that you haven't sent yet.")).to_be_visible()
        expect(page.get_by_label("Your answer")).to_have_value("Where is it?")
        expect(page.get_by_text("Draft kept")).to_be_visible()
        check_looks(page)
        # Nothing asks before the page is left: the draft is in the tab, sealed, and comes back.
        page.locator(".brand").click()
        expect(page.get_by_role("heading", name="Your desk")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 1
        assert "Where is it?" not in stored(page)
        page.go_back()
        expect(page.get_by_label("Your answer")).to_have_value("Where is it?")
        expect(page.get_by_text("Draft kept")).to_be_visible()  # the browser fills the field before the draft is open
        page.get_by_role("button", name="Send", exact=True).dblclick()
        expect(page.get_by_text("Your answer goes out in 30 seconds.")).to_be_visible()
        expect(page.locator(".msg-us", has_text="Where is it?")).to_have_count(1)
        page.wait_for_function("() => sessionStorage.length === 0")
        for address in ("duty/mine", "duty/handover", "alertchannel/mine", "alertchannel/urgent"):
            page.goto(f"{stack.staff_url}/admin/tips/{address}/")
            check_looks(page)
        page.goto(NEUTRAL)  # as if it were the officer's webmail, with the link of an alert
        page.evaluate("href => document.body.append(Object.assign(document.createElement('a'), {href, textContent: 'Desk'}))",
                      stack.staff_url + LIST)  # fmt: skip
        page.get_by_role("link", name="Desk").click()
        expect(page.get_by_role("heading", name="Tips", exact=True)).to_be_visible()
        page.goto(stack.staff_url + LIST + "?state=closed&who=left")
        expect(page.get_by_role("heading", name="No tips match")).to_be_visible()
        check_looks(page)


def test_a_draft_survives_what_happens_to_its_page(browser: Browser, stack: Stack) -> None:
    words = "We will look at the garage on Friday"
    with visit(browser, stack.staff_url, width=1280) as page, visit(browser, stack.staff_url, width=1280) as other:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        rows = page.locator(".rows2 .first a")
        address, elsewhere = (stack.staff_url + str(rows.nth(index).get_attribute("href")) for index in (0, 1))
        page.goto(address)
        answer = page.get_by_label("Your answer")
        answer.fill(words)
        expect(page.get_by_text("Draft kept")).to_be_visible()
        assert words not in stored(page)
        for look in ("reload", "elsewhere", "session"):
            if look == "elsewhere":
                page.goto(elsewhere)
                page.wait_for_load_state("networkidle")
                expect(answer).to_have_value("")
            if look == "session":
                page.context.clear_cookies(name="staff")
                page.goto(stack.staff_url + "/admin/")
                sign_in(page, stack, groups.OFFICER)
            page.goto(address)
            expect(answer).to_have_value(words)
        # A colleague is faster.
        sign_in(other, stack, groups.SUPERVISOR)
        other.goto(address)
        other.locator(".acts2 button[name=act]").first.click()
        expect(other.locator(".said-by-us .success")).to_be_visible()
        page.get_by_role("button", name="Send + next").click()
        expect(page.get_by_text("Not sent.")).to_be_visible()
        expect(answer).to_have_value(words)
        check_looks(page)
        page.get_by_role("button", name="Keep as a note").click()
        expect(page.locator(".msg-note", has_text=words)).to_be_visible()
        page.wait_for_function("() => sessionStorage.length === 0")
        # Signing out drops what is left.
        answer.fill("One more thing")
        expect(page.get_by_text("Draft kept")).to_be_visible()
        page.locator("[popovertarget=account-menu]").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        page.wait_for_function("() => sessionStorage.length === 0")


def test_an_administrators_pages_are_clean(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        sign_in(page, stack, groups.ADMINISTRATOR)
        for address in ADMINISTRATORS:
            page.goto(stack.staff_url + address)
            check_looks(page)
        for address in ("/admin/core/account/", "/admin/tips/category/"):
            page.goto(stack.staff_url + address)
            page.locator("#result_list tbody th a").first.click()
            expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
            check_looks(page)


def test_a_supervisors_pages_are_clean(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url, width=1280) as page:
        sign_in(page, stack, groups.SUPERVISOR)
        page.goto(stack.staff_url + LIST)
        page.get_by_role("link", name="Workload").click()
        expect(page.get_by_role("heading", name="Who has what")).to_be_visible()
        check_looks(page)
        page.get_by_role("link", name="Look at them").click()
        expect(page.get_by_role("heading", name="Closings to look at again")).to_be_visible()
        check_looks(page)
        page.get_by_role("link", name="Back to the workload").click()
        page.get_by_role("link", name="Move tips of Amara Lindholm").click()
        page.get_by_role("radio", name="Nobody: back to the desk").check()
        check_looks(page)


def test_an_account_without_access_to_tips_reads_a_refusal(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        sign_in(page, stack, groups.ADMINISTRATOR)
        answer = page.goto(stack.staff_url + LIST)
        assert answer is not None
        assert answer.status == 403
        check_looks(page)


def let_pass(stack: Stack, user: str, column: str, minutes: int) -> None:
    """Move a time of the sessions of `user` into the past, on the server."""
    with closing(stack.connect("owner")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE core_staffsession SET {column} = {column} - make_interval(mins => %s)"
            " WHERE account_id = (SELECT id FROM core_account WHERE username = %s)",
            [minutes, user],
        )


def unlock(page: Page, stack: Stack, user: str, password: str = "") -> None:
    if password:
        page.get_by_label("Password").fill(password)
    page.get_by_label("Code").fill(stack.next_code(user))
    page.keyboard.press("Enter")


def test_the_lock_covers_every_tab_and_gives_a_half_written_answer_back(browser: Browser, stack: Stack) -> None:
    user, words = groups.SUPERVISOR, "We will look at the garage"
    with visit(browser, stack.staff_url) as page:
        sign_in(page, stack, user)
        other = page.context.new_page()
        other.goto(stack.staff_url + LIST + "?state=all")
        page.clock.install()
        page.goto(stack.staff_url + LIST + "?state=all")
        page.locator(".rows2 .first a").first.click()
        page.wait_for_load_state()  # the script listens
        page.get_by_label("Your answer").fill(words)
        # The page tells that its person was busy, and the other tab then asks until when: without that answer it would ask
        # again later, and take the warning away.
        with page.expect_response("**/admin/session/") as told, other.expect_response("**/admin/session/") as heard:
            page.clock.fast_forward("01:00")
        for answer, tab in ((told, page), (heard, other)):
            answer.value.finished()
            tab.evaluate("1")
        page.clock.fast_forward("14:05")
        expect(page.get_by_text("This screen locks in a minute.")).to_be_visible()
        check_looks(page)
        page.get_by_role("button", name="Keep it open").click()
        expect(page.get_by_text("This screen locks in a minute.")).to_have_count(0)
        # Half an hour later
        let_pass(stack, user, "active_at", 30)
        page.clock.fast_forward("15:01")
        for tab in (page, other):
            expect(tab.get_by_role("heading", name="Locked")).to_be_visible()
            expect(tab).to_have_title("Locked")
            assert words not in tab.content()
            assert tab.locator("#content, .board").count() == 0
        check_looks(page)
        page.get_by_label("Code").fill("000000")
        page.keyboard.press("Enter")
        expect(page.get_by_text("This code is wrong")).to_be_visible()
        unlock(page, stack, user)
        expect(page.get_by_label("Your answer")).to_have_value(words)
        expect(other.get_by_role("heading", name="Tips", exact=True)).to_be_visible()
        # After twelve hours it asks for the password too, and gives the page back all the same.
        let_pass(stack, user, "proved_at", 12 * 60)
        page.evaluate(
            "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )  # as if restored by Back
        expect(page.get_by_text("It's been 12 hours")).to_be_visible()
        unlock(page, stack, user, stack.staff[user])
        expect(page.get_by_label("Your answer")).to_have_value(words)
        page.get_by_label("Your answer").fill("")
        # A link in the webmail, followed while locked, leads through the lock page to its tip.
        other.locator("[popovertarget=account-menu]").click()
        other.get_by_role("button", name="Lock", exact=True).click()
        expect(page.get_by_role("heading", name="Locked")).to_be_visible()
        address = page.url
        other.goto(NEUTRAL)
        other.evaluate("href => document.body.append(Object.assign(document.createElement('a'), {href, textContent: 'Desk'}))",
                       address)  # fmt: skip
        other.get_by_role("link", name="Desk").click()
        expect(other.get_by_role("heading", name="Locked")).to_be_visible()
        unlock(other, stack, user)
        expect(other.get_by_role("list", name="Time line")).to_be_visible()
        assert other.url == address
        other.goto(stack.staff_url + "/admin/sessions/")
        check_looks(other)
        # Nothing of a page comes back with Back once its session is over.
        other.goto(address)
        other.locator("[popovertarget=account-menu]").click()
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_role("list", name="Time line")).to_have_count(0)
        other.go_back()
        expect(other.get_by_label("Username")).to_be_visible()
        assert other.get_by_role("list", name="Time line").count() == 0


def test_an_officer_writes_for_a_caller_who_gets_words_of_their_own(browser: Browser, stack: Stack) -> None:
    """The staff side and the residents' pages are of two origins here: the form comes by a post to another site."""
    either_origin = "http://"
    with visit(browser, either_origin) as page, visit(browser, stack.public_url) as caller:
        sign_in(page, stack, groups.OFFICER)
        page.goto(stack.staff_url + LIST)
        page.locator(".views summary").click()
        page.get_by_role("link", name="Take a tip for someone").click()
        check_looks(page)
        told: list[tuple[str | None, str | None]] = []

        def note(request: Request) -> None:
            if request.url == stack.public_url + "/tips/for-a-caller/":
                told.append((request.headers.get("origin"), request.headers.get("referer")))

        page.context.on("request", note)
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="By phone").click()
        form = opened.value
        expect(form.get_by_text("You're writing for a caller.")).to_be_visible()
        assert set(told) == {("null", None)}
        assert form.url == stack.public_url + "/tips/for-a-caller/"
        check_looks(form)
        form.locator(".tile", has_text="Vehicle").click()
        form.get_by_role("button", name="Continue").click()
        form.get_by_label("Tell us in your own words").fill(TEXT)
        form.get_by_role("button", name="Continue").click()
        form.get_by_role("button", name="Continue").click()
        form.get_by_text("The person can't use the internet").click()
        check_looks(form)
        form.get_by_role("button", name="Send tip").click()
        expect(form.get_by_role("heading", name="Read these words to the caller")).to_be_focused()
        check_looks(form)
        words = " ".join(form.locator(".read-out b").all_inner_texts())
        assert len(words.split()) == 7
        assert TEXT.split("\n")[0] not in stored(form)
        form.get_by_role("button", name="They have the words. Close this page").click()
        expect(form.get_by_role("heading", name="This page has expired")).to_be_visible()
        form.reload()
        assert words.split()[0] not in form.content()
        # The caller, at home.
        caller.goto(stack.public_url + "/tips/inbox/")
        caller.get_by_label("Your receipt").fill(words)
        caller.keyboard.press("Enter")
        expect(caller.get_by_role("heading", name="Here are your new words")).to_be_visible()
        check_looks(caller)
        new_words = caller.locator("#receipt-words").inner_text()
        assert new_words != words
        caller.reload()
        expect(caller.locator("#receipt-words")).to_have_text(new_words)
        caller.get_by_role("button", name="I have the new words. Open my tip").click()
        expect(caller.get_by_text(TEXT.split("\n")[0])).to_be_visible()
        caller.context.clear_cookies()
        caller.goto(stack.public_url + "/tips/inbox/")
        caller.get_by_label("Your receipt").fill(words)
        caller.keyboard.press("Enter")
        expect(caller.get_by_text("No tip has this receipt.").first).to_be_visible()

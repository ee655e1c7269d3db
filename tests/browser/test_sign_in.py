"""Second steps in a real browser with Chromium's virtual authenticator: enroll, sign in, recover, lose a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from core.staff import groups
from tests.browser import test_staff as staff
from tests.browser.source import check_looks, visit
from tests.journey import compute_code
from tests.stack import Stack, wait_until

LONG_NAME = "Ἀλεξάνδρα Μαρία Παπαδοπούλου-Κωνσταντινίδη van der Wolfeschlegelsteinhausenbergerdorff 王小明 عبد الرحمن"
LOOK = os.environ.get("LOOK")  # a folder for pictures


@pytest.fixture
def newcomer(stack: Stack) -> Iterator[tuple[str, str]]:
    """An officer who has a password and no second step, as after an upgrade from 0.9.0; name and password."""
    name, password = groups.COMMUNICATIONS, stack.staff[groups.COMMUNICATIONS]
    stored = _take_factors(stack, name)
    yield name, password
    _give_factors(stack, name, stored)


def _take_factors(stack: Stack, name: str) -> list[Any]:
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM mfa_authenticator WHERE user_id = (SELECT id FROM core_account WHERE username = %s)"
            " RETURNING user_id, type, data::text, created_at",
            [name],
        )
        return list(cursor.fetchall())


def _give_factors(stack: Stack, name: str, stored: list[Any]) -> None:
    _take_factors(stack, name)
    with stack.connect() as connection, connection.cursor() as cursor:
        for row in stored:
            cursor.execute(
                "INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES (%s, %s, %s::jsonb, %s)", row
            )


@contextmanager
def virtual_device(page: Page) -> Iterator[tuple[CDPSession, str]]:
    """Give the page a device that makes passkeys and asks for its PIN, as phones and laptops do."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    yield session, device


def look(page: Page, name: str) -> None:
    check_looks(page)
    if LOOK:
        for width, scheme in ((390, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(LOOK) / f"{name}-{width}.png", full_page=True)


def enter_password(page: Page, stack: Stack, name: str, password: str) -> None:
    page.goto(f"{stack.staff_url}/admin/login/?next=/admin/sign-in/factors/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue", exact=True).click()


def sign_out(page: Page) -> None:
    page.locator("[popovertarget=account-menu]").click()
    page.get_by_role("button", name="Sign out").click()


def test_a_passkey_is_enrolled_then_signs_in_alone_and_a_recovery_code_stands_in_for_it(
    browser: Browser, stack: Stack, newcomer: tuple[str, str]
) -> None:
    name, password = newcomer
    with visit(browser, stack.staff_url) as page, virtual_device(page) as (session, device):
        enter_password(page, stack, name, password)
        expect(page.get_by_role("heading", name="Set up your second step")).to_be_visible()
        look(page, "set-up")
        # The password alone reaches nothing else.
        page.goto(f"{stack.staff_url}/admin/tips/tip/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(f"{stack.staff_url}/admin/sign-in/set-up/?next=/admin/sign-in/factors/")
        page.get_by_role("button", name="Add a passkey and sign in").click()
        expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
        look(page, "codes")
        codes = page.locator(".recovery-codes code").all_inner_texts()
        assert len(set(codes)) == 10
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the codes").click()
        assert all(code in Path(download.value.path()).read_text() for code in codes)
        page.get_by_role("button", name="I have saved the codes").click()
        expect(page.get_by_role("heading", name="How you sign in")).to_be_visible()
        expect(page.get_by_label("Name")).to_have_value(re.compile("Chrome"))
        look(page, "factors")

        # The passkey alone signs in; nothing is typed.
        sign_out(page)
        page.goto(f"{stack.staff_url}/admin/login/?next=/admin/sign-in/factors/")
        look(page, "login")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("Last used")).to_be_visible()
        credentials = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert [each["isResidentCredential"] for each in credentials] == [True]

        # A device that doesn't ask for its PIN proves nothing.
        sign_out(page)
        session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        page.goto(f"{stack.staff_url}/admin/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("Your device gave no passkey.")).to_be_visible()

        # One more passkey, from a page of its own.
        session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
        page.goto(f"{stack.staff_url}/admin/login/?next=/admin/sign-in/factors/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_role("link", name="Add a passkey").click()
        look(page, "passkey")
        page.get_by_role("button", name="Make the passkey").click()
        expect(page.get_by_text("This device has a passkey for your account already.")).to_be_visible()
        # A locked screen opens with it, where it covers the page.
        page.goto(f"{stack.staff_url}/admin/sign-in/factors/")
        page.locator("[popovertarget=account-menu]").click()
        page.get_by_role("button", name="Lock", exact=True).click()
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("heading", name="How you sign in")).to_be_visible()
        sign_out(page)

        # The phone is lost: a recovery code, once.
        session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})
        enter_password(page, stack, name, password)
        look(page, "factor")
        page.get_by_label("Code").fill(codes[0])
        page.keyboard.press("Enter")
        expect(page.get_by_text("9 of your ten recovery codes are left.")).to_be_visible()
        sign_out(page)
        enter_password(page, stack, name, password)
        page.get_by_label("Code").fill(codes[0])
        page.keyboard.press("Enter")
        expect(page.get_by_text("This code is wrong, or it was used before.")).to_be_visible()
        page.get_by_label("Code").fill(codes[1])
        page.keyboard.press("Enter")

        # The last way stays; an app is added, then the lost passkey goes.
        expect(page.get_by_role("button", name="Remove the passkey")).to_have_count(0)
        page.get_by_role("link", name="Add an authenticator app").click()
        look(page, "app")
        secret = page.locator(".factor-secret").inner_text()
        page.get_by_label("Code from the app").fill(compute_code(secret))
        page.get_by_role("button", name="Add the app").click()
        expect(page.get_by_text("The app is added.")).to_be_visible()
        page.get_by_role("button", name="Remove the passkey").click()
        expect(page.get_by_text("It is removed.")).to_be_visible()
        page.get_by_role("button", name="Make new recovery codes").click()
        expect(page.locator(".recovery-codes code")).to_have_count(10)
        assert not set(page.locator(".recovery-codes code").all_inner_texts()) & set(codes)


def find_invitations(stack: Stack) -> list[str]:
    """Return the links of the mails to the person whom the test below invites."""
    mails = [mail for mail in list(stack.mails.received) if "noor@example.org" in str(mail["To"])]
    return [link for mail in mails for link in re.findall(r"http\S+/admin/set-up/\S+", mail.get_content())]


def test_an_invited_person_begins_with_a_passkey(browser: Browser, stack: Stack) -> None:
    with visit(browser, stack.staff_url) as page:
        staff.sign_in(page, stack, groups.ADMINISTRATOR)
        page.goto(f"{stack.staff_url}/admin/core/account/invite/")
        page.get_by_label("First and last name").fill(LONG_NAME)
        page.get_by_label("Email address").fill("noor@example.org")
        page.get_by_label(re.compile("communications", re.IGNORECASE)).check()
        page.get_by_role("button", name="Invite this person").click()
        page.goto(f"{stack.staff_url}/admin/core/account/invitations/")
        expect(page.get_by_text("noor@example.org").first).to_be_visible()
        look(page, "invitations")
    stack.send_task("core.alerts.mail_accounts", queue="alerts")
    # Tips of other tests send alerts meanwhile.
    wait_until(lambda: find_invitations(stack), 60, "the invitation arrives")
    (link,) = find_invitations(stack)
    with visit(browser, stack.staff_url) as page, virtual_device(page):
        page.goto(link)
        look(page, "invitation")
        for field in page.locator("input[type=password]").all():
            field.fill("lantern copper quiet pebble")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Set up your second step")).to_be_visible()
        page.get_by_role("button", name="Add a passkey and sign in").click()
        expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
        page.get_by_role("button", name="I have saved the codes").click()
        expect(page.get_by_role("heading", name="Your desk")).to_be_visible()
        look(page, "desk-long-name")
        page.goto(f"{stack.staff_url}/admin/sign-in/factors/")
        look(page, "factors-long-name")
    with visit(browser, stack.staff_url) as page:
        staff.sign_in(page, stack, groups.ADMINISTRATOR)
        page.goto(f"{stack.staff_url}/admin/core/account/?q=noor@example.org")
        look(page, "accounts-long-name")
        page.locator("#result_list tbody th a").first.click()
        look(page, "account-long-name")


def test_without_script_a_password_and_an_app_sign_in(
    browser: Browser, stack: Stack, newcomer: tuple[str, str]
) -> None:
    name, password = newcomer
    with visit(browser, stack.staff_url, script=False) as page:
        enter_password(page, stack, name, password)
        expect(page.get_by_role("button", name="Add a passkey and sign in")).to_be_hidden()
        page.get_by_label("Code from the app").fill(compute_code(page.locator(".factor-secret").inner_text()))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
        code = page.locator(".recovery-codes code").first.inner_text()
        page.get_by_role("button", name="I have saved the codes").click()
        sign_out(page)
        enter_password(page, stack, name, password)
        page.get_by_label("Code").fill(code)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="How you sign in")).to_be_visible()

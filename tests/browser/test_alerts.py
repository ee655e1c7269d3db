"""Email alerts in a real browser without script: subscribed from the map, confirmed, changed, unsubscribed; axe finds nothing."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.source import check_looks, cookies, visit
from tests.stack import Stack

# The secret of a mail's link, which only the bulk worker can read.
SECRET = """
from crimemap.models import Subscription
from core.mail import subscriber_addresses
row = Subscription.objects.latest("pk")
print("SECRET", subscriber_addresses.encode_secret(subscriber_addresses.open_contact(row.sealed_contact).secret))
"""


def secret(portal: Stack) -> str:
    words = portal.run_manage("shell", "--no-imports", "-c", SECRET, role="bulk").split()
    return words[words.index("SECRET") + 1]


def choose(page: Page, words: str) -> None:
    """The whole row of a radio button is its label."""
    page.locator(".form-check-label", has_text=words).first.click()


def ask(page: Page, portal: Stack, address: str) -> None:
    page.goto(portal.public_url + "/map/alerts/?area=district:1&category=burglary")
    choose(page, "Every morning")
    page.get_by_label("Your email address").fill(address)
    page.get_by_role("button", name="Send me the link").click()


def test_from_the_map_to_an_alert_and_unsubscribing(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url, script=False) as page:
        page.goto(portal.public_url + "/map/?area=district:1&category=burglary")
        page.locator("#sheet-list").check()
        page.get_by_role("link", name="email").first.click()
        expect(page.get_by_label("A district, beat or neighborhood")).to_be_checked()
        expect(page.get_by_label("Which area?")).to_have_value("district:1")
        expect(page.get_by_label("Burglary", exact=True)).to_be_checked()
        expect(page.get_by_label("Street and number")).to_be_hidden()
        choose(page, "Every morning")
        page.get_by_role("button", name="Send me the link").click()
        expect(page.get_by_role("alert")).to_contain_text("Enter your email address.")
        page.get_by_label("Your email address").fill("journey@example.org")
        page.get_by_role("button", name="Send me the link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")

        page.goto(f"{portal.public_url}/map/alerts/confirm/{secret(portal)}/")
        page.get_by_role("button", name="Turn on alert").click()
        expect(page.get_by_role("status")).to_contain_text("Your alert is on.")

        page.get_by_role("link", name="Change").click()
        choose(page, "Around a block or intersection")
        page.get_by_label("Street and number").fill("arden")
        page.get_by_role("button", name="Find street").click()
        choose(page, "block of Arden")
        page.get_by_label("How far around it?").select_option("1000")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Your changes are saved.")
        expect(page.get_by_role("list").filter(has_text="Burglary")).to_contain_text("within 0.6 miles (1 km) of")

        page.get_by_role("button", name="Unsubscribe and delete my email").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You're unsubscribed")
        page.go_back()
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
        assert not cookies(page.context)


def test_axe_finds_nothing(browser: Browser, portal: Stack) -> None:
    with visit(browser, portal.public_url) as page:
        ask(page, portal, "axe@example.org")
        check_looks(page)
        text = secret(portal)
        page.goto(f"{portal.public_url}/map/alerts/confirm/{text}/")
        check_looks(page)
        page.get_by_role("button", name="Turn on alert").click()
        check_looks(page)
        page.get_by_role("link", name="Change").click()
        choose(page, "Around a block or intersection")
        page.get_by_label("Street and number").fill("arden")
        page.get_by_role("button", name="Find street").click()
        check_looks(page)
        page.goto(f"{portal.public_url}/map/alerts/leave/{text}/")
        check_looks(page)
        page.get_by_role("button", name="Unsubscribe and delete my email").click()
        check_looks(page)
        page.goto(f"{portal.public_url}/map/alerts/")
        page.get_by_role("button", name="Send me the link").click()
        check_looks(page)

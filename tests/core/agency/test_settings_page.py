"""The agency's settings in the admin: what counts, what needs consent, what is refused, and what the trail says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from core.agency import brand_colors, changes, current_settings, text_rules
from core.agency.brand_colors import BrandColors
from core.agency.settings_form import GUARDED, SettingsForm
from core.models import Account, AccountMail, AgencySettings, ConsentRequest
from core.staff import groups
from core.web import page_cache
from crimemap import http
from crimemap.api import openapi
from tests.core.accounts.test_consent import decide
from tests.core.staff.test_staff import account, lines, signed_in
from tests.tipportal.database.test_grants import ROLES_BUT_STAFF, is_refused
from tips import retention

pytestmark = pytest.mark.django_db

PAGE = "/admin/core/agencysettings/"


@pytest.fixture
def supervisor() -> Account:
    return account("lindqvist", groups.SUPERVISOR)


@pytest.fixture
def administrator(supervisor: Account) -> Client:
    return signed_in(account("ito", groups.ADMINISTRATOR))


def save(client: Client, **values: Any) -> Any:
    """Post the page with these values, and everything else as it is stored."""
    newest = AgencySettings.objects.values_list("pk", "stored").last() or (0, {})
    answer = client.post(PAGE, {**SettingsForm(newest[1]).initial, "edition": newest[0], **values}, follow=True)
    current_settings.refresh()
    return answer


def test_names_and_colors_count_at_once_on_every_page_and_the_trail_has_old_and_new(administrator: Client) -> None:
    before = Client().get("/privacy/").content.decode()
    assert "Riverton Police" in before
    assert "/brand/" not in before
    answer = save(administrator, name="Harlow Police", band_color="#123a1e", action_color="#1a6b38")
    assert "Saved." in answer.content.decode()
    assert ("ito", changes.CHANGED, changes.SUBJECT, "name: - -> Harlow Police") in lines()
    # The page was cached with the old name.
    page = Client().get("/privacy/").content.decode()
    assert "Harlow Police" in page
    assert "Riverton Police" not in page
    (address,) = re.findall(r'href="(/brand/[0-9a-f]{16}\.css)"', page)
    assert address in administrator.get("/admin/").content.decode()
    sheet = Client().get(address)
    assert sheet["Content-Type"].startswith("text/css")
    assert "immutable" in sheet["Cache-Control"]
    assert "--navy:#123a1e" in sheet.content.decode()
    assert Client().get("/brand/0123456789abcdef.css").status_code == 404
    # Back to the server's.
    save(administrator, name="", band_color="", action_color="")
    assert current_settings.current().name == "Riverton Police"
    assert AgencySettings.objects.last().stored == {}


def test_what_sources_rely_on_waits_for_a_supervisor_who_did_not_ask(
    administrator: Client, supervisor: Account
) -> None:
    second = account("second", groups.SUPERVISOR)
    contact = "Front desk: 1 Main Street. " * 8
    answer = save(administrator, name="Harlow Police", contact=contact, leave_url="https://www.nasa.gov/")
    page = answer.content.decode()
    assert "Not changed yet" in page
    assert "Waiting for a supervisor" in page
    assert current_settings.current().name == "Harlow Police"
    assert current_settings.current().contact != contact.strip()
    assert {mail.account for mail in AccountMail.objects.all()} == {supervisor, second}
    (request,) = ConsentRequest.objects.all()
    # Nobody can ask for the same again while one is open, and the administrator can't decide.
    assert "has asked for a change of these settings already" in save(administrator, contact="Other").content.decode()
    decide(Account.objects.get(username="ito"), request)
    assert ConsentRequest.objects.get().is_open
    assert "1 request needs your decision" in signed_in(supervisor).get("/admin/").content.decode()
    AccountMail.objects.all().delete()
    decide(supervisor, request)
    current_settings.refresh()
    assert current_settings.current().contact == contact.strip()
    assert "https://www.nasa.gov/" in Client().get("/tips/").content.decode()
    assert {mail.account.username for mail in AccountMail.objects.all()} == {"lindqvist", "second", "ito"}
    # A value that is longer than a line of the trail stands on several, whole.
    details = [detail for _who, action, _subject, detail in lines() if action == changes.CHANGED]
    assert any(detail.startswith("leave_url: - -> https://www.nasa.gov/") for detail in details)
    page = signed_in(supervisor).get(reverse("admin:core_account_request", args=[request.pk])).content.decode()
    assert "to “https://www.nasa.gov/”" in page
    # A supervisor who asks can't consent either.
    save(signed_in(second), tip_retention_days="40")
    newest = ConsentRequest.objects.open().get()
    decide(second, newest)
    assert newest.is_open
    assert ConsentRequest.objects.open().exists()
    ConsentRequest.objects.open().update(asked_at=newest.asked_at - 2 * ConsentRequest.LIFETIME)
    decide(supervisor, newest)
    assert changes.read_stored().get("tip_retention_days") is None, "it had lapsed"


def test_the_desk_tells_the_person_who_asked_what_was_decided_for_three_days(
    administrator: Client, supervisor: Account
) -> None:
    save(administrator, contact="2 Mill Street")
    request = ConsentRequest.objects.get()
    assert "Your request was" not in administrator.get("/admin/").content.decode()
    decide(supervisor, request, refuse="1", answer="The desk moved in May.")
    page = administrator.get("/admin/").content.decode()
    assert "Your request was refused" in page
    assert "Reason: The desk moved in May." in page
    assert "Your request was" not in signed_in(supervisor).get("/admin/").content.decode()
    save(administrator, dispatch_number="555-0150")
    decide(supervisor, ConsentRequest.objects.open().get())
    assert "Your request was allowed" in administrator.get("/admin/").content.decode()
    ConsentRequest.objects.update(decided_at=request.asked_at - 2 * ConsentRequest.LIFETIME)
    assert "Your request was" not in administrator.get("/admin/").content.decode()


def test_the_number_of_dispatch_counts_before_the_servers(settings: Any) -> None:
    settings.DISPATCH_NUMBER = "555-0142 (desk)"
    assert current_settings.current().dispatch_number == "555-0142 (desk)"
    AgencySettings.objects.create(stored={"dispatch_number": "555-0150"})
    current_settings.refresh()
    assert current_settings.current().dispatch_number == "555-0150"


def test_every_field_but_names_and_colors_is_guarded() -> None:
    assert set(SettingsForm({}).fields) - GUARDED == {"name", "city", "band_color", "action_color", "accent_color"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "<b>Police</b>"),
        ("name", "Police \u202eeciloP"),
        ("name", "Police: call 555-0199 now"),
        ("name", "Police evil.example"),
        ("city", "12"),
        ("emergency_number", "call me"),
        ("emergency_number", "9"),
        ("emergency_number", "911;phone-context=evil"),
        ("crisis_lines", "Crisis line"),
        ("crisis_lines", "Help=abc"),
        ("contact", "Write to tips@evil.example"),
        ("contact", "See https://evil.example/"),
        ("dispatch_number", "see https://evil.example/"),
        ("privacy_text", "Now at evil.example [click](x)"),
        ("leave_url", "https://evil.example/"),
        ("tip_retention_days", "1"),
        ("tip_retention_days", "36500"),
        ("tip_max_files", "0"),
        ("tip_max_megabytes", "1"),
        ("tip_max_megabytes", "99999"),
        ("band_color", "red"),
        ("band_color", "#fff;}body{display:none"),
        ("band_color", "#fdfdfd"),
        ("action_color", "#f0f0f0"),
        ("accent_color", "#101010"),
    ],
)
def test_a_stolen_administrators_account_cant_set(field: str, value: str) -> None:
    form = SettingsForm({}, {field: value})
    assert not form.is_valid()
    assert field in form.errors


def test_ordinary_values_are_accepted() -> None:
    form = SettingsForm(
        {},
        {
            "name": "St. Paul Police Dept., District 12",
            "emergency_number": "+44 (0)20 7946 0018",
            "crisis_lines": "Crisis line=988\n\nDomestic violence=1-800-799-7233\n",
            "contact": "Open 7 a.m. to 11 p.m., 200 N. Main St.",
            "privacy_text": "A civilian board reads our audit trail.\r\n\r\nIt meets every month.",
            "allows_self_approval": "no",
        },
    )
    assert form.is_valid(), form.errors
    wanted = form.list_changes()
    assert wanted["crisis_lines"] == (None, ["Crisis line=988", "Domestic violence=1-800-799-7233"])
    assert wanted["allows_self_approval"] == (None, False)
    assert wanted["privacy_text"][1] == "A civilian board reads our audit trail.\n\nIt meets every month."
    assert "tip_max_files" not in wanted


def test_a_row_that_was_changed_by_hand_leads_nobody_elsewhere(settings: Any) -> None:
    settings.TIP_MAX_BYTES = 50 * current_settings.MEGABYTE
    stored = {"leave_url": "https://evil.example/", "tip_max_megabytes": 500, "band_color": "#ffffff"}
    agency = current_settings.combine(stored)
    assert agency.leave_url == settings.LEAVE_URL
    assert agency.tip_max_bytes == settings.TIP_MAX_BYTES
    with pytest.raises(ValidationError):
        changes.validate(stored)
    AgencySettings.objects.create(stored=stored)
    current_settings.refresh()
    assert "/brand/" not in Client().get("/privacy/").content.decode()
    for role in ROLES_BUT_STAFF:
        assert is_refused(role, "INSERT INTO core_agencysettings (stored) VALUES ('{}')"), role
    for sql in ("UPDATE core_agencysettings SET stored = '{}'", "DELETE FROM core_agencysettings"):
        assert all(is_refused(role, sql) for role in (*ROLES_BUT_STAFF, "staff")), sql


def test_the_page_belongs_to_managers_and_nothing_is_lost_to_a_second_editor(administrator: Client) -> None:
    assert signed_in(account("okafor", groups.OFFICER)).get(PAGE).status_code == 403
    assert signed_in(account("marsh", groups.COMMUNICATIONS)).post(PAGE, {"name": "X"}).status_code == 403
    save(administrator, city="Harlow")
    answer = administrator.post(PAGE, {"edition": "0", "name": "Mine"})
    assert answer.status_code == 409
    assert 'value="Mine"' in answer.content.decode()
    assert changes.read_stored() == {"city": "Harlow"}


def test_colors_are_previewed_before_they_are_saved(administrator: Client) -> None:
    answer = save(administrator, preview="1", action_color="#0a6640")
    assert not AgencySettings.objects.exists()
    (address,) = re.findall(r'href="(/admin/core/agencysettings/preview\.css[^"]*)"', answer.content.decode())
    sheet = administrator.get(address.replace("&amp;", "&")).content.decode()
    assert "--action:#0a6640" in sheet.partition(".sample-dark")[0]
    assert "--action:#0a6640" not in sheet.partition(".sample-dark")[2], "it would be too dark there"
    unsafe = administrator.get(f"{PAGE}preview.css", {"band_color": "#000}body{display:none"}).content.decode()
    assert "display" not in unsafe


@pytest.mark.parametrize("action", ["#1450a0", "#7a1fa2", "#8a3b00", "#00695c", "#000000"])
def test_dark_pages_get_a_shade_that_can_be_read(action: str) -> None:
    assert list(brand_colors.find_problems(BrandColors("", action, ""))) == []


def test_the_portals_own_colors_pass_their_own_check() -> None:
    assert list(brand_colors.find_problems(BrandColors(*brand_colors.DEFAULTS))) == []


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])  # the second: this connection was closed
def test_pages_go_on_with_what_was_read_last_but_retention_erases_nothing_without_the_database(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    AgencySettings.objects.create(stored={"name": "Harlow Police", "tip_retention_days": 900})
    current_settings.refresh()

    def fail() -> None:
        raise error

    monkeypatch.setattr(current_settings, "refresh", fail)
    monkeypatch.setattr(current_settings, "CHECK_SECONDS", -1)
    assert current_settings.current().name == "Harlow Police"
    with pytest.raises(error):
        retention.erase_expired_tips()


def test_what_browsers_have_of_the_map_is_asked_for_again_after_a_change(rf: RequestFactory) -> None:
    def read_tag() -> str:
        return str(http.cached_response(rf.get("/map/table/"), "v1", "days=7", HttpResponse)["ETag"])

    before = read_tag()
    assert read_tag() == before
    assert b"to Riverton Police" in openapi.as_json()
    AgencySettings.objects.create(stored={"name": "Harlow Police"})
    current_settings.refresh()
    assert read_tag() != before
    assert b"to Harlow Police" in openapi.as_json()


def test_a_name_changed_in_the_environment_counts_as_well(rf: RequestFactory, settings: Any) -> None:
    def read() -> tuple[str, bytes, str]:
        tag = http.cached_response(rf.get("/map/table/"), "v1", "days=7", HttpResponse)["ETag"]
        return tag, openapi.as_json(), page_cache.get_or_build(("name",), lambda: current_settings.current().name)

    before = read()
    settings.AGENCY_NAME = "Ardley Police"
    after = read()
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_blocks_about_privacy_follow_the_promises_as_plain_text(client: Client) -> None:
    AgencySettings.objects.create(
        stored={"privacy_text": text_rules.check_text("First & one.\n\nSecond."), "non_emergency_number": "555-0100"}
    )
    current_settings.refresh()
    page_cache.clear()
    page = client.get("/privacy/").content.decode()
    assert (
        page.index("What nobody can promise")
        < page.index("The agency wrote this part")
        < page.index("First &amp; one.")
    )
    assert '<a class="call" href="tel:5550100">555-0100</a>' in page

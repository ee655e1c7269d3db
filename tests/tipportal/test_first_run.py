"""The checklist of the first days says "done" for what the database shows, and for what a person has confirmed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.agency import current_settings
from core.models import Account, AccountMail, AgencySettings
from core.staff import groups
from crimemap.models import BaseMapBuild
from crimemap.places import base_map
from crimemap.snapshot import reader
from crimemap.snapshot.published_incidents import NothingPublishedError
from tests.core.staff.test_staff import account, lines, signed_in
from tipportal.first_run import checklist
from tips.models import Duty

pytestmark = pytest.mark.django_db

PAGE = "/admin/setup/"


def read_states(client: Client) -> dict[str, bool]:
    page = client.get(PAGE).content.decode()
    return {
        key: word == "Done" for key, word in re.findall(r'id="title-(\w+)">.*?<span[^>]*>([\w ]+)</span></h2>', page)
    }


def test_each_step_is_done_when_the_database_says_so_and_the_list_then_leaves_the_first_page(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AGENCY_NAME = settings.CITY_NAME = settings.CONTACT = ""
    monkeypatch.setattr(reader, "current", lambda: (_ for _ in ()).throw(NothingPublishedError()))
    ito = account("ito", groups.ADMINISTRATOR)
    client = signed_in(ito)
    assert read_states(client) == dict.fromkeys(("agency", "people", "categories", "duty", "map", "test_tip"), False)
    home = client.get("/admin/").content.decode()
    assert "0 of 6 done" in home
    assert "Missing: the name, the city, the contact." in home

    AgencySettings.objects.create(stored={"name": "Harlow Police", "city": "Harlow", "contact": "1 Main Street"})
    current_settings.refresh()
    for name in ("lindqvist", "second"):
        account(name, groups.SUPERVISOR, last_login=timezone.now())
    client.post(PAGE, {"step": "categories"})
    assert ("ito", checklist.CONFIRMED, "agency settings", "categories") in lines()
    Duty.objects.update_or_create(officer=Account.objects.get(username="second"), defaults={"on_duty": True})
    client.post(PAGE, {"step": "duty"})
    assert read_states(client) == {
        "agency": True, "people": True, "categories": True, "duty": False, "map": False, "test_tip": False,
    }  # fmt: skip
    (mail,) = AccountMail.objects.all()
    assert mail.account == ito
    AccountMail.objects.update(state="refused")
    assert "The mail server refused your test email." in client.get(PAGE).content.decode()
    # The outbox deletes what was sent.
    mail.delete()
    assert read_states(client)["duty"]

    monkeypatch.setattr(reader, "current", lambda: type("Published", (), {"version": "1"}))
    monkeypatch.setattr(base_map, "current_build", BaseMapBuild)
    client.post(PAGE, {"step": "test_tip"})
    client.post(PAGE, {"step": "agency"})
    assert all(read_states(client).values())
    assert "First steps" not in client.get("/admin/").content.decode()
    assert [detail for _who, action, _subject, detail in lines() if action == checklist.CONFIRMED] == [
        "categories",
        "test_tip",
    ]
    for role in (groups.SUPERVISOR, groups.OFFICER, groups.COMMUNICATIONS):
        other = signed_in(account(f"{role}-x", role))
        assert other.get(PAGE).status_code == 403
        assert "First steps" not in other.get("/admin/").content.decode()

"""Events: their visibility in each state, calendar files, and the actions of staff."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.db import IntegrityError, connection, transaction
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from core.models import Account, AuditEntry
from core.web import page_cache
from crimemap.models import Area
from outreach.events import actions, ical
from outreach.models import Event
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")
Status = Event.EventStatus


@pytest.fixture
def by(db: None) -> Account:
    return Account.objects.create_user("marsh", is_staff=True)


def planned(by: Account, *, publish: bool = True, **fields: Any) -> Event:
    starts = fields.pop("starts_at", timezone.now().replace(second=0, microsecond=0) + dt.timedelta(days=10))
    columns = {
        "slug": "coffee", "title": "Coffee with an officer", "body": "Come *as you are*.", "starts_at": starts,
        "ends_at": starts + dt.timedelta(hours=2), "place": "Library, 12 Mill Street", **fields,
    }  # fmt: skip
    event = actions.create_event(columns, by)
    return actions.publish_event(event.pk, by) if publish else event


def entries(content: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(content).walk("VEVENT"))


def over(event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(
        starts_at=timezone.now() - dt.timedelta(days=2), ends_at=timezone.now() - dt.timedelta(days=2, hours=-1)
    )


# Residents' pages


def test_a_draft_is_on_no_page(client: Client, by: Account) -> None:
    planned(by, publish=False)
    for path in ("/events/coffee/", "/events/coffee/event.ics", "/events/coffee/remind/"):
        assert client.get(path).status_code == 404
    for path in ("/events/", "/events/past/", "/events/calendar.ics", "/", "/sitemap.xml"):
        assert "offee" not in client.get(path).content.decode()


def test_the_public_role_reads_no_draft(by: Account) -> None:
    planned(by, publish=False)
    planned(by, slug="shown")
    with acting_as("public"):
        assert list(Event.objects.values_list("slug", flat=True)) == ["shown"]


def test_published_events_are_listed_and_have_a_page(client: Client, by: Account) -> None:
    planned(by)
    page_cache.clear()
    assert "Coffee with an officer" in client.get("/events/").content.decode()
    page = client.get("/events/coffee/").content.decode()
    assert "Come <em>as you are</em>" in page
    assert "Library, 12 Mill Street" in page
    assert "Remind me" in page


def test_the_home_page_names_the_next_three(client: Client, by: Account) -> None:
    for day in (40, 30, 20, 10):
        planned(by, slug=f"in-{day}", title=f"In {day} days", starts_at=timezone.now() + dt.timedelta(days=day))
    page = client.get("/").content.decode()
    assert [day for day in (10, 20, 30, 40) if f"In {day} days" in page] == [10, 20, 30]
    assert page.index("In 10 days") < page.index("In 20 days") < page.index("In 30 days")


def test_the_page_of_an_area_names_the_events_there(by: Account) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]}
    Area.objects.create(layer="district", code="4", name="Old Town", outline=square, latitude=1, longitude=1)
    here = planned(by, latitude=1.5, longitude=0.5)
    planned(by, slug="elsewhere", title="Elsewhere", latitude=1.5, longitude=2.5)
    planned(by, slug="nowhere", title="Nowhere")
    assert here.areas == [["district", "4"]]
    page = Template("{% load outreach_events %}{% area_events 'district' '4' %}").render(Context())
    assert "Coffee with an officer" in page
    assert "Elsewhere" not in page
    assert "Nowhere" not in page
    assert not Template("{% load outreach_events %}{% area_events 'district' '5' %}").render(Context()).strip()


def test_a_cancelled_event_stays_listed_with_the_reason(client: Client, by: Account) -> None:
    event = planned(by)
    actions.cancel_event(event.pk, "The hall is flooded.", by)
    for path in ("/events/", "/events/coffee/"):
        page = client.get(path).content.decode()
        assert "The hall is flooded." in page
        assert "anceled" in page
    assert "Remind me" not in client.get("/events/coffee/").content.decode()


def test_past_events_are_listed_apart_and_offer_no_reminder(client: Client, by: Account) -> None:
    over(planned(by))
    assert "Coffee" not in client.get("/events/").content.decode()
    assert "Coffee" in client.get("/events/past/").content.decode()
    page = client.get("/events/coffee/").content.decode()
    assert "This event is over." in page
    assert "Remind me" not in page


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", ""])
def test_any_page_number_is_answered(client: Client, by: Account, page: str) -> None:
    over(planned(by))
    assert client.get("/events/past/", {"page": page}).status_code == 200


def test_without_events_the_pages_say_so(client: Client) -> None:
    assert "No events right now" in client.get("/events/").content.decode()
    assert "There are no past events yet" in client.get("/events/past/").content.decode()
    assert entries(client.get("/events/calendar.ics").content) == []


def test_no_page_sets_a_cookie(client: Client, by: Account) -> None:
    planned(by)
    for path in ("/events/", "/events/coffee/", "/events/calendar.ics"):
        assert not client.get(path).cookies


def test_the_text_of_an_event_is_harmless(client: Client, by: Account) -> None:
    planned(by, title="<script>alert(1)</script>", body="<img src=x onerror=alert(1)>", place='"><svg onload=alert(1)>')
    page = client.get("/events/coffee/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<svg onload" not in page


# Programs


def test_structured_data_says_when_and_where(client: Client, by: Account) -> None:
    event = planned(by, title="A </script> in a title")
    found = re.search(
        r'<script type="application/ld\+json">(.*?)</script>', client.get("/events/coffee/").content.decode(), re.S
    )
    assert found
    data = json.loads(found[1])
    assert (data["@type"], data["name"]) == ("Event", event.title)
    assert dt.datetime.fromisoformat(data["startDate"]) == event.starts_at
    assert data["eventStatus"].endswith("EventScheduled")
    actions.cancel_event(event.pk, "No room.", by)
    assert "EventCancelled" in client.get("/events/coffee/").content.decode()


@pytest.mark.parametrize("path", ["/events/coffee/event.ics", "/events/calendar.ics"])
def test_the_calendar_file_is_complete(client: Client, by: Account, path: str) -> None:
    event = planned(by, latitude=41.5, longitude=-38.5)
    response = client.get(path)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(response.content)
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"]
    assert not [error for component in calendar.walk() for error in component.errors]
    (entry,) = calendar.walk("VEVENT")
    assert entry["UID"].startswith(str(event.uid))
    assert entry["DTSTART"].dt == event.starts_at
    assert entry["DTEND"].dt == event.ends_at
    assert entry["STATUS"] == "CONFIRMED"
    assert entry["LOCATION"] == event.place
    assert "Come as you are." in entry["DESCRIPTION"]
    assert entry["URL"].endswith("/events/coffee/")
    assert (entry["GEO"].latitude, entry["GEO"].longitude) == (41.5, -38.5)
    assert all(len(line) <= 75 for line in response.content.split(b"\r\n"))


@pytest.mark.parametrize(("month", "utc_hour"), [(7, "2330"), (12, "0030")])
def test_a_calendar_needs_no_rules_of_a_time_zone(by: Account, month: int, utc_hour: str) -> None:
    """Outlook, Google and Apple read the rules of a zone differently, and an instant the same."""
    starts = dt.datetime(2027, month, 15, 18, 30, tzinfo=CHICAGO)
    content = ical.write_calendar([planned(by, publish=False, starts_at=starts)])
    (entry,) = entries(content)
    assert entry["DTSTART"].dt == starts
    assert f"T{utc_hour}00Z".encode() in content
    assert b"TZID" not in content
    assert b"VTIMEZONE" not in content


def test_a_calendar_names_the_address_of_each_link(by: Account, settings: Any) -> None:
    settings.PORTAL_URL = "https://portal.example"
    body = (
        "Sign up [on this page](https://example.org/a?b=1&c=2), [here](/map/) or [by mail](mailto:a@example.org).\n\n"
        "1. Bring *your* bike\n2. <https://example.org/>\n\n- [x](#part)\n\n| When | What |\n|---|---|\n| 2 p.m. | Talk |"
    )
    (entry,) = entries(ical.write_calendar([planned(by, body=body)]))
    assert str(entry["DESCRIPTION"]).split("\n\n") == [
        "Sign up on this page (https://example.org/a?b=1&c=2), here (https://portal.example/map/) or by mail (a@example.org).",
        "1. Bring your bike\n2. https://example.org/",
        "- x",
        "When | What\n2 p.m. | Talk",
        "https://portal.example/events/coffee/",
    ]


def test_calendars_recognize_an_event_and_its_changes(client: Client, by: Account) -> None:
    event = planned(by)
    (first,) = entries(client.get("/events/coffee/event.ics").content)
    assert client.get("/events/coffee/event.ics").content == client.get("/events/coffee/event.ics").content
    moved = event.starts_at + dt.timedelta(hours=1)
    event = actions.change_event(
        event.pk, {"starts_at": moved, "ends_at": moved + dt.timedelta(hours=1)}, by, event.version
    )
    (second,) = entries(client.get("/events/coffee/event.ics").content)
    actions.cancel_event(event.pk, "The hall is flooded.", by)
    (third,) = entries(client.get("/events/calendar.ics").content)
    assert first["UID"] == second["UID"] == third["UID"]
    assert first["SEQUENCE"] < second["SEQUENCE"] < third["SEQUENCE"]
    assert second["DTSTART"].dt == moved
    assert (second["SUMMARY"], second["TRANSP"]) == ("Coffee with an officer", "OPAQUE")
    # Outlook ignores STATUS: the title says it, and the time counts as free.
    assert (third["SUMMARY"], third["TRANSP"]) == ("Canceled: Coffee with an officer", "TRANSPARENT")
    assert third["STATUS"] == "CANCELLED"
    assert "The hall is flooded." in third["DESCRIPTION"]


def test_text_in_a_calendar_cannot_add_lines(by: Account) -> None:
    event = planned(by, title="A\r\nATTENDEE:mailto:x@example.org", place="B;C,D\\E\nSTATUS:CANCELLED")
    (entry,) = entries(ical.write_calendar([event]))
    assert "ATTENDEE" not in entry
    assert entry["STATUS"] == "CONFIRMED"
    assert entry["LOCATION"] == "B;C,D\\E\nSTATUS:CANCELLED"


# Staff's actions


def test_a_stale_save_writes_nothing_and_names_the_current_text(by: Account) -> None:
    event = planned(by)
    actions.change_event(event.pk, {"title": "Tea with an officer"}, by, event.version)
    with pytest.raises(actions.StaleEventError) as stale:
        actions.change_event(event.pk, {"title": "Cake with an officer"}, by, event.version)
    assert stale.value.current.title == "Tea with an officer"
    assert Event.objects.get().title == "Tea with an officer"


def test_saving_the_same_text_is_not_a_change(by: Account) -> None:
    event = planned(by)
    assert actions.change_event(event.pk, {"title": event.title}, by, event.version).version == event.version


def test_only_moves_of_published_events_are_counted(by: Account) -> None:
    event = planned(by, publish=False)
    event = actions.change_event(event.pk, {"place": "Town hall"}, by, event.version)
    assert event.moves == 0
    event = actions.publish_event(event.pk, by)
    event = actions.change_event(event.pk, {"body": "Come."}, by, event.version)
    assert event.moves == 0
    assert actions.change_event(event.pk, {"place": "Fire station"}, by, event.version).moves == 1


def test_the_address_of_a_published_event_stays(by: Account) -> None:
    event = planned(by)
    with pytest.raises(actions.EventActionRefusedError, match="web address of a published event"):
        actions.change_event(event.pk, {"slug": "tea"}, by, event.version)


def test_refused_actions_get_a_sentence(by: Account) -> None:
    draft = planned(by, publish=False)
    with pytest.raises(actions.EventActionRefusedError, match="Only a published"):
        actions.cancel_event(draft.pk, "No.", by)
    event = actions.publish_event(draft.pk, by)
    for act in (
        lambda: actions.publish_event(event.pk, by),
        lambda: actions.cancel_event(event.pk, "  ", by),
        lambda: actions.delete_draft(event, by),
    ):
        with pytest.raises(actions.EventActionRefusedError):
            act()
    actions.cancel_event(event.pk, "No.", by)
    with pytest.raises(actions.EventActionRefusedError, match="canceled"):
        actions.change_event(event.pk, {"title": "x"}, by, event.version + 1)
    with pytest.raises(actions.EventActionRefusedError):
        actions.publish_event(event.pk, by)


def test_past_events_cannot_be_published_or_cancelled(by: Account) -> None:
    draft, event = planned(by, publish=False), planned(by, slug="other")
    over(draft)
    over(event)
    with pytest.raises(actions.EventActionRefusedError, match="over"):
        actions.publish_event(draft.pk, by)
    with pytest.raises(actions.EventActionRefusedError, match="over"):
        actions.cancel_event(event.pk, "No.", by)


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [(-1, 1, "starts_at"), (24, 23, "ends_at"), (24, 24, "ends_at"), (24, 24 + 15 * 24, "ends_at"), (4 * 366 * 24, 4 * 366 * 24 + 1, "starts_at")],
)  # fmt: skip
def test_impossible_times_get_a_sentence(starts: int, ends: int, field: str) -> None:
    now = timezone.now()
    wrong = actions.find_time_problems(now + dt.timedelta(hours=starts), now + dt.timedelta(hours=ends))
    assert list(wrong) == [field]
    assert not actions.find_time_problems(now + dt.timedelta(hours=24), now + dt.timedelta(hours=25))


def test_the_database_refuses_invalid_rows(by: Account) -> None:
    event = planned(by)
    for columns in (
        {"ends_at": event.starts_at},
        {"status": Status.CANCELLED},
        {"cancelled_because": "x"},
        {"latitude": 1.0},
        {"status": "unknown"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Event.objects.update(**columns)


def test_each_action_is_in_the_audit_trail(by: Account) -> None:
    event = planned(by)
    actions.change_event(event.pk, {"title": "Tea"}, by, event.version)
    actions.cancel_event(event.pk, "No.", by)
    acts = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert acts == ["added event", "published event", "changed event", "canceled event"]


@pytest.mark.parametrize("role", ["public", "alerts", "media", "bulk"])
def test_only_staff_write_events(role: str, by: Account) -> None:
    planned(by)
    with pytest.raises(Exception, match="permission denied"), acting_as(role), connection.cursor() as cursor:
        cursor.execute("UPDATE outreach_event SET title = 'x'")


def test_the_staff_role_can_do_everything_staff_do(by: Account) -> None:
    with acting_as("staff"):
        event = planned(by)
        event = actions.change_event(event.pk, {"place": "Town hall"}, by, event.version)
        actions.cancel_event(event.pk, "No.", by)
        actions.delete_draft(planned(by, slug="draft", publish=False), by)
    assert Event.objects.count() == 1

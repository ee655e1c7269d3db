"""E-mail alerts: each matching incident is reported once, in whatever order incidents are published."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from core.mail import subscriber_addresses
from crimemap import freshness
from crimemap.alerts import delivery, messages, planning, subscriptions
from crimemap.alerts.new_incidents import AlertCriteria, NewIncidents
from crimemap.models import Delivery, Edition, Subscription
from crimemap.snapshot import reader
from tests.crimemap.alerts.city import EVERYTHING, HERE, THERE, City, at, subscribe
from tests.crimemap.sample_incidents import ASSAULT, BURGLARY, TODAY
from tests.stack import Mails

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("opens_addresses")]

State = Delivery.DeliveryState
MARIA, OMAR = "maria@example.org", "omar@example.org"


@pytest.fixture
def city(tmp_path: Path, settings: Any) -> City:
    """A city published with three incidents, which are in the first edition."""
    settings.INCIDENT_SNAPSHOTS = tmp_path / "incidents"
    city = City(settings.INCIDENT_SNAPSHOTS)
    city.add_many("old", 3)
    city.publish()
    planning.plan_mails(at(-1))
    return city


@pytest.fixture
def mail_server(mails: Mails, settings: Any) -> Mails:
    settings.PORTAL_URL = "https://riverton.example"
    return mails


@pytest.fixture(autouse=True)
def _fake_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests set the time at which mails are sent."""
    monkeypatch.setattr(delivery.timezone, "now", lambda: _clock_time[0])
    _clock_time[0] = at()


_clock_time = [at()]


def run(now: dt.datetime) -> None:
    """Do what the bulk worker does on beat's schedule."""
    _clock_time[0] = now
    planning.plan_mails(now)
    planning.delete_outdated(now)
    while delivery.send_due():
        pass


def text_of(mail: Any) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def list_mails(mail_server: Mails, city: City) -> list[tuple[str, list[str]]]:
    """Return the recipient and the ids of the incidents of each mail, in the order sent."""
    return [
        (to[0], sorted(public_id for public_id in city.rows if public_id in text_of(mail)))
        for mail, to in zip(mail_server.received, mail_server.recipients, strict=True)
    ]


# New incidents


def test_incidents_of_the_first_edition_are_not_mailed(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    run(at(1))
    assert mail_server.received == []
    assert Edition.objects.count() == 1


def test_an_alert_older_than_the_first_edition_does_not_report_it(
    tmp_path: Path, settings: Any, mail_server: Mails
) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path / "incidents"
    city = City(settings.INCIDENT_SNAPSHOTS)
    subscribe(MARIA)
    city.add("known")
    city.publish()
    run(at(1))
    assert mail_server.received == []
    new = city.add("new")
    city.publish()
    run(at(2))
    assert list_mails(mail_server, city) == [(MARIA, [new])]


def test_an_incident_published_late_is_reported(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    late = city.add("late", day=TODAY - 50)
    city.publish()
    run(at(1))
    assert list_mails(mail_server, city) == [(MARIA, [late])]


def test_an_incident_older_than_sixty_days_is_not_reported(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("archive", day=TODAY - 70)
    city.publish()
    run(at(1))
    assert mail_server.received == []


def test_each_incident_is_reported_once(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    sent = []
    for day in range(1, 5):
        sent.append(city.add(f"new{day}"))
        city.publish()
        for hour in (8, 9, 20):
            run(at(day, hour))
    assert list_mails(mail_server, city) == [(MARIA, [public_id]) for public_id in sent]


def test_a_new_alert_reports_only_later_incidents(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("before")
    city.publish()
    planning.plan_mails(at(0, 13))
    subscribe(OMAR)
    after = city.add("after")
    city.publish()
    run(at(1))
    assert dict(list_mails(mail_server, city))[OMAR] == [after]


def test_a_withdrawn_incident_is_not_reported(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    gone, remaining = city.add("gone"), city.add("remaining")
    city.publish()
    planning.plan_mails(at(0, 13))
    del city.rows[gone]
    city.publish()
    run(at(1))
    city.rows[gone] = {**city.rows[remaining], "public_id": gone}
    assert list_mails(mail_server, city) == [(MARIA, [remaining])]


def test_an_incident_withdrawn_while_the_mail_waits_is_not_reported(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    gone = city.add("gone")
    city.publish()
    planning.plan_mails(at(1))
    del city.rows[gone]
    city.publish()
    run(at(1))
    assert mail_server.received == []
    assert Delivery.objects.get().state == State.EMPTY


def test_a_changed_incident_is_not_new(city: City, mail_server: Mails) -> None:
    """An incident reclassified or moved into an alert's criteria after it was published was known already."""
    subscribe(MARIA, AlertCriteria(None, None, frozenset({"assault"})))
    changed = city.add("changed", code=BURGLARY)
    city.publish()
    run(at(1))
    city.rows[changed]["code"] = ASSAULT
    city.publish()
    run(at(2))
    assert mail_server.received == []


def test_an_incident_reclassified_before_the_mail_matches_by_its_new_category(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, AlertCriteria(None, None, frozenset({"assault"})))
    subscribe(OMAR, AlertCriteria(None, None, frozenset({"burglary"})))
    changed = city.add("changed", code=BURGLARY)
    city.publish()
    planning.plan_mails(at(0, 13))
    city.rows[changed]["code"] = ASSAULT
    city.publish()
    run(at(1))
    assert list_mails(mail_server, city) == [(MARIA, [changed])]


def test_an_incident_that_disappears_and_returns_is_reported_once(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    public_id = city.add("twice")
    city.publish()
    run(at(1))
    row = city.rows.pop(public_id)
    city.publish()
    run(at(2))
    city.rows[public_id] = row
    city.publish()
    run(at(3))
    assert list_mails(mail_server, city) == [(MARIA, [public_id])]


def test_deleting_old_editions_makes_no_incident_new_again(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    days = range(10, 190, 15)
    for day in days:
        city.add(f"new{day}", day=TODAY + day)
        city.publish()
        run(at(day))
    oldest = Edition.objects.first()
    assert at(days[-1]) - oldest.made_at <= planning.MAX_INCIDENT_AGE + planning.LONGEST_RHYTHM
    assert {len(bytes(packed)) for packed in Edition.objects.values_list("public_ids", flat=True)} == {12}
    assert len(mail_server.received) == len(days)


def test_editions_that_an_alert_still_needs_are_not_deleted(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("new")
    city.publish()
    planning.plan_mails(at(0, 13))
    city.add("newer", day=TODAY + 150)
    city.publish()
    planning.read_edition(at(150))
    planning.delete_outdated(at(150))
    assert [edition.number for edition in Edition.objects.all()] == [2]
    run(at(150))
    assert [len(ids) for _to, ids in list_mails(mail_server, city)] == [2]


# Due alerts


@pytest.mark.parametrize(
    ("rhythm", "moment", "began"),
    [
        ("daily", at(0, 6), "2024-10-03"),
        ("daily", at(0, 7), "2024-10-04"),
        ("weekly", at(0), "2024-09-30"),
        ("weekly", at(3, 6), "2024-09-30"),
        ("weekly", at(3, 7), "2024-10-07"),
        ("monthly", at(0), "2024-10-01"),
        ("monthly", at(28, 6), "2024-10-01"),
        ("monthly", at(28, 7), "2024-11-01"),
        ("daily", dt.datetime(2024, 11, 3, 13, 30, tzinfo=dt.UTC), "2024-11-03"),  # 7:30, clocks went back at 2
        ("daily", dt.datetime(2024, 11, 3, 12, 30, tzinfo=dt.UTC), "2024-11-02"),
    ],
)
def test_sending_periods_start_at_seven(rhythm: str, moment: dt.datetime, began: str) -> None:
    assert planning.find_period_start(rhythm, moment).isoformat() == began


def test_weekly_and_monthly_alerts_report_everything_on_their_day(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, rhythm="weekly")
    subscribe(OMAR, rhythm="monthly")
    ids = []
    for day in (2, 3, 4, 9, 10, 12, 17, 23, 24, 28, 29):
        ids.append(city.add(f"new{day}"))
        city.publish()
        run(at(day))
    mails_to = {MARIA: [], OMAR: []}
    for to, ids_of_mail in list_mails(mail_server, city):
        mails_to[to].append(ids_of_mail)
    # Mondays are the days 3, 10, 17 and 24; November begins on day 28.
    assert mails_to[MARIA] == [sorted(ids[:2]), sorted(ids[2:5]), sorted(ids[5:7]), sorted(ids[7:9])]
    assert mails_to[OMAR] == [sorted(ids[:10])]


def test_the_next_run_makes_up_for_days_without_one(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    first = city.add("first")
    city.publish()
    planning.plan_mails(at(0, 13))
    second = city.add("second")
    city.publish()
    run(at(6))
    assert list_mails(mail_server, city) == [(MARIA, sorted([first, second]))]


def test_a_run_skips_alerts_that_change_meanwhile(
    city: City, mail_server: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run processes them in their new state."""
    maria, omar = subscribe(MARIA, AlertCriteria(("district", "2"), None, frozenset())), subscribe(OMAR)
    new = city.add("new")
    city.publish()
    match_due_alerts = planning.match_due_alerts

    def change_meanwhile(*args: Any) -> Any:
        matches = match_due_alerts(*args)
        (alert,) = subscriptions.list_alerts(maria)
        subscriptions.change_alert(maria, replace(alert, criteria=EVERYTHING))
        subscriptions.unsubscribe(omar)
        return matches

    monkeypatch.setattr(planning, "match_due_alerts", change_meanwhile)
    planning.plan_mails(at(1))
    assert Delivery.objects.count() == 0
    monkeypatch.setattr(planning, "match_due_alerts", match_due_alerts)
    run(at(1))
    assert list_mails(mail_server, city) == [(MARIA, [new])]


def test_a_run_without_published_incidents_changes_nothing(settings: Any, tmp_path: Path, mail_server: Mails) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    subscribe(MARIA)
    run(at(1))
    assert Subscription.objects.get().looked_on == at().date()


# Matching


def test_an_alert_matches_by_area_circle_and_category(city: City, mail_server: Mails) -> None:
    criteria = {
        "area": AlertCriteria(("district", "2"), None, frozenset()),
        "circle": AlertCriteria(None, (*HERE, 300.0), frozenset()),
        "category": AlertCriteria(None, None, frozenset({"assault"})),
        "all": EVERYTHING,
        "both": AlertCriteria(("district", "2"), None, frozenset({"assault"})),
        "nowhere": AlertCriteria(("district", "99"), None, frozenset()),
        "nothing": AlertCriteria(None, None, frozenset({"no-such-category"})),
    }
    for name, each in criteria.items():
        subscribe(f"{name}@example.org", each)
    here = city.add("here", district="1", code=BURGLARY)
    there = city.add("there", district="2", point=THERE, code=ASSAULT)
    lost = city.add("lost", district="2", point=None, code=BURGLARY)
    city.publish()
    run(at(1))
    found = {to.removesuffix("@example.org"): ids for to, ids in list_mails(mail_server, city)}
    assert found == {
        "area": sorted([there, lost]),
        "circle": [here],
        "category": [there],
        "all": sorted([here, there, lost]),
        "both": [there],
    }


AREAS = st.sampled_from([None, ("district", "1"), ("district", "2"), ("beat", "21"), ("neighbourhood", "old-town")])
CIRCLES = st.tuples(
    st.floats(41.48, 41.52), st.floats(-38.53, -38.47), st.sampled_from([150.0, 300.0, 1000.0, 5000.0])
)  # fmt: skip
KINDS = st.frozensets(st.sampled_from(["burglary", "assault", "fraud"]), max_size=2)


@given(area=AREAS, circle=st.none() | CIRCLES, kinds=KINDS)
@checks(max_examples=60, deadline=None)
def test_an_alert_matches_the_same_incidents_as_the_maps_filter(
    everything_new: NewIncidents, area: Any, circle: Any, kinds: frozenset[str]
) -> None:
    criteria = AlertCriteria(area, circle, kinds)
    published = everything_new.published
    page = published.read_page(criteria.filter(published), limit=1000)
    rows = published.read_rows(everything_new.find_matches(criteria, 1, 3))
    assert page.total == len(rows)
    assert {row.public_id for row in rows} >= {row.public_id for row in page.rows}


@pytest.fixture(scope="module")
def everything_new(published_folder: Path) -> NewIncidents:
    """All incidents of tests/crimemap/published_city.py, half of them in edition 2, half in edition 3."""
    from django.test import override_settings

    with override_settings(INCIDENT_SNAPSHOTS=published_folder):
        published = reader.current()
    ids = published.columns["public_id"]
    editions = [(3, ids[1::2].tobytes()), (2, ids[::2].tobytes() + b"nowhere12345")]
    return NewIncidents(published, editions, published.since)


def test_matches_are_limited_to_the_given_editions(everything_new: NewIncidents) -> None:
    news, number = everything_new, len(everything_new.published.columns["time"])
    assert [len(news.find_matches(EVERYTHING, *span)) for span in ((1, 3), (2, 3), (1, 2), (3, 3), (0, 1))] == [
        number, number // 2, number - number // 2, 0, 0,
    ]  # fmt: skip


# One mail per address


def test_due_alerts_of_one_address_share_one_mail(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, AlertCriteria(("district", "1"), None, frozenset()))
    subscribe(MARIA.upper(), AlertCriteria(None, None, frozenset({"burglary"})))
    both, one = city.add("both"), city.add("one", district="2", point=THERE)
    city.publish()
    run(at(1))
    assert list_mails(mail_server, city) == [(MARIA, sorted([both, one]))]
    text = text_of(mail_server.received[0])
    assert text.count(both) == 1
    assert "All types: District 1" in text
    assert "Burglary: the whole city" in text


def test_the_weekly_alert_leaves_out_incidents_of_the_daily_one(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, AlertCriteria(("district", "1"), None, frozenset()))
    subscribe(MARIA, EVERYTHING, "weekly")
    ids = [city.add("one"), city.add("two", district="2")]
    city.publish()
    for day in range(1, 8):
        run(at(day))
    assert list_mails(mail_server, city) == [(MARIA, [ids[0]]), (MARIA, [ids[1]])]


def test_sent_ids_are_not_stored_for_an_address_with_one_alert(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("new")
    city.publish()
    run(at(1))
    assert bytes(Delivery.objects.get().told) == b""


# The mail


def test_both_parts_of_the_mail_have_the_full_content(
    city: City, mail_server: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    age = freshness.Freshness("Newest data: Sept. 24, 2024.", "", ["Data from City are 3 days late."])
    monkeypatch.setattr(freshness, "describe_freshness", lambda _published: age)
    secret = subscribe(MARIA, AlertCriteria(None, (*HERE, 500.0), frozenset({"burglary"})))
    new = city.add("new", description="Street & alley <b>", hour=18, precision="minute")
    city.publish()
    run(at(1))
    (mail,) = mail_server.received
    text, html = text_of(mail), mail.get_body(("html",)).get_content()
    token = subscriber_addresses.encode_secret(secret)
    assert mail["Subject"] == "Riverton Police: 1 new incident"
    for part in (text, html):
        for words in (
            "Burglary: within 0.3 miles (500 m) of 400 block of Arden Street",
            "1 incident is new on the crime map. It happened on Sept. 24, 2024.",
            "Sept. 24, 2024, about 6 p.m.",
            "Newest data: Sept. 24, 2024.",
            "Data from City are 3 days late.",
            f"https://riverton.example/map/incident/{new}/",
            f"https://riverton.example/map/alerts/manage/{token}/",
            f"https://riverton.example/map/alerts/leave/{token}/",
            "because you signed up for",
            "Every morning",
        ):
            assert words in part
        assert "alley" not in part  # the agency's own words, which nobody has approved
    for tracker in ("<img", "src=", "utm_", "<script", "http://", "url("):
        assert tracker not in html
    assert mail["List-Unsubscribe"].strip() == f"<https://riverton.example/map/alerts/leave/{token}/>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{Delivery.objects.get().pk}@riverton.example>"


def test_links_in_mails_match_the_urls_of_pages(settings: Any) -> None:
    settings.PORTAL_URL = "https://riverton.example"
    for name, args in (("list", ()), ("incident", ("abc",)), ("alerts_leave", ("abc",))):
        assert messages.build_url(name, *args) == f"https://riverton.example{reverse(f'crimemap:{name}', args=args)}"


def test_fifty_incidents_are_listed_and_the_rest_counted(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, AlertCriteria(("district", "1"), None, frozenset()))
    city.add_many("new", 62)
    city.publish()
    run(at(1))
    text = text_of(mail_server.received[0])
    assert mail_server.received[0]["Subject"] == "Riverton Police: 62 new incidents"
    assert text.count("/map/incident/") == 50
    assert "62 incidents are new on the crime map. They happened " in text
    assert "... and 12 more. See all:\nhttps://riverton.example/map/list/?days=30&area=district:1\n" in text
    run(at(2))
    assert len(mail_server.received) == 1


# The mail server


def test_a_kill_after_the_servers_answer_repeats_only_that_mail(
    city: City, mail_server: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        subscribe(f"{name}@example.org")
    city.add("new")
    city.publish()
    _clock_time[0] = at(1)
    planning.plan_mails(at(1))
    update = delivery.Delivery.objects.filter().__class__.update

    def update_and_die(rows: Any, **values: Any) -> int:
        if values.get("state") == State.SENT and len(mail_server.received) == 2:
            raise KeyboardInterrupt
        return update(rows, **values)

    monkeypatch.setattr(delivery.Delivery.objects.filter().__class__, "update", update_and_die)
    with pytest.raises(KeyboardInterrupt):
        delivery.send_due()
    monkeypatch.undo()
    monkeypatch.setattr(delivery.timezone, "now", lambda: at(1))
    run(at(1))
    run(at(1, 13))
    ids = [mail["Message-ID"] for mail in mail_server.received]
    assert len(ids) == 4
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    assert text_of(mail_server.received[1]) == text_of(mail_server.received[2])


def test_an_unreachable_mail_server_uses_up_no_attempt(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    new = city.add("new")
    city.publish()
    mail_server.stop()
    run(at(1))
    assert Delivery.objects.get().state == State.WAITING
    assert Delivery.objects.get().attempts == 0
    mail_server.start()
    run(at(1, 13))
    assert list_mails(mail_server, city) == [(MARIA, [new])]


def test_a_temporary_refusal_is_retried_with_back_off(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("new")
    city.publish()
    mail_server.refuse = "451 4.7.1 later"
    waits = []
    for _try in range(3):
        run(Delivery.objects.get().next_attempt_at if waits else at(1))
        waits.append((Delivery.objects.get().next_attempt_at - _clock_time[0]).total_seconds() / 60)
        delivery.send_due()
    assert waits == [5, 10, 20]
    assert Delivery.objects.get().attempts == 3
    mail_server.refuse = None
    run(Delivery.objects.get().next_attempt_at)
    assert len(mail_server.received) == 1


def test_a_refused_mail_does_not_delay_others(city: City, mail_server: Mails) -> None:
    for address in (MARIA, OMAR):
        subscribe(address)
    city.add("new")
    city.publish()
    mail_server.refuse_to = {MARIA: "450 4.2.2 mailbox full"}
    run(at(1))
    assert mail_server.recipients == [[OMAR]]
    assert Delivery.objects.get(state=State.WAITING).attempts == 1


def test_a_refusal_of_all_mails_counts_an_attempt_for_each(city: City, mail_server: Mails) -> None:
    for address in (MARIA, OMAR):
        subscribe(address)
    city.add("new")
    city.publish()
    mail_server.refuse = "554 5.7.1 we do not like it"
    run(at(1))
    assert list(Delivery.objects.values_list("attempts", flat=True)) == [1, 1]


def test_a_mail_is_given_up_after_some_days(city: City, mail_server: Mails) -> None:
    subscribe(MARIA, rhythm="monthly", now=at(-30))
    city.add("new")
    city.publish()
    mail_server.refuse = "554 5.7.1 we do not like it"
    run(at(1))
    Delivery.objects.update(next_attempt_at=at(6))
    run(at(6))
    assert Delivery.objects.get().state == State.FAILED
    assert Subscription.objects.count() == 1


def test_an_address_that_does_not_exist_is_deleted_after_three_mails(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    subscribe(MARIA, rhythm="weekly")
    subscribe(OMAR)
    mail_server.refuse_to = {MARIA: "550 5.1.1 no such user"}
    for day in (1, 2):
        city.add(f"new{day}")
        city.publish()
        run(at(day))
        assert Subscription.objects.count() == 3
    city.add("new3")
    city.publish()
    run(at(4))
    assert [bytes(each.address_hash) for each in Subscription.objects.all()] == [
        subscriber_addresses.hash_address(OMAR)
    ]
    assert not Delivery.objects.filter(address_hash=subscriber_addresses.hash_address(MARIA)).exists()


def test_a_delivered_mail_resets_the_count_of_refusals(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    for day in range(1, 6):
        mail_server.refuse_to = {} if day == 3 else {MARIA: "550 5.1.1 no such user"}
        city.add(f"new{day}")
        city.publish()
        run(at(day))
    assert Subscription.objects.count() == 1


# Deletion, commands and key rotation


def test_settled_mails_are_deleted_after_a_week(city: City, mail_server: Mails) -> None:
    subscribe(MARIA)
    city.add("new")
    city.publish()
    run(at(1))
    run(at(7))
    assert Delivery.objects.count() == 1
    run(at(9))
    assert Delivery.objects.count() == 0


def test_a_dry_run_prints_counts_and_changes_nothing(
    city: City, mail_server: Mails, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command

    subscribe(MARIA, now=at(-1))
    subscribe(OMAR, AlertCriteria(("district", "2"), None, frozenset()), now=at(-1))
    city.add_many("new", 4)
    city.publish()
    before = list(Subscription.objects.values()), list(Delivery.objects.values()), Edition.objects.count()
    call_command("send_alerts", "--dry-run")
    dry_output = capsys.readouterr().out
    after = list(Subscription.objects.values()), list(Delivery.objects.values()), Edition.objects.count()
    assert before == after
    assert mail_server.received == []
    call_command("send_alerts")
    output = capsys.readouterr().out
    expected = [
        "New incidents: 4",
        "Alerts due, daily: 2",
        "Alerts due, weekly: 0",
        "Alerts due, monthly: 0",
        "Mails for them: 1",
    ]
    assert dry_output.splitlines() == [*expected, "Mails waiting: 0"]
    assert output.splitlines() == [*expected, "Mails waiting: 1", "Mails waiting for another try: 0"]
    assert "@" not in dry_output + output
    assert len(mail_server.received) == 1


def test_key_rotation_preserves_all_subscriptions(
    city: City, mail_server: Mails, settings: Any, tmp_path: Path
) -> None:
    import shutil

    from core.mail import subscriber_keys

    for name in ("public", "private"):
        source = getattr(settings, f"ADDRESS_{name.upper()}_KEYS")
        shutil.copytree(source, tmp_path / name)
        setattr(settings, f"ADDRESS_{name.upper()}_KEYS", tmp_path / name)
    secret = subscribe(MARIA)
    old = subscriber_addresses.newest_key_id()
    new = subscriber_addresses.create_key_pair()
    subscribe(OMAR)
    assert subscriber_keys.count_seals() == {old: 1, new: 1}
    assert subscriber_keys.rotate(lambda moved: None) == new
    assert subscriber_keys.count_seals() == {new: 2}
    assert subscriber_addresses.list_key_ids() == [new]
    city.add("new")
    city.publish()
    run(at(1))
    assert sorted(to[0] for to in mail_server.recipients) == [MARIA, OMAR]
    assert subscriptions.list_alerts(secret)

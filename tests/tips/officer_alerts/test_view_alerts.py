"""Views that officers follow: what counts as new, once a channel, without content, and nothing from tips they may not see."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from core.staff import groups
from tests.outreach.channels.receivers import receiving
from tests.stack import Mails
from tests.tips.desk import officers
from tests.tips.officer_alerts.alert_channels import add_channel
from tips import officer_alerts
from tips.desk import triage
from tips.desk.queue import followed_views
from tips.models import Category, Duty, FollowedView, Notification, Tip, Unit, ViewAlert
from tips.officer_alerts import view_alerts

pytestmark = pytest.mark.django_db
PAGE = "/admin/tips/alertchannel/view/"
Rhythm = FollowedView.Rhythm


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


def follow(account: Account, query: str = "view=nobody", **how: Any) -> FollowedView:
    followed = FollowedView(officer=account, query=query, **how)
    followed_views.follow(followed)
    return followed


def test_an_officer_follows_a_view_changes_how_and_stops(okafor: Account) -> None:
    client = officers.sign_in(okafor)
    assert f'{PAGE}?view=nobody"' in client.get("/admin/tips/tip/?view=nobody").content.decode()
    page = client.get(f"{PAGE}?view=nobody").content.decode()
    assert "Nobody has it" in page
    assert "Stop following" not in page
    assert client.post(f"{PAGE}?view=nobody", {"rhythm": "from", "least": ""}).status_code == 422
    assert client.post(f"{PAGE}?view=nobody&nonsense=1", {"rhythm": "from", "least": "3"}).status_code == 302
    assert "You follow this view" in client.get("/admin/tips/tip/?view=nobody").content.decode()
    assert "When it has 3 tips or more" in client.get("/admin/tips/alertchannel/mine/").content.decode()
    client.post(f"{PAGE}?view=nobody", {"rhythm": "digest", "hour": "7"})
    followed = FollowedView.objects.get()
    assert (followed.query, followed.rhythm, followed.hour, followed.least) == ("view=nobody", "digest", 7, None)
    assert "Every day at 7 a.m., if it has tips" in client.get("/admin/tips/alertchannel/mine/").content.decode()
    client.post(f"{PAGE}?view=nobody", {"stop": "yes"})
    assert not FollowedView.objects.exists()
    for number in range(followed_views.MAX_VIEWS):
        FollowedView.objects.create(officer=okafor, query=f"view={number}")
    assert "You follow 10 views." in client.post(f"{PAGE}?view=urgent", {"rhythm": "each"}).content.decode()


@pytest.mark.parametrize("query", ["view=closed", "view=spam", "view=sensitive", "view=walled", "language=es"])
def test_views_of_hidden_and_past_tips_cannot_be_followed(okafor: Account, query: str) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    Category.objects.create(slug="bias", name="Bias", is_sensitive=True).readers.add(lee)
    client = officers.sign_in(lee)
    assert PAGE not in client.get(f"/admin/tips/tip/?{query}").content.decode()
    assert client.post(f"{PAGE}?{query}", {"rhythm": "each"}).status_code == 302
    assert not FollowedView.objects.exists()
    follow(lee, query)  # as a row of an older release
    officers.send_tip("Unos muchachos traen armas en el parque", category=Category.objects.get(slug="bias"))
    assert followed_views.look() == 0


def test_each_new_tip_is_one_message_and_what_was_there_before_is_none(okafor: Account) -> None:
    lee = officers.set_duty(officers.create_officer("lee"))
    old = officers.send_tip()
    officer_alerts.sweep_alerts()
    follow(okafor)
    assert followed_views.look() == 0
    officers.send_tip()
    assert followed_views.look() == 0  # until it is known who gets the tip's own alert
    officer_alerts.sweep_alerts()
    assert followed_views.look() == 1
    assert followed_views.look() == 0
    triage.open_tip(old.pk, lee)
    triage.assign(Tip.objects.get(pk=old.pk), lee, lee)
    assert followed_views.look() == 0
    triage.assign(Tip.objects.get(pk=old.pk), lee, None)
    assert followed_views.look() == 1
    assert list(ViewAlert.objects.values_list("officer", "channel")) == [(okafor.pk, None)]


def test_a_tip_that_the_officer_was_alerted_to_is_no_news(okafor: Account) -> None:
    officers.set_duty(okafor)
    follow(okafor)
    tip = officers.send_tip()
    officer_alerts.sweep_alerts()
    assert Notification.objects.filter(officer=okafor, alert__tip=tip).exists()
    assert followed_views.look() == 0


def test_tips_of_others_change_no_view(okafor: Account) -> None:
    """A walled, a sensitive and a foreign tip come: the officer learns nothing, and the stored row stays as it was."""
    officers.create_officer("lee", groups.SUPERVISOR)
    unit = Unit.objects.create(name="Harbor")
    drugs = Category.objects.get(slug="drugs")
    Category.objects.filter(pk=drugs.pk).update(unit=unit)
    unit.members.add(officers.create_officer("ito"))
    follows = [follow(okafor, ""), follow(okafor, "view=nobody", rhythm=Rhythm.FROM, least=1)]
    before = list(FollowedView.objects.values())
    officers.send_tip("Officer Okafor takes money")
    officers.send_tip(category=Category.objects.get(pk=drugs.pk))
    officers.send_tip(category=Category.objects.create(slug="bias", name="Bias", is_sensitive=True))
    officer_alerts.sweep_alerts()
    assert (followed_views.look(), list(FollowedView.objects.values())) == (0, before)
    assert Tip.objects.count() == 3
    assert len(follows) == 2


def test_a_digest_comes_once_a_day_and_a_threshold_once_each_time_it_is_reached(okafor: Account) -> None:
    morning = timezone.localtime().replace(hour=6, minute=0)
    lee = officers.create_officer("lee")
    with freeze_clock(morning):
        follow(okafor, rhythm=Rhythm.DIGEST, hour=8)
        follow(lee, rhythm=Rhythm.FROM, least=2)
        first = officers.send_tip()
        assert followed_views.look() == 0
    with freeze_clock(morning + dt.timedelta(hours=2, minutes=5)):
        assert followed_views.look() == 1  # the digest
        second = officers.send_tip()
        assert followed_views.look() == 1  # the threshold
        assert followed_views.look() == 0
        assert set(ViewAlert.objects.values_list("officer", flat=True)) == {okafor.pk, lee.pk}
        triage.open_tip(first.pk, lee)
        triage.assign(Tip.objects.get(pk=first.pk), lee, lee)
        assert followed_views.look() == 0
        triage.assign(Tip.objects.get(pk=first.pk), lee, None)
        assert followed_views.look() == 1
    with freeze_clock(morning + dt.timedelta(days=1, hours=5)):
        assert followed_views.look() == 1
        for tip in (first, second):
            triage.open_tip(tip.pk, lee)
            triage.assign(Tip.objects.get(pk=tip.pk), lee, lee)
    with freeze_clock(morning + dt.timedelta(days=2, hours=5)):
        assert followed_views.look() == 0


def test_one_message_a_channel_without_content_after_quiet_hours(
    okafor: Account, mails: Mails, settings: Any, opens_channels: None
) -> None:
    now = timezone.localtime()
    with receiving() as receiver:
        settings.ALERT_CHANNELS = [f"json://127.0.0.1:{receiver.port}"]
        address = f"json://127.0.0.1:{receiver.port}/secret"
        add_channel(address, officer=okafor)
        for _message in range(3):
            view_alerts.write(okafor)
        assert ViewAlert.objects.count() == 2
        officer_alerts.sweep_alerts()
        assert mails.received == []
        with freeze_clock(timezone.now() + dt.timedelta(minutes=6)):
            officer_alerts.sweep_alerts()
            officer_alerts.sweep_alerts()
        assert len(mails.received) == len(receiver.requests) == 1
        body = str(mails.received[0])
        assert "There is something new in a view that you follow." in body
        assert "Nobody" not in body
        assert not ViewAlert.objects.exists()
    begin, end = now - dt.timedelta(hours=1), now + dt.timedelta(hours=3)
    Duty.objects.create(officer=okafor, quiet_from=begin.time(), quiet_until=end.time())
    view_alerts.write(okafor)
    assert all(row.next_attempt_at >= end - dt.timedelta(minutes=1) for row in ViewAlert.objects.all())


def test_the_stored_row_does_not_say_which_tips_fit_a_view(okafor: Account) -> None:
    tip = officers.send_tip()
    followed = follow(okafor)
    assert len(bytes(followed.known)) == 8
    assert tip.pk.bytes[:4] not in bytes(followed.known)
    other = follow(officers.create_officer("ito"))
    assert bytes(other.known) != bytes(followed.known)

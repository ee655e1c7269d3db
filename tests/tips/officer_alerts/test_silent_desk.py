"""People are told by mail that the desk has not taken up what arrived: once an outage, without a word about it."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import AccountMail
from core.staff import groups
from tests.tipportal.database import test_grants
from tests.tips.desk import officers
from tests.tips.walls.test_walls import send_uncompared
from tips.officer_alerts import silent_desk
from tips.walls import screening_thread

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_names_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of a test run share one store, and the sweep of another process would write the same names."""
    for name in ("_SINCE", "_MAILED"):
        monkeypatch.setattr(silent_desk, name, f"{getattr(silent_desk, name)} {uuid.uuid4()}")


def look(moment: dt.datetime) -> list[str]:
    """Look as the sweep does at this moment, and return who was written to so far."""
    with freeze_clock(moment):
        silent_desk.notice()
    return sorted(AccountMail.objects.values_list("account__username", flat=True))


def test_supervisors_and_administrators_hear_once_that_nothing_is_taken_up() -> None:
    for name, group in (("okafor", groups.OFFICER), ("lee", groups.SUPERVISOR), ("vance", groups.ADMINISTRATOR)):
        officers.create_officer(name, group)
    start = timezone.now()
    send_uncompared("canary: a gun in the red house")
    minutes = [look(start + dt.timedelta(minutes=minute)) for minute in (0, 4, 16, 30, 400)]
    assert minutes == [[], [], ["lee", "vance"], ["lee", "vance"], ["lee", "vance"]]
    mail = AccountMail.objects.first()
    assert mail is not None
    assert "canary" not in mail.subject + mail.text
    # Taken up: the next outage is one of its own.
    screening_thread.run_round(rechecks=False)
    assert len(look(start + dt.timedelta(minutes=401))) == 2
    send_uncompared("another")
    assert [len(look(start + dt.timedelta(minutes=minute))) for minute in (402, 420)] == [2, 4]


def test_a_desk_that_takes_up_each_tip_is_not_silent_however_many_come() -> None:
    officers.create_officer("lee", groups.SUPERVISOR)
    start = timezone.now()
    for minute in range(0, 60, 5):
        send_uncompared(f"tip {minute}")
        assert look(start + dt.timedelta(minutes=minute)) == []
        screening_thread.run_round(rechecks=False)


def test_the_alerts_worker_may_write_that_mail() -> None:
    assert not test_grants.is_refused(
        "alerts", "INSERT INTO core_accountmail SELECT * FROM core_accountmail WHERE false"
    )

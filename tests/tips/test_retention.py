from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from tips import retention
from tips.models import Disposition, State, Tip


@pytest.mark.parametrize(("days", "hold", "is_retained"), [(364, False, True), (366, False, False), (366, True, True)])
def test_a_closed_tip_is_erased_after_its_time_unless_held(tip: Tip, days: int, hold: bool, is_retained: bool) -> None:
    Tip.objects.update(
        state=State.CLOSED,
        disposition=Disposition.USEFUL,
        opened_after=dt.timedelta(minutes=1),
        closed_at=timezone.now() - dt.timedelta(days=days),
        legal_hold=hold,
    )
    assert retention.erase_expired_tips() == (0 if is_retained else 1)
    assert Tip.objects.exists() is is_retained


def test_a_tip_that_is_not_closed_is_not_erased(tip: Tip) -> None:
    Tip.objects.update(received_at=timezone.now() - dt.timedelta(days=4000))
    assert retention.erase_expired_tips() == 0
    assert Tip.objects.exists()

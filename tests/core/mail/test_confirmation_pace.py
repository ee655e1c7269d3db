from __future__ import annotations

import uuid

from core.mail import confirmation_pace
from core.mail.confirmation_pace import ConfirmationPace

AT_ONCE = confirmation_pace.MAILS_AT_ONCE_BY_DOMAIN


def ask(pace: ConfirmationPace, count: int, domain: str, now: float) -> list[float]:
    return [pace.seconds_to_wait(uuid.uuid4(), f"somebody@{domain}", now) for _ in range(count)]


def now() -> float:
    return confirmation_pace.time.monotonic()


def test_a_burst_per_domain_goes_at_once_then_one_mail_a_minute() -> None:
    waits = ask(ConfirmationPace(), 500, "victim.example", now())
    assert waits[:AT_ONCE] == [0.0] * AT_ONCE
    assert [round(wait) for wait in waits[AT_ONCE : AT_ONCE + 3]] == [60, 120, 180]


def test_other_domains_are_not_delayed() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, 500, "victim.example", start)
    assert ask(pace, 1, "riverton.example", start) == [0.0]


def test_a_new_request_does_not_wait_behind_an_earlier_flood() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, 500, "mail.example", start)
    assert ask(pace, 1, "mail.example", start + confirmation_pace.SECONDS_BY_DOMAIN) == [0.0]


def test_mails_to_many_domains_are_limited_in_total() -> None:
    pace, start = ConfirmationPace(), now()
    waits = [ask(pace, 1, f"{number}.example", start)[0] for number in range(500)]
    assert waits.count(0.0) == confirmation_pace.MAILS_AT_ONCE
    assert ask(pace, 1, "riverton.example", start + confirmation_pace.SECONDS_IN_ALL) == [0.0]


def test_a_waiting_mail_is_sent_at_its_time() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, AT_ONCE, "mail.example", start)
    waiting = uuid.uuid4()
    wait = pace.seconds_to_wait(waiting, "somebody@mail.example", start)
    assert pace.seconds_to_wait(waiting, "somebody@mail.example", start + wait / 2) == wait / 2
    assert pace.seconds_to_wait(waiting, "somebody@mail.example", start + wait) == 0


def test_idle_domains_are_forgotten() -> None:
    pace, start = ConfirmationPace(), now()
    for number in range(confirmation_pace._MAX_DOMAINS + 5):
        ask(pace, 1, f"{number}.example", start + number * 60.0)
    assert len(pace._by_domain) < 100

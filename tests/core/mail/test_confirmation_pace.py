from __future__ import annotations

import uuid

from core.mail import confirmation_pace
from core.mail.confirmation_pace import ConfirmationPace

AT_ONCE = confirmation_pace.MAILS_AT_ONCE_BY_DOMAIN


def ask(pace: ConfirmationPace, count: int, domain: str, now: float) -> list[float]:
    return [pace.seconds_to_wait(uuid.uuid4(), f"somebody@{domain}", now) for _ in range(count)]


def now() -> float:
    return confirmation_pace.time.monotonic()


def test_a_few_of_a_domain_go_at_once_and_the_others_one_a_minute() -> None:
    waits = ask(ConfirmationPace(), 500, "victim.example", now())
    assert waits[:AT_ONCE] == [0.0] * AT_ONCE
    assert [round(wait) for wait in waits[AT_ONCE : AT_ONCE + 3]] == [60, 120, 180]


def test_other_domains_go_on() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, 500, "victim.example", start)
    assert ask(pace, 1, "riverton.example", start) == [0.0]


def test_once_a_flood_is_over_a_resident_of_its_domain_does_not_stand_behind_it() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, 500, "mail.example", start)
    assert ask(pace, 1, "mail.example", start + confirmation_pace.SECONDS_BY_DOMAIN) == [0.0]


def test_one_mail_each_to_many_domains_is_bounded_too() -> None:
    pace, start = ConfirmationPace(), now()
    waits = [ask(pace, 1, f"{number}.example", start)[0] for number in range(500)]
    assert waits.count(0.0) == confirmation_pace.MAILS_AT_ONCE
    assert ask(pace, 1, "riverton.example", start + confirmation_pace.SECONDS_IN_ALL) == [0.0]


def test_a_mail_that_waited_for_its_place_goes_then() -> None:
    pace, start = ConfirmationPace(), now()
    ask(pace, AT_ONCE, "mail.example", start)
    waiting = uuid.uuid4()
    wait = pace.seconds_to_wait(waiting, "somebody@mail.example", start)
    assert pace.seconds_to_wait(waiting, "somebody@mail.example", start + wait / 2) == wait / 2
    assert pace.seconds_to_wait(waiting, "somebody@mail.example", start + wait) == 0


def test_it_remembers_no_more_domains_than_it_must() -> None:
    pace, start = ConfirmationPace(), now()
    for number in range(confirmation_pace._MAX_DOMAINS + 5):
        ask(pace, 1, f"{number}.example", start + number * 60.0)
    assert len(pace._by_domain) < 100

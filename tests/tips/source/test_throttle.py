from __future__ import annotations

import pytest

from tips.source import throttle

NOON = 1_800_000_000


@pytest.fixture
def flooded() -> throttle.FloodGate:
    """A gate at noon that has seen many posts."""
    gate = throttle.FloodGate()
    for _ in range(1000):
        gate.seconds_until_ripe(NOON, now=NOON)
    return gate


def press(gate: throttle.FloodGate, issued_at: int, now: float) -> int:
    """Post a tip as the view does; 0: it was accepted."""
    return gate.seconds_until_ripe(issued_at, now) or gate.seconds_until_turn(issued_at, now)


def test_in_calm_times_a_fresh_form_is_accepted() -> None:
    gate = throttle.FloodGate()
    assert {press(gate, NOON, now=NOON + second) for second in range(throttle.CALM_POSTS)} == {0}


def test_the_evening_after_a_publicized_crime_is_no_flood() -> None:
    """200 tips a minute, all on one web process, each sent a minute after its form was opened: nobody waits."""
    gate = throttle.FloodGate()
    seconds = [NOON + number * 60 / 200 for number in range(200 * 5)]
    assert {press(gate, int(now) - 60, now=now) for now in seconds} == {0}


def test_under_a_flood_a_fresh_form_has_to_ripen(flooded: throttle.FloodGate) -> None:
    wait = press(flooded, NOON, now=NOON + 1)
    assert wait == throttle.RIPE_SECONDS - 1
    assert press(flooded, NOON, now=NOON + 1 + wait) == 0


def test_calm_returns_when_the_window_has_passed(flooded: throttle.FloodGate) -> None:
    now = NOON + throttle.WINDOW_SECONDS + 1
    assert press(flooded, int(now), now=now) == 0


def test_forms_fetched_in_advance_get_no_more_turns_than_the_budget_has(flooded: throttle.FloodGate) -> None:
    fetched = [NOON - 1000 + number // 10 for number in range(400)]
    accepted = 0
    for second in range(52):
        for issued_at in list(fetched):
            if press(flooded, issued_at, now=NOON + second) == 0:
                fetched.remove(issued_at)
                accepted += 1
    assert accepted <= throttle.MOST_SAVED_TURNS + 52 * throttle.TIPS_A_SECOND


@pytest.mark.parametrize("opened", [NOON - 20, NOON - 960], ids=["another minute", "the same minute as the bots"])
def test_a_person_goes_before_a_store_of_forms(flooded: throttle.FloodGate, opened: int) -> None:
    def bots(second: float) -> None:
        for number in range(400):
            press(flooded, NOON - 1000 + number // 10, now=NOON + second)

    for second in range(20):
        bots(second)
    second, presses = 20.0, 0
    while wait := press(flooded, opened, now=NOON + second):
        presses += 1
        for _ in range(wait):
            second += 1
            bots(second)
    assert presses <= 1


def test_tips_accepted_before_the_flood_do_not_count_against_those_of_their_minute() -> None:
    gate = throttle.FloodGate()
    for _ in range(throttle.CALM_POSTS):
        assert press(gate, NOON, now=NOON) == 0
    for number in range(100):
        press(gate, NOON - 100 + number // 50, now=NOON + 10)
    now = NOON + 10 + 1 / throttle.TIPS_A_SECOND
    assert press(gate, NOON + 1, now=now) == 0


def test_waiting_forms_that_never_come_back_keep_nobody_out(flooded: throttle.FloodGate) -> None:
    for number in range(10):
        press(flooded, NOON - 100, now=NOON + number / 10)
    now = NOON + 1.0
    assert press(flooded, NOON - 3000, now=now)
    now += throttle.TURN_KEPT_SECONDS + 1
    assert press(flooded, NOON - 100, now=now) == 0


def test_a_wrong_receipt_now_and_then_is_answered_at_once() -> None:
    gate = throttle.GuessGate()
    assert not any(gate.seconds_to_hold(now=NOON + 3 * number) for number in range(100))


def test_responses_to_many_wrong_receipts_are_held_back() -> None:
    gate = throttle.GuessGate()
    held = [gate.seconds_to_hold(now=NOON) for _ in range(100)]
    assert held.count(0) == throttle.CALM_WRONG_RECEIPTS
    assert held[-1] == throttle.HOLD_SECONDS
    assert gate.seconds_to_hold(now=NOON + throttle.WINDOW_SECONDS + 1) == 0


def test_a_clock_that_is_set_back_keeps_nobody_waiting_until_it_is_past_the_old_time(
    flooded: throttle.FloodGate,
) -> None:
    """Before, no tip was accepted for as long as the step once the calm posts of a minute had come."""
    hour_ago = NOON - 3600
    waits = [press(flooded, NOON, now=hour_ago + second) for second in range(0, 600, 2)]
    assert max(waits) == 0
    for _ in range(1000):  # a flood after the step is one, and a form from before it ripens in seconds
        flooded.seconds_until_ripe(NOON, now=hour_ago + 600)
    assert press(flooded, NOON, now=hour_ago + 600) == throttle.RIPE_SECONDS

    callers, guesses = throttle.CallerGate(), throttle.GuessGate()
    for _ in range(throttle.CALLER_TIPS_A_MINUTE + throttle.CALM_WRONG_RECEIPTS):
        callers.seconds_until_turn(now=NOON)
        guesses.seconds_to_hold(now=NOON)
    assert callers.seconds_until_turn(now=hour_ago) == 0
    assert guesses.seconds_to_hold(now=hour_ago) == 0

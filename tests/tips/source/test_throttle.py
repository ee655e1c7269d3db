from __future__ import annotations

from tips.source import throttle


def test_in_calm_times_a_fresh_form_is_taken() -> None:
    gate = throttle.FloodGate()
    assert {gate.seconds_until_ripe(0.5, "a", now=second) for second in range(throttle.CALM_POSTS)} == {0}


def test_under_a_flood_a_fresh_form_has_to_ripen_and_an_older_one_is_taken() -> None:
    gate = flooded(addresses=1000)
    assert gate.seconds_until_ripe(0.5, "me", now=1) == throttle.RIPE_SECONDS
    assert gate.seconds_until_ripe(throttle.RIPE_SECONDS + 1, "me", now=1) == 0


def test_the_seconds_told_are_enough() -> None:
    gate = flooded(addresses=1000)
    wait = gate.seconds_until_ripe(2.0, "me", now=1)
    assert gate.seconds_until_ripe(2.0 + wait, "me", now=1 + wait) == 0


def test_one_address_for_everybody_is_never_refused_for_good() -> None:
    gate = flooded(addresses=1)
    assert gate.seconds_until_ripe(0.5, "0", now=1) == throttle.RIPE_SECONDS_BUSY_ADDRESS
    assert gate.seconds_until_ripe(throttle.RIPE_SECONDS_BUSY_ADDRESS + 1, "0", now=1) == 0


def test_calm_returns_when_the_window_has_passed() -> None:
    gate = flooded(addresses=1)
    assert gate.seconds_until_ripe(0.5, "0", now=throttle.WINDOW_SECONDS + 2) == 0


def test_nothing_is_kept_of_an_address_after_the_window() -> None:
    gate = flooded(addresses=5)
    gate.seconds_until_ripe(0.5, "192.0.2.7", now=throttle.WINDOW_SECONDS + 2)
    assert list(gate._by_address.values()) == [1]
    assert "192.0.2.7" not in repr(vars(gate))


def flooded(addresses: int) -> throttle.FloodGate:
    gate = throttle.FloodGate()
    for number in range(1000):
        gate.seconds_until_ripe(0.1, str(number % addresses), now=number / 1000)
    return gate

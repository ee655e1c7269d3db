"""Locks addresses that failed to sign in too often, whatever names they tried. Everything is in the memory-only store.

If the store is down, addresses are not counted: what limits guesses then is the count of each account, which is in the
database (core/sign_in/attempts.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from core import ephemeral_store

FAILURES_ALLOWED = 5
WINDOW_SECONDS = 15 * 60
FIRST_LOCK_SECONDS, LONGEST_LOCK_SECONDS = 15 * 60, 12 * 60 * 60
_DAY = 24 * 60 * 60
_WHILE_OTHERS_ARE_CHECKED_SECONDS = 2
# Attempts that have failed or are still being checked; those that have failed; the lock; how many locks there were today.
_TRIES, _FAILURES, _LOCK, _LOCKS = "sign-in:tries:", "sign-in:failures:", "sign-in:lock:", "sign-in:locks:"


@dataclass(frozen=True, slots=True)
class LockedAddress:
    """A locked address by its hash, of which people tell each other the first digits, and for how long."""

    address: str
    seconds: int


def begin(address: str) -> int:
    """Count an attempt as a failure, before its outcome is known. Return 0, or the seconds until the next if this is one too many.

    Attempts at the same time therefore get no more tries than those in turns. Raises StoreDownError.
    """
    tries = ephemeral_store.count_up(_TRIES + address, WINDOW_SECONDS)
    # Asked after counting: `record_failure` writes the lock before it resets the count.
    seconds = ephemeral_store.seconds_left(_LOCK + address)
    if not seconds and tries <= FAILURES_ALLOWED:
        return 0
    take_back(address)
    return seconds or _WHILE_OTHERS_ARE_CHECKED_SECONDS


def take_back(address: str) -> None:
    """Undo `begin` for an attempt that was right. Earlier failures remain: an attacker may have an account too."""
    ephemeral_store.count_down(_TRIES + address, WINDOW_SECONDS)


def record_failure(address: str) -> bool:
    """Lock the address if this failed attempt was the last one allowed; return whether it was.

    Each lock of a day is twice as long as the one before. Raises StoreDownError.
    """
    if ephemeral_store.count_up(_FAILURES + address, WINDOW_SECONDS) != FAILURES_ALLOWED:
        return False
    earlier = ephemeral_store.count_up(_LOCKS + address, _DAY) - 1
    seconds = min(FIRST_LOCK_SECONDS * 2 ** min(earlier, 10), LONGEST_LOCK_SECONDS)
    ephemeral_store.put(_LOCK + address, b"1", seconds)
    ephemeral_store.forget(_TRIES + address)
    ephemeral_store.forget(_FAILURES + address)
    return True


def list_locked() -> list[LockedAddress]:
    """Return the locked addresses, the longest lock first. Raises StoreDownError."""
    locked = [
        LockedAddress(name.removeprefix(_LOCK), ephemeral_store.seconds_left(name))
        for name in ephemeral_store.list_names(_LOCK)
    ]
    return sorted((one for one in locked if one.seconds), key=lambda one: (-one.seconds, one.address))


def unlock(address: str) -> bool:
    """End an address's lock; return whether it had one. Raises StoreDownError."""
    was_locked = ephemeral_store.seconds_left(_LOCK + address) > 0
    for kind in (_LOCK, _TRIES, _FAILURES, _LOCKS):
        ephemeral_store.forget(kind + address)
    return was_locked


def short_code(address: str) -> str:
    """Return the digits of the hash that the locked-out person reads to an administrator, who finds the lock by them."""
    return address[:6].upper()

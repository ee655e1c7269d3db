"""Answers polls of the desk from memory: for each account that asks, what it would see now.

A poll must cost nothing, and must not tell an officer that something has happened to a tip they may not see: not by its answer,
and not by how long it takes. So a poll compares what is in memory and asks the database nothing. A thread looks again for all
accounts that ask, when the database says that something has changed (live_thread.py): what an officer may not see
costs work there, and never in an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.utils import timezone

from core.models import Account
from tips import readers
from tips.desk.live import fingerprints
from tips.desk.live.exchange import Exchange
from tips.desk.live.sightings import Doing, Sighting, SightingBook
from tips.officer_alerts.duty_calendar import DutyCalendar

# The thread looks this often even if no notification came: one may have been lost.
SECONDS_BETWEEN_LOOKS = 10.0
# An answer looks by itself if the thread has not for this long.
_LONGEST_WITHOUT_LOOK_SECONDS = 30.0
# An account that no tab has asked for is no longer looked after.
_FORGOTTEN_AFTER_SECONDS = 30.0
# What an officer with several tabs at one tip is shown to do there: the first of these.
_RANK = (Doing.WRITING, Doing.READING, Doing.IDLE)


@dataclass(frozen=True, slots=True)
class PresentOfficer:
    """An officer who is at the desk, as one account may know of it: at which tip, if it may see that tip."""

    account_id: int
    tip_id: UUID | None
    number: int | None
    doing: Doing


@dataclass(frozen=True, slots=True)
class DeskView:
    """The desk as an account would see it: a hash of its tips, who is there, and who is on duty."""

    tips: str
    present: tuple[PresentOfficer, ...]
    on_duty: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Watcher:
    view: DeskView
    looked_at: float
    asked_at: float


@dataclass(frozen=True, slots=True)
class _Staff:
    """The accounts of the desk, and those that are on duty: the same for everyone who asks."""

    desk: frozenset[int]
    on_duty: tuple[int, ...]


class DeskWatch:
    """The accounts that ask this process, and what each would see. Threads share it."""

    def __init__(self) -> None:
        self.sightings = SightingBook()
        self._exchange = Exchange()
        self._lock = threading.Lock()
        self._watchers: dict[int, _Watcher] = {}
        self._places: set[tuple[int, bytes, UUID | None, Doing]] = set()

    def view(self, account: Account) -> DeskView:
        """Return what the account would see, from memory if it has asked before; the thread then looks after it."""
        view = self.remembered(account)
        if view is None:
            return self.look(account)
        with self._lock:
            if watcher := self._watchers.get(account.pk):
                self._watchers[account.pk] = replace(watcher, asked_at=time.monotonic())
        return view

    def remembered(self, account: Account) -> DeskView | None:
        """Return what the account would see as far as this process knows, None if it has not asked lately."""
        with self._lock:
            watcher = self._watchers.get(account.pk)
        is_fresh = watcher is not None and time.monotonic() - watcher.looked_at < _LONGEST_WITHOUT_LOOK_SECONDS
        return watcher.view if watcher is not None and is_fresh else None

    def look(self, account: Account) -> DeskView:
        """Ask the database what the account would see now, and remember it."""
        view = _build_view(account, _load_staff(), self.sightings.list_present(), tips=None)
        now = time.monotonic()
        with self._lock:
            self._watchers[account.pk] = _Watcher(view, now, now)
        return view

    def exchange(self) -> bool:
        """Tell the other processes where the officers of this one are. Return whether an officer's place has changed since."""
        self._exchange.tell(self.sightings)
        places = {(one.account_id, one.tab, one.tip_id, one.doing) for one in self.sightings.list_present()}
        has_changed, self._places = places != self._places, places
        return has_changed

    def look_again(self, *, at_tips: bool) -> None:
        """Look again for all accounts that have asked lately: at who is there, and with `at_tips` at their tips too."""
        watchers = self._list_watchers()
        if not watchers:
            return
        staff, present = _load_staff(), self.sightings.list_present()
        for account in Account.objects.filter(is_active=True, pk__in=watchers):
            watcher = watchers[account.pk]
            looked_at = time.monotonic() if at_tips else watcher.looked_at
            view = _build_view(account, staff, present, tips=None if at_tips else watcher.view.tips)
            with self._lock:
                # A poll may have looked by itself meanwhile. What it saw is as new, or newer.
                if self._watchers.get(account.pk, watcher).looked_at == watcher.looked_at:
                    asked_at = self._watchers.get(account.pk, watcher).asked_at
                    self._watchers[account.pk] = _Watcher(view, looked_at, asked_at)

    def _list_watchers(self) -> dict[int, _Watcher]:
        now = time.monotonic()
        with self._lock:
            self._watchers = {
                account_id: watcher
                for account_id, watcher in self._watchers.items()
                if now - watcher.asked_at < _FORGOTTEN_AFTER_SECONDS
            }
            return dict(self._watchers)


desk_watch = DeskWatch()


def _load_staff() -> _Staff:
    desk = frozenset(readers.desk_accounts().values_list("pk", flat=True))
    on_duty = DutyCalendar.load().list_on_duty(timezone.now())
    return _Staff(desk, tuple(sorted(on_duty & desk)))


def _build_view(account: Account, staff: _Staff, present: Iterable[Sighting], tips: str | None) -> DeskView:
    """Return what the account sees; `tips` is their hash if they are known not to have changed."""
    tip_ids = {sighting.tip_id for sighting in present if sighting.tip_id}
    numbers = fingerprints.find_numbers(account, tip_ids) if tip_ids else {}
    return DeskView(
        tips=fingerprints.hash_visible_tips(account) if tips is None else tips,
        present=_select_present(staff, present, numbers),
        on_duty=staff.on_duty,
    )


def _select_present(staff: _Staff, present: Iterable[Sighting], numbers: dict[UUID, int]) -> tuple[PresentOfficer, ...]:
    """Return who is there, for an account that may see the tips with these numbers.

    An officer at any other tip looks like one at the queue alone. Accounts outside the desk, such as oversight, are shown only
    at tips that the account sees: otherwise everyone would learn that oversight is looking at something.
    """
    chosen: dict[tuple[int, UUID | None], Doing] = {}
    for sighting in present:
        tip_id = sighting.tip_id if sighting.tip_id in numbers else None
        if tip_id is None and sighting.account_id not in staff.desk:
            continue
        doing = sighting.doing if tip_id or sighting.doing is Doing.IDLE else Doing.READING
        key = sighting.account_id, tip_id
        chosen[key] = min(doing, chosen.get(key, doing), key=_RANK.index)
    at_tips = {account_id for account_id, tip_id in chosen if tip_id}
    officers = [
        PresentOfficer(account_id, tip_id, numbers[tip_id] if tip_id else None, doing)
        for (account_id, tip_id), doing in chosen.items()
        if tip_id or account_id not in at_tips
    ]
    return tuple(sorted(officers, key=lambda one: (one.account_id, one.number or 0)))

"""Loads the queue of one officer: the rows of a view in their order, and the counts of all views.

Every query starts from `permissions.visible_tips`. How many there are does not depend on the tips that the account may not see.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, QuerySet, prefetch_related_objects
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips import readers
from tips.desk import permissions, readings, worklist
from tips.desk.alike import indexing, link_records
from tips.desk.queue import filters, lines, rows, saved_views, summaries, targets, views, waves
from tips.desk.queue.listing import AskedView, Listing, order
from tips.models import Attachment, FollowedView, SavedView, State, Tip
from tips.walls import visibility

PAGE_SIZE = 50
_MAX_SHOWN = 500
_SQL = SqlCache()


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A view in the list of views; `count` is None where it isn't counted, `late_count` is 0 there."""

    title: str
    address: str
    count: int | None
    is_current: bool
    late_count: int

    @property
    def late(self) -> str:
        """Return in words how many tips are over their target, "" for none."""
        if not self.late_count:
            return ""
        return ngettext("%(count)s late", "%(count)s late", self.late_count) % {"count": self.late_count}


@dataclass(frozen=True, slots=True)
class SavedViewLink(ViewLink):
    """A saved view in the list of views: the officer's own (`is_own`) can be changed, also if they share it."""

    pk: int
    is_own: bool
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading; without one ("") the view has a single group."""

    title: str
    hint: str
    rows: list[rows.Row]


@dataclass(frozen=True, slots=True)
class Queue:
    """One view of the queue as the page shows it.

    `query` is the address's query of this view with its filters, `count` the number of its tips, shown or not, None where they aren't counted. `more_address`
    is "" when all are shown. `filters` says in words which filters are on.
    """

    view: views.View
    name: str
    views: list[ViewLink]
    saved_views: list[SavedViewLink]
    groups: list[Group]
    count: int | None
    query: str
    filter_fields: list[filters.FilterField]
    address: str
    unfiltered_address: str
    more_address: str
    has_lines: bool
    can_be_followed: bool
    is_followed: bool
    _ids: list[UUID] = field(repr=False)

    @property
    def title(self) -> str:
        return self.name

    @property
    def shared_views(self) -> list[SavedViewLink]:
        return [each for each in self.saved_views if each.is_shared]

    @property
    def own_views(self) -> list[SavedViewLink]:
        return [each for each in self.saved_views if not each.is_shared]

    @property
    def can_be_saved(self) -> bool:
        """Return whether this is a view with filters that isn't saved yet."""
        return bool(self.filters) and not any(each.is_current for each in self.saved_views)

    @property
    def filters(self) -> list[str]:
        return [each.description for each in self.filter_fields if each.chosen]

    @property
    def shown_count(self) -> int:
        return len(self._ids)

    @property
    def more_count(self) -> int:
        return PAGE_SIZE if self.count is None else min(PAGE_SIZE, self.count - len(self._ids))

    @property
    def empty_title(self) -> str:
        return str(self.view.empty_title)

    @property
    def empty_hint(self) -> str:
        return str(self.view.empty_hint)

    def next_after(self, tip_id: UUID) -> UUID | None:
        """Return the tip below this one among the rows shown; the first one if this one has left the view."""
        if tip_id not in self._ids:
            return self._ids[0] if self._ids else None
        below = self._ids[self._ids.index(tip_id) + 1 :]
        return below[0] if below else None

    def previous_before(self, tip_id: UUID) -> UUID | None:
        """Return the tip above this one among the rows shown, None if there is none."""
        position = self._ids.index(tip_id) if tip_id in self._ids else 0
        return self._ids[position - 1] if position else None


@dataclass(frozen=True, slots=True)
class Selection:
    """The tips of a view without their rows. `query` is the part of its `address` after "?"."""

    title: str
    query: str
    address: str
    tips: QuerySet[Tip]
    can_be_followed: bool


def load(account: Account, query: QueryDict, *, has_rows: bool = True) -> Queue:
    """Return the view that this query names, for this account; a query that names none is the whole desk.

    Without rows, for pages that show views and counts alone, no tip is opened.

    The lines it has are recorded as shown and committed: must not be called in a transaction.
    """
    needs_me = views.build_needs_me(account)
    offered = views.list_views(
        needs_me, is_named=permissions.is_named(account), sees_walled=visibility.sees_walled(account)
    )
    reader = _QueryReader(account, offered)
    asked = reader.read(query)
    view = asked.view
    saved = [
        (each, reader.read(its_query))
        for each in saved_views.list_views(account)
        if reader.has_view(its_query := QueryDict(each.query))
    ]
    its_targets = targets.Targets.load()
    listing = Listing(account, its_targets, needs_me)
    counts = listing.count(
        offered, {f"saved {each.pk}": its_asked for each, its_asked in saved if its_asked.shows_active}
    )
    # Asked apart: as one more count above, how every active tip stands would be worked out.
    late = {each.name: listing.count_late(each) for each in offered if each.counts_late and counts[each.name]}
    shown = _read_shown(query)
    listed = listing.fetch(asked, shown + 1) if has_rows else []
    has_more = len(listed) > shown
    del listed[shown:]
    count = None
    if view.shows_active:  # the others have too many to count on every page
        count = listing.count_matching(asked) if asked.is_filtered else counts[view.name]
    kept = asked.write_query()
    built, has_lines = _build_rows(account, listed, kept, its_targets)
    links = link_records.read(row.pk for row in built)
    address = reverse("admin:tips_tip_changelist")
    current = next((each for each, its_asked in saved if its_asked.write_query() == kept), None)
    return Queue(
        view=view,
        name=current.name if current and kept else str(view.title),
        views=[
            ViewLink(
                str(each.title),
                address + _as_query(AskedView(each, []).write_query()),
                counts.get(each.name),
                has_rows and each is view and (current is None or not kept or not asked.is_filtered),
                late.get(each.name, 0),
            )
            for each in offered
        ],
        saved_views=[
            SavedViewLink(
                each.name,
                address + _as_query(its_asked.write_query()),
                counts.get(f"saved {each.pk}"),
                has_rows and each is current and bool(kept),
                0,
                each.pk,
                each.officer_id == account.pk,
                each.shared_with != SavedView.SharedWith.NOBODY,
            )
            for each, its_asked in saved
        ],
        groups=[
            dataclasses.replace(group, rows=waves.fold(group.rows, links))
            for group in _group(
                built, view, needs_me_count=counts[views.NEEDS_ME], count=count, is_filtered=asked.is_filtered
            )
        ],
        count=count,
        query=kept,
        filter_fields=asked.fields,
        address=address + _as_query(kept),
        unfiltered_address=address + _as_query(AskedView(view, []).write_query()),
        more_address=address + _as_query(asked.write_query(shown + PAGE_SIZE)) if has_more else "",
        has_lines=has_lines,
        can_be_followed=has_rows and asked.can_be_followed,
        is_followed=has_rows and FollowedView.objects.filter(officer=account, query=kept).exists(),
        _ids=[row.pk for row in built],
    )


def select(account: Account, query: QueryDict) -> Selection:
    """Return the tips of the view that this query names, for this account, without their order."""
    needs_me = views.build_needs_me(account)
    tips = worklist.visible_with_unread(account)
    offered = views.list_views(
        needs_me, is_named=permissions.is_named(account), sees_walled=visibility.sees_walled(account)
    )
    reader = _QueryReader(account, offered)
    asked = reader.read(query)
    kept = asked.write_query()
    saved = (each for each in saved_views.list_views(account) if each.query == kept and kept)
    name = next((each.name for each in saved), "")
    its_targets = targets.Targets.load()
    words = [str(asked.view.title), *(each.description for each in asked.fields if each.chosen)]
    return Selection(
        title=name or " · ".join(words),
        query=kept,
        address=reverse("admin:tips_tip_changelist") + _as_query(kept),
        tips=its_targets.with_standing(its_targets.with_due(tips)).filter(asked.condition),
        can_be_followed=reader.has_view(query) and asked.can_be_followed,
    )


def load_rows(account: Account, tip_ids: Collection[UUID]) -> dict[UUID, rows.Row]:
    """Return the rows of these tips, whatever their state; those that the account doesn't see are missing.

    Records the lines as `load` does.
    """
    if not tip_ids:
        return {}
    its_targets = targets.Targets.load()
    tips = its_targets.with_due(worklist.visible_with_unread(account).filter(pk__in=tip_ids))
    built, _has_lines = _build_rows(
        account, list(order(tips, views.build_needs_me(account)).prefetch_related("desk_state")), "", its_targets
    )
    return {row.pk: row for row in built}


def _build_rows(
    account: Account, listed: list[Tip], query: str, its_targets: targets.Targets
) -> tuple[list[rows.Row], bool]:
    """Return the rows by need and time left, and whether any of them has a line of its source."""
    if not listed:
        return [], False
    _attach_known(account, listed)
    newest = summaries.find_newest([tip.pk for tip in listed])
    positions = {tip_id: each.position for tip_id, each in newest.items()}
    shown_summaries = lines.record_and_open(account, listed, newest)
    unread = readings.find_unread(account, positions)
    for tip in listed:
        targets.set_exact_arrival(tip, shown_summaries.get(tip.pk))
    if begun := [tip.clock_began for tip in listed if tip.closed_at is None]:  # type: ignore[attr-defined]
        its_targets = its_targets.cover(min(begun))
        listed.sort(key=lambda tip: (not tip.needs_you, tip.is_asleep, its_targets.find_due(tip)))  # type: ignore[attr-defined]
    files = _count_files(listed)
    built = [
        rows.build_row(
            tip,
            account,
            query,
            due=its_targets.measure(tip),
            summary=shown_summaries.get(tip.pk),
            file_count=files.get(tip.pk, 0),
            is_unread=unread.get(tip.pk, tip.state == State.NEW or tip.has_unread),  # type: ignore[attr-defined]
            # Of a tip that shows no line, nothing that it says is shown.
            language=indexing.index.find_language(tip.pk) if tip.pk in shown_summaries else "",
        )
        for tip in listed
    ]
    return waves.add_counts(account, built), bool(shown_summaries)


def _attach_known(account: Account, listed: list[Tip]) -> None:
    """Give each tip its category, unit and officer from the lists that the page has; who has left the desk is fetched."""
    categories = {each.pk: each for each in readers.list_categories(account.pk)}
    units = {each.pk: each for each in readers.list_units(account.pk)}
    officers = {each.pk: each for each in readers.list_desk()}
    for tip in listed:
        if tip.category_id in categories:
            tip.category = categories[tip.category_id]
        if tip.unit_id in units:
            tip.unit = units[tip.unit_id]
        if tip.assigned_to_id in officers:
            tip.assigned_to = officers[tip.assigned_to_id]
    others = [tip for tip in listed if tip.assigned_to_id is not None and tip.assigned_to_id not in officers]
    prefetch_related_objects(others, "assigned_to__groups")


def _count_files(listed: list[Tip]) -> dict[UUID, int]:
    ids = [str(tip.pk) for tip in listed]

    def select() -> QuerySet[Attachment, tuple[UUID, int]]:
        found = Attachment.objects.filter(AmongIds("tip", ids)).order_by()
        return found.values("tip").annotate(count=Count("pk")).values_list("tip", "count")

    return dict(_SQL.fetch_rows("files", select, ids))


class _QueryReader:
    """Reads what queries ask for; the choices of the filters are fetched once for all queries."""

    def __init__(self, account: Account, offered: list[views.View]) -> None:
        self._account = account
        self._offered = {each.name: each for each in offered}
        self._fields: dict[tuple[bool, tuple[str, str]], list[filters.FilterField]] = {}

    def has_view(self, query: QueryDict) -> bool:
        return query.get("view", "") in self._offered

    def read(self, query: QueryDict) -> AskedView:
        """Return the view and its filters. A view that this account doesn't have is the whole desk."""
        view = self._offered.get(query.get("view", ""), views.WHOLE_DESK)
        is_sensitive, costly = view is views.SENSITIVE, filters.read_costly_parts(query)
        if (is_sensitive, costly) not in self._fields:
            self._fields[is_sensitive, costly] = filters.list_fields(self._account, costly, is_sensitive=is_sensitive)
        return AskedView(view, filters.choose(self._fields[is_sensitive, costly], query))


def _read_shown(query: QueryDict) -> int:
    """Return how many rows are shown: one page, or more after "Show 50 more"."""
    text = query.get("shown", "")
    return min(_MAX_SHOWN, max(PAGE_SIZE, int(text))) if text.isascii() and text.isdecimal() else PAGE_SIZE


def _as_query(text: str) -> str:
    return f"?{text}" if text else ""


def _group(
    built: list[rows.Row], view: views.View, *, needs_me_count: int, count: int | None, is_filtered: bool
) -> list[Group]:
    if not built:
        return []
    if view is not views.WHOLE_DESK or is_filtered or count is None:
        return [Group("", "", built)]
    own, others = [row for row in built if row.needs_you], [row for row in built if not row.needs_you]
    needs_you = ngettext("Needs you: %(count)s", "Needs you: %(count)s", needs_me_count) % {"count": needs_me_count}
    waits = _("Others have it, or it waits: %(count)s") % {"count": count - needs_me_count}
    found = [
        Group(needs_you, _("new to your categories, or yours and waiting for you"), own),
        Group(waits, "", others),
    ]
    return [group for group in found if group.rows]

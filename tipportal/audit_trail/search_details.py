"""The details of lines about searches of the tips: words and numbers are sealed in them, and opened for supervisors."""

from __future__ import annotations

from functools import cached_property

from django.utils.translation import gettext as _

from core.models import Account, AuditEntry
from core.plain_text import show_steering
from tipportal.audit_trail import seen_lists, visible_lines
from tips.desk import search_record
from tips.walls import screening
from tips.walls.name_matching import StaffIndex


class SearchDetails:
    """Describes the lines of one page for one reader: names and units are read once."""

    def __init__(self, reader: Account) -> None:
        self._reader = reader
        self._sees_units_of: dict[str, bool] = {}

    def describe(self, line: AuditEntry) -> str:
        """Return the details of a line; of a search with the words and numbers that the reader may see."""
        outcome = search_record.hide_words(line.detail)
        if line.action == seen_lists.OPENED and visible_lines.reads_tips(self._reader):
            reason = show_steering(seen_lists.read_reason(line))
            # Translators: the reason is that of a supervisor who opened a list of what an officer saw.
            return _("%(list)s: “%(reason)s”") % {"list": outcome, "reason": reason} if reason else outcome
        if outcome == line.detail or not visible_lines.reads_tips(self._reader):
            return outcome
        searched = search_record.read_words(line.actor, line.detail)
        if searched is None:
            return _("%(outcome)s. The words can't be read: they were changed, or sealed with another key.") % {
                "outcome": outcome
            }
        if searched.is_general and self._sees_all_tips_of(line.actor):
            outcome = _("%(found)d found in %(searched)d of %(total)d tips") % {
                "found": searched.found,
                "searched": searched.searched,
                "total": searched.total,
            }
        if not searched.is_general or self._names.find_named(searched.words):
            return _(
                "%(outcome)s. Words not shown: they may name a member of staff, or be about tips that stand apart."
            ) % {"outcome": outcome}
        # Translators: the words are those that an officer searched for.
        return _("%(outcome)s: “%(words)s”") % {"outcome": outcome, "words": show_steering(searched.words)}

    def _sees_all_tips_of(self, actor: str) -> bool:
        if actor not in self._sees_units_of:
            self._sees_units_of[actor] = search_record.sees_units_of(self._reader, actor)
        return self._sees_units_of[actor]

    @cached_property
    def _names(self) -> StaffIndex:
        return screening.load_index()

"""The sentences about the audit trail on the desk of those who supervise: a broken chain, a check that is due, many searches."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.audit import proof
from core.models import Account
from tipportal.audit_trail import search_counts, visible_lines


@dataclass(frozen=True, slots=True)
class TrailNotice:
    """`is_urgent`: the trail was changed."""

    sentences: list[str]
    is_urgent: bool


def find_notice(account: Account) -> TrailNotice | None:
    """Return what an account that reads the trail must know; None if there is nothing, or it reads none."""
    if not account.has_perm("core.view_auditentry"):
        return None
    proven = proof.read()
    is_broken = proof.is_broken(proven)
    sentences = []
    if is_broken:
        sentences = [_("An entry of the audit trail was changed, removed or moved after it was written.")]
    elif proof.is_overdue(proven):
        sentences = [_("The audit trail hasn't been checked for days, so a change would go unnoticed.")]
    if visible_lines.reads_tips(account):
        sentences += [
            _("%(name)s has searched the tips unusually often: %(count)d times in the last 7 days.")
            % {"name": count.actor, "count": count.searches}
            for count in search_counts.count_searches()
            if count.is_unusual
        ]
    return TrailNotice(sentences, is_broken) if sentences else None

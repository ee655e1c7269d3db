"""The rows of found tips: a queue's row, where the words were found, and the passage around them.

The queue records once a shift that an officer saw lines of these tips; a passage is such a line. Of sensitive and walled tips
none is shown, as in the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.models import Account
from core.plain_text import show_steering
from tips import vault
from tips.desk.queue import loading, rows
from tips.desk.search import matching, tip_batches
from tips.desk.search.matching import ExcerptPiece, Term
from tips.desk.search.sealed_tips import BatchOpener, Passage, SealedTip, Where

_PLACES: dict[Where, Promise] = {
    Where.REPORT: _("in the report"),
    Where.MESSAGE: _("in a message"),
    Where.ANSWER: _("in an answer"),
    Where.NOTE: _("in a note"),
    Where.TRANSLATION: _("in a translation"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A found tip's row; `pieces` is the passage around the words, `where` says in which text of the tip it stands."""

    row: rows.Row
    where: str
    pieces: list[ExcerptPiece]


def load(account: Account, tip_ids: Sequence[UUID], terms: Sequence[Term]) -> list[Finding]:
    """Return the rows of these tips, without those that the account no longer sees. Must not be called in a transaction."""
    shown = loading.load_rows(account, tip_ids)
    opener = BatchOpener(settings.AGENCY_PRIVATE_KEYS)
    findings = []
    for tip in tip_batches.fetch_batch([tip_id.bytes for tip_id in tip_ids if tip_id in shown]):
        where, pieces = _find_passage(opener, tip, terms)
        row = shown[tip.id]
        findings.append(Finding(row, where, pieces if row.has_line else []))
    return findings


def _find_passage(opener: BatchOpener, tip: SealedTip, terms: Sequence[Term]) -> tuple[str, list[ExcerptPiece]]:
    """Return where the most of the words stand together, and the passage; ("", []) if the tip doesn't open anymore."""
    try:
        passages = opener.open_passages(tip)
    except (vault.SealError, vault.KeyMissingError):
        return "", []
    best = max(passages, key=lambda passage: _count_terms(passage, terms))
    pieces = matching.mark_matches(terms, best.text)
    return str(_PLACES[best.where]), [ExcerptPiece(show_steering(piece.text), piece.is_match) for piece in pieces]


def _count_terms(passage: Passage, terms: Sequence[Term]) -> int:
    text = matching.prepare_texts([passage.text])
    return sum(matching.matches([term], text) for term in terms)

"""Closing records: disposition, reason, amounts and case number, sealed under the key of the tip's notes, with their history.

A case number beside a tip's number would tell a thief of the database which arrest a source's tip led to; so would amounts.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db.models import Max, prefetch_related_objects
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from core.models import Account
from core.plain_text import show_steering
from core.web.sql_cache import SqlCache
from tips import conversation, vault
from tips.desk.triage import TransitionError
from tips.models import Author, ClosingRecord, Disposition, Priority, State, Tip

_SQL = SqlCache()
WITHOUT_ACTION = (Disposition.DUPLICATE, Disposition.UNFOUNDED, Disposition.NO_ACTION)


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending of a tip. Amounts are None where they are not known; `drugs` are grams, `property_value` whole dollars."""

    disposition: str
    reason: str = ""
    arrests: int | None = None
    weapons: int | None = None
    drugs: int | None = None
    property_value: int | None = None
    case_number: str = ""


@dataclass(frozen=True, slots=True)
class RecordedEnding:
    """An ending as it was recorded; `officer` is None for an account that was deleted."""

    ending: Ending
    officer: Account | None
    recorded_at: dt.datetime


def parse_ending(fields: Mapping[str, Any]) -> Ending:
    """Return the ending in these fields, by their names."""
    return Ending(**{name: fields[name] for name in Ending.__dataclass_fields__ if name in fields})


def needs_second_person(tip: Tip, disposition: str) -> bool:
    """Return whether closing a tip so needs a reason and a second person's consent.

    That is without action, while the tip is urgent, its source said that someone is in danger, or its category is about life or a
    school. The priority alone could be lowered first. Raises vault.SealError, vault.KeyMissingError.
    """
    if disposition not in WITHOUT_ACTION:
        return False
    if tip.priority == Priority.URGENT or tip.category.concerns_life:
        return True
    return conversation.reports_danger(tip)


def add_record(tip: Tip, officer: Account | None, ending: Ending) -> None:
    """Add the newest record to a locked tip. Raises vault.SealError, vault.KeyMissingError."""
    last: int = tip.closing_records.aggregate(last=Max("position"))["last"] or 0
    row = ClosingRecord(id=uuid.uuid4(), tip=tip, officer=officer, position=last + 1)
    row.body = vault.seal_text(conversation.ensure_notes_key(tip), json.dumps(asdict(ending)), _context(row))
    row.save(force_insert=True)


def list_records(tip: Tip) -> list[RecordedEnding]:
    """Return how the tip ended and what was recorded before, newest first. Raises vault.SealError, vault.KeyMissingError."""
    rows = _SQL.fetch_models("of a tip", lambda: tip.closing_records.order_by("-position"), ClosingRecord, tip.pk)
    if not rows:
        return []
    for row in rows:
        row.tip = tip
    prefetch_related_objects(rows, "officer")
    key = conversation.ensure_notes_key(tip)
    return [
        RecordedEnding(Ending(**json.loads(vault.open_text(key, row.body, _context(row)))), row.officer, row.written_at)
        for row in rows
    ]


def refuse_correction(tip: Tip, ending: Ending) -> None:
    """Raise TransitionError if the closing of a locked tip can't be corrected so. Raises vault.SealError, KeyMissingError."""
    if tip.state != State.CLOSED:
        raise TransitionError(_("This tip isn't closed, so nothing was recorded. Close it first."))
    if not ending.reason:
        raise TransitionError(_("Write why you correct this closing."))
    records = list_records(tip)
    if records and replace(records[0].ending, reason="") == replace(ending, reason=""):
        raise TransitionError(_("Nothing is different from what was recorded, so nothing was done."))
    if ending.disposition != tip.disposition and needs_second_person(tip, ending.disposition):
        raise TransitionError(
            _("To end this tip that way, a second person must agree. Reopen the tip, then close it again.")
        )


def write_correction(tip: Tip, officer: Account, ending: Ending) -> None:
    """Record a closed, locked tip's ending anew; what was recorded before stays in its history, and the retention period goes on."""
    if tip.disposition != ending.disposition:
        tip.disposition = ending.disposition
        tip.save(update_fields=["disposition"])
    add_record(tip, officer, ending)


def describe(ending: Ending) -> list[tuple[str, str]]:
    """Return label and value of what came of a tip, in words; without what isn't known."""
    disposition = Disposition(ending.disposition).label if ending.disposition in Disposition.values else ""
    described = [
        (_("Disposition"), disposition),
        (_("Arrests"), _describe_amount(ending.arrests)),
        (_("Weapons"), _describe_amount(ending.weapons)),
        (_("Drugs, grams"), _describe_amount(ending.drugs)),
        (_("Property, dollars"), _describe_amount(ending.property_value)),
        (_("Case number"), show_steering(ending.case_number)),
    ]
    return [(label, str(value)) for label, value in described if value]


def _describe_amount(amount: int | None) -> str:
    return "" if amount is None else number_format(amount, use_l10n=True, force_grouping=True)


def _context(row: ClosingRecord) -> vault.SealContext:
    return vault.SealContext(
        tip=row.tip_id, row=row.id, kind="closing", author=Author.STAFF, position=row.position, field="body"
    )

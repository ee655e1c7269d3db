"""The one line of each tip in the queue: the beginning of the newest text that its source wrote, and where it happened.

Everything here is hostile text, so it is cut before anything else is done with it, and shown on one line.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Func, IntegerField, QuerySet, When
from django.utils.translation import gettext as _

from core.plain_text import show_steering
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips import vault
from tips.models import Author, Message, Tip

MAX_LINE_LENGTH = 160
MAX_PLACE_LENGTH = 60
# A report from our form has less than a tenth of it: only a broken public node stores more.
_MAX_SEALED_BYTES = 512 * 1024
_MAX_MARKS_A_LETTER = 3
# Letters and signs of Western languages: nothing of what `shorten` looks for is among them, and most texts have no other.
_PLAIN = re.compile("[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u20ac]*")
_SQL = SqlCache()
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Summary:
    """The line of a tip in the queue. `position` is that of the message whose beginning `line` is, 0 for the report.

    `arrived_at` is exact, None if the report doesn't open; then `line` says so and `is_damaged` is true.
    """

    line: str
    place: str
    position: int
    arrived_at: dt.datetime | None
    is_damaged: bool = False


class NewestMessage(NamedTuple):
    """The newest message of a tip's source, still sealed. `body` is None of one that is too long; without one `position` is 0."""

    position: int = 0
    pk: UUID | None = None
    body: bytes | None = None


def find_newest(tip_ids: Collection[UUID]) -> dict[UUID, NewestMessage]:
    """Return the newest message of the source of each tip. One query."""
    ids = [str(tip_id) for tip_id in tip_ids]

    def select() -> QuerySet[Message, tuple[UUID, int, UUID, bytes | None]]:
        from_sources = Message.objects.filter(AmongIds("tip", ids), author=Author.SOURCE)
        newest = from_sources.order_by("tip_id", "-position").distinct("tip_id").alias(size=_measure("body"))
        small = newest.annotate(small=Case(When(size__lte=_MAX_SEALED_BYTES, then=F("body"))))
        return small.values_list("tip_id", "position", "pk", "small")

    rows = _SQL.fetch_rows(("newest", _MAX_SEALED_BYTES), select, ids)
    found = {
        tip_id: NewestMessage(position, pk, None if body is None else bytes(body))
        for tip_id, position, pk, body in rows
    }
    return dict.fromkeys(tip_ids, NewestMessage()) | found


def open_summaries(newest: dict[UUID, NewestMessage]) -> dict[UUID, Summary]:
    """Open the line of each tip. One query. Call it only after the lines are recorded (summary_record.py).

    `newest` is the answer of `find_newest`.
    """
    ids = [str(tip_id) for tip_id in newest]

    def select() -> QuerySet[Any, Any]:
        tips = Tip.objects.alias(size=_measure("report")).filter(AmongIds("pk", ids), size__lte=_MAX_SEALED_BYTES)
        return tips.order_by().values_list("pk", "agency_key_id", "key_for_agency", "report")

    rows = _SQL.fetch_rows(("reports", _MAX_SEALED_BYTES), select, ids)
    reports = {pk: (key_id, bytes(key), bytes(report)) for pk, key_id, key, report in rows}
    opener = _Opener()
    return {tip_id: opener.open(tip_id, reports.get(tip_id), message) for tip_id, message in newest.items()}


def _measure(column: str) -> Func:
    return Func(F(column), function="octet_length", output_field=IntegerField())


class _Opener:
    """Opens many tips; each private half is read once."""

    def __init__(self) -> None:
        self._halves: dict[str, tuple[bytes, bytes]] = {}

    def open(self, tip_id: UUID, sealed: tuple[str, bytes, bytes] | None, message: NewestMessage) -> Summary:
        position = message.position
        if sealed is None or (position and message.body is None):
            return _damaged(_("This text is too long to show here. Open the tip to read it."), position)
        key_id, sealed_key, sealed_report = sealed
        try:
            if key_id not in self._halves:
                self._halves[key_id] = vault.read_private_half(key_id, settings.AGENCY_PRIVATE_KEYS)
            key = vault.open_key_seal(sealed_key, *self._halves[key_id])
            report = json.loads(vault.open_text(key, sealed_report, vault.report_context(tip_id)))
            text = report["description"]
            if message.pk is not None and message.body is not None:
                context = vault.message_context(tip_id, message.pk, Author.SOURCE, position)
                text = vault.open_text(key, message.body, context)
            line = shorten(text, MAX_LINE_LENGTH) or _("Files, without words")
            arrived_at = dt.datetime.fromisoformat(report["arrived_at"])
            return Summary(line, shorten(report["place"], MAX_PLACE_LENGTH), position, arrived_at)
        except vault.KeyMissingError:
            return _damaged(
                _("This tip can't be opened: its key isn't on this server. Tell an administrator."), position
            )
        except (vault.SealError, ValueError, KeyError, TypeError):
            return _damaged(_("This tip can't be opened: what is stored was changed. Tell an administrator."), position)


def _damaged(sentence: str, position: int) -> Summary:
    return Summary(sentence, "", position, None, is_damaged=True)


def shorten(text: str, length: int) -> str:
    """Return the beginning of a text on one line, with steering characters written out; "" if it shows nothing.

    At most `length` characters. Marks that pile up on a letter and characters without width are left out.
    """
    head = " ".join(text[: 3 * length].split())
    if _PLAIN.fullmatch(head):
        return _cut(head, text, length)
    kept: list[str] = []
    marks = 0
    for character in show_steering(head):
        marks = marks + 1 if unicodedata.combining(character) else 0
        is_invisible = unicodedata.category(character) in ("Cf", "Cn", "Co") and character not in _JOINERS
        if marks <= _MAX_MARKS_A_LETTER and not is_invisible:
            kept.append(character)
    return _cut("".join(kept).strip(" " + _JOINERS), text, length)


def _cut(shown: str, text: str, length: int) -> str:
    return shown if len(shown) <= length and len(text) <= 3 * length else shown[: length - 1].rstrip() + "…"

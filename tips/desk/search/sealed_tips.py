"""Sealed texts of tips in batches: fetched from the database in one place (tip_batches.py), opened here without it.

Opening needs no database and no Django, so that a process can do it that has neither (scan.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from tips import note_text, vault
from tips.desk.search import matching
from tips.desk.search.matching import SearchText, Term


class Where(StrEnum):
    """Which of a tip's texts a passage is."""

    REPORT = "report"
    MESSAGE = "message"
    ANSWER = "answer"
    NOTE = "note"
    TRANSLATION = "translation"


class Passage(NamedTuple):
    where: Where
    text: str


class SealedEntry(NamedTuple):
    """A sealed message or note; `author` is a value of models.Author."""

    id: UUID
    author: str
    position: int
    body: bytes


@dataclass(frozen=True, slots=True)
class SealedTip:
    """All that a tip's texts are sealed in. Without notes, `notes_key` is empty."""

    id: UUID
    key_id: str
    key: bytes
    report: bytes
    notes_key_id: str = ""
    notes_key: bytes = b""
    messages: list[SealedEntry] = field(default_factory=list)
    notes: list[SealedEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The ids of the tips of a batch that match, in the batch's order, and how many of it couldn't be opened."""

    found: list[UUID]
    unopened: int


class BatchOpener:
    """Opens the tips of a batch; each private half is read once."""

    def __init__(self, private_keys: Path | None) -> None:
        self._folder = private_keys
        self._halves: dict[str, tuple[bytes, bytes]] = {}

    def open_passages(self, tip: SealedTip) -> list[Passage]:
        """Return a tip's texts: the report's parts, messages, answers, notes and translations. Raises SealError, KeyMissingError."""
        key = self._open_key(tip.key, tip.key_id)
        report = json.loads(vault.open_text(key, tip.report, vault.report_context(tip.id)))
        parts = [report["description"], report["place"], report["when"]]
        parts += [answer["answer"] for answer in report["answers"]]
        passages = [Passage(Where.REPORT, part) for part in parts if part]
        for entry in tip.messages:
            context = vault.message_context(tip.id, entry.id, entry.author, entry.position)
            where = Where.MESSAGE if entry.author == "source" else Where.ANSWER
            passages.append(Passage(where, vault.open_text(key, entry.body, context)))
        if tip.notes:
            notes_key = self._open_key(tip.notes_key, tip.notes_key_id)
            for entry in tip.notes:
                context = vault.note_context(tip.id, entry.id, entry.position)
                note = note_text.parse(vault.open_text(notes_key, entry.body, context))
                where = Where.NOTE if note.translates is None else Where.TRANSLATION
                passages.append(Passage(where, note.text))
        return passages

    def try_to_prepare(self, tip: SealedTip) -> SearchText | None:
        """Return a tip's texts for the comparison, None if they can't be opened."""
        try:
            return matching.prepare_texts(passage.text for passage in self.open_passages(tip))
        except (vault.SealError, vault.KeyMissingError):
            return None

    def _open_key(self, sealed: bytes, key_id: str) -> bytes:
        if key_id not in self._halves:
            self._halves[key_id] = vault.read_private_half(key_id, self._folder)
        return vault.open_key_seal(sealed, *self._halves[key_id])


def match_batch(tips: Sequence[SealedTip], terms: Sequence[Term], private_keys: Path | None) -> BatchResult:
    """Open each tip of a batch and compare it. Nothing of it is kept."""
    opener, found, unopened = BatchOpener(private_keys), [], 0
    for tip in tips:
        text = opener.try_to_prepare(tip)
        if text is None:
            unopened += 1
        elif matching.matches(terms, text):
            found.append(tip.id)
    return BatchResult(found, unopened)

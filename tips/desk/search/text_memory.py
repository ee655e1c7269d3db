"""The engine that remembers: folded texts of all tips, in the memory of the search process alone (search_process.py).

Before each search the memory learns what has changed: the database notifies it of every tip, message and note that comes or goes. A tip
that is gone or has new texts is forgotten then, and opened again when a search needs it. Who may search a tip is not its concern:
each search brings the tips that its officer may open at that moment (slices.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection, connections

from core import visitor_traces
from core.database_listener import Listener
from tips.desk.search import matching, tip_batches
from tips.desk.search.matching import SearchText, Term
from tips.desk.search.sealed_tips import BatchOpener, BatchResult
from tips.models import Message, Note, Tip

# Sent for every change that the desk shows (rules.sql): also for those that change no text.
_TOPIC = "desk"
_UUID_BYTES = 16
_IDS = {
    Tip: "SELECT string_agg(uuid_send(id), ''::bytea) FROM tips_tip",
    Message: "SELECT string_agg(uuid_send(id), ''::bytea) FROM tips_message",
    Note: "SELECT string_agg(uuid_send(id), ''::bytea) FROM tips_note",
}


class TextMemory:
    """Folded texts by the ids of their tips. For several threads: one of its own talks to the database about changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watcher = ThreadPoolExecutor(1, "changes")
        self._listener = Listener([_TOPIC])
        self._texts: dict[bytes, SearchText] = {}
        self._known: dict[type[Message | Note], set[bytes]] = {Message: set(), Note: set()}
        # Raised when texts are forgotten: what was fetched before must not be stored after.
        self._generation = 0
        self._used_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._texts)

    def synchronize(self) -> None:
        """Forget the tips that are gone or have new texts. Returns once the memory is as new as the database."""
        self._watcher.submit(self._synchronize).result()

    def match_batches(self, terms: Sequence[Term], batches: Iterable[Sequence[bytes]]) -> Iterator[BatchResult]:
        """Yield the result of each batch, in their order; tips that are not remembered are opened first."""
        letters = matching.choose_rarest(terms)
        for ids in batches:
            self._used_at = time.monotonic()
            texts = [*map(self._texts.get, ids)]
            missing = [tip_id for tip_id, text in zip(ids, texts, strict=True) if text is None]
            opened = self._open(missing) if missing else {}
            if missing:
                texts = [text or opened.get(tip_id) for tip_id, text in zip(ids, texts, strict=True)]
            found = [
                UUID(bytes=tip_id)
                for tip_id, text in zip(ids, texts, strict=True)
                # The condition on the letters alone is a tenth of the last one's work.
                if text is not None and letters in text.squeezed and matching.matches(terms, text)
            ]
            yield BatchResult(found, len(missing) - len(opened))

    def clear_if_idle(self, seconds: float) -> bool:
        """Forget everything unless there was a search within this time; return whether anything was forgotten."""
        if not self._texts or time.monotonic() - self._used_at < seconds:
            return False
        self._watcher.submit(self._clear).result()
        visitor_traces.drop_traces()
        return True

    def close(self) -> None:
        """Forget everything, and end the connections to the database."""
        self._watcher.submit(self._clear).result()
        self._watcher.submit(connections.close_all).result()
        self._watcher.shutdown()

    def _open(self, tip_ids: list[bytes]) -> dict[bytes, SearchText]:
        """Return the texts of these tips, and remember them."""
        generation, opener = self._generation, BatchOpener(settings.AGENCY_PRIVATE_KEYS)
        prepared = ((tip.id.bytes, opener.try_to_prepare(tip)) for tip in tip_batches.fetch_batch(tip_ids))
        opened = {tip_id: text for tip_id, text in prepared if text is not None}
        with self._lock:
            if generation == self._generation:
                self._texts.update(opened)
        return opened

    def _synchronize(self) -> None:
        close_old_connections()
        if self._listener.check():
            self._forget_changed()

    def _clear(self) -> None:
        with self._lock:
            self._texts = {}
            self._generation += 1
        self._known = {Message: set(), Note: set()}
        self._listener.close()

    def _forget_changed(self) -> None:
        with self._lock:
            self._generation += 1  # before the database is asked
        gone = self._texts.keys() - _list_ids(Tip)
        for model, known in self._known.items():
            present = _list_ids(model)
            new = [UUID(bytes=pk) for pk in present - known]
            # At first all are new, and no text is remembered.
            if new and self._texts:
                changed = model._default_manager.filter(pk__in=new).values_list("tip_id", flat=True)
                gone |= {tip_id.bytes for tip_id in changed}
            self._known[model] = present
        with self._lock:
            self._generation += 1
            for tip_id in gone:
                self._texts.pop(tip_id, None)


def _list_ids(model: type[Tip | Message | Note]) -> set[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_IDS[model])
        packed = bytes(cursor.fetchone()[0] or b"")
    return {packed[start : start + _UUID_BYTES] for start in range(0, len(packed), _UUID_BYTES)}

"""Search the memory of many processes, again and again, each page only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.theft import blind_receipts, process_memory
from tests.theft.process_memory import PAGE_BYTES
from tests.theft.search import Finder

# A page is looked at with the beginning of the next one, so that nothing that lies across the border is missed.
OVERLAP_BYTES = 1024
# Runs of pages are joined for one search: most are short, and a search has a price of its own.
BATCH_BYTES = 16 * 1024 * 1024
_BORDER = b"\xff" * 16


@dataclass
class MemoryFindings:
    """Counts by kind of secret, and rows of words that could be receipts, of one process."""

    counts: Counter[str] = field(default_factory=Counter)
    candidates: set[str] = field(default_factory=set)
    read_bytes: int = 0
    has_control: bool = False


class MemorySearch:
    """Counts secrets, and collects rows of words that could be receipts.

    Processes that were forked share most pages, and most stay the same from one search to the next: pages that were searched
    and held nothing are not searched again.
    """

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self._clean: set[int] = set()

    def search(self, pid: int, control: bytes, *, blind: bool) -> MemoryFindings:
        """Search a process. `control` is a text that every process holds: proof that its memory was read."""
        found = MemoryFindings()
        batch: list[bytes] = []
        keys: list[int] = []
        batch_bytes = 0
        for piece in process_memory.read_memory(pid):
            found.read_bytes += len(piece)
            found.has_control = found.has_control or control in piece
            for run, pages in self._list_new_runs(piece):
                batch.append(run)
                keys += pages
                batch_bytes += len(run)
                if batch_bytes > BATCH_BYTES:
                    self._search_batch(batch, keys, found, blind=blind)
                    batch, keys, batch_bytes = [], [], 0
        self._search_batch(batch, keys, found, blind=blind)
        return found

    def _search_batch(self, batch: list[bytes], keys: list[int], found: MemoryFindings, *, blind: bool) -> None:
        content = _BORDER.join(batch)
        counts = self.finder.count(content)
        candidates = blind_receipts.find_candidates(content) if blind else set()
        found.counts += counts
        found.candidates |= candidates
        if not counts and not candidates:
            self._clean.update(keys)

    def _list_new_runs(self, piece: bytes) -> Iterator[tuple[bytes, list[int]]]:
        """Yield neighboring pages that are not known to be clean, with the keys of each."""
        pages: list[int] = []
        begin = 0
        for offset in range(0, len(piece), PAGE_BYTES):
            page = piece[offset : offset + PAGE_BYTES + OVERLAP_BYTES]
            key = hash(page)
            if key in self._clean or not page.strip(b"\0"):
                if pages:
                    yield piece[begin : offset + OVERLAP_BYTES], pages
                pages = []
            else:
                if not pages:
                    begin = offset
                pages.append(key)
        if pages:
            yield piece[begin:], pages

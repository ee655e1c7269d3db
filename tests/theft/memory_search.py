"""Search the memory of many processes, again and again, reading the same pages only once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from tests.theft import blind_receipts, process_memory
from tests.theft.search import Finder

PAGE_BYTES = 4096
# A page is looked at with the beginning of the next one, so that nothing that lies across the border is missed.
OVERLAP_BYTES = 1024


class MemorySearch:
    """Counts secrets, and collects rows of words that could be receipts.

    Processes that were forked share most pages, and most stay the same from one search to the next: pages that were searched
    and held nothing are not searched again.
    """

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self._clean: set[bytes] = set()

    def search(self, pid: int, control: bytes, *, blind: bool) -> tuple[Counter[str], set[str], int, bool]:
        """Return counts by kind, candidates of the blind search, how many bytes were read, and whether `control` is there."""
        counts: Counter[str] = Counter()
        candidates: set[str] = set()
        read_bytes, has_control = 0, False
        for piece in process_memory.read_memory(pid):
            read_bytes += len(piece)
            has_control = has_control or control in piece
            for run, pages in self._list_new_runs(piece):
                found, words = self.finder.count(run), blind_receipts.find_candidates(run) if blind else set()
                counts += found
                candidates |= words
                if not found and not words:
                    self._clean.update(pages)
        return counts, candidates, read_bytes, has_control

    def _list_new_runs(self, piece: bytes) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield neighboring pages that are not known to be clean, with the keys of each."""
        pages: list[bytes] = []
        begin = 0
        for offset in range(0, len(piece), PAGE_BYTES):
            page = piece[offset : offset + PAGE_BYTES + OVERLAP_BYTES]
            key = hashlib.blake2b(page, digest_size=16).digest()
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

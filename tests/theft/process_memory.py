"""Read the memory of a running process, as a thief with root does (Linux).

Only processes that the calling process started are read, so the theft test is no tool against a live portal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ (\d+) *(.*)")
# Mappings are read in pieces, which overlap so that no text is cut in two.
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PIECE_BYTES = 64 * 1024 * 1024
OVERLAP_BYTES = 4096


class NotOurProcessError(Exception):
    """The process was not started by this one: perhaps it serves real sources."""


def list_descendants(pid: int) -> list[int]:
    """Return the process and everything it started that is still running, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (parent := _read_parent(int(entry))):
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def read_memory(pid: int) -> Iterator[bytes]:
    """Yield the writable memory of a process, heap, stacks and shared memory included, without pages it never wrote to.

    Files that are mapped for reading alone are on the disk anyway. A process that has ended holds nothing. Raises
    NotOurProcessError.
    """
    is_ours = pid != os.getpid() and pid in list_descendants(os.getpid())
    if not is_running(pid):
        return
    if not is_ours:
        raise NotOurProcessError(pid)
    try:
        yield from _read_mappings(pid)
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return


def is_running(pid: int) -> bool:
    """Tell whether the process has memory: it has not ended, and is no zombie that waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _read_mappings(pid: int) -> Iterator[bytes]:
    with (
        open(f"/proc/{pid}/mem", "rb", buffering=0) as memory,
        open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap,
    ):
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            match = _MAP.fullmatch(line)
            if match and match[3].startswith("rw") and match[5] not in ("[vvar]", "[vsyscall]"):
                for begin, end in _list_held_runs(pagemap.fileno(), int(match[1], 16), int(match[2], 16)):
                    yield from _read_run(memory.fileno(), begin, end)


def _list_held_runs(pagemap: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a mapping that are in memory or swapped out. Pages that were never written to hold nothing."""
    entries = os.pread(pagemap, (end - begin) // PAGE_BYTES * 8, begin // PAGE_BYTES * 8)
    is_held = np.frombuffer(entries, "<u8") >> np.uint64(62) != 0  # https://docs.kernel.org/admin-guide/mm/pagemap.html
    edges = np.flatnonzero(np.diff(is_held, prepend=False, append=False)) * PAGE_BYTES + begin
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _read_run(memory: int, begin: int, end: int) -> Iterator[bytes]:
    for offset in range(begin, end, PIECE_BYTES):
        try:
            yield os.pread(memory, min(end - offset, PIECE_BYTES + OVERLAP_BYTES), offset)
        except (OSError, OverflowError):  # freed meanwhile, or a device
            return


def _read_parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0

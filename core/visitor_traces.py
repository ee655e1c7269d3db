"""Traces of visitors in a process's memory: drop those that no code of ours would drop.

The allocator overwrites what is freed (tipportal/deploy/processes.py). This frees what is left: garbage in reference cycles,
and entries of libraries' caches. Both would otherwise stay for hours in a quiet process.
"""

from __future__ import annotations

import gc
import urllib.parse


def freeze_loaded_code() -> None:
    """Take everything that exists now out of later collections. Call it once all code is loaded, before any visitor."""
    gc.collect()
    gc.freeze()


def drop_traces() -> None:
    """Free what visitors left in cycles and caches."""
    urllib.parse.clear_cache()  # type: ignore[attr-defined]  # not documented, in all versions
    gc.collect()

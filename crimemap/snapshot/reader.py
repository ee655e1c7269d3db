"""Open the version that is published now. The folder is written by crimemap/publishing/publisher.py.

    published = reader.current()                       # raises NothingPublishedError
    chosen = Filter.parse(request.GET, published)      # raises FilterError
    published.read_page(chosen, offset=0, limit=50)

A request that keeps its PublishedIncidents gets answers that agree with each other, whatever is published meanwhile.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from django.conf import settings

from crimemap.snapshot import format
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

_lock = threading.Lock()
# The file stamp of the pointer and the version it named, for the folder opened last: each version holds its files open.
_opened: dict[Path, tuple[object, PublishedIncidents]] = {}


def current() -> PublishedIncidents:
    """Return the version that is published now, noticing a newer one by its pointer file. Raises NothingPublishedError."""
    folder = settings.INCIDENT_SNAPSHOTS
    if folder is None:
        raise NothingPublishedError
    pointer_file = folder / format.CURRENT
    try:
        status = pointer_file.stat()
    except OSError:
        raise NothingPublishedError from None
    stamp = (status.st_ino, status.st_mtime_ns)
    known = _opened.get(folder)
    if known and known[0] == stamp:
        return known[1]
    with _lock:
        try:
            pointer = json.loads(pointer_file.read_bytes())
            if known and known[1].version == pointer["version"]:
                opened = known[1].with_pointer(pointer)
            else:
                opened = PublishedIncidents(folder / pointer["version"], pointer)
        except (OSError, ValueError, KeyError):
            if known is None:
                raise NothingPublishedError from None
            return known[1]  # being replaced right now: the next request finds the new one
        for other in _opened.keys() - {folder}:
            del _opened[other]
        _opened[folder] = (stamp, opened)
    return opened

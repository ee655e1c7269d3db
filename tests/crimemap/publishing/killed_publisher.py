"""A process that writes a version and is killed in the middle:

python -m tests.crimemap.publishing.killed_publisher MOMENT FOLDER FILE    # the file: what snapshot.write is given, pickled
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from crimemap.privacy import visibility
from crimemap.publishing import publisher, versions
from crimemap.snapshot import format

replace = versions.write_atomically


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


MOMENTS: dict[str, Callable[[], None]] = {
    "first file": lambda: setattr(np, "save", die),
    "last file": lambda: setattr(versions, "write_atomically", die),
    "rename": lambda: setattr(Path, "rename", die),
    "before the pointer": lambda: setattr(versions, "current_version", die),
    "the pointer": lambda: setattr(
        versions, "write_atomically", lambda path, data: replace(path, data) if path.name == format.META else die()
    ),
}


if __name__ == "__main__":
    moment, folder, file = sys.argv[1:]
    records, rule, freshness = pickle.loads(Path(file).read_bytes())
    MOMENTS[moment]()
    publisher.write_version(Path(folder), records, visibility.decide_levels(records, rule), rule, freshness)

"""A file goes into a fresh, confined process; what that says is checked before anybody believes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tipportal.rebuilding.results import Rebuilt


class SandboxError(Exception):
    """It is this machine, not the file: no room in memory, a library missing, a process killed from outside.

    The file is to be kept and tried again. The message is a sentence for the administrator.
    """


def rebuild(source: Path, into: Path, progress: Callable[[int], None] | None = None) -> Rebuilt:
    """Make a clean file out of a stranger's.

    `source`: its plaintext in a workspace (/proc/self/fd/N is fine); `into`: an empty folder in the same, where the parts
    end up. `progress` gets 0 to 100. Raises RefusedError for the file's fault, SandboxError for the machine's.
    """
    raise NotImplementedError

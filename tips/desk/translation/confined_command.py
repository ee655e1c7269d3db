"""Confines this process, then becomes the agency's translator. Started by translator.py, in a Python of its own.

The layers are those for strangers' files (file_cleaning/confinement/sandbox.py). Of files, the command may read the system's libraries, its
own beside it (bin/ and lib/) and the paths that stand in it, and write none. Imports no Django: nothing of the portal is in this process's memory.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from file_cleaning.confinement import sandbox
from file_cleaning.confinement.sandbox import ProcessLimits

NOT_CONFINED = 97  # the exit code if a layer is missing
LIMITS = ProcessLimits(memory_bytes=4 * 1024**3, file_bytes=0, cpu_seconds=60, elapsed_seconds=20)
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/sys/devices/system/cpu")


def main() -> None:
    """Run the command in the arguments. Exits with NOT_CONFINED if this server can't confine it or has no such program."""
    command = sys.argv[1:]
    found = shutil.which(command[0], path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        sys.exit(NOT_CONFINED)
    program = Path(found).resolve()
    named = [Path(word) for word in command if word.startswith("/")]
    # The libraries of an interpreter that isn't the system's.
    prefixes = [Path(found).parent.parent, program.parent.parent]
    libraries = [prefix / name for prefix in prefixes for name in ("lib", "pyvenv.cfg")]
    memory, has_namespace = sandbox.confine_before_imports(LIMITS)
    readable = [*map(Path, _SYSTEM), *libraries, *named]
    has_landlock, has_seccomp = sandbox.confine_before_reading(None, readable, program)
    if not (memory and has_landlock and (has_namespace or has_seccomp)):
        sys.exit(NOT_CONFINED)
    # The name as it was given: a virtual environment's Python finds its modules by it.
    os.execve(program, [found, *command[1:]], {})  # noqa: S606  (a shell could start other programs)

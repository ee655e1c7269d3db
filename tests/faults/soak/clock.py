"""A clock for all processes of a portal that a test can set: a library of 50 lines of C, loaded before the C library (Linux, cc)."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """`offset` is how many seconds the portal's clock is ahead of the machine's. `library` is None where none can be built."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file = folder / "offset"
        self.file.write_bytes(bytes(8))  # mapped by every process: written in place
        self.file.chmod(0o644)
        self.offset = 0
        self.library: Path | None = None
        if sys.platform == "linux" and shutil.which("cc"):
            self.library = folder / "clock.so"
            command = ["cc", "-O2", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"]
            subprocess.run([str(part) for part in command], check=True)
            self.library.chmod(0o755)

    def set(self, offset: int) -> None:
        self.offset = offset
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", offset))

    def variables(self) -> dict[str, str]:
        """Return the environment of a process that goes by this clock; empty without the library."""
        return {"LD_PRELOAD": str(self.library), "CLOCK_OFFSET_FILE": str(self.file)} if self.library else {}

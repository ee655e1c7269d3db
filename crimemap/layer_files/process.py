"""The confined process that reads one layer's file: the file on standard input, its features on disk.

Arguments: the folder for the features, the size of the file in bytes, its name, the chosen layer of an archive ("" for the
first) and the chosen coordinate system ("" for the file's own). Standard output is one JSON object a line: the active layers
of the sandbox, then the reply: facts about the file, or {"refused": reason, "details": {...}}. Features are lines of JSON,
packed with gzip. No byte of the file is read before the first line is written. Started by layer_file.py; knows no Django.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

from file_cleaning.confinement import reply, sandbox
from file_cleaning.confinement.sandbox import ProcessLimits, SandboxLayers

MIB = 1024**2
FEATURES_FILE = "features.jsonl.gz"


def process_limits(size: int) -> ProcessLimits:
    """Return the limits for a file of `size` bytes: its time grows with it, so that a small bomb costs seconds."""
    seconds = 6 + size // (2 * MIB)
    return ProcessLimits(
        memory_bytes=3 * 1024 * MIB, file_bytes=256 * MIB, cpu_seconds=seconds, elapsed_seconds=min(55, 3 * seconds)
    )


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    name, chosen_layer, chosen_system = sys.argv[3:6]
    memory, namespace = sandbox.confine_before_imports(process_limits(size))
    # After the limits are set, since they parse what is not trusted.
    from crimemap.layer_files import reading
    from crimemap.layer_files.features import LayerRefusedError

    reading.warm_up()  # loads what the sandbox would keep from being opened
    landlock, seccomp = sandbox.confine_before_reading(folder, sandbox.SYSTEM_FOLDERS, None)
    pipe = reply.begin(SandboxLayers(namespace=namespace, landlock=landlock, seccomp=seccomp, memory=memory))
    try:
        with open(0, "rb", closefd=False) as file, gzip.open(folder / FEATURES_FILE, "wb", compresslevel=1) as target:
            answer: dict[str, Any] = reading.read_layer(file, target, name, chosen_layer, chosen_system)
    except LayerRefusedError as refusal:
        answer = {"refused": refusal.reason, "details": refusal.details}
    except MemoryError:
        answer = {"refused": "too-large"}
    except Exception:  # whatever a library makes of a damaged or hostile file
        answer = {"refused": "damaged"}
    reply.send(pipe, answer)


if __name__ == "__main__":
    main()

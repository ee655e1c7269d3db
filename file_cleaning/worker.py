"""The confined process: one file, then it ends. Started by file_cleaning/launcher.py.

Standard input is the file. On standard output one JSON object a line: first which layers hold, then progress, last the
result. Before the first line nothing of the file has been looked at.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from file_cleaning import limits, sandbox
from file_cleaning.formats import Format, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile
from file_cleaning.sandbox import SandboxLayers

ROOT = Path(__file__).resolve().parent
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/sys/devices/system/cpu")
READABLE = (*map(Path, _SYSTEM), Path(sys.prefix), Path(sys.base_prefix), ROOT)


class Say(Protocol):
    def __call__(self, **content: Any) -> None: ...


class Decoder(Protocol):
    """What the modules images, films and documents have."""

    def prepare(self, found: Format) -> Path | None:
        """Import what the format needs. Returns the program that may be executed, if any."""

    def rebuild(self, source: BinaryIO, found: Format, into: Path, progress: Any) -> RebuiltFile: ...


DECODERS = {
    MediaKind.PHOTO: "images",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "video",
    MediaKind.DOCUMENT: "documents",
}


def main() -> None:
    """Arguments: what to make (`rebuild` or `make_web_images`), kind, format, folder for the parts; or `probe` and a folder."""
    say = _speaker()
    if sys.argv[1] == "probe":
        say(held=asdict(_confine(MediaKind.PHOTO, None, Path(sys.argv[2]))[0]))
        return
    make, kind, found, into = sys.argv[1], MediaKind(sys.argv[2]), Format(sys.argv[3]), Path(sys.argv[4])
    held, decoder = _confine(kind, found, into)
    say(held=asdict(held))
    # Decoders in C print what they like; none of it goes into a log.
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    say(**_outcome(_maker(make, decoder, found, into, say)))


def _confine(kind: MediaKind, found: Format | None, into: Path) -> tuple[SandboxLayers, Decoder]:
    memory, namespace = sandbox.confine_early(limits.PROCESS_LIMITS[kind])
    decoder: Any = importlib.import_module(f"file_cleaning.{DECODERS[kind]}")
    program = decoder.prepare(found) if found else None
    landlock, seccomp = sandbox.confine(into, READABLE, program)
    return SandboxLayers(namespace=namespace, landlock=landlock, seccomp=seccomp, memory=memory), decoder


def _speaker() -> Say:
    pipe = os.dup(1)

    def say(**content: Any) -> None:
        os.write(pipe, json.dumps(content).encode() + b"\n")

    return say


def _maker(make: str, decoder: Any, found: Format, into: Path, say: Say) -> Callable[[BinaryIO], dict[str, Any]]:
    """What makes of a file the result that is told."""

    def make_web_images(source: BinaryIO) -> dict[str, Any]:
        return {"parts": _told(decoder.make_web_images(source, found, into))}

    def rebuild(source: BinaryIO) -> dict[str, Any]:
        made: RebuiltFile = decoder.rebuild(source, found, into, lambda percent: say(percent=percent))
        return {"kind": made.kind, "duration": made.duration, "pages": made.pages, "parts": _told(made.parts)}

    return make_web_images if make == "make_web_images" else rebuild


def _told(parts: list[OutputPart]) -> list[dict[str, Any]]:
    return [asdict(part) | {"path": part.path.name} for part in parts]


def _outcome(make: Callable[[BinaryIO], dict[str, Any]]) -> dict[str, Any]:
    try:
        with open(0, "rb", closefd=False) as source:
            return {"made": make(source)}
    except FileRefusedError as refusal:
        return {"refused": refusal.reason}
    except MemoryError:
        return {"refused": RefusalReason.TOO_LARGE}
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return {"refused": RefusalReason.TOO_LARGE}
        return {"refused": RefusalReason.DAMAGED}

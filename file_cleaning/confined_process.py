"""The confined process: rebuilds one file, then exits. Started by file_cleaning/launcher.py.

Standard input is the file. Standard output is one JSON object per line: first the active layers of the sandbox, then
progress, last the reply. No byte of the file is read before the first line is written.
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

from file_cleaning import limits
from file_cleaning.confinement import sandbox
from file_cleaning.confinement.sandbox import SandboxLayers
from file_cleaning.formats import FileFormat, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile

ROOT = Path(__file__).resolve().parent
READABLE = (*sandbox.SYSTEM_FOLDERS, ROOT)


class MessageSender(Protocol):
    """Writes one message to the parent process."""

    def __call__(self, **content: Any) -> None: ...


class Decoder(Protocol):
    """The interface of the modules images, video and documents."""

    def prepare(self, file_format: FileFormat) -> Path | None:
        """Import what the format needs. Returns the program that the process may execute, if any."""

    def rebuild(
        self, source: BinaryIO, file_format: FileFormat, output_folder: Path, report_progress: Any
    ) -> RebuiltFile: ...


# Imported by name, and only after limits are set: each pulls in libraries that parse untrusted data.
DECODERS = {
    MediaKind.PHOTO: "images",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "video",
    MediaKind.DOCUMENT: "documents",
}


def main() -> None:
    """Rebuild the file on standard input.

    Arguments: an operation (`rebuild`, `make_web_images`, `make_crest` or `make_backdrop`), kind, format and output folder; or `probe` and a folder, to
    report the active layers of the sandbox alone.
    """
    send = _open_sender()
    if sys.argv[1] == "probe":
        layers, _ = _confine(MediaKind.PHOTO, None, Path(sys.argv[2]))
        send(layers=asdict(layers))
        return
    operation, kind, file_format, output_folder = (
        sys.argv[1],
        MediaKind(sys.argv[2]),
        FileFormat(sys.argv[3]),
        Path(sys.argv[4]),
    )
    layers, decoder = _confine(kind, file_format, output_folder)
    send(layers=asdict(layers))
    # Decoders in C print messages that may quote the file; none of that may reach a log.
    null_device = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_device, 1)
    os.dup2(null_device, 2)
    send(**_run(_choose_processor(operation, decoder, file_format, output_folder, send)))


def _confine(kind: MediaKind, file_format: FileFormat | None, output_folder: Path) -> tuple[SandboxLayers, Decoder]:
    """Confine this process. Returns the active layers and the decoder of `kind`, imported and prepared."""
    memory, namespace = sandbox.confine_before_imports(limits.PROCESS_LIMITS[kind])
    decoder: Any = importlib.import_module(f"file_cleaning.{DECODERS[kind]}")
    program = decoder.prepare(file_format) if file_format else None
    landlock, seccomp = sandbox.confine_before_reading(output_folder, READABLE, program)
    return SandboxLayers(namespace=namespace, landlock=landlock, seccomp=seccomp, memory=memory), decoder


def _open_sender() -> MessageSender:
    """Return a function that writes messages to standard output as it is now."""
    pipe = os.dup(1)

    def send(**content: Any) -> None:
        os.write(pipe, json.dumps(content).encode() + b"\n")

    return send


def _choose_processor(
    operation: str, decoder: Any, file_format: FileFormat, output_folder: Path, send: MessageSender
) -> Callable[[BinaryIO], dict[str, Any]]:
    """Return the function that processes this kind of file and builds the output for the reply."""

    def make_images(source: BinaryIO) -> dict[str, Any]:
        return {"parts": _serialize_parts(getattr(decoder, operation)(source, file_format, output_folder))}

    def rebuild(source: BinaryIO) -> dict[str, Any]:
        rebuilt: RebuiltFile = decoder.rebuild(
            source, file_format, output_folder, lambda percent: send(percent=percent)
        )
        parts = _serialize_parts(rebuilt.parts)
        return {"kind": rebuilt.kind, "duration": rebuilt.duration_seconds, "pages": rebuilt.pages, "parts": parts}

    return rebuild if operation == "rebuild" else make_images


def _serialize_parts(parts: list[OutputPart]) -> list[dict[str, Any]]:
    return [asdict(part) | {"path": part.path.name} for part in parts]


def _run(process: Callable[[BinaryIO], dict[str, Any]]) -> dict[str, Any]:
    """Process standard input. Returns the reply: the output, or the reason why the file is refused."""
    try:
        with open(0, "rb", closefd=False) as source:
            return {"output": process(source)}
    except FileRefusedError as refusal:
        return {"refused": refusal.reason}
    except MemoryError:
        return {"refused": RefusalReason.TOO_LARGE}
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return {"refused": RefusalReason.TOO_LARGE}
        return {"refused": RefusalReason.DAMAGED}

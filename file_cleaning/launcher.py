"""Start a confined process for each file, read its messages and validate its output before using it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from file_cleaning import limits
from file_cleaning.confinement.child_process import ChildProcess
from file_cleaning.confinement.sandbox import SandboxLayers
from file_cleaning.detection import detect_format, detect_kind
from file_cleaning.formats import HEAD_BYTES, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import (
    OutputPart,
    RebuiltFile,
    validate_backdrop,
    validate_crest,
    validate_rebuilt_file,
    validate_web_images,
)
from file_cleaning.workspace import open_workspace

logger = logging.getLogger("file_cleaning")

# Isolated mode (-I) leaves the project's folder off the path; the worker needs only this package of it.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv.pop(1))
from file_cleaning.confined_process import main
main()
"""

Output = TypeVar("Output")


class SandboxError(Exception):
    """The machine failed, not the file: memory is full, a library is missing, or the process was killed from outside.

    Keep the file and try it again. The message is a sentence for the administrator.
    """


def rebuild(source: Path, output_folder: Path, report_progress: Callable[[int], None] | None = None) -> RebuiltFile:
    """Rebuild an untrusted file without its hidden content.

    `source` is its plaintext in a workspace (/proc/self/fd/N is fine); `output_folder`, an empty folder in the same
    workspace, receives the parts. `report_progress` is called with 0 to 100 percent. Raises FileRefusedError if the file is
    at fault, SandboxError if the machine is.
    """
    return _run_confined("rebuild", source, output_folder, validate_rebuilt_file, report_progress)


def make_web_images(source: Path, output_folder: Path) -> list[OutputPart]:
    """Rebuild a picture for residents' pages in each of limits.WEB_IMAGE_WIDTHS, WebP and JPEG alternating.

    Arguments and exceptions are those of `rebuild`; a file that is not a picture is refused.
    """
    return _make_images("make_web_images", source, output_folder, validate_web_images)


def make_crest(source: Path, output_folder: Path) -> list[OutputPart]:
    """Rebuild a picture as an agency's crest: one PNG of limits.CREST_SIZE. Arguments and exceptions as above."""
    return _make_images("make_crest", source, output_folder, validate_crest)


def make_backdrop(source: Path, output_folder: Path) -> list[OutputPart]:
    """Rebuild a picture for the home page's head: one WebP of up to limits.BACKDROP_SIZE. Arguments and exceptions as above."""
    return _make_images("make_backdrop", source, output_folder, validate_backdrop)


def _make_images(
    operation: str, source: Path, output_folder: Path, validate: Callable[[Any, Path], list[OutputPart]]
) -> list[OutputPart]:
    with source.open("rb") as stream:
        if detect_kind(stream.read(HEAD_BYTES)) is not MediaKind.PHOTO:
            raise FileRefusedError(RefusalReason.UNSUPPORTED)
    return _run_confined(operation, source, output_folder, validate)


def probe_sandbox() -> SandboxLayers:
    """Return which layers of the sandbox are active on this machine, as a process that confines itself reports them.

    Raises SandboxError if the process does not start.
    """
    with open_workspace(allow_disk=True) as folder:
        child = ChildProcess(_BOOTSTRAP, ["probe", str(folder)], folder, subprocess.DEVNULL)
        try:
            child.read_messages(30, None)
        finally:
            child.terminate()
    if child.layers is None:
        raise SandboxError("The process that cleans files doesn't start. Its error is in the log above this line.")
    return child.layers


def _run_confined(
    operation: str,
    source: Path,
    output_folder: Path,
    validate: Callable[[Any, Path], Output],
    report_progress: Callable[[int], None] | None = None,
) -> Output:
    output_folder = output_folder.resolve(strict=True)
    with source.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        kind, file_format = detect_kind(head), detect_format(head)
        stream.seek(0)
        arguments = [operation, kind, file_format, str(output_folder)]
        child = ChildProcess(_BOOTSTRAP, arguments, output_folder, stream.fileno())
        try:
            child.read_messages(limits.PROCESS_LIMITS[kind].elapsed_seconds, report_progress)
        finally:
            child.terminate()
    return _interpret_reply(child, kind, output_folder, validate)


def _interpret_reply(
    child: ChildProcess, kind: MediaKind, output_folder: Path, validate: Callable[[Any, Path], Output]
) -> Output:
    """Return the validated output, or raise FileRefusedError or SandboxError, whichever explains how the process ended."""
    exit_code = child.process.returncode
    if child.layers is None:
        raise SandboxError("The process that cleans files doesn't start. Its error is in the log above this line.")
    _log_missing_layers(child.layers)
    if "output" in child.reply and not child.timed_out:
        try:
            return validate(child.reply["output"], output_folder)
        except ValueError:
            raise FileRefusedError(RefusalReason.DAMAGED) from None
    file_system = os.statvfs(output_folder)
    if file_system.f_bavail * file_system.f_frsize < limits.MIB:
        raise SandboxError("The folder in memory is full. Give it more room (RAM_FOLDER), or start fewer workers.")
    if child.timed_out:
        is_recording = kind in (MediaKind.VIDEO, MediaKind.AUDIO)
        raise FileRefusedError(RefusalReason.TOO_LONG if is_recording else RefusalReason.TOO_LARGE)
    if exit_code == -signal.SIGKILL and child.closed_output:
        raise SandboxError(
            "The process that rebuilds files was killed: by the system when memory was short, or by hand."
        )
    if exit_code in (-signal.SIGXCPU, -signal.SIGXFSZ):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    with suppress(ValueError):
        raise FileRefusedError(RefusalReason(str(child.reply.get("refused"))))
    raise FileRefusedError(RefusalReason.DAMAGED)


_logged_layers: set[SandboxLayers] = set()


def _log_missing_layers(layers: SandboxLayers) -> None:
    """Log the missing layers, once per process. On Linux a network that is not blocked is an error."""
    if layers in _logged_layers:
        return
    _logged_layers.add(layers)
    if sys.platform == "linux" and not layers.is_network_blocked:
        logger.error(
            "Strangers' files are cleaned WITHOUT blocking the network: neither user namespaces nor seccomp work here. docs/media.md says what to do."
        )
    missing = [name for name in SandboxLayers.__slots__ if not getattr(layers, name)]
    if missing:
        logger.warning(
            "These layers of the sandbox for strangers' files are missing here: %s. See docs/media.md.",
            ", ".join(missing),
        )

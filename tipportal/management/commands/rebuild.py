"""`manage.py rebuild FILE... --to DIR`: rebuild files in the sandbox without a tip, to see the result."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from argparse import ArgumentTypeError
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

import file_cleaning

MAIN_ROLES = ("full", "video", "audio", "document")
MAX_NAME_BYTES = 255  # on all common file systems


class Command(BaseCommand):
    help = "Clean files the way residents' files are cleaned, and print the result, or why a file is refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--to",
            required=True,
            type=_make_folder,
            metavar="DIR",
            help="the folder for the results; created if missing, and nothing in it is overwritten",
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, files: list[Path], to: Path, **options: Any) -> None:
        """Rebuild each file. The exit code is 0 if each of them is ready or refused, 1 otherwise."""
        if not file_cleaning.has_ram_folder():
            self.stderr.write(_("This machine has no folder in memory, so cleaned files pass over the disk."))
        results = []
        for file in files:
            results.append(_rebuild(file, to))
            if not options["json"]:
                self.stdout.write(_format_result(results[-1]))
        if options["json"]:
            self.stdout.write(json.dumps({"files": results, "sandbox": asdict(file_cleaning.probe_sandbox())}))
        if any(result["state"] not in ("ready", "refused") for result in results):
            sys.exit(1)


def _make_folder(value: str) -> Path:
    path = Path(value)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentTypeError(f"{value}: {error.strerror}") from None
    return path


def _rebuild(file: Path, to: Path) -> dict[str, Any]:
    """Rebuild a file. Returns its state (ready, refused, missing, failed), the seconds it took, and details of the state."""
    start = time.monotonic()
    try:
        if not file.is_file():
            result = {"state": "missing", "sentence": _("This file doesn't exist.")}
        else:
            with file_cleaning.open_workspace(allow_disk=True) as folder:
                result = _copy_parts(file_cleaning.rebuild(file, folder), file.name, to)
    except file_cleaning.FileRefusedError as refusal:
        result = {"state": "refused", "reason": refusal.reason, "sentence": refusal.sentence}
    except (file_cleaning.SandboxError, file_cleaning.NoRamFolderError) as error:
        result = {"state": "failed", "sentence": str(error)}
    except (OSError, ValueError) as error:
        result = {"state": "failed", "sentence": getattr(error, "strerror", None) or str(error)}
    return {"file": _escape_unprintable(str(file)), **result, "seconds": round(time.monotonic() - start, 2)}


def _copy_parts(rebuilt: file_cleaning.RebuiltFile, name: str, to: Path) -> dict[str, Any]:
    """Copy the parts: the main one as NAME.jpg, NAME.mp4 ..., the others as NAME-thumbnail.jpg and so on."""
    parts, pages = [], 0
    for part in rebuilt.parts:
        pages += part.role == "page"
        ending = f"-{part.role}-{pages:03}" if part.role == "page" else f"-{part.role}"
        if part.role in MAIN_ROLES:
            ending = ""
        copy = _copy(part.path, to, name, ending, part.path.suffix)
        description = {"role": part.role, "file": _escape_unprintable(copy.name), "type": part.media_type}
        size = {"bytes": copy.stat().st_size, "width": part.width, "height": part.height}
        parts.append(description | size)
    return {
        "state": "ready",
        "kind": rebuilt.kind,
        "duration": rebuilt.duration_seconds,
        "pages": rebuilt.pages,
        "parts": parts,
    }


def _copy(source: Path, to: Path, name: str, ending: str, suffix: str) -> Path:
    """Copy under a free name: files of the same name from several folders are numbered."""
    number = 1
    while True:
        end = f"{ending}{f'.{number}' if number > 1 else ''}{suffix}"
        path = to / (os.fsdecode(os.fsencode(name)[: MAX_NAME_BYTES - len(end)]) + end)
        try:
            with source.open("rb") as original, path.open("xb") as copy:
                shutil.copyfileobj(original, copy)
        except FileExistsError:
            number += 1
        else:
            return path


def _format_result(result: dict[str, Any]) -> str:
    lines = []
    if result["state"] != "ready":
        state = f"{result['state']} ({result['reason']})" if "reason" in result else result["state"]
        return f"{result['file']}: {state}, {result['seconds']} s. {result['sentence']}"
    length = f", {result['duration']:.1f} s long" if result["duration"] is not None else ""
    pages = f", {result['pages']} pages" if result["pages"] else ""
    lines.append(f"{result['file']}: {result['kind']}{length}{pages}, ready after {result['seconds']} s")
    for part in result["parts"]:
        size = f"{part['width']} x {part['height']}" if part["width"] else ""
        lines.append(f"  {part['file']}  {part['type']}  {size}  {part['bytes']:,} bytes")
    return "\n".join(lines)


def _escape_unprintable(name: str) -> str:
    """Escape characters that could move the cursor, reverse the text direction or are broken UTF-8."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in name
    )

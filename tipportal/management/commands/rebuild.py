"""`manage.py rebuild FILE... --to DIR`: puts files through the sandbox outside of tips, to see what it does with them."""

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
LONGEST_NAME = 255  # bytes, of every file system in use


class Command(BaseCommand):
    help = "Rebuild files without traces, as residents' files are, and say what came out or why a file is refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--to", required=True, type=_folder, metavar="DIR", help="made if need be; nothing in it is overwritten"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, files: list[Path], to: Path, **options: Any) -> None:
        """Exit code 0 when each file ended as ready or refused, 1 otherwise."""
        if not file_cleaning.has_ram_folder():
            self.stderr.write(_("This machine has no folder in memory: what is rebuilt passes over the disk."))
        ended = []
        for file in files:
            ended.append(_rebuild(file, to))
            if not options["json"]:
                self.stdout.write(_told(ended[-1]))
        if options["json"]:
            self.stdout.write(json.dumps({"files": ended, "sandbox": asdict(file_cleaning.probe_sandbox())}))
        if any(each["state"] not in ("ready", "refused") for each in ended):
            sys.exit(1)


def _folder(value: str) -> Path:
    path = Path(value)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentTypeError(f"{value}: {error.strerror}") from None
    return path


def _rebuild(file: Path, to: Path) -> dict[str, Any]:
    """What became of a file: state (ready, refused, missing, failed), seconds, and what belongs to each."""
    start = time.monotonic()
    try:
        if not file.is_file():
            end = {"state": "missing", "sentence": _("There is no such file.")}
        else:
            with file_cleaning.open_workspace(allow_disk=True) as folder:
                end = _kept(file_cleaning.rebuild(file, folder), file.name, to)
    except file_cleaning.FileRefusedError as refusal:
        end = {"state": "refused", "reason": refusal.reason, "sentence": refusal.sentence}
    except (file_cleaning.SandboxError, file_cleaning.NoRamFolderError) as error:
        end = {"state": "failed", "sentence": str(error)}
    except (OSError, ValueError) as error:
        end = {"state": "failed", "sentence": getattr(error, "strerror", None) or str(error)}
    return {"file": _printable(str(file)), **end, "seconds": round(time.monotonic() - start, 2)}


def _kept(made: file_cleaning.RebuiltFile, name: str, to: Path) -> dict[str, Any]:
    """Copy the parts out: the whole as NAME.jpg, NAME.mp4 ..., what belongs to it as NAME-thumbnail.jpg and so on."""
    parts, pages = [], 0
    for part in made.parts:
        pages += part.role == "page"
        ending = f"-{part.role}-{pages:03}" if part.role == "page" else f"-{part.role}"
        if part.role in MAIN_ROLES:
            ending = ""
        written = _copy(part.path, to, name, ending, part.path.suffix)
        about = {"role": part.role, "file": _printable(written.name), "type": part.media_type}
        size = {"bytes": written.stat().st_size, "width": part.width, "height": part.height}
        parts.append(about | size)
    return {"state": "ready", "kind": made.kind, "duration": made.duration_seconds, "pages": made.pages, "parts": parts}


def _copy(source: Path, to: Path, name: str, ending: str, suffix: str) -> Path:
    """Under a name that is free: files of the same name from several folders are numbered."""
    number = 1
    while True:
        end = f"{ending}{f'.{number}' if number > 1 else ''}{suffix}"
        path = to / (os.fsdecode(os.fsencode(name)[: LONGEST_NAME - len(end)]) + end)
        try:
            with source.open("rb") as given, path.open("xb") as taken:
                shutil.copyfileobj(given, taken)
        except FileExistsError:
            number += 1
        else:
            return path


def _told(end: dict[str, Any]) -> str:
    lines = []
    if end["state"] != "ready":
        state = f"{end['state']} ({end['reason']})" if "reason" in end else end["state"]
        return f"{end['file']}: {state}, {end['seconds']} s. {end['sentence']}"
    length = f", {end['duration']:.1f} s long" if end["duration"] is not None else ""
    pages = f", {end['pages']} pages" if end["pages"] else ""
    lines.append(f"{end['file']}: {end['kind']}{length}{pages}, ready after {end['seconds']} s")
    for part in end["parts"]:
        size = f"{part['width']} x {part['height']}" if part["width"] else ""
        lines.append(f"  {part['file']}  {part['type']}  {size}  {part['bytes']:,} bytes")
    return "\n".join(lines)


def _printable(name: str) -> str:
    """A name as text that moves no cursor, turns no direction and is no broken UTF-8."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in name
    )

"""Runs `manage.py import_incidents ... --json` and reads its output."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

OUTCOMES = ("created", "updated", "unchanged", "rejected")
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"  # real files, where there are any


def run_import_command(source: str, *files: Path, profile: str | None = None, **options: Any) -> dict[str, Any]:
    """Return the JSON object that the command prints; check that its counts add up."""
    out = io.StringIO()
    named = {"profile": profile} if profile else {}
    call_command("import_incidents", source, *map(str, files), json=True, stdout=out, **named, **options)
    result: dict[str, Any] = json.loads(out.getvalue())
    assert sum(result[name] for name in OUTCOMES) == result["read"]
    return result


def refusal_of_import(source: str, *files: Path, profile: str | None = None, **options: Any) -> str:
    """Return the error of a command that imports nothing. Raises AssertionError if it does import."""
    try:
        result = run_import_command(source, *files, profile=profile, **options)
    except (CommandError, SystemExit) as error:
        return str(error)
    raise AssertionError(f"imported: {result}")


def outcomes(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in OUTCOMES)

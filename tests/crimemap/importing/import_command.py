"""Imports as an administrator types them: `manage.py import_incidents ... --json`, and what it says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

OUTCOMES = ("created", "updated", "unchanged", "rejected")
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"  # real files, where there are any


def imported(source: str, *files: Path, profile: str | None = None, **options: Any) -> dict[str, Any]:
    """The one JSON object; its counts add up."""
    out = io.StringIO()
    named = {"profile": profile} if profile else {}
    call_command("import_incidents", source, *map(str, files), json=True, stdout=out, **named, **options)
    told: dict[str, Any] = json.loads(out.getvalue())
    assert sum(told[name] for name in OUTCOMES) == told["read"]
    return told


def refusal(source: str, *files: Path, profile: str | None = None, **options: Any) -> str:
    """What the command says when it imports nothing; fails when it does import."""
    try:
        told = imported(source, *files, profile=profile, **options)
    except (CommandError, SystemExit) as error:
        return str(error)
    raise AssertionError(f"imported: {told}")


def outcomes(told: dict[str, Any]) -> tuple[int, ...]:
    return tuple(told[name] for name in OUTCOMES)

"""Asks the search process for a slice of a search (search_process.py)."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from uuid import UUID

from django.core.exceptions import PermissionDenied

from core.models import Account
from tips.desk.search.slices import Slice
from tips.desk.search.tip_batches import Position, Scope

_CONNECT_SECONDS = 0.3
# Beside the slice's own time: the permissions, the changes, and a process that is busy with another officer's search.
_SPARE_SECONDS = 4.0


class SearchProcessGoneError(Exception):
    """The search process does not answer, or not in time."""


def search(  # noqa: PLR0917
    path: Path, account: Account, words: str, scope: Scope, after: Position | None, seconds: float, max_found: int
) -> Slice:
    """Return a slice, as slices.search does. Raises SearchProcessGoneError and PermissionDenied."""
    asked = {
        "account": account.pk,
        "words": words,
        "scope": scope.value,
        "after": [after.received, after.id.hex] if after else None,
        "seconds": seconds,
        "max_found": max_found,
    }
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_CONNECT_SECONDS)
            connection.connect(str(path))
            connection.settimeout(seconds + _SPARE_SECONDS)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise SearchProcessGoneError from error
    if answer.get("refused"):
        raise PermissionDenied
    last = answer["after"]
    return Slice(
        found=[UUID(hex=tip_id) for tip_id in answer["found"]],
        searched=answer["searched"],
        remaining=answer["remaining"],
        unopened=answer["unopened"],
        after=Position(last[0], UUID(hex=last[1])) if last else None,
    )

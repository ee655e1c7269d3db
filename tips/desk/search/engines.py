"""Chooses who runs a slice of a search: the search process if there is one, else this process with its helpers."""

from __future__ import annotations

from django.conf import settings

from core.models import Account
from tips.desk.search import matching, process_client, slices
from tips.desk.search.process_client import SearchProcessGoneError
from tips.desk.search.slices import Slice
from tips.desk.search.tip_batches import Position, Scope


def search(  # noqa: PLR0917
    account: Account, words: str, scope: Scope, after: Position | None, seconds: float, max_found: int
) -> tuple[Slice, bool]:
    """Return a slice, and whether the search process should have run it but is gone. Raises PermissionDenied."""
    is_gone = False
    if settings.SEARCH_SOCKET is not None:
        try:
            return process_client.search(
                settings.SEARCH_SOCKET, account, words, scope, after, seconds, max_found
            ), is_gone
        except SearchProcessGoneError:
            is_gone = True
    return slices.search(account, matching.parse_words(words), scope, after, seconds, max_found), is_gone

"""Decides whether a request may store files: its page of ours is not sent yet, or its source has an open inbox."""

from __future__ import annotations

from django.http import HttpRequest

from core import ephemeral_store
from tips import form_tokens
from tips.source import inbox_session


def may_send_files(request: HttpRequest, token_text: str) -> bool:
    """Return whether the token is ours, an expired one included, or the source is signed in."""
    try:
        form_tokens.read(token_text)
    except form_tokens.TokenExpiredError:
        return True
    except form_tokens.TokenError:
        return has_open_inbox(request)
    return True


def has_open_inbox(request: HttpRequest) -> bool:
    try:
        return inbox_session.find_current(request) is not None
    except ephemeral_store.StoreDownError:
        return False

"""The tokens in a page of the desk with which its script asks whether something has changed.

Rows and people are known by two short hashes. They are the same in every process, and say nothing without the key.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext

from core.models import Account
from tips.desk.live.desk_watch import DeskView, desk_watch
from tips.desk.live.sightings import sign_ticket

# As many rows as a page of the queue has.
_MAX_COUNTED = 50


def describe_page(account: Account, query: QueryDict, tip_id: UUID | None) -> dict[str, str]:
    """Return what the script of a page needs. Call it before the rows are loaded, so that they are at least as new.

    `query` is that of the queue on the page, `tip_id` the tip that is open beside it.
    """
    view = desk_watch.remembered(account)
    text = query.urlencode()
    return {
        "address": reverse("admin:tips_tip_live"),
        "query": text,
        "ticket": sign_ticket(account.pk, tip_id) if tip_id else "",
        "rows": sign_rows(view, account.pk, text) if view else "",
        **_list_words(get_language() or ""),
    }


@functools.cache
def _list_words(_language: str) -> dict[str, str]:
    """Return the words of the page's lines about new tips in the present language, which is the argument."""
    return {
        "new_words": _list_counts(lambda count: ngettext("%(count)s new tip", "%(count)s new tips", count)),
        "came_words": _list_counts(
            lambda count: ngettext("%(count)s tip came meanwhile", "%(count)s tips came meanwhile", count)
        ),
    }


def _list_counts(phrase: Callable[[int], str]) -> str:
    """Return the phrase for each number up to a page of rows, as JSON: the rules for plurals are the language's."""
    return json.dumps([phrase(count) % {"count": count} for count in range(1, _MAX_COUNTED + 1)])


def sign_rows(view: DeskView, account_id: int, query: str) -> str:
    """Return the hash that stays the same as long as the rows of this query look the same.

    The minute is in it, since rows say how much time is left.
    """
    return _sign(view.tips, account_id, query, _read_minute())


def sign_people(view: DeskView, account_id: int) -> str:
    """Return the hash that stays the same as long as the same people are at the same tips."""
    return _sign(view.present, view.on_duty, account_id)


def _read_minute() -> int:
    return int(timezone.now().timestamp() // 60)


def _sign(*content: Any) -> str:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"desk views").digest()
    return hashlib.blake2b(repr(content).encode(), key=key, digest_size=16).hexdigest()

"""Tell posts of the tip form that a person may have sent from those of a flood, before they wait for a thread.

Nothing is refused here: a post that is told apart waits behind the others.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from urllib.parse import unquote_to_bytes

from tips import form_tokens
from tips.source import throttle

# The token is the form's first field, so this many bytes of a body hold it.
TOKEN_WITHIN_BYTES = 2_000
# Less than a page asks to wait before the next try (tips/source/throttle.py).
REPEATED_SECONDS = 1.5

_TIP_POST = re.compile(rb"POST [^?#]*/tips/?(?:[?#].*)?", re.DOTALL)
_TOKEN = re.compile(rb'(?:^token=|&token=|name="token"\r\n\r\n)([\w%=-]{1,600})')


def is_tip_post(request_line: bytes) -> bool:
    """Return whether a decoded request line without its version posts the tip form."""
    return _TIP_POST.fullmatch(request_line) is not None


class Standing(enum.Enum):
    """The likelihood that a person sent a post.

    RIPE: its form is old enough to be written by hand. ODD: it has no token of ours, or a repeated one.
    """

    RIPE, YOUNG, ODD = range(3)


class TipPosts:
    """The form tokens that were posted within the last seconds. Times are seconds since 1970, as in form tokens."""

    def __init__(self) -> None:
        self._posted_at: dict[bytes, float] = {}
        self._order: deque[tuple[float, bytes]] = deque()

    def judge(self, body_start: bytes, now: float) -> Standing:
        """Return the standing of a post, and remember it. Tokens of other web servers are odd: to open them takes the store."""
        found = _TOKEN.search(body_start)
        token = form_tokens.read_at_once(unquote_to_bytes(found[1]).decode("ascii", "replace")) if found else None
        if token is None or now - token.issued_at > form_tokens.LIFETIME_SECONDS or self._is_repeated(token.id, now):
            return Standing.ODD
        return Standing.RIPE if now - token.issued_at >= throttle.RIPE_SECONDS else Standing.YOUNG

    def _is_repeated(self, token_id: bytes, now: float) -> bool:
        # Of the future are those from before the clock was set back.
        while self._order and abs(now - self._order[0][0]) > REPEATED_SECONDS:
            posted_at, earlier_id = self._order.popleft()
            if self._posted_at.get(earlier_id) == posted_at:
                del self._posted_at[earlier_id]
        is_repeated = token_id in self._posted_at
        self._posted_at[token_id] = now
        self._order.append((now, token_id))
        return is_repeated

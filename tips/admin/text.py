"""How text from strangers and times are shown to officers."""

from __future__ import annotations

import datetime as dt
import re

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from tips.models import ROUNDING

# What steers a terminal or reorders text instead of being read. Intake removes it (core/plain_text.py), but whoever seals
# text by other means must not be able to show an officer something else than it says.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with steering characters written out, as [U+202E]. Escaping is the template's."""
    return _STEERING.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.replace("\r\n", "\n"))


def age(received_at: dt.datetime) -> str:
    """How long ago a tip came, in words; arrival is known to five minutes."""
    if timezone.now() - received_at < 2 * ROUNDING:
        return _("a few minutes")
    return timesince(received_at, depth=1)


def minutes_within(duration: dt.timedelta) -> str:
    """A rounded duration in words that do not pretend to be exact."""
    return _("within %(duration)s") % {"duration": timesince(timezone.now() - duration, depth=2)}

"""The clock of the demo: what happened in the made-up city happened at times gone by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.utils import timezone


@contextmanager
def clock_at(moment: dt.datetime) -> Iterator[None]:
    """Let the portal's clock stand at a time gone by, for this process alone."""
    with mock.patch.object(timezone, "now", return_value=moment):
        yield

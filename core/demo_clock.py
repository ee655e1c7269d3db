"""The clock of the demo, set back so that the made-up city has a past."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.utils import timezone


@contextmanager
def freeze_clock(moment: dt.datetime) -> Iterator[None]:
    """Stop this process's clock at the given moment."""
    with mock.patch.object(timezone, "now", return_value=moment):
        yield

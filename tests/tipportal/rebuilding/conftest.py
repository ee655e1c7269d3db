from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tipportal import rebuilding


@pytest.fixture
def folder() -> Iterator[Path]:
    with rebuilding.workspace(allow_disk=True) as path:
        yield path

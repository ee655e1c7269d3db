from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import file_cleaning


@pytest.fixture
def folder() -> Iterator[Path]:
    with file_cleaning.open_workspace(allow_disk=True) as path:
        yield path

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stack import Stack


@pytest.fixture(scope="session")
def portal(stack: Stack) -> Stack:
    """Riverton, with incidents of 400 days at eighty of its points."""
    from tests.crimemap import published

    stack.run_manage("demo")
    folder = Path(stack.keys["INCIDENT_SNAPSHOTS"])
    folder.mkdir(exist_ok=True)
    published.write(folder)
    return stack

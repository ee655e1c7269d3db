"""Published incidents around a point: what residents see, by distance, without a trace of the point."""

from __future__ import annotations

import pytest

from crimemap import nearby_incidents


def test_nothing_published_is_none(settings: pytest.FixtureRequest) -> None:
    settings.INCIDENT_SNAPSHOTS = None  # type: ignore[attr-defined]
    assert nearby_incidents.find_around(41.5, -38.5) is None

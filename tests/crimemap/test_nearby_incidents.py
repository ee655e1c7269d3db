"""Published incidents around a point: what residents see, by distance, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crimemap import nearby_incidents
from crimemap.geometry import meters_between
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

pytestmark = pytest.mark.django_db
CENTER = (41.5, -38.5)


@pytest.fixture
def city(settings: Any, tmp_path: Path) -> list[dict[str, Any]]:
    """A published city with an incident each 50 m north of CENTER, one of them too old."""
    rows = [
        row
        | {
            "point": [CENTER[0] + step * 50 / 111_320, CENTER[1]],
            "day": TODAY - 10 - step,
            "precision": "hour",
            "code": 1,
        }
        for step, row in enumerate(published_city.rows(20))
    ]
    rows[1]["day"] = TODAY - 200
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    return rows


def test_incidents_within_the_circle_of_the_newest_days_are_listed(city: list[dict[str, Any]]) -> None:
    found = nearby_incidents.find_around(*CENTER)
    assert found is not None
    near = [
        row
        for row in city
        if meters_between(*CENTER, *row["point"]) <= nearby_incidents.RADIUS_METERS and row["day"] > TODAY - 60
    ]
    assert found.count == len(near) == 6
    assert len(found.incidents) + found.more == found.count
    assert found.incidents[0].distance == "0 feet (0 m)"
    assert found.incidents[-1].distance == "980 feet (300 m)"


def test_elsewhere_there_are_none(city: list[dict[str, Any]]) -> None:
    found = nearby_incidents.find_around(CENTER[0] - 0.5, CENTER[1])
    assert city
    assert found is not None
    assert (found.count, found.incidents, found.markers) == (0, [], [])


def test_nothing_published_is_none(settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = None
    assert nearby_incidents.find_around(*CENTER) is None

"""Priorities of an area: who edits them, what they must say, and that they never mention tips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.staff import groups
from core.web import page_cache
from crimemap.models import Area
from outreach.models import AreaPriority
from tests.crimemap import published_city
from tests.outreach import desk
from tests.staff_session import sign_in

pytestmark = pytest.mark.django_db
ADD = "/admin/outreach/areapriority/add/"
FIELDS = {
    "area": "neighbourhood:old-town", "title": "Bikes taken at the school racks", "asked_at": "meeting",
    "asked_on": "2024-09-03", "asked": "Bikes vanish from the racks.", "action": "Marked 41 bikes.",
    "result": "Too few to tell.", "done_on": "", "shown": "on",
}  # fmt: skip


@pytest.fixture
def area() -> Area:
    outline = {"type": "Polygon", "coordinates": [[[-38.6, 41.4], [-38.4, 41.4], [-38.4, 41.6], [-38.6, 41.4]]]}
    return Area.objects.create(
        layer="neighbourhood", code="old-town", name="Old Town", outline=outline, latitude=41.5, longitude=-38.5
    )


def staff(client: Client, group: str) -> Client:
    return sign_in(client, desk.create_account(f"{group}1", group))


def test_communications_and_supervisors_edit_priorities(client: Client, area: Area) -> None:
    page_cache.clear()
    for group in (groups.COMMUNICATIONS, groups.SUPERVISOR):
        assert staff(client, group).post(ADD, FIELDS).status_code == 302, group
    for group in (groups.OFFICER, groups.ADMINISTRATOR):
        assert staff(client, group).post(ADD, FIELDS).status_code == 403, group
    priority = AreaPriority.objects.first()
    assert priority
    assert (priority.layer, priority.code, AreaPriority.objects.count()) == ("neighbourhood", "old-town", 2)
    assert area.name in client.get(f"/admin/outreach/areapriority/{priority.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"asked": "We got 3 tips about it."}, "mentions tips"),
        ({"result": "An anonymous caller helped."}, "mentions tips"),
        ({"area": "neighbourhood:nowhere"}, "valid choice"),
        ({"asked_on": "2999-01-01"}, "in the future"),
        ({"done_on": "2024-09-01"}, "before the day"),
        ({"done_on": "2024-10-01", "result": ""}, "what came of it"),
        ({"asked": ""}, "what people asked for"),
        ({"asked_at": "tip"}, "valid choice"),
    ],
)
def test_a_priority_that_must_not_stand_is_refused(
    client: Client, area: Area, changes: dict[str, Any], problem: str
) -> None:
    assert area
    page_cache.clear()
    response = staff(client, groups.COMMUNICATIONS).post(ADD, FIELDS | changes)
    assert response.status_code == 200
    assert problem in response.content.decode()
    assert not AreaPriority.objects.exists()


def test_residents_see_the_shown_priorities_of_their_area(
    client: Client, area: Area, tmp_path: Path, settings: Any
) -> None:
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path)
    page_cache.clear()
    fields = {
        "layer": "neighbourhood",
        "asked_at": "meeting",
        "asked_on": "2024-09-03",
        "asked": "Bikes <b>vanish</b>.",
    }
    AreaPriority.objects.create(code=area.code, title="Bikes taken", shown=True, **fields)
    AreaPriority.objects.create(code=area.code, title="Not yet shown", **fields)
    AreaPriority.objects.create(code="millside", title="Of another area", shown=True, **fields)
    for path in ("/map/area/neighbourhood/old-town/", "/near/old-town/"):
        html = client.get(path).content.decode()
        assert "You said, we did" in html
        assert "Bikes taken" in html
        assert "Bikes &lt;b&gt;vanish&lt;/b&gt;." in html
        assert "At a meeting, Sept. 3, 2024" in html
        assert "Not yet shown" not in html
        assert "Of another area" not in html

"""Philadelphia's crime incidents (part 1 and 2), as the city's Carto exports them.

The day and time of dispatch stand there twice: in UTC, and on the city's clock. Exports of older years have the city's clock
in both, so that its own columns are the ones to go by. A DC key can have several rows: one a victim,
or a report and what became of it.
"""

from __future__ import annotations

from crimemap.importing.profiles.base import Profile

PROFILE = Profile(
    name="philadelphia",
    label="Philadelphia: crime incidents of OpenDataPhilly",
    scheme="philadelphia",
    columns={
        "external_id": ("dc_key",),
        "occurred": ("dispatch_date_time",),
        "occurred_date": ("dispatch_date",),
        "occurred_time": ("dispatch_time",),
        "block": ("location_block",),
        "latitude": ("lat", "point_y", "latitude"),
        "longitude": ("lng", "lon", "point_x", "longitude"),
        "district": ("dc_dist",),
    },
    codes=(("ucr_general", "text_general_code"), ("text_general_code",), ("ucr_general",)),
    labels=("text_general_code",),
    required=(("dispatch_date_time", "dispatch_date"), ("text_general_code", "ucr_general"), ("dc_dist", "dc_key")),
    time_zone="America/New_York",
    zones={"dispatch_date_time": "UTC"},
    box=(39.85, -75.30, 40.15, -74.94),
    points_are_public=True,
    notes="Places are hundred blocks. The public service area (psa) counts within its district and names no area alone.",
)

"""Street-level crime of England, Wales and Northern Ireland: the monthly files of data.police.uk.

They tell the month alone. Anti-social behaviour has no identifier, others have one twice; both repeat legitimately.
"""

from __future__ import annotations

from crimemap.importing.profiles.base import Profile

PROFILE = Profile(
    name="police_uk",
    label="United Kingdom: street-level crime of data.police.uk",
    scheme="police_uk",
    columns={
        "external_id": ("Crime ID",),
        "occurred": ("Month",),
        "block": ("Location",),
        "latitude": ("Latitude",),
        "longitude": ("Longitude",),
        "beat": ("LSOA code",),
        "outcome": ("Last outcome category",),
    },
    codes=(("Crime type",),),
    labels=("Crime type",),
    required=(("Month",), ("Crime type",), ("Falls within", "Reported by", "LSOA code")),
    time_zone="Europe/London",
    day_first=True,
    box=(49.8, -8.7, 60.9, 1.9),
    points_are_public=True,
    notes="Points are the publisher's anonymous snap points, each for at least eight addresses.",
)

"""Chicago's "Crimes - 2001 to Present": the portal's download, and the same through its API (CSV or JSON).

Both are taken whole or slim: exports without identifier, codes or coordinates are read by their labels and blocks. The case
number is no identifier: a homicide has one row a victim.
"""

from __future__ import annotations

from dataclasses import replace

from crimemap.importing.profiles.base import Profile

PORTAL = Profile(
    name="chicago_portal",
    label="Chicago: download of the data portal",
    scheme="chicago",
    columns={
        "external_id": ("ID",),
        "occurred": ("Date", "Date of Occurrence"),
        "updated": ("Updated On",),
        "block": ("Block",),
        "latitude": ("Latitude",),
        "longitude": ("Longitude",),
        "point": ("Location",),
        "district": ("District",),
        "beat": ("Beat",),
        "neighbourhood": ("Community Area",),
        "location_description": ("Location Description",),
        "outcome": ("Arrest",),
    },
    codes=(("IUCR",), ("Primary Type", "Description"), ("Primary Description", "Secondary Description")),
    labels=("Primary Type", "Primary Description", "Description", "Secondary Description"),
    required=(("Date", "Date of Occurrence"), ("Block",), ("Primary Type", "Primary Description")),
    time_zone="America/Chicago",
    code_width=4,
    area_widths={"beat": 4},
    domestic={"Domestic": ""},
    outcomes={"true": "Arrest", "false": "No arrest reported"},
    box=(41.60, -87.98, 42.06, -87.50),
    points_are_public=True,
    notes="Points are moved off the address by the publisher; state-plane zeros come out in Missouri.",
)
SODA = replace(PORTAL, name="chicago_soda", label="Chicago: API of the data portal (CSV or JSON)")

"""Los Angeles' "Crime Data" (2010 to 2019, 2020 to present), as the city's portal exports it; both years' headers.

Whether an incident was domestic only stands in the column of methods (Mocodes): 2000 means domestic violence. The column is
searched for it and not kept.
"""

from __future__ import annotations

from crimemap.profiles.base import Profile

PROFILE = Profile(
    name="los_angeles",
    label="Los Angeles: crime data of the police department",
    scheme="los_angeles",
    columns={
        "external_id": ("DR_NO", "DR Number"),
        "occurred_date": ("DATE OCC", "Date Occurred"),
        "occurred_time": ("TIME OCC", "Time Occurred"),
        "block": ("Address", "LOCATION"),  # older files have coordinates under Location
        "latitude": ("LAT",),
        "longitude": ("LON",),
        "district": ("AREA", "Area ID"),
        "beat": ("Rpt Dist No", "Reporting District"),
        "location_description": ("Premis Desc", "Premise Description"),
        "outcome": ("Status Desc", "Status Description"),
    },
    codes=(("Crm Cd",), ("Crime Code",), ("Crm Cd Desc",), ("Crime Code Description",)),
    labels=("Crm Cd Desc", "Crime Code Description"),
    required=(
        ("DATE OCC", "Date Occurred"),
        ("Crm Cd", "Crm Cd Desc", "Crime Code", "Crime Code Description"),
        ("DR_NO", "DR Number", "Rpt Dist No", "Reporting District"),
    ),
    time_zone="America/Los_Angeles",
    domestic={"Mocodes": r"\b2000\b", "MO Codes": r"\b2000\b"},
    outcomes={
        "invest cont": "Under investigation",
        "adult arrest": "Arrest",
        "juv arrest": "Arrest",
        "adult other": "Closed in another way",
        "juv other": "Closed in another way",
        "unk": "",
    },
    box=(33.3, -119.0, 34.9, -117.6),
    points_are_public=True,
    notes="Addresses and points are rounded to the hundred block by the publisher; 0, 0 is no point.",
)

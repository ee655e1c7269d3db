"""Los Angeles' "Crime Data" (2010 to 2019, 2020 to 2024) and "NIBRS Offenses" (since 2024), as the city's portal and its API
export them.

In the older ones, only the column of methods (Mocodes) says whether an incident was domestic: 2000 means domestic violence.
The column is searched for that code and not stored. The newer ones have one row per offense, so several rows per case.
"""

from __future__ import annotations

from crimemap.importing.profiles.base import Profile

PROFILE = Profile(
    name="los_angeles",
    label="Los Angeles: crime data of the police department",
    scheme="los_angeles",
    columns={
        "external_id": ("DR_NO", "DR Number", "UniqueNIBRNo"),
        "occurred_date": ("DATE OCC", "Date Occurred"),
        "occurred_time": ("TIME OCC", "Time Occurred"),
        "block": ("Address", "Hndrdth_Loc_Chk", "LOCATION"),  # older files have coordinates under Location
        "latitude": ("LAT", "Hndrdth_Lat", "Latitude"),
        "longitude": ("LON", "Hndrdth_Lon", "Longitude"),
        "point": ("Location",),
        "district": ("AREA", "Area ID"),
        "beat": ("Rpt Dist No", "Reporting District"),
        "location_description": ("Premis Desc", "Premise Description"),
        "outcome": ("Status Desc", "Status Description"),
    },
    codes=(
        ("Crm Cd",),
        ("Crime Code",),
        ("Crm Cd Desc",),
        ("Crime Code Description",),
        ("NIBR Code",),
        ("NIBR Description",),
    ),
    labels=("Crm Cd Desc", "Crime Code Description", "NIBR Description"),
    prefixes={"NIBR Code": "NIBRS "},
    required=(
        ("DATE OCC", "Date Occurred"),
        ("Crm Cd", "Crm Cd Desc", "Crime Code", "Crime Code Description", "NIBR Code", "NIBR Description"),
        ("DR_NO", "DR Number", "UniqueNIBRNo", "Rpt Dist No", "Reporting District"),
    ),
    time_zone="America/Los_Angeles",
    domestic={
        "Mocodes": r"\b2000\b",
        "MO Codes": r"\b2000\b",
        "Domestic Violence Crime": "",
        "NIBR Description": "intimate partner|domestic|spous",
    },
    outcomes={
        "invest cont": "Under investigation",
        "adult arrest": "Arrest",
        "juv arrest": "Arrest",
        "adult other": "Closed in another way",
        "juv other": "Closed in another way",
        "unk": "",
        "investigation continued": "Under investigation",
        "cleared by arrest (ca/da filed)": "Arrest",
        "cleared other (da/ca reject, exceptional)": "Closed in another way",
    },
    box=(33.3, -119.0, 34.9, -117.6),
    points_are_public=True,
    notes="Addresses and points are rounded to the hundred block by the publisher; 0, 0 is no point.",
)

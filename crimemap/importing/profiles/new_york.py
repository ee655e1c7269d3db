"""New York's complaint data (historic and current), as NYC Open Data exports it and its API answers.

KY_CD is a general code, PD_CD a finer one; the finer decides where it is known, since general ones mix trespass with orders of
protection. The file does not say which incidents were domestic.
"""

from __future__ import annotations

from crimemap.importing.profiles.base import Profile

PROFILE = Profile(
    name="new_york",
    label="New York: complaint data of the police department",
    scheme="new_york",
    columns={
        "external_id": ("CMPLNT_NUM",),
        "occurred_date": ("CMPLNT_FR_DT",),
        "occurred_time": ("CMPLNT_FR_TM",),
        "end_date": ("CMPLNT_TO_DT",),
        "end_time": ("CMPLNT_TO_TM",),
        "latitude": ("Latitude",),
        "longitude": ("Longitude",),
        "point": ("Lat_Lon", "Geocoded Column"),
        "district": ("ADDR_PCT_CD",),
        "location_description": ("PREM_TYP_DESC",),
    },
    codes=(("PD_CD", "KY_CD"), ("KY_CD",), ("OFNS_DESC",)),
    labels=("PD_DESC",),
    prefixes={"PD_CD": "PD ", "KY_CD": "KY "},
    required=(("CMPLNT_FR_DT",), ("KY_CD", "OFNS_DESC"), ("CMPLNT_NUM", "ADDR_PCT_CD")),
    time_zone="America/New_York",
    box=(40.45, -74.30, 40.95, -73.65),
    points_are_public=True,
    notes="Points are middles of street segments or crossings; sexual offences stand at the station house.",
)

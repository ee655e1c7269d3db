"""Answers of a made-up agency: portal.env.example with what it leaves open."""

from __future__ import annotations

import re

from tests.stack import ROOT

TEXT = (ROOT / "portal.env.example").read_text()
for name, value in (("AGENCY_NAME", "Ardley Police"), ("CITY_NAME", "Ardley"), ("CONTACT", "555-0100, day and night")):
    TEXT = re.sub(rf"^{name}=$", f"{name}={value}", TEXT, flags=re.MULTILINE)

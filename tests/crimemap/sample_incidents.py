"""Sample incidents for tests of publication: as columns for the pure rule, as stored rows for the whole process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from crimemap.models import Category, ImportRun, Incident, IncidentRevision, OffenceCode, Source
from crimemap.privacy.agency_rules import AgencyRules
from crimemap.privacy.records import COLUMNS, Records
from crimemap.privacy.visibility import PublicationRule, RuleCategory, RuleCode, RuleSource
from crimemap.snapshot.format import DEGREE, NOWHERE, PRECISIONS

TODAY = 20_000  # days since 1970-01-01: 2024-10-04
CATEGORIES = (
    RuleCategory("burglary", "Burglary", "theft", "block", False),
    RuleCategory("assault", "Assault", "people", "block", True),
    RuleCategory("fraud", "Fraud", "theft", "area", False),
    RuleCategory("sexual", "Sexual offences", "people", "hidden", True),
)
# Codes by number: an offence each, and what makes a difference.
BURGLARY, ASSAULT, FRAUD, SEXUAL, UNKNOWN, MIXED, CHILD = range(1, 8)
CODES = {
    BURGLARY: RuleCode("burglary", "block"),
    ASSAULT: RuleCode("assault", "block"),
    FRAUD: RuleCode("fraud", "block"),
    SEXUAL: RuleCode("sexual", "block"),
    UNKNOWN: RuleCode(None, None),
    MIXED: RuleCode("assault", "area"),
    CHILD: RuleCode("assault", "hidden"),
}


def rule(**agency: Any) -> PublicationRule:
    return PublicationRule(CATEGORIES, CODES, {1: RuleSource("city", "City", 7, TODAY)}, AgencyRules(**agency))


def records(*rows: dict[str, Any]) -> Records:
    """Return Records of rows, each given by its differences from USUAL."""
    texts: dict[str, int] = {"": 0}
    kinds, places, columns = [], [], {name: [] for name in COLUMNS}
    for number, given in enumerate(rows):
        row = USUAL | given
        words = {
            name: texts.setdefault(row[name], len(texts))
            for name in ("description", "outcome", "district", "beat", "neighbourhood", "block")
        }
        kinds.append(
            [
                *(1, row["code"], PRECISIONS.index(row["precision"]), row["domestic"], row["removed"]),
                *(words["description"], words["outcome"]),
            ]
        )
        point = [NOWHERE, NOWHERE] if row["point"] is None else [round(degrees * DEGREE) for degrees in row["point"]]
        places.append(point + [words[name] for name in ("district", "beat", "neighbourhood", "block")])
        values = {
            "id": number,
            "public_id": row.get("public_id", f"id{number:010}").encode(),
            "hour": row["day"] * 24 + row["hour"],
            "end_day": row.get("end_day", row["day"]),
            "kind": number,
            "place": number,
        }
        for name, value in values.items():
            columns[name].append(value)
    return Records(
        {name: np.array(values, COLUMNS[name]) for name, values in columns.items()},
        np.array(kinds, "i4").reshape(-1, 7),
        np.array(places, "i4").reshape(-1, 6),
        list(texts),
    )


USUAL: dict[str, Any] = {
    "code": BURGLARY,
    "precision": "minute",
    "domestic": False,
    "removed": False,
    "description": "STREET",
    "outcome": "Arrest",
    "point": (41.87811, -87.62981),
    "district": "004",
    "beat": "0411",
    "neighbourhood": "32",
    "block": "400 block of W 24th Pl",
    "day": TODAY - 100,
    "hour": 13,
}


class Agency:
    """An agency with stored incidents to add to and change."""

    def __init__(self) -> None:
        self.source = Source.objects.create(
            slug="city", name="City", profile="generic", time_zone="America/Chicago", last_success_at=timezone.now()
        )
        self.codes: dict[str, OffenceCode] = {}
        for number, (slug, family, least, person) in enumerate(
            [
                ("made-burglary", "theft", "block", False),
                ("made-assault", "people", "block", True),
                ("made-fraud", "theft", "area", False),
                ("made-sexual", "people", "hidden", True),
            ]
        ):
            category = Category.objects.create(
                slug=slug, name=slug, family=family, least_visibility=least, person_offence=person, order=number
            )
            name = slug.removeprefix("made-")
            self.codes[name] = OffenceCode.objects.create(
                scheme="made", code=name, category=category, visibility="block"
            )
        self.codes["unknown"] = OffenceCode.objects.create(scheme="made", code="unknown")
        self.number = 0

    def run(self, state: str = "done") -> ImportRun:
        return ImportRun.objects.create(source=self.source, origin="command", state=state)

    def add(self, code: str = "burglary", *, run: ImportRun | None = None, **fields: Any) -> Incident:
        row = self.row(code, run or self.run(), **fields)
        row.save()
        row.refresh_from_db()
        return row

    def row(self, code: str, run: ImportRun, **fields: Any) -> Incident:
        self.number += 1
        point = fields.pop("point", (41.87811, -87.62981))
        usual: dict[str, Any] = {
            "external_id": f"EXTERNAL{self.number}",
            "occurred_at": datetime(2024, 6, 15, 18, 42, tzinfo=UTC) + timedelta(hours=self.number),
            "precision": "minute",
            "raw_code": code,
            "block_text": "400 block of W 24th Pl",
            "latitude": point and point[0],
            "longitude": point and point[1],
            "point_kind": "published" if point else "none",
            "district": "004",
            "beat": "0411",
            "neighbourhood": "32",
            "location_description": "STREET",
            "outcome": "Arrest",
            "content_hash": b"x",
        }
        return Incident(
            source=self.source, offence_code=self.codes[code], first_run=run, last_run=run, **(usual | fields)
        )

    def change(self, incident: Incident, **fields: Any) -> None:
        Incident.objects.filter(pk=incident.pk).update(**fields, last_run=self.run())

    def reclassify(self, incident: Incident, before: str, after: str) -> None:
        """Record a changed code as an import does, without changing the row itself."""
        codes = [self.codes[name].pk for name in (before, after)]
        run = self.run()
        IncidentRevision.objects.create(incident=incident, run=run, changes={"offence_code_id": codes})
        Incident.objects.filter(pk=incident.pk).update(last_run=run)

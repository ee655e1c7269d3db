"""Publication from stored rows to the folder: what comes out, what never does, and that nothing ever breaks a reader."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.utils import timezone

from core.atomic_files import PARTIAL_PREFIX
from crimemap.models import Incident, ReportedValue
from crimemap.privacy import agency_rules, locations
from crimemap.publishing import extract, publisher
from crimemap.publishing.versions import (
    OLD_VERSION_SECONDS,
    OLD_VERSIONS_KEPT,
    PARTIAL_FOLDER_PREFIX,
    NoSnapshotFolderError,
    current_version,
)
from crimemap.snapshot import bubbles, format, published_incidents, reader, results
from crimemap.snapshot.filters import Filter
from tests.crimemap.publishing import killed_publisher
from tests.crimemap.sample_incidents import Agency
from tests.stack import ROOT

EVERYWHERE = (-85.0, -180.0, 85.0, 180.0)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.INCIDENT_SNAPSHOTS = tmp_path / "public"
    settings.INCIDENT_CACHE = tmp_path / "cache"
    settings.PUBLICATION_RULES = None
    return tmp_path / "public"


@pytest.fixture
def agency(folder: Path, db: None) -> Agency:
    return Agency()


def everything(published: published_incidents.PublishedIncidents) -> Filter:
    return Filter(published.since, published.until)


def rows(published: published_incidents.PublishedIncidents | None = None) -> list[results.IncidentRow]:
    published = published or reader.current()
    return published.read_page(everything(published), limit=1000).rows


def answers(published: published_incidents.PublishedIncidents) -> list[Any]:
    """Return the results of all queries, over many filters."""
    result: list[Any] = []
    whole = everything(published)
    filters = [whole, *(Filter(whole.since, whole.until, area=("district", code)) for code in ("004", "007", "")),
               *(Filter(whole.since, whole.until, categories=frozenset({slug})) for slug in published.families),
               *(Filter(whole.since, whole.until, hours=frozenset({hour})) for hour in range(0, 24, 3)),
               Filter(whole.since, whole.until, weekdays=frozenset({5, 6})),
               Filter(whole.since, whole.until, circle=(41.87811, -87.62981, 150.0)),
               Filter(whole.since, whole.until, box=(41.0, -88.0, 42.0, -87.0))]  # fmt: skip
    for chosen in filters:
        result += [
            published.read_page(chosen, limit=1000),
            published.count_by_category(chosen),
            published.count_by_month(chosen),
            published.count_by_hour(chosen),
            published.count_unmapped(chosen),
            published.compare_periods(chosen),
            [published.count_by_area(chosen, layer) for layer in format.LAYERS],
            [bubbles.bubbles(published, chosen, bubbles.view_of(EVERYWHERE, zoom)) for zoom in (4, 12, 18)],
        ]
    return result


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of the current version."""
    current = folder / current_version(folder)
    return {path.name: path.read_bytes() for path in current.iterdir()}


class TestPublishedRows:
    def test_a_published_row_has_the_public_fields(self, agency: Agency) -> None:
        stored = agency.add(occurred_at=datetime(2024, 6, 15, 18, 42, tzinfo=UTC))  # 13:42 in Chicago
        published = publisher.publish()
        assert (published.shown, published.changed) == (1, True)
        assert rows() == [
            results.IncidentRow(
                public_id=stored.public_id,
                at=datetime(2024, 6, 15, 13),  # noqa: DTZ001
                precision="hour",
                category="made-burglary",
                block="400 block of W 24th Pl",
                description="STREET",
                outcome="Arrest",
                latitude=41.87811,
                longitude=-87.62981,
                areas={"district": "004", "beat": "0411", "neighbourhood": "32"},
                source="city",
            )
        ]
        assert reader.current().find_incident(stored.public_id) == rows()[0]

    @pytest.mark.parametrize("decision", [None, "waiting", "refused", "approved"])
    def test_unknown_kinds_of_place_and_outcomes_are_held_until_approved(
        self, agency: Agency, folder: Path, decision: str | None
    ) -> None:
        agency.add(location_description="HOME OF J ROE", outcome="ARRESTED JANE ROE")
        for field, text in (("location_description", "HOME OF J ROE"), ("outcome", "ARRESTED JANE ROE")):
            if decision:
                ReportedValue.objects.create(field=field, text=text, decision=decision)
        publisher.publish()
        is_public = any(b"ROE" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert is_public is (decision == "approved")
        assert bool(rows()[0].outcome) is bool(rows()[0].description) is is_public

    def test_a_name_of_an_area_is_listed_and_can_be_refused(self, agency: Agency, folder: Path) -> None:
        for name in ["Old Mill"] * 4 + ["Jane Roe"] * 3:
            agency.add(neighbourhood=name)
        publisher.publish()
        listed = ReportedValue.objects.values_list("field", "text", "decision")
        assert set(listed) == {("neighbourhood", name, "approved") for name in ("Old Mill", "Jane Roe")}
        ReportedValue.objects.filter(text="Jane Roe").update(decision="refused")
        for afresh in (False, True):
            publisher.publish(afresh=afresh)
            assert {row.areas.get("neighbourhood", "") for row in rows()} == {"Old Mill", ""}
            files = (folder / current_version(folder)).rglob("*")
            assert not any(b"Jane" in path.read_bytes() for path in files if path.is_file())
        assert set(listed.all()) >= {("neighbourhood", "Jane Roe", "refused")}

    def test_texts_are_published_as_they_are_stored(self, agency: Agency) -> None:
        """Whatever they hold that means something in the format in which PostgreSQL sends them."""
        outcomes = [
            "",
            " ",
            "a,b",
            '"',
            '"quoted"',
            "two\nlines\r\n",
            "\\.",
            "\\N",
            "NULL",
            "007",
            "1e5",
            "\t",
            "Straße 𝔸",
            "#x",
        ]
        for outcome in outcomes:
            agency.add(outcome=outcome)
            ReportedValue.objects.create(field="outcome", text=outcome, decision="approved")
        publisher.publish()
        assert sorted(row.outcome for row in rows()) == sorted(outcomes)

    def test_a_row_shown_by_area_has_only_the_day_and_wide_areas(self, agency: Agency) -> None:
        agency.add("fraud", occurred_at=datetime(2024, 1, 2, 4, 10, tzinfo=UTC))  # still the 1st in Chicago
        publisher.publish()
        (row,) = rows()
        assert (row.at, row.precision) == (datetime(2024, 1, 1), "day")  # noqa: DTZ001
        assert (row.latitude, row.longitude, row.block, row.description) == (None, None, "", "")
        assert row.areas == {"district": "004", "neighbourhood": "32"}

    @pytest.mark.parametrize(
        ("code", "fields"),
        [
            ("sexual", {}),
            ("burglary", {"domestic": True}),
            ("unknown", {}),
            ("burglary", {"removed_at": datetime(2024, 7, 1, tzinfo=UTC)}),
        ],
    )
    def test_hidden_rows_are_not_published(self, agency: Agency, code: str, fields: dict[str, Any]) -> None:
        stored = agency.add(code, **fields)
        agency.add()
        publisher.publish()
        assert len(rows()) == 1
        assert stored.public_id not in str(answers(reader.current()))

    def test_the_embargo_ends_at_midnight_in_the_citys_time_zone(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agency.add(occurred_at=datetime(2024, 6, 15, 18, 42, tzinfo=UTC))
        for now, shown in (
            (datetime(2024, 6, 23, 4, 59, tzinfo=UTC), 0),  # one minute to midnight in Chicago
            (datetime(2024, 6, 23, 5, 0, tzinfo=UTC), 1),
        ):
            monkeypatch.setattr("crimemap.publishing.extract.timezone.now", lambda now=now: now)
            assert publisher.publish().shown == shown

    def test_the_embargo_of_a_month_starts_at_its_end(self, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        agency.add(occurred_at=datetime(2024, 6, 1, 5, 0, tzinfo=UTC), precision="month")
        for day, shown in ((7, 0), (8, 1)):
            now = datetime(2024, 7, day, 12, tzinfo=UTC)
            monkeypatch.setattr("crimemap.publishing.extract.timezone.now", lambda now=now: now)
            assert publisher.publish().shown == shown

    def test_the_embargo_starts_at_the_end_of_a_long_incident(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun = datetime(2024, 6, 1, 18, tzinfo=UTC)
        agency.add(occurred_at=begun, occurred_end=begun + timedelta(days=20))
        for day, shown in ((28, 0), (29, 1)):
            monkeypatch.setattr(
                "crimemap.publishing.extract.timezone.now", lambda day=day: datetime(2024, 6, day, 12, tzinfo=UTC)
            )
            assert publisher.publish().shown == shown
        assert rows()[0].at.day == 1

    def test_classifying_publishes_stored_rows_without_an_import(self, agency: Agency) -> None:
        agency.add("unknown")
        assert publisher.publish().held == 1
        code = agency.codes["unknown"]
        code.category, code.visibility = agency.codes["burglary"].category, "block"
        code.save()
        assert (publisher.publish().shown, rows()[0].category) == (1, "made-burglary")

    def test_the_agencys_rules_apply(self, agency: Agency, tmp_path: Path, settings: Any) -> None:
        settings.PUBLICATION_RULES = tmp_path / "ours.toml"
        settings.PUBLICATION_RULES.write_text('description = false\n[visibility]\nmade-assault = "hidden"')
        agency.add("assault")
        agency.add("burglary")
        published = publisher.publish()
        assert (published.shown, published.hidden) == (1, 1)
        assert rows()[0].description == ""

    def test_yearly_totals_of_hidden_incidents(self, agency: Agency) -> None:
        run = agency.run()
        many = [("sexual", "004", 6), ("sexual", "007", 7), ("sexual", "010", 2), ("burglary", "004", 5)]
        for code, district, count in many:
            for _ in range(count):
                agency.add(code, run=run, district=district, domestic=code == "burglary")
        publisher.publish()
        published = reader.current()
        assert published.yearly_totals() == [
            results.YearlyTotal("", "made-burglary", 2024, 5),
            results.YearlyTotal("", "made-sexual", 2024, 15),
            results.YearlyTotal("004", "made-burglary", 2024, 5),
            results.YearlyTotal("007", "made-sexual", 2024, 7),  # 15 - 7 - 6 would be the 2
        ]
        assert published.not_shown == {2024: {"hidden": 20}}

    def test_the_current_year_has_no_totals(self, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        """A count that grows day by day would reveal the incidents of each day."""
        run = agency.run()
        for _ in range(6):
            agency.add("sexual", run=run)
        for now, count in ((datetime(2025, 1, 5, tzinfo=UTC), 0), (datetime(2025, 1, 10, tzinfo=UTC), 2)):
            monkeypatch.setattr("crimemap.publishing.extract.timezone.now", lambda now=now: now)
            publisher.publish()
            assert len(reader.current().yearly_totals()) == count

    def test_a_hidden_category_has_a_name_but_is_not_a_filter(self, agency: Agency) -> None:
        publisher.publish()
        published = reader.current()
        assert published.category_names["made-sexual"] == "made-sexual"
        assert "made-sexual" not in published.families
        assert published.families["made-assault"] == "people"

    def test_small_counts_of_hidden_incidents_are_not_published(self, agency: Agency) -> None:
        agency.add("sexual")
        agency.add("unknown")
        publisher.publish()
        assert reader.current().not_shown == {2024: {"hidden": None, "held": None}}

    def test_an_empty_database_can_be_published(self, agency: Agency) -> None:
        assert publisher.publish().shown == 0
        assert rows() == []
        assert answers(reader.current())


class TestAttacks:
    def test_the_published_bytes_contain_nothing_forbidden(self, agency: Agency, folder: Path) -> None:
        run = agency.run()
        fields = {"raw_label": "RAWLABEL", "location_description": "NURSING HOME"}
        secret = [
            agency.add("sexual", run=run, block_text="SECRETBLOCK", district="S01", **fields),
            agency.add("assault", run=run, domestic=True, block_text="DOMESTICBLOCK", district="S02", **fields),
            agency.add("unknown", run=run, block_text="HELDBLOCK", district="S03", **fields),
            agency.add("burglary", run=run, block_text="TODAYBLOCK", occurred_at=datetime.now(UTC), **fields),
        ]
        agency.add("fraud", run=run, block_text="FRAUDBLOCK", beat="FRAUDBEAT", **fields)
        agency.add("assault", run=run, raw_code="RAWCODE", **fields)
        publisher.publish()
        everything_written = b"".join(content(folder).values()) + (folder / format.CURRENT).read_bytes()
        words = "SECRETBLOCK DOMESTICBLOCK HELDBLOCK TODAYBLOCK FRAUDBLOCK FRAUDBEAT RAWLABEL RAWCODE NURSING HOME EXTERNAL S01 S02 S03"
        for word in [*words.split(), "domestic", *(incident.public_id for incident in secret)]:
            assert word.encode() not in everything_written, word

    def test_exact_points_are_not_published(self, agency: Agency) -> None:
        random = np.random.default_rng(4)
        exact = [tuple(point) for point in np.round(random.random((50, 2)) * 0.05 + (41.85, -87.65), 6).tolist()]
        run = agency.run()
        for point in exact:
            agency.add(run=run, point=locations.coarsen_location(*point, points_are_public=False, block_point=None)[:2])
        publisher.publish()
        came_out = {(row.latitude, row.longitude) for row in rows()}
        assert not came_out & {(round(a, 5), round(b, 5)) for a, b in exact}

    def test_adding_or_moving_an_incident_changes_no_other_point(self, agency: Agency) -> None:
        first = agency.add(point=(41.8, -87.6))
        second = agency.add(point=(41.8, -87.6))
        publisher.publish()
        before = {row.public_id: (row.latitude, row.longitude) for row in rows()}
        agency.change(second, latitude=41.9, longitude=-87.7)
        agency.add(point=(41.80001, -87.6), block_text="400 block of W 24th Pl")
        publisher.publish()
        after = {row.public_id: (row.latitude, row.longitude) for row in rows()}
        assert after[first.public_id] == before[first.public_id]
        assert after[second.public_id] == (41.9, -87.7)
        assert len(after) == 3

    def test_a_domestic_incident_appears_only_in_the_agencys_count(self, agency: Agency, folder: Path) -> None:
        """No column depends on whether domestic incidents are stored, so no query can reveal them."""
        run = agency.run()
        for code in ("burglary", "assault", "fraud"):
            agency.add(code, run=run)
            agency.add(code, run=run, point=None, district="007")
        publisher.publish()
        columns, without = content(folder), answers(reader.current())
        for district in ("004", "007", "010"):
            agency.add("assault", run=run, domestic=True, district=district, block_text="900 block of Elm St")
        publisher.publish(afresh=True)
        assert answers(reader.current()) == without
        differing = {name for name, data in content(folder).items() if data != columns[name]}
        assert differing == {format.META}
        then, now = json.loads(columns[format.META]), json.loads(content(folder)[format.META])
        assert {name for name in now if now[name] != then[name]} == {"not_shown"}

    def test_the_order_of_arrival_is_not_published(self, agency: Agency, folder: Path) -> None:
        """Rows of an hour, and an area's rows of a day, stand in an order of their random ids."""
        run = agency.run()
        same = datetime(2024, 6, 15, 18, tzinfo=UTC)
        stored = [agency.add("fraud", run=run, occurred_at=same + timedelta(minutes=n)) for n in range(20)]
        publisher.publish()
        order = [row.public_id for row in rows()]
        assert sorted(order) == sorted(incident.public_id for incident in stored)
        before = content(folder)
        for number, incident in enumerate(reversed(stored)):
            Incident.objects.filter(pk=incident.pk).update(occurred_at=same + timedelta(minutes=number))
        assert not publisher.publish(afresh=True).changed
        assert content(folder) == before


class TestRemoval:
    """Reclassified, moved and withdrawn incidents disappear from every earlier result."""

    def test_a_withdrawn_incident_is_removed_and_reported_as_withdrawn(self, agency: Agency) -> None:
        staying, leaving = agency.add(), agency.add()
        publisher.publish()
        assert len(rows()) == 2
        agency.change(leaving, removed_at=datetime.now(UTC))
        publisher.publish()
        assert [row.public_id for row in rows()] == [staying.public_id]
        assert leaving.public_id not in str(answers(reader.current()))
        with pytest.raises(published_incidents.WithdrawnIncidentError):
            reader.current().find_incident(leaving.public_id)

    def test_an_incident_whose_record_becomes_void_is_withdrawn(self, agency: Agency) -> None:
        staying, leaving = agency.add(), agency.add()
        publisher.publish()
        agency.change(leaving, outcome="VOID")
        publisher.publish()
        assert [row.public_id for row in rows()] == [staying.public_id]
        with pytest.raises(published_incidents.WithdrawnIncidentError):
            reader.current().find_incident(leaving.public_id)

    def test_an_incident_never_published_is_unknown_not_withdrawn(self, agency: Agency) -> None:
        never = agency.add("sexual", removed_at=datetime.now(UTC))
        agency.add()
        publisher.publish()
        with pytest.raises(published_incidents.UnknownIncidentError) as raised:
            reader.current().find_incident(never.public_id)
        assert not isinstance(raised.value, published_incidents.WithdrawnIncidentError)

    @pytest.mark.parametrize("fields", [{"domestic": True}, {"offence_code": "sexual"}, {"offence_code": "unknown"}])
    def test_an_incident_reclassified_as_hidden_is_unknown(self, agency: Agency, fields: dict[str, Any]) -> None:
        leaving = agency.add()
        agency.add()
        publisher.publish()
        fields = {
            name: agency.codes.get(value, value) if name == "offence_code" else value for name, value in fields.items()
        }
        agency.change(leaving, **fields)
        publisher.publish()
        assert leaving.public_id not in str(answers(reader.current()))
        with pytest.raises(published_incidents.UnknownIncidentError) as raised:
            reader.current().find_incident(leaving.public_id)
        assert not isinstance(raised.value, published_incidents.WithdrawnIncidentError)

    def test_a_reclassification_between_shown_categories_is_published(self, agency: Agency, folder: Path) -> None:
        incident, other = agency.add("burglary"), agency.add("burglary")
        for before, after in (("assault", "fraud"), ("fraud", "burglary")):
            agency.reclassify(incident, before, after)
        agency.change(other, outcome="Nothing")
        publisher.publish()
        today = datetime.now(ZoneInfo("America/Chicago")).date()
        assert reader.current().category_changes(incident.public_id) == [
            results.CategoryChange(today, "made-assault", "made-fraud"),
            results.CategoryChange(today, "made-fraud", "made-burglary"),
        ]
        assert reader.current().category_changes(other.public_id) == []
        assert reader.current().category_changes("é" * 99) == []

    @pytest.mark.parametrize(
        ("before", "after", "fields"),
        [
            ("sexual", "burglary", {}),
            ("assault", "sexual", {}),
            ("unknown", "burglary", {}),
            ("burglary", "burglary", {}),
            ("assault", "burglary", {"domestic": True}),
            ("assault", "burglary", {"removed_at": timezone.now()}),
            ("assault", "burglary", {"occurred_at": timezone.now()}),
        ],
    )
    def test_other_reclassifications_are_not_published(
        self, agency: Agency, before: str, after: str, fields: dict[str, Any]
    ) -> None:
        agency.add("burglary")
        incident = agency.add("burglary", **fields)
        agency.reclassify(incident, before, after)
        publisher.publish()
        assert reader.current().category_changes(incident.public_id) == []
        assert len(reader.current().columns["change_id"]) == 0

    def test_a_moved_incident_leaves_its_old_place(self, agency: Agency) -> None:
        moving = agency.add()
        agency.add(district="007", point=(41.9, -87.7))
        publisher.publish()
        agency.change(moving, district="010", latitude=41.7, longitude=-87.5, block_text="100 block of E Oak St")
        publisher.publish()
        published = reader.current()
        assert published.count_by_area(everything(published), "district") == {"007": 1, "010": 1}
        assert published.read_page_at_point(everything(published), 41.87811, -87.62981).total == 0
        assert published.find_incident(moving.public_id).block == "100 block of E Oak St"


class TestVersions:
    def test_the_same_input_gives_the_same_version_and_writes_nothing(self, agency: Agency, folder: Path) -> None:
        agency.add()
        first = publisher.publish()
        written = {path: path.stat().st_mtime_ns for path in (folder / first.version).iterdir()}
        again, afresh = publisher.publish(), publisher.publish(afresh=True)
        assert (again.version, again.changed) == (afresh.version, afresh.changed) == (first.version, False)
        assert {path: path.stat().st_mtime_ns for path in (folder / first.version).iterdir()} == written

    def test_unchanged_input_is_not_processed_again(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        agency.add()
        publisher.publish()
        agency.add()
        second = publisher.publish()
        with monkeypatch.context() as patched:
            patched.setattr(publisher, "write_version", lambda *_: pytest.fail("worked on again"))
            again = publisher.publish()
        assert (again.version, again.shown, again.changed) == (second.version, 2, False)
        shutil.rmtree(folder / second.version)
        assert publisher.publish().version == second.version
        assert (folder / second.version / format.META).exists()

    def test_a_new_import_time_is_published_without_a_new_version(self, agency: Agency) -> None:
        agency.add()
        publisher.publish()
        before = reader.current()
        agency.source.last_success_at = datetime(2026, 11, 1, 8, tzinfo=UTC)
        agency.source.save()
        assert not publisher.publish().changed
        after = reader.current()
        source = {
            "slug": "city",
            "name": "City",
            "last_success_at": "2026-11-01T08:00:00+00:00",
            "expected_interval": None,
        }
        assert after.sources == [source]
        assert before.sources != after.sources
        assert after.columns is before.columns

    @pytest.mark.parametrize("seed", range(6))
    def test_an_incremental_publication_equals_a_full_one(self, agency: Agency, seed: int) -> None:
        random = np.random.default_rng(seed)
        run = agency.run()
        stored = [agency.add(str(random.choice(list(agency.codes))), run=run) for _ in range(30)]
        publisher.publish()
        for incident in random.choice(np.array(stored, object), 12, replace=False).tolist():
            agency.change(
                incident,
                **[
                    {"removed_at": datetime.now(UTC)},
                    {"block_text": "100 block of E Oak St", "latitude": 41.7, "longitude": -87.5},
                    {"domestic": True},
                    {"offence_code": agency.codes["fraud"], "outcome": "None"},
                    {"occurred_at": datetime(2023, 1, 1, 6, tzinfo=UTC), "precision": "day"},
                ][random.integers(5)],
            )
        for _ in range(5):
            agency.add("assault", neighbourhood="99", location_description="ALLEY")
        partly = publisher.publish()
        assert partly.changed
        assert publisher.publish(afresh=True).version == partly.version

    def test_rows_of_an_import_that_ends_late_are_not_missed(self, agency: Agency) -> None:
        """It began before others that are published already."""
        late = agency.run("running")
        agency.add()
        assert publisher.publish().shown == 1
        agency.add(run=late)
        late.state = "done"
        late.save()
        agency.add()
        assert publisher.publish().shown == 3

    def test_deleted_rows_are_detected(self, agency: Agency) -> None:
        gone = agency.add()
        agency.add()
        publisher.publish()
        gone.delete()
        assert publisher.publish().shown == 1

    @pytest.mark.parametrize("damage", ["truncate", "remove", "garbage", "older form"])
    def test_a_damaged_cache_is_rebuilt(self, agency: Agency, settings: Any, damage: str) -> None:
        agency.add()
        version = publisher.publish().version
        file = settings.INCIDENT_CACHE / "records" / "kind.npy"
        {
            "truncate": lambda: os.truncate(file, 20),
            "remove": file.unlink,
            "garbage": lambda: (settings.INCIDENT_CACHE / "records" / "state.json").write_text("{"),
            "older form": lambda: (settings.INCIDENT_CACHE / "records" / "state.json").write_text('{"texts": [""]}'),
        }[damage]()
        assert publisher.publish().version == version

    def test_publishing_works_without_a_cache(self, agency: Agency, settings: Any) -> None:
        settings.INCIDENT_CACHE = None
        agency.add()
        assert publisher.publish().shown == 1
        agency.add()
        assert publisher.publish().shown == 2

    def test_a_corrected_time_zone_is_detected(self, agency: Agency) -> None:
        agency.add(occurred_at=datetime(2024, 6, 15, 18, 42, tzinfo=UTC))
        publisher.publish()
        agency.source.time_zone = "America/New_York"
        agency.source.save()
        publisher.publish()
        assert rows()[0].at.hour == 14

    def test_a_reader_keeps_its_version_while_others_come_and_go(self, agency: Agency, folder: Path) -> None:
        agency.add()
        publisher.publish()
        held = reader.current()
        before = answers(held)
        for _ in range(OLD_VERSIONS_KEPT + 2):
            agency.add()
            publisher.publish()
        assert not (folder / held.version).exists()
        assert answers(held) == before
        assert len(rows(reader.current())) == OLD_VERSIONS_KEPT + 3
        versions = [path for path in folder.iterdir() if path.is_dir()]
        assert len(versions) == OLD_VERSIONS_KEPT + 1

    def test_old_versions_are_deleted_after_a_while(self, agency: Agency, folder: Path) -> None:
        agency.add()
        first = publisher.publish().version
        agency.add()
        publisher.publish()
        assert (folder / first).exists()
        long_ago = (folder / first).stat().st_mtime - OLD_VERSION_SECONDS - 10
        os.utime(folder / first, (long_ago, long_ago))
        publisher.publish()
        assert not (folder / first).exists()

    def test_the_folder_is_readable_by_the_web_processes_and_the_cache_is_not(
        self, agency: Agency, folder: Path, settings: Any
    ) -> None:
        agency.add()
        version = publisher.publish().version
        assert (folder / version).stat().st_mode & 0o077 == 0o055
        assert all(path.stat().st_mode & 0o044 == 0o044 for path in (folder / version).iterdir())
        assert settings.INCIDENT_CACHE.stat().st_mode & 0o077 == 0


class TestFaults:
    def test_a_missing_folder_is_reported_in_a_sentence(self, db: None, settings: Any) -> None:
        settings.INCIDENT_SNAPSHOTS = None
        with pytest.raises(NoSnapshotFolderError, match="INCIDENT_SNAPSHOTS"):
            publisher.publish()
        with pytest.raises(published_incidents.NothingPublishedError):
            reader.current()

    def test_reading_fails_while_nothing_is_published(self, folder: Path) -> None:
        with pytest.raises(published_incidents.NothingPublishedError):
            reader.current()

    @pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"version": "gone"}'])
    def test_a_broken_pointer_counts_as_nothing_published(self, folder: Path, content: bytes) -> None:
        folder.mkdir()
        (folder / format.CURRENT).write_bytes(content)
        with pytest.raises(published_incidents.NothingPublishedError):
            reader.current()

    def test_a_version_that_vanished_leaves_the_one_that_is_open(self, agency: Agency, folder: Path) -> None:
        agency.add()
        publisher.publish()
        opened = reader.current()
        agency.add()
        shutil.rmtree(folder / publisher.publish().version)
        assert reader.current() is opened

    def test_a_full_disk_leaves_everything_as_it_was(
        self, agency: Agency, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agency.add()
        before = publisher.publish().version
        agency.add()
        extract.gather_input(agency_rules.load_agency_rules())

        def full(number: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space"):
                publisher.publish()
        assert current_version(folder) == before
        assert not list(folder.glob(f"{PARTIAL_FOLDER_PREFIX}*-*/"))
        assert publisher.publish().shown == 2

    @pytest.mark.parametrize("moment", killed_publisher.MOMENTS)
    def test_a_kill_at_any_step_leaves_a_complete_version(
        self, agency: Agency, folder: Path, tmp_path: Path, moment: str
    ) -> None:
        """After kill -9, readers still have the old version, and the next publication completes and cleans up."""
        agency.add()
        before = publisher.publish().version
        agency.add()
        gathered = extract.gather_input(agency_rules.load_agency_rules())
        file = tmp_path / "given"
        file.write_bytes(pickle.dumps((gathered.records, gathered.rule, gathered.freshness)))
        command = [sys.executable, "-m", "tests.crimemap.publishing.killed_publisher", moment, folder, file]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        assert current_version(folder) == before
        assert len(rows()) == 1
        assert publisher.publish().shown == 2
        assert len(rows()) == 2
        assert not list(folder.glob(f"{PARTIAL_FOLDER_PREFIX}*"))
        assert not list(folder.glob(f"{PARTIAL_PREFIX}*"))

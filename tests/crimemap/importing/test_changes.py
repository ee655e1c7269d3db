"""Effects of a later file on stored incidents: changes, withdrawals, sanity checks, interruptions."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError
from django.db import connection, transaction

from crimemap.models import ImportRun, Incident, IncidentRevision, Source
from tests.crimemap.importing import agency_exports
from tests.crimemap.importing.agency_exports import CHICAGO, Row
from tests.crimemap.importing.import_command import outcomes, refusal_of_import, run_import_command
from tests.stack import ROOT, wait_until

COUNT = 400
ROWS = [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(COUNT)]
LATER = {"Updated On": "06/01/2025 03:40:52 PM"}
EARLIER = {"Updated On": "04/01/2025 03:40:52 PM"}

Writer = Callable[[list[Row]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Writer]:
    def written(rows: list[Row]) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_bytes(agency_exports.text_of(rows, CHICAGO).encode())
        return path

    return written


def first(write: Writer, rows: list[Row] = ROWS) -> None:
    run_import_command("city", write(rows), profile="chicago_portal")


def state() -> list[tuple[object, ...]]:
    return list(Incident.objects.order_by("id").values_list())


@pytest.mark.django_db
class TestChanges:
    def test_a_dry_run_counts_the_same_and_writes_nothing(self, write: Writer) -> None:
        first(write, ROWS[:300])
        before = state()
        later = write([row | LATER | {"Arrest": "true"} for row in ROWS[:10]] + ROWS[10:])
        dry = run_import_command("city", later, dry_run=True)
        assert state() == before
        wet = run_import_command("city", later)
        assert outcomes(dry) == outcomes(wet)
        assert dry["held"] == wet["held"]
        assert wet["created"] == 100

    def test_a_limit_reads_only_the_first_rows(self, write: Writer) -> None:
        result = run_import_command("city", write(ROWS), profile="chicago_portal", limit=25)
        assert outcomes(result) == (25, 0, 0, 0)

    def test_a_new_update_time_alone_is_not_a_change(self, write: Writer) -> None:
        first(write)
        before = state()
        assert outcomes(run_import_command("city", write([row | LATER for row in ROWS]))) == (0, 0, COUNT, 0)
        assert state() == before

    def test_a_change_stores_a_revision_and_keeps_the_public_id(self, write: Writer) -> None:
        first(write)
        at = next(n for n, row in enumerate(ROWS) if row["Latitude"] and row["Domestic"] == "false")
        before = Incident.objects.get(external_id=ROWS[at]["ID"])
        changed = ROWS[at] | LATER | {"Block": "005XX N BROADWAY", "Latitude": "41.700000123", "Case Number": "JZ1"}
        result = run_import_command("city", write([*ROWS[:at], changed, *ROWS[at + 1 :]]))
        assert outcomes(result) == (0, 1, COUNT - 1, 0)
        after = Incident.objects.get(external_id=ROWS[at]["ID"])
        assert (after.id, after.public_id, after.first_run) == (before.id, before.public_id, before.first_run)
        assert after.last_run_id > before.last_run_id
        (revision,) = IncidentRevision.objects.all()
        assert revision.incident == after
        assert revision.run == after.last_run
        assert set(revision.changes) == {"block_text", "latitude"}
        assert revision.changes["block_text"] == [before.block_text, after.block_text]

    def test_a_changed_code_is_recorded_as_a_reclassification(self, write: Writer) -> None:
        first(write)
        other = {"IUCR": "0110", "Primary Type": "HOMICIDE", "Description": "FIRST DEGREE MURDER"}
        at = next(n for n, row in enumerate(ROWS) if row["IUCR"] == "0486")
        run_import_command("city", write([*ROWS[:at], ROWS[at] | LATER | other, *ROWS[at + 1 :]]))
        incident = Incident.objects.get(external_id=ROWS[at]["ID"])
        assert incident.offence_code.code == "0110"
        assert incident.reclassified_at is not None
        assert Incident.objects.filter(reclassified_at__isnull=False).count() == 1

    def test_a_missing_row_is_withdrawn_only_by_a_file_of_the_whole_period(self, write: Writer) -> None:
        first(write)
        fewer = write(ROWS[:100] + ROWS[110:])
        assert run_import_command("city", fewer)["removed"] == 0
        assert run_import_command("city", fewer, dry_run=True, full_snapshot=True)["removed"] == 10
        result = run_import_command("city", fewer, full_snapshot=True)
        assert (result["removed"], result["unchanged"]) == (10, COUNT - 10)
        gone = Incident.objects.filter(removed_at__isnull=False)
        assert {incident.external_id for incident in gone} == {row["ID"] for row in ROWS[100:110]}
        assert all(incident.last_run == ImportRun.objects.latest("id") for incident in gone)

    def test_a_whole_period_withdraws_nothing_outside_of_it(self, write: Writer) -> None:
        first(write)
        result = run_import_command("city", write(ROWS[200:]), full_snapshot=True)
        assert result["removed"] == 0

    @pytest.mark.parametrize("strays", [["2026-06-20 10:00"], ["2026-08-30 01:00"], ["2026-08-31 23:00", "2026-02-01 05:00"],
                                        ["2062-09-03 10:00"], ["1926-09-03 10:00", "2026-08-29 10:00"], ["2026-10-02 10:00"]])  # fmt: skip
    @pytest.mark.parametrize("a_day", [1, 20])
    def test_a_whole_month_with_late_reports_withdraws_nothing_of_other_months(
        self, tmp_path: Path, strays: list[str], a_day: int
    ) -> None:
        """Also from a mistyped year: a file's lowest and highest date are not its period."""
        settings = {"columns": {"external_id": "Row ID", "occurred": "Occurred", "code": "Offense"}}
        Source.objects.create(slug="plain", name="Plain", profile="generic", profile_config=settings, time_zone="UTC")
        days = [dt.datetime(2026, 1, 1) + dt.timedelta(number / a_day) for number in range(290 * a_day)]  # noqa: DTZ001
        lines = [f"{number},{day:%Y-%m-%d %H:%M},THEFT" for number, day in enumerate(days)]
        september = [number for number, day in enumerate(days) if day.month == 9]
        gone = september[len(september) // 2]

        def write_file(name: str, rows: list[str]) -> Path:
            path = tmp_path / name
            path.write_text("\n".join(["Row ID,Occurred,Offense", *rows]))
            return path

        run_import_command("plain", write_file("year.csv", lines))
        late = [f"{9_000_000 + number},{day},THEFT" for number, day in enumerate(strays)]
        whole = write_file("september.csv", [lines[number] for number in september if number != gone] + late)
        # Where many are missing, the import stops first and names the dates; staff may go on.
        result = run_import_command("plain", whole, full_snapshot=True, force=True)
        assert result["removed"] == 1
        assert list(Incident.objects.exclude(removed_at=None).values_list("external_id", flat=True)) == [str(gone)]
        kept = ImportRun.objects.latest("id").report["kept"]
        assert bool(kept) is any("2026-0" in day or "19" in day for day in strays) or "2026-10" in strays[0]
        assert all(last < "2026-09-01" or first > "2026-09-30" for first, last, _count in kept)

    def test_a_file_withdraws_within_the_period_that_a_person_says_and_nowhere_else(self, write: Writer) -> None:
        """The report counts what stays outside; a wrong year among the rows widens nothing."""
        rows = [row | {"Date": f"{n % 9 + 1:02}/{n % 28 + 1:02}/2024 01:10:00 PM"} for n, row in enumerate(ROWS)]
        first(write, rows)
        september = [row for row in rows if row["Date"].startswith("09")]
        late = [row for row in rows if row["Date"].startswith("06")][:1]
        wrong_year = [september[0] | {"ID": "99", "Date": "09/03/1924 01:10:00 PM"}]
        path = write([*september[2:], *late, *wrong_year])
        period = {"first_day": dt.date(2024, 9, 1), "last_day": dt.date(2024, 9, 30)}
        result = run_import_command("city", path, full_snapshot=True, **period)
        assert result["removed"] == 2
        assert {each.external_id for each in Incident.objects.exclude(removed_at=None)} == {
            row["ID"] for row in september[:2]
        }
        kept = ImportRun.objects.latest("id").report["kept"]
        june_on = [row for row in rows if "06" <= row["Date"][:2] < "09" and row["Date"] >= late[0]["Date"]]
        assert sum(count for _first, _last, count in kept) >= len(june_on) - 40
        assert all(first >= "2024-01-01" and last < "2024-09-01" for first, last, _count in kept)
        run = ImportRun.objects.latest("id")
        assert (run.covered_from.year, run.report["quirks"]["dates far from all others"]) == (2024, 2)
        with pytest.raises(CommandError, match="give both, or none"):
            run_import_command("city", path, full_snapshot=True, first_day=dt.date(2024, 9, 1))

    def test_one_wrong_year_hides_no_file_that_is_cut_off(self, write: Writer) -> None:
        """Nor does it make a small file of one month look like one."""
        rows = [row | {"Date": f"{n % 9 + 1:02}/{n % 28 + 1:02}/2024 01:10:00 PM"} for n, row in enumerate(ROWS)]
        first(write, [*rows, rows[0] | {"ID": "99", "Date": "09/03/1924 01:10:00 PM"}])
        cut = write([row for number, row in enumerate(rows) if number % 5 < 2])
        assert "but the last import had" in refusal_of_import("city", cut)
        june = [row for row in rows if row["Date"].startswith("06")]
        strays = [june[0] | {"ID": str(n), "Date": f"09/03/{year} 01:10:00 PM"} for n, year in ((98, 1924), (97, 2025))]
        assert run_import_command("city", write([*june, *strays]))["created"] == 2

    def test_a_file_of_one_day_withdraws_what_it_lacks_of_that_day(self, write: Writer) -> None:
        rows = [row | {"Date": f"06/{n % 10 + 1:02}/2024 01:{n % 60:02}:00 PM"} for n, row in enumerate(ROWS)]
        first(write, rows)
        day = [row for row in rows if row["Date"].startswith("06/03")]
        assert run_import_command("city", write(day[:4] + day[5:]), full_snapshot=True)["removed"] == 1

    def test_the_sentence_of_a_stopped_import_names_the_missing_days(self, write: Writer) -> None:
        first(write)
        kept = [row for row in ROWS if not row["Date"].startswith(("03", "04", "05", "06", "07", "08", "09", "10"))]
        words = refusal_of_import("city", write(kept), full_snapshot=True)
        assert "March" in words
        assert "October 31, 2001" in words or "Oct. 31, 2001" in words

    def test_a_withdrawn_incident_that_returns_keeps_its_public_id(self, write: Writer) -> None:
        first(write)
        public_id = Incident.objects.get(external_id=ROWS[100]["ID"]).public_id
        run_import_command("city", write(ROWS[:100] + ROWS[101:]), full_snapshot=True)
        assert outcomes(run_import_command("city", write(ROWS))) == (0, 1, COUNT - 1, 0)
        assert Incident.objects.get(public_id=public_id).removed_at is None

    def test_sources_do_not_affect_each_other(self, write: Writer) -> None:
        first(write)
        assert outcomes(run_import_command("town", write(ROWS), profile="chicago_portal")) == (COUNT, 0, 0, 0)
        run_import_command("town", write(ROWS[:380]), full_snapshot=True)
        assert not Incident.objects.filter(source__slug="city", removed_at__isnull=False).exists()

    def test_an_older_file_overwrites_nothing_unless_forced(self, write: Writer) -> None:
        first(write)
        before = state()
        older = write([row | EARLIER | {"Arrest": "true"} for row in ROWS])
        assert refusal_of_import("city", older).endswith(".")
        assert state() == before
        assert run_import_command("city", older, force=True)["updated"] > 0

    def test_an_older_file_may_add_incidents(self, write: Writer) -> None:
        first(write, ROWS[200:])
        assert outcomes(run_import_command("city", write([row | EARLIER for row in ROWS[:200]]))) == (200, 0, 0, 0)


@pytest.mark.django_db
class TestGuards:
    """A suspicious file stops before anything is stored, with a sentence."""

    def stopped(self, write: Writer, rows: list[Row], profile: str | None = None, **options: bool) -> str:
        before = state()
        words = refusal_of_import("city", write(rows), profile=profile, **options)
        assert state() == before
        run = ImportRun.objects.latest("id")
        assert run.state == "stopped"
        assert run.message
        assert run.read == run.created + run.updated + run.unchanged + run.rejected
        return words

    def test_too_many_rejected_rows_stop_the_import(self, write: Writer) -> None:
        self.stopped(write, [row | {"Date": "?"} for row in ROWS[:100]] + ROWS[100:], profile="chicago_portal")

    def test_too_many_rows_on_one_point_stop_the_import(self, write: Writer) -> None:
        """A geocoder that puts unknown addresses in front of headquarters."""
        corner = {"Latitude": "41.7500001", "Longitude": "-87.7000001"}
        self.stopped(write, [row | corner for row in ROWS[:120]] + ROWS[120:], profile="chicago_portal")

    def test_losing_half_of_the_rows_stops_the_import(self, write: Writer) -> None:
        first(write)
        self.stopped(write, [row for n, row in enumerate(ROWS) if n % 3 == 0], full_snapshot=True)

    def test_a_small_file_may_have_one_bad_row(self, write: Writer) -> None:
        result = run_import_command("city", write([*ROWS[:9], ROWS[9] | {"Date": "?"}]), profile="chicago_portal")
        assert outcomes(result) == (9, 0, 0, 1)

    def test_force_passes_the_guards(self, write: Writer) -> None:
        rows = [row | {"Date": "?"} for row in ROWS[:100]] + ROWS[100:]
        result = run_import_command("city", write(rows), profile="chicago_portal", force=True)
        assert outcomes(result) == (COUNT - 100, 0, 0, 100)


CHICAGO_ZONE = ZoneInfo("America/Chicago")
MOMENTS = {
    "an afternoon": ("07/04/2024 03:30:00 PM", "2024-07-04 20:30", "minute"),
    "the month by name behind the year": ("2024 Jul 04 03:30:00 PM", "2024-07-04 20:30", "minute"),
    "midnight": ("07/04/2024 12:00:00 AM", "2024-07-04 05:00", "day"),
    "noon": ("07/04/2024 12:00:00 PM", "2024-07-04 17:00", "minute"),
    "a minute past midnight": ("07/04/2024 12:01:00 AM", "2024-07-04 05:01", "minute"),
    "the hour that comes twice": ("11/06/2022 01:30:00 AM", "2022-11-06 06:30", "hour"),
    "after it": ("11/06/2022 02:30:00 AM", "2022-11-06 08:30", "minute"),
    "before the hour that is skipped": ("03/13/2022 01:59:00 AM", "2022-03-13 07:59", "minute"),
    "after the hour that is skipped": ("03/13/2022 03:00:00 AM", "2022-03-13 08:00", "minute"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("written", "utc", "precision"), MOMENTS.values(), ids=MOMENTS)
def test_times_are_read_in_the_citys_time_zone(write: Writer, written: str, utc: str, precision: str) -> None:
    first(write, [ROWS[0] | {"Date": written}])
    incident = Incident.objects.get()
    assert (incident.occurred_at, incident.precision) == (dt.datetime.fromisoformat(f"{utc}+00:00"), precision)


@pytest.mark.django_db
def test_a_time_skipped_by_daylight_saving_loses_no_row(write: Writer) -> None:
    first(write, [ROWS[0] | {"Date": "03/13/2022 02:30:00 AM"}])
    incident = Incident.objects.get()
    assert incident.occurred_at.astimezone(CHICAGO_ZONE).date() == dt.date(2022, 3, 13)
    assert incident.precision == "hour"


@pytest.mark.django_db
def test_the_points_of_exact_sources_are_never_stored(write: Writer) -> None:
    first(write, ROWS[:1])
    Incident.objects.all().delete()
    exact = ROWS[5] | {"Latitude": "41.812345678", "Longitude": "-87.612345678"}
    Source.objects.update(profile="generic", profile_config={})
    config = {
        "columns": {
            "external_id": "ID",
            "occurred": "Date",
            "code": "IUCR",
            "latitude": "Latitude",
            "longitude": "Longitude",
        }
    }
    Source.objects.update(profile_config=config)
    run_import_command("city", write([exact]))
    incident = Incident.objects.get()
    assert incident.point_kind == "grid"
    assert abs((incident.latitude or 0) - 41.812345678) < 0.0013
    assert (incident.latitude, incident.longitude) != (41.81235, -87.61235)


# Interruptions


@contextmanager
def importing(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own on the tests' database, held up in the moment it stores."""
    values = connection.settings_dict
    url = f"postgres://{values['USER']}:{values['PASSWORD']}@{str(values['HOST']).replace('/', '%2F')}/{values['NAME']}"
    command = [sys.executable, str(ROOT / "manage.py"), "import_incidents", "city", str(path), "--json"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE crimemap_incident IN SHARE ROW EXCLUSIVE MODE")  # others read it and write nothing
        child = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": url}, cwd=ROOT, stderr=subprocess.PIPE)
        wait_until(lambda: child.poll() is not None or held_up(), 120, "an import that stores")
        yield child
    child.communicate()


def held_up() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crimemap_incident'::regclass")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_is_completed_by_the_next_run(write: Writer) -> None:
    first(write, ROWS[:1])
    path = write(ROWS)
    with importing(path) as child:
        child.send_signal(signal.SIGKILL)
        wait_until(lambda: not held_up(), 120, "the server to notice")
    assert Incident.objects.count() == 1
    assert ImportRun.objects.filter(state="running").exists()
    assert run_import_command("city", path)["created"] == COUNT - 1
    assert not ImportRun.objects.filter(state="running").exists()


@pytest.mark.django_db(transaction=True)
def test_a_second_concurrent_import_is_refused(write: Writer) -> None:
    """The second import is refused; nothing is stored twice."""
    first(write, ROWS[:1])
    path = write(ROWS)
    with importing(path) as child:
        assert refusal_of_import("city", path).endswith(".")
    assert child.returncode == 0
    assert Incident.objects.count() == COUNT


PHILADELPHIA = {
    "of today": ("2025-01-07 02:45:00+00", "2025-01-06", "21:45:00"),
    "of older years, local twice": ("2025-01-06 21:45:00", "2025-01-06", "21:45:00"),
    "in UTC alone": ("2025-01-07 02:45:00+00", "", ""),
    "in UTC alone, after a spreadsheet": ("1/7/2025 2:45", "", ""),
    "from the API": ("2025-01-07T02:45:00Z", "2025-01-06T00:00:00Z", "21:45:00"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("times", PHILADELPHIA.values(), ids=PHILADELPHIA)
def test_philadelphias_two_time_formats(tmp_path: Path, times: tuple[str, str, str]) -> None:
    path = tmp_path / "incidents.csv"
    header = "Dc_Dist,Dispatch_Date_Time,Dispatch_Date,Dispatch_Time,Dc_Key,UCR_General,Text_General_Code,Lon,Lat"
    path.write_text(f"{header}\n15,{','.join(times)},202515001499.0,600.0,Thefts,-75.1,40.0\n")
    run_import_command("city", path, profile="philadelphia")
    incident = Incident.objects.get()
    assert incident.occurred_at == dt.datetime(2025, 1, 7, 2, 45, tzinfo=dt.UTC)
    assert (incident.external_id, incident.offence_code.code) == ("202515001499", "600 Thefts")
    assert (incident.latitude, incident.longitude) == (40.0, -75.1)


@pytest.mark.django_db
def test_the_next_import_finds_stored_incidents_by_key(write: Writer) -> None:
    """Not by reading all of it, batch by batch, until autovacuum comes round."""
    rows = [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(5_000)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crimemap_incident")
        first(write, rows)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'crimemap_incident'::regclass")
        assert cursor.fetchone()[0] >= 5_000

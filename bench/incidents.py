"""Measures imports at the size of a big city: see bench/README.md."""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl

from core.roles import Role
from tests.crimemap.importing import agency_exports
from tests.stack import ROOT
from tipportal.deploy import processes
from tipportal.dev_stack.servers import Servers

YEARS = 25
CHANGED_ROWS = 10_000
PLAIN_ROWS = 100_000

PLAIN = """
import csv, datetime as dt, hashlib, sys, time
import django; django.setup()
from crimemap.models import ImportRun, Incident, OffenceCode, Source
source = Source.objects.create(slug="plain", name="plain", profile="chicago_portal", time_zone="America/Chicago")
run = ImportRun.objects.create(source=source, origin="command")
codes, batch = {}, []
update = ["occurred_at", "raw_code", "raw_label", "offence_code", "block_text", "outcome", "content_hash", "last_run"]
def store():
    Incident.objects.bulk_create(batch, update_conflicts=True, unique_fields=["source", "external_id"], update_fields=update)
    batch.clear()
begin = time.monotonic()
for number, row in enumerate(csv.DictReader(open(sys.argv[1], newline=""))):
    if number == int(sys.argv[2]):
        break
    code = row["IUCR"]
    if code not in codes:
        codes[code] = OffenceCode.objects.get_or_create(scheme="plain", code=code)[0]
    batch.append(Incident(
        source=source, external_id=row["ID"], precision="minute", raw_code=code, raw_label=row["Primary Type"],
        occurred_at=dt.datetime.strptime(row["Date"] + " +0000", "%m/%d/%Y %I:%M:%S %p %z"), offence_code=codes[code],
        block_text=row["Block"], latitude=float(row["Latitude"]) if row["Latitude"] else None,
        longitude=float(row["Longitude"]) if row["Longitude"] else None, point_kind="published" if row["Latitude"] else "none",
        district=row["District"], beat=row["Beat"], neighbourhood=row["Community Area"], outcome=row["Arrest"],
        location_description=row["Location Description"], domestic=row["Domestic"] == "true", first_run=run, last_run=run,
        content_hash=hashlib.md5(repr(row).encode()).digest(),
    ))
    if len(batch) == 1000:
        store()
store()
print(time.monotonic() - begin)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--quick", action="store_true", help="100,000 rows, to see that it works")
    parser.add_argument("--formats", action="store_true", help="only the generic profile and a workbook")
    options = parser.parse_args()
    rows = 100_000 if options.quick else options.rows
    with tempfile.TemporaryDirectory(prefix="bench-incidents-") as name:
        folder = Path(name)
        servers = Servers(folder / "servers")
        servers.start()
        try:
            run_manage(servers, Role.OWNER, "migrate", "--verbosity=0")
            if not options.formats:
                measure(servers, folder, rows)
            measure_formats(servers, folder, quick=options.quick)
        finally:
            servers.stop()


GENERIC_ROWS, WORKBOOK_ROWS = 1_000_000, 200_000
GENERIC = """
import django; django.setup()
from crimemap.models import Source
columns = {"external_id": "ID", "occurred": "Date", "code": "IUCR", "label": "Primary Type", "block": "Block", "latitude": "Latitude",
    "longitude": "Longitude", "district": "District", "beat": "Beat", "neighbourhood": "Community Area", "domestic": "Domestic"}
for slug in ("generic", "workbook"):
    Source.objects.create(slug=slug, name=slug, profile="generic", time_zone="America/Chicago", profile_config={"columns": columns})
"""


def measure_formats(servers: Servers, folder: Path, *, quick: bool) -> None:
    """Import a CSV file through the generic profile, and a workbook; processor seconds count on a busy machine."""
    subprocess.run([sys.executable, "-c", GENERIC], env=environment_for_role(servers, Role.OWNER), cwd=ROOT, check=True)
    generic_rows, workbook_rows = (50_000, 10_000) if quick else (GENERIC_ROWS, WORKBOOK_ROWS)
    text, book = folder / "generic.csv", folder / "book.xlsx"
    write_csv(text, agency_exports.chicago(generic_rows, days=365 * YEARS))
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("Data")
    sheet.append(agency_exports.CHICAGO)
    for row in agency_exports.chicago(workbook_rows, days=365):
        sheet.append(row)
    workbook.save(book)
    for label, path, rows in (("generic", text, generic_rows), ("workbook", book, workbook_rows)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds, peak, _report = run_manage(servers, Role.BULK, "import_incidents", label, str(path), "--json")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{label}, {rows:,} rows: {seconds:.1f} s, {cpu:.1f} s of the processor, {peak:.0f} MB", flush=True)


def measure(servers: Servers, folder: Path, rows: int) -> None:
    file, later = folder / "city.csv", folder / "later.csv"
    write_csv(file, agency_exports.chicago(rows, days=365 * YEARS))
    write_csv(later, change_rows(agency_exports.chicago(rows, days=365 * YEARS), rows))
    print(f"{rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB, {os.cpu_count()} cores", flush=True)
    print(f"{'':<28}{'seconds':>9}{'rows/s':>9}{'peak MB':>9}  created  updated unchanged rejected  held", flush=True)
    for label, path in (
        ("first import", file),
        ("the same file again", file),
        (f"{CHANGED_ROWS:,} rows changed", later),
    ):
        seconds, peak, report = run_manage(servers, Role.BULK, *import_arguments(path))
        counts = "".join(f"{report[name]:>9}" for name in ("created", "updated", "unchanged", "rejected", "held"))
        print(f"{label:<28}{seconds:>9.1f}{rows / seconds:>9.0f}{peak:>9.0f}{counts}", flush=True)
    plain_rows = min(rows, PLAIN_ROWS)
    environment = environment_for_role(servers, Role.OWNER)
    plain = [sys.executable, "-c", PLAIN, str(file), str(plain_rows)]
    result = subprocess.run(plain, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = float(result.stdout)
    print(f"{f'DictReader + bulk_create, {plain_rows:,}':<28}{seconds:>9.1f}{plain_rows / seconds:>9.0f}", flush=True)


def import_arguments(path: Path) -> list[str]:
    return ["import_incidents", "city", str(path), "--profile", "chicago_portal", "--json"]


def write_csv(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(agency_exports.CHICAGO)
        writer.writerows(rows)


def change_rows(rows: Iterable[list[str]], count: int) -> Iterable[list[str]]:
    """Yield the same rows, CHANGED_ROWS of them with another outcome, all with an update time one day later."""
    interval = max(1, count // CHANGED_ROWS)
    arrest, updated = agency_exports.CHICAGO.index("Arrest"), agency_exports.CHICAGO.index("Updated On")
    for number, row in enumerate(rows):
        row[updated] = row[updated].replace("05/17/2025", "05/18/2025")
        if number % interval == 0 and number // interval < CHANGED_ROWS:
            row[arrest] = "false" if row[arrest] == "true" else "true"
        yield row


def environment_for_role(servers: Servers, role: Role) -> dict[str, str]:
    assert role.database_user
    variables = dict(os.environ) | {
        "DATABASE_URL": servers.database_url(role.database_user),
        "REDIS_URL": servers.redis_url,
        "DEMO": "1",
        "PYTHONPATH": str(ROOT),
    }
    return processes.environment_for(role, variables)


def run_manage(servers: Servers, role: Role, *args: str) -> tuple[float, float, dict[str, Any]]:
    """Run a management command in a role. Returns its seconds, its peak memory in megabytes and the JSON it printed."""
    begin = time.monotonic()
    command = [sys.executable, str(ROOT / "manage.py"), *args]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, env=environment_for_role(servers, role), stdout=out, cwd=ROOT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        out.seek(0)
        text = out.read().decode()
    if child.returncode:
        sys.exit(f"{' '.join(args)} failed: {text}")
    return seconds, usage.ru_maxrss / 1024, json.loads(text) if "--json" in args else {}


if __name__ == "__main__":
    main()

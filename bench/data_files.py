"""Measures the writing of the files of everything with 8,000,000 incidents: see bench/README.md."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

from core.roles import Role
from tests.stack import ROOT

PUBLISH = """
import pathlib, sys, django; django.setup()
from bench.near import publish
publish(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
"""
# No database: the areas of made-up rows have no names.
WRITE = """
import resource, sys, time, django; django.setup()
from crimemap.exports import data_files, fields
from crimemap.publishing import data_file_writer
from crimemap.snapshot import reader
fields.area_names = lambda layer: {}
published = reader.current()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start, cpu = peak(), time.perf_counter(), time.process_time()
assert data_file_writer.write_missing_files()
print(f"{published.meta['rows']:,} rows: {time.perf_counter() - start:.0f} s, {time.process_time() - cpu:.0f} s of the processor, "
      f"at most {peak():.0f} MB of memory ({before:.0f} before, which includes mapped files)")
for file in data_files.find_data_files(published).files.values():
    if not file.year:
        print(f"  {file.name:<24}{file.size / 1e6:>9.1f} MB")
print(f"  {'files of single years':<24}{sum(file.size for file in data_files.find_data_files(published).by_year) / 1e6:>9.1f} MB")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tipportal.settings",
            "PORTAL_ROLE": Role.BULK.value,
            "DEMO": "1",
            "DATABASE_URL": "postgres://none@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1",
            "EMAIL_URL": "memory://",
            "INCIDENT_SNAPSHOTS": name,
        }
        for script, arguments in ((PUBLISH, [name, str(rows)]), (WRITE, [])):
            subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()

"""`manage.py demo_incidents`: import and publish Riverton's records, as an agency's. Running it again changes nothing."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.agency import current_settings
from crimemap.demo import incidents
from crimemap.importing import pipeline, profiles
from crimemap.models import Block, ImportRun, Source
from crimemap.publishing import data_file_writer, publisher

SOURCE_SLUG = "riverton"
COLUMNS = {
    "external_id": "Report No",
    "occurred": "Occurred",
    "code": "Offense Code",
    "label": "Offense",
    "block": "Block",
    "district": "District",
    "beat": "Beat",
    "neighbourhood": "Neighborhood",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "location_description": "Premises",
    "outcome": "Status",
    "domestic": "Domestic",
}
MAX_AGE = dt.timedelta(days=1)  # of the demo city's last import


class Command(BaseCommand):
    help = "Import and publish five years of the demo city's made-up reports, up to yesterday."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Made-up reports don't belong in a real portal. Set DEMO=1 only on a test machine.")
        if not Block.objects.exists():
            raise CommandError("There is no demo city yet. Run `manage.py demo` first.")
        source, _ = Source.objects.get_or_create(
            slug=SOURCE_SLUG,
            defaults={
                "name": "Riverton Police records",
                "profile": profiles.GENERIC,
                "profile_config": {"columns": COLUMNS, "scheme": "nibrs"},
                "time_zone": settings.TIME_ZONE,
                "expected_interval": 48,
            },
        )
        if source.last_success_at is None or timezone.now() - source.last_success_at > MAX_AGE:
            self._import(source)
        published = publisher.publish()
        data_file_writer.write_missing_files()
        self.stdout.write(f"{published.shown:,} incidents of {current_settings.current().city} are published.")

    def _import(self, source: Source) -> None:
        with tempfile.TemporaryDirectory(prefix="riverton-") as folder:
            path = Path(folder) / "riverton.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                incidents.write_export(file, timezone.localdate())
            run = ImportRun.objects.create(source=source, origin=ImportRun.Origin.COMMAND)
            pipeline.run_import(run, [path])
        if run.state != ImportRun.RunState.DONE:
            raise CommandError(run.message)

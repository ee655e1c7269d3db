"""`manage.py import_blocks streets.geojson`: replace the block layer as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crimemap.places import area_import, block_import


class Command(BaseCommand):
    help = "Replace the block layer with a CSV or GeoJSON of midpoints, or GeoJSON center lines with address ranges."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            parsed = block_import.parse_blocks(file.read_bytes())
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except area_import.LayerFileError as error:
            raise CommandError(f"{file}: {error}") from None
        result = block_import.replace_blocks(parsed.blocks)
        result.notes += parsed.notes
        self.stdout.write(result.summarize())

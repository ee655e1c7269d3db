"""`manage.py import_areas district districts.geojson`: replace a boundary layer as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crimemap.models import Area
from crimemap.places import area_import


class Command(BaseCommand):
    help = "Replace a layer of areas with the areas of a GeoJSON file (plain or gzip)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("layer", choices=Area.Layer.values)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--code", default="", help="the property with the code that incidents use; guessed by default"
        )
        parser.add_argument(
            "--name", help="the property with the name; guessed by default; '' for names like “District 9”"
        )

    def handle(self, *args: Any, layer: str, file: Path, code: str, name: str | None, **options: Any) -> None:
        try:
            features = area_import.parse_features(file.read_bytes())
            columns = area_import.choose_columns(features, layer, code, name)
            result = area_import.replace_layer(layer, features, columns)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except area_import.LayerFileError as error:
            raise CommandError(f"{file}: {error}") from None
        self.stdout.write(
            f"Codes from “{columns.code}”, names from “{columns.name}”."
            if columns.name
            else f"Codes from “{columns.code}”."
        )
        self.stdout.write(result.summarize())

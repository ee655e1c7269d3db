"""`manage.py import_areas district districts.geojson`: replace a boundary layer as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crimemap.layer_files import layer_file
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.models import Area
from crimemap.places import area_import


class Command(BaseCommand):
    help = "Replace a layer of areas with the areas of a GeoJSON file (plain or gzip) or of a zipped shapefile."

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
            read = layer_file.read_path(file)
            columns = area_import.choose_columns(read.features, layer, code, name)
            result = area_import.replace_layer(area_import.plan_layer(layer, read.features, columns))
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except LayerFileError as error:
            raise CommandError(f"{file}: {error}") from None
        self.stdout.write(
            f"Codes from “{columns.code}”, names from “{columns.name}”."
            if columns.name
            else f"Codes from “{columns.code}”."
        )
        result.notes[:0] = read.facts.notes()
        self.stdout.write(result.summarize())

"""`manage.py import_blocks streets.geojson`: replace the block layer as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crimemap.layer_files import layer_file
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.places import block_import


class Command(BaseCommand):
    help = "Replace the block layer with a CSV or layer of midpoints, or with center lines that have address ranges."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            read = layer_file.read_path(file)
            parsed = block_import.parse_blocks(read, block_import.guess_columns(read))
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except LayerFileError as error:
            raise CommandError(f"{file}: {error}") from None
        result = block_import.replace_blocks(parsed.blocks)
        result.notes += parsed.notes
        self.stdout.write(result.summarize())

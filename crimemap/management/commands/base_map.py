"""`manage.py base_map build city.osm.pbf`: draw the city's own base map of an OpenStreetMap extract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shapely
from django.core.management.base import BaseCommand, CommandError, CommandParser

from crimemap.city_map import build
from crimemap.city_map.osm_extract import ExtractError
from crimemap.layer_files import layer_file
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.places.base_map import OSM


class Command(BaseCommand):
    help = (
        "Build the base map of an OpenStreetMap extract (.osm.pbf): tiles for maps in the browser, the lines that the"
        " server draws, blocks, crossings and landmarks. Nothing is downloaded, and nothing changes if a step fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        builder = actions.add_parser("build", help="build everything and store it")
        builder.add_argument("extract", type=Path)
        builder.add_argument("--outline", type=Path, help="GeoJSON of what to show; without it the stored city limits")
        builder.add_argument(
            "--blocks", action="store_true", help="replace the stored blocks with those of the extract's house numbers"
        )
        builder.add_argument(
            "--attribution", default=OSM, help="the source that every map names, for an extract of other data"
        )
        drawer = actions.add_parser("tiles", help="write only the tiles, to a file; store nothing")
        drawer.add_argument("extract", type=Path)
        drawer.add_argument("target", type=Path)

    def handle(self, *args: Any, action: str, extract: Path, **options: Any) -> None:
        if not extract.is_file():
            raise CommandError(f"{extract} is not there.")
        try:
            if action == "tiles":
                self.stdout.write(f"{options['target']}: {build.write_tile_file(extract, options['target']):,} bytes.")
                return
            outline = _read_outline(options["outline"]) if options["outline"] else None
            report = build.build_base_map(
                extract, outline, attribution=options["attribution"], replaces_blocks=options["blocks"]
            )
        except (ExtractError, LayerFileError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from None
        self.stdout.write(
            f"{report.streets:,} streets, {report.blocks:,} blocks, {report.crossings:,} crossings,"
            f" {report.landmarks:,} landmarks. Tiles: {report.tile_bytes:,} bytes."
        )
        for note in report.notes:
            self.stdout.write(note)


def _read_outline(file: Path) -> Any:
    """Return the union of a GeoJSON file's areas. Raises LayerFileError."""
    shapes = [feature.shape for feature in layer_file.read_path(file).features if feature.shape is not None]
    return shapely.union_all([shapely.make_valid(shape) for shape in shapes])

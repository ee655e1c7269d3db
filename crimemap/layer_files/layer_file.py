"""A layer's file as its features, opened in a confined process (process.py).

file = read_layer_file(path, "districts.zip", folder)     # raises LayerFileError
file.features, file.facts.system
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap.layer_files import process
from crimemap.layer_files.features import Feature
from file_cleaning.confinement.child_process import ChildProcess

MAX_UPLOAD_BYTES = 50_000_000
_MAX_FEATURES_BYTES = 400_000_000  # unpacked, of what the process wrote
# Isolated mode leaves the project's folder off the path.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv.pop(1))
from crimemap.layer_files.process import main
main()
"""


class LayerFileError(Exception):
    """The file cannot be imported as this layer; nothing was stored. The message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """The process's words about a file. kind: "geojson", "shapefile" or "table".

    layers: those of an archive; layer: the one that was read. needs_system: its coordinates are not degrees, and no system is
    known; then `sample` has some of them, as (easting, northing), and no shape is ready for use. points: of all outlines in
    the file; points_left: after they were simplified.
    """

    kind: str = "geojson"
    layer: str = ""
    layers: tuple[str, ...] = ()
    features: int = 0
    unreadable: int = 0
    has_index: bool = True
    has_system_file: bool = True
    system: str = ""
    needs_system: bool = False
    sample: tuple[tuple[float, float], ...] = ()
    mended: int = 0
    off_map: int = 0
    points: int = 0
    points_left: int = 0

    @classmethod
    def parse(cls, reply: dict[str, Any]) -> LayerFacts:
        """Build from the process's reply, which a hostile file may have made. Raises ValueError or TypeError."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            given, default = reply[field.name], field.default
            if isinstance(default, str):
                values[field.name] = str(given)[:200]
            elif isinstance(default, bool):
                values[field.name] = given is True
            elif isinstance(default, int):
                values[field.name] = int(given)
        values["layers"] = tuple(str(name)[:200] for name in reply["layers"])[:200]
        values["sample"] = tuple((float(x), float(y)) for x, y in reply["sample"])[:500]
        return cls(**values)

    def notes(self) -> list[str]:
        """Return sentences about what was mended or left out."""
        notes = []
        if self.unreadable:
            notes.append(
                ngettext(
                    "%(count)d shape can't be read and was left out.",
                    "%(count)d shapes can't be read and were left out.",
                    self.unreadable,
                )
                % {"count": self.unreadable}
            )
        if self.off_map:
            notes.append(
                ngettext(
                    "%(count)d shape lies outside the map of the earth and was left out.",
                    "%(count)d shapes lie outside the map of the earth and were left out.",
                    self.off_map,
                )
                % {"count": self.off_map}
            )
        if self.mended:
            notes.append(
                ngettext(
                    "%(count)d shape crossed itself and was repaired.",
                    "%(count)d shapes crossed themselves and were repaired.",
                    self.mended,
                )
                % {"count": self.mended}
            )
        if self.kind == "shapefile" and not self.has_index:
            notes.append(_("The index of the shapefile (.shx) is missing. The shapes were read one after the other."))
        if self.kind == "shapefile" and not self.has_system_file and not self.needs_system:
            notes.append(
                _("The file with the coordinate system (.prj) is missing. The numbers look like degrees and were taken as such.")
            )  # fmt: skip
        return notes


@dataclass(frozen=True, slots=True)
class LayerFile:
    features: list[Feature]
    facts: LayerFacts


def read_layer_file(path: Path, name: str, folder: Path, *, layer: str = "", system: str = "") -> LayerFile:
    """Read a file in a confined process, and write its features into an empty folder. Raises LayerFileError.

    layer: which one of an archive, "" for the first. system: a code such as "EPSG:26910", "" for what the file names.
    """
    size = path.stat().st_size
    limits = process.process_limits(size)
    arguments = [str(folder), str(size), name[-200:].replace("\0", ""), layer.replace("\0", ""), system]
    with path.open("rb") as file:
        child = ChildProcess(_BOOTSTRAP, arguments, folder, file.fileno())
        try:
            child.read_messages(limits.elapsed_seconds, None)
        finally:
            child.terminate()
    try:
        facts = LayerFacts.parse(child.reply) if "kind" in child.reply and not child.timed_out else None
    except (KeyError, ValueError, TypeError, OverflowError):
        facts = None
    if facts is not None:
        return LayerFile(load_features(folder), facts)
    if child.layers is None:
        raise LayerFileError(
            _("The server can't start the process that reads layers. Tell the person who runs the server.")
        )
    reason = str(child.reply.get("refused", "too-large"))  # a process that was killed ran out of its time or memory
    details = child.reply.get("details")
    raise LayerFileError(refusal_sentence(reason, details if isinstance(details, dict) else {}))


def read_path(path: Path) -> LayerFile:
    """Read a file whose coordinates are degrees, or that says what they are. Raises LayerFileError and OSError."""
    with tempfile.TemporaryDirectory() as folder:
        file = read_layer_file(path, path.name, Path(folder))
    if file.facts.needs_system:
        raise LayerFileError(
            _("The coordinates of this file are not degrees, and it doesn't say in which system they are. Import it on the page of the desk, or export it again in WGS 84 (EPSG:4326).")
        )  # fmt: skip
    return file


def load_features(folder: Path) -> list[Feature]:
    """Load the features that the process wrote. Raises LayerFileError if they are none."""
    try:
        rows = list(_read_rows(folder / process.FEATURES_FILE))
        texts = np.array([None if row[2] is None else orjson.dumps(row[2]).decode() for row in rows], object)
        shapes = shapely.from_geojson(texts, on_invalid="ignore") if rows else []
        return [
            Feature(int(number), {str(name): str(value) for name, value in properties.items()}, shape)
            for (number, properties, _geometry), shape in zip(rows, shapes, strict=True)
        ]
    except (OSError, EOFError, ValueError, TypeError, AttributeError):
        raise LayerFileError(refusal_sentence("damaged", {})) from None


def as_geojson(features: Iterable[Feature], names: Collection[str]) -> dict[str, Any]:
    """Return features that have a shape as a GeoJSON FeatureCollection, with the properties of these names."""
    shaped = [feature for feature in features if feature.shape is not None]
    texts = shapely.to_geojson(np.array([feature.shape for feature in shaped], object)) if shaped else []
    drawn = [
        {
            "type": "Feature",
            "properties": {name: feature.properties[name] for name in names if feature.properties.get(name)},
            "geometry": orjson.loads(text),
        }
        for feature, text in zip(shaped, texts, strict=True)
    ]
    return {"type": "FeatureCollection", "features": drawn}


def _read_rows(path: Path) -> Iterator[list[Any]]:
    read = 0
    with gzip.open(path) as file:
        for line in file:
            read += len(line)
            if read > _MAX_FEATURES_BYTES:
                raise ValueError("too much")
            row = orjson.loads(line)
            if len(row) != 3:
                raise ValueError("not a feature")
            yield row


def refusal_sentence(reason: str, details: dict[str, Any]) -> str:
    """Return the sentence for a reason of the process, with what it names."""
    known = _sentences()
    named = {key: str(details.get(key, ""))[:120] for key in ("name", "row", "why")}
    return known.get(reason, known["damaged"]) % named


def _sentences() -> dict[str, str]:
    shapefile = _("Export the layer as GeoJSON, or as a shapefile packed in one zip file.")
    formats: Sequence[tuple[str, str]] = (
        ("geodatabase", _("This is an Esri geodatabase, which the portal can't read.")),
        ("geopackage", _("This is a GeoPackage or another database, which the portal can't read.")),
        ("kml", _("This is a KML file of Google Earth, which the portal can't read.")),
        ("mapinfo", _("This is a MapInfo file, which the portal can't read.")),
        ("drawing", _("This is a drawing (CAD), which the portal can't read.")),
        ("project", _("This is the project of a mapping program, without the layer itself.")),
        ("xml", _("This is XML or a web page, not a layer.")),
        ("topojson", _("This is TopoJSON, which the portal can't read.")),
        ("esri-json", _("This is Esri JSON, which the portal can't read.")),
        ("not-geojson", _("This is not a GeoJSON FeatureCollection.")),
        ("not-json", _("This is not a GeoJSON file: its content is not JSON.")),
        ("no-layer", _("This zip file has no layer in it: neither a shapefile (.shp) nor GeoJSON.")),
    )
    return {reason: f"{sentence} {shapefile}" for reason, sentence in formats} | {
        "bare-shapefile": _("This is one part of a shapefile. Pack all its files in one zip file: .shp, .shx, .dbf and .prj."),
        "no-shp": _("The zip file has parts of a shapefile, but not the shapes (.shp). Pack all its files: .shp, .shx, .dbf and .prj."),
        "no-dbf": _("The shapefile “%(name)s” has no table (.dbf), so its areas have no codes and no names. Pack all its files: .shp, .shx, .dbf and .prj."),
        "damaged-shapefile": _("The shapefile “%(name)s” is damaged or incomplete. Export it again, and pack all its files in one zip file."),
        "damaged-archive": _("This packed file is damaged or incomplete. Send it again."),
        "password": _("This zip file has a password. Pack the files without one."),
        "damaged": _("This file can't be read as a layer: it is damaged, or of another kind. Export the layer again as GeoJSON."),
        "too-large": _("This file is too large: it unpacks to more than the portal reads. Export the layer with fewer details, or only your own area."),
        "too-many-points": _("The outlines of this file have more than 5 million points. Export the layer with fewer details (“simplify”)."),
        "too-many-features": _("This file has more than 500,000 rows. Export only your own area."),
        "no-shapes": _("This file has no shapes in it. Check that you exported the right layer, with its shapes."),
        "bad-row": _("Row %(row)s can't be read: %(why)s."),
    }  # fmt: skip

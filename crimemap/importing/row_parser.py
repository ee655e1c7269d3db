"""Parses a row of a file into an incident, by a profile. Personal data ends here: unnamed columns are never looked at.

Cells repeat (dates, blocks, codes), so each distinct cell is parsed once and remembered, in bounded memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import itemgetter

from django.utils.translation import gettext as _

from crimemap.geometry import meters_between
from crimemap.importing import parsed_rows
from crimemap.importing.columns import counts
from crimemap.importing.columns.bounded_memo import BoundedMemo
from crimemap.importing.columns.points import Box, PointColumns
from crimemap.importing.columns.times import Row, TimeColumns
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns
from crimemap.importing.parsed_rows import ParsedIncident, ParsedRow, RowLocation
from crimemap.importing.profiles.base import JOINER, STREET_PARTS, Profile, normalize_header
from crimemap.importing.readers import cells
from crimemap.importing.readers.cells import LOST_ID, CellError, NoteQuirk
from crimemap.privacy import known_streets, public_words
from crimemap.privacy.locations import coarsen_location
from crimemap.snapshot import reader
from crimemap.snapshot.published_incidents import NothingPublishedError

MAX_UNREAD = 50_000  # addresses that are kept for the report; all are counted
MAX_LENGTHS = {"code": 160, "label": 200, "location_description": 120, "outcome": 120}
MAX_ID_LENGTH = 100
MAX_BLOCK_METERS = 2_000.0  # from a row's point to the middle of its block in the agency's layer


class RowParser:
    """Parses the rows of one table. Calls `note_quirk` the first time that a cell shows an oddity."""

    def __init__(
        self,
        header: list[str],
        profile: Profile,
        *,
        time_zone: str,
        box: Box | None,
        geocoder: Geocoder,
        note_quirk: NoteQuirk,
        read_rows: Callable[[], Iterable[Row]],
    ) -> None:
        """`read_rows` starts from the first row each time: all rows may have to tell days from months."""
        self.profile, self.note_quirk, self.box = profile, note_quirk, box or profile.box
        self.geocoder, self.time_zone, self.header = geocoder, time_zone, header
        self.columns = HeaderColumns(header, profile)
        self.width = len(header)
        self.read_rows = read_rows
        self.unread_count = 0  # rows whose address names no known street
        self.unread_addresses: Counter[str] = Counter()  # by address; of memory alone, since they may name people
        self.labels: Counter[str] = Counter()  # rows by label of their place
        self.unknown_values: set[tuple[str, str]] = set()  # kinds of place and outcomes, as (field, text)
        self.times = TimeColumns(header, self.columns, time_zone=time_zone, note_quirk=note_quirk, read_rows=read_rows)
        self._prepare_codes()
        self._prepare_texts()
        self.points = PointColumns(self.columns, box=box, geocoder=geocoder, note_quirk=note_quirk, read_rows=read_rows)
        self._prepare_places()
        position = self.columns.by_field.get
        self.id_position = position("external_id", -1)
        self.count_position = position("count", -1)
        self.counts: BoundedMemo[str, int] = BoundedMemo(lambda cell: counts.parse_count(cell, note_quirk))
        self.id_without_column = LOST_ID if profile.columns.get("external_id") else ""
        # The columns that parse() reads; -1 for those that the file lacks.
        fields = (
            "updated",
            "block",
            *parsed_rows.AREA_LAYERS,
            "location_description",
            "outcome",
        )
        self.positions = [position(name, -1) for name in fields]

    def parse(self, row: Row) -> ParsedRow:
        """Raises CellError for a row that is no incident."""
        if len(row) > self.width:
            raise CellError("row-too-long", _("The row has more cells than the header."))
        row.append("")  # the cell at -1, for columns that the file lacks
        updated, block, district, beat, neighbourhood, description, outcome = self.positions
        start = self.times.parse_start(row)
        code, label = self.codes[self.code_cells(row)]
        if not code:
            raise CellError("code-missing", _("The row has no offense."))
        address = row[block]
        if self.street_positions and not address.strip():
            address = " ".join([part for i in self.street_positions if (part := row[i].strip(" -"))])
        block_text = self.blocks[address]
        if block_text:
            self.labels[block_text] += 1
        elif not cells.is_nowhere(address):
            self._count_unread(address)
        location = self.locations[*self.points.cells_of(row), block_text]
        reported_areas = (
            self.areas[0][row[district]],
            self.areas[1][row[beat]],
            self.areas[2][row[neighbourhood]],
        )
        areas = (
            reported_areas
            if all(reported_areas)
            else [reported or found for reported, found in zip(reported_areas, location.areas, strict=True)]
        )
        domestic = False
        for position, flags in self.domestic_flags:
            domestic |= flags[row[position]]
        incident = ParsedIncident._make(
            (
                start.minute,
                self.times.parse_end(row, start),
                start.precision,
                code,
                label,
                block_text,
                *location[1:4],
                *areas,
                self.descriptions[row[description]],
                self.outcomes[row[outcome]],
                domestic,
            )
        )
        external_id = (
            _parse_id(row[self.id_position], self.note_quirk) if self.id_position >= 0 else self.id_without_column
        )
        count = self.counts[row[self.count_position]] if self.count_position >= 0 else 1
        return ParsedRow(
            external_id, incident, location, self.times.updated_minutes[row[updated]], reported_areas, count
        )

    def parse_rejected_id(self, row: Row) -> str:
        """Return the feed's id of a row that parse() rejected, so that its incident is not taken for withdrawn."""
        external_id = _parse_id(row[self.id_position], self.note_quirk) if 0 <= self.id_position < len(row) else ""
        return "" if external_id == LOST_ID else external_id

    # Codes

    def _prepare_codes(self) -> None:
        codes, labels = self.columns.codes, self.columns.labels
        self.code_headers = list(dict.fromkeys([header for group in codes for header in group] + labels))
        positions = [self.columns.positions[normalize_header(header)] for header in self.code_headers]
        # itemgetter returns a tuple only for two or more positions: repeat the last.
        self.code_cells: Callable[[Row], tuple[str, ...]] = itemgetter(*positions, positions[-1])
        self.codes: BoundedMemo[tuple[str, ...], tuple[str, str]] = BoundedMemo(self._parse_code)

    def _parse_code(self, code_cells: tuple[str, ...]) -> tuple[str, str]:
        """Return (code, label) from the cells of `code_headers`."""
        by_header = dict(zip(self.code_headers, code_cells, strict=False))
        code = ""
        for group in self.columns.codes:
            parts = [cells.clean_code(by_header[header], self.profile.code_width, self.note_quirk) for header in group]
            code = JOINER.join(
                self.profile.prefixes.get(header, "") + part for header, part in zip(group, parts, strict=True) if part
            )
            if code:
                break
        max_length = MAX_LENGTHS["label"]
        texts = (cells.clean_text(by_header[header], max_length, self.note_quirk) for header in self.columns.labels)
        return code[: MAX_LENGTHS["code"]], JOINER.join(filter(None, texts))[:max_length]

    # Texts

    def _prepare_texts(self) -> None:
        note_quirk = self.note_quirk
        self.descriptions: BoundedMemo[str, str] = BoundedMemo(self._parse_description)
        self.outcomes: BoundedMemo[str, str] = BoundedMemo(self._parse_outcome)
        self.domestic_flags = [
            (self.columns.positions[normalize_header(header)], BoundedMemo(_domestic_parser(pattern, note_quirk)))
            for header, pattern in self.profile.domestic.items()
            if self.columns.has(header)
        ]

    def _parse_description(self, cell: str) -> str:
        return self._check_value(
            "location_description", cells.clean_text(cell, MAX_LENGTHS["location_description"], self.note_quirk)
        )

    def _parse_outcome(self, cell: str) -> str:
        text = cells.clean_text(cell, MAX_LENGTHS["outcome"], self.note_quirk)
        names = self.profile.outcomes
        if text.casefold() in names:
            return names[text.casefold()]
        flag = cells.parse_boolean(cell, self.note_quirk) if names and text else None
        return self._check_value("outcome", text) if flag is None else names.get("true" if flag else "false", text)

    def _check_value(self, field: str, text: str) -> str:
        """Return a kind of place or an outcome, "" for free text; note one that an administrator has to approve."""
        if public_words.is_free_text(text):
            self.note_quirk("free text in kinds of place or outcomes")
            return ""
        if not public_words.is_known(field, text):
            self.unknown_values.add((field, text))
        return text

    # Places

    def count_doubtful(self) -> int:
        """Count the rows whose label may hold a resident's name, by what the table's other labels and the map's name."""
        doubtful = known_streets.find_doubtful({*self.labels, *_list_published_labels()}, self.geocoder.streets)
        return sum(self.labels[label] for label in doubtful)

    def _count_unread(self, address: str) -> None:
        self.unread_count += 1
        if len(self.unread_addresses) < MAX_UNREAD:
            self.unread_addresses[address] += 1

    def _prepare_places(self) -> None:
        position, note_quirk = self.columns.by_field.get, self.note_quirk
        self.street_positions = [i for name in STREET_PARTS if (i := position(name, -1)) >= 0]
        self.blocks: BoundedMemo[str, str] = BoundedMemo(
            lambda cell: cells.clean_block(cell, note_quirk, self.geocoder.streets)
        )
        self.locations: BoundedMemo[tuple[str, str, str], RowLocation] = BoundedMemo(self._locate)
        self.areas = [
            BoundedMemo(_area_parser(self.profile.area_widths.get(layer, 0), note_quirk))
            for layer in parsed_rows.AREA_LAYERS
        ]

    def _locate(self, place: tuple[str, str, str]) -> RowLocation:
        """Snap a place, given as the cells of latitude and longitude and the block's name."""
        latitude_cell, longitude_cell, block_text = place
        point, problem = self.points.parse(latitude_cell, longitude_cell)
        public = self.profile.points_are_public
        snapped_alone = coarsen_location(*(point or (None, None)), points_are_public=public, block_point=None)
        midpoint = self.geocoder.block_midpoint(block_text)
        if point and midpoint and meters_between(*point, *midpoint) > MAX_BLOCK_METERS:
            self.note_quirk("blocks far from the row's point: another town's street")
            midpoint = None
        snapped = (
            coarsen_location(None, None, points_are_public=public, block_point=midpoint) if midpoint else snapped_alone
        )
        latitude, longitude, kind = snapped
        areas: tuple[str, ...] = ("", "", "")
        if latitude is not None and longitude is not None:
            areas = self.geocoder.areas_at(latitude, longitude)
        reported_hash = hash((round(point[0], 5), round(point[1], 5))) if point else None
        north, east, _kind = snapped_alone
        return RowLocation(
            reported_hash,
            latitude,
            longitude,
            kind,
            (north, east) if north is not None and east is not None else None,
            areas,
            parsed_rows.FIELD_SEPARATOR.join(map(str, snapped)),
            problem,
        )


def _list_published_labels() -> list[str]:
    try:
        return reader.current().list_labels()
    except NothingPublishedError:
        return []


def _parse_id(cell: str, note_quirk: NoteQuirk) -> str:
    """Return the feed's id; a hash of one that is too long."""
    external_id = cell if cell.isdigit() and cell[0] != "0" else cells.clean_identifier(cell, note_quirk)
    return external_id if len(external_id) <= MAX_ID_LENGTH else parsed_rows.hash_texts([external_id]).hex()


def _area_parser(width: int, note_quirk: NoteQuirk) -> Callable[[str], str]:
    return lambda cell: cells.clean_area_code(cell, width, note_quirk)


def _domestic_parser(pattern: str, note_quirk: NoteQuirk) -> Callable[[str], bool]:
    return lambda cell: cells.parse_domestic(cell, pattern, note_quirk)

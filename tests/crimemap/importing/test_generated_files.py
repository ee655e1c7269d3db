"""Exports that are damaged anywhere, and cells that hold anything: `make soak`, each night.

Each is imported, or refused in a sentence. Nothing that is stored could be a formula, or hide characters.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from crimemap.models import Incident
from tests.crimemap.importing import agency_exports
from tests.crimemap.importing.agency_exports import CHICAGO
from tests.crimemap.importing.import_command import run_import_command

pytestmark = [pytest.mark.nightly, pytest.mark.django_db]

EXAMPLES = 300
TEXTS = ("block_text", "location_description", "raw_label", "raw_code", "district")
ROWS = [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(12)]
CSV = agency_exports.text_of(ROWS, CHICAGO).encode()
EXPORTS = [CSV, CSV.replace(b",", b";"), CSV.decode().encode("utf-16"), agency_exports.geojson(ROWS)]
PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b'"', b'""', b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"]", b",,,", b"\\u0000", b"9" * 400]),
)  # fmt: skip
CELLS = st.one_of(
    st.text(max_size=40),
    st.text("0123456789/:-. APM+TZ", max_size=24),
    st.floats().map(str),
    st.sampled_from(["=1+1", "\ufeff=1+1", " @SUM(1)", "\u202e+1", "\t-1", "\\.", "\\N", "\ud800", "x" * 3000]),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated") / "export.csv"


def import_file(path: Path, content: bytes) -> str:
    """Import a file, and return the sentence of a refusal, "" if there is none."""
    path.write_bytes(content)
    try:
        run_import_command("city", path, profile="chicago_portal")
    except (CommandError, SystemExit) as refusal:
        return str(refusal)
    return ""


def import_and_look(path: Path, content: bytes) -> None:
    with transaction.atomic():
        refusal = import_file(path, content)
        assert not refusal or refusal.endswith(".")
        assert "Error" not in refusal
        for row in Incident.objects.values_list(*TEXTS):
            for text in row:
                assert not text.startswith(("=", "+", "-", "@"))
                assert text.isprintable()
        transaction.set_rollback(True)


@given(
    export=st.sampled_from(EXPORTS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), PIECES), min_size=1, max_size=6),
)
@settings(max_examples=EXAMPLES)
def test_a_damaged_export_is_imported_or_refused(
    path: Path, export: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    for place, cut, piece in edits:
        start = int(place * len(export))
        export = export[:start] + piece + export[start + cut :]
    import_and_look(path, export)


@given(
    cells=st.lists(st.tuples(st.integers(0, len(ROWS) - 1), st.sampled_from(CHICAGO), CELLS), min_size=1, max_size=8)
)
@settings(max_examples=EXAMPLES)
def test_cells_that_hold_anything_are_imported_or_refused(path: Path, cells: list[tuple[int, str, str]]) -> None:
    rows = [dict(row) for row in ROWS]
    for number, column, text in cells:
        rows[number][column] = text
    import_and_look(path, agency_exports.text_of(rows, CHICAGO).encode(errors="surrogatepass"))

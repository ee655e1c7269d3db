"""The same incidents through every export tool and spreadsheet are stored alike."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from crimemap.models import Incident
from tests.crimemap.importing import agency_exports
from tests.crimemap.importing.agency_exports import CHICAGO, MANGLED, Row
from tests.crimemap.importing.import_command import outcomes, refusal_of_import, run_import_command

pytestmark = pytest.mark.django_db

COUNT = 300
FIELDS = (
    "external_id", "occurred_at", "precision", "offence_code__code", "block_text", "latitude", "longitude", "district",
    "beat", "neighbourhood", "location_description", "outcome", "domestic", "removed_at",
)  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(COUNT)]


def stored() -> list[tuple[object, ...]]:
    return list(Incident.objects.order_by("external_id").values_list(*FIELDS))


def written(tmp_path: Path, content: bytes, name: str = "export.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def plain(rows: list[Row]) -> bytes:
    return agency_exports.text_of(rows, CHICAGO).encode()


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_a_mangled_export_stores_the_same_incidents(
    tmp_path: Path, rows: list[Row], mangle: Callable[[list[Row]], bytes]
) -> None:
    run_import_command("original", written(tmp_path, plain(rows)), profile="chicago_portal")
    expected = stored()
    Incident.objects.all().delete()
    result = run_import_command("mangled", written(tmp_path, mangle(rows), "other.csv"), profile="chicago_portal")
    assert (result["created"], result["rejected"]) == (COUNT, 0)
    assert stored() == expected


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_a_mangled_export_after_the_original_changes_nothing(
    tmp_path: Path, rows: list[Row], mangle: Callable[[list[Row]], bytes]
) -> None:
    run_import_command("city", written(tmp_path, plain(rows)), profile="chicago_portal")
    result = run_import_command("city", written(tmp_path, mangle(rows), "other.csv"))
    assert (result["created"], result["updated"], result["unchanged"], result["rejected"]) == (0, 0, COUNT, 0)


def test_the_apis_profile_reads_the_portals_rows(tmp_path: Path, rows: list[Row]) -> None:
    run_import_command("city", written(tmp_path, plain(rows)), profile="chicago_portal")
    result = run_import_command(
        "city", written(tmp_path, agency_exports.api_json(rows), "rows.json"), profile="chicago_soda"
    )
    assert outcomes(result) == (0, 0, COUNT, 0)


def test_compressed_files_are_read_by_their_content_not_their_name(tmp_path: Path, rows: list[Row]) -> None:
    half = COUNT // 2
    first, second = plain(rows[:half]), plain(rows[half:])
    result = run_import_command("city", written(tmp_path, gzip.compress(first), "export.csv"), profile="chicago_portal")
    assert outcomes(result) == (half, 0, 0, 0)
    archive = agency_exports.zipped(
        {"a/first.csv": first, "a/second.csv": second, "__MACOSX/a/._first.csv": b"\0\5\x16\7"}
    )
    result = run_import_command("city", written(tmp_path, archive, "export.dat"))
    assert outcomes(result) == (COUNT - half, 0, half, 0)


def test_several_files_are_one_import(tmp_path: Path, rows: list[Row]) -> None:
    files = [written(tmp_path, plain(rows[at : at + 100]), f"{at}.csv") for at in range(0, COUNT, 100)]
    assert outcomes(run_import_command("city", *files, profile="chicago_portal")) == (COUNT, 0, 0, 0)


def test_overlapping_files_of_one_import_store_each_incident_once(tmp_path: Path, rows: list[Row]) -> None:
    files = [written(tmp_path, plain(rows[:200]), "a.csv"), written(tmp_path, plain(rows[100:]), "b.csv")]
    result = run_import_command("city", *files, profile="chicago_portal")
    assert (result["read"], result["created"]) == (400, COUNT)
    assert Incident.objects.count() == COUNT


@pytest.mark.parametrize("ids", [True, False], ids=["by id", "by content"])
def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path, rows: list[Row], ids: bool) -> None:
    header = [name for name in CHICAGO if ids or name != "ID"]
    again = [*rows, *rows[:7]] if not ids else rows
    run_import_command(
        "city", written(tmp_path, agency_exports.text_of(again, header).encode()), profile="chicago_portal"
    )
    turned = agency_exports.text_of(reversed(again), reversed(header)).encode()
    result = run_import_command("city", written(tmp_path, turned, "turned.csv"))
    assert (result["created"], result["updated"], result["unchanged"]) == (0, 0, len(again))


def test_identical_rows_without_an_id_are_all_stored(tmp_path: Path, rows: list[Row]) -> None:
    header = [name for name in CHICAGO if name != "ID"]
    thrice = written(tmp_path, agency_exports.text_of([rows[0]] * 3 + [rows[1]], header).encode())
    assert outcomes(run_import_command("city", thrice, profile="chicago_portal")) == (4, 0, 0, 0)
    once_more = written(tmp_path, agency_exports.text_of([rows[0]] * 4 + [rows[1]], header).encode(), "more.csv")
    assert outcomes(run_import_command("city", once_more)) == (1, 0, 4, 0)


def test_ids_that_are_blank_or_repeated_lose_no_row(tmp_path: Path, rows: list[Row]) -> None:
    """Two victims of one homicide; a row whose id was lost."""
    odd = [rows[0], rows[1] | {"ID": rows[0]["ID"]}, rows[2] | {"ID": ""}, rows[3] | {"ID": ""}]
    path = written(tmp_path, agency_exports.text_of(odd, CHICAGO).encode())
    assert outcomes(run_import_command("city", path, profile="chicago_portal")) == (4, 0, 0, 0)
    assert outcomes(run_import_command("city", path)) == (0, 0, 4, 0)
    assert Incident.objects.count() == 4


def test_days_and_months_are_recognized_by_the_whole_file(tmp_path: Path, rows: list[Row]) -> None:
    """The first rows could be either; one row far down cannot."""
    early = [rows[n] | {"Date": f"0{n + 1}/02/2024 10:00", "Updated On": ""} for n in range(9)]
    decided = [*early, rows[9] | {"Date": "25/02/2024 10:00", "Updated On": ""}]
    run_import_command(
        "city", written(tmp_path, agency_exports.text_of(decided, CHICAGO).encode()), profile="chicago_portal"
    )
    days = set(Incident.objects.values_list("occurred_at__month", flat=True))
    assert days == {2}


def test_ambiguous_dates_are_read_as_the_profile_says(tmp_path: Path, rows: list[Row]) -> None:
    either = [rows[n] | {"Date": f"0{n + 1}/02/2024 10:00"} for n in range(9)]
    run_import_command(
        "city", written(tmp_path, agency_exports.text_of(either, CHICAGO).encode()), profile="chicago_portal"
    )
    assert set(Incident.objects.values_list("occurred_at__month", flat=True)) == set(range(1, 10))


def test_rows_that_share_an_id_may_be_reordered(tmp_path: Path, rows: list[Row]) -> None:
    """Also with identical rows; removing one leaves the others unchanged."""
    shared = [row | {"ID": "77"} for row in (rows[0], rows[1], rows[1], rows[2])]
    header = agency_exports.CHICAGO
    run_import_command(
        "city", written(tmp_path, agency_exports.text_of(shared, header).encode()), profile="chicago_portal"
    )
    before = stored()
    turned = [shared[3], shared[1], shared[0], shared[2]]
    for again in (turned, shared, turned[1:]):
        result = run_import_command(
            "city", written(tmp_path, agency_exports.text_of(again, header).encode(), "again.csv")
        )
        assert outcomes(result) == (0, 0, len(again), 0)
    assert stored() == before


def test_other_tables_in_an_archive_are_skipped_and_reported(tmp_path: Path, rows: list[Row]) -> None:
    """An archive like those of data.police.uk: outcomes and searches beside the incidents."""
    members = {
        "2024-01/outcomes.csv": b"Crime ID,Month,Outcome type\r\n1,2024-01,Under investigation\r\n",
        "2024-01/street.csv": plain(rows),
        "readme.txt": b"About this data\n",
    }
    path = written(tmp_path, agency_exports.zipped(members), "export.zip")
    result = run_import_command("city", path, profile="chicago_portal")
    assert outcomes(result) == (COUNT, 0, 0, 0)
    left_out = {"other columns, left out: 2024-01/outcomes.csv", "other columns, left out: readme.txt"}
    assert left_out <= set(result["quirks"])
    # What is said to be all there is must not lose a table that came in other columns.
    assert "outcomes.csv" in refusal_of_import("city", path, full_snapshot=True)


@pytest.mark.parametrize(
    "month",
    ["2021-03", "03/2021", "3/2021", "Mar-21", "01.03.2021", "Mrz 21", "M\u00e4r 21", "mars-21", "01/03/2021", "44256"],
)
def test_a_month_is_read_in_every_spelling_of_spreadsheets(tmp_path: Path, month: str) -> None:
    header = "Crime ID,Month,Falls within,Longitude,Latitude,Location,Crime type"
    path = written(tmp_path, f"{header}\r\nab1,{month},Avon,-2.5,51.4,On or near High Street,Drugs\r\n".encode())
    run_import_command("force", path, profile="police_uk")
    assert Incident.objects.values_list("occurred_at", "precision").get() == (
        dt.datetime(2021, 3, 1, tzinfo=dt.UTC),
        "month",
    )


def test_three_zeros_after_a_separator_are_a_thousand(tmp_path: Path, rows: list[Row]) -> None:
    ids = [row | {"ID": number} for row, number in zip(rows, ("28.000", "28,000,000", "28.0", "28.00"), strict=False)]
    run_import_command(
        "city", written(tmp_path, agency_exports.text_of(ids, CHICAGO).encode()), profile="chicago_portal"
    )
    kept = {key for key in Incident.objects.values_list("external_id", flat=True) if "~" not in key}
    assert kept == {"28000", "28000000", "28"}


def long_ids(rows: list[Row]) -> list[Row]:
    """Ids of twelve digits, which a spreadsheet truncates, and three identical rows without one, as data.police.uk has them."""
    result = [row | {"ID": str(202_515_000_000 + number)} for number, row in enumerate(rows, 1)]
    return [*result[:-3], *[result[-1] | {"ID": ""}] * 3]


def rounded(rows: list[Row]) -> bytes:
    return agency_exports.text_of(
        [row | {"ID": row["ID"] and f"{int(row['ID']):.5E}"} for row in rows], CHICAGO
    ).encode()


def without_ids(rows: list[Row]) -> bytes:
    return agency_exports.text_of(rows, CHICAGO[1:]).encode()


@pytest.mark.parametrize("copy", [rounded, without_ids])
def test_a_copy_that_has_lost_its_ids_stores_nothing_twice(
    tmp_path: Path, rows: list[Row], copy: Callable[[list[Row]], bytes]
) -> None:
    rows = long_ids(rows)
    original, copied = written(tmp_path, plain(rows)), written(tmp_path, copy(rows), "copy.csv")
    run_import_command("city", original, profile="chicago_portal")
    before = stored()
    assert outcomes(run_import_command("city", copied)) == (0, 0, COUNT, 0)
    assert outcomes(run_import_command("city", copied, full_snapshot=True)) == (0, 0, COUNT, 0)
    assert stored() == before


@pytest.mark.parametrize("copy", [rounded, without_ids])
def test_incidents_imported_without_ids_get_them_later(
    tmp_path: Path, rows: list[Row], copy: Callable[[list[Row]], bytes]
) -> None:
    rows = long_ids(rows)
    original, copied = written(tmp_path, plain(rows)), written(tmp_path, copy(rows), "copy.csv")
    assert outcomes(run_import_command("city", copied, profile="chicago_portal")) == (COUNT, 0, 0, 0)
    public = dict(Incident.objects.values_list("id", "public_id"))
    for path in (copied, original, copied, original):
        assert outcomes(run_import_command("city", path)) == (0, 0, COUNT, 0)
    assert dict(Incident.objects.values_list("id", "public_id")) == public
    assert {key for key, *_rest in stored() if key[0] != "~"} == {row["ID"] for row in rows} - {""}
    assert not Incident.objects.filter(external_id__startswith="~?").exists()


def test_each_incident_with_an_id_is_one_row_without(tmp_path: Path, rows: list[Row]) -> None:
    """Two of three that are alike were stored: the third is new, and a slip of a few rows does not stop an import."""
    rows = long_ids(rows)
    alike = [rows[0] | {"ID": str(202_515_900_000 + number)} for number in range(3)]
    run_import_command("city", written(tmp_path, plain([*alike[:2], rows[1]])), profile="chicago_portal")
    assert outcomes(run_import_command("city", written(tmp_path, rounded([*alike, rows[1]]), "copy.csv"))) == (
        1,
        0,
        3,
        0,
    )


def test_many_lost_ids_without_a_match_stop_an_import(tmp_path: Path, rows: list[Row]) -> None:
    rows = long_ids(rows)
    run_import_command("city", written(tmp_path, plain(rows)), profile="chicago_portal")
    arrested = [row | {"Arrest": "true"} for row in rows]
    assert "lost their id" in refusal_of_import("city", written(tmp_path, rounded(arrested), "later.csv"))
    assert Incident.objects.count() == COUNT


def test_a_feed_without_ids_is_imported_without(tmp_path: Path, rows: list[Row]) -> None:
    """Also a feed that has ids only up to a certain day."""
    half = COUNT // 2
    run_import_command("city", written(tmp_path, plain(rows[:50])), profile="chicago_portal")
    for part in (rows[50:half], rows[half:]):
        assert run_import_command("city", written(tmp_path, without_ids(part)))["created"] == len(part)


def test_a_withdrawn_incident_that_comes_back_without_its_id_keeps_it(tmp_path: Path, rows: list[Row]) -> None:
    rows = long_ids(rows)
    run_import_command("city", written(tmp_path, plain(rows)), profile="chicago_portal")
    before = stored()
    middle = written(tmp_path, plain([rows[0], *rows[6:]]), "fewer.csv")
    assert run_import_command("city", middle, full_snapshot=True)["removed"] == 5
    assert outcomes(run_import_command("city", written(tmp_path, rounded(rows), "copy.csv"))) == (0, 5, COUNT - 5, 0)
    assert stored() == before


def test_a_point_that_a_spreadsheet_has_rounded_is_the_same_point(tmp_path: Path, rows: list[Row]) -> None:
    """It keeps eight decimals and five are stored: a number rounded up to a half must not be rounded up again."""
    place = {"Latitude": "41.784564996", "Longitude": "-87.670464995"}
    shown = {"Latitude": "41.784565", "Longitude": "-87.670465"}
    run_import_command("city", written(tmp_path, plain([rows[0] | place])), profile="chicago_portal")
    assert outcomes(run_import_command("city", written(tmp_path, plain([rows[0] | shown]), "copy.csv"))) == (0, 0, 1, 0)


def test_an_ambiguous_lost_decimal_point_is_not_guessed(tmp_path: Path) -> None:
    """2.5 and 0.25 degrees west are both in the country."""
    header = "Crime ID,Month,Falls within,Longitude,Latitude,Location,Crime type"
    path = written(tmp_path, f"{header}\r\nab1,2021-03,Avon,-2512345,51412345,High Street,Drugs\r\n".encode())
    result = run_import_command("force", path, profile="police_uk")
    assert (result["created"], result["unmapped"], "points outside" in result["quirks"]) == (1, 1, True)

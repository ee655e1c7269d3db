"""Counts the addresses of real files that get a label, and says why others are published by their area: see bench/README.md.

Names of residents are planted before the streets of one address in a hundred, to count how many labels would show them.

    .venv/bin/python -m bench.labels FILE... [--profile NAME | --column NAME] [--streets FILE] [--examples 10]

No database. The profile is the named one that the file's columns fit, unless it is given; `--column` reads any other file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

# Of settings alone: nothing connects to either.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tipportal.settings")
os.environ |= {"PORTAL_ROLE": "owner", "DATABASE_URL": "postgres://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}

import django

django.setup()

from crimemap.importing import profiles  # noqa: E402
from crimemap.importing.header import HeaderColumns, header_fits  # noqa: E402
from crimemap.importing.profiles.base import normalize_header  # noqa: E402
from crimemap.importing.readers import cells, tables  # noqa: E402
from crimemap.importing.readers.errors import UnreadableFileError  # noqa: E402
from crimemap.importing.readers.files import TableUnpacker  # noqa: E402
from crimemap.privacy import known_streets  # noqa: E402
from crimemap.street_names import normalize_name  # noqa: E402

BLOCK, PLACE, DOUBTED = "as a block", "as a street or crossing", "may hold a person's name"
UNKNOWN, POINT = "no street is recognized", "a point, no address"
SURNAMES = ("ROE", "DOE", "SMITH", "GARCIA", "NGUYEN", "PATEL", "MILLER", "KOWALSKI", "OKAFOR", "JANE ROE")
GOAL = 0.95  # of the addresses that name a place


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--profile", choices=[name for name in profiles.NAMES if name != profiles.GENERIC])
    parser.add_argument("--column", help="of the address, in files that no profile knows")
    parser.add_argument("--streets", type=Path, help="the agency's own: a name a line")
    parser.add_argument("--examples", type=int, default=0, help="of addresses without a street, the most frequent")
    options = parser.parse_args()
    streets = {normalize_name(line) for line in options.streets.read_text().splitlines()} if options.streets else set()
    totals = Counter[str]()
    for path in options.files:
        try:
            rows = Counter(read_addresses(path, options.profile, options.column))
        except UnreadableFileError as error:
            sys.exit(str(error))
        totals += print_table(path.name, rows, streets, options.examples)
    share = share_with_label(totals)
    print(f"all files: {totals.total():,} distinct addresses, {share:.2%} with a label (goal {GOAL:.0%})")
    sys.exit(0 if share >= GOAL else 1)


def read_addresses(path: Path, profile_name: str | None, column: str | None) -> Iterator[str]:
    """Yield the address of each row, "" for those that say there is no place."""
    with TableUnpacker() as unpacker:
        for file in unpacker.list_tables(path):
            table = tables.open_unknown_table(file)
            position = find_address(table.header, profile_name, column)
            if position < 0:
                print(f"{file.name}: left out, no column of addresses", file=sys.stderr)
                continue
            for _number, row in table.rows():
                address = " ".join(row[position].split())
                yield "" if cells.is_nowhere(address) else address


def find_address(header: list[str], profile_name: str | None, column: str | None) -> int:
    if column:
        names = [normalize_header(name) for name in header]
        return names.index(normalize_header(column)) if normalize_header(column) in names else -1
    names = [profile_name] if profile_name else [name for name in profiles.NAMES if name != profiles.GENERIC]
    known = [profiles.get_profile(name) for name in names]
    fitting = [profile for profile in known if profile_name or header_fits(header, profile)]
    return HeaderColumns(header, fitting[0]).by_field.get("block", -1) if fitting else -1


def explain_address(label: str, doubtful: set[str], *, is_point: bool) -> str:
    """Return how an address with this label is published, or why it is not."""
    if label:
        return DOUBTED if label in doubtful else BLOCK if cells.split_block_name(label) else PLACE
    return POINT if is_point else UNKNOWN


def build_labels(addresses: Iterable[str], streets: set[str]) -> tuple[dict[str, str], set[str]]:
    """Return the label of each address, and the addresses that are points."""
    points: set[str] = set()
    labels = {}
    for address in addresses:
        quirks: Counter[str] = Counter()
        labels[address] = cells.clean_block(address, lambda kind, found=quirks: found.update([kind]), streets)
        if quirks["points in place of blocks"]:
            points.add(address)
    return labels, points


def plant_names(labels: set[str], streets: set[str]) -> tuple[int, int, int]:
    """Return how many names were planted, how many single labels show, and how many all labels together do."""
    blocks = filter(None, map(cells.split_block_name, sorted(labels)))
    planted = [
        f"{block.hundred + 17} {SURNAMES[number % len(SURNAMES)]} {block.street}".upper()
        for number, block in enumerate(list(blocks)[::100])
    ]
    shown = {label for label in build_labels(planted, streets)[0].values() if has_surname(label)}
    return len(planted), len(shown), len(shown - known_streets.find_doubtful(labels | shown, streets))


def has_surname(label: str) -> bool:
    return any(f" {name} " in f" {label.upper()} " for name in SURNAMES)


def share_with_label(distinct: Counter[str]) -> float:
    """Return the share of the addresses that name a place. distinct: number of addresses by how they are published."""
    return (distinct[BLOCK] + distinct[PLACE]) / max(distinct.total() - distinct[POINT], 1)


def print_table(name: str, rows: Counter[str], streets: set[str], examples: int) -> Counter[str]:
    """Print one file's table. Return the number of distinct addresses by how they are published."""
    blank = rows.pop("", 0)
    labels, points = build_labels(rows, streets)
    known = set(filter(None, labels.values()))
    doubtful = known_streets.find_doubtful(known, streets)
    ways = {address: explain_address(label, doubtful, is_point=address in points) for address, label in labels.items()}
    distinct, counted = Counter(ways.values()), Counter[str]()
    for address, way in ways.items():
        counted[way] += rows[address]
    total, total_rows = len(rows), sum(rows.values())
    print(f"{name}: {total:,} distinct addresses in {total_rows:,} rows; {blank:,} rows say there is no place")
    print(f"  {'':<28}{'addresses':>10}{'share':>9}{'rows':>10}{'share':>9}")
    for way in (BLOCK, PLACE, DOUBTED, UNKNOWN, POINT):
        print(
            f"  {way:<28}{distinct[way]:>10,}{distinct[way] / max(total, 1):>9.2%}"
            f"{counted[way]:>10,}{counted[way] / max(total_rows, 1):>9.2%}"
        )
    print(f"  with a label: {share_with_label(distinct):.2%} of the addresses")
    planted, alone, together = plant_names({label for label in known if not has_surname(label)}, streets)
    print(
        f"  of {planted:,} names planted before streets {alone:,} pass the grammar, {together:,} show beside the other labels"
    )
    unknown = [address for address, _count in rows.most_common() if ways[address] == UNKNOWN]
    for address in unknown[:examples]:
        print(f"    {rows[address]:>6,}  {address}")
    return distinct


if __name__ == "__main__":
    main()

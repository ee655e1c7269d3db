"""The published rows in a table of their own, from which SQL counts them independently of the pages."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection

from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents


def store_rows(published: PublishedIncidents) -> None:
    """Copy the published rows to a table, from which SQL counts them on its own."""
    names = published.category_names
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE shown (day date, hour int, category text, latitude float, longitude float,"
            " district text, neighbourhood text) ON COMMIT DROP"
        )
        rows = [
            (row.at.date(), None if row.precision in ("day", "month") else row.at.hour, names[row.category], row.latitude,
             row.longitude, row.areas.get("district"), row.areas.get("neighbourhood"))
            for batch in published.iterate_newest(Filter(published.since, published.until))
            for row in batch
        ]  # fmt: skip
        cursor.executemany("INSERT INTO shown VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)


def sql_count(where: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM shown WHERE {where}", values)
        return int(cursor.fetchone()[0])


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]

"""Published rows as polars tables, with the columns of all downloads (crimemap/exports/fields.py), for the files of everything.

A table of 50,000 rows takes 30 ms; row by row, as a request reads its selection, it would take 20 times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl

from crimemap.exports.fields import COLUMNS, AreaLabels
from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import NOWHERE, PRECISIONS, Array
from crimemap.snapshot.published_incidents import PublishedIncidents

TABLE_ROWS = 50_000

SCHEMA = pl.Schema(
    dict.fromkeys(COLUMNS, pl.String())
    | {"date": pl.Date(), "hour": pl.UInt8(), "latitude": pl.Float64(), "longitude": pl.Float64()}
)


class RowTables:
    """Builds tables of published rows. Text that isn't known is null. area_labels: layer and code to the name shown to people."""

    def __init__(self, published: PublishedIncidents, area_labels: AreaLabels) -> None:
        self._columns = published.columns
        slugs = list(published.category_names)
        # A hidden category has no family, and no published row.
        self._by_category = {
            "category": _text_series(slugs),
            "category_name": _text_series(list(published.category_names.values())),
            "family": _text_series([published.families.get(slug, "") for slug in slugs]),
        }
        self._by_layer = {layer: _text_series(published.areas[layer]) for layer in format.LAYERS}
        self._labels_by_layer = {
            layer: _text_series([area_labels[layer, code] if code else "" for code in published.areas[layer]])
            for layer in format.LAYERS
        }
        self._sources = _text_series([source["slug"] for source in published.meta["sources"]])
        self._texts = _text_series([text.decode() for text in self._columns["texts"].tolist()])
        self._precisions = _text_series(list(PRECISIONS))

    def iterate_newest(self, since: date, until: date) -> Iterator[pl.DataFrame]:
        """Yield all rows of these days, newest first, in tables of at most TABLE_ROWS rows."""
        low, high = row_scan.row_range(self._columns, Filter(since, until))
        while high > low:
            start = max(low, high - TABLE_ROWS)
            yield self._build(np.arange(start, high)[::-1])
            high = start

    def _build(self, rows: Array) -> pl.DataFrame:
        columns = self._columns
        place, time, precision = columns["place"][rows], columns["time"][rows], columns["precision"][rows]
        values: dict[str, pl.Series] = {
            "id": pl.Series(columns["public_id"][rows].tolist(), dtype=pl.Binary).cast(pl.String),
            "date": pl.Series(time // 24).cast(pl.Date),
            "hour": _nullable(pl.Series((time % 24).astype("u1")), precision == PRECISIONS.index("hour")),
            "precision": self._precisions.gather(precision),
            **{name: series.gather(columns["category"][rows]) for name, series in self._by_category.items()},
            "block": self._texts.gather(columns["block"][place]),
            **{layer: series.gather(columns[layer][place]) for layer, series in self._by_layer.items()},
            **{
                f"{layer}_name": series.gather(columns[layer][place]) for layer, series in self._labels_by_layer.items()
            },
            "description": self._texts.gather(columns["description"][rows]),
            "outcome": self._texts.gather(columns["outcome"][rows]),
            "source": self._sources.gather(columns["source"][rows]),
        }
        is_mapped = columns["latitude"][place] != NOWHERE
        for name in ("latitude", "longitude"):
            values[name] = _nullable(pl.Series(format.degrees(columns[name][place])), is_mapped)
        return pl.DataFrame({name: values[name] for name in COLUMNS}, schema=SCHEMA)


def _text_series(texts: list[str]) -> pl.Series:
    return pl.Series([text or None for text in texts], dtype=pl.String)


def _nullable(values: pl.Series, is_known: Array) -> pl.Series:
    return values.zip_with(pl.Series(is_known), pl.Series([None], dtype=values.dtype))

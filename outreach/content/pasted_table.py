"""A pasted table, collected cell by cell and written in Markdown: each figure stays in its column."""

from __future__ import annotations

_MAX_SPAN = 100


class PastedTable:
    """The rows of one table. Merged cells are split: the text is in the first of them, the others are empty."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._rows_below: dict[int, int] = {}  # by column: how many rows below still belong to a cell above
        self._taken: set[int] = set()  # columns of the present row that belong to a cell above

    def begin_row(self) -> None:
        self._taken = {column for column, count in self._rows_below.items() if count > 0}
        for column in self._taken:
            self._rows_below[column] -= 1
        self._rows.append([])

    def add_cell(self, content: str, colspan: str, rowspan: str) -> None:
        if not self._rows:
            self.begin_row()
        row = self._rows[-1]
        self._skip_taken(row)
        first = len(row)
        row += [content, *[""] * (_parse_span(colspan) - 1)]
        for column in range(first, len(row)):
            self._rows_below[column] = _parse_span(rowspan) - 1

    def _skip_taken(self, row: list[str]) -> None:
        while len(row) in self._taken:
            row.append("")

    def markdown(self) -> str:
        """Return the table; the text alone of a table with one cell, which is a frame; nothing if all cells are empty."""
        width = max(map(len, self._rows), default=0)
        cells = [[*row, *[""] * (width - len(row))] for row in self._rows if row]
        if not any(map(any, cells)):
            return ""
        if width == len(cells) == 1:
            return cells[0][0]
        first, *others = [f"| {' | '.join(row)} |" for row in cells]
        return "\n".join([first, f"|{' --- |' * width}", *others])


def _parse_span(text: str) -> int:
    return min(int(text), _MAX_SPAN) or 1 if text.isdecimal() else 1

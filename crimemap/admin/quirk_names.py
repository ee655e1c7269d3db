"""What the pages of imports call the unusual things that a file had. Reports store short English keys."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_NAMES = {
    # Of the file
    "JSON": gettext_lazy("a JSON file"),
    "utf-16": gettext_lazy("text in UTF-16"),
    "windows-1252": gettext_lazy("text in Windows-1252"),
    "cp850": gettext_lazy("text of DOS"),
    "mac-roman": gettext_lazy("text of an old Macintosh"),
    "letters encoded twice": gettext_lazy("text that was encoded twice and is put right"),
    "rows behind a lone quotation mark": gettext_lazy("rows behind a quotation mark that nothing closes"),
    "byte order mark": gettext_lazy("a byte order mark at the start"),
    "lines above the header": gettext_lazy("lines above the header"),
    "no column of ids": gettext_lazy("no column of row ids"),
    "no columns of coordinates": gettext_lazy("no columns of coordinates"),
    # Of lines
    "empty lines": gettext_lazy("empty lines"),
    "repeated header": gettext_lazy("the header again between rows"),
    "totals": gettext_lazy("lines with totals"),
    "rows without an id": gettext_lazy("rows without a row id"),
    "rows that share their id with another": gettext_lazy("rows with the same id as another row"),
    "rows repeated under one id, counted once": gettext_lazy("rows that repeat another row, counted once"),
    "more offenses that rows count": gettext_lazy("more offenses, from rows that stand for several"),
    "zones of times overruled": gettext_lazy("time zones in the file, overruled: these times are local"),
    "rows that are exactly alike": gettext_lazy("rows that are exactly the same"),
    # Of cells
    "control characters": gettext_lazy("invisible control characters, removed"),
    "formulas": gettext_lazy("spreadsheet formulas, kept as text"),
    "texts cut": gettext_lazy("texts that were too long, cut"),
    "numbers with .0": gettext_lazy("whole numbers written with .0"),
    "thousands separators": gettext_lazy("numbers with thousands separators"),
    "scientific numbers": gettext_lazy("numbers in scientific notation"),
    "ids rounded": gettext_lazy("row ids that a spreadsheet has rounded"),
    "zeros lost": gettext_lazy("codes that lost their leading zeros"),
    "area codes too long": gettext_lazy("area codes that are too long"),
    "decimal commas": gettext_lazy("coordinates with decimal commas"),
    "decimal points lost": gettext_lazy("coordinates that lost their decimal point"),
    "coordinates not understood": gettext_lazy("coordinates that can't be read"),
    "zero coordinates": gettext_lazy("rows with coordinates of zero, left without a point"),
    "points outside": gettext_lazy("rows whose point is outside the city, left without a point"),
    "latitude and longitude swapped": gettext_lazy(
        "rows whose latitude and longitude are swapped, left without a point"
    ),
    "coordinates with a lost sign": gettext_lazy("rows whose coordinates have lost a minus sign, left without a point"),
    "points in place of blocks": gettext_lazy("coordinates in the column of blocks"),
    "places without a known street": gettext_lazy("places whose street isn't known"),
    "streets with the words of another": gettext_lazy(
        "rows whose street may hold a person's name (“Roe Oak Ave”: several words, and fewer than three blocks or crossings"
        " of this file and the map), shown without it; a street of your layer of blocks is never doubted"
    ),
    "blocks far from the row's point: another town's street": gettext_lazy("blocks far from their row's point"),
    "yes and no in another language": gettext_lazy("yes and no in another language, such as sí, oui or J"),
    "yes and no in other words": gettext_lazy(
        "yes and no in another language, such as sí, oui or J"
    ),  # of earlier reports
    "coordinates in degrees and minutes": gettext_lazy("coordinates in degrees and minutes"),
    "domestic in other words": gettext_lazy("“domestic” in other words"),
    "free text in areas": gettext_lazy("free text as area, not stored"),
    "free text in kinds of place or outcomes": gettext_lazy("free text as kind of place or outcome, not published"),
    "days before months": gettext_lazy("dates with the day before the month"),
    "years of two digits": gettext_lazy("years with two digits"),
    "months by name": gettext_lazy("months by name"),
    "dates as numbers": gettext_lazy("dates as a spreadsheet's numbers"),
    "times as numbers": gettext_lazy("times as a spreadsheet's numbers"),
    "dates blank, day of the report used": gettext_lazy("no date of the incident, so the date of the report is used"),
    "dates far from all others": gettext_lazy("rows whose date is far from all others, such as a wrong year"),
    "times that tell the day alone": gettext_lazy("times with the day only"),
    "times that tell the hour alone": gettext_lazy("times with the hour only"),
}


def name_all(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the name of each kind with its number, ordered by name."""
    return sorted((_name(kind), number) for kind, number in numbers.items())


def _name(kind: str) -> str:
    separator, left_out = kind.removeprefix("separated by "), kind.removeprefix("other columns, left out: ")
    if separator != kind:
        return (
            _("cells separated by tabs")
            if separator == "tab"
            else _("cells separated by %(sign)s") % {"sign": separator}
        )
    if left_out != kind:
        return _("%(file)s has other columns and was left out") % {"file": left_out}
    return str(_NAMES.get(kind, kind))

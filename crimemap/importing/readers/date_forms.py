"""Rewrites dates as programs write them (JavaScript, SAS, DB2, .NET, Unix) and with their weekday, in the forms that people write."""

from __future__ import annotations

import datetime as dt
import re

# Without "mar", a Tuesday in three languages: it is March too.
_WEEKDAYS = (
    "mon|tue|wed|thu|fri|sat|sun|lun|mi[eé]|jue|vie|s[aá]b|dom|mer|jeu|ven|sam|dim|seg|ter|qua|qui|sex"
    "|mo|di|mi|do|fr|sa|so|monday|tuesday|wednesday|thursday|friday|saturday|sunday|lunes|martes|mi[eé]rcoles|jueves|viernes"
    "|s[aá]bado|domingo|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|segunda|ter[cç]a|quarta|quinta|sexta"
    "|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|tues|thurs"
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?"
_UNTIL = "-|\u2013|\u2014|~|to|thru|through|until|and|bis|al?|hasta|at\u00e9|au|\u00e0"
_FORMS = tuple(
    (re.compile(pattern, re.IGNORECASE), form)
    for pattern, form in (
        (rf"^(?:{_WEEKDAYS})(?:-feira)?\.?,?\s+(?=[\d\w])", ""),
        # JavaScript: "Sep 01 2025 13:45:00 GMT-0500 (CDT)"
        (rf"^([a-z]{{3}}) (\d{{1,2}}) (\d{{4}}) ({_CLOCK}) GMT([+-]\d{{4}})(?: \(.*\))?$", r"\2-\1-\3 \4\5"),
        (rf"^([a-z]{{3}}) +(\d{{1,2}}) ({_CLOCK})( [A-Z]{{2,5}})? (\d{{4}})$", r"\2-\1-\5 \3\4"),  # Unix
        (rf"^(\d{{1,2}}[a-z]{{3}}\d{{2,4}}):({_CLOCK})$", r"\1 \2"),  # SAS: "01SEP2025:13:45:00"
        (r"^(\d{4}-\d\d-\d\d)-(\d\d)\.(\d\d)\.(\d\d)(?:\.\d+)?$", r"\1 \2:\3:\4"),  # DB2
        (r"^((?:19|20)\d{6})T?(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$", r"\1 \2:\3\5"),
        (r"^(\d{4}-\d\d-\d\d)T(.*\d) (Z|[+-]\d\d:?\d\d)$", r"\1 \2\3"),
        (r"^(\d{4}) (\d\d) (\d\d)(?= |$)", r"\1-\2-\3"),
        (r"^(\d?\d)(\d\d)((?:19|20)\d\d)$", r"\1/\2/\3"),  # "09012025", or "9012025" without its zero
        # A range begins with its start: "2025-09-01 - 2025-09-03", "9/1/2025 10:00 to 9/2/2025 08:00"
        (
            rf"^(\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}(?:[ T]{_CLOCK}(?: ?[ap]\.?m\.?)?)?) +(?:{_UNTIL}) +\d{{1,4}}[-/.:]\d.*$",
            r"\1",
        ),
        (r"^(\d{4}-\d\d-\d\d(?:T[^/]+)?)/\d{4}-.*$", r"\1"),
        (r"^(\d{4})[. ]?([a-z]{3})[. ]?(\d\d)(?= |$)", r"\3-\2-\1"),  # "2025Sep01"
        (rf"^({_CLOCK}(?: ?[ap]\.?m\.?)?),? (\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{2,4}})$", r"\2 \1"),  # time first
    )
)
_DOT_NET = re.compile(r"/Date\((\d{12,13})(?:[+-]\d{4})?\)/")
_UNIX_WITH_FRACTION = re.compile(r"(\d{10}|\d{13})\.\d+")
_WEEK_DAY = re.compile(r"\d{4}-?W\d{2}-?[1-7]")


def rewrite_date(cell: str) -> str:
    """Return a date as people write it, or its Unix time; the cell itself if it has no form of a program."""
    if match := _DOT_NET.fullmatch(cell):
        return match[1].zfill(13)
    if match := _UNIX_WITH_FRACTION.fullmatch(cell):
        return match[1]
    if _WEEK_DAY.fullmatch(cell):
        try:
            return dt.date.fromisoformat(cell).isoformat()
        except ValueError:
            return cell
    for pattern, form in _FORMS:
        cell = pattern.sub(form, cell)
    return cell.rstrip()

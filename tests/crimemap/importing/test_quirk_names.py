"""The pages of imports name each unusual thing in a file in words that can be translated."""

from __future__ import annotations

import inspect
import re

from django.conf import settings

from crimemap.admin import quirk_names
from crimemap.importing.readers import csv_rows


def test_every_kind_that_a_report_can_store_has_a_name() -> None:
    source = "".join(path.read_text() for path in (settings.BASE_DIR / "crimemap" / "importing").rglob("*.py"))
    kinds = set(re.findall(r'(?:quirks\[|quirk\()"([^"]+)"', source))
    kinds |= set(re.findall(r'quirk\(".+ else "([^"]+)"\)', source))
    kinds |= set(re.findall(r'"([a-z ]{2,})"', inspect.getsource(csv_rows._noise_kind).rpartition('"""')[2]))
    assert len(kinds) > 35
    assert kinds - set(quirk_names._NAMES) == set()


def test_kinds_with_a_part_of_the_file_in_them_are_named() -> None:
    numbers = {"separated by tab": 1, "separated by ;": 1, "other columns, left out: a.csv": 2, "of an older report": 3}
    assert quirk_names.name_all(numbers) == [
        ("a.csv has other columns and was left out", 2),
        ("cells separated by ;", 1),
        ("cells separated by tabs", 1),
        ("of an older report", 3),
    ]

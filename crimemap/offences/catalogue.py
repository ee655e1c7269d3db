"""What the codes of the known profiles mean and how openly their incidents may be shown: data/categories.csv, data/codes/.

A code is in the category of most of its incidents and takes the visibility of the strictest kind among them. Where a file
does not say which of its incidents are domestic, its assaults and threats are shown by area alone. Sources: the Illinois
codes as Chicago publishes them, the crime types of data.police.uk, the uniform crime codes of Philadelphia, the crime codes
of Los Angeles, New York's key codes (KY) with its finer ones (PD), the FBI's NIBRS codes. The visibilities are this project's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.db import transaction

from crimemap.models import Category, OffenceCode

DATA = Path(__file__).parent.parent / "data"
_BESIDE = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class CatalogueCode:
    """`category` is a slug; `domestic`: whoever is reported under it is at odds with family or partner."""

    code: str
    label: str
    category: str
    visibility: str
    domestic: bool


def comparison_key(name: str) -> str:
    """What is compared of a code or label: exports differ in case, blanks and strokes."""
    return _BESIDE.sub("", name.upper())


@dataclass(frozen=True, slots=True)
class CodeList:
    """A scheme's codes, found by code, by label, and by the labels of other years."""

    scheme: str
    codes: tuple[CatalogueCode, ...] = ()
    by_key: dict[str, CatalogueCode] = field(default_factory=dict)

    def find(self, names: Iterable[str]) -> CatalogueCode | None:
        """The code that the first known of `names` stands for."""
        return next((code for name in names if (code := self.by_key.get(comparison_key(name)))), None)


def schemes() -> list[str]:
    return sorted(path.stem for path in (DATA / "codes").glob("*.csv"))


@cache
def code_list(scheme: str) -> CodeList:
    """That of data/codes/<scheme>.csv; an empty one for schemes that an agency made itself."""
    if scheme not in schemes():
        return CodeList(scheme)
    codes: list[CatalogueCode] = []
    by_code: dict[str, CatalogueCode] = {}
    by_label: dict[str, CatalogueCode] = {}
    for row in _rows(DATA / "codes" / f"{scheme}.csv"):
        code = CatalogueCode(row["code"], row["label"], row["category"], row["visibility"], row["domestic"] == "yes")
        codes.append(code)
        by_code[comparison_key(code.code)] = code
        for label in (code.label, *row["also"].split(" | ")):
            if label:
                by_label.setdefault(comparison_key(label), code)
    return CodeList(scheme, tuple(codes), by_label | by_code)


@transaction.atomic
def create_missing_codes() -> int:
    """Write the codes that are missing and the categories they need; returns how many. What is there is the agency's."""
    known = set(OffenceCode.objects.values_list("scheme", "code"))
    missing = [
        (scheme, code) for scheme in schemes() for code in code_list(scheme).codes if (scheme, code.code) not in known
    ]
    there = set(Category.objects.values_list("slug", flat=True))
    needed = {code.category for _, code in missing} - there
    Category.objects.bulk_create(
        Category(**{**row, "person_offence": row["person_offence"] == "yes", "order": int(row["order"])})
        for row in _rows(DATA / "categories.csv")
        if row["slug"] in needed
    )
    categories = {category.slug: category for category in Category.objects.all()}
    OffenceCode.objects.bulk_create(
        OffenceCode(
            scheme=scheme,
            code=code.code,
            label=code.label,
            category=categories[code.category],
            visibility=code.visibility,
        )
        for scheme, code in missing
    )
    return len(needed) + len(missing)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

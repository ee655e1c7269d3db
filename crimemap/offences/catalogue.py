"""The offense codes of the known profiles, their categories and visibilities: data/categories.csv, data/codes/.

A code has the category of most of its incidents, and the visibility of the strictest kind among them. If a publisher's files
do not say which incidents are domestic, assaults and threats have area visibility. Sources: the Illinois codes as Chicago
publishes them, the crime types of data.police.uk, the uniform crime codes of Philadelphia, the crime codes of Los Angeles,
New York's general codes (KY) and finer codes (PD), the FBI's NIBRS codes. The visibilities are this project's own.
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
_IGNORED = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class CatalogueCode:
    """`category` is a slug. `domestic`: the code itself says that family or partners are involved."""

    code: str
    label: str
    category: str
    visibility: str
    domestic: bool


def comparison_key(name: str) -> str:
    """Return a code or label without case, spaces and punctuation, in which exports differ; "&" is "and"."""
    return _IGNORED.sub("", name.upper().replace("&", "AND"))


@dataclass(frozen=True, slots=True)
class CodeList:
    """A scheme's codes, found by code, by label, and by the labels of other years."""

    scheme: str
    codes: tuple[CatalogueCode, ...] = ()
    by_key: dict[str, CatalogueCode] = field(default_factory=dict)

    def find(self, names: Iterable[str]) -> CatalogueCode | None:
        """Return the code of the first name that the list knows."""
        return next((code for name in names if (code := self.by_key.get(comparison_key(name)))), None)


def schemes() -> list[str]:
    return sorted(path.stem for path in (DATA / "codes").glob("*.csv"))


@cache
def code_list(scheme: str) -> CodeList:
    """Return the list data/codes/<scheme>.csv; an empty list for schemes of an agency's own."""
    if scheme not in schemes():
        return CodeList(scheme)
    codes: list[CatalogueCode] = []
    by_code: dict[str, CatalogueCode] = {}
    by_label: dict[str, CatalogueCode] = {}
    for row in _read_csv(DATA / "codes" / f"{scheme}.csv"):
        code = CatalogueCode(row["code"], row["label"], row["category"], row["visibility"], row["domestic"] == "yes")
        codes.append(code)
        by_code[comparison_key(code.code)] = code
        for label in (code.label, *row["also"].split(" | ")):
            if label:
                by_label.setdefault(comparison_key(label), code)
    return CodeList(scheme, tuple(codes), by_label | by_code)


@transaction.atomic
def create_missing_codes() -> int:
    """Create the codes that are missing and the categories they need; return how many. Existing ones are the agency's."""
    known = set(OffenceCode.objects.values_list("scheme", "code"))
    missing = [
        (scheme, code) for scheme in schemes() for code in code_list(scheme).codes if (scheme, code.code) not in known
    ]
    existing = set(Category.objects.values_list("slug", flat=True))
    needed = {code.category for _, code in missing} - existing
    Category.objects.bulk_create(
        Category(**{**row, "person_offence": row["person_offence"] == "yes", "order": int(row["order"])})
        for row in _read_csv(DATA / "categories.csv")
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


def _read_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

"""Finds the offense code of each row of an import; new codes are written when the import is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import JOINER
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Category, OffenceCode
from crimemap.offences import catalogue, sensitive_words
from crimemap.offences.classification import STRICTNESS
from crimemap.offences.sensitive_words import SensitiveKind

MAX_CODE_CHARACTERS = 160
MAX_CODES = 20_000  # of one import: a column with more holds no codes


@dataclass(slots=True)
class CodeEntry:
    """`id` is None until the code is written; without category and visibility its rows are held."""

    id: int | None
    code: str
    label: str
    category: str = ""  # a slug
    visibility: str = ""

    @property
    def is_held(self) -> bool:
        return not self.category


class CodeBook:
    """The codes of one scheme that an import has met, numbered from 0."""

    def __init__(self, scheme: str, *, checks_words: bool = False) -> None:
        """`checks_words`: what the numbers mean was only said by an administrator, so that words outrank them."""
        self.scheme, self.checks_words = scheme, checks_words
        self.entries: list[CodeEntry] = []
        self.numbers: dict[tuple[str, str], int] = {}
        self.row_counts: Counter[tuple[int, bool]] = Counter()  # by number, and whether the rows are domestic
        self.code_list = catalogue.code_list(scheme)
        rows = OffenceCode.objects.filter(scheme=scheme).values_list(
            "id", "code", "label", "category__slug", "visibility"
        )
        self.stored = {catalogue.comparison_key(row[1]): CodeEntry(*row[:3], row[3] or "", row[4]) for row in rows}

    def number(self, code: str, label: str) -> int:
        """Return the number of a row's code, a new one at its first row. Raises UnreadableFileError beyond MAX_CODES."""
        kind = sensitive_words.find_kind(label) if self.checks_words else None
        key = code, label if kind else ""
        number = self.numbers.get(key)
        if number is None:
            if len(self.entries) >= MAX_CODES:
                raise UnreadableFileError(
                    _(
                        "There are more than %(most)d different offense codes, so this column doesn't contain codes. Choose another column."
                    )
                    % {"most": MAX_CODES}
                )
            number = self.numbers[key] = len(self.entries)
            entry = self._find_or_make(code, label)
            self.entries.append(self._separate(code, label) if kind and _is_looser(entry, label, kind) else entry)
        return number

    def is_held(self, number: int) -> bool:
        return self.entries[number].is_held

    def count_row(self, number: int, *, is_domestic: bool) -> None:
        self.row_counts[number, is_domestic] += 1

    def list_counts(self) -> list[list[str | int]]:
        """Return [code, rows, of them domestic] for each code that rows have, the most frequent first."""
        rows: Counter[str] = Counter()
        domestic: Counter[str] = Counter()
        for (number, is_domestic), count in self.row_counts.items():
            code = self.entries[number].code
            rows[code] += count
            domestic[code] += count * is_domestic
        return [[code, count, domestic[code]] for code, count in rows.most_common()]

    def write_new_codes(self) -> list[int]:
        """Write the new codes; return the primary key of each number."""
        new = {entry.code: entry for entry in self.entries if entry.id is None}
        slugs = {entry.category for entry in new.values()}
        categories = dict(Category.objects.filter(slug__in=slugs).values_list("slug", "id"))
        written = OffenceCode.objects.bulk_create(
            OffenceCode(
                scheme=self.scheme,
                code=entry.code,
                label=entry.label,
                category_id=categories.get(entry.category),
                visibility=entry.visibility if entry.category in categories else "",
            )
            for entry in new.values()
        )
        ids = {code.code: code.pk for code in written}
        return [entry.id or ids[entry.code] for entry in self.entries]

    def _find_or_make(self, code: str, label: str) -> CodeEntry:
        """Return the code itself, its equivalent in the list, or a new code classified by a part of its name."""
        for name in (code, label):
            if name and (entry := self._find(name)):
                return entry
        for part in (*code.split(JOINER), label.split(JOINER, maxsplit=1)[0]):
            if part and (entry := self._find(part)):
                return CodeEntry(None, code, label, entry.category, entry.visibility)
        return CodeEntry(None, code, label)

    def _separate(self, code: str, label: str) -> CodeEntry:
        """Return a code of its own for rows whose words are more sensitive than their number: "200 | Rape" is no arson."""
        joined = JOINER.join((code, label))[:MAX_CODE_CHARACTERS]
        return self.stored.get(catalogue.comparison_key(joined)) or CodeEntry(None, joined, label)

    def _find(self, name: str) -> CodeEntry | None:
        key = catalogue.comparison_key(name)
        if not key:
            return None
        if stored := self.stored.get(key):
            return stored
        listed = self.code_list.find([name])
        if listed is None:
            return None
        return self.stored.get(catalogue.comparison_key(listed.code)) or CodeEntry(
            None, listed.code, listed.label, listed.category, listed.visibility
        )


def _is_looser(entry: CodeEntry, label: str, kind: SensitiveKind) -> bool:
    """Return whether rows with this label would be shown, or later classified, by a number that other rows may share."""
    if entry.id is None and entry.is_held:
        # Also in a test run, so that a person classifies these rows before others of the code are shown.
        has_number = any(character.isdigit() for character in entry.code)
        return has_number or _is_less_sensitive(entry.code, kind)
    if entry.category == kind.category or catalogue.comparison_key(entry.label) == catalogue.comparison_key(label):
        return False
    if entry.is_held:
        return _is_less_sensitive(f"{entry.code} {entry.label}", kind)
    return STRICTNESS[entry.visibility] < STRICTNESS[kind.visibility]


def _is_less_sensitive(text: str, kind: SensitiveKind) -> bool:
    own_kind = sensitive_words.find_kind(text)
    return own_kind is None or STRICTNESS[own_kind.visibility] < STRICTNESS[kind.visibility]

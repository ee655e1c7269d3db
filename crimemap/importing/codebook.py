"""Which offence code each row of an import has: known ones are found, new ones are written when the import is stored."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import JOINER
from crimemap.importing.readers.files import UnreadableFileError
from crimemap.models import Category, OffenceCode
from crimemap.offences import catalogue

MAX_CODES = 20_000  # codes of one import: a column with more holds no codes


@dataclass(slots=True)
class CodeEntry:
    """A code met. `id` is None until it is written; without category and visibility its rows are held."""

    id: int | None
    code: str
    label: str
    category: str = ""
    visibility: str = ""

    @property
    def held(self) -> bool:
        return not self.category


class CodeBook:
    """The codes of one scheme during an import, by number."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self.met: list[CodeEntry] = []
        self.numbers: dict[str, int] = {}
        self.list = catalogue.code_list(scheme)
        rows = OffenceCode.objects.filter(scheme=scheme).values_list(
            "id", "code", "label", "category__slug", "visibility"
        )
        self.stored = {catalogue.comparison_key(row[1]): CodeEntry(*row[:3], row[3] or "", row[4]) for row in rows}

    def number(self, code: str, label: str) -> int:
        """Of a row's code. Raises UnreadableError when there are too many."""
        found = self.numbers.get(code)
        if found is None:
            if len(self.met) >= MAX_CODES:
                raise UnreadableFileError(
                    _("More than %(most)d different offense codes: this column does not hold codes.")
                    % {"most": MAX_CODES}
                )
            found = self.numbers[code] = len(self.met)
            self.met.append(self._known(code, label))
        return found

    def held(self, number: int) -> bool:
        return self.met[number].held

    def write(self) -> list[int]:
        """Write the new codes; the primary key of each number."""
        new = {known.code: known for known in self.met if known.id is None}
        slugs = {known.category for known in new.values()}
        categories = dict(Category.objects.filter(slug__in=slugs).values_list("slug", "id"))
        written = OffenceCode.objects.bulk_create(
            OffenceCode(
                scheme=self.scheme,
                code=known.code,
                label=known.label,
                category_id=categories.get(known.category),
                visibility=known.visibility if known.category in categories else "",
            )
            for known in new.values()
        )
        ids = {code.code: code.pk for code in written}
        return [known.id or ids[known.code] for known in self.met]

    def _known(self, code: str, label: str) -> CodeEntry:
        """The code itself, one of the list that means the same, or a new one counted as what a part of it says."""
        for name in (code, label):
            if name and (found := self._same(name)):
                return found
        for part in (*code.split(JOINER), label.split(JOINER, maxsplit=1)[0]):
            if part and (found := self._same(part)):
                return CodeEntry(None, code, label, found.category, found.visibility)
        return CodeEntry(None, code, label)

    def _same(self, name: str) -> CodeEntry | None:
        key = catalogue.comparison_key(name)
        if not key:
            return None
        if stored := self.stored.get(key):
            return stored
        listed = self.list.find([name])
        if listed is None:
            return None
        return self.stored.get(catalogue.comparison_key(listed.code)) or CodeEntry(
            None, listed.code, listed.label, listed.category, listed.visibility
        )

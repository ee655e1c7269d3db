"""The text of a note as it is sealed: an officer's note, or a translation of a text that the source wrote.

To the database a translation is a note like any other. Rows of another kind, or lines of the audit trail, would tell a thief of the
database which sources write in another language. Needs no database and no Django: search processes read it too.
"""

from __future__ import annotations

from dataclasses import dataclass

# A control character that core.plain_text.clean_typed_text leaves in no text.
_MARK = "\x1e"
_MACHINE, _PERSON = "machine", "person"


@dataclass(frozen=True, slots=True)
class NoteText:
    """`translates` is the position of the translated message, 0 for the report, None for a note."""

    text: str
    translates: int | None = None
    by_machine: bool = False

    def as_stored(self) -> str:
        if self.translates is None:
            return self.text
        return _MARK.join(("", str(self.translates), _MACHINE if self.by_machine else _PERSON, self.text))


def parse(stored: str) -> NoteText:
    """Return what NoteText.as_stored made a text of."""
    if not stored.startswith(_MARK):
        return NoteText(stored)
    _empty, position, maker, text = stored.split(_MARK, 3)
    return NoteText(text, int(position), by_machine=maker == _MACHINE)

"""The text of a story as a dict of values: written to its row, stored as a JSON snapshot, compared."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.plain_text import clean_published_line, clean_published_text
from outreach.content import markdown
from outreach.models import Picture, Story, Tag

# Names of the columns of StoryContent, and the slug. Tags are rows, not columns.
FIELDS = (
    "slug", "title", "summary", "body", "category", "areas", "lead_id", "what_happened", "how_soon", "arrests", "weapons",
    "property_returned", "property_words", "quote", "quote_by", "you_said", "we_did",
)  # fmt: skip
# Values by the names of FIELDS, and "tags": a list of tag ids
StoryValues = dict[str, Any]


def write_values(story: Story, values: StoryValues) -> None:
    """Save the story with these values, and link the pictures that its text refers to."""
    for name in FIELDS:
        if name in values:
            value = values[name]
            setattr(story, name, _clean(name, value))
    story.save()
    story.tags.set(Tag.objects.filter(pk__in=values.get("tags", [])))
    story.pictures.set(Picture.objects.filter(pk__in=find_picture_ids(story.body, story.lead_id)))


def _clean(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return clean_published_text(value) if name == "body" else clean_published_line(value)


def find_picture_ids(body: str, lead_id: int | None = None) -> set[int]:
    """Return the ids of the pictures that a text refers to, and the lead's."""
    try:
        ids = set(markdown.find_references(body).pictures)
    except markdown.TextTooComplexError:
        ids = set()
    return ids | ({lead_id} if lead_id else set())


def take_snapshot(story: Story) -> StoryValues:
    """Return the story's present text as values that JSON can hold."""
    return {name: getattr(story, name) for name in FIELDS} | {"tags": sorted(story.tags.values_list("pk", flat=True))}


def snapshot_of_values(values: StoryValues) -> StoryValues:
    """Return the snapshot that a story would have once these values are saved."""
    normalized = {name: _clean(name, value) for name, value in values.items()}
    return {name: normalized.get(name) for name in FIELDS} | {"tags": sorted(normalized.get("tags", []))}


def values_from_snapshot(snapshot: StoryValues) -> StoryValues:
    """Return values to save again. A lead picture that was deleted meanwhile is left out."""
    lead_id = snapshot.get("lead_id")
    lead_id = lead_id if lead_id and Picture.objects.filter(pk=lead_id).exists() else None
    values = {name: snapshot[name] for name in FIELDS if name in snapshot}
    return values | {"lead_id": lead_id, "tags": snapshot.get("tags", [])}


def is_unchanged(story: Story, values: StoryValues) -> bool:
    """Return whether saving these values would leave the story as it is."""
    before, after = take_snapshot(story), snapshot_of_values(values)
    return all(before[name] == after[name] for name in before)


# Differences


@dataclass(frozen=True, slots=True)
class DiffPiece:
    """A stretch of text that is "same", "removed" or "added"."""

    kind: str
    text: str


_WORDS = re.compile(r"\s+|[^\s]+")
_MAX_WORDS = 4000  # in one changed stretch; the diff of a longer one would take too long, so it is shown as a whole


def diff_texts(before: str, after: str) -> list[DiffPiece]:
    """Return how `before` became `after`: compared by lines, and within changed lines by words."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[DiffPiece] = []
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        removed, added = "".join(old[i1:i2]), "".join(new[j1:j2])
        if kind == "equal":
            pieces.append(DiffPiece("same", removed))
        else:
            pieces += _diff_words(removed, added)
    return pieces


def _diff_words(removed: str, added: str) -> Iterator[DiffPiece]:
    old, new = _WORDS.findall(removed), _WORDS.findall(added)
    whole = len(old) + len(new) > _MAX_WORDS
    steps = [("replace", 0, len(old), 0, len(new))] if whole else difflib.SequenceMatcher(None, old, new).get_opcodes()
    for kind, i1, i2, j1, j2 in steps:
        if kind == "equal":
            yield DiffPiece("same", "".join(old[i1:i2]))
            continue
        if i1 < i2:
            yield DiffPiece("removed", "".join(old[i1:i2]))
        if j1 < j2:
            yield DiffPiece("added", "".join(new[j1:j2]))

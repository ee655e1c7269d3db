"""The text of a story as values: written to its row, kept as a snapshot, compared."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.plain_text import clean_published_text
from outreach.content import markdown
from outreach.models import Picture, Story, Tag

# Fields of Told by name, and the address; tags are kept apart, since they are rows.
FIELDS = (
    "slug", "title", "summary", "body", "category", "areas", "lead_id", "what_happened", "how_soon", "arrests", "weapons",
    "property_returned", "property_words", "quote", "quote_by", "you_said", "we_did",
)  # fmt: skip
# FIELDS by name, and "tags": a list of numbers of tags.
StoryValues = dict[str, Any]


def write_values(story: Story, text: StoryValues) -> None:
    """Save the story with this text, and note which pictures it names."""
    for name in FIELDS:
        if name in text:
            value = text[name]
            setattr(story, name, clean_published_text(value) if isinstance(value, str) else value)
    story.save()
    story.tags.set(Tag.objects.filter(pk__in=text.get("tags", [])))
    story.pictures.set(Picture.objects.filter(pk__in=find_picture_ids(story.body, story.lead_id)))


def find_picture_ids(body: str, lead_id: int | None = None) -> set[int]:
    """Numbers of the pictures that a text names, and the lead's."""
    try:
        named = set(markdown.find_references(body).pictures)
    except markdown.TextTooComplexError:
        named = set()
    return named | ({lead_id} if lead_id else set())


def take_snapshot(story: Story) -> StoryValues:
    """The text as it stands, as JSON can hold it."""
    return {name: getattr(story, name) for name in FIELDS} | {"tags": sorted(story.tags.values_list("pk", flat=True))}


def snapshot_of_values(text: StoryValues) -> StoryValues:
    """The same of a text that is not saved."""
    known = {name: clean_published_text(value) if isinstance(value, str) else value for name, value in text.items()}
    return {name: known.get(name) for name in FIELDS} | {"tags": sorted(known.get("tags", []))}


def values_from_snapshot(kept: StoryValues) -> StoryValues:
    """A text to save again; a picture or tag that is gone since is left out."""
    lead = kept.get("lead_id")
    lead = lead if lead and Picture.objects.filter(pk=lead).exists() else None
    return {name: kept[name] for name in FIELDS if name in kept} | {"lead_id": lead, "tags": kept.get("tags", [])}


def is_unchanged(story: Story, text: StoryValues) -> bool:
    was, now = take_snapshot(story), snapshot_of_values(text)
    return all(was[name] == now[name] for name in was)


# Differences


@dataclass(frozen=True, slots=True)
class DiffPiece:
    """A stretch of text that is "same", "removed" or "added"."""

    kind: str
    text: str


_WORDS = re.compile(r"\s+|[^\s]+")
_MOST_WORDS = 4000  # of one changed stretch; longer ones are shown as a whole


def diff_texts(before: str, after: str) -> list[DiffPiece]:
    """What became of `before`: by lines, and within changed lines by words."""
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
    whole = len(old) + len(new) > _MOST_WORDS
    steps = [("replace", 0, len(old), 0, len(new))] if whole else difflib.SequenceMatcher(None, old, new).get_opcodes()
    for kind, i1, i2, j1, j2 in steps:
        if kind == "equal":
            yield DiffPiece("same", "".join(old[i1:i2]))
            continue
        if i1 < i2:
            yield DiffPiece("removed", "".join(old[i1:i2]))
        if j1 < j2:
            yield DiffPiece("added", "".join(new[j1:j2]))

"""Guides: starter texts are stored once, and belong to the agency from then on.

A save is public at once if the guide is shown. Every version is kept.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.web import context_processors
from outreach.models import Guide, GuideRevision, Picture
from outreach.stories import texts

_STARTER_FOLDER = Path(__file__).parent / "starter_guides"
_HEAD_END = "+++\n"


def ensure_guides() -> None:
    """Store the starter guides that are missing, and show them. Guides that staff changed or hid stay as they are."""
    known = set(Guide.objects.values_list("slug", flat=True))
    for path in sorted(_STARTER_FOLDER.glob("*.md")):
        if path.stem not in known:
            _store_guide(path.stem, *read_guide_file(path))


def read_guide_file(path: Path) -> tuple[dict[str, Any], str]:
    """Return the head (title, summary, place, order) and the text of a starter guide.

    A file is TOML, a line of three plus signs, then Markdown in which {city}, {emergency_number} and {tips_kept} are
    replaced by the agency's settings; the number becomes a link that calls it.
    """
    head, text = path.read_text(encoding="utf-8").split(_HEAD_END, 1)
    facts = context_processors.agency_facts()
    number = f"[{facts['emergency_number']}]({context_processors.emergency_address()})"
    for name, value in (("city", facts["city"]), ("emergency_number", number), ("tips_kept", facts["tips_kept"])):
        text = text.replace(f"{{{name}}}", value)
    return tomllib.loads(head), text


@transaction.atomic
def _store_guide(slug: str, head: dict[str, Any], text: str) -> None:
    guide = Guide.objects.create(slug=slug, body=text, shown=True, **head)
    snapshot = {"slug": slug, "body": text, "shown": True, **head}
    GuideRevision.objects.create(guide=guide, number=1, note=_("Came with the software"), snapshot=snapshot)


# Editing

FIELDS = ("slug", "title", "summary", "body", "place", "order", "shown")


class StaleGuideError(Exception):
    """Another editor saved the guide meanwhile. The new text is set aside as a revision; `guide` is the present row."""

    def __init__(self, guide: Guide) -> None:
        super().__init__("stale")
        self.guide = guide


def take_snapshot(guide: Guide) -> dict[str, Any]:
    return {name: getattr(guide, name) for name in FIELDS}


@transaction.atomic
def create_guide(by: Account, values: dict[str, Any]) -> Guide:
    return _save_version(Guide(**values), by, "")


def save_guide(guide_id: int, by: Account, values: dict[str, Any], version: int, note: str = "") -> Guide:
    """Save values that were begun from `version`. Unchanged values write nothing. Raises StaleGuideError."""
    with transaction.atomic():
        guide = Guide.objects.select_for_update().get(pk=guide_id)
        if take_snapshot(guide) == values:
            return guide
        if guide.version == version:
            for name, value in values.items():
                setattr(guide, name, value)
            guide.version, guide.updated_on = version + 1, timezone.localdate()
            return _save_version(guide, by, note)
        set_aside = {"guide": guide, "by": by, "aside": True, "snapshot": values}
        if not GuideRevision.objects.filter(**set_aside).exists():
            GuideRevision.objects.create(number=version, **set_aside)
    raise StaleGuideError(guide)


def _save_version(guide: Guide, by: Account, note: str) -> Guide:
    guide.save()
    guide.pictures.set(Picture.objects.filter(pk__in=texts.find_picture_ids(guide.body)))
    GuideRevision.objects.create(guide=guide, number=guide.version, by=by, note=note, snapshot=take_snapshot(guide))
    audit.record(by, "changed guide", f"guide {guide.slug}", f"version {guide.version}")
    return guide

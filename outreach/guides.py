"""The guides that come with the portal: stored once, then the agency's own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from outreach.models import Guide, GuideRevision
from tipportal import context

STARTING = Path(__file__).parent / "starting"
DIVIDER = "+++\n"


def ensure_guides() -> None:
    """Store the guides that are not there yet and show them. One that staff changed or hid stays as it is."""
    known = set(Guide.objects.values_list("slug", flat=True))
    for path in sorted(STARTING.glob("*.md")):
        if path.stem not in known:
            _store(path.stem, *read(path))


def read(path: Path) -> tuple[dict[str, Any], str]:
    """Head (title, summary, place, order) and text of a guide, the agency's facts filled in.

    A file is TOML, a line of three plus signs, then Markdown in which {city}, {emergency_number} and {tips_kept} stand for
    what the settings say.
    """
    head, text = path.read_text(encoding="utf-8").split(DIVIDER, 1)
    for name in ("city", "emergency_number", "tips_kept"):
        text = text.replace(f"{{{name}}}", str(context.facts()[name]))
    return tomllib.loads(head), text


@transaction.atomic
def _store(slug: str, head: dict[str, Any], text: str) -> None:
    guide = Guide.objects.create(slug=slug, body=text, shown=True, **head)
    snapshot = {"slug": slug, "body": text, "shown": True, **head}
    GuideRevision.objects.create(guide=guide, number=1, note=_("Came with the portal"), snapshot=snapshot)

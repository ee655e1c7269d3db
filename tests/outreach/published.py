"""Published stories as rows, created without the workflow, for tests of residents' pages."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.contrib.auth import get_user_model

from outreach.models import Picture, PictureFile, PublishedStory, Status, Story, Tag

DAY = dt.date(2026, 3, 14)


def create_draft(slug: str = "draft", status: str = Status.DRAFT, **fields: Any) -> Story:
    """A story at the desk that residents cannot read."""
    by, _ = get_user_model().objects.get_or_create(username="writer")
    needed = {"approved_by": by} if status in (Status.APPROVED, Status.SCHEDULED, Status.PUBLISHED) else {}
    fields = {"title": f"Title of {slug}", "summary": "A summary.", "body": "Some text.", **fields}
    return Story.objects.create(slug=slug, status=status, author=by, edited_by=by, **needed, **fields)


def create_published_story(
    slug: str = "bicycles", *, tags: tuple[str, ...] = (), on: dt.date = DAY, **fields: Any
) -> PublishedStory:
    fields = {"title": f"Title of {slug}", "summary": "A summary.", "body": "Some text.", **fields}
    corrected = fields.pop("corrected_on", None)
    story = create_draft(slug, Status.PUBLISHED, **fields)
    published = PublishedStory.objects.create(story=story, slug=slug, published_on=on, corrected_on=corrected, **fields)
    for name in tags:
        published.tags.add(Tag.objects.get_or_create(slug=name.lower(), defaults={"name": name})[0])
    return published


def create_picture(content: bytes = b"a picture", alt: str = "Three bicycles") -> Picture:
    """A picture that is ready in two widths; its files hold what is given."""
    picture = Picture(alt=alt, credit="Nobody", state=Picture.PictureState.READY, variants=[])
    files = []
    for width in (400, 800):
        for form in ("webp", "jpg"):
            data = content + f"{width}{form}".encode()
            digest = hashlib.sha256(data).hexdigest()
            files.append(PictureFile(picture=picture, digest=digest, format=form, content=data))
            picture.variants.append(
                {"width": width, "height": width // 2, "format": form, "digest": digest, "size": len(data)}
            )
    picture.save()
    for file in files:
        file.picture = picture
        file.save()
    return picture

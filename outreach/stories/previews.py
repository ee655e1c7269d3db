"""Preview links: they show a story as it is at the desk to anyone who has the link, until it expires.

The public role cannot read stories at the desk. Functions of the database (tipportal/database/rules.sql) return the one
story that a link opens, and its pictures. Only a hash of the token is stored, so reading the tables opens no preview.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from core import audit
from core.models import Account
from outreach.content import pictures
from outreach.content.markdown import ResponsivePicture
from outreach.models import Picture, PreviewLink, Story


@dataclass(frozen=True, slots=True)
class Preview:
    """A story and its pictures by number, whose addresses are below the link's own. `story.lead` is set if it is ready."""

    story: Story
    pictures: dict[int, ResponsivePicture]


@transaction.atomic
def create_link(story: Story, by: Account) -> tuple[PreviewLink, str]:
    """Create a link. Returns it with its token, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + dt.timedelta(days=PreviewLink.DAYS)
    link = PreviewLink.objects.create(story=story, token_hash=_token_hash(token), made_by=by, expires_at=expires)
    audit.record(by, "created preview link", f"story {story.slug}")
    return link, token


@transaction.atomic
def revoke_link(story: Story, link_id: int, by: Account) -> None:
    """Let the link expire now. Does nothing if it has expired already."""
    now = timezone.now()
    if PreviewLink.objects.filter(story=story, pk=link_id, expires_at__gt=now).update(expires_at=now):
        audit.record(by, "revoked preview link", f"story {story.slug}")


def open_preview(token: str, picture_url: str) -> Preview | None:
    """Read the story that a link shows. Returns None for an unknown, expired or revoked link.

    `picture_url` is the path that its pictures are served under, ending in a slash.
    """
    story = next(iter(Story.objects.raw("SELECT * FROM story_preview(%s)", [_token_hash(token)])), None)
    if story is None:
        return None
    query = "SELECT id, alt, credit, state, variants FROM story_preview_pictures(%s)"
    rows = {picture.pk: picture for picture in Picture.objects.raw(query, [_token_hash(token)])}
    story.lead = rows.get(story.lead_id or 0)
    return Preview(
        story,
        {pk: pictures.responsive_picture(row.alt, row.credit, row.variants, picture_url) for pk, row in rows.items()},
    )


def read_picture_file(token: str, digest: str, extension: str) -> bytes | None:
    """Read a file of the story's pictures. Returns None if the link does not open it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT story_preview_file(%s, %s, %s)", [_token_hash(token), digest, extension])
        content = cursor.fetchone()[0]
    return bytes(content) if content is not None else None


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

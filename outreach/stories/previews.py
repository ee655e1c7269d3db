"""Preview links: a story as it is at the desk, for whoever has the link, until it expires.

The public role reads no story of the desk's. Two functions of the database (tipportal/database/rules.sql) give it the one that a
link opens, and that story's pictures; who holds the role's database user finds no link and guesses none.
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
    """`story.lead` is there where it can be shown; `pictures` are by number, at addresses below the link's own."""

    story: Story
    pictures: dict[int, ResponsivePicture]


@transaction.atomic
def create_link(story: Story, by: Account) -> tuple[PreviewLink, str]:
    """A new link and its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    expires = timezone.now() + dt.timedelta(days=PreviewLink.DAYS)
    link = PreviewLink.objects.create(story=story, token_hash=_token_hash(token), made_by=by, expires_at=expires)
    audit.record(by, "made preview link", f"story {story.slug}")
    return link, token


@transaction.atomic
def revoke_link(story: Story, number: int, by: Account) -> None:
    """The link shows nothing from now on."""
    if PreviewLink.objects.filter(story=story, pk=number, expires_at__gt=timezone.now()).update(
        expires_at=timezone.now()
    ):
        audit.record(by, "revoked preview link", f"story {story.slug}")


def open_preview(token: str, address: str) -> Preview | None:
    """What the link shows; None when it never was, is over or was taken back. `address`: where its pictures are."""
    story = next(iter(Story.objects.raw("SELECT * FROM story_preview(%s)", [_token_hash(token)])), None)
    if story is None:
        return None
    named = "SELECT id, alt, credit, state, variants FROM story_preview_pictures(%s)"
    known = {picture.pk: picture for picture in Picture.objects.raw(named, [_token_hash(token)])}
    story.lead = known.get(story.lead_id or 0)
    shown = {
        pk: pictures.responsive_picture(each.alt, each.credit, each.variants, address) for pk, each in known.items()
    }
    return Preview(story, shown)


def read_picture_file(token: str, digest: str, extension: str) -> bytes | None:
    """A file of the story's pictures."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT story_preview_file(%s, %s, %s)", [_token_hash(token), digest, extension])
        content = cursor.fetchone()[0]
    return bytes(content) if content is not None else None


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

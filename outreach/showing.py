"""A story or guide as pages show it: its text as HTML, its pictures by their addresses."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.safestring import SafeString

from outreach import rendering
from outreach.models import Guide, Picture, PublishedStory
from outreach.rendering import ShownPicture

MEDIA = "/stories/media/"
# The columns of pictures that the public role may read
COLUMNS = ("id", "alt", "credit", "state", "variants")


def shown(picture: Picture, address: str = MEDIA) -> ShownPicture:
    """`address` is where its files are: what is not published yet has another (outreach/views/preview.py)."""
    return ShownPicture(picture.alt, picture.credit, tuple(picture.variants), address)


def text(told: PublishedStory | Guide) -> SafeString:
    """The text of something published as HTML."""
    return html(told.body, told.pictures.only(*COLUMNS))


def html(body: str, pictures: Iterable[Picture], address: str = MEDIA) -> SafeString:
    return rendering.rendered(body, {picture.pk: shown(picture, address) for picture in pictures})

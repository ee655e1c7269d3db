"""Pictures of stories and guides: taken from staff, rebuilt by the media worker, shown in several widths.

What staff send may carry where and when it was taken, so it goes the way of residents' files (file_cleaning), and the
original is destroyed. The row is the truth, the queue only hurries it: `sweep` takes up what was lost.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

import file_cleaning
from core import queue
from core.advisory_locks import alone_with
from core.models import Account
from file_cleaning import FileRefusedError, MediaKind, NoRamFolderError, OutputPart, RefusalReason, SandboxError
from outreach.content.markdown import ShownPicture
from outreach.models import Picture, PictureFile, PictureOriginal

log = logging.getLogger(__name__)

MOST_BYTES = 25 * 1024 * 1024  # a phone's largest photos have some 15 MB
MOST_ATTEMPTS = 3
PUBLIC_ADDRESS = "/stories/media/"
_FORMATS = {"image/webp": PictureFile.Format.WEBP, "image/jpeg": PictureFile.Format.JPEG}

PictureState = Picture.PictureState


class NotTakenError(Exception):
    """What was sent is not taken; the message is a sentence for the person who sent it."""


@transaction.atomic
def take(sent: UploadedFile, alt: str, credit: str, by: Account | None) -> Picture:
    """Keep a picture for the media worker. Raises NotTakenError for what is seen at once; damage shows later."""
    size = sent.size or 0
    if size > MOST_BYTES:
        raise NotTakenError(
            _("This picture has %(size)s. Pictures of up to %(most)s are taken: save it smaller, then choose it again.")
            % {"size": filesizeformat(size), "most": filesizeformat(MOST_BYTES)}
        )
    content = sent.read()
    try:
        kind = file_cleaning.detect_kind(content[: file_cleaning.HEAD_BYTES])
    except FileRefusedError as refused:
        raise NotTakenError(sentence(refused.reason)) from None
    if kind is not MediaKind.PHOTO:
        raise NotTakenError(sentence(RefusalReason.UNSUPPORTED))
    digest = hashlib.sha256(content).hexdigest()
    picture = Picture.objects.create(alt=alt, credit=credit, original_digest=digest, added_by=by)
    original = PictureOriginal.objects.create(picture=picture, content=content)
    queue.send_on_commit("outreach.media.rebuild", str(original.pk))
    return picture


def sentence(reason: str) -> str:
    """Why a picture is refused and what to do, for staff."""
    return {
        RefusalReason.UNSUPPORTED: _("This is not a picture we can take. Send a JPEG, PNG, WebP or HEIC."),
        RefusalReason.EMPTY: _("This file is empty. Look whether it opens on your computer, then choose it again."),
        RefusalReason.DAMAGED: _("This picture is damaged and cannot be read. Save it anew, then choose it again."),
        RefusalReason.TOO_LARGE: _("This picture has too many pixels. Save it smaller, then choose it again."),
    }.get(
        RefusalReason(reason), _("This picture could not be opened safely. Save it anew as JPEG, then choose it again.")
    )


def shown(numbers: Iterable[int], address: str = PUBLIC_ADDRESS) -> dict[int, ShownPicture]:
    """Pictures by number, as outreach/content/markdown.py takes them; those that are ready, and that the reader may see."""
    ready = Picture.objects.filter(pk__in=set(numbers), state=PictureState.READY)
    found = ready.order_by().only("id", "alt", "credit", "variants")  # no column that residents may not read
    return {picture.pk: as_shown(picture.alt, picture.credit, picture.variants, address) for picture in found}


def as_shown(alt: str, credit: str, variants: list[dict[str, Any]], address: str = PUBLIC_ADDRESS) -> ShownPicture:
    return ShownPicture(alt, credit, tuple(variants), address)


# The media worker


@shared_task(name="outreach.media.rebuild")  # type: ignore[untyped-decorator]
def rebuild(original_id: str) -> None:
    """Rebuild one picture. Does nothing when that is done, or another worker is at it."""
    _take_up(UUID(original_id))


@shared_task(name="outreach.media.sweep", expires=60)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Rebuild what waits and is in nobody's hands."""
    for original_id in PictureOriginal.objects.order_by("pk").values_list("pk", flat=True):
        _take_up(original_id)


def _take_up(original_id: UUID) -> None:
    with alone_with(original_id) as alone:
        original = PictureOriginal.objects.filter(pk=original_id).first() if alone else None
        if original is not None:
            _attempt(original)


def _attempt(original: PictureOriginal) -> None:
    """What comes of it is on the row afterwards; a picture that ends the worker is known by its count, and refused."""
    row = Picture.objects.filter(pk=original.picture_id)
    attempts = row.values_list("attempts", flat=True).get()
    if attempts >= MOST_ATTEMPTS:
        _refuse(original, RefusalReason.DEADLY)
        return
    row.update(attempts=F("attempts") + 1, started_at=timezone.now())
    try:
        with file_cleaning.open_workspace(allow_disk=settings.DEMO) as folder:
            source, into = folder / "original", folder / "made"
            into.mkdir()
            source.write_bytes(original.content)
            _keep(original, _read(file_cleaning.make_web_images(source, into)))
    except FileRefusedError as refused:
        _refuse(original, refused.reason)
    except (SandboxError, NoRamFolderError, OSError) as error:
        # The machine's fault: the picture waits, and this attempt does not count.
        log.error("a picture cannot be rebuilt on this machine now: %s: %s", type(error).__name__, error)
        row.update(attempts=attempts)


def _read(parts: list[OutputPart]) -> list[tuple[OutputPart, bytes]]:
    return [(part, Path(part.path).read_bytes()) for part in parts]


@transaction.atomic
def _keep(original: PictureOriginal, made: list[tuple[OutputPart, bytes]]) -> None:
    """The rebuilt files take the original's place."""
    variants = []
    for part, content in made:
        digest, form = hashlib.sha256(content).hexdigest(), _FORMATS[part.media_type]
        PictureFile.objects.create(picture_id=original.picture_id, digest=digest, format=form, content=content)
        size = {"width": part.width, "height": part.height, "size": len(content)}
        variants.append({"format": form.value, "digest": digest} | size)
    _end(original, state=PictureState.READY, reason="", variants=variants)


@transaction.atomic
def _refuse(original: PictureOriginal, reason: RefusalReason) -> None:
    _end(original, state=PictureState.REFUSED, reason=reason)


def _end(original: PictureOriginal, **columns: Any) -> None:
    Picture.objects.filter(pk=original.picture_id).update(**columns)
    PictureOriginal.objects.filter(pk=original.pk).delete()

"""Pictures of stories and guides, and the agency's own: accepted from staff, rebuilt by the media worker, shown in its sizes.

A photo may carry the place and time it was taken at, so it is rebuilt like residents' files (file_cleaning) and the
original is deleted. The row is the truth, the queue only hurries it: `rebuild_waiting_pictures` finds lost ones.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from functools import lru_cache
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
from core.advisory_locks import try_advisory_lock
from core.agency import current_settings
from core.models import Account
from file_cleaning import FileRefusedError, MediaKind, NoRamFolderError, OutputPart, RefusalReason, SandboxError
from outreach.content.markdown import ResponsivePicture
from outreach.models import Picture, PictureFile, PictureOriginal

log = logging.getLogger(__name__)

MAX_BYTES = 25 * 1024 * 1024  # a phone's largest photos have some 15 MB
MAX_ATTEMPTS = 3
PUBLIC_URL = "/stories/media/"
_FORMATS = {form.label: form for form in PictureFile.Format}

PictureState, Purpose = Picture.PictureState, Picture.Purpose


class PictureRefusedError(Exception):
    """The uploaded file is no usable picture. The message is a sentence for the person who uploaded it."""


@transaction.atomic
def accept_upload(
    sent: UploadedFile, alt: str, credit: str, by: Account | None, purpose: Picture.Purpose = Purpose.STORY
) -> Picture:
    """Store a picture for the media worker. Raises PictureRefusedError; damage is found only when it is rebuilt."""
    size = sent.size or 0
    if size > MAX_BYTES:
        raise PictureRefusedError(
            _("This picture is too big: %(size)s. Save it smaller than %(most)s, then choose it again.")
            % {"size": filesizeformat(size), "most": filesizeformat(MAX_BYTES)}
        )
    content = sent.read()
    try:
        kind = file_cleaning.detect_kind(content[: file_cleaning.HEAD_BYTES])
    except FileRefusedError as error:
        raise PictureRefusedError(refusal_sentence(error.reason)) from None
    if kind is not MediaKind.PHOTO:
        raise PictureRefusedError(refusal_sentence(RefusalReason.UNSUPPORTED))
    digest = hashlib.sha256(content).hexdigest()
    picture = Picture.objects.create(alt=alt, credit=credit, purpose=purpose, original_digest=digest, added_by=by)
    original = PictureOriginal.objects.create(picture=picture, content=content)
    queue.send_on_commit("outreach.media.rebuild", str(original.pk))
    return picture


def refusal_sentence(reason: str) -> str:
    """Return a sentence for staff: why a picture is refused and what to do."""
    return {
        RefusalReason.UNSUPPORTED: _("We can't use this kind of file. Choose a JPEG, PNG, WebP or HEIC picture."),
        RefusalReason.EMPTY: _("This file is empty. Check that it opens on your computer, then choose it again."),
        RefusalReason.DAMAGED: _("This picture is damaged. Save it again, then choose it again."),
        RefusalReason.TOO_LARGE: _("This picture has too many pixels. Save it smaller, then choose it again."),
    }.get(RefusalReason(reason), _("We couldn't open this picture safely. Save it as a JPEG, then choose it again."))


def load_ready_pictures(picture_ids: Iterable[int], address: str = PUBLIC_URL) -> dict[int, ResponsivePicture]:
    """Load pictures by id for `markdown.render`: those that are ready and that the database role may read."""
    ready = Picture.objects.filter(pk__in=set(picture_ids), state=PictureState.READY)
    rows = ready.order_by().only("id", "alt", "credit", "variants")  # the public role may read no other column
    return {picture.pk: responsive_picture(picture.alt, picture.credit, picture.variants, address) for picture in rows}


def responsive_picture(
    alt: str, credit: str, variants: list[dict[str, Any]], address: str = PUBLIC_URL
) -> ResponsivePicture:
    return ResponsivePicture(alt, credit, tuple(variants), address)


@lru_cache(maxsize=4)
def read_agency_file(digest: str, extension: str) -> bytes:
    """Return a file of the agency's own pictures, from memory from the second time on: the crest is on every page.

    Raises PictureFile.DoesNotExist.
    """
    file = PictureFile.objects.filter(digest=digest, format=extension).only("content").first()
    if file is None:
        raise PictureFile.DoesNotExist
    return bytes(file.content)


def read_crest() -> bytes:
    """Return the agency's crest as a PNG, b"" if it has none."""
    try:
        digest = current_settings.current().crest
        return read_agency_file(digest, "png") if digest else b""
    except PictureFile.DoesNotExist:
        return b""


# The media worker


@shared_task(name="outreach.media.rebuild")  # type: ignore[untyped-decorator]
def rebuild_picture(original_id: str) -> None:
    """Rebuild one picture. Does nothing if that is done, or another worker is doing it."""
    _rebuild_if_free(UUID(original_id))


@shared_task(name="outreach.media.sweep")  # type: ignore[untyped-decorator]
def rebuild_waiting_pictures() -> None:
    """Rebuild waiting pictures that no worker is rebuilding."""
    for original_id in PictureOriginal.objects.order_by("pk").values_list("pk", flat=True):
        _rebuild_if_free(original_id)


def _rebuild_if_free(original_id: UUID) -> None:
    with try_advisory_lock(original_id) as alone:
        original = PictureOriginal.objects.filter(pk=original_id).first() if alone else None
        if original is not None:
            _attempt_rebuild(original)


def _attempt_rebuild(original: PictureOriginal) -> None:
    """Rebuild or refuse the picture, and write the outcome to its row.

    The attempt is counted beforehand: a picture that kills the worker MAX_ATTEMPTS times is refused.
    """
    row = Picture.all_purposes.filter(pk=original.picture_id)
    attempts, purpose = row.values_list("attempts", "purpose").get()
    if attempts >= MAX_ATTEMPTS:
        _mark_refused(original, RefusalReason.DEADLY)
        return
    row.update(attempts=F("attempts") + 1, started_at=timezone.now())
    try:
        with file_cleaning.open_workspace(allow_disk=settings.DEMO) as folder:
            source, output = folder / "original", folder / "made"
            output.mkdir()
            source.write_bytes(original.content)
            _store_rebuilt(original, _read_files(_make_images(purpose, source, output)))
    except FileRefusedError as error:
        _mark_refused(original, error.reason)
    except (SandboxError, NoRamFolderError, OSError) as error:
        # The machine is at fault, not the picture: it waits, and this attempt does not count.
        log.error("a picture cannot be rebuilt on this machine now: %s: %s", type(error).__name__, error)
        row.update(attempts=attempts)


def _make_images(purpose: str, source: Path, output: Path) -> list[OutputPart]:
    if purpose == Purpose.CREST:
        return file_cleaning.make_crest(source, output)
    if purpose == Purpose.HOME:
        return file_cleaning.make_backdrop(source, output)
    return file_cleaning.make_web_images(source, output)


def _read_files(parts: list[OutputPart]) -> list[tuple[OutputPart, bytes]]:
    return [(part, Path(part.path).read_bytes()) for part in parts]


@transaction.atomic
def _store_rebuilt(original: PictureOriginal, files: list[tuple[OutputPart, bytes]]) -> None:
    """Replace the original with the rebuilt files."""
    variants = []
    for part, content in files:
        digest, form = hashlib.sha256(content).hexdigest(), _FORMATS[part.media_type]
        PictureFile.objects.create(picture_id=original.picture_id, digest=digest, format=form, content=content)
        size = {"width": part.width, "height": part.height, "size": len(content)}
        variants.append({"format": form.value, "digest": digest} | size)
    _finish(original, state=PictureState.READY, reason="", variants=variants)


@transaction.atomic
def _mark_refused(original: PictureOriginal, reason: RefusalReason) -> None:
    _finish(original, state=PictureState.REFUSED, reason=reason)


def _finish(original: PictureOriginal, **columns: Any) -> None:
    Picture.all_purposes.filter(pk=original.picture_id).update(**columns)
    PictureOriginal.objects.filter(pk=original.pk).delete()

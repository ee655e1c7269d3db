"""Sealed files for tests, without going through the pages."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

from file_cleaning import MediaKind, OutputPart, RebuiltFile
from tests.tips.files.sample_pictures import photo
from tips import conversation, form_tokens, intake, vault
from tips.files import media_worker, rebuilt_file, sealed_store
from tips.files.attachments import Upload
from tips.models import Attachment, Category, Tip
from tips.walls import screening_thread

PHOTO = MediaKind.PHOTO


def store_upload(content: bytes, kind: MediaKind = PHOTO) -> Upload:
    """Put a whole sealed file into the store."""
    file, key = uuid.uuid4(), vault.generate_key()
    writer = sealed_store.Writer(file, key)
    writer.write(content)
    return Upload(file, key, kind, writer.finish(kind=kind.value))


def send_tip(*uploads: Upload, description: str = "Two men load boxes from a white van") -> Tip:
    """Send a tip with these files, and return its row."""
    token = form_tokens.read(form_tokens.issue())
    report = intake.Report(category=Category.objects.first(), description=description)
    intake.accept_tip(report, token, uploads)
    screening_thread.run_round(rechecks=False)
    return Tip.objects.get(form_hash=token.form_hash)


def add_message(tip: Tip, *uploads: Upload, text: str = "More", form_id: bytes = b"1") -> None:
    conversation.add_from_source(tip, conversation.key_for_officer(tip), text, form_id, uploads)
    screening_thread.run_round(rechecks=False)


def send_waiting_file(content: bytes | None = None, kind: MediaKind = PHOTO) -> Attachment:
    """Send a tip with one file, and return the file's row, which waits for the worker."""
    return send_tip(store_upload(photo() if content is None else content, kind)).attachments.get()


def finish_rebuilding(row: Attachment, kind: MediaKind, *parts: tuple[str, str, bytes], **about: Any) -> Attachment:
    """Finish a file as the worker does, with these parts (role, type, content), and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        output_parts = []
        for number, (role, media_type, content) in enumerate(parts):
            path = Path(folder, str(number))
            path.write_bytes(content)
            size = (320, 240) if media_type.startswith("image") else (None, None)
            output_parts.append(OutputPart(role, path, media_type, *size))
        file, key = rebuilt_file.seal(RebuiltFile(kind, output_parts, **about))
    media_worker.RebuildAttempt(row.id, row.attempts, row.file).finish(file, key)
    return Attachment.objects.get(pk=row.pk)


def finish_photo(row: Attachment) -> Attachment:
    roles = ("full", "preview", "thumbnail")
    return finish_rebuilding(row, MediaKind.PHOTO, *((role, "image/jpeg", photo(role)) for role in roles))


def list_store() -> set[str]:
    return {path.name for path in Path(sealed_store.store_folder()).iterdir()}

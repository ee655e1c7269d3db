"""Reasons for refusing a file: codes that may be stored, and a sentence for the person who sent the file.

A code does not reveal the type of the file, since the database stores it unencrypted. A hint adds what is known only while
the file is read ("This is a Word file"); it is used in the sentence and never stored.
"""

from __future__ import annotations

from enum import StrEnum

from file_cleaning import limits


class RefusalReason(StrEnum):
    """Why a file is refused. The values are stored."""

    UNSUPPORTED = "unsupported"
    EMPTY = "empty"
    DAMAGED = "damaged"
    PROTECTED = "protected"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    DEADLY = "deadly"  # the file killed the worker three times; the caller counts


class FileRefusedError(Exception):
    """The file cannot be accepted. `reason` may be stored; `sentence` is for the person who sent it."""

    def __init__(self, reason: RefusalReason, hint: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.hint = hint

    @property
    def sentence(self) -> str:
        return explain_refusal(self.reason, self.hint)


def explain_refusal(reason: RefusalReason, hint: str = "") -> str:
    """Return what happened and what to do instead, in the active language.

    `hint` is a key of `_hint_sentences`; an unknown one is ignored.
    """
    return _hint_sentences().get(hint) or _reason_sentences()[reason]


def _reason_sentences() -> dict[RefusalReason, str]:
    from django.utils.translation import gettext as _

    return {
        RefusalReason.UNSUPPORTED: _(
            "We can't accept this kind of file. Send a photo, a video, a sound recording or a PDF instead."
        ),
        RefusalReason.EMPTY: _("This file is empty. Check that it opens on your device, then attach it again."),
        RefusalReason.DAMAGED: _(
            "This file is damaged, so we can't read it. Attach it again, or attach a screenshot of it instead."
        ),
        RefusalReason.PROTECTED: _(
            "This file is locked with a password. Save a copy without a password and attach that, or type what it says."
        ),
        RefusalReason.TOO_LARGE: _(
            "This file is too large or too complex. We accept pictures of up to %(pixels)s megapixels. Attach a smaller copy or a screenshot of it."
        )
        % {"pixels": limits.DECODED_PIXELS // 1_000_000},
        RefusalReason.TOO_LONG: _(
            "This file is too long. We accept videos of up to %(video)s hours, sound recordings of up to %(sound)s hours and documents of up to %(pages)s pages. Attach the part that matters, or send it in several parts."
        )
        % {
            "video": limits.VIDEO_SECONDS // 3600,
            "sound": limits.AUDIO_SECONDS // 3600,
            "pages": limits.DOCUMENT_PAGES,
        },
        RefusalReason.DEADLY: _(
            "We couldn't open this file safely. Attach a screenshot of it or another copy instead."
        ),
    }


def _hint_sentences() -> dict[str, str]:
    """Sentences about formats that people often send, by the hint that file_cleaning/detection.py gives."""
    from django.utils.translation import gettext as _

    return {
        "word": _("This is a Word file. Save it as a PDF and attach that."),
        "excel": _("This is an Excel file. Save it as a PDF and attach that."),
        "powerpoint": _("This is a PowerPoint file. Save it as a PDF and attach that."),
        "office": _("This is an office document. Save it as a PDF and attach that."),
        "archive": _("This file holds other files, like a ZIP file. Unpack it and attach the files one by one."),
        "program": _(
            "This is a program. We can't accept programs. Attach a photo or screenshot of what matters instead."
        ),
        "web_page": _("This is a web page. Save it as a PDF or take a screenshot, and attach that."),
        "drawing": _("This is a drawing. Save it as a JPEG, PNG or PDF and attach that."),
        "playlist": _("This is a playlist. It only says where a recording is. Attach the recording itself."),
        "other_film": _("We can't accept this kind of video. Save it as an MP4 and attach that."),
        "other_sound": _("We can't accept this kind of sound recording. Save it as an MP3 or M4A and attach that."),
        "other_picture": _(
            "We can't accept this kind of picture. Save it as a JPEG or PNG, or attach a screenshot of it."
        ),
        "raw": _("This is a raw photo file. Save it as a JPEG and attach that."),
        "text": _("This is a text file. Copy its text into the form, or save it as a PDF and attach that."),
        "mail": _("This is an email. Save it as a PDF or take a screenshot, and attach that."),
    }

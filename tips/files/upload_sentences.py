"""Sentences for sources about files that are too large, too many, no longer here or not accepted now."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.agency import current_settings


def too_large() -> str:
    return _(
        "Your files are too large: the limit is %(size)s in total. Attach a shorter video or a smaller file,"
        " or send it later with your receipt."
    ) % {"size": filesizeformat(current_settings.current().tip_max_bytes)}


def left_out(count: int) -> str:
    most = current_settings.current().tip_max_files
    sentence = ngettext("You can send %(most)d file at once.", "You can send %(most)d files at once.", most) % {
        "most": most
    }
    rest = ngettext(
        "%(count)d was left out. Send it later with your receipt.",
        "%(count)d were left out. Send them later with your receipt.",
        count,
    ) % {"count": count}
    return f"{sentence} {rest}"


def page_too_old() -> str:
    return _("This page was open for too long, so we didn't keep the file. Attach it again.")


def clip_removed() -> str:
    return _(
        "This photo also holds a short video or sound (a motion or live photo). We keep only the picture."
        " To send the video too, save it as a video and attach that."
    )


def no_room() -> str:
    return _("We can't accept files right now. Send your text now, and add the file later with your receipt.")


def lost(count: int) -> str:
    return ngettext(
        "We no longer have %(count)d file you attached. We erase files that are not sent within an hour."
        " Attach it again, or send without it.",
        "We no longer have %(count)d files you attached. We erase files that are not sent within an hour."
        " Attach them again, or send without them.",
        count,
    ) % {"count": count}

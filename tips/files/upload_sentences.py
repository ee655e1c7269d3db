"""Sentences for sources about files that are too large, too many, no longer here or not accepted now."""

from __future__ import annotations

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def too_large() -> str:
    return _(
        "Your files may have %(size)s together, and this one is more. Attach a shorter video or a smaller file,"
        " or send it later with your receipt."
    ) % {"size": filesizeformat(settings.TIP_MAX_BYTES)}


def left_out(count: int) -> str:
    most = settings.TIP_MAX_FILES
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
    return _("This page was open for too long, so the file was not kept. Attach it again.")


def no_room() -> str:
    return _(
        "Files cannot be taken at this moment. Your text can: send it now, and add the file later with your receipt."
    )


def lost(count: int) -> str:
    return ngettext(
        "%(count)d file you attached is no longer here. We keep a file for an hour until you send it."
        " Attach it again, or send without it.",
        "%(count)d files you attached are no longer here. We keep files for an hour until you send them."
        " Attach them again, or send without them.",
        count,
    ) % {"count": count}

"""The agency's own pictures: its crest, which stands beside its name on every page, and the picture of the home page.

A setting names a picture by the SHA-256 of its one file. Files are uploaded, rebuilt and served elsewhere (outreach/), under
that digest: whatever a browser has stored stays right.
"""

from __future__ import annotations

from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from core.agency import current_settings

CREST, HOME = "crest", "home_picture"
NAMES: dict[str, str | Promise] = {CREST: gettext_lazy("Crest"), HOME: gettext_lazy("Picture of the home page")}
EXTENSIONS = {CREST: "png", HOME: "webp"}


def find_crest_address() -> str:
    """Return the address of the crest, or of the portal's own shield."""
    digest = current_settings.current().crest
    return make_address(CREST, digest) if digest else static("img/crest.svg")


def make_address(name: str, digest: str) -> str:
    return f"/brand/{digest}.{EXTENSIONS[name]}"


def shorten(digest: str) -> str:
    """Return the part of a digest that names a picture in mails and in the audit trail."""
    return digest[:8]

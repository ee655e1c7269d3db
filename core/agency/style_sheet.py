"""The style sheet with the agency's colors, under a digest of its content: the policy allows files of this site alone.

Pages name it with `{% brand_styles %}`. Nothing is named while no color is chosen.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.agency import brand_colors, current_settings
from core.agency.brand_colors import BrandColors
from core.agency.current_settings import Agency

_YEAR_SECONDS = 31_536_000


def find_address() -> str:
    """Return the address of the present style sheet, "" if the portal's own colors count."""
    sheet = render(read_colors(current_settings.current()))
    return f"/brand/{_digest(sheet)}.css" if sheet else ""


def read_colors(agency: Agency) -> BrandColors:
    return BrandColors(agency.band_color, agency.action_color, agency.accent_color)


@lru_cache(maxsize=4)
def render(colors: BrandColors) -> str:
    """Return the CSS, "" if nothing is chosen, or if a stored color is none or can't be read: rules may be stricter by now."""
    chosen = [color for color in (colors.band, colors.action, colors.accent) if color]
    if not all(map(brand_colors.is_color, chosen)) or any(brand_colors.find_problems(colors)):
        return ""
    return brand_colors.render_style_sheet(colors)


@require_safe
def style_sheet_view(_request: HttpRequest, digest: str) -> HttpResponse:
    """Send the style sheet; 404 if the digest is of another one.

    Another process may know a newer edition than this one: it is asked for before the answer is no.
    """
    sheet = render(read_colors(current_settings.current()))
    if not sheet or _digest(sheet) != digest:
        sheet = render(read_colors(current_settings.read_newest()))
    if not sheet or _digest(sheet) != digest:
        raise Http404
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    return response


@lru_cache(maxsize=4)
def _digest(sheet: str) -> str:
    return hashlib.sha256(sheet.encode()).hexdigest()[:16]

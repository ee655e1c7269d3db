"""The coordinate system that a person types into a form, by number or words."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crimemap.importing.columns import projections

_MOST_NAMED = 6


def find_code(text: str) -> str:
    """Return the code of the one system that a text means. Raises ValidationError where none or several fit."""
    found = projections.find_systems(text)
    if len(found) == 1:
        return found[0].code
    if found:
        names = "; ".join(f"{each.code} {each.name}" for each in found[:_MOST_NAMED])
        raise ValidationError(_("Several systems fit. Type the number of one: %(names)s.") % {"names": names})
    raise ValidationError(
        _("There is no coordinate system “%(text)s” in meters or feet. Type its EPSG number, or fewer words.")
        % {"text": text}
    )

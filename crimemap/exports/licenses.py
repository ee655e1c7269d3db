"""The licenses under which an agency can publish its data files, by their SPDX name (https://spdx.org/licenses/)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class License:
    """A license: its SPDX name, its title, the address of its text, and what it means in a sentence or two."""

    name: str
    title: str
    url: str
    meaning: _StrPromise


_NO_CONDITIONS = _("You can copy, change and publish the data for any purpose. You don't have to ask us or name us.")
_NAME_THE_SOURCE = _(
    "You can copy, change and publish the data for any purpose. Name us as the source, link to the license, and say what you changed."
)
LICENSES = {
    each.name: each
    for each in (
        License(
            "CC0-1.0",
            "Creative Commons Zero 1.0",
            "https://creativecommons.org/publicdomain/zero/1.0/",
            _NO_CONDITIONS,
        ),
        License(
            "PDDL-1.0",
            "Open Data Commons Public Domain Dedication and License 1.0",
            "https://opendatacommons.org/licenses/pddl/1-0/",
            _NO_CONDITIONS,
        ),
        License(
            "CC-BY-4.0",
            "Creative Commons Attribution 4.0",
            "https://creativecommons.org/licenses/by/4.0/",
            _NAME_THE_SOURCE,
        ),
        License(
            "ODC-By-1.0",
            "Open Data Commons Attribution License 1.0",
            "https://opendatacommons.org/licenses/by/1-0/",
            _NAME_THE_SOURCE,
        ),
    )
}


def chosen_license() -> License | None:
    """Return the license that the agency has chosen (DATA_LICENSE), None if it has chosen none."""
    return LICENSES.get(settings.DATA_LICENSE)

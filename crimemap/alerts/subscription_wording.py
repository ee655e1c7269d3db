"""Descriptions of alerts for pages and mails."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.places import areas

MAX_NAMED_TYPES = 4


def describe_criteria(criteria: AlertCriteria, place: str, names: Mapping[str, str]) -> str:
    """Return for example "Burglary, Robbery: District 4"."""
    category_names = sorted(names.get(slug, slug) for slug in criteria.categories)
    if len(category_names) > MAX_NAMED_TYPES:
        what = ngettext("%(count)d type", "%(count)d types", len(category_names)) % {"count": len(category_names)}
    else:
        what = ", ".join(category_names) or _("All types")
    return _("%(what)s: %(where)s") % {"what": what, "where": describe_place(criteria, place)}


def describe_place(criteria: AlertCriteria, place: str) -> str:
    """Return the name of the area, or for example "within 500 m (0.3 mi) of 400 block of Arden Street"."""
    if criteria.area:
        layer, code = criteria.area
        return wording.area_name(layer, code, areas.area_names(layer))
    if criteria.circle:
        distance = wording.format_distance(criteria.circle[2])
        return _("within %(distance)s of %(place)s") % {"distance": distance, "place": place}
    return _("the whole city")

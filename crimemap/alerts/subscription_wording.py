"""Alerts in words, for pages and mails."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.places import areas

MAX_NAMED_TYPES = 4


def describe_criteria(wanted: AlertCriteria, place: str, names: Mapping[str, str]) -> str:
    """ "Burglary, Robbery - District 4" """
    chosen = sorted(names.get(slug, slug) for slug in wanted.categories)
    if len(chosen) > MAX_NAMED_TYPES:
        what = ngettext("%(count)d type", "%(count)d types", len(chosen)) % {"count": len(chosen)}
    else:
        what = ", ".join(chosen) or _("All types")
    return _("%(what)s: %(where)s") % {"what": what, "where": describe_place(wanted, place)}


def describe_place(wanted: AlertCriteria, place: str) -> str:
    if wanted.area:
        layer, code = wanted.area
        return wording.area_name(layer, code, areas.area_names(layer))
    if wanted.circle:
        distance = wording.format_distance(wanted.circle[2])
        return _("within %(distance)s of %(place)s") % {"distance": distance, "place": place}
    return _("the whole city")

"""Codes that areas had before: links, alerts, filters and records that name them mean the areas as they are now."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Exists, OuterRef

from core.web import page_cache
from crimemap.models import Area, FormerAreaCode


def load(layer: str) -> dict[str, str]:
    """Return the present code by each former code of a layer. A code that an area has again means that area."""
    taken = Area.objects.filter(layer=OuterRef("layer"), code=OuterRef("code"))
    rows = FormerAreaCode.objects.filter(~Exists(taken), layer=layer)
    return dict(rows.values_list("code", "area__code"))


def current_code(layer: str, code: str) -> str:
    """Return the code that an area has now, at most a minute old; `code` itself if it is no former one."""
    if layer not in Area.Layer.values:  # from a visitor's URL: must not fill the cache
        return code
    return _known(layer).get(code, code)


def codes_of(layer: str, code: str) -> list[str]:
    """Return the code that an area has now, and those that it had before; `code` may be any of them."""
    if layer not in Area.Layer.values:
        return [code]
    known, current = _known(layer), current_code(layer, code)
    return [current, *(former for former, present in known.items() if present == current)]


def _known(layer: str) -> dict[str, str]:
    return page_cache.get_or_build(("former codes", layer), lambda: load(layer))


def record(layer: str, successors: Mapping[str, str]) -> None:
    """Remember that the areas with these codes are now those with the others, which are stored."""
    ids = dict(Area.objects.filter(layer=layer, code__in=successors.values()).values_list("code", "pk"))
    for old, new in successors.items():  # what led to the old area leads on
        if new in ids:
            FormerAreaCode.objects.filter(layer=layer, area__code=old).update(area=ids[new])
    FormerAreaCode.objects.bulk_create(
        [FormerAreaCode(layer=layer, code=old, area_id=ids[new]) for old, new in successors.items() if new in ids],
        update_conflicts=True,
        unique_fields=["layer", "code"],
        update_fields=["area"],
    )

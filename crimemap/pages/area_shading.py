"""The map of the whole city: its areas shaded in four round classes by count, or by change against the usual range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crimemap import wording
from crimemap.places import areas
from crimemap.places.areas import AreaOutline
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents, same_days_before
from crimemap.usual_range import MAX_YEARS, MIN_YEARS, UsualRange, Verdict, judge_count

CLASSES = 4
ROUND_STEPS = (1, 2, 5, 10, 20, 25, 50)  # and these times powers of ten
CHANGE_NAMES = {
    Verdict.FEWER: gettext_lazy("▼ fewer than usual"),
    Verdict.USUAL: gettext_lazy("as usual"),
    Verdict.MORE: gettext_lazy("▲ more than usual"),
    Verdict.TOO_FEW: gettext_lazy("too few to tell"),
    Verdict.NO_RANGE: gettext_lazy("no usual range yet"),
}
VERDICT_CLASSES = {
    Verdict.FEWER: "less",
    Verdict.USUAL: "usual",
    Verdict.MORE: "more",
    Verdict.TOO_FEW: "few",
    Verdict.NO_RANGE: "unknown",
}


@dataclass(slots=True)  # a frozen one takes three times as long to create
class ShadedArea:
    """An area with its count under the filter. shade: its class, 0 without incidents. change: CHANGE_NAMES. label: a sentence."""

    area: AreaOutline
    name: str
    count: int
    shade: int
    verdict: str
    change: str
    label: str


@dataclass(frozen=True, slots=True)
class ShadeClass:
    css_class: str
    name: str


@dataclass(frozen=True, slots=True)
class Shading:
    """All areas of the shaded layer, the keys of both ways to shade them, and how many years the usual range is of."""

    layer: str
    digest: str
    areas: list[ShadedArea]
    count_key: list[ShadeClass]
    change_key: list[ShadeClass]
    years: int


def shade_areas(published: PublishedIncidents, chosen: Filter) -> Shading | None:
    """Shade the areas of a filter; None if the city has no outlines, or no incident has an area of the layer."""
    shaded = areas.shaded_layer()
    if shaded is None or len(published.areas.get(shaded.layer, [])) <= 1:
        return None
    covered = chosen.covered_by(published)
    counts = published.count_by_area(chosen, shaded.layer)
    years = same_days_before(published, covered, MAX_YEARS) if covered else []
    before = [published.count_by_area(year, shaded.layer) for year in years]
    step = _round_step(max((counts.get(area.code, 0) for area in shaded.areas), default=0))
    sentences, changes = _sentences(), {verdict: str(name) for verdict, name in CHANGE_NAMES.items()}
    result = []
    for area in shaded.areas:
        count = counts.get(area.code, 0)
        compared = judge_count(count, [year.get(area.code, 0) for year in before])
        name = wording.area_name(shaded.layer, area.code, {area.code: area.name})
        result.append(
            ShadedArea(
                area,
                name,
                count,
                min(CLASSES, -(-count // step)),
                VERDICT_CLASSES[compared.verdict],
                changes[compared.verdict],
                _label(name, count, compared, sentences),
            )
        )
    return Shading(shaded.layer, shaded.digest, result, _count_key(step), _change_key(len(before)), len(before))


def _round_step(largest: int) -> int:
    """Return the smallest round width of a class with which four of them reach the largest count."""
    power = 1
    while True:
        for each in ROUND_STEPS:
            if each * power * CLASSES >= largest:
                return each * power
        power *= 100


def _count_key(step: int) -> list[ShadeClass]:
    names = [_("%(first)s–%(last)s") % {"first": wording.format_count(step * number + 1),
                                        "last": wording.format_count(step * (number + 1))}
             if step > 1 else str(number + 1) for number in range(CLASSES - 1)]  # fmt: skip
    names.append(_("over %(count)s") % {"count": wording.format_count(step * (CLASSES - 1))})
    return [ShadeClass(f"c{number}", name) for number, name in enumerate(names, 1)]


def _change_key(years: int) -> list[ShadeClass]:
    shown = [Verdict.NO_RANGE] if years < MIN_YEARS else [each for each in Verdict if each != Verdict.NO_RANGE]
    return [ShadeClass(VERDICT_CLASSES[each], str(CHANGE_NAMES[each])) for each in shown]


def _sentences() -> dict[Verdict, str]:
    """Return the sentence of an area by verdict, translated once for all areas."""
    return {
        # Translators: for example "Old Town: 163 incidents, in the usual range, 133 to 182. Zoom in".
        Verdict.USUAL: _("%(area)s: %(incidents)s, in the usual range, %(low)s to %(high)s. Zoom in"),
        Verdict.FEWER: _("%(area)s: %(incidents)s, fewer than usual (%(low)s to %(high)s). Zoom in"),
        Verdict.MORE: _("%(area)s: %(incidents)s, more than usual (%(low)s to %(high)s). Zoom in"),
        Verdict.TOO_FEW: _("%(area)s: %(incidents)s, too few to tell if that is usual. Zoom in"),
        Verdict.NO_RANGE: _("%(area)s: %(incidents)s. Zoom in"),
    }


def _label(name: str, count: int, compared: UsualRange, sentences: Mapping[Verdict, str]) -> str:
    return sentences[compared.verdict] % {
        "area": name,
        "incidents": _count_in_words(count, get_language()),
        "low": wording.format_count(compared.low),
        "high": wording.format_count(compared.high),
    }


@lru_cache(maxsize=4096)
def _count_in_words(count: int, language: str | None) -> str:  # noqa: ARG001  (the key)
    return ngettext("%(count)s incident", "%(count)s incidents", count) % {"count": wording.format_count(count)}

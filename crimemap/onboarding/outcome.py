"""The rows of a test run by what residents would see of them, with the codes as they are classified now."""

from __future__ import annotations

from dataclasses import dataclass

from crimemap.importing.pipeline import profile_of
from crimemap.models import ImportRun, OffenceCode
from crimemap.privacy import agency_rules, visibility
from crimemap.privacy.agency_rules import AREA, BLOCK, HIDDEN


@dataclass(slots=True)
class Outcome:
    """Numbers of rows. `at_block` and `at_area` wait for the end of the embargo; `held` for the classification of their code."""

    read: int = 0
    at_block: int = 0
    at_area: int = 0
    hidden: int = 0
    held: int = 0
    rejected: int = 0
    held_codes: int = 0


def count_outcome(run: ImportRun) -> Outcome:
    """Apply the rule of publication to the counts of a test run. Raises generic.ConfigError."""
    counts = run.report.get("codes", [])
    agency = agency_rules.load_agency_rules()
    codes = OffenceCode.objects.select_related("category").filter(
        scheme=profile_of(run.source).scheme, code__in=[code for code, _rows, _domestic in counts]
    )
    levels: dict[str, str] = {}
    for code in codes:
        category = code.category
        levels[code.code] = visibility.decide_visibility(
            code.visibility if category else None,
            category.least_visibility if category else None,
            agency.visibility.get(category.slug) if category else None,
        )
    result = Outcome(read=run.read, rejected=run.rejected)
    for code, rows, domestic in counts:
        level = levels.get(code, visibility.HELD)
        if level == visibility.HELD:
            result.held += rows
            result.held_codes += 1
            continue
        result.hidden += rows if level == HIDDEN else domestic
        result.at_block += rows - domestic if level == BLOCK else 0
        result.at_area += rows - domestic if level == AREA else 0
    return result

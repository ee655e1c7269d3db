"""The agency's own publication rules: a small TOML file (PUBLICATION_RULES, crimemap/data/publication.toml by default).

The file may be stricter than the project's defaults. A looser value is refused unless an administrator lists it under
[looser] with a reason.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

BLOCK, AREA, HIDDEN = "block", "area", "hidden"  # visibility, from loosest to strictest
DEFAULT_FILE = Path(__file__).resolve().parent.parent / "data" / "publication.toml"
LAYERS = ("district", "neighbourhood", "beat")


class AgencyRulesError(Exception):
    """The file is missing, not TOML, or has an entry that is not allowed. The message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class AgencyRules:
    """The rules of one agency; the defaults are the project's.

    totals_from: smallest yearly total that is published. least_radius: smallest search radius in meters. visibility:
    category slug to "area" or "hidden". looser: name of each entry that is looser than the default, to the decision
    behind it ("Lt. Okafor, 2026-03-02: Council resolution 26-118").
    """

    embargo_days: int = 7
    totals_from: int = 5
    least_radius: int = 150
    area_layers: tuple[str, ...] = ("district", "neighbourhood")
    totals_layer: str = "district"
    outcome: bool = True
    description: bool = True
    visibility: dict[str, str] = field(default_factory=dict)
    looser: dict[str, str] = field(default_factory=dict)


MINIMUMS = {"embargo_days": 1, "totals_from": 5, "least_radius": 150}  # no agency may go below these


def load_agency_rules(path: Path | None = None) -> AgencyRules:
    """Read the rules from `path`, by default from PUBLICATION_RULES. Raises AgencyRulesError."""
    path = path or settings.PUBLICATION_RULES or DEFAULT_FILE
    try:
        return parse_agency_rules(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AgencyRulesError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AgencyRulesError(f"{path} is not a TOML file: {error}.") from None
    except AgencyRulesError as error:
        raise AgencyRulesError(f"{path}: {error}") from None


def parse_agency_rules(text: str) -> AgencyRules:
    """Parse the text of a rules file. Raises AgencyRulesError, tomllib.TOMLDecodeError."""
    content = tomllib.loads(text)
    unknown = sorted(set(content) - set(AgencyRules.__dataclass_fields__))
    if unknown:
        raise AgencyRulesError(f"{unknown[0]} is unknown. Known are: {', '.join(AgencyRules.__dataclass_fields__)}.")
    values: dict[str, Any] = {name: _parse_integer(content, name) for name in MINIMUMS if name in content}
    values |= {name: _parse_boolean(content, name) for name in ("outcome", "description") if name in content}
    if "area_layers" in content:
        values["area_layers"] = _parse_layers(content["area_layers"])
    if "totals_layer" in content:
        (values["totals_layer"],) = _parse_layers([content["totals_layer"]])
    values["visibility"] = _parse_visibility(content.get("visibility", {}))
    values["looser"] = _parse_looser(content.get("looser", {}))
    rules = AgencyRules(**values)
    for name in ("embargo_days", "area_layers"):
        if _is_looser(rules, name) and name not in rules.looser:
            raise AgencyRulesError(
                f"{name} is looser than the default. An administrator names it under [looser], or not at all."
            )
    return rules


def _is_looser(rules: AgencyRules, name: str) -> bool:
    if name == "embargo_days":
        return rules.embargo_days < AgencyRules().embargo_days
    return "beat" in rules.area_layers


def _parse_integer(content: dict[str, Any], name: str) -> int:
    value = content[name]
    if not isinstance(value, int) or isinstance(value, bool) or not MINIMUMS[name] <= value <= 100_000:
        raise AgencyRulesError(f"{name} is a whole number of at least {MINIMUMS[name]}.")
    return value


def _parse_boolean(content: dict[str, Any], name: str) -> bool:
    value = content[name]
    if not isinstance(value, bool):
        raise AgencyRulesError(f"{name} is true or false.")
    return value


def _parse_layers(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not set(map(str, names)) <= set(LAYERS):
        raise AgencyRulesError(f"area_layers and totals_layer name layers: {', '.join(LAYERS)}.")
    return tuple(names)


def _parse_visibility(table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(value in (AREA, HIDDEN) for value in table.values()):
        raise AgencyRulesError('[visibility] gives a category "area" or "hidden".')
    return dict(table)


def _parse_looser(table: Any) -> dict[str, str]:
    """Return each looser entry with one line that says who decided it, when and why."""
    if not isinstance(table, dict) or not set(table) <= {"embargo_days", "area_layers"}:
        raise AgencyRulesError("[looser] may name embargo_days and area_layers.")
    decisions = {}
    for name, decision in table.items():
        if not isinstance(decision, dict) or not all(
            str(decision.get(part, "")).strip() for part in ("by", "on", "why")
        ):
            raise AgencyRulesError(
                f"[looser] {name} says by whom, on which day and why: {{by = ..., on = ..., why = ...}}."
            )
        decisions[name] = f"{decision['by']}, {decision['on']}: {decision['why']}"
    return decisions

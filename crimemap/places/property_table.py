"""The properties of a layer's file as an administrator sees them, to choose those with the code and the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crimemap.layer_files.features import Feature
from crimemap.places.area_import import property_names

_EXAMPLES, _MAX_EXAMPLE_CHARACTERS = 3, 40


@dataclass(frozen=True, slots=True)
class PropertySummary:
    """One property. examples: its first values. different: how many values there are; repeated: rows that share theirs."""

    name: str
    examples: list[str]
    different: int
    repeated: int
    blank: int


def summarize_properties(features: Sequence[Feature]) -> list[PropertySummary]:
    """Return the properties of a file in its order."""
    result = []
    for name in property_names(features):
        values = [feature.properties.get(name, "") for feature in features]
        counts = Counter(value for value in values if value)
        examples = [
            value if len(value) <= _MAX_EXAMPLE_CHARACTERS else f"{value[:_MAX_EXAMPLE_CHARACTERS]}…"
            for value in list(counts)[:_EXAMPLES]
        ]
        repeated = sum(count for count in counts.values() if count > 1)
        result.append(PropertySummary(name, examples, len(counts), repeated, values.count("")))
    return result

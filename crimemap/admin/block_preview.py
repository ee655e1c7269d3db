"""The preview of the layer of blocks: its properties to choose from, a map, numbers, and its first blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from crimemap.admin import point_map
from crimemap.layer_files import uploads
from crimemap.layer_files.layer_file import LayerFile, LayerFileError
from crimemap.layer_files.uploads import KeptUpload
from crimemap.places import block_import
from crimemap.places.area_import import property_names
from crimemap.places.block_import import BlockColumns
from crimemap.places.property_table import summarize_properties

_MAX_POINTS_DRAWN, _MAX_BLOCKS_SHOWN = 2_000, 12


class BlockColumnsForm(forms.Form):
    """One <select> for each fact about a block, offering the properties of the file."""

    def __init__(self, *args: Any, file: LayerFile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        examples = {each.name: each.examples for each in summarize_properties(file.features[:1000])}
        choices = [("", "---------")]
        for name in property_names(file.features):
            example = next(iter(examples.get(name, [])), "")
            choices.append((name, f"{name} ({example})" if example else name))
        for name, (label, help_text) in _labels(file).items():
            self.fields[name] = forms.ChoiceField(label=label, help_text=help_text, choices=choices, required=False)


def _labels(file: LayerFile) -> dict[str, tuple[str, str]]:
    labels = {
        "street": (
            _("Street"),
            _("Its whole name, or the name alone if its other parts have properties of their own."),
        ),
        "direction": (_("Direction before the street"), ""),
        "street_type": (_("Type of street"), ""),
        "suffix": (_("Direction after the street"), ""),
    }
    if block_import.has_lines(file):
        return labels | {
            "left_from": (_("First house number, left"), ""),
            "left_to": (_("Last house number, left"), ""),
            "right_from": (_("First house number, right"), ""),
            "right_to": (_("Last house number, right"), ""),
        }
    labels |= {
        "hundred": (_("Hundred"), _("400 for the house numbers 400 to 499.")),
        "label": (
            _("The block in words"),
            _("Such as “400 block of Main St”, if street and hundred are in one property."),
        ),
    }
    if file.facts.kind == "table":
        labels |= {"latitude": (_("Latitude"), ""), "longitude": (_("Longitude"), "")}
    return labels


def chosen_columns(query: Mapping[str, str], file: LayerFile) -> BlockColumns:
    """Return the properties that the page's form names, or guesses. Raises LayerFileError."""
    guessed = block_import.guess_columns(file)
    if "street" not in query:
        return guessed
    names = set(property_names(file.features))
    chosen = {each.name: query.get(each.name, "") for each in fields(BlockColumns)}
    return BlockColumns(**{name: value if value in names else "" for name, value in chosen.items()})


def preview_context(query: Mapping[str, str], upload: KeptUpload) -> dict[str, Any]:
    """Return what the page shows of a file. Raises LayerFileError if it has neither points nor lines."""
    file = uploads.load(upload)
    columns = chosen_columns(query, file)
    context: dict[str, Any] = {
        "columns_form": BlockColumnsForm(initial=asdict(columns), file=file),
        "columns": asdict(columns),
        "properties": summarize_properties(file.features),
    }
    try:
        parsed = block_import.parse_blocks(file, columns)
    except LayerFileError as error:
        return context | {"problem": str(error)}
    step = max(1, len(parsed.blocks) // _MAX_POINTS_DRAWN)
    return context | {
        "blocks": parsed.blocks[:: max(1, len(parsed.blocks) // _MAX_BLOCKS_SHOWN)][:_MAX_BLOCKS_SHOWN],
        "block_count": len(parsed.blocks),
        "result": block_import.compare_blocks(parsed.blocks),
        "point_map": point_map.draw_points([(block.latitude, block.longitude) for block in parsed.blocks[::step]]),
        "warning": point_map.warn_if_far([(block.latitude, block.longitude) for block in parsed.blocks]),
        "notes": [*file.facts.notes(), *parsed.notes],
    }

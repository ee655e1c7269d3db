"""A feature of a layer's file: its properties as texts, and its shape. Knows no Django: the confined process imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

MAX_VALUE_CHARACTERS, MAX_PROPERTIES = 300, 300


class LayerRefusedError(Exception):
    """The file cannot be read as a layer. reason: a key of layer_file.py's sentences; details: what the sentence names."""

    def __init__(self, reason: str, **details: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the file. number: counts from 1. shape: None if the file has none."""

    number: int
    properties: dict[str, str]
    shape: BaseGeometry | None


def property_text(value: object) -> str:
    """Return a property as one line of printable text; whole numbers lose the ".0" that tables give them."""
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)[: 4 * MAX_VALUE_CHARACTERS]
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:MAX_VALUE_CHARACTERS]


def property_texts(names: Sequence[object], values: Sequence[object]) -> dict[str, str]:
    """Return the properties of a feature by name."""
    pairs = list(zip(names, values, strict=True))[:MAX_PROPERTIES]
    return {name: property_text(value) for each, value in pairs if (name := property_text(each))}

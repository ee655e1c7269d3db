"""The form that gives each column of a sample its role, and says how its cells are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap.admin import coordinate_systems
from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.columns.projections import Suggestion
from crimemap.importing.profiles.base import DATE_PARTS, STREET_PARTS
from crimemap.models import Source
from crimemap.models.incidents import validate_time_zone
from crimemap.offences import catalogue
from crimemap.onboarding import guesses
from crimemap.onboarding.guesses import CODE2, Confidence, Guess

_CELLS_SHOWN = 4
ROLES: dict[str, tuple[Any, Any]] = {
    "occurred": (gettext_lazy("Date and time"), gettext_lazy("If both are in one column. Otherwise choose the two below.")),
    "occurred_date": (gettext_lazy("Date"), ""),
    "occurred_time": (gettext_lazy("Time"), ""),
    "year": (gettext_lazy("Year"), gettext_lazy("If each part of the date has its own column.")),
    "month": (gettext_lazy("Month"), ""),
    "day": (gettext_lazy("Day"), ""),
    "hour": (gettext_lazy("Hour"), ""),
    "minute": (gettext_lazy("Minute"), ""),
    "reported": (gettext_lazy("Date of the report"), gettext_lazy("Its day is used where the date of the incident is blank.")),
    "occurred_end": (gettext_lazy("End, date and time"), ""),
    "external_id": (gettext_lazy("Row id"), gettext_lazy("Never the case number. Without an id, the portal tells rows apart by their content.")),
    "updated": (gettext_lazy("Last changed"), gettext_lazy("The portal uses it to tell older files from newer ones.")),
    "code": (gettext_lazy("Offense"), gettext_lazy("A code, or the offense in words.")),
    "code2": (gettext_lazy("Offense, second part"), gettext_lazy("If two columns together make the code.")),
    "label": (gettext_lazy("Offense in words"), ""),
    "count": (gettext_lazy("How many offenses"), gettext_lazy("If a row stands for several. Each becomes an incident.")),
    "domestic": (gettext_lazy("Domestic"), gettext_lazy("Never public: these incidents appear only in yearly totals.")),
    "block": (gettext_lazy("Block or address"), gettext_lazy("House numbers are rounded to the hundred block before anything is stored.")),
    "street_number": (gettext_lazy("House or block number"), gettext_lazy("If each part of the address has its own column.")),
    "street_direction": (gettext_lazy("Direction before the street"), ""),
    "street_name": (gettext_lazy("Street"), ""),
    "street_type": (gettext_lazy("Type of street"), ""),
    "street_suffix": (gettext_lazy("Direction after the street"), ""),
    "latitude": (gettext_lazy("Latitude"), ""),
    "longitude": (gettext_lazy("Longitude"), ""),
    "point": (gettext_lazy("Latitude and longitude"), gettext_lazy("If both are in one column.")),
    "district": (gettext_lazy("District"), ""),
    "beat": (gettext_lazy("Beat"), ""),
    "neighbourhood": (gettext_lazy("Neighborhood"), ""),
    "location_description": (gettext_lazy("Kind of place"), ""),
    "outcome": (gettext_lazy("Outcome"), ""),
}  # fmt: skip


_GROUPS = (
    (gettext_lazy("When"), ("occurred", "occurred_date", "occurred_time", *DATE_PARTS, "reported", "occurred_end", "updated")),
    (gettext_lazy("Offense"), ("code", CODE2, "label", "count", "domestic")),
    (gettext_lazy("Where"), ("block", *STREET_PARTS, "latitude", "longitude", "point", "district", "beat", "neighbourhood", "location_description")),
    (gettext_lazy("Also"), ("external_id", "outcome")),
)  # fmt: skip
_REPEATED_ROLES = ("label",)  # that several columns may have
_CONFIDENCES = {
    Confidence.SURE: (gettext_lazy("Sure"), "chip-green"),
    Confidence.LIKELY: (gettext_lazy("Likely"), ""),
    Confidence.CHECK: (gettext_lazy("Please check"), "chip-gold"),
}


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column as the page shows it: its name, the field of its role, how certain its guess is, and its first cells."""

    name: str
    field: forms.BoundField
    confidence: str
    chip: str
    cells: list[str]


class RolesForm(forms.Form):
    """One <select> for each column of the sample, and how the cells are read."""

    def __init__(
        self, *args: Any, sample: Sample, source: Source, guessed: dict[str, Guess] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sample, self.reading, self.guessed = sample, sample.chosen, guessed or {}
        choices = [
            ("", _("Don’t read")),
            *((str(group), [(role, str(ROLES[role][0])) for role in roles]) for group, roles in _GROUPS),
        ]
        for number, name in enumerate(sample.header):
            self.fields[f"role{number}"] = forms.ChoiceField(
                label=_("Role of %(column)s") % {"column": name}, choices=choices, required=False
            )
        roles = {role: name for name, role in self.current_roles().items()}
        self.columns_by_role = roles
        date_column = roles.get("occurred") or roles.get("occurred_date") or ""
        examples = column_mapping.compare_date_orders(sample, date_column, source.time_zone)
        self.fields |= {
            "time_zone": forms.CharField(
                label=_("Time zone"), max_length=40, validators=[validate_time_zone], help_text=_("The time zone of the times in the files.")
            ),
            "day_first": forms.ChoiceField(
                label=_("Order of dates"),
                choices=[("", _order_label(_("Month first"), examples.get(False))), ("1", _order_label(_("Day first"), examples.get(True)))],
                required=False,
                help_text=_("Used only if the file doesn't show it. A day from 13 to 31 in the file decides by itself."),
            ),
            "times_are_local": forms.BooleanField(
                label=_("All times are local"), required=False,
                help_text=_("Check this if the file marks its times as UTC (Z, +00:00), but they are the local time. Compare the first rows with your records."),
            ),
            "scheme": forms.ChoiceField(
                label=_("Code list"),
                choices=[("", _("This source's own list: you classify each code")), *((name, name) for name in catalogue.schemes())],
                required=False,
                help_text=_("Choose a known list only if the offense column has the codes of that list."),
            ),
            "code_width": forms.IntegerField(
                label=_("Digits of a code"), required=False, min_value=0, max_value=20,
                help_text=_("If a spreadsheet drops leading zeros: with 4 digits, 486 becomes 0486 again."),
            ),
            "domestic_pattern": forms.CharField(
                label=_("Words that mean domestic"), required=False, max_length=100,
                help_text=_("Leave blank for a column of yes and no. Otherwise enter a word, or several separated by |."),
            ),
            **self._coordinate_fields(sample, source),
            "points_are_public": forms.BooleanField(
                label=_("The points are already public"), required=False,
                help_text=_("Check this only if the publisher has moved the points away from addresses. Otherwise they are moved to the middle of a block or of a 250 m cell."),
            ),
        }  # fmt: skip

    def _coordinate_fields(self, sample: Sample, source: Source) -> dict[str, forms.Field]:
        """Ask for the coordinate system where the columns hold more than degrees, and offer those that fit the city."""
        northing, easting = self.columns_by_role.get("latitude", ""), self.columns_by_role.get("longitude", "")
        suggested = column_mapping.suggest_systems(sample, northing, easting, source) if northing and easting else []
        choices = [
            ("", _("Degrees, or the system below")),
            *((each.system.code, _describe_system(each)) for each in suggested),
        ]
        text = forms.CharField(
            label=_("Coordinate system"), required=False, max_length=80,
            help_text=_("Leave blank for degrees. Coordinates in meters or feet have a system: its EPSG number, such as 26910, or words of its name, such as UTM zone 10N."),
        )  # fmt: skip
        self.lacks_system = (
            not suggested
            and column_mapping.is_projected(northing, sample)
            and not source.profile_config.get("coordinate_system")
        )
        if self.lacks_system:
            text.help_text = _(
                "These look like meters or feet, but no system puts them near your areas. Ask the people who made the file for its EPSG number, such as 26910, or type words of its name, such as UTM zone 10N."
            )
        if not suggested:
            return {"coordinate_system": text}
        radio = forms.ChoiceField(
            label=_("These look like meters or feet, not degrees. Where is your city?"),
            choices=choices,
            widget=forms.RadioSelect,
            required=False,
            help_text=_("Choose one, show the result, and see on the map whether the points lie in your city."),
        )
        return {"suggested_system": radio, "coordinate_system": text}

    def clean_coordinate_system(self) -> str:
        """Return the code of the one system that the text means, or of the suggested one that was chosen."""
        text = " ".join(self.cleaned_data["coordinate_system"].split())
        if not text:
            return str(self.cleaned_data.get("suggested_system", ""))
        return coordinate_systems.find_code(text)

    def current_roles(self) -> dict[str, str]:
        """Return the role of each column, as chosen or as the page begins with."""
        return {name: self[f"role{number}"].value() or "" for number, name in enumerate(self.sample.header)}

    def list_columns(self) -> Iterator[ColumnChoice]:
        for number, name in enumerate(self.sample.header):
            field = self[f"role{number}"]
            guess = self.guessed.get(name)
            confidence, chip = ("", "")
            if guess and guess.role == field.value():
                words, chip = _CONFIDENCES[guess.confidence]
                confidence = str(words)
            filled = [cell.strip() for cell in self.sample.cells(name) if cell.strip()]
            yield ColumnChoice(name, field, confidence, chip, list(dict.fromkeys(filled))[:_CELLS_SHOWN])

    def option_fields(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith("role")]

    def list_meanings(self) -> list[tuple[Any, Any]]:
        """Return the roles that need words, with what they mean."""
        return [(name, meaning) for name, meaning in ROLES.values() if meaning]

    def has_options_to_check(self) -> bool:
        """Return whether an answer or a choice stands below: then the settings are open."""
        return (
            self.lacks_system
            or "suggested_system" in self.fields
            or any(self.errors.get(field.name) for field in self.option_fields())
        )

    def list_needs(self) -> list[tuple[str, bool]]:
        """Return what a file needs to become incidents, each with whether a column says it."""
        given = set(self.current_roles().values())
        has_point = given >= {"latitude", "longitude"} or "point" in given
        has_date = bool(given & {"occurred", "occurred_date"}) or given.issuperset(DATE_PARTS[:3])
        has_place = has_point or bool(given & {"block", "street_name", "district", "beat", "neighbourhood"})
        return [
            (_("When it happened"), has_date),
            (_("What happened"), "code" in given),
            (_("Where: an address, a point or an area"), has_place),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        seen: dict[str, str] = {}
        for number, name in enumerate(self.sample.header):
            role = cleaned.get(f"role{number}", "")
            if role and role in seen and role not in _REPEATED_ROLES:
                self.add_error(
                    f"role{number}",
                    _("“%(other)s” already has this role. Choose one of the two.") % {"other": seen[role]},
                )
            seen.setdefault(role, name)
        if ("latitude" in seen) != ("longitude" in seen):
            self.add_error(None, _("Choose a column for both latitude and longitude, or for neither."))
        if CODE2 in seen and "code" not in seen:
            self.add_error(None, _("Choose the column with the first part of the offense, too."))
        return cleaned

    def profile_config(self, current: dict[str, Any]) -> dict[str, Any]:
        """Return the new Source.profile_config; keys that this page does not show keep their current value."""
        data = self.cleaned_data
        roles = {name: data.get(f"role{number}", "") for number, name in enumerate(self.sample.header)}
        edited = {
            "columns": guesses.roles_to_columns(roles),
            "day_first": bool(data["day_first"]),
            "times_are_local": data["times_are_local"],
            "scheme": data["scheme"],
            "code_width": data["code_width"] or 0,
            "domestic_pattern": data["domestic_pattern"],
            "coordinate_system": data["coordinate_system"],
            "points_are_public": data["points_are_public"],
        }
        return {**current, **edited, **asdict(self.reading)}


def start_form(sample: Sample, source: Source) -> RolesForm:
    """Return the form with the source's columns or, before it has any, with guesses; columns the sample lacks are left out."""
    config = source.profile_config
    guessed = {} if config.get("columns") else guesses.guess_roles(sample, source.time_zone)
    roles = (
        guesses.columns_to_roles(config["columns"])
        if config.get("columns")
        else {name: guess.role for name, guess in guessed.items()}
    )
    initial: dict[str, Any] = {f"role{number}": roles.get(name, "") for number, name in enumerate(sample.header)}
    initial |= {name: value for name, value in config.items() if name != "columns"}
    if guessed:
        occurred = next((name for name, role in roles.items() if role == "occurred"), "")
        initial["times_are_local"] = guesses.are_local_days(sample, occurred, source.time_zone)
        dated = next((name for name, role in roles.items() if role in ("occurred", "occurred_date")), "")
        initial["day_first"] = guesses.puts_day_first(sample, dated, source.time_zone)
    initial["code_width"] = config.get("code_width") or None
    initial |= {"time_zone": source.time_zone, "day_first": "1" if initial.get("day_first") else ""}
    return RolesForm(initial=initial, sample=sample, source=source, guessed=guessed)


def _order_label(order: str, example: str | None) -> str:
    return f"{order}: {example}" if example else order


def _describe_system(suggestion: Suggestion) -> str:
    unit = _("meters") if suggestion.system.unit == "metre" else _("feet")
    return _("%(name)s (%(code)s, %(unit)s): near %(latitude).4f, %(longitude).4f, %(distance)d km from the middle of your city") % {
        "name": suggestion.system.name,
        "code": suggestion.system.code,
        "unit": unit,
        "latitude": suggestion.middle[0],
        "longitude": suggestion.middle[1],
        "distance": round(suggestion.kilometers),
    }  # fmt: skip

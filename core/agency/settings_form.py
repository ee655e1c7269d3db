"""The form of the agency's settings. Its fields name the settings, say how each is checked, and which need consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.agency import brand_colors, leave_sites, text_rules
from core.agency.current_settings import MEGABYTE

# The old and the new value by the name of the setting. None: the server's counts.
Changes = dict[str, tuple[Any, Any]]
# An account of an administrator could be stolen and these turned against sources: a supervisor has to consent.
GUARDED = frozenset(
    {
        "emergency_number",
        "non_emergency_number",
        "crisis_lines",
        "contact",
        "dispatch_number",
        "leave_url",
        "tip_retention_days",
        "tip_max_files",
        "tip_max_megabytes",
        "allows_self_approval",
        "privacy_text",
    }
)
COLORS = ("band_color", "action_color", "accent_color")
_LEAST_RETENTION_DAYS, _MOST_RETENTION_DAYS = 30, 1825
# A photo of a phone has up to 15 MB: below that, evidence would be refused.
_LEAST_MEGABYTES, _MOST_FILES = 20, 20


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together on the page."""

    key: str
    title: str | Promise
    intro: str | Promise
    names: tuple[str, ...]


GROUPS = (
    Group(
        "names",
        gettext_lazy("Names"),
        gettext_lazy("They stand at the top of every page and in every email."),
        ("name", "city"),
    ),
    Group(
        "numbers",
        gettext_lazy("Numbers and contact"),
        gettext_lazy("People in danger call these. Try each number before you save it."),
        ("emergency_number", "crisis_lines", "non_emergency_number", "contact", "dispatch_number"),
    ),
    Group(
        "tips",
        gettext_lazy("Tips"),
        gettext_lazy("These change what we promise people who send tips. The pages say the new values at once."),
        ("leave_url", "tip_retention_days", "tip_max_files", "tip_max_megabytes", "privacy_text"),
    ),
    Group("stories", gettext_lazy("Stories"), "", ("allows_self_approval",)),
    Group(
        "colors",
        gettext_lazy("Colors"),
        gettext_lazy(
            "Three colors make the portal yours. We work out the rest, for light and dark screens, and check that every text can be read."
        ),
        COLORS,
    ),
)


class ColorField(forms.CharField):
    """A color written #rrggbb; blank for the portal's own."""

    def __init__(self, *, label: Any, help_text: Any) -> None:
        widget = forms.TextInput(
            attrs={"class": "color-code", "spellcheck": "false", "autocomplete": "off", "data-color": ""}
        )
        super().__init__(label=label, help_text=help_text, required=False, max_length=7, widget=widget)

    def clean(self, value: Any) -> Any:
        color = str(super().clean(value)).lower()
        if color and not brand_colors.is_color(color):
            raise ValidationError(_("Write a color as # and six digits or letters from a to f, such as #0d2140."))
        return color


class SettingsForm(forms.Form):
    """All settings. A blank field means the server's value, which the page shows beside it."""

    name = forms.CharField(label=gettext_lazy("Name of the agency"), required=False, max_length=60)
    city = forms.CharField(label=gettext_lazy("City"), required=False, max_length=40)
    emergency_number = forms.CharField(label=gettext_lazy("Emergency number"), required=False, max_length=20)
    crisis_lines = forms.CharField(
        label=gettext_lazy("Crisis lines"),
        required=False,
        max_length=400,
        help_text=gettext_lazy(
            "One per line: a name, an equals sign and a number. The first stands at the top of every page."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    non_emergency_number = forms.CharField(
        label=gettext_lazy("Non-emergency number"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("At the end of every page, as a link that calls. Blank: none is shown."),
    )
    contact = forms.CharField(
        label=gettext_lazy("Contact"),
        required=False,
        max_length=240,
        help_text=gettext_lazy("At the end of every page: your front desk, its address and hours."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    dispatch_number = forms.CharField(
        label=gettext_lazy("Dispatch"),
        required=False,
        max_length=20,
        help_text=gettext_lazy(
            "The desk that sends patrols. Officers call it from a tip whose source is in danger. Residents never see it."
        ),
    )
    leave_url = forms.ChoiceField(
        label=gettext_lazy("Where “Leave this site” goes"),
        required=False,
        help_text=gettext_lazy("A site that anyone could have open. The list is part of the program."),
    )
    tip_retention_days = forms.IntegerField(
        label=gettext_lazy("Days that a closed tip is kept"),
        required=False,
        min_value=_LEAST_RETENTION_DAYS,
        max_value=_MOST_RETENTION_DAYS,
        help_text=gettext_lazy(
            "From 30 to 1825. Fewer days erase older tips the next night, and nothing brings them back."
        ),
    )
    tip_max_files = forms.IntegerField(
        label=gettext_lazy("Files with one tip, at most"), required=False, min_value=1, max_value=_MOST_FILES
    )
    tip_max_megabytes = forms.IntegerField(
        label=gettext_lazy("Size of these files together, in MB"), required=False, min_value=1
    )
    privacy_text = forms.CharField(
        label=gettext_lazy("Your own words about privacy"),
        required=False,
        max_length=1500,
        help_text=gettext_lazy(
            "They follow our promises on “How we protect you” and can't replace them. Plain text, without links."
        ),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    allows_self_approval = forms.TypedChoiceField(
        label=gettext_lazy("Authors can approve their own stories"),
        required=False,
        choices=[("", ""), ("no", gettext_lazy("No")), ("yes", gettext_lazy("Yes"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        help_text=gettext_lazy("For agencies with one author. The audit trail names each such story."),
    )
    band_color = ColorField(label=gettext_lazy("Head of the page"), help_text=gettext_lazy("A dark color."))
    action_color = ColorField(
        label=gettext_lazy("Buttons and links"), help_text=gettext_lazy("Dark enough for white text.")
    )
    accent_color = ColorField(
        label=gettext_lazy("Accent"), help_text=gettext_lazy("A light color: the main button on the head.")
    )

    def __init__(self, stored: dict[str, Any], data: Any = None) -> None:
        initial = {name: value for name, value in stored.items() if name in self.base_fields}
        initial["crisis_lines"] = "\n".join(stored.get("crisis_lines", []))
        if "allows_self_approval" in stored:
            initial["allows_self_approval"] = "yes" if stored["allows_self_approval"] else "no"
        super().__init__(data, initial=initial)
        self._stored = stored
        leave = self.fields["leave_url"]
        assert isinstance(leave, forms.ChoiceField)
        leave.choices = [
            ("", _("The server's: %(address)s") % {"address": settings.LEAVE_URL}),
            *leave_sites.list_choices(),
        ]
        self_approval = self.fields["allows_self_approval"]
        assert isinstance(self_approval, forms.TypedChoiceField)
        default = _("Yes") if settings.OUTREACH_SELF_APPROVAL else _("No")
        self_approval.choices = [
            ("", _("The server's: %(value)s") % {"value": default}),
            ("no", _("No")),
            ("yes", _("Yes")),
        ]
        for name, value in _list_defaults().items():
            self.fields[name].widget.attrs["placeholder"] = value

    def clean_name(self) -> str:
        return text_rules.check_name(self.cleaned_data["name"])

    def clean_city(self) -> str:
        return text_rules.check_name(self.cleaned_data["city"])

    def clean_emergency_number(self) -> str:
        return text_rules.check_number(self.cleaned_data["emergency_number"])

    def clean_non_emergency_number(self) -> str:
        return text_rules.check_number(self.cleaned_data["non_emergency_number"])

    def clean_dispatch_number(self) -> str:
        return text_rules.check_number(self.cleaned_data["dispatch_number"])

    def clean_crisis_lines(self) -> list[str]:
        return text_rules.check_crisis_lines(self.cleaned_data["crisis_lines"])

    def clean_contact(self) -> str:
        return text_rules.check_line(self.cleaned_data["contact"])

    def clean_privacy_text(self) -> str:
        return text_rules.check_text(self.cleaned_data["privacy_text"])

    def clean_tip_max_megabytes(self) -> int | None:
        """Allow what the server was set up for: its folder in memory has room for no more."""
        megabytes: int | None = self.cleaned_data["tip_max_megabytes"]
        most = settings.TIP_MAX_BYTES // MEGABYTE
        if megabytes is not None and not min(_LEAST_MEGABYTES, most) <= megabytes <= most:
            raise ValidationError(
                _("Enter a number from %(least)s to %(most)s. This server was set up for no more.")
                % {"least": min(_LEAST_MEGABYTES, most), "most": most}
            )
        return megabytes

    def clean(self) -> dict[str, Any]:
        """Check the three colors together: each must be readable on the others."""
        if not any(name in self.errors for name in COLORS):
            colors = brand_colors.BrandColors(*(self.cleaned_data[name] for name in COLORS))
            for name, sentence in brand_colors.find_problems(colors):
                self.add_error(name, sentence)
        return self.cleaned_data

    def list_changes(self) -> Changes:
        """Return what changes; a value is None where the server's counts."""
        pairs = ((name, self._stored.get(name), value) for name, value in self.cleaned_data.items())
        return {name: (old, new) for name, old, value in pairs if (new := None if value in ("", []) else value) != old}


def _list_defaults() -> dict[str, str]:
    """Return what counts for blank fields, by name."""
    return {
        "name": settings.AGENCY_NAME,
        "city": settings.CITY_NAME,
        "emergency_number": settings.EMERGENCY_NUMBER,
        "crisis_lines": "\n".join(settings.CRISIS_LINES),
        "contact": settings.CONTACT,
        "dispatch_number": settings.DISPATCH_NUMBER,
        "tip_retention_days": str(settings.TIP_RETENTION_DAYS),
        "tip_max_files": str(settings.TIP_MAX_FILES),
        "tip_max_megabytes": str(settings.TIP_MAX_BYTES // MEGABYTE),
        **dict(zip(COLORS, brand_colors.DEFAULTS, strict=True)),
    }

"""The fields of the acts that are done at once: priority, snooze, mute. Buttons of their menus give one of them a value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tips.admin.forms import TextField
from tips.models import Priority

_TOMORROW_HOUR = 8
MUTE_DAYS = (1, 7, 30)


class PriorityForm(forms.Form):
    priority = forms.TypedChoiceField(
        choices=Priority.choices,
        coerce=lambda value: Priority(int(value)),
        label=gettext_lazy("Priority"),
        error_messages={"invalid_choice": gettext_lazy("Pick one of the priorities in the list.")},
    )
    priority_reason = TextField(label=gettext_lazy("Why it's no longer urgent"), required=False)


class SnoozeForm(forms.Form):
    """`snooze` is a choice of the menu; "time" means the time that was typed."""

    snooze = forms.ChoiceField(
        choices=[("hour", ""), ("tomorrow", ""), ("source", ""), ("time", "")],
        error_messages={
            "required": gettext_lazy("Pick until when."),
            "invalid_choice": gettext_lazy("Pick until when."),
        },
    )
    snooze_until = forms.DateTimeField(
        label=gettext_lazy("Or a time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": gettext_lazy("Write the day and the time, such as 2026-11-30 08:00.")},
    )
    snooze_why = forms.CharField(label=gettext_lazy("Why"), required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("snooze") == "time" and not cleaned.get("snooze_until") and "snooze_until" not in self.errors:
            self.add_error("snooze_until", _("Pick a day and a time."))
        return cleaned


def read_snooze_end(data: dict[str, Any]) -> dt.datetime | None:
    """Return until when the checked SnoozeForm snoozes; None: until the source writes."""
    now = timezone.localtime()
    match data["snooze"]:
        case "hour":
            return now + dt.timedelta(hours=1)
        case "tomorrow":
            tomorrow = now + dt.timedelta(days=1)
            return tomorrow.replace(hour=_TOMORROW_HOUR, minute=0, second=0, microsecond=0)
        case "source":
            return None
        case _:
            until: dt.datetime = data["snooze_until"]
            return until


class MuteForm(forms.Form):
    mute_days = forms.TypedChoiceField(choices=[(days, days) for days in MUTE_DAYS], coerce=int)


_FORMS: dict[str, type[forms.Form]] = {"priority": PriorityForm, "snooze": SnoozeForm, "mute": MuteForm}


def list_act_forms(typed: Mapping[str, Any], checked: Mapping[str, forms.Form]) -> dict[str, forms.Form]:
    """Return the forms of these acts by name: the `checked` ones, and the others with what is typed."""
    return {
        name: checked.get(name)
        or form(initial={field: typed.get(field, "") for field in form.base_fields}, auto_id=f"{name}-%s")
        for name, form in _FORMS.items()
    }

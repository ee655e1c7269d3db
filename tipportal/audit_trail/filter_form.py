"""The filter above the audit trail: who, what, which tip, from which day to which."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from tipportal.audit_trail import visible_lines
from tipportal.audit_trail.visible_lines import TrailFilter

# Suggestions while typing. Taken from the code, not from the trail: an act that only a walled tip has seen must not show.
_TIP_ACTS = (
    "opened", "answered", "wrote a note on", "assigned", "closed", "reopened", "viewed", "downloaded", "saw thumbnails of",
    "saw summaries", "searched tips", "opened forms for callers",
)  # fmt: skip
_ACCOUNT_ACTS = (
    "signed in",
    "failed to sign in",
    "created",
    "changed the roles of",
    "changed the password of",
    "changed duty",
)


_FIRST_DAY, _LAST_DAY = dt.date(2000, 1, 1), dt.date(9000, 1, 1)


def _day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


class TrailFilterForm(forms.Form):
    who = forms.CharField(
        label=gettext_lazy("Who"),
        required=False,
        max_length=150,
        help_text=gettext_lazy("A name or username"),
        widget=forms.TextInput({"list": "actors", "autocomplete": "off"}),
    )
    what = forms.CharField(
        label=gettext_lazy("What they did"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Such as “opened”"),
        widget=forms.TextInput({"list": "acts", "autocomplete": "off"}),
    )
    tip = forms.RegexField(
        r"^#?[0-9]{1,18}$",
        label=gettext_lazy("Tip number"),
        required=False,
        error_messages={"invalid": gettext_lazy("This isn't a tip number. Enter digits only, such as 482115.")},
        widget=forms.TextInput({"inputmode": "numeric", "size": "10", "autocomplete": "off"}),
    )
    since = _day(gettext_lazy("From"))
    until = _day(gettext_lazy("To"))

    def __init__(self, data: Any, account: Account) -> None:
        super().__init__(data)
        self.shows_tips = visible_lines.reads_tips(account)
        if not self.shows_tips:
            del self.fields["tip"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one. Choose the same day or a later one."))
        return cleaned

    def to_filter(self) -> TrailFilter:
        """Return what a valid form asks for. The last day is included."""
        data = self.cleaned_data
        tip = data.get("tip", "").removeprefix("#")
        return TrailFilter(
            who=data["who"],
            what=data["what"],
            tip=int(tip) if tip else None,
            since=_begin_of(data["since"]) if data["since"] else None,
            until=_begin_of(min(data["until"], _LAST_DAY) + dt.timedelta(days=1)) if data["until"] else None,
        )

    def describe(self) -> str:
        """Return the filter in one line for the audit trail itself, "everything" if it is empty."""
        parts = [f"{name}: {value}" for name in self.fields if (value := self.cleaned_data.get(name))]
        return ", ".join(parts) or "everything"

    def suggested_acts(self) -> tuple[str, ...]:
        return (*_TIP_ACTS, *_ACCOUNT_ACTS) if self.shows_tips else _ACCOUNT_ACTS


def _begin_of(day: dt.date) -> dt.datetime:
    """Return the day's first moment; of a day that no trail can have, of the nearest that one can: years 1 and 9999 overflow."""
    return timezone.make_aware(dt.datetime.combine(max(day, _FIRST_DAY), dt.time.min))

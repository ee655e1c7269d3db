"""The form field for a day and a time in the agency's time zone."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _


class LocalDateTimeField(forms.SplitDateTimeField):
    """Day and time of the agency's time zone. Of an hour that clocks repeat in fall it means the first.

    Django refuses both that hour and the one skipped in spring, in words about time zones.
    """

    def __init__(self, *, day_label: Any, time_label: Any, **options: Any) -> None:
        widget = forms.SplitDateTimeWidget(
            date_attrs=cast(dict[str, str], {"type": "date", "aria-label": day_label}),
            time_attrs=cast(dict[str, str], {"type": "time", "aria-label": time_label}),
            date_format="%Y-%m-%d",
            time_format="%H:%M",
        )
        super().__init__(widget=widget, **options)

    def compress(self, data_list: Any) -> dt.datetime | None:
        try:
            return super().compress(data_list)
        except ValidationError as error:
            if error.code != "ambiguous_timezone":
                raise
        typed = dt.datetime.combine(*data_list)
        moment = typed.replace(tzinfo=timezone.get_current_timezone())
        if moment.astimezone(dt.UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != typed:
            raise ValidationError(
                _("Clocks skip %(time)s on this day, when they go forward. Choose an earlier or a later time.")
                % {"time": date_format(typed, "TIME_FORMAT")}
            )
        return moment

"""Admin pages of areas' priorities. A save is public at once if the priority is shown."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.plain_text import clean_published_line
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from crimemap.places import area_names
from outreach.models import AreaPriority

LAYERS = {
    "neighbourhood": gettext_lazy("Neighborhoods"),
    "district": gettext_lazy("Districts"),
    "beat": gettext_lazy("Beats"),
}
TEXTS = ("title", "asked", "action", "result")
# As words of their own: neither "tipped" nor "tipsy". Phrases such as "the tip of the pier" have to be put in another way.
_TIPS = re.compile(r"\b(?:tips?|tipsters?|anonymous(?:ly)?|informants?)\b", re.IGNORECASE)


class PriorityForm(forms.ModelForm):
    area = forms.ChoiceField(label=gettext_lazy("Area"))

    class Meta:
        model = AreaPriority
        fields = ("title", "asked_at", "asked_on", "asked", "action", "result", "done_on", "shown")
        widgets = {name: forms.Textarea({"rows": 3}) for name in TEXTS[1:]}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = [(label, sorted((f"{layer}:{code}", name or code) for code, name in area_names(layer).items()))
                  for layer, label in LAYERS.items()]  # fmt: skip
        area = self.fields["area"]
        assert isinstance(area, forms.ChoiceField)
        area.choices = [("", "---------"), *((label, choices) for label, choices in groups if choices)]
        if self.instance.pk:
            self.initial["area"] = f"{self.instance.layer}:{self.instance.code}"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in TEXTS:
            if name in cleaned:
                cleaned[name] = clean_published_line(cleaned[name])
                if _TIPS.search(cleaned[name]):
                    self.add_error(
                        name,
                        _(
                            "This mentions tips or informants. A priority never does: it could show that someone in "
                            "the area talks to us. Write only what was said in public."
                        ),
                    )
        asked_on, done_on = cleaned.get("asked_on"), cleaned.get("done_on")
        if asked_on and asked_on > timezone.localdate():
            self.add_error("asked_on", _("This date is in the future. Enter the day when it was said."))
        if done_on and done_on > timezone.localdate():
            self.add_error("done_on", _("This date is in the future. Leave it blank until the work is finished."))
        if asked_on and done_on and done_on < asked_on:
            self.add_error("done_on", _("This date is before the day when it was said. Check both dates."))
        if done_on and not cleaned.get("result"):
            self.add_error("result", _("Say what came of it before you mark it as finished."))
        if cleaned.get("shown") and not cleaned.get("asked"):
            self.add_error("asked", _("Say what people asked for before you show it to residents."))
        return cleaned

    def clean_area(self) -> str:
        layer, _colon, code = self.cleaned_data["area"].partition(":")
        if code not in area_names(layer):
            raise ValidationError(_("Choose an area from the list."))
        return f"{layer}:{code}"


@admin.register(AreaPriority)
class AreaPriorityAdmin(FoldedSearch, AuditedAdmin):
    form = PriorityForm
    list_display = ("title", "area_name", "asked_on", "done_on", "shown", "updated_on")
    list_filter = ("shown",)
    search_fields = ("title", "asked")
    actions = None

    @admin.display(description=gettext_lazy("area"))
    def area_name(self, priority: AreaPriority) -> str:
        return area_names(priority.layer).get(priority.code, "") or f"{priority.layer} {priority.code}"

    def get_fields(self, request: HttpRequest, obj: AreaPriority | None = None) -> Any:
        """Return the form's fields, or the columns for an account that may only view."""
        may_edit = self.has_change_permission(request, obj) or (obj is None and self.has_add_permission(request))
        return ("area" if may_edit else "area_name", *PriorityForm.Meta.fields)

    def save_model(self, request: HttpRequest, obj: AreaPriority, form: PriorityForm, change: bool) -> None:
        obj.layer, _colon, obj.code = form.cleaned_data["area"].partition(":")
        obj.updated_on = timezone.localdate()
        super().save_model(request, obj, form, change)

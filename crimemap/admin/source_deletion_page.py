"""The page that deletes a source with its incidents, after a preview of the numbers and a second question."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from crimemap.importing import source_deletion
from crimemap.importing.arrival import jobs
from crimemap.models import Source


class DeletionForm(forms.Form):
    """The second question: the name of the source, which a click alone does not answer."""

    name = forms.CharField(
        label=gettext_lazy("Type the name of the source"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Type the name of the source if you want to delete it.")},
    )

    def __init__(self, source: Source, data: Any = None) -> None:
        super().__init__(data)
        self.source = source
        self.fields["name"].help_text = _("Its name is: %(name)s") % {"name": source.name}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if " ".join(name.split()).casefold() != " ".join(self.source.name.split()).casefold():
            raise forms.ValidationError(
                _("That is not the name of this source. It is called “%(name)s”.") % {"name": self.source.name}
            )
        return name


def deletion_response(request: HttpRequest, source: Source, by: Account, context: dict[str, Any]) -> HttpResponse:
    """Show the numbers and the question, or ask the worker to delete the source."""
    form = DeletionForm(source, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            jobs.request_deletion(source, by)
        except jobs.ImportNotPossibleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                _("“%(name)s” is being deleted. Its incidents leave the map within minutes.") % {"name": source.name},
            )
            return HttpResponseRedirect(reverse("admin:crimemap_source_changelist"))
    context |= {
        "form": form,
        "preview": source_deletion.preview_deletion(source),
        "is_being_deleted": source_deletion.is_being_deleted(source),
    }
    return TemplateResponse(request, "admin/crimemap/delete_source.html", context, status=422 if form.errors else 200)

"""The page on which an officer follows a view of the queue, changes how, or stops."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.staff.session_resume import is_resumed
from tips.desk import permissions
from tips.desk.queue import followed_views, loading
from tips.models import FollowedView

Rhythm = FollowedView.Rhythm
_MORNING = 8


class FollowForm(forms.Form):
    rhythm = forms.ChoiceField(
        label=gettext_lazy("When do you want a message?"), choices=Rhythm.choices, widget=forms.RadioSelect
    )
    hour = forms.TypedChoiceField(label=gettext_lazy("Once a day, at"), coerce=int, required=False, empty_value=None)
    least = forms.IntegerField(
        label=gettext_lazy("When it has this many tips or more"), min_value=1, max_value=500, required=False
    )

    def __init__(self, followed: FollowedView, *args: Any) -> None:
        super().__init__(*args)
        self.followed = followed
        field = self.fields["hour"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(hour, time_format(dt.time(hour), "TIME_FORMAT")) for hour in range(24)]
        self.initial = {"rhythm": followed.rhythm, "hour": followed.hour if followed.hour is not None else _MORNING}
        self.initial["least"] = followed.least or 10

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("rhythm") == Rhythm.FROM and cleaned.get("least") is None and "least" not in self.errors:
            raise ValidationError({"least": _("Enter how many tips the view has when you want a message.")})
        return cleaned

    def save(self) -> None:
        """Store what was chosen. Raises followed_views.TooManyViewsError."""
        rhythm = self.cleaned_data["rhythm"]
        self.followed.rhythm = rhythm
        hour = self.cleaned_data["hour"]
        self.followed.hour = (_MORNING if hour is None else hour) if rhythm == Rhythm.DIGEST else None
        self.followed.least = self.cleaned_data["least"] if rhythm == Rhythm.FROM else None
        followed_views.follow(self.followed)


def list_own(account: Account) -> list[dict[str, str]]:
    """Return the views that an officer follows, as "My alerts" shows them."""
    shown = []
    for followed in FollowedView.objects.filter(officer=account):
        chosen = loading.select(account, QueryDict(followed.query))
        shown.append({
            "title": chosen.title,
            "address": chosen.address,
            "when": followed_views.describe(followed),
            "change_address": f"{reverse('admin:tips_alerts_view')}?{followed.query}",
        })  # fmt: skip
    return shown


def respond(request: HttpRequest) -> HttpResponse:
    """Show how the officer follows the view of this address's query (GET), or follow it or stop (POST)."""
    officer = request.user
    permissions.require(permissions.can_act(officer))
    assert isinstance(officer, Account)
    chosen = loading.select(officer, request.GET)
    # By the address as it is stored: a view that the officer no longer has can be stopped, too.
    stored = FollowedView.objects.filter(officer=officer, query=request.GET.urlencode()).first()
    followed = stored or FollowedView.objects.filter(officer=officer, query=chosen.query).first()
    mine = HttpResponseRedirect(reverse("admin:tips_alerts_mine"))
    if request.method == "POST" and not is_resumed(request) and "stop" in request.POST:
        if followed is not None:
            followed.delete()
        messages.success(request, _("You no longer follow the view “%(title)s”.") % {"title": chosen.title})
        return mine
    if not chosen.can_be_followed and (followed is None or request.method == "POST"):
        messages.warning(
            request, _("You can't follow this view: it has tips that few people see, closed ones, or a language.")
        )
        return mine
    form = FollowForm(followed or FollowedView(officer=officer, query=chosen.query), request.POST or None)
    if request.method == "POST" and not is_resumed(request) and form.is_valid():
        try:
            form.save()
        except followed_views.TooManyViewsError as problem:
            form.add_error(None, str(problem))
        else:
            sentence = _("You follow the view “%(title)s”. What is in it now isn't new.")
            messages.success(request, sentence % {"title": chosen.title})
            return mine
    context = {
        **admin.site.each_context(request),
        "title": _("Follow this view"),
        "view": chosen,
        "form": form,
        "is_followed": followed is not None,
    }
    return TemplateResponse(request, "admin/tips/alerts/view.html", context, status=422 if form.errors else 200)

"""The page on which a supervisor decides about the wall of a tip that names staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from core.models import Account
from core.plain_text import clean_typed_text, show_steering
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff.session_resume import keep_post_through_sign_in
from core.web import error_pages
from tips import conversation, vault
from tips.models import Wall
from tips.walls import decisions, records
from tips.walls.decisions import WalledTip

TEMPLATE = "admin/tips/tip/wall.html"
_MAX_REASON = 2_000
_CHOICES = {
    Wall.Decision.RELEASED: gettext_lazy("Release it: everyone in its unit sees it, also the people it names."),
    Wall.Decision.KEPT: gettext_lazy("Keep it walled: only the people checked below see it, and those who decide."),
    Wall.Decision.OUTSIDE: gettext_lazy(
        "Refer it outside, for example to internal affairs: it stays walled, and no one else here sees it. Pass it on yourself."
    ),
}


class ReadersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj.get_username())


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        choices=list(_CHOICES.items()),
        widget=forms.RadioSelect,
        label=gettext_lazy("What happens with this tip"),
        error_messages={"required": gettext_lazy("Pick what happens with this tip.")},
    )
    readers = ReadersField(
        queryset=Account.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=gettext_lazy("Who sees it, if you keep it walled"),
        error_messages={"invalid_choice": gettext_lazy("One of these people can't see this tip anymore. Pick again.")},
    )
    reason = forms.CharField(
        max_length=_MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Only people who may decide about this tip can read it."),
        error_messages={"required": gettext_lazy("Write your reason.")},
    )

    def __init__(self, *args: Any, found: WalledTip, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].widget.attrs.pop("maxlength", None)
        field = self.fields["readers"]
        assert isinstance(field, ReadersField)
        field.queryset = decisions.list_possible_readers(found.record)

    def clean_reason(self) -> str:
        return clean_typed_text(self.cleaned_data["reason"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if (
            cleaned.get("decision") == Wall.Decision.KEPT
            and not cleaned.get("readers")
            and "readers" not in self.errors
        ):
            self.add_error("readers", _("Check who sees this tip."))
        return cleaned


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URL pattern of the page, below the list of tips."""
    view = require_http_methods(["GET", "POST"])(decide)
    return [path("<uuid:tip_id>/wall/", keep_post_through_sign_in(site, view), name="tips_wall")]


@require_fresh_factor_for_posts
def decide(request: HttpRequest, tip_id: UUID) -> HttpResponse:
    """Show whom the tip names and the decisions so far, and make one."""
    account = request.user
    assert isinstance(account, Account)
    try:
        found = decisions.find_walled_tip(tip_id, account)
        form = DecisionForm(request.POST or None, found=found, initial=_initial(found))
        if request.method == "POST" and form.is_valid():
            decision = Wall.Decision(form.cleaned_data["decision"])
            decisions.decide(tip_id, account, decision, form.cleaned_data["reason"], form.cleaned_data["readers"])
            messages.success(request, _("Your decision is saved."))
            return HttpResponseRedirect(reverse("admin:tips_tip_changelist") + "?view=walled")
    except (conversation.TipGoneError, vault.SealError, vault.KeyMissingError):
        return error_pages.render_staff_error(request, 404, describe_gone())
    context = {
        **admin.site.each_context(request),
        "title": _("Wall of %(tip)s") % {"tip": found.tip},
        "tip": found.tip,
        "form": form,
        "is_unreadable": found.wall.record is None,
        "named": [person.get_full_name() or person.get_username() for person in found.named],
        "decided": [_describe(entry) for entry in found.record.decisions],
    }
    return TemplateResponse(request, TEMPLATE, context, status=422 if form.errors else 200)


def describe_gone() -> str:
    """Return the one sentence for a tip that is absent, walled for the reader, or another unit's."""
    return _("This tip no longer exists: its source deleted it, it expired, or the address is wrong.")


def _initial(found: WalledTip) -> dict[str, Any]:
    return {"decision": found.wall.decision or None, "readers": list(found.wall.readers.all())}


def _describe(entry: records.DecisionEntry) -> dict[str, Any]:
    return {
        "who": entry.by,
        "when": entry.moment(),
        "decision": Wall.Decision(entry.decision).label,
        "reason": show_steering(entry.reason),
    }

"""Duty of officers: each sets their own duty, categories and quiet hours, supervisors and administrators keep the calendar."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from core.staff.audited_admin import AuditedAdmin, describe_changes
from core.staff.folded_search import FoldedSearch
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from tips import readers
from tips.desk import permissions
from tips.desk.duty import changes
from tips.models import Category, DayOff, Duty, Shift
from tips.officer_alerts.duty_calendar import DutyCalendar


class OwnDutyForm(forms.ModelForm):
    class Meta:
        model = Duty
        fields = ("categories", "quiet_from", "quiet_until")
        help_texts = {
            "categories": gettext_lazy("Leave all unchecked to get alerts about every category."),
        }
        widgets = {
            "categories": forms.CheckboxSelectMultiple,
            "quiet_from": forms.TimeInput({"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput({"type": "time"}, format="%H:%M"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer sensitive categories only to the people named for them: others get no email about these tips."""
        super().__init__(*args, **kwargs)
        field = self.fields["categories"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        is_alerted = Q(is_sensitive=False) | Q(readers=self.instance.officer)
        field.queryset = Category.objects.filter(is_alerted).distinct()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("quiet_from") is None) != (cleaned.get("quiet_until") is None) and not self.errors:
            raise ValidationError(_("Quiet hours need a beginning and an end. Enter both times, or clear both."))
        return cleaned


class HandoverForm(forms.Form):
    KEEP, NOBODY = "keep", "nobody"
    to = forms.ChoiceField(label=gettext_lazy("Your open tips go to"), widget=forms.RadioSelect)
    word = forms.CharField(
        label=gettext_lazy("A word for the next officer"),
        help_text=gettext_lazy("It is added as a note to each tip that has been opened."),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
    )
    form_id = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def __init__(self, officer: Account, *args: Any) -> None:
        super().__init__(*args)
        self._colleagues = {str(account.pk): account for account in changes.list_colleagues(officer)}
        on_duty = DutyCalendar.load().list_on_duty(timezone.now())
        ordered = sorted(self._colleagues.values(), key=lambda account: account.pk not in on_duty)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (self.NOBODY, _("Nobody: back to the desk")),
            *((str(account.pk), _name_colleague(account, account.pk in on_duty)) for account in ordered),
            (self.KEEP, _("Keep them. I'll be back")),
        ]
        self.initial = {"to": self.NOBODY, "form_id": secrets.token_hex(16)}

    @property
    def colleague(self) -> Account | None:
        return self._colleagues.get(self.cleaned_data["to"])


def _name_colleague(account: Account, is_on_duty: bool) -> str:
    name = account.get_full_name() or account.get_username()
    return _("%(name)s, on duty") % {"name": name} if is_on_duty else name


@admin.register(Duty)
class DutyAdmin(FoldedSearch, AuditedAdmin):
    # The rest is each officer's own: quiet hours, staying on and leaving early.
    fields = ("officer", "on_duty", "categories")
    list_display = ("officer", "on_duty", "categories_shown")
    list_filter = ("on_duty",)
    list_select_related = ("officer",)
    search_fields = ("officer__username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Duty]:
        return super().get_queryset(request).prefetch_related("categories")

    @admin.display(description=gettext_lazy("categories"))
    def categories_shown(self, duty: Duty) -> str:
        return ", ".join(str(category) for category in duty.categories.all()) or _("all")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "officer":
            kwargs["queryset"] = readers.desk_accounts().order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs |= {"widget": forms.CheckboxSelectMultiple, "queryset": Category.objects.all()}
        kwargs["help_text"] = _("Leave all unchecked for every category.")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("mine/", view(self.own_view), name="tips_duty_mine"),
            path(
                "handover/", keep_post_through_sign_in(self.admin_site, self.handover_view), name="tips_duty_handover"
            ),
            *super().get_urls(),
        ]

    def own_view(self, request: HttpRequest) -> HttpResponse:
        """Show or save an officer's own duty. The switch in the page head posts only `switch`, the page the whole form."""
        officer = _require_officer(request)
        duty = Duty.objects.filter(officer=officer).first() or Duty(officer=officer)
        if request.method == "POST" and "switch" in request.POST:
            return self._switch(request, officer, request.POST["switch"])
        form = OwnDutyForm(request.POST or None, instance=duty)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                form.save()
                if form.changed_data:
                    self.record(request, "changed", duty, describe_changes(form))
            return self._redirect_to_own(request, officer)
        context = {**self.admin_site.each_context(request), "title": _("My duty"), "form": form}
        context |= {"no_address": not officer.email, "duty": changes.describe_duty(officer)}
        return TemplateResponse(request, "admin/tips/duty/mine.html", context)

    def _switch(self, request: HttpRequest, officer: Account, choice: str) -> HttpResponse:
        if choice == "longer":
            changes.extend_duty(officer)
        elif choice == "on":
            changes.go_on_duty(officer)
        elif changes.list_open_tips(officer).exists():
            return HttpResponseRedirect(reverse("admin:tips_duty_handover"))
        else:
            changes.go_off_duty(officer)
        return self._redirect_to_own(request, officer)

    def _redirect_to_own(self, request: HttpRequest, officer: Account) -> HttpResponse:
        messages.success(request, changes.describe_duty(officer).sentence)
        return HttpResponseRedirect(reverse("admin:tips_duty_mine"))

    def handover_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what becomes of an officer's open tips, then take the officer off duty."""
        officer = _require_officer(request)
        form = HandoverForm(officer, request.POST or None)
        if request.method == "POST" and not is_resumed(request) and form.is_valid():
            return self._hand_over(request, officer, form)
        context = {**self.admin_site.each_context(request), "title": _("Hand over and go off duty"), "form": form}
        context["count"] = changes.list_open_tips(officer).count()
        return TemplateResponse(request, "admin/tips/duty/handover.html", context)

    def _hand_over(self, request: HttpRequest, officer: Account, form: HandoverForm) -> HttpResponse:
        if form.cleaned_data["to"] != HandoverForm.KEEP:
            word, form_id = form.cleaned_data["word"], bytes.fromhex(form.cleaned_data["form_id"])
            done = changes.hand_over(officer, form.colleague, word, form_id)
            if done.moved:
                sentence = ngettext("%(count)d tip was handed over.", "%(count)d tips were handed over.", done.moved)
                messages.success(request, sentence % {"count": done.moved})
            if done.kept:
                sentence = ngettext(
                    "This tip stays with you, since the other officer may not see it: %(numbers)s. You are still on duty.",
                    "These tips stay with you, since the other officer may not see them: %(numbers)s. You are still on duty.",
                    len(done.kept),
                )
                messages.warning(request, sentence % {"numbers": ", ".join(map(str, done.kept))})
                return HttpResponseRedirect(reverse("admin:tips_duty_handover"))
        changes.go_off_duty(officer)
        return self._redirect_to_own(request, officer)


def _require_officer(request: HttpRequest) -> Account:
    if not isinstance(request.user, Account) or not permissions.can_act(request.user):
        raise PermissionDenied
    return request.user


@admin.register(Shift)
class ShiftAdmin(AuditedAdmin):
    list_display = ("officer", "weekday", "starts_at", "ends_at")
    list_filter = ("weekday",)
    list_select_related = ("officer",)
    search_fields = ("officer__username",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = readers.desk_accounts().order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "ends_at" and field is not None:
            field.help_text = _("A shift that ends before it starts ends on the next day.")
        return field


@admin.register(DayOff)
class DayOffAdmin(AuditedAdmin):
    list_display = ("first_day", "last_day", "officer_or_all")
    list_select_related = ("officer",)

    @admin.display(description=gettext_lazy("officer"), ordering="officer")
    def officer_or_all(self, day_off: DayOff) -> str:
        return str(day_off.officer) if day_off.officer else _("everyone")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = readers.desk_accounts().order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

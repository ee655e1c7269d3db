"""Duty of officers: each sets their own duty and categories, administrators those of all."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.staff.audited_admin import AuditedAdmin, describe_changes
from core.staff.folded_search import FoldedSearch
from tips import readers
from tips.desk import permissions
from tips.models import Category, Duty


class OwnDutyForm(forms.ModelForm):
    class Meta:
        model = Duty
        fields = ("on_duty", "categories")
        labels = {"on_duty": gettext_lazy("I'm on duty")}
        help_texts = {
            "on_duty": gettext_lazy("While you're on duty, you get an email when a tip in your categories arrives."),
            "categories": gettext_lazy("Leave all unchecked to get emails about every category."),
        }
        widgets = {"categories": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer sensitive categories only to the people named for them: others get no email about these tips."""
        super().__init__(*args, **kwargs)
        field = self.fields["categories"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        is_alerted = Q(is_sensitive=False) | Q(readers=self.instance.officer)
        field.queryset = Category.objects.filter(is_alerted).distinct()


@admin.register(Duty)
class DutyAdmin(FoldedSearch, AuditedAdmin):
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
        own = path("mine/", self.admin_site.admin_view(self.own_view), name="tips_duty_mine")
        return [own, *super().get_urls()]

    def own_view(self, request: HttpRequest) -> HttpResponse:
        """Show or save an officer's own duty. The switch in the page head posts only `switch`, the page the whole form."""
        officer = request.user
        if not isinstance(officer, Account) or not permissions.can_act(officer):
            raise PermissionDenied
        duty = Duty.objects.filter(officer=officer).first() or Duty(officer=officer)
        if request.method == "POST" and "switch" in request.POST:
            self._switch(request, duty, on_duty=request.POST["switch"] == "on")
            return self._redirect_after_saving(request, duty)
        form = OwnDutyForm(request.POST or None, instance=duty)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                form.save()
                if form.changed_data:
                    self.record(request, "changed", duty, describe_changes(form))
            return self._redirect_after_saving(request, duty)
        context = {**self.admin_site.each_context(request), "title": _("My duty"), "form": form}
        context["no_address"] = not officer.email
        return TemplateResponse(request, "admin/tips/duty/mine.html", context)

    @transaction.atomic
    def _switch(self, request: HttpRequest, duty: Duty, *, on_duty: bool) -> None:
        if duty.on_duty == on_duty and not duty._state.adding:
            return
        duty.on_duty = on_duty
        duty.save()
        self.record(request, "changed", duty, f"on_duty: {not on_duty} -> {on_duty}")

    def _redirect_after_saving(self, request: HttpRequest, duty: Duty) -> HttpResponse:
        messages.success(request, _("You're on duty.") if duty.on_duty else _("You're off duty."))
        return HttpResponseRedirect(reverse("admin:tips_duty_mine"))

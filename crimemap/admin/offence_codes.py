"""Categories and offense codes in the admin. A change is published at once from the stored incidents."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_for_posts, require_fresh_factor_to_change
from core.staff.audited_admin import AuditedAdmin, describe_changes
from core.staff.folded_search import FoldedSearch
from crimemap.admin.onboarding import code_table_page
from crimemap.models import Category, OffenceCode, Visibility
from crimemap.offences import classification, code_table
from crimemap.offences.code_table import Scope
from crimemap.publishing import publication_requests


class VisibilityReasonForm(forms.ModelForm):
    """Requires a reason if a change shows incidents more openly."""

    why = forms.CharField(
        label=gettext_lazy("Why show more"),
        required=False,
        max_length=200,
        help_text=gettext_lazy(
            "Needed only if incidents will be shown in more detail than before. The audit trail keeps it."
        ),
    )

    def is_looser(self, cleaned: dict[str, Any]) -> bool:
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk and not self.errors and not cleaned.get("why") and self.is_looser(cleaned):
            self.add_error("why", classification.reason_required_message())
        return cleaned


class CategoryForm(VisibilityReasonForm):
    def is_looser(self, cleaned: dict[str, Any]) -> bool:
        return classification.is_looser(self.initial["least_visibility"], cleaned["least_visibility"])


class OffenceCodeForm(VisibilityReasonForm):
    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if bool(cleaned.get("category")) != bool(cleaned.get("visibility")):
            self.add_error(
                "visibility",
                _("Choose both a category and a visibility, or neither. Without them, incidents are held."),
            )
        return super().clean()

    def is_looser(self, cleaned: dict[str, Any]) -> bool:
        before = OffenceCode.objects.select_related("category").get(pk=self.instance.pk)
        return classification.is_looser(
            classification.effective_visibility(before.category, before.visibility),
            classification.effective_visibility(cleaned["category"], cleaned["visibility"]),
        )


@admin.register(Category)
@require_fresh_factor_to_change
class IncidentCategoryAdmin(FoldedSearch, AuditedAdmin):
    form = CategoryForm
    list_display = ("name", "family", "least_visibility", "codes_count", "person_offence", "order")
    list_filter = ("family", "least_visibility")
    search_fields = ("name", "slug")

    def get_fields(self, request: HttpRequest, obj: Category | None = None) -> Any:
        why = ["why"] if obj and self.has_change_permission(request, obj) else []
        return ["name", "slug", "family", "least_visibility", *why, "person_offence", "order"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        categories: QuerySet[Category] = super().get_queryset(request)
        return categories.annotate(code_count=Count("codes"))

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Lock the slug of an existing category: URLs and the publication rule refer to it."""
        return ("slug",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Category | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {} if obj else {"slug": ("name",)}

    @admin.display(description=gettext_lazy("codes"), ordering="code_count")
    def codes_count(self, category: Category) -> int:
        count: int = category.code_count  # type: ignore[attr-defined]
        return count

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        publication_requests.request_publication()


class ClassifiedFilter(admin.SimpleListFilter):
    title = gettext_lazy("classified")
    parameter_name = "classified"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("no", _("Not yet: incidents are held")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OffenceCode]) -> QuerySet[OffenceCode]:  # noqa: ARG002
        match self.value():
            case "no":
                return queryset.filter(category=None)
            case "yes":
                return queryset.exclude(category=None)
        return queryset


@admin.register(OffenceCode)
@require_fresh_factor_to_change
class OffenceCodeAdmin(FoldedSearch, AuditedAdmin):
    form = OffenceCodeForm
    list_display = ("code", "label", "scheme", "category", "visibility_shown")
    list_filter = (ClassifiedFilter, "scheme", "visibility", "category")
    list_select_related = ("category",)
    search_fields = ("code", "label")
    change_list_template = "admin/crimemap/code_list.html"

    def get_fields(self, request: HttpRequest, obj: OffenceCode | None = None) -> Any:
        why = ["why"] if obj and self.has_change_permission(request, obj) else []
        return ["scheme", "code", "label", "category", "visibility", *why]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never: stored incidents have the code, or the next import will bring it back."""
        return False

    def get_form(
        self, request: HttpRequest, obj: OffenceCode | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Hide the buttons beside the category field: categories are edited on their own pages."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        if "category" in form.base_fields:
            widget = form.base_fields["category"].widget
            widget.can_add_related = widget.can_change_related = widget.can_delete_related = widget.can_view_related = (
                False
            )
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: OffenceCode | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("scheme", "code") if obj else ()

    @admin.display(description=gettext_lazy("visibility"), ordering="visibility")
    def visibility_shown(self, code: OffenceCode) -> str:
        return str(Visibility(code.visibility).label).split(":")[0] if code.visibility else _("Held")

    def save_model(self, request: HttpRequest, obj: OffenceCode, form: Any, change: bool) -> None:
        assert isinstance(request.user, Account)
        if not change:
            super().save_model(request, obj, form, change)
            publication_requests.request_publication()
            return
        classification.classify(obj, obj.category, obj.visibility, request.user, form.cleaned_data["why"])
        if "label" in form.changed_data:
            OffenceCode.objects.filter(pk=obj.pk).update(label=obj.label)
            self.record(request, "changed", obj, describe_changes(form))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        held = OffenceCode.objects.filter(category=None).count() if self.has_change_permission(request) else 0
        return super().changelist_view(request, {"unknown_codes": held, **(extra_context or {})})

    # Classification of many codes

    def get_urls(self) -> list[URLPattern]:
        classify_path = path(
            "classify/", self.admin_site.admin_view(self.classify_view), name="crimemap_offencecode_classify"
        )
        sheet_path = path("codes.csv", self.admin_site.admin_view(self.sheet_view), name="crimemap_offencecode_sheet")
        return [classify_path, sheet_path, *super().get_urls()]

    @require_fresh_factor_for_posts
    def classify_view(self, request: HttpRequest) -> HttpResponse:
        """Classify many codes at once, those that hold back the most incidents first."""
        by, scheme = self._get_classifying_account(request), request.GET.get("scheme", "")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Classify codes"),
            "scheme": scheme,
            "schemes": code_table.list_schemes(),
            "sheet_url": reverse("admin:crimemap_offencecode_sheet"),
        }
        return code_table_page.table_response(
            request, by, Scope(scheme=scheme), template="admin/crimemap/classify_codes.html", context=context
        )

    def sheet_view(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self._get_classifying_account(request)
        return code_table_page.sheet_response(request, Scope(scheme=request.GET.get("scheme", "")), "codes")

    def _get_classifying_account(self, request: HttpRequest) -> Account:
        if not self.has_change_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        return request.user

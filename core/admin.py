"""Accounts and the audit trail in the admin. Groups are fixed (core/staff/groups.py): nobody edits what they permit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account, AuditEntry
from core.staff.admin_site import ReadOnlyAdmin
from core.staff.groups import ADMINISTRATOR

# Importing UserAdmin registered them.
admin.site.unregister(Group)

_GROUPS_HELP = gettext_lazy("Officers and supervisors open tips. Administrators run the portal and open none.")


class AccountForm(UserChangeForm):
    editor: Account

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk != self.editor.pk:
            return cleaned
        if not cleaned.get("is_active", True):
            self.add_error("is_active", _("You cannot switch off your own account. Ask another administrator."))
        was = self.instance.groups.filter(name=ADMINISTRATOR).exists()
        stays = any(group.name == ADMINISTRATOR for group in cleaned.get("groups", ()))
        if was and not stays:
            self.add_error("groups", _("You cannot end your own administrator rights. Ask another administrator."))
        return cleaned


@admin.register(Account)
class AccountAdmin(UserAdmin):
    form = AccountForm
    list_display = ("username", "full_name", "email", "group_names", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("What they may do"), {"fields": ("is_active", "groups")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_form = AdminUserCreationForm
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("What they may do"), {"fields": ("groups",)}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Accounts are switched off: answers and notes keep their author."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user
        return form

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs |= {"widget": forms.CheckboxSelectMultiple, "help_text": _GROUPS_HELP}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # Each change is recorded, in the transaction of the change

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        obj.is_staff = True
        super().save_model(request, obj, form, change)
        if not change:
            self._record(request, "created", obj)
        elif "is_active" in form.changed_data:
            self._record(request, "switched on" if obj.is_active else "switched off", obj)
        if change and "username" in form.changed_data:
            self._record(request, "renamed", obj, f"was {form.initial['username']}")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = _group_names(form.instance)
        super().save_related(request, form, formsets, change)
        after = _group_names(form.instance)
        if before != after:
            detail = f"{', '.join(before) or 'none'} -> {', '.join(after) or 'none'}"
            self._record(request, "changed groups of", form.instance, detail)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic():
            before = (
                Account.objects.filter(pk=id).values_list("password", flat=True).first() if id.isdecimal() else None
            )
            response = super().user_change_password(request, id, form_url)
            if before is not None:
                account = Account.objects.get(pk=id)
                if account.password != before:
                    self._record(request, "changed a password", account)
        return response

    def _record(self, request: HttpRequest, action: str, account: Account, detail: str = "") -> None:
        assert isinstance(request.user, Account)
        audit.record(request.user, action, f"account {account.get_username()}", detail)

    @admin.display(description=gettext_lazy("name"), ordering="last_name")
    def full_name(self, account: Account) -> str:
        return account.get_full_name()

    @admin.display(description=gettext_lazy("groups"))
    def group_names(self, account: Account) -> str:
        return ", ".join(sorted(group.name for group in account.groups.all()))


def _group_names(account: Account) -> list[str]:
    return sorted(Account.groups.through.objects.filter(account=account).values_list("group__name", flat=True))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Read only, for everybody; a database trigger refuses the rest too."""

    list_display = ("id", "moment", "actor", "action", "subject", "detail")
    list_display_links = None
    list_filter = ("at", "action")
    search_fields = ("actor", "subject", "action")
    search_help_text = gettext_lazy("A user name, “tip 12”, or what was done")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = ("id", "moment", "actor", "action", "subject", "detail")

    @admin.display(description=gettext_lazy("when"), ordering="at")
    def moment(self, entry: AuditEntry) -> str:
        return f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Audit trail"), **(extra_context or {})})

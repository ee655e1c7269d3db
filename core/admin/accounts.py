"""Accounts in the admin. Groups are fixed (core/staff/groups.py): nobody edits what they permit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account
from core.staff import account_mails, tip_access
from core.staff.admin_site import PASSWORD_CHANGED
from core.staff.folded_search import FoldedSearch
from core.staff.groups import ADMINISTRATOR, SUPERVISOR

# Importing UserAdmin registered them.
admin.site.unregister(Group)

_ROLES_HELP = gettext_lazy("Officers and supervisors open tips. Administrators run the portal and open none.")
_SIGN_IN_HELP = {
    "username": gettext_lazy("To sign in with. Capital letters make no difference."),
    "email": gettext_lazy("Alerts about new tips are sent here."),
    "is_active": gettext_lazy("Turn this off when a person leaves. What they wrote keeps their name."),
}
_CONSENT = gettext_lazy(
    "Once there is a supervisor, only a supervisor can give a role that opens tips, or change the name, email or password of"
    " an account that has one. All supervisors get an email about it."
)


class AccountRules:
    """The checks of both account forms: core/staff/tip_access.py allows the change, and the last way in stays open."""

    editor: Account

    def clean(self: Any) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data  # type: ignore[misc]
        account: Account = self.instance
        present = set(account.groups.all()) if account.pk else set()
        chosen = set(cleaned.get("groups", present))
        if problem := tip_access.explain_refused_roles(self.editor, chosen - present, present - chosen):
            self.add_error("groups", problem)
        if account.pk is None:
            return cleaned
        changed = {"username", "email"} & set(self.changed_data)
        if "is_active" in self.changed_data and cleaned.get("is_active"):
            changed.add("is_active")
        if changed and (problem := tip_access.explain_refused_sign_in_change(self.editor, account)):
            for name in sorted(changed):
                self.add_error(name, problem)
        self._refuse_lock_out(cleaned, {group.name for group in present - chosen})
        return cleaned

    def _refuse_lock_out(self: Any, cleaned: dict[str, Any], lost_roles: set[str]) -> None:
        is_own = self.instance.pk == self.editor.pk
        turned_off = not cleaned.get("is_active", True)
        if is_own and turned_off:
            self.add_error("is_active", _("You can't turn off your own account. Ask someone else to do it."))
        if is_own and ADMINISTRATOR in lost_roles:
            self.add_error("groups", _("You can't give up your own administrator role. Ask another administrator."))
        field = "groups" if SUPERVISOR in lost_roles else "is_active"
        if (SUPERVISOR in lost_roles or turned_off) and tip_access.is_last_supervisor(self.instance):
            self.add_error(field, _("This is the last active supervisor. Make someone else a supervisor first."))


class AccountForm(AccountRules, UserChangeForm):
    pass


class NewAccountForm(AccountRules, UserCreationForm):
    pass


class NewPasswordForm(AdminPasswordChangeForm):
    usable_password = None  # every account signs in by password


class RoleFilter(admin.RelatedFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("role")


@admin.register(Account)
class AccountAdmin(FoldedSearch, UserAdmin):
    form = AccountForm
    list_display = ("username", "full_name", "email", "role_names", "is_active", "last_login")
    list_filter = ("is_active", ("groups", RoleFilter))
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = gettext_lazy("A name or an email address")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Roles"), {"fields": ("is_active", "groups"), "description": _CONSENT}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_form = NewAccountForm
    add_form_template = "admin/change_form.html"  # without Django's promise of more options later
    change_password_form = NewPasswordForm
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Roles"), {"fields": ("groups",), "description": _CONSENT}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Accounts are turned off: answers and notes keep their author."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in _SIGN_IN_HELP:
            kwargs["help_text"] = _SIGN_IN_HELP[db_field.name]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs |= {"widget": forms.CheckboxSelectMultiple, "help_text": _ROLES_HELP, "label": _("Roles")}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # Each change is recorded, in the transaction of the change

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        obj.is_staff = True
        super().save_model(request, obj, form, change)
        if not change:
            return
        was_opening = tip_access.opens_tips(obj)
        if "is_active" in form.changed_data:
            self._record(request, "activated" if obj.is_active else "deactivated", obj, is_opening=was_opening)
        if "username" in form.changed_data:
            self._record(request, "renamed", obj, f"was {form.initial['username']}", is_opening=was_opening)
        if "email" in form.changed_data:
            self._record(request, "changed the email of", obj, is_opening=was_opening)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        account = form.instance
        before, was_opening = _role_names(account), tip_access.opens_tips(account)
        super().save_related(request, form, formsets, change)
        after = _role_names(account)
        is_opening = was_opening or tip_access.opens_tips(account)
        if not change:
            self._record(request, "created", account, ", ".join(after) or "no role", is_opening=is_opening)
        elif before != after:
            detail = f"{', '.join(before) or 'none'} -> {', '.join(after) or 'none'}"
            self._record(request, "changed the roles of", account, detail, is_opening=is_opening)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        editor = request.user
        assert isinstance(editor, Account)
        if not self.has_change_permission(request):
            raise PermissionDenied
        account = Account.objects.filter(pk=id).first() if id.isdecimal() else None
        if account is None:
            raise Http404
        if problem := tip_access.explain_refused_sign_in_change(editor, account):
            self.message_user(request, problem, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:core_account_change", args=[account.pk]))
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            changed = Account.objects.get(pk=id)
            if changed.password != account.password:
                self._record(request, PASSWORD_CHANGED, changed, is_opening=tip_access.opens_tips(changed))
        return response

    def _record(
        self, request: HttpRequest, action: str, account: Account, detail: str = "", *, is_opening: bool
    ) -> None:
        """Record a change in the audit trail, and mail it to the supervisors if the account opens tips or did."""
        assert isinstance(request.user, Account)
        subject = f"account {account.get_username()}"
        audit.record(request.user, action, subject, detail)
        if is_opening:
            line = " ".join([request.user.get_username(), action, subject])
            account_mails.mail_supervisors(f"{line}: {detail}" if detail else f"{line}.")

    @admin.display(description=gettext_lazy("name"), ordering="last_name")
    def full_name(self, account: Account) -> str:
        return account.get_full_name()

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, account: Account) -> str:
        return ", ".join(sorted(group.name for group in account.groups.all()))


def _role_names(account: Account) -> list[str]:
    return sorted(Account.groups.through.objects.filter(account=account).values_list("group__name", flat=True))

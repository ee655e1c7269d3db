"""Accounts in the admin. Groups are fixed (core/staff/groups.py): nobody edits what they permit."""

from __future__ import annotations

from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.accounts import account_changes, consent
from core.admin import consents, invitations
from core.models import Account, ConsentRequest
from core.sign_in.fresh_factor import require_fresh_factor_to_change
from core.staff import tip_access
from core.staff.folded_search import FoldedSearch
from core.staff.groups import ADMINISTRATOR, SUPERVISOR

# Importing UserAdmin registered them.
admin.site.unregister(Group)

_ROLES_HELP = gettext_lazy("Officers and supervisors open tips. Administrators run the portal and open none.")
_SIGN_IN_HELP = {
    "username": gettext_lazy("To sign in with. Capital letters make no difference."),
    "email": gettext_lazy("Alerts about new tips and links to set up sign-in are sent here."),
    "is_active": gettext_lazy(
        "Turn this off when a person leaves. Accounts are never deleted: answers and notes keep their author."
    ),
}
_CONSENT = gettext_lazy(
    "Giving a role that opens tips needs the consent of a supervisor. So does a new name to sign in with, a new email or turning"
    " on an account that has one. We ask for it when you save. All supervisors get an email about it."
)


class AccountForm(forms.ModelForm):
    """Changes an account as far as its editor may alone. `consent_changes` is what a supervisor has to allow first."""

    editor: Account

    class Meta:
        model = Account
        fields = ("first_name", "last_name", "username", "email", "badge_number", "aliases", "is_active", "groups")
        field_classes = {"username": UsernameField}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.consent_changes: dict[str, Any] = {}
        stored = Account.objects.get(pk=self.instance.pk)
        present = set(stored.groups.all())
        chosen = set(cleaned.get("groups", present))
        if problem := tip_access.explain_refused_roles(self.editor, chosen - present, present - chosen):
            self.add_error("groups", problem)
        names = ("username", "email")
        changed: list[str] = [name for name in names if name in cleaned and cleaned[name] != getattr(stored, name)]
        if cleaned.get("is_active") and not stored.is_active:
            changed.append("is_active")
        if changed and (problem := tip_access.explain_refused_sign_in_change(self.editor, stored)):
            for name in changed:
                self.add_error(name, problem)
        self._refuse_lock_out(cleaned, {group.name for group in present - chosen})
        if not self.errors:
            self._set_apart(stored, cleaned, changed, tip_access.find_tip_roles(chosen - present))
        return cleaned

    def _set_apart(self, stored: Account, cleaned: dict[str, Any], changed: list[str], tip_roles: list[Group]) -> None:
        """Move what needs consent from the data to save to `consent_changes`."""
        if tip_roles:
            self.consent_changes["roles"] = sorted(group.name for group in tip_roles)
            cleaned["groups"] = Group.objects.filter(
                pk__in={group.pk for group in cleaned["groups"]} - {group.pk for group in tip_roles}
            )
        if tip_access.opens_tips(stored):
            for name in changed:
                self.consent_changes[name] = cleaned[name]
                cleaned[name] = getattr(stored, name)
        if self.consent_changes:
            try:
                consent.validate_change(stored, self.consent_changes)
            except ValidationError as error:
                self.add_error(None, error.messages)

    def _refuse_lock_out(self, cleaned: dict[str, Any], lost_roles: set[str]) -> None:
        is_own = self.instance.pk == self.editor.pk
        turned_off = not cleaned.get("is_active", True)
        if is_own and turned_off:
            self.add_error("is_active", _("You can't turn off your own account. Ask someone else to do it."))
        if is_own and ADMINISTRATOR in lost_roles:
            self.add_error("groups", _("You can't give up your own administrator role. Ask another administrator."))
        field = "groups" if SUPERVISOR in lost_roles else "is_active"
        if (SUPERVISOR in lost_roles or turned_off) and tip_access.is_last_supervisor(self.instance):
            self.add_error(field, _("This is the last active supervisor. Make someone else a supervisor first."))
        remains_manager = any(group.name in (ADMINISTRATOR, SUPERVISOR) for group in cleaned.get("groups", ()))
        if (turned_off or not remains_manager) and tip_access.is_last_other_manager(self.instance, self.editor):
            sentence = _(
                "You would be the only supervisor and administrator left, so nobody could check what you do. Make someone "
                "else an administrator or supervisor first."
            )
            self.add_error("is_active" if turned_off else "groups", sentence)


class RoleFilter(admin.RelatedFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("role")


@admin.register(Account)
@require_fresh_factor_to_change
class AccountAdmin(FoldedSearch, UserAdmin):
    form = AccountForm
    change_form_template = "admin/core/account.html"
    change_list_template = "admin/core/accounts.html"
    list_display = ("username", "full_name", "email", "role_names", "sign_in_state", "last_day")
    list_filter = ("is_active", ("groups", RoleFilter))
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = gettext_lazy("A name or an email address")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (
            gettext_lazy("Person"),
            {"fields": ("first_name", "last_name", "username", "email", "badge_number", "aliases")},
        ),
        (gettext_lazy("Roles"), {"fields": ("is_active", "groups"), "description": _CONSENT}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """People are invited: nobody types a password for someone else."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Accounts are turned off: answers and notes keep their author."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related("groups", "sign_in_links", "consent_requests", "authenticator_set")
        )

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

    def get_urls(self) -> list[Any]:
        """Add the pages about invitations and consent, and leave out Django's page that sets another person's password."""
        urls = [url for url in super().get_urls() if getattr(url, "name", "") != "auth_user_password_change"]
        return [*invitations.list_urls(self.admin_site), *consents.list_urls(self.admin_site), *urls]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Staff accounts"), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = Account.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        if account is not None:
            extra_context = {
                **(extra_context or {}),
                "open_requests": ConsentRequest.objects.open().filter(account=account),
                "open_links": account.sign_in_links.all(),
            }
        return super().change_view(request, object_id, form_url, extra_context)

    # Each change is recorded, in the transaction of the change

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        editor = request.user
        assert isinstance(editor, Account)
        stored = Account.objects.select_for_update().get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        record = partial(account_changes.record_change, editor, account=obj, is_opening=tip_access.opens_tips(obj))
        if stored.is_active != obj.is_active:
            record("activated" if obj.is_active else "deactivated")
        if stored.username != obj.username:
            record(account_changes.RENAMED, detail=f"{account_changes.OLD_NAME}{stored.username}")
        if stored.get_full_name() != obj.get_full_name():
            record("changed the name of", detail=f"was {stored.get_full_name()}")
        if stored.email != obj.email:
            # A link that was mailed to the old address, or is to be mailed again, must not go to the new one.
            obj.sign_in_links.all().delete()
            account_changes.record_new_email(editor, obj, stored.email, is_opening=tip_access.opens_tips(obj))
        # Tips that name a person are hidden from them: without the name they would not be.
        if (stored.badge_number, stored.aliases) != (obj.badge_number, obj.aliases):
            record("changed the badge or other names of")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        account, editor = form.instance, request.user
        assert isinstance(editor, Account)
        before, was_opening = _role_names(account), tip_access.opens_tips(account)
        super().save_related(request, form, formsets, change)
        after = _role_names(account)
        if before != after:
            detail = f"{', '.join(before) or 'none'} -> {', '.join(after) or 'none'}"
            is_opening = was_opening or tip_access.opens_tips(account)
            account_changes.record_change(editor, "changed the roles of", account, detail, is_opening=is_opening)
        if form.consent_changes:
            consents.ask(request, consent.Kind.CHANGE, account, form.consent_changes)

    @admin.display(description=gettext_lazy("name"), ordering="last_name")
    def full_name(self, account: Account) -> str:
        return account.get_full_name()

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, account: Account) -> str:
        return ", ".join(sorted(group.name for group in account.groups.all()))

    @admin.display(description=gettext_lazy("sign-in"))
    def sign_in_state(self, account: Account) -> str:
        if not account.is_active:
            return _("Turned off")
        if any(request.is_open for request in account.consent_requests.all()):
            return _("Waits for consent")
        if account.sign_in_links.all():
            return _("Has to use a link")
        return ", ".join(_describe_factors(account)) or _("No second factor yet")

    @admin.display(description=gettext_lazy("last sign-in"), ordering="last_login")
    def last_day(self, account: Account) -> str:
        if account.last_login is None:
            return _("Never")
        return date_format(timezone.localtime(account.last_login), "DATE_FORMAT")


def _describe_factors(account: Account) -> list[str]:
    """Return the kinds of second factors that the account has. Recovery codes alone are none."""
    words = {Authenticator.Type.WEBAUTHN: _("Passkey"), Authenticator.Type.TOTP: _("App")}
    types = {each.type for each in account.authenticator_set.all()}  # type: ignore[attr-defined]  # allauth has no types
    return [word for kind, word in words.items() if kind in types]


def _role_names(account: Account) -> list[str]:
    return sorted(Account.groups.through.objects.filter(account=account).values_list("group__name", flat=True))

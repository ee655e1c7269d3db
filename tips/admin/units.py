"""Units of officers, and what became of the tips that they referred to each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_to_change
from core.staff.admin_site import ReadOnlyAdmin
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from tips import readers
from tips.desk import access_changes, permissions, referrals
from tips.models import Referral, Unit


class PersonField(forms.ModelMultipleChoiceField):
    """Checkboxes with the people of the desk, each by full name and username."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Account.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, **options)

    def offer(self, chosen_before: Iterable[Account]) -> None:
        """Offer all active officers and supervisors, and those that were chosen before, whatever they are now."""
        chosen = Account.objects.filter(pk__in=[account.pk for account in chosen_before])
        self.queryset = (readers.desk_accounts() | chosen.distinct()).order_by("username").prefetch_related("groups")

    def label_from_instance(self, obj: Any) -> str:
        name = f"{obj.get_full_name()} ({obj.username})" if obj.get_full_name() else obj.username
        if not permissions.is_desk_account(obj):
            return _("%(name)s: sees nothing, because the account is turned off or has no such role") % {"name": name}
        return name


def separate_added(
    editor: Account, before: list[Account], chosen: Iterable[Account]
) -> tuple[list[Account], list[Account]]:
    """Return those who stay, and those to be added, for whom consent is asked. Only supervisors take people off."""
    kept = [account for account in before if account in chosen]
    if len(kept) < len(before) and not access_changes.decides(editor):
        raise forms.ValidationError(_("Only a supervisor can take people off. You can ask to add people."))
    return kept, [account for account in chosen if account not in before]


class UnitForm(forms.ModelForm):
    members = PersonField(label=gettext_lazy("Members"), help_text=gettext_lazy("They see the tips of this unit."))
    editor: Account
    added: list[Account]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.fields.get("members")
        if isinstance(people, PersonField):
            people.offer(self.members_before())

    def members_before(self) -> list[Account]:
        return list(self.instance.members.all()) if self.instance.pk else []

    def clean_members(self) -> list[Account]:
        kept, self.added = separate_added(self.editor, self.members_before(), self.cleaned_data["members"])
        return kept


@admin.register(Unit)
@require_fresh_factor_to_change
class UnitAdmin(FoldedSearch, AuditedAdmin):
    form = UnitForm
    list_display = ("name", "handled_categories", "members_shown")
    search_fields = ("name", "members__username", "members__last_name")
    readonly_fields = ("waiting", "handled_categories")
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "members", "waiting", "handled_categories"),
                "description": gettext_lazy(
                    "A supervisor other than you has to allow each new member. All supervisors get an email about each"
                    " change."
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Unit]:
        units: QuerySet[Unit] = super().get_queryset(request)
        return units.prefetch_related("categories", "members__groups")

    def get_form(self, request: HttpRequest, obj: Unit | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user
        return form

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Leave out the numbers of tips that keep a unit from being deleted."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        if protected:
            return deleted, counts, set(), [_("Categories, tips or referrals of this unit")]
        return deleted, counts, missing, []

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        assert isinstance(request.user, Account)
        before = form.members_before() if change else []
        super().save_related(request, form, formsets, change)
        removed = set(before) - set(form.instance.members.all())
        access_changes.record_removals(request.user, f"unit {form.instance}", removed)
        for sentence in access_changes.ask_to_add(request.user, form.instance, form.added):
            self.message_user(request, sentence, messages.WARNING)

    @admin.display(description=gettext_lazy("waiting for consent"))
    def waiting(self, unit: Unit) -> str:
        return access_changes.name_waiting(unit) if unit.pk else _("No one")

    @admin.display(description=gettext_lazy("categories"))
    def handled_categories(self, unit: Unit) -> str:
        return ", ".join(str(category) for category in unit.categories.all()) or _("None. Set it in the category.")

    @admin.display(description=gettext_lazy("members"))
    def members_shown(self, unit: Unit) -> str:
        active = [account for account in unit.members.all() if permissions.is_desk_account(account)]
        if not active:
            return _("Nobody. All supervisors see its tips until you add a member.")
        return access_changes.name_accounts(active)


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin):
    """Tips that came from and went to the officer's units. It links to none: the old unit no longer sees them."""

    list_display = ("tip_number", "from_name", "to_name", "author", "day", "received")
    list_display_links = None
    list_select_related = ("tip", "from_unit", "to_unit", "referred_by", "received_by")
    ordering = ("-referred_at",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("take_back",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Referral]:
        return permissions.visible_referrals(request.user)

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if permissions.can_act(request.user) else {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Referred tips"), **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Refuse Django's log: the history of a tip is in the audit trail."""
        raise PermissionDenied

    @admin.display(description=gettext_lazy("tip"), ordering="tip__number")
    def tip_number(self, referral: Referral) -> str:
        return str(referral.tip.number)

    @admin.display(description=gettext_lazy("from"))
    def from_name(self, referral: Referral) -> str:
        return referrals.name_unit(referral.from_unit)

    @admin.display(description=gettext_lazy("to"))
    def to_name(self, referral: Referral) -> str:
        return referrals.name_unit(referral.to_unit)

    @admin.display(description=gettext_lazy("referred by"))
    def author(self, referral: Referral) -> str:
        return access_changes.name_accounts([referral.referred_by]) if referral.referred_by else _("Former officer")

    @admin.display(description=gettext_lazy("referred"), ordering="referred_at")
    def day(self, referral: Referral) -> str:
        return date_format(localtime(referral.referred_at), "DATE_FORMAT")

    @admin.display(description=gettext_lazy("received"))
    def received(self, referral: Referral) -> str:
        if referral.received_at is None:
            return _("Not yet")
        day = date_format(localtime(referral.received_at), "DATE_FORMAT")
        name = access_changes.name_accounts([referral.received_by]) if referral.received_by else _("Former officer")
        return _("%(name)s, %(day)s") % {"name": name, "day": day}

    @admin.action(description=gettext_lazy("Take tips back"), permissions=["view"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Referral]) -> None:
        assert isinstance(request.user, Account)
        chosen = list(queryset.values_list("pk", flat=True))
        returned_count = sum(referrals.take_back(pk, request.user) is not None for pk in chosen)
        if returned_count:
            sentence = ngettext("%(count)s tip is back.", "%(count)s tips are back.", returned_count)
            self.message_user(request, sentence % {"count": returned_count}, messages.SUCCESS)
        if late_count := len(chosen) - returned_count:
            sentence = ngettext(
                "%(count)s tip stays where it is, because an officer there has opened it. Ask them to refer it back.",
                "%(count)s tips stay where they are, because officers there have opened them. Ask them to refer them back.",
                late_count,
            )
            self.message_user(request, sentence % {"count": late_count}, messages.WARNING)

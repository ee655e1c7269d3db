"""Pages of consent: requests to decide, one request with what exactly changes, resets of sign-in, and appointments from the server."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.accounts import account_changes, appointments, consent
from core.accounts.consent import ConsentRefusedError, Kind
from core.agency import pictures
from core.models import Account, AuditEntry, ConsentRequest, SupervisorAppointment
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff import tip_access

_HISTORY_LINES = 10
_LATEST_DECISIONS = 20


class RefusalForm(forms.Form):
    answer = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The person who asked gets it by email."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def list_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages, below the list of accounts."""
    return [
        path("requests/", site.admin_view(list_view), name="core_account_requests"),
        path("requests/<int:pk>/", site.admin_view(request_view), name="core_account_request"),
        path("<int:pk>/reset/", site.admin_view(reset_view), name="core_account_reset"),
        path("appointments/<int:pk>/", site.admin_view(appointment_view), name="core_account_appointment"),
    ]


def ask(
    request: HttpRequest,
    kind: ConsentRequest.Kind,
    account: Account | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Ask for consent, and say on the next page what happens now."""
    assert isinstance(request.user, Account)
    try:
        asked = consent.ask(kind, request.user, account=account, details=details)
    except ConsentRefusedError as refused:
        messages.error(request, str(refused))
        return
    names = ", ".join(consent.name_account(decider) for decider in consent.list_deciders(asked))
    sentence = (
        _("Not changed yet: this needs consent. We asked %(names)s.") % {"names": names}
        if names
        else _("Not changed yet: this needs the consent of another supervisor, and there is none.")
    )
    messages.warning(request, f"{sentence} {' '.join(consent.describe_changes(asked))}")


def list_view(request: HttpRequest) -> HttpResponse:
    """List the requests: to decide, one's own, others, and the latest decisions."""
    by = _require_manager(request)
    is_open = ConsentRequest.objects.open().select_related("account", "asked_by")
    to_decide = {each.pk for each in consent.list_open(by)}
    decided = ConsentRequest.objects.exclude(decided_by=None).select_related("account", "asked_by", "decided_by")
    context = {
        "title": _("Requests for consent"),
        "to_decide": [_describe(each) for each in is_open if each.pk in to_decide],
        "waiting": [_describe(each) for each in is_open if each.pk not in to_decide],
        "decided": [_describe(each) for each in decided.order_by("-decided_at")[:_LATEST_DECISIONS]],
        "is_alone": consent.is_alone(by),
    }
    return _respond(request, "requests", context)


@require_fresh_factor_for_posts
def request_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show exactly what would change, and allow, refuse or withdraw it."""
    by = _require_manager(request)
    asked = ConsentRequest.objects.filter(pk=pk).select_related("account", "asked_by", "decided_by").first()
    if asked is None:
        raise Http404
    form = RefusalForm(request.POST if "refuse" in request.POST else None)
    status = 200
    if request.method == "POST":
        try:
            if done := _decide(request, asked, by, form):
                messages.success(request, done)
                return HttpResponseRedirect(reverse("admin:core_account_requests"))
            status = 422
        except ConsentRefusedError as refused:
            messages.error(request, str(refused))
            status = 409
        asked.refresh_from_db()
    refusal = consent.explain_refused_decision(asked, by)
    context = {
        "title": _("Request: %(subject)s") % {"subject": consent.describe_subject(asked)},
        "asked": _describe(asked),
        "account": asked.account,
        "roles": ", ".join(sorted(group.name for group in asked.account.groups.all())) if asked.account else "",
        "history": _list_history(asked),
        "new_domain": consent.find_new_domain(asked),
        "pictures": _list_pictures(asked),
        "refusal": refusal,
        "may_withdraw": asked.is_open and asked.asked_by_id == by.pk,
        "is_alone": asked.asked_by_id == by.pk,
        "version": consent.compute_version(asked),
        "form": form,
        "has_errors": form.is_bound and not form.is_valid(),
    }
    return _respond(request, "request", context, status=status)


@require_fresh_factor_for_posts
def reset_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer to reset the password or the second factor of another person's account."""
    by = _require_manager(request)
    account = Account.objects.filter(pk=pk).first()
    if account is None:
        raise Http404
    refusal = tip_access.explain_refused_sign_in_change(by, account)
    if not account.is_active:
        refusal = _("This account is turned off. Turn it on first.")
    elif not account.email:
        refusal = _("This account has no email address, so we can't mail a link. Enter one first.")
    elif account.pk == by.pk:
        refusal = _("This is your own account. Change your password and your second factors on your own page.")
    kinds = {Kind.PASSWORD.value: Kind.PASSWORD, Kind.FACTOR.value: Kind.FACTOR}
    if request.method == "POST" and not refusal:
        kind = kinds.get(request.POST.get("kind", ""))
        if kind is None:
            messages.error(request, _("Choose what to reset."))
        elif consent.needs_consent(kind, account):
            ask(request, kind, account)
        else:
            consent.reset_alone(account, by)
            messages.success(request, _("The old password no longer works. We mail a link to set a new one."))
        return HttpResponseRedirect(reverse("admin:core_account_change", args=[account.pk]))
    context = {
        "title": _("Reset sign-in: %(name)s") % {"name": consent.name_account(account)},
        "account": account,
        "refusal": refusal,
        "opens_tips": tip_access.opens_tips(account),
    }
    return _respond(request, "reset", context)


@require_fresh_factor_for_posts
@require_POST
def appointment_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm that a supervisor has seen an appointment from the server, or object to one that waits."""
    by = request.user
    if not isinstance(by, Account) or not tip_access.is_supervisor(by):
        raise PermissionDenied
    appointment = SupervisorAppointment.objects.filter(pk=pk).first()
    if appointment is None:
        raise Http404
    if "object" not in request.POST:
        appointments.acknowledge(appointment, by)
    elif appointments.object_to(appointment, by):
        messages.success(request, _("Stopped. All staff get an email about it."))
    else:
        messages.error(request, _("Too late: this was carried out, stopped, or has expired."))
    return HttpResponseRedirect(reverse("admin:index"))


def _decide(request: HttpRequest, asked: ConsentRequest, by: Account, form: RefusalForm) -> str:
    """Carry the pressed button out. Return the sentence that says so, "" if the reason is missing."""
    if "give" in request.POST:
        consent.give(asked, by, request.POST.get("version", ""))
        return _("Allowed, and done. All supervisors get an email about it.")
    if "withdraw" in request.POST:
        consent.withdraw(asked, by)
        return _("Withdrawn. Nothing was changed.")
    if not form.is_valid():
        return ""
    consent.refuse(asked, by, form.cleaned_data["answer"])
    return _("Refused. Nothing was changed, and the person who asked gets your reason by email.")


def _list_pictures(asked: ConsentRequest) -> list[tuple[str | Promise, str, str]]:
    """Return the label, the digest and the extension of each picture that residents would see."""
    if asked.kind != Kind.AGENCY:
        return []
    names = [name for name in pictures.NAMES if name in asked.details]
    return [(pictures.NAMES[name], asked.details[name][1], pictures.EXTENSIONS[name]) for name in names]


def _describe(asked: ConsentRequest) -> dict[str, Any]:
    return {
        "request": asked,
        "subject": consent.describe_subject(asked),
        "changes": consent.describe_changes(asked),
        "asker": consent.name_account(asked.asked_by),
        "decider": consent.name_account(asked.decided_by) if asked.decided_by else "",
    }


def _list_history(asked: ConsentRequest) -> list[AuditEntry]:
    """Return the latest lines of the audit trail about the account, newest first, also under the names it had before."""
    subjects: set[str] = set()
    found = {consent.describe_subject(asked)}
    while found - subjects:
        subjects |= found
        renamed = AuditEntry.objects.filter(subject__in=subjects, action=account_changes.RENAMED)
        old_names = renamed.values_list("detail", flat=True)
        found = {f"account {detail.removeprefix(account_changes.OLD_NAME)}" for detail in old_names}
    return list(AuditEntry.objects.filter(subject__in=subjects).order_by("-id")[:_HISTORY_LINES])


def _require_manager(request: HttpRequest) -> Account:
    by = request.user
    if not isinstance(by, Account) or not by.has_perm("core.change_account"):
        raise PermissionDenied
    return by


def _respond(request: HttpRequest, page: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return TemplateResponse(
        request, f"admin/core/{page}.html", {**admin.site.each_context(request), **context}, status=status
    )

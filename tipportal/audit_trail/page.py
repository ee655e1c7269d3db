"""The page of the audit trail in the admin: filter, lines, proof that nothing was changed, searches, export."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import audit
from core.audit import head_mails, proof
from core.models import Account, AuditEntry
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff.admin_site import ReadOnlyAdmin
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from tipportal.audit_trail import csv_export, search_counts, seen_lists, visible_lines
from tipportal.audit_trail.filter_form import TrailFilterForm
from tipportal.audit_trail.search_details import SearchDetails

EXPORTED = "exported"
SUBJECT = "audit trail"
# A turn of the walk, well below the time after which people think that nothing happens.
_TURN_SECONDS = 1.5
# A walk that nobody has continued for so long was given up.
_ABANDONED = dt.timedelta(minutes=10)


class SeenListForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why do you open it?"),
        widget=forms.TextInput({"class": "vTextField", "maxlength": seen_lists.MAX_REASON}),
        help_text=gettext_lazy("Your reason is sealed in the audit trail. Supervisors can read it."),
        error_messages={"required": gettext_lazy("Write why you open the list.")},
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if not seen_lists.fits(reason):
            raise ValidationError(_("This is too long. Write it in fewer words."))
        return reason


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Read only, for everybody; a database trigger refuses the rest too. Lines have no pages: their numbers would show gaps."""

    def get_urls(self) -> list[URLPattern]:
        views: dict[str, tuple[Callable[..., HttpResponseBase], str]] = {
            "": (require_safe(self.list_view), "core_auditentry_changelist"),
            "export/": (require_POST(self.export_view), "core_auditentry_export"),
            "check/": (require_POST(self.check_view), "core_auditentry_check"),
        }
        list_view = keep_post_through_sign_in(
            self.admin_site, require_http_methods(["GET", "POST"])(self.seen_list_view)
        )
        seen_list = path("lists/<int:list_id>/", list_view, name="core_auditentry_list")
        return [
            seen_list,
            *(path(route, self.admin_site.admin_view(view), name=name) for route, (view, name) in views.items()),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        account = self._require_reader(request)
        form = TrailFilterForm(request.GET, account)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Audit trail"),
            "form": form,
            "suggested_accounts": Account.objects.order_by("username").values_list("username", flat=True),
            "proof": _proof_context(),
            "search_details": SearchDetails(account),
            "reads_tips": visible_lines.reads_tips(account),
            "searches": search_counts.count_searches() if visible_lines.reads_tips(account) else [],
        }
        if form.is_valid():
            page = visible_lines.read_page(
                account,
                form.to_filter(),
                before=_read_time(request, "before"),
                after=_read_time(request, "after"),
            )
            context |= {"page": page, "filters": _keep_filters(request, form), **_page_addresses(request, form, page)}
        return TemplateResponse(request, "admin/core/audit_trail.html", context, status=200 if form.is_valid() else 422)

    @require_fresh_factor_for_posts
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        account = self._require_reader(request)
        form = TrailFilterForm(request.POST, account)
        if not form.is_valid():
            messages.error(
                request, _("The filter has a mistake, so nothing was exported. Correct it, then export again.")
            )
            return HttpResponseRedirect(_list_address(request.POST, form))
        with transaction.atomic(durable=True):
            audit.record(account, EXPORTED, SUBJECT, form.describe())
        lines = visible_lines.find_lines(account, form.to_filter())
        response = StreamingHttpResponse(csv_export.stream_csv(lines), content_type="text/csv; charset=utf-8")
        name = f"audit-trail-{timezone.localdate():%Y-%m-%d}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @require_fresh_factor_for_posts
    def seen_list_view(self, request: HttpRequest, list_id: int) -> HttpResponse:
        """Ask for a reason (GET), then open the list of the lines that an officer was shown during a shift (POST)."""
        supervisor = self._require_reader(request)
        if not visible_lines.reads_tips(supervisor):
            raise PermissionDenied
        shown = seen_lists.find_ended(list_id)
        if shown is None:
            messages.warning(request, _("There is no such list, or its shift isn't over. It can be opened then."))
            return HttpResponseRedirect(reverse("admin:core_auditentry_changelist"))
        form = SeenListForm(request.POST or None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("What an officer saw"),
            "shown": shown,
            "form": form,
            "is_unchanged": seen_lists.is_unchanged(shown),
        }
        if request.method == "POST" and not is_resumed(request) and form.is_valid():
            context["tips"] = seen_lists.open_list(shown, supervisor, form.cleaned_data["reason"])
            context["is_open"] = True
        return TemplateResponse(request, "admin/core/seen_list.html", context, status=422 if form.errors else 200)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Begin a walk from the first line on, or go on with it for a moment. The page then asks for the next turn."""
        self._require_reader(request)
        if "begin" in request.POST:
            proof.begin_walk()
        proof.continue_walk(_TURN_SECONDS)
        return HttpResponseRedirect(reverse("admin:core_auditentry_changelist") + "#proof")

    def _require_reader(self, request: HttpRequest) -> Account:
        if not isinstance(request.user, Account) or not self.has_view_permission(request):
            raise PermissionDenied
        return request.user


def _proof_context() -> dict[str, Any]:
    """Prove what is new, and return what the page says about the proof."""
    proven = proof.prove_new_lines()
    began_at = proven.walk_began_at
    unchanged = AuditEntry.objects.filter(pk__lt=proven.broken or 0).order_by("-pk")
    return {
        "proven": proven,
        "is_walking": began_at is not None and began_at > timezone.now() - _ABANDONED,
        "percent": proof.measure_progress(proven),
        "unchanged_until": unchanged.values_list("at", flat=True).first(),
        "is_overdue": proof.is_overdue(proven),
        "head_address": settings.AUDIT_HEAD_EMAIL,
        "head_day": head_mails.last_mailed_day(),
    }


def _read_time(request: HttpRequest, name: str) -> dt.datetime | None:
    try:
        time = parse_datetime(request.GET.get(name, ""))
    except ValueError:
        return None
    return time if time is not None and timezone.is_aware(time) else None


def _keep_filters(request: HttpRequest, form: TrailFilterForm) -> list[tuple[str, str]]:
    return [(name, value) for name in form.fields if (value := request.GET.get(name, "").strip())]


def _list_address(data: Any, form: TrailFilterForm) -> str:
    kept = {name: value for name in form.fields if (value := data.get(name, ""))}
    return f"{reverse('admin:core_auditentry_changelist')}?{urlencode(kept)}"


def _page_addresses(request: HttpRequest, form: TrailFilterForm, page: visible_lines.TrailPage) -> dict[str, str]:
    """Return the queries of the pages beside this one, "" where there is none."""
    kept = _keep_filters(request, form)

    def query(**cursor: str) -> str:
        return "?" + urlencode([*kept, *cursor.items()])

    return {
        "newest_query": query() if page.newer else "",
        "newer_query": query(after=page.lines[0].at.isoformat()) if page.newer and page.lines else "",
        "older_query": query(before=page.lines[-1].at.isoformat()) if page.older and page.lines else "",
    }

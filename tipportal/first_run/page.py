"""The page of the checklist, which administrators reach at any time."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.models import Account
from core.staff import tip_access
from tipportal.first_run import checklist


@require_http_methods(["GET", "HEAD", "POST"])
def checklist_view(request: HttpRequest) -> HttpResponse:
    """Show the steps; send a test mail or confirm a step."""
    by = request.user
    if not isinstance(by, Account) or not tip_access.is_administrator(by):
        raise PermissionDenied
    if request.method == "POST":
        _carry_out(request, by)
        return HttpResponseRedirect(request.path)
    steps = checklist.list_steps(by)
    context = {
        **admin.site.each_context(request),
        "title": _("First steps"),
        "steps": steps,
        "done": sum(step.is_done for step in steps),
    }
    return TemplateResponse(request, "admin/core/first_run.html", context)


def _carry_out(request: HttpRequest, by: Account) -> None:
    step = request.POST.get("step", "")
    if step == "duty":
        if checklist.send_test_mail(by):
            messages.success(request, _("A test email to your own address is on its way."))
        else:
            messages.error(request, _("Your account has no email address. Enter one first, in your account."))
    elif step in checklist.CONFIRMABLE:
        checklist.confirm(step, by)
        messages.success(request, _("Noted. The audit trail has your name with it."))
    else:
        messages.error(request, _("Nothing was done: this step is unknown."))

"""The page on which an officer starts a tip for a caller or a visitor, and the page that opens the residents' form with its mark.

Starting is a post, since it is counted (tips/callers/form_counts.py). Its answer is a page of the new tab, which posts the mark to the
residents' host: at once by script, by its button without script. So the mark is in no address, and this page's policy keeps the host
of the staff side from the residents' one.
"""

from __future__ import annotations

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.models import Account
from tips.admin import desk_page
from tips.callers import form_counts, marks
from tips.callers.routes import TipRoute
from tips.desk import permissions

_ROUTES = {route.slug: route for route in (TipRoute.PHONE, TipRoute.COUNTER)}
# The same path on the residents' host, which may serve it under another URLconf (tips/urls.py, "caller_form").
FORM_PATH = "/tips/for-a-caller/"
_TOO_MANY = 429


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [path("for-a-caller/", site.admin_view(require_http_methods(["GET", "POST"])(start)), name="tips_caller")]


@csp_update({"form-action": [SELF, settings.PORTAL_URL]})
def start(request: HttpRequest) -> HttpResponse:
    """Show what to say to a caller (GET), or open a form for one (POST)."""
    permissions.require(permissions.can_act(request.user))
    route = _ROUTES.get(request.POST.get("route", ""))
    if route is None:
        return _respond(request, "admin/tips/desk/caller.html")
    officer = request.user
    assert isinstance(officer, Account)
    try:
        form_counts.count_form(officer)
    except form_counts.TooManyFormsError:
        return _respond(request, "admin/tips/desk/caller.html", status=_TOO_MANY, too_many=form_counts.MOST_A_DAY)
    address = settings.PORTAL_URL + FORM_PATH
    response = _respond(request, "admin/tips/desk/caller_form.html", mark=marks.make(route), address=address)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _respond(request: HttpRequest, template: str, status: int = 200, **context: object) -> HttpResponse:
    frame = desk_page.frame_context(request, QueryDict(), has_rows=False)
    shown = {**admin.site.each_context(request), **frame, "title": _("Take a tip for someone"), **context}
    return TemplateResponse(request, template, shown, status=status)

"""The page of the agency's own pictures: its crest, and the picture of the home page.

A picture can carry a telephone number or a web address, which nobody reads out of it by rule. So what residents see is chosen with a
supervisor's consent, as the other settings that could be turned against sources; taking a picture away needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from core import audit
from core.admin import consents
from core.agency import changes, current_settings, text_rules
from core.agency.pictures import CREST, HOME, NAMES
from core.models import Account, ConsentRequest
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from outreach.admin.forms import PictureFileForm, PictureForm
from outreach.content import pictures
from outreach.models import Picture, PictureFile

Purpose, PictureState = Picture.Purpose, Picture.PictureState
_PURPOSES = {CREST: Purpose.CREST, HOME: Purpose.HOME}
_PAGE, _MOST_LISTED = "admin:outreach_picture_agency", 6
_INTROS: dict[str, str | Promise] = {
    CREST: gettext_lazy(
        "It stands next to your name on every page, on light and on dark ground, and small: 44 by 48 pixels. A PNG or WebP with a"
        " transparent background looks best."
    ),
    HOME: gettext_lazy(
        "It lies behind the head of the home page on wide screens, in the shape of two to one. Phones leave it out, so that the page"
        " stays light. Without it, the page shows the streets of your base map."
    ),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that was uploaded. `digest`: of its file, "" until it is rebuilt; `sentence`: its state in words."""

    picture: Picture
    digest: str
    extension: str
    sentence: str
    is_shown: bool
    is_asked: bool


def list_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages, below the list of pictures."""
    add = keep_post_through_sign_in(site, require_http_methods(["GET", "HEAD", "POST"])(add_view))
    page = require_http_methods(["GET", "HEAD", "POST"])(agency_pictures_view)
    return [
        path("agency/", site.admin_view(page), name="outreach_picture_agency"),
        *(path(f"agency/add/{name}/", add, {"name": name}, _name_add_page(name)) for name in _PURPOSES),
        path("agency/file/<slug:digest>.<slug:form>", site.admin_view(file_view), name="outreach_picture_agency_file"),
    ]


@require_fresh_factor_for_posts
def agency_pictures_view(request: HttpRequest) -> HttpResponse:
    """Show both pictures and what was uploaded; ask for consent to a picture, or take one away."""
    by = _require_manager(request)
    if request.method == "POST":
        if request.POST.get("remove") in _PURPOSES:
            _remove(request, by, request.POST["remove"])
        else:
            _ask(request, request.POST.get("use", ""))
        return HttpResponseRedirect(reverse(_PAGE))
    stored = changes.read_stored()
    waiting = list(ConsentRequest.objects.open().filter(kind=ConsentRequest.Kind.AGENCY))
    sections = []
    for name in _PURPOSES:
        asked = next((each for each in waiting if name in each.details), None)
        wanted = asked.details[name][1] if asked else None
        sections.append(
            {
                "name": name,
                "title": NAMES[name],
                "intro": _INTROS[name],
                "add_address": reverse(f"admin:{_name_add_page(name)}"),
                "request": asked,
                "shown": stored.get(name),
                "candidates": _list_candidates(name, stored.get(name), wanted),
            }
        )
    context = {
        **admin.site.each_context(request),
        "title": _("Crest and pictures"),
        "sections": sections,
        "agency_now": current_settings.current(),
    }
    return TemplateResponse(request, "admin/outreach/pictures/agency.html", context)


def add_view(request: HttpRequest, name: str) -> HttpResponse:
    """Take a picture for the media worker. Nothing is shown to residents yet."""
    by = _require_manager(request)
    form_class: type[forms.Form] = PictureForm if name == HOME else PictureFileForm
    form = form_class(request.POST or None, request.FILES or None)
    if request.method == "POST" and not is_resumed(request) and form.is_valid() and _add(form, name, by):
        messages.success(request, _("Uploaded. We rebuild it now. Load this page again in a few seconds."))
        return HttpResponseRedirect(reverse(_PAGE))
    context = {
        **admin.site.each_context(request),
        "title": _("Upload: %(name)s") % {"name": NAMES[name]},
        "intro": _INTROS[name],
        "form": form,
    }
    return TemplateResponse(
        request, "admin/outreach/pictures/agency_add.html", context, status=422 if form.errors else 200
    )


@require_safe
def file_view(request: HttpRequest, digest: str, form: str) -> HttpResponse:
    """Send a rebuilt file of the agency's own pictures, whether or not the settings name it."""
    _require_manager(request)
    files = PictureFile.objects.filter(digest=digest, format=form, picture__purpose__in=_PURPOSES.values())
    file = files.only("content").first()
    if file is None:
        raise Http404
    response = HttpResponse(bytes(file.content), content_type=PictureFile.Format(form).label)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _name_add_page(name: str) -> str:
    return f"outreach_picture_agency_add_{name}"


def _list_candidates(name: str, shown: str | None, asked: str | None) -> list[Candidate]:
    """Return the newest pictures, and an older one that is shown or asked for."""
    found = []
    for place, picture in enumerate(Picture.all_purposes.filter(purpose=_PURPOSES[name])):
        file = picture.variants[0] if picture.state == PictureState.READY else {"digest": "", "format": ""}
        is_shown, is_asked = (bool(digest) and digest == file["digest"] for digest in (shown, asked))
        if place < _MOST_LISTED or is_shown or is_asked:
            sentence = pictures.refusal_sentence(picture.reason) if picture.state == PictureState.REFUSED else ""
            found.append(Candidate(picture, file["digest"], file["format"], sentence, is_shown, is_asked))
    return found


def _add(form: forms.Form, name: str, by: Account) -> bool:
    """Store the picture of a valid form. If it or its words are refused, add the reason to the form."""
    data = form.cleaned_data
    for field in {"alt", "credit"} & data.keys():
        try:
            text_rules.check_name(data[field])
        except ValidationError as error:
            form.add_error(field, error)
            return False
    alt, credit = data.get("alt") or str(NAMES[name]), data.get("credit") or current_settings.current().name
    try:
        picture = pictures.accept_upload(data["sent"], alt, credit, by, _PURPOSES[name])
    except pictures.PictureRefusedError as error:
        form.add_error("sent", str(error))
        return False
    audit.record(by, "added picture", f"picture {picture.pk}", name)
    return True


def _ask(request: HttpRequest, pk: str) -> None:
    """Ask for consent to show a picture."""
    wanted = Picture.all_purposes.filter(pk=pk, state=PictureState.READY).first() if pk.isdecimal() else None
    name = next((name for name, purpose in _PURPOSES.items() if wanted and wanted.purpose == purpose), None)
    if wanted is None or name is None:
        messages.error(request, _("Nothing was asked for: this picture isn't ready, or is gone."))
        return
    old, new = changes.read_stored().get(name), wanted.variants[0]["digest"]
    if old == new:
        messages.info(request, _("Nothing was changed."))
        return
    consents.ask(request, ConsentRequest.Kind.AGENCY, details={name: [old, new]})


def _remove(request: HttpRequest, by: Account, name: str) -> None:
    old = changes.read_stored().get(name)
    if old is None:
        messages.info(request, _("Nothing was changed."))
        return
    try:
        changes.store(by, {name: (old, None)})
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    messages.success(request, _("It is no longer shown. Pages follow within seconds."))


def _require_manager(request: HttpRequest) -> Account:
    by = request.user
    if not isinstance(by, Account) or not by.has_perm("core.change_account"):
        raise PermissionDenied
    return by

"""Admin pages of pictures: added here or at a story, rebuilt by the media worker, shown to staff before publication."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account
from core.staff.folded_search import FoldedSearch
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from outreach.admin import agency_pictures
from outreach.admin.forms import PictureForm
from outreach.content import pictures
from outreach.models import Picture, PictureFile

FILE_URL = "/admin/outreach/picture/file/"
State = Picture.PictureState


def render_thumbnail(picture: Picture) -> SafeString:
    """Render the narrowest JPEG, or the picture's state in words."""
    narrowest = next((each for each in picture.variants if each["format"] == "jpg"), None)
    if picture.state != State.READY or narrowest is None:
        sentence = (
            pictures.refusal_sentence(picture.reason) if picture.state == State.REFUSED else picture.get_state_display()
        )
        return format_html('<span class="muted">{}</span>', sentence)
    return format_html(
        '<img class="thumb" src="{}{}.jpg" alt="{}" width="{}" height="{}" loading="lazy">',
        FILE_URL, narrowest["digest"], picture.alt, narrowest["width"], narrowest["height"],
    )  # fmt: skip


@admin.register(Picture)
class PictureAdmin(FoldedSearch):
    list_display = ("thumbnail", "alt", "credit", "state", "code", "added_at")
    list_display_links = ("alt",)
    list_filter = ("state",)
    search_fields = ("alt", "credit", "=id")
    show_facets = admin.ShowFacets.NEVER
    fields = ("thumbnail", "alt", "credit", "code")
    readonly_fields = ("thumbnail", "code")
    change_list_template = "admin/outreach/pictures/list.html"
    change_form_template = "admin/outreach/pictures/change.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Forbid deletion: any version of any story may refer to the picture."""
        return False

    def get_urls(self) -> list[URLPattern]:
        return [
            path("add/", keep_post_through_sign_in(self.admin_site, self.add_view), name="outreach_picture_add"),
            path(
                "file/<slug:digest>.<slug:form>",
                self.admin_site.admin_view(self.file_view),
                name="outreach_picture_file",
            ),
            *agency_pictures.list_urls(self.admin_site),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, picture: Picture) -> SafeString:
        return render_thumbnail(picture)

    @admin.display(description=gettext_lazy("in texts"))
    def code(self, picture: Picture) -> SafeString:
        return format_html("<code>![](picture:{})</code>", picture.pk)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        if not self.has_add_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        form = PictureForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and not is_resumed(request) and form.is_valid() and add_picture(form, request.user):
            self.message_user(request, _("The picture is saved. It'll be ready in a moment."))
            return HttpResponseRedirect(reverse("admin:outreach_picture_changelist"))
        title = _("Add a picture")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "form": form, "title": title}
        return TemplateResponse(
            request, "admin/outreach/pictures/add.html", context, status=422 if form.errors else 200
        )

    def save_model(self, request: HttpRequest, obj: Picture, form: Any, change: bool) -> None:  # noqa: ARG002
        obj.save(update_fields=["alt", "credit"])
        if form.changed_data and isinstance(request.user, Account):
            audit.record(request.user, "changed picture", f"picture {obj.pk}", ", ".join(form.changed_data))

    def file_view(self, request: HttpRequest, digest: str, form: str) -> HttpResponse:
        """Serve a rebuilt file, whether or not anything published refers to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        file = PictureFile.objects.filter(digest=digest, format=form).first()
        if file is None:
            raise Http404
        response = HttpResponse(bytes(file.content), content_type=PictureFile.Format(form).label)
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def add_picture(form: PictureForm, by: Account) -> Picture | None:
    """Store the picture of a valid form. If it is refused, return None and add the reason to the form."""
    data = form.cleaned_data
    try:
        picture = pictures.accept_upload(data["sent"], data["alt"], data["credit"], by)
    except pictures.PictureRefusedError as error:
        form.add_error("sent", str(error))
        return None
    audit.record(by, "added picture", f"picture {picture.pk}")
    return picture

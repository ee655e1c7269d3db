"""Admin pages of guides. A save is public at once if the guide is shown."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from core.models import Account
from core.plain_text import clean_published_line, clean_published_text
from core.staff.folded_search import FoldedSearch
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from outreach import guides
from outreach.admin import story_page, wording
from outreach.content import links, markdown, wrapped_links
from outreach.models import Guide, GuideRevision
from outreach.stories import texts


class GuideForm(forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, initial=0)

    class Meta:
        model = Guide
        fields = guides.FIELDS
        widgets = {
            "summary": forms.Textarea({"rows": 3}),
            "body": forms.Textarea({"rows": 22, "data-markdown": ""}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].help_text = _(
            "You can use **bold**, ## Heading, [link](/map/), - list and ![](picture:12)."
        )
        if self.instance.pk:
            self.initial["version"] = self.instance.version
            self.fields["slug"].disabled = self.instance.shown  # the address is public

    def clean_title(self) -> str:
        return clean_published_line(self.cleaned_data["title"])

    def clean_summary(self) -> str:
        return clean_published_line(self.cleaned_data["summary"])

    def clean_body(self) -> str:
        body = clean_published_text(self.cleaned_data["body"])
        try:
            markdown.find_references(body)
        except markdown.TextTooComplexError as error:
            raise ValidationError(str(error)) from None
        return body

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in guides.FIELDS}


@admin.register(Guide)
class GuideAdmin(FoldedSearch):
    list_display = ("title", "place", "order", "shown", "updated_on")
    list_filter = ("shown",)
    search_fields = ("title", "summary")
    show_facets = admin.ShowFacets.NEVER
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Forbid deletion: a deleted starter guide would return with the next start. Guides are hidden instead."""
        return False

    def get_urls(self) -> list[URLPattern]:
        def route_to(route: str, view: Any, name: str) -> URLPattern:
            return path(route, keep_post_through_sign_in(self.admin_site, view), name=f"outreach_guide_{name}")

        return [
            route_to("", self.changelist_view, "changelist"),
            route_to("add/", self.guide_view, "add"),
            route_to("<int:pk>/change/", self.guide_view, "change"),
            route_to("<int:pk>/version/<int:revision>/", self.version_view, "version"),
        ]

    def _authorize(self, request: HttpRequest, pk: int | None) -> tuple[Guide | None, Account]:
        """Return the guide, None for a new one, and the account. Raises Http404 and PermissionDenied."""
        guide = Guide.objects.filter(pk=pk or 0).first()
        if pk is not None and guide is None:
            raise Http404
        is_permitted = (
            self.has_view_permission(request) if request.method == "GET" and pk else self.has_change_permission(request)
        )
        if not is_permitted or not isinstance(request.user, Account):
            raise PermissionDenied
        return guide, request.user

    def guide_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        guide, by = self._authorize(request, pk)
        data = request.POST.copy()
        if "_plain_links" in data:
            data["body"] = wrapped_links.unwrap_links(data.get("body", ""))
        form = GuideForm(data or None, instance=guide)
        # The form writes its input into its own instance; the page compares that with the stored row.
        stored = Guide.objects.filter(pk=pk or 0).first()
        context: dict[str, Any] = {"preview": None, "sentence": "", "conflict": [], "status": 200}
        if request.method == "POST":
            valid = form.is_valid()
            if is_resumed(request):
                context["sentence"] = wording.signed_in_again_sentence()
            elif "_preview" in data or "_plain_links" in data:
                context["preview"] = story_page.render_preview(data.get("body", ""))
            elif valid and (done := self._save(request, stored, by, form, context)):
                return done
            elif not valid:
                context["status"] = 422
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": stored.title if stored else _("New guide"),
            "guide": stored,
            "form": form,
            "wrapped_links": wrapped_links.find_wrapped_links(str(form["body"].value() or "")),
            "may_change": self.has_change_permission(request),
            "revisions": list(stored.revisions.select_related("by").defer("snapshot")[:50]) if stored else [],
            "has_errors": context["status"] >= 400 or bool(context["sentence"]),
        }
        return TemplateResponse(request, "admin/outreach/guides/guide.html", context, status=context["status"])

    def _save(
        self, request: HttpRequest, guide: Guide | None, by: Account, form: GuideForm, context: dict[str, Any]
    ) -> HttpResponse | None:
        try:
            if guide is None:
                saved = guides.create_guide(by, form.values())
            else:
                saved = guides.save_guide(guide.pk, by, form.values(), form.cleaned_data["version"])
        except guides.StaleGuideError as stale:
            form.data = cast(QueryDict, form.data).copy()
            form.data["version"] = str(stale.guide.version)
            context["conflict"] = compare_snapshots(guides.take_snapshot(stale.guide), form.values())
            context["status"] = 409
            return None
        messages.success(
            request, _("The guide is saved. Residents can read it now.") if saved.shown else _("The guide is saved.")
        )
        for problem in links.find_broken_links(markdown.find_references(saved.body).links):
            messages.warning(request, problem)
        return HttpResponseRedirect(reverse("admin:outreach_guide_change", args=[saved.pk]))

    def version_view(self, request: HttpRequest, pk: int, revision: int) -> HttpResponse:
        """Compare an earlier version with the present guide, and restore it."""
        guide, by = self._authorize(request, pk)
        earlier = GuideRevision.objects.filter(guide=pk, pk=revision).select_related("by").first()
        if guide is None or earlier is None:
            raise Http404
        sentence = wording.signed_in_again_sentence() if is_resumed(request) else ""
        if request.method == "POST" and not sentence:
            note = _("Restored from version %(number)s") % {"number": earlier.number}
            values = guides.take_snapshot(guide) | {
                name: earlier.snapshot[name] for name in guides.FIELDS if name in earlier.snapshot
            }
            try:
                guides.save_guide(pk, by, values | {"slug": guide.slug}, int(request.POST.get("version") or 0), note)
            except (guides.StaleGuideError, ValueError):
                sentence = _("The guide changed after you opened this page. Check the differences again.")
            else:
                messages.success(request, _("The earlier version is restored."))
                return HttpResponseRedirect(reverse("admin:outreach_guide_change", args=[pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Version %(number)s of %(guide)s") % {"number": earlier.number, "guide": guide.title},
            "guide": guide,
            "revision": earlier,
            "differences": compare_snapshots(earlier.snapshot, guides.take_snapshot(guide)),
            "text": story_page.render_preview(str(earlier.snapshot.get("body", ""))),
            "sentence": sentence,
            "may_restore": self.has_change_permission(request),
        }
        return TemplateResponse(request, "admin/outreach/guides/version.html", context, status=409 if sentence else 200)


def compare_snapshots(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, list[texts.DiffPiece]]]:
    """Return (label, differences) for each field that differs between two snapshots."""
    fields: dict[str, Any] = {name: Guide._meta.get_field(name) for name in guides.FIELDS}
    labels = {name: str(field.verbose_name).capitalize() for name, field in fields.items()}
    changes = [(label, str(before.get(name, "")), str(after.get(name, ""))) for name, label in labels.items()]
    return [(label, texts.diff_texts(old, new)) for label, old, new in changes if old != new]

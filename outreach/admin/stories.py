"""Stories in the admin: the list, and the views of one story (story_page.py, story_action_page.py)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.staff.folded_search import FoldedSearch
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from outreach.admin import story_action_page, story_page, wording
from outreach.content import markdown, pasted_html
from outreach.models import Status, Story
from outreach.stories import previews, texts, workflow


class StoryStatusFilter(admin.SimpleListFilter):
    """Filters by status. By default withdrawn stories are left out."""

    title = gettext_lazy("state")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [*((value, str(label)) for value, label in Status.choices), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": _("All except withdrawn")}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Story]) -> QuerySet[Story]:  # noqa: ARG002
        if self.value() is None:
            return queryset.exclude(status=Status.WITHDRAWN)
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


class TagFilter(admin.RelatedFieldListFilter):
    """Filters by tag, with a word for "no tag" where Django has a dash."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty_value_display = SafeString(_("None"))


@admin.register(Story)
class StoryAdmin(FoldedSearch):
    list_display = ("title", "state", "category", "author_name", "edited_at", "planned")
    list_filter = (StoryStatusFilter, "category", ("tags", TagFilter))
    list_select_related = ("author",)
    list_per_page = 50
    search_fields = ("title", "summary", "slug")
    search_help_text = gettext_lazy("Words in the title or summary")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/outreach/stories/list.html"
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Forbid deletion: stories are withdrawn, drafts put away."""
        return False

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Story]:
        return super().get_queryset(request).defer("body")

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state(self, story: Story) -> SafeString:
        chip = wording.STATUS_CHIPS[Status(story.status)]
        return format_html('<span class="chip {}">{}</span>', chip, story.get_status_display())

    @admin.display(description=gettext_lazy("author"), ordering="author__username")
    def author_name(self, story: Story) -> str:
        return str(story.author.get_full_name() or story.author.get_username())

    @admin.display(description=gettext_lazy("scheduled for"), ordering="publish_at")
    def planned(self, story: Story) -> str:
        return wording.format_moment(story.publish_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Stories"), **(extra_context or {})})

    # One story

    def get_urls(self) -> list[URLPattern]:
        def route_to(route: str, view: Any, name: str) -> URLPattern:
            return path(route, keep_post_through_sign_in(self.admin_site, view), name=f"outreach_story_{name}")

        return [
            route_to("", self.changelist_view, "changelist"),
            route_to("add/", self.story_view, "add"),
            route_to("preview/", self.preview_view, "preview"),
            route_to("paste/", self.paste_view, "paste"),
            route_to("<int:pk>/change/", self.story_view, "change"),
            route_to("<int:pk>/step/<slug:name>/", self.step_view, "step"),
            route_to("<int:pk>/version/<int:revision>/", self.version_view, "version"),
            route_to("<int:pk>/links/", self.links_view, "links"),
        ]

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def story_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        context = self._context(request)
        return story_page.respond(request, None if pk is None else story_page.get_story_or_404(pk), context)

    def step_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        return story_action_page.respond(request, pk, name, self._context(request))

    def version_view(self, request: HttpRequest, pk: int, revision: int) -> HttpResponse:
        """Compare an earlier text with the present one, and restore it."""
        context, story = self._context(request), story_page.get_story_or_404(pk)
        earlier, by = story_page.get_revision_or_404(story, revision), request.user
        assert isinstance(by, Account)
        sentence = wording.signed_in_again_sentence() if is_resumed(request) else ""
        if request.method == "POST" and not sentence:
            try:
                workflow.restore_revision(pk, by, earlier, int(request.POST.get("version") or 0))
            except (workflow.StaleStoryError, ValueError):
                sentence = _("The text changed after you opened this page. Check the differences again.")
            except workflow.StoryActionRefusedError as error:
                sentence = str(error)
            else:
                messages.success(request, _("The earlier text is restored."))
                return HttpResponseRedirect(reverse("admin:outreach_story_change", args=[pk]))
        context |= {
            "title": _("Version %(number)s of %(story)s") % {"number": earlier.number, "story": story.title},
            "story": story,
            "revision": earlier,
            "differences": story_page.compare_snapshots(earlier.snapshot, texts.take_snapshot(story)),
            "text": story_page.render_preview(str(earlier.snapshot.get("body", ""))),
            "sentence": sentence,
            "may_restore": workflow.actor_for(by).can_write and story.status != Status.WITHDRAWN,
        }
        return TemplateResponse(
            request, "admin/outreach/stories/version.html", context, status=409 if sentence else 200
        )

    def links_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a preview link, which only this one response shows, or revoke one."""
        context, story, by = self._context(request), story_page.get_story_or_404(pk), request.user
        assert isinstance(by, Account)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not workflow.actor_for(by).can_write:
            raise PermissionDenied
        if is_resumed(request):
            return story_page.respond_with_unsent(request, story, context)
        if (number := request.POST.get("revoke", "")).isdecimal():
            previews.revoke_link(story, int(number), by)
            messages.success(request, _("The link is turned off and no longer works."))
            return story_page.respond_with_unsent(request, story, context)
        link, token = previews.create_link(story, by)
        address = f"{settings.PORTAL_URL}/stories/preview/{token}/"
        context |= {"title": _("Preview link"), "story": story, "address": address, "expires": link.expires_at}
        return TemplateResponse(request, "admin/outreach/stories/preview_link.html", context)

    # For the script

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        self._context(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return HttpResponse(story_page.render_preview(request.POST.get("body", "")))

    def paste_view(self, request: HttpRequest) -> HttpResponse:
        """Convert pasted HTML to Markdown."""
        self._context(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            html = request.POST.get("html", "")
            pasted = pasted_html.convert_to_markdown(html)
            return JsonResponse({"markdown": pasted, "losses": " ".join(pasted_html.find_losses(html))})
        except markdown.TextTooComplexError as error:
            return JsonResponse({"problem": str(error)}, status=413)

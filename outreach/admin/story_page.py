"""A story's page: its state, the next steps, the editor or the text, comments and history.

On an edit conflict the editor sees both texts and chooses; the losing text is kept beside the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.staff.session_resume import is_resumed
from outreach.admin import wording
from outreach.admin.forms import CommentForm, PictureForm, StoryForm, initial_values
from outreach.admin.pictures import FILE_URL, add_picture, render_thumbnail
from outreach.content import markdown, pictures, wrapped_links
from outreach.models import Picture, ReviewComment, Status, Story, StoryRevision
from outreach.stories import checks, publication, share_links, texts, workflow, workflow_rules
from outreach.stories.texts import DiffPiece, StoryValues
from outreach.stories.workflow_rules import StoryAction

TEMPLATE = "admin/outreach/stories/story.html"
_RECENT_PICTURES = 12


@dataclass(slots=True)
class StoryPageState:
    """The outcome of a POST that is shown on the page: forms with input, a problem, a preview, an edit conflict."""

    story: Story | None = None  # as saved by this POST
    form: StoryForm | None = None
    picture: PictureForm | None = None
    comment: CommentForm | None = None
    sentence: str = ""
    preview: SafeString | None = None
    conflict: list[tuple[str, list[DiffPiece]]] = field(default_factory=list)
    conflict_with: str = ""
    status: int = 200


def respond(request: HttpRequest, story: Story | None, context: dict[str, Any]) -> HttpResponse:
    """Respond to a GET or POST of a story's page. `story` is None for a new story."""
    by = request.user
    assert isinstance(by, Account)
    actor = workflow.actor_for(by)
    if story is None and not actor.can_write:
        raise PermissionDenied
    if request.method != "POST":
        return _render_page(request, story, StoryPageState(), context)
    result = _handle_post(request, story, by)
    return result if isinstance(result, HttpResponse) else _render_page(request, result.story or story, result, context)


def _handle_post(request: HttpRequest, story: Story | None, by: Account) -> HttpResponse | StoryPageState:
    if story is not None and "_comment" in request.POST:
        return _add_comment(request, story, by)
    if story is not None and "_settle" in request.POST:
        if not workflow.actor_for(by).can_write or not request.POST["_settle"].isdecimal():
            raise PermissionDenied
        if not is_resumed(request):
            _settle_comment(story, by, int(request.POST["_settle"]))
        return _show_unsent(request, story, _unsent_comment(request), "comments")
    if not workflow.actor_for(by).can_write:
        raise PermissionDenied
    return _handle_edit(request, story, by)


def _add_comment(request: HttpRequest, story: Story, by: Account) -> HttpResponse | StoryPageState:
    form = CommentForm(request.POST)
    actor = workflow.actor_for(by)
    if not (actor.can_write or actor.can_approve):
        raise PermissionDenied
    if is_resumed(request) or not form.is_valid():
        return _show_unsent(request, story, form, "comments")
    with transaction.atomic():
        ReviewComment.objects.create(story=story, version=story.version, by=by, text=form.cleaned_data["comment"])
        audit.record(by, "commented on story", f"story {story.slug}", f"version {story.version}")
    messages.success(request, _("Your comment is saved."))
    return _show_unsent(request, story, None, "comments")


@transaction.atomic
def _settle_comment(story: Story, by: Account, comment_id: int) -> None:
    if ReviewComment.objects.filter(story=story, pk=comment_id, settled=False).update(settled=True):
        audit.record(by, "settled a comment on story", f"story {story.slug}")


def _unsent_comment(request: HttpRequest) -> CommentForm | None:
    """Return the form with a comment that was typed while another button was pressed, or None."""
    text = request.POST.get("comment", "")
    return CommentForm(initial={"comment": text}) if text.strip() else None


def respond_with_unsent(request: HttpRequest, story: Story, context: dict[str, Any]) -> HttpResponse:
    """Respond to a button of the links, carried out elsewhere, and keep what is typed on the page."""
    result = _show_unsent(request, story, _unsent_comment(request), "links")
    return result if isinstance(result, HttpResponse) else _render_page(request, story, result, context)


def _show_unsent(
    request: HttpRequest, story: Story, comment: CommentForm | None, section: str
) -> HttpResponse | StoryPageState:
    """Answer a button beside the editor: with the text that is typed and not saved, or else by a redirect to its section."""
    page = StoryPageState(comment=comment, status=422 if comment and comment.errors else 200)
    if is_resumed(request):
        page.sentence = wording.signed_in_again_sentence()
    if "title" in request.POST:
        form = _bind_form(request.POST, story)
        if not form.is_valid() or not texts.is_unchanged(story, form.values()):
            page.form = form
            page.sentence = page.sentence or _("The text of the story isn't saved yet. Press Save to save it.")
    if page.form or comment or page.sentence:
        return page
    return HttpResponseRedirect(reverse("admin:outreach_story_change", args=[story.pk]) + f"#{section}")


def _bind_form(data: QueryDict, story: Story | None) -> StoryForm:
    has_fixed_slug = story is not None and publication.was_published(story)
    initial = {"slug": story.slug} if story is not None and has_fixed_slug else None
    return StoryForm(data, story=story, fixed_slug=has_fixed_slug, initial=initial)


def _handle_edit(request: HttpRequest, story: Story | None, by: Account) -> HttpResponse | StoryPageState:
    """Save the form, or show it again with its errors. The input is never lost."""
    data = request.POST.copy()
    if "_plain_links" in data:
        data["body"] = wrapped_links.unwrap_links(data.get("body", ""))
    picture = PictureForm(request.POST, request.FILES) if "_add_picture" in request.POST else None
    added = None
    if picture is not None and not is_resumed(request) and picture.is_valid() and (added := add_picture(picture, by)):
        data["body"] = _insert_picture(data.get("body", ""), data.get("caret", ""), added)
        picture = None
    form = _bind_form(data, story)
    is_valid = form.is_valid()
    page = StoryPageState(form=form, picture=picture, status=200 if is_valid and picture is None else 422)
    page.comment = _unsent_comment(request)
    if is_resumed(request):
        page.sentence, page.status = wording.signed_in_again_sentence(), 200
    elif "_preview" in request.POST or "_plain_links" in request.POST:
        page.preview, page.status = render_preview(data.get("body", "")), 200
    elif page.status == 200:
        return _save(request, story, by, form, added)
    return page


def _save(
    request: HttpRequest, story: Story | None, by: Account, form: StoryForm, added: Picture | None
) -> HttpResponse | StoryPageState:
    try:
        saved = _create_or_save(story, by, form)
    except workflow.StaleStoryError as stale:
        page = _keep_conflicting_text(stale.story, by, form)
        page.comment = _unsent_comment(request)
        return page
    except workflow.StoryActionRefusedError as error:
        return StoryPageState(form=form, comment=_unsent_comment(request), sentence=str(error), status=409)
    return _redirect_after_save(request, saved, added)


def _create_or_save(story: Story | None, by: Account, form: StoryForm) -> Story:
    if story is None:
        return workflow.create_story(by, form.values())
    return workflow.save_text(story.pk, by, form.values(), form.cleaned_data["version"])


def _redirect_after_save(request: HttpRequest, story: Story, added: Picture | None) -> HttpResponse | StoryPageState:
    if added is not None:
        messages.success(
            request, _("The story is saved with the picture in its text. The picture will be ready in a moment.")
        )
    elif "_submit" not in request.POST:
        messages.success(request, _("The story is saved."))
    for problem in checks.find_problems(story):
        messages.warning(request, problem)
    if comment := _unsent_comment(request):
        sentence = _("Your comment isn't added yet. Press “Add comment” to add it.")
        return StoryPageState(story=get_story_or_404(story.pk), comment=comment, sentence=sentence)
    if "_submit" in request.POST:
        return HttpResponseRedirect(reverse("admin:outreach_story_step", args=[story.pk, StoryAction.SUBMIT]))
    return HttpResponseRedirect(reverse("admin:outreach_story_change", args=[story.pk]))


def _insert_picture(body: str, caret: str, picture: Picture) -> str:
    """Insert the picture as a paragraph after the caret's paragraph, or at the end."""
    body = body.replace("\r\n", "\n")
    end = body.find("\n\n", int(caret)) if caret.isdecimal() and int(caret) < len(body) else -1
    before, after = (body[:end], body[end:]) if end >= 0 else (body.rstrip(), "\n")
    return f"{before}\n\n![](picture:{picture.pk}){after}".lstrip("\n")


def _keep_conflicting_text(story: Story, by: Account, form: StoryForm) -> StoryPageState:
    mine, theirs = form.values(), texts.take_snapshot(story)
    workflow.set_text_aside(story.pk, by, mine, form.cleaned_data["version"])
    form.data = cast(QueryDict, form.data).copy()
    form.data["version"] = str(story.version)
    name = story.edited_by.get_full_name() or story.edited_by.get_username()
    return StoryPageState(
        form=form, conflict=compare_snapshots(theirs, texts.snapshot_of_values(mine)), conflict_with=name, status=409
    )


def compare_snapshots(before: StoryValues, after: StoryValues) -> list[tuple[str, list[DiffPiece]]]:
    """Return (label, differences) for each field that differs between two snapshots."""
    fields_before, fields_after = wording.label_fields(before), wording.label_fields(after)
    return [
        (label, texts.diff_texts(fields_before[label], fields_after[label]))
        for label in fields_after
        if fields_before[label] != fields_after[label]
    ]


def render_preview(body: str) -> SafeString:
    """Render a text as residents would read it, with pictures that staff may see, or a sentence if it is too complex."""
    try:
        return markdown.render(body, pictures.load_ready_pictures(texts.find_picture_ids(body), FILE_URL))
    except markdown.TextTooComplexError as error:
        return SafeString(escape(str(error)))


# The page


def _render_page(
    request: HttpRequest, story: Story | None, page: StoryPageState, context: dict[str, Any]
) -> HttpResponse:
    by = request.user
    assert isinstance(by, Account)
    actor = workflow.actor_for(by)
    is_editing = actor.can_write and (
        story is None or page.form is not None or story.status == Status.DRAFT or "edit" in request.GET
    )
    if is_editing and story is not None and story.status == Status.WITHDRAWN:
        is_editing = False
    form = (page.form or _new_form(story)) if is_editing else None
    context |= {
        "title": story.title if story else _("New story"),
        "story": story,
        "page": page,
        "editing": is_editing,
        "form": form,
        "wrapped_links": wrapped_links.find_wrapped_links(_body_of(form, story)),
        "picture_form": (page.picture or PictureForm()) if is_editing else None,
        "recent": _recent_pictures() if is_editing else [],
        "has_errors": bool(page.sentence or page.status >= 400),
    }
    if story is not None:
        context |= _story_context(story, actor)
        context["comment_form"] = page.comment or CommentForm()
        if not is_editing:
            context["text"] = render_preview(story.body)
    return TemplateResponse(request, TEMPLATE, context, status=page.status)


def _body_of(form: StoryForm | None, story: Story | None) -> str:
    if form is not None:
        return str(form["body"].value() or "")
    return story.body if story else ""


def _new_form(story: Story | None) -> StoryForm:
    if story is None:
        return StoryForm(initial={"version": 0})
    initial = initial_values(texts.take_snapshot(story)) | {"version": story.version}
    return StoryForm(initial=initial, story=story, fixed_slug=publication.was_published(story))


def _story_context(story: Story, actor: workflow_rules.Actor) -> Mapping[str, Any]:
    state = workflow.read_state(story)
    offered = workflow_rules.offered_actions(state, actor, self_approval=workflow.is_self_approval_allowed())
    steps = [action for action in offered if action is not StoryAction.EDIT]
    return {
        "state": wording.state_sentence(story, state),
        "chip": wording.STATUS_CHIPS[Status(story.status)],
        "live": state.is_live,
        "address": share_links.absolute_url(f"/stories/{story.slug}/"),
        "steps": [(action, wording.button_label(action, state)) for action in steps],
        "may_edit": StoryAction.EDIT in offered,
        "waits_for": wording.missing_button_sentence(story, state, steps),
        "problems": state.problems if story.status in (Status.DRAFT, Status.IN_REVIEW) else (),
        "revealing_passages": checks.find_revealing_passages(
            [story.title, story.summary, story.body, story.quote, story.you_said, story.we_did]
        ),
        "facts": wording.label_facts(texts.take_snapshot(story)),
        "comments": list(story.comments.select_related("by")),
        "revisions": list(story.revisions.select_related("by").defer("snapshot")[:50]),
        "happened": [(step, wording.step_sentence(step)) for step in story.steps.select_related("by")[:50]],
        "links": list(story.preview_links.select_related("made_by")),
        "may_comment": actor.can_write or actor.can_approve,
        "may_write": actor.can_write,
    }


def _recent_pictures() -> list[tuple[Picture, SafeString]]:
    newest = Picture.objects.exclude(state=Picture.PictureState.REFUSED)[:_RECENT_PICTURES]
    return [(picture, render_thumbnail(picture)) for picture in newest]


def get_story_or_404(pk: int) -> Story:
    story = Story.objects.select_related("author", "edited_by", "approved_by", "lead").filter(pk=pk).first()
    if story is None:
        raise Http404
    return story


def get_revision_or_404(story: Story, pk: int) -> StoryRevision:
    revision = StoryRevision.objects.filter(story=story, pk=pk).select_related("by").first()
    if revision is None:
        raise Http404
    return revision

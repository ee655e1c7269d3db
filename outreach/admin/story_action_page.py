"""The page before each action on a story: what will happen, the questions to answer, and the button."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.staff.session_resume import is_resumed
from outreach.admin import story_page, wording
from outreach.admin.forms import ChecksForm, CorrectionForm, CorrectionTimeForm, StoryReasonForm, TimeForm
from outreach.content import wrapped_links
from outreach.models import ReviewComment, Story
from outreach.stories import checks, workflow, workflow_rules
from outreach.stories.workflow_rules import ActionDetails, StoryAction, StoryState

TEMPLATE = "admin/outreach/stories/step.html"
_SUCCESS_MESSAGES = {
    StoryAction.SUBMIT: gettext_lazy("The story is in review."),
    StoryAction.ASK_CHANGES: gettext_lazy("The story is a draft again. Its author can see your comment."),
    StoryAction.APPROVE: gettext_lazy("The story is approved."),
    StoryAction.SCHEDULE: gettext_lazy("The story is scheduled."),
    StoryAction.UNSCHEDULE: gettext_lazy("The story is no longer scheduled."),
    StoryAction.PUBLISH: gettext_lazy("The story is published."),
    StoryAction.WITHDRAW: gettext_lazy("The story is withdrawn."),
    StoryAction.REOPEN: gettext_lazy("The story is a draft again."),
}


def _form_class(action: StoryAction, state: StoryState) -> type[forms.Form]:
    if action in (StoryAction.SUBMIT, StoryAction.APPROVE):
        return ChecksForm
    if action is StoryAction.SCHEDULE:
        return CorrectionTimeForm if state.is_live else TimeForm
    if action is StoryAction.PUBLISH:
        return CorrectionForm if state.is_live else forms.Form
    return StoryReasonForm if action in (StoryAction.ASK_CHANGES, StoryAction.WITHDRAW) else forms.Form


def respond(request: HttpRequest, pk: int, name: str, context: dict[str, Any]) -> HttpResponse:
    """Respond to a GET or POST of a step's page."""
    by = request.user
    assert isinstance(by, Account)
    if name not in _SUCCESS_MESSAGES:
        raise Http404
    action, story = StoryAction(name), story_page.get_story_or_404(pk)
    state = workflow.read_state(story)
    form = _form_class(action, state)(request.POST or None, initial=_initial_values(action, story))
    sentence, status = "", 200
    if request.method == "POST" and is_resumed(request):
        sentence = wording.signed_in_again_sentence()
    elif request.method == "POST":
        if form.is_valid():
            refusal = _perform(action, story, by, form, request.POST.get("version", ""))
            if refusal is None:
                messages.success(request, str(_SUCCESS_MESSAGES[action]))
                return HttpResponseRedirect(reverse("admin:outreach_story_change", args=[pk]))
            sentence, status = refusal, 409
        else:
            status = 422
    elif action not in workflow_rules.offered_actions(
        state, workflow.actor_for(by), self_approval=workflow.is_self_approval_allowed()
    ):
        raise PermissionDenied
    label = wording.button_label(action, state)
    context |= {
        "title": f"{label}: {story.title}",
        "story": story,
        "action": action,
        "form": form,
        "button": label,
        "explained": wording.action_explanation(action, state),
        "sentence": sentence,
        "problems": state.problems if action in (StoryAction.SUBMIT, StoryAction.APPROVE) else (),
        "revealing_passages": checks.find_revealing_passages([story.title, story.summary, story.body, story.quote]),
        "wrapped_links": wrapped_links.find_wrapped_links(story.body),
        "zone": f"{timezone.localtime():%Z}" if action is StoryAction.SCHEDULE else "",
        "text": story_page.render_preview(story.body) if action is StoryAction.APPROVE else "",
        "open_comments": story.comments.filter(settled=False).count() if action is StoryAction.APPROVE else 0,
        "has_errors": bool(form.is_bound and (form.errors or sentence)),
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)


def _initial_values(action: StoryAction, story: Story) -> dict[str, Any]:
    return {"at": story.publish_at, "note": story.correction} if action is StoryAction.SCHEDULE else {}


def _perform(action: StoryAction, story: Story, by: Account, form: forms.Form, version: str) -> str | None:
    """Perform the action. If it is refused, add the errors to the form and return the sentence above it."""
    data = form.cleaned_data
    answers = {question.key: data.get(question.key, "") for question in checks.QUESTIONS}
    details = ActionDetails(timezone.now(), answers, data.get("note", ""), data.get("at"))
    try:
        workflow.perform(action, story.pk, by, int(version) if version.isdecimal() else 0, details)
    except workflow.StaleStoryError:
        return _("The text changed after you opened this page. Read it again first.")
    except workflow.StoryActionRefusedError as error:
        for name, sentence in error.field_errors.items():
            form.add_error(name, sentence)
        # A field's own error is not repeated above the form; for the checks there is a summary sentence.
        return str(error) if not error.field_errors or action in (StoryAction.SUBMIT, StoryAction.APPROVE) else ""
    if action is StoryAction.ASK_CHANGES:
        ReviewComment.objects.create(story=story, version=story.version, by=by, text=data["note"])
    return None

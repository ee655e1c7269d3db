"""The workflow of stories: every action in every state, and the rows it writes."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from core.staff import groups
from outreach.models import (
    Correction,
    PublishedStory,
    Status,
    Story,
    StoryCheck,
    StoryRevision,
    StoryStep,
    Withdrawal,
)
from outreach.stories import checks, publication, scheduled_publication, search, texts, workflow, workflow_rules
from outreach.stories.workflow import StaleStoryError, StoryActionRefusedError
from outreach.stories.workflow_rules import CLOCK, ActionDetails, Actor, StoryAction, StoryState, decide
from tests.outreach import desk
from tests.outreach.desk import PASSING_ANSWERS, create_account, perform, story_values
from tests.tips.desk.officers import read_audit_trail

NOW = dt.datetime(2026, 5, 12, 15, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
WRITER = Actor(1, can_write=True, can_approve=True, can_withdraw=True)
SECOND = Actor(2, can_write=True, can_approve=True, can_withdraw=True)
FULL = ActionDetails(NOW, PASSING_ANSWERS, "A reason", LATER)
S = Status

# The target state of each action from each state, if all conditions are met. Other combinations are forbidden.
ALLOWED = {
    StoryAction.EDIT: dict.fromkeys([S.DRAFT, S.IN_REVIEW, S.APPROVED, S.SCHEDULED, S.PUBLISHED, S.CORRECTED], S.DRAFT),
    StoryAction.SUBMIT: {S.DRAFT: S.IN_REVIEW},
    StoryAction.ASK_CHANGES: dict.fromkeys([S.IN_REVIEW, S.APPROVED, S.SCHEDULED], S.DRAFT),
    StoryAction.APPROVE: {S.IN_REVIEW: S.APPROVED},
    StoryAction.SCHEDULE: {S.APPROVED: S.SCHEDULED, S.SCHEDULED: S.SCHEDULED},
    StoryAction.UNSCHEDULE: {S.SCHEDULED: S.APPROVED},
    StoryAction.PUBLISH: {S.APPROVED: S.PUBLISHED, S.SCHEDULED: S.PUBLISHED},
    StoryAction.WITHDRAW: dict.fromkeys(
        [S.DRAFT, S.IN_REVIEW, S.APPROVED, S.SCHEDULED, S.PUBLISHED, S.CORRECTED], S.WITHDRAWN
    ),
    StoryAction.REOPEN: {S.WITHDRAWN: S.DRAFT},
}


def state_in(status: Status = S.DRAFT, **facts: object) -> StoryState:
    return StoryState(status, **({"writer_ids": frozenset({1})} | facts))  # type: ignore[arg-type]


def decide_as(
    action: StoryAction, state: StoryState, actor: Actor = SECOND, details: ActionDetails = FULL, own: bool = False
):
    return decide(action, state, actor, details, self_approval=own)


class TestRule:
    @pytest.mark.parametrize("action", list(StoryAction))
    def test_each_action_leads_from_each_state_to_its_target_or_is_refused(self, action: StoryAction) -> None:
        for status in Status:
            verdict = decide_as(action, state_in(status))
            assert verdict.new_status == ALLOWED[action].get(status), status
            assert bool(verdict.reason) == (verdict.new_status is None), status
            assert (action in workflow_rules.offered_actions(state_in(status), SECOND, self_approval=False)) == (
                verdict.new_status is not None
            ), status

    @pytest.mark.parametrize("action", list(StoryAction))
    def test_the_clock_may_only_publish_due_stories(self, action: StoryAction) -> None:
        for status in Status:
            due = state_in(status, publish_at=NOW)
            expected = S.PUBLISHED if (action, status) == (StoryAction.PUBLISH, S.SCHEDULED) else None
            assert decide_as(action, due, CLOCK).new_status == expected, status
            early = state_in(status, publish_at=NOW + dt.timedelta(microseconds=1))
            assert decide_as(action, early, CLOCK).new_status is None, status

    @pytest.mark.parametrize("action", list(StoryAction))
    def test_an_actor_without_permissions_may_do_nothing(self, action: StoryAction) -> None:
        assert all(decide_as(action, state_in(status), Actor(3)).new_status is None for status in Status)

    @pytest.mark.parametrize(
        ("actor", "actions"),
        [
            (Actor(3, can_write=True), set(StoryAction) - {StoryAction.APPROVE, StoryAction.WITHDRAW}),
            (
                Actor(3, can_approve=True),
                {
                    StoryAction.APPROVE,
                    StoryAction.ASK_CHANGES,
                    StoryAction.SCHEDULE,
                    StoryAction.UNSCHEDULE,
                    StoryAction.PUBLISH,
                },
            ),
            (Actor(3, can_withdraw=True), {StoryAction.WITHDRAW}),
        ],
    )
    def test_each_permission_allows_its_actions_and_no_other(self, actor: Actor, actions: set[StoryAction]) -> None:
        possible = {
            action
            for action in StoryAction
            for status in Status
            if decide_as(action, state_in(status), actor).new_status
        }
        assert possible == actions

    def test_writers_cannot_approve_their_own_text_unless_the_agency_allows_it(self) -> None:
        review = state_in(S.IN_REVIEW)
        assert decide_as(StoryAction.APPROVE, review, WRITER).new_status is None
        assert StoryAction.APPROVE not in workflow_rules.offered_actions(review, WRITER, self_approval=False)
        assert decide_as(StoryAction.APPROVE, review, WRITER, own=True).new_status is S.APPROVED
        assert (
            decide_as(StoryAction.APPROVE, review, WRITER, ActionDetails(NOW), own=True).new_status is None
        )  # the checks must be answered again

    @pytest.mark.parametrize("question", checks.QUESTIONS, ids=lambda question: question.key)
    @pytest.mark.parametrize(("action", "status"), [(StoryAction.SUBMIT, S.DRAFT), (StoryAction.APPROVE, S.IN_REVIEW)])
    def test_each_check_must_have_a_passing_answer(self, action, status, question) -> None:
        for answer in question.answers:
            verdict = decide_as(
                action, state_in(status), details=ActionDetails(NOW, PASSING_ANSWERS | {question.key: answer.key})
            )
            assert (verdict.new_status is None) == bool(answer.refusal)
            assert set(verdict.field_errors) == ({question.key} if answer.refusal else set())
        for missing in ("", "nonsense"):
            assert (
                decide_as(
                    action, state_in(status), details=ActionDetails(NOW, PASSING_ANSWERS | {question.key: missing})
                ).new_status
                is None
            )

    def test_problems_found_by_the_program_stop_the_story(self) -> None:
        for action, status in ((StoryAction.SUBMIT, S.DRAFT), (StoryAction.APPROVE, S.IN_REVIEW)):
            verdict = decide_as(action, state_in(status, problems=("There is no picture 3.",)))
            assert (verdict.new_status, verdict.reason) == (None, "There is no picture 3.")

    def test_a_publication_time_in_the_past_or_too_far_ahead_is_refused(self) -> None:
        def about(at: dt.datetime | None) -> str:
            return decide_as(
                StoryAction.SCHEDULE, state_in(S.APPROVED), details=ActionDetails(NOW, publish_at=at)
            ).field_errors.get("at", "")

        assert "is in the past" in about(NOW)
        assert "is in the past" in about(NOW - dt.timedelta(days=400))
        assert "more than a year" in about(NOW + dt.timedelta(days=367))
        assert "Choose a day" in about(None)
        assert about(NOW + dt.timedelta(minutes=1)) == ""

    def test_a_live_story_changes_only_with_a_correction(self) -> None:
        for action, status in ((StoryAction.PUBLISH, S.APPROVED), (StoryAction.SCHEDULE, S.APPROVED)):
            assert (
                "note"
                in decide_as(
                    action, state_in(status, is_live=True), details=ActionDetails(NOW, publish_at=LATER, note="  ")
                ).field_errors
            )
        assert decide_as(StoryAction.PUBLISH, state_in(S.APPROVED, is_live=True)).new_status is S.CORRECTED

    @pytest.mark.parametrize(
        ("action", "status"), [(StoryAction.ASK_CHANGES, S.IN_REVIEW), (StoryAction.WITHDRAW, S.PUBLISHED)]
    )
    def test_sending_back_and_withdrawing_need_a_reason(self, action: StoryAction, status: Status) -> None:
        assert set(decide_as(action, state_in(status), details=ActionDetails(NOW, note=" ")).field_errors) == {"note"}


@pytest.mark.django_db
class TestPerforming:
    def test_every_step_of_a_story_is_recorded(self) -> None:
        author, second = create_account(), create_account("vance", groups.ADMINISTRATOR)
        story = desk.create_published_story(author, second)
        assert story.status == Status.PUBLISHED
        assert story.approved_by == second
        copy = PublishedStory.objects.get()
        assert (copy.slug, copy.body, copy.published_on) == ("lamps", story.body, timezone.localdate())
        actions = list(StoryStep.objects.order_by("pk").values_list("action", "by__username"))
        assert actions == [("create", "marsh"), ("submit", "marsh"), ("approve", "vance"), ("publish", "marsh")]
        assert [line[:3] for line in read_audit_trail()] == [
            ("marsh", "created story", "story lamps"),
            ("marsh", "sent story to review", "story lamps"),
            ("vance", "approved story", "story lamps"),
            ("marsh", "published story", "story lamps"),
        ]
        assert StoryCheck.objects.filter(by=author, action="submit").count() == len(checks.QUESTIONS)
        assert StoryCheck.objects.filter(by=second, action="approve").count() == len(checks.QUESTIONS)

    def test_actions_out_of_order_are_refused(self) -> None:
        author = create_account()
        story = workflow.create_story(author, story_values())
        with pytest.raises(StoryActionRefusedError):
            perform(StoryAction.PUBLISH, story, author)
        with pytest.raises(StoryActionRefusedError):
            perform(StoryAction.APPROVE, story, author)
        story.refresh_from_db()
        assert story.status == Status.DRAFT
        assert not PublishedStory.objects.exists()

    def test_self_approval_is_recorded_in_the_audit_trail(self, settings) -> None:
        settings.OUTREACH_SELF_APPROVAL = True
        author = create_account()
        story = workflow.create_story(author, story_values())
        perform(StoryAction.SUBMIT, story, author)
        perform(StoryAction.APPROVE, story, author)
        assert read_audit_trail()[-1][1] == "approved own story"

    def test_an_editor_of_the_text_cannot_approve_it(self) -> None:
        author, other, third = create_account(), create_account("lee"), create_account("vance", groups.ADMINISTRATOR)
        story = workflow.create_story(author, story_values())
        workflow.save_text(story.pk, other, story_values(body="Other words"), 1)
        perform(StoryAction.SUBMIT, story, author)
        for writer in (author, other):
            with pytest.raises(StoryActionRefusedError):
                perform(StoryAction.APPROVE, story, writer)
        assert perform(StoryAction.APPROVE, story, third).status == Status.APPROVED

    def test_a_change_makes_a_draft_while_the_public_copy_stays(self) -> None:
        author, second = create_account(), create_account("lee")
        story = desk.create_published_story(author, second)
        story = workflow.save_text(story.pk, author, story_values(body="Ten lamps", slug="other"), story.version)
        assert (story.status, story.slug, story.approved_by) == (Status.DRAFT, "lamps", None)
        assert PublishedStory.objects.get().body == story_values()["body"]
        perform(StoryAction.SUBMIT, story, author)
        perform(StoryAction.APPROVE, story, second)
        story = perform(StoryAction.PUBLISH, story, author, note="It was ten lamps, not nine.")
        assert story.status == Status.CORRECTED
        copy = PublishedStory.objects.get()
        assert (copy.body, copy.corrected_on) == ("Ten lamps", timezone.localdate())
        assert search.find_matching_ids("ten lamps") == [copy.pk]
        assert Correction.objects.get().note == "It was ten lamps, not nine."

    def test_the_author_may_approve_a_correction_by_someone_else(self) -> None:
        author, second = create_account(), create_account("lee")
        story = desk.create_published_story(author, second)
        workflow.save_text(story.pk, second, story_values(body="Ten lamps"), story.version)
        perform(StoryAction.SUBMIT, story, second)
        with pytest.raises(StoryActionRefusedError):
            perform(StoryAction.APPROVE, story, second)
        assert perform(StoryAction.APPROVE, story, author).status == Status.APPROVED

    def test_withdrawing_deletes_the_public_text_and_reopening_starts_at_draft(self) -> None:
        author, second = create_account(), create_account("lee")
        story = desk.create_published_story(author, second)
        perform(StoryAction.WITHDRAW, story, author, note="A neighbor asked us to.")
        assert not PublishedStory.objects.exists()
        assert Withdrawal.objects.get().slug == "lamps"
        perform(StoryAction.REOPEN, story, author)
        assert Withdrawal.objects.exists()
        with pytest.raises(StoryActionRefusedError):
            perform(StoryAction.PUBLISH, story, author)
        perform(StoryAction.SUBMIT, story, author)
        with pytest.raises(StoryActionRefusedError):
            perform(StoryAction.APPROVE, story, author)
        perform(StoryAction.APPROVE, story, second)
        perform(StoryAction.PUBLISH, story, author)
        assert PublishedStory.objects.exists()
        assert not Withdrawal.objects.exists()

    def test_a_withdrawn_draft_leaves_no_public_trace(self) -> None:
        author = create_account()
        perform(StoryAction.WITHDRAW, workflow.create_story(author, story_values()), author, note="Not a story")
        assert not Withdrawal.objects.exists()

    def test_tags_and_pictures_are_published_with_the_story(self) -> None:
        picture = desk.create_ready_picture()
        story = desk.create_published_story(create_account(), create_account("lee"), body=f"![](picture:{picture.pk})")
        assert list(story.pictures.all()) == list(PublishedStory.objects.get().pictures.all()) == [picture]

    def test_a_stale_save_changes_nothing_and_is_set_aside_once(self) -> None:
        one, other = create_account(), create_account("lee")
        story = workflow.create_story(one, story_values())
        workflow.save_text(story.pk, other, story_values(body="Of the other"), 1)
        for _ in range(2):
            with pytest.raises(StaleStoryError) as stale:
                workflow.save_text(story.pk, one, story_values(body="Of the one"), 1)
            workflow.set_text_aside(story.pk, one, story_values(body="Of the one"), 1)
        assert stale.value.story.body == "Of the other"
        assert Story.objects.get().body == "Of the other"
        aside = StoryRevision.objects.get(aside=True)
        assert (aside.snapshot["body"], aside.number, aside.by) == ("Of the one", 1, one)
        with pytest.raises(StaleStoryError):
            workflow.perform(StoryAction.SUBMIT, story.pk, one, 1, desk.action_details())
        restored = workflow.restore_revision(story.pk, one, aside, 2)
        assert (restored.body, restored.version) == ("Of the one", 3)

    def test_saving_twice_stores_one_version(self) -> None:
        one = create_account()
        story = workflow.create_story(one, story_values())
        for _ in range(2):
            workflow.save_text(story.pk, one, story_values(body="More"), 1)
        assert list(StoryRevision.objects.values_list("number", flat=True).order_by("number")) == [1, 2]

    def test_accounts_without_permission_write_nothing(self) -> None:
        with pytest.raises(StoryActionRefusedError):
            workflow.create_story(create_account("ola", groups.OFFICER), story_values())
        story = workflow.create_story(create_account(), story_values())
        with pytest.raises(StoryActionRefusedError):
            workflow.save_text(story.pk, create_account("vance", groups.ADMINISTRATOR), story_values(body="x"), 1)


def scheduled(at: dt.datetime) -> Story:
    author, second = create_account(), create_account("lee")
    story = workflow.create_story(author, story_values())
    perform(StoryAction.SUBMIT, story, author)
    perform(StoryAction.APPROVE, story, second)
    return perform(StoryAction.SCHEDULE, story, author, publish_at=at, now=at - dt.timedelta(hours=1))


@pytest.mark.django_db
class TestClock:
    def test_a_scheduled_story_is_published_once_at_its_minute(self) -> None:
        story = scheduled(NOW)
        assert scheduled_publication.publish_due_stories(NOW - dt.timedelta(seconds=1)) == 0
        assert scheduled_publication.publish_due_stories(NOW) == 1
        assert scheduled_publication.publish_due_stories(NOW) == 0
        story.refresh_from_db()
        assert (story.status, story.publish_at) == (Status.PUBLISHED, None)
        assert StoryStep.objects.filter(action=StoryAction.PUBLISH, by=None).count() == 1
        assert PublishedStory.objects.get().published_on == timezone.localdate(NOW)

    def test_scheduled_publication_needs_only_the_bulk_workers_rights(self) -> None:
        scheduled(NOW)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE portal_bulk")
        assert scheduled_publication.publish_due_stories(NOW) == 1
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    def test_a_scheduled_correction_is_published(self) -> None:
        author, second = create_account(), create_account("lee")
        story = desk.create_published_story(author, second)
        workflow.save_text(story.pk, author, story_values(body="Ten"), story.version)
        perform(StoryAction.SUBMIT, story, author)
        perform(StoryAction.APPROVE, story, second)
        perform(
            StoryAction.SCHEDULE, story, author, publish_at=NOW, now=NOW - dt.timedelta(hours=1), note="Ten, not nine."
        )
        assert scheduled_publication.publish_due_stories(NOW) == 1
        assert Correction.objects.get().note == "Ten, not nine."
        assert Story.objects.get().status == Status.CORRECTED

    def test_an_unscheduled_story_is_not_published(self) -> None:
        story = scheduled(NOW)
        perform(StoryAction.UNSCHEDULE, story, story.author)
        assert scheduled_publication.publish_due_stories(NOW) == 0

    def test_a_kill_before_the_commit_publishes_once_afterwards(self, monkeypatch) -> None:
        scheduled(NOW)
        with monkeypatch.context() as broken:
            broken.setattr(workflow.StoryStep.objects, "create", lambda **_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                scheduled_publication.publish_due_stories(NOW)
        assert not PublishedStory.objects.exists()
        assert scheduled_publication.publish_due_stories(NOW) == 1
        assert StoryStep.objects.filter(action=StoryAction.PUBLISH).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_publish_once(monkeypatch) -> None:
    scheduled(NOW)
    inside, go, counts = threading.Event(), threading.Event(), []
    publish = publication.publish

    def slowly(*arguments):
        inside.set()
        assert go.wait(20)
        return publish(*arguments)

    monkeypatch.setattr(publication, "publish", slowly)

    def work() -> None:
        counts.append(scheduled_publication.publish_due_stories(NOW))
        connections.close_all()

    first = threading.Thread(target=work)
    first.start()
    assert inside.wait(20)
    counts.append(scheduled_publication.publish_due_stories(NOW))  # the first has it in hand
    go.set()
    first.join()
    assert sorted(counts) == [0, 1]
    assert StoryStep.objects.filter(action=StoryAction.PUBLISH).count() == 1


class TestDifferences:
    def test_differences_show_removed_and_added_text(self) -> None:
        pieces = texts.diff_texts("One\nNine lamps were lit\nEnd", "One\nTen lamps were lit\nEnd")
        assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
            ("removed", "Nine"),
            ("added", "Ten"),
        ]

    @pytest.mark.parametrize(("before", "after"), [("", "a\nb"), ("a\n\nb", ""), ("x y z", "z y x"), ("a" * 9000, "b")])
    def test_both_texts_can_be_rebuilt_from_the_differences(self, before: str, after: str) -> None:
        pieces = texts.diff_texts(before, after)
        assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
        assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


class TestTelling:
    @pytest.mark.parametrize(
        "said",
        [
            *("14 minutes", "10:42", "at 9:05 pm", "seven minutes", "3 pm", "on March 3", "on Nov. 4th"),
            *("412 Arden Street", "case number 12-331", "(Case 26-004512)", "report JK123456"),
        ],
    )
    def test_revealing_passages_are_found(self, said: str) -> None:
        assert checks.find_revealing_passages([f"They came {said} later."])

    @pytest.mark.parametrize(
        "said", ["within a quarter of an hour", "nine lamps", "22 bicycles", "in May", "in March 2026", "in 3 cases"]
    )
    def test_coarse_passages_are_not_reported(self, said: str) -> None:
        assert not checks.find_revealing_passages([f"They came {said}."])

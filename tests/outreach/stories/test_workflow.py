"""The rule of the desk: every act in every state, and what it writes."""

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
from outreach.stories import checks, publication, texts, workflow
from outreach.stories.workflow import (
    CLOCK,
    ActionDetails,
    Actor,
    StaleStoryError,
    StoryAction,
    StoryActionRefusedError,
    StoryState,
    decide,
)
from tests.outreach import desk
from tests.outreach.desk import GOOD, do, somebody, text
from tests.tips.desk.officers import trail

NOW = dt.datetime(2026, 5, 12, 15, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
WRITER = Actor(1, writes=True, approves=True, withdraws=True)
SECOND = Actor(2, writes=True, approves=True, withdraws=True)
FULL = ActionDetails(NOW, GOOD, "A reason", LATER)
S = Status

# What each act leads to, from each state, when all else is right. What is not here is forbidden.
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


def standing(status: Status = S.DRAFT, **facts: object) -> StoryState:
    return StoryState(status, **({"writers": frozenset({1})} | facts))  # type: ignore[arg-type]


def rule(act: StoryAction, stands: StoryState, person: Actor = SECOND, asked: ActionDetails = FULL, own: bool = False):
    return decide(act, stands, person, asked, self_approval=own)


class TestRule:
    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("act", list(StoryAction))
    def test_each_act_leads_from_each_state_where_it_should_or_nowhere(self, act: StoryAction, status: Status) -> None:
        ruled = rule(act, standing(status))
        assert ruled.to == ALLOWED[act].get(status)
        assert bool(ruled.reason) == (ruled.to is None)
        assert (act in workflow.offered_actions(standing(status), SECOND, self_approval=False)) == (
            ruled.to is not None
        )

    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("act", list(StoryAction))
    def test_the_clock_publishes_what_is_scheduled_and_due_and_does_nothing_else(
        self, act: StoryAction, status: Status
    ) -> None:
        due = standing(status, publish_at=NOW)
        expected = S.PUBLISHED if (act, status) == (StoryAction.PUBLISH, S.SCHEDULED) else None
        assert rule(act, due, CLOCK).to == expected
        early = standing(status, publish_at=NOW + dt.timedelta(microseconds=1))
        assert rule(act, early, CLOCK).to is None

    @pytest.mark.parametrize("act", list(StoryAction))
    def test_who_may_nothing_does_nothing(self, act: StoryAction) -> None:
        assert all(rule(act, standing(status), Actor(3)).to is None for status in Status)

    @pytest.mark.parametrize(
        ("person", "acts"),
        [
            (Actor(3, writes=True), set(StoryAction) - {StoryAction.APPROVE, StoryAction.WITHDRAW}),
            (
                Actor(3, approves=True),
                {
                    StoryAction.APPROVE,
                    StoryAction.ASK_CHANGES,
                    StoryAction.SCHEDULE,
                    StoryAction.UNSCHEDULE,
                    StoryAction.PUBLISH,
                },
            ),
            (Actor(3, withdraws=True), {StoryAction.WITHDRAW}),
        ],
    )
    def test_each_right_opens_its_acts_and_no_other(self, person: Actor, acts: set[StoryAction]) -> None:
        possible = {act for act in StoryAction for status in Status if rule(act, standing(status), person).to}
        assert possible == acts

    def test_nobody_approves_what_they_wrote_unless_the_agency_allows_it(self) -> None:
        review = standing(S.IN_REVIEW)
        assert rule(StoryAction.APPROVE, review, WRITER).to is None
        assert StoryAction.APPROVE not in workflow.offered_actions(review, WRITER, self_approval=False)
        assert rule(StoryAction.APPROVE, review, WRITER, own=True).to is S.APPROVED
        assert (
            rule(StoryAction.APPROVE, review, WRITER, ActionDetails(NOW), own=True).to is None
        )  # the checks are asked again

    @pytest.mark.parametrize("question", checks.QUESTIONS, ids=lambda question: question.key)
    @pytest.mark.parametrize(("act", "status"), [(StoryAction.SUBMIT, S.DRAFT), (StoryAction.APPROVE, S.IN_REVIEW)])
    def test_each_question_must_be_answered_so_that_the_story_can_go_on(self, act, status, question) -> None:
        for answer in question.answers:
            ruled = rule(act, standing(status), asked=ActionDetails(NOW, GOOD | {question.key: answer.key}))
            assert (ruled.to is None) == bool(answer.refusal)
            assert set(ruled.fields) == ({question.key} if answer.refusal else set())
        for missing in ("", "nonsense"):
            assert rule(act, standing(status), asked=ActionDetails(NOW, GOOD | {question.key: missing})).to is None

    def test_what_the_program_found_holds_the_story_up(self) -> None:
        for act, status in ((StoryAction.SUBMIT, S.DRAFT), (StoryAction.APPROVE, S.IN_REVIEW)):
            ruled = rule(act, standing(status, problems=("There is no picture 3.",)))
            assert (ruled.to, ruled.reason) == (None, "There is no picture 3.")

    def test_a_time_that_is_over_or_too_far_gets_a_sentence(self) -> None:
        def about(at: dt.datetime | None) -> str:
            return rule(StoryAction.SCHEDULE, standing(S.APPROVED), asked=ActionDetails(NOW, at=at)).fields.get(
                "at", ""
            )

        assert "is over" in about(NOW)
        assert "is over" in about(NOW - dt.timedelta(days=400))
        assert "more than a year" in about(NOW + dt.timedelta(days=367))
        assert "Choose a day" in about(None)
        assert about(NOW + dt.timedelta(minutes=1)) == ""

    def test_what_residents_have_read_changes_with_a_correction(self) -> None:
        for act, status in ((StoryAction.PUBLISH, S.APPROVED), (StoryAction.SCHEDULE, S.APPROVED)):
            assert (
                "note" in rule(act, standing(status, live=True), asked=ActionDetails(NOW, at=LATER, note="  ")).fields
            )
        assert rule(StoryAction.PUBLISH, standing(S.APPROVED, live=True)).to is S.CORRECTED

    @pytest.mark.parametrize(
        ("act", "status"), [(StoryAction.ASK_CHANGES, S.IN_REVIEW), (StoryAction.WITHDRAW, S.PUBLISHED)]
    )
    def test_sending_back_and_withdrawing_want_a_reason(self, act: StoryAction, status: Status) -> None:
        assert set(rule(act, standing(status), asked=ActionDetails(NOW, note=" ")).fields) == {"note"}


@pytest.mark.django_db
class TestDoing:
    def test_a_storys_whole_way_is_written_down(self) -> None:
        author, second = somebody(), somebody("vance", groups.ADMINISTRATOR)
        story = desk.published(author, second)
        assert story.status == Status.PUBLISHED
        assert story.approved_by == second
        copy = PublishedStory.objects.get()
        assert (copy.slug, copy.body, copy.published_on) == ("lamps", story.body, timezone.localdate())
        acts = list(StoryStep.objects.order_by("pk").values_list("act", "by__username"))
        assert acts == [("create", "marsh"), ("submit", "marsh"), ("approve", "vance"), ("publish", "marsh")]
        assert [line[:3] for line in trail()] == [
            ("marsh", "wrote story", "story lamps"),
            ("marsh", "sent story to review", "story lamps"),
            ("vance", "approved story", "story lamps"),
            ("marsh", "published story", "story lamps"),
        ]
        assert StoryCheck.objects.filter(by=author, act="submit").count() == len(checks.QUESTIONS)
        assert StoryCheck.objects.filter(by=second, act="approve").count() == len(checks.QUESTIONS)

    def test_every_status_is_only_reached_through_the_rule(self) -> None:
        author = somebody()
        story = workflow.create_story(author, text())
        with pytest.raises(StoryActionRefusedError):
            do(StoryAction.PUBLISH, story, author)
        with pytest.raises(StoryActionRefusedError):
            do(StoryAction.APPROVE, story, author)
        story.refresh_from_db()
        assert story.status == Status.DRAFT
        assert not PublishedStory.objects.exists()

    def test_self_approval_is_told_in_the_audit_trail(self, settings) -> None:
        settings.OUTREACH_SELF_APPROVAL = True
        author = somebody()
        story = workflow.create_story(author, text())
        do(StoryAction.SUBMIT, story, author)
        do(StoryAction.APPROVE, story, author)
        assert trail()[-1][1] == "approved own story"

    def test_whoever_changed_the_text_is_no_second_person(self) -> None:
        author, other, third = somebody(), somebody("lee"), somebody("vance", groups.ADMINISTRATOR)
        story = workflow.create_story(author, text())
        workflow.save_text(story.pk, other, text(body="Other words"), 1)
        do(StoryAction.SUBMIT, story, author)
        for writer in (author, other):
            with pytest.raises(StoryActionRefusedError):
                do(StoryAction.APPROVE, story, writer)
        assert do(StoryAction.APPROVE, story, third).status == Status.APPROVED

    def test_a_change_takes_a_story_back_while_residents_read_on(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        story = workflow.save_text(story.pk, author, text(body="Ten lamps", slug="other"), story.version)
        assert (story.status, story.slug, story.approved_by) == (Status.DRAFT, "lamps", None)
        assert PublishedStory.objects.get().body == text()["body"]
        do(StoryAction.SUBMIT, story, author)
        do(StoryAction.APPROVE, story, second)
        story = do(StoryAction.PUBLISH, story, author, note="It was ten lamps, not nine.")
        assert story.status == Status.CORRECTED
        copy = PublishedStory.objects.get()
        assert (copy.body, copy.corrected_on) == ("Ten lamps", timezone.localdate())
        assert Correction.objects.get().note == "It was ten lamps, not nine."

    def test_the_second_person_of_a_correction_may_be_who_wrote_the_story(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        workflow.save_text(story.pk, second, text(body="Ten lamps"), story.version)
        do(StoryAction.SUBMIT, story, second)
        with pytest.raises(StoryActionRefusedError):
            do(StoryAction.APPROVE, story, second)
        assert do(StoryAction.APPROVE, story, author).status == Status.APPROVED

    def test_withdrawing_leaves_no_word_and_the_way_back_is_the_whole_way(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        do(StoryAction.WITHDRAW, story, author, note="A neighbor asked us to.")
        assert not PublishedStory.objects.exists()
        assert Withdrawal.objects.get().slug == "lamps"
        do(StoryAction.REOPEN, story, author)
        assert Withdrawal.objects.exists()
        with pytest.raises(StoryActionRefusedError):
            do(StoryAction.PUBLISH, story, author)
        do(StoryAction.SUBMIT, story, author)
        with pytest.raises(StoryActionRefusedError):
            do(StoryAction.APPROVE, story, author)
        do(StoryAction.APPROVE, story, second)
        do(StoryAction.PUBLISH, story, author)
        assert PublishedStory.objects.exists()
        assert not Withdrawal.objects.exists()

    def test_a_draft_that_is_put_away_leaves_no_trace_outside(self) -> None:
        author = somebody()
        do(StoryAction.WITHDRAW, workflow.create_story(author, text()), author, note="Not a story")
        assert not Withdrawal.objects.exists()

    def test_tags_and_pictures_go_along(self) -> None:
        picture = desk.rebuilt()
        story = desk.published(somebody(), somebody("lee"), body=f"![](picture:{picture.pk})")
        assert list(story.pictures.all()) == list(PublishedStory.objects.get().pictures.all()) == [picture]

    def test_a_stale_save_changes_nothing_and_is_set_aside_once(self) -> None:
        one, other = somebody(), somebody("lee")
        story = workflow.create_story(one, text())
        workflow.save_text(story.pk, other, text(body="Of the other"), 1)
        for _ in range(2):
            with pytest.raises(StaleStoryError) as stale:
                workflow.save_text(story.pk, one, text(body="Of the one"), 1)
            workflow.set_text_aside(story.pk, one, text(body="Of the one"), 1)
        assert stale.value.story.body == "Of the other"
        assert Story.objects.get().body == "Of the other"
        kept = StoryRevision.objects.get(aside=True)
        assert (kept.snapshot["body"], kept.number, kept.by) == ("Of the one", 1, one)
        with pytest.raises(StaleStoryError):
            workflow.perform(StoryAction.SUBMIT, story.pk, one, 1, desk.asked())
        restored = workflow.restore_revision(story.pk, one, kept, 2)
        assert (restored.body, restored.version) == ("Of the one", 3)

    def test_the_same_save_twice_is_one(self) -> None:
        one = somebody()
        story = workflow.create_story(one, text())
        for _ in range(2):
            workflow.save_text(story.pk, one, text(body="More"), 1)
        assert list(StoryRevision.objects.values_list("number", flat=True).order_by("number")) == [1, 2]

    def test_who_may_not_write_writes_nothing(self) -> None:
        with pytest.raises(StoryActionRefusedError):
            workflow.create_story(somebody("ola", groups.OFFICER), text())
        story = workflow.create_story(somebody(), text())
        with pytest.raises(StoryActionRefusedError):
            workflow.save_text(story.pk, somebody("vance", groups.ADMINISTRATOR), text(body="x"), 1)


def scheduled(at: dt.datetime) -> Story:
    author, second = somebody(), somebody("lee")
    story = workflow.create_story(author, text())
    do(StoryAction.SUBMIT, story, author)
    do(StoryAction.APPROVE, story, second)
    return do(StoryAction.SCHEDULE, story, author, at=at, now=at - dt.timedelta(hours=1))


@pytest.mark.django_db
class TestClock:
    def test_publishes_from_the_minute_on_and_once(self) -> None:
        story = scheduled(NOW)
        assert workflow.publish_due_stories(NOW - dt.timedelta(seconds=1)) == 0
        assert workflow.publish_due_stories(NOW) == 1
        assert workflow.publish_due_stories(NOW) == 0
        story.refresh_from_db()
        assert (story.status, story.publish_at) == (Status.PUBLISHED, None)
        assert StoryStep.objects.filter(act=StoryAction.PUBLISH, by=None).count() == 1
        assert PublishedStory.objects.get().published_on == timezone.localdate(NOW)

    def test_has_the_rights_of_the_bulk_worker_alone(self) -> None:
        scheduled(NOW)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE portal_bulk")
        assert workflow.publish_due_stories(NOW) == 1
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    def test_carries_the_correction_that_was_planned(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        workflow.save_text(story.pk, author, text(body="Ten"), story.version)
        do(StoryAction.SUBMIT, story, author)
        do(StoryAction.APPROVE, story, second)
        do(StoryAction.SCHEDULE, story, author, at=NOW, now=NOW - dt.timedelta(hours=1), note="Ten, not nine.")
        assert workflow.publish_due_stories(NOW) == 1
        assert Correction.objects.get().note == "Ten, not nine."
        assert Story.objects.get().status == Status.CORRECTED

    def test_what_was_taken_back_is_not_published(self) -> None:
        story = scheduled(NOW)
        do(StoryAction.UNSCHEDULE, story, story.author)
        assert workflow.publish_due_stories(NOW) == 0

    def test_a_kill_before_the_commit_publishes_once_afterwards(self, monkeypatch) -> None:
        scheduled(NOW)
        with monkeypatch.context() as broken:
            broken.setattr(workflow.StoryStep.objects, "create", lambda **_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                workflow.publish_due_stories(NOW)
        assert not PublishedStory.objects.exists()
        assert workflow.publish_due_stories(NOW) == 1
        assert StoryStep.objects.filter(act=StoryAction.PUBLISH).count() == 1


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
        counts.append(workflow.publish_due_stories(NOW))
        connections.close_all()

    first = threading.Thread(target=work)
    first.start()
    assert inside.wait(20)
    counts.append(workflow.publish_due_stories(NOW))  # the first has it in hand
    go.set()
    first.join()
    assert sorted(counts) == [0, 1]
    assert StoryStep.objects.filter(act=StoryAction.PUBLISH).count() == 1


class TestDifferences:
    def test_say_what_was_taken_out_and_put_in(self) -> None:
        pieces = texts.diff_texts("One\nNine lamps were lit\nEnd", "One\nTen lamps were lit\nEnd")
        assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
            ("removed", "Nine"),
            ("added", "Ten"),
        ]

    @pytest.mark.parametrize(("before", "after"), [("", "a\nb"), ("a\n\nb", ""), ("x y z", "z y x"), ("a" * 9000, "b")])
    def test_both_texts_can_be_read_from_them(self, before: str, after: str) -> None:
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
    def test_what_may_say_too_much_is_pointed_at(self, said: str) -> None:
        assert checks.find_revealing_passages([f"They came {said} later."])

    @pytest.mark.parametrize(
        "said", ["within a quarter of an hour", "nine lamps", "22 bicycles", "in May", "in March 2026", "in 3 cases"]
    )
    def test_what_is_coarse_is_not(self, said: str) -> None:
        assert not checks.find_revealing_passages([f"They came {said}."])

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
from outreach.stories.workflow import CLOCK, Act, Asked, Person, RefusedError, StaleError, Standing, verdict
from tests.outreach import desk
from tests.outreach.desk import GOOD, do, somebody, text
from tests.tips.desk.officers import trail

NOW = dt.datetime(2026, 5, 12, 15, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
WRITER = Person(1, writes=True, approves=True, withdraws=True)
SECOND = Person(2, writes=True, approves=True, withdraws=True)
FULL = Asked(NOW, GOOD, "A reason", LATER)
S = Status

# What each act leads to, from each state, when all else is right. What is not here is forbidden.
ALLOWED = {
    Act.EDIT: dict.fromkeys([S.DRAFT, S.IN_REVIEW, S.APPROVED, S.SCHEDULED, S.PUBLISHED, S.CORRECTED], S.DRAFT),
    Act.SUBMIT: {S.DRAFT: S.IN_REVIEW},
    Act.ASK_CHANGES: dict.fromkeys([S.IN_REVIEW, S.APPROVED, S.SCHEDULED], S.DRAFT),
    Act.APPROVE: {S.IN_REVIEW: S.APPROVED},
    Act.SCHEDULE: {S.APPROVED: S.SCHEDULED, S.SCHEDULED: S.SCHEDULED},
    Act.UNSCHEDULE: {S.SCHEDULED: S.APPROVED},
    Act.PUBLISH: {S.APPROVED: S.PUBLISHED, S.SCHEDULED: S.PUBLISHED},
    Act.WITHDRAW: dict.fromkeys([S.DRAFT, S.IN_REVIEW, S.APPROVED, S.SCHEDULED, S.PUBLISHED, S.CORRECTED], S.WITHDRAWN),
    Act.REOPEN: {S.WITHDRAWN: S.DRAFT},
}


def standing(status: Status = S.DRAFT, **facts: object) -> Standing:
    return Standing(status, **({"writers": frozenset({1})} | facts))  # type: ignore[arg-type]


def rule(act: Act, stands: Standing, person: Person = SECOND, asked: Asked = FULL, own: bool = False):
    return verdict(act, stands, person, asked, self_approval=own)


class TestRule:
    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("act", list(Act))
    def test_each_act_leads_from_each_state_where_it_should_or_nowhere(self, act: Act, status: Status) -> None:
        ruled = rule(act, standing(status))
        assert ruled.to == ALLOWED[act].get(status)
        assert bool(ruled.reason) == (ruled.to is None)
        assert (act in workflow.offered(standing(status), SECOND, self_approval=False)) == (ruled.to is not None)

    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("act", list(Act))
    def test_the_clock_publishes_what_is_scheduled_and_due_and_does_nothing_else(
        self, act: Act, status: Status
    ) -> None:
        due = standing(status, publish_at=NOW)
        expected = S.PUBLISHED if (act, status) == (Act.PUBLISH, S.SCHEDULED) else None
        assert rule(act, due, CLOCK).to == expected
        early = standing(status, publish_at=NOW + dt.timedelta(microseconds=1))
        assert rule(act, early, CLOCK).to is None

    @pytest.mark.parametrize("act", list(Act))
    def test_who_may_nothing_does_nothing(self, act: Act) -> None:
        assert all(rule(act, standing(status), Person(3)).to is None for status in Status)

    @pytest.mark.parametrize(
        ("person", "acts"),
        [
            (Person(3, writes=True), set(Act) - {Act.APPROVE, Act.WITHDRAW}),
            (Person(3, approves=True), {Act.APPROVE, Act.ASK_CHANGES, Act.SCHEDULE, Act.UNSCHEDULE, Act.PUBLISH}),
            (Person(3, withdraws=True), {Act.WITHDRAW}),
        ],
    )
    def test_each_right_opens_its_acts_and_no_other(self, person: Person, acts: set[Act]) -> None:
        possible = {act for act in Act for status in Status if rule(act, standing(status), person).to}
        assert possible == acts

    def test_nobody_approves_what_they_wrote_unless_the_agency_allows_it(self) -> None:
        review = standing(S.IN_REVIEW)
        assert rule(Act.APPROVE, review, WRITER).to is None
        assert Act.APPROVE not in workflow.offered(review, WRITER, self_approval=False)
        assert rule(Act.APPROVE, review, WRITER, own=True).to is S.APPROVED
        assert rule(Act.APPROVE, review, WRITER, Asked(NOW), own=True).to is None  # the checks are asked again

    @pytest.mark.parametrize("question", checks.QUESTIONS, ids=lambda question: question.key)
    @pytest.mark.parametrize(("act", "status"), [(Act.SUBMIT, S.DRAFT), (Act.APPROVE, S.IN_REVIEW)])
    def test_each_question_must_be_answered_so_that_the_story_can_go_on(self, act, status, question) -> None:
        for answer in question.answers:
            ruled = rule(act, standing(status), asked=Asked(NOW, GOOD | {question.key: answer.key}))
            assert (ruled.to is None) == bool(answer.refusal)
            assert set(ruled.fields) == ({question.key} if answer.refusal else set())
        for missing in ("", "nonsense"):
            assert rule(act, standing(status), asked=Asked(NOW, GOOD | {question.key: missing})).to is None

    def test_what_the_program_found_holds_the_story_up(self) -> None:
        for act, status in ((Act.SUBMIT, S.DRAFT), (Act.APPROVE, S.IN_REVIEW)):
            ruled = rule(act, standing(status, problems=("There is no picture 3.",)))
            assert (ruled.to, ruled.reason) == (None, "There is no picture 3.")

    def test_a_time_that_is_over_or_too_far_gets_a_sentence(self) -> None:
        def about(at: dt.datetime | None) -> str:
            return rule(Act.SCHEDULE, standing(S.APPROVED), asked=Asked(NOW, at=at)).fields.get("at", "")

        assert "is over" in about(NOW)
        assert "is over" in about(NOW - dt.timedelta(days=400))
        assert "more than a year" in about(NOW + dt.timedelta(days=367))
        assert "Choose a day" in about(None)
        assert about(NOW + dt.timedelta(minutes=1)) == ""

    def test_what_residents_have_read_changes_with_a_correction(self) -> None:
        for act, status in ((Act.PUBLISH, S.APPROVED), (Act.SCHEDULE, S.APPROVED)):
            assert "note" in rule(act, standing(status, live=True), asked=Asked(NOW, at=LATER, note="  ")).fields
        assert rule(Act.PUBLISH, standing(S.APPROVED, live=True)).to is S.CORRECTED

    @pytest.mark.parametrize(("act", "status"), [(Act.ASK_CHANGES, S.IN_REVIEW), (Act.WITHDRAW, S.PUBLISHED)])
    def test_sending_back_and_withdrawing_want_a_reason(self, act: Act, status: Status) -> None:
        assert set(rule(act, standing(status), asked=Asked(NOW, note=" ")).fields) == {"note"}


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
        story = workflow.create(author, text())
        with pytest.raises(RefusedError):
            do(Act.PUBLISH, story, author)
        with pytest.raises(RefusedError):
            do(Act.APPROVE, story, author)
        story.refresh_from_db()
        assert story.status == Status.DRAFT
        assert not PublishedStory.objects.exists()

    def test_self_approval_is_told_in_the_audit_trail(self, settings) -> None:
        settings.OUTREACH_SELF_APPROVAL = True
        author = somebody()
        story = workflow.create(author, text())
        do(Act.SUBMIT, story, author)
        do(Act.APPROVE, story, author)
        assert trail()[-1][1] == "approved own story"

    def test_whoever_changed_the_text_is_no_second_person(self) -> None:
        author, other, third = somebody(), somebody("lee"), somebody("vance", groups.ADMINISTRATOR)
        story = workflow.create(author, text())
        workflow.save(story.pk, other, text(body="Other words"), 1)
        do(Act.SUBMIT, story, author)
        for writer in (author, other):
            with pytest.raises(RefusedError):
                do(Act.APPROVE, story, writer)
        assert do(Act.APPROVE, story, third).status == Status.APPROVED

    def test_a_change_takes_a_story_back_while_residents_read_on(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        story = workflow.save(story.pk, author, text(body="Ten lamps", slug="other"), story.version)
        assert (story.status, story.slug, story.approved_by) == (Status.DRAFT, "lamps", None)
        assert PublishedStory.objects.get().body == text()["body"]
        do(Act.SUBMIT, story, author)
        do(Act.APPROVE, story, second)
        story = do(Act.PUBLISH, story, author, note="It was ten lamps, not nine.")
        assert story.status == Status.CORRECTED
        copy = PublishedStory.objects.get()
        assert (copy.body, copy.corrected_on) == ("Ten lamps", timezone.localdate())
        assert Correction.objects.get().note == "It was ten lamps, not nine."

    def test_the_second_person_of_a_correction_may_be_who_wrote_the_story(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        workflow.save(story.pk, second, text(body="Ten lamps"), story.version)
        do(Act.SUBMIT, story, second)
        with pytest.raises(RefusedError):
            do(Act.APPROVE, story, second)
        assert do(Act.APPROVE, story, author).status == Status.APPROVED

    def test_withdrawing_leaves_no_word_and_the_way_back_is_the_whole_way(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        do(Act.WITHDRAW, story, author, note="A neighbor asked us to.")
        assert not PublishedStory.objects.exists()
        assert Withdrawal.objects.get().slug == "lamps"
        do(Act.REOPEN, story, author)
        assert Withdrawal.objects.exists()
        with pytest.raises(RefusedError):
            do(Act.PUBLISH, story, author)
        do(Act.SUBMIT, story, author)
        with pytest.raises(RefusedError):
            do(Act.APPROVE, story, author)
        do(Act.APPROVE, story, second)
        do(Act.PUBLISH, story, author)
        assert PublishedStory.objects.exists()
        assert not Withdrawal.objects.exists()

    def test_a_draft_that_is_put_away_leaves_no_trace_outside(self) -> None:
        author = somebody()
        do(Act.WITHDRAW, workflow.create(author, text()), author, note="Not a story")
        assert not Withdrawal.objects.exists()

    def test_tags_and_pictures_go_along(self) -> None:
        picture = desk.rebuilt()
        story = desk.published(somebody(), somebody("lee"), body=f"![](picture:{picture.pk})")
        assert list(story.pictures.all()) == list(PublishedStory.objects.get().pictures.all()) == [picture]

    def test_a_stale_save_changes_nothing_and_is_set_aside_once(self) -> None:
        one, other = somebody(), somebody("lee")
        story = workflow.create(one, text())
        workflow.save(story.pk, other, text(body="Of the other"), 1)
        for _ in range(2):
            with pytest.raises(StaleError) as stale:
                workflow.save(story.pk, one, text(body="Of the one"), 1)
            workflow.set_aside(story.pk, one, text(body="Of the one"), 1)
        assert stale.value.story.body == "Of the other"
        assert Story.objects.get().body == "Of the other"
        kept = StoryRevision.objects.get(aside=True)
        assert (kept.snapshot["body"], kept.number, kept.by) == ("Of the one", 1, one)
        with pytest.raises(StaleError):
            workflow.do(Act.SUBMIT, story.pk, one, 1, desk.asked())
        restored = workflow.restore(story.pk, one, kept, 2)
        assert (restored.body, restored.version) == ("Of the one", 3)

    def test_the_same_save_twice_is_one(self) -> None:
        one = somebody()
        story = workflow.create(one, text())
        for _ in range(2):
            workflow.save(story.pk, one, text(body="More"), 1)
        assert list(StoryRevision.objects.values_list("number", flat=True).order_by("number")) == [1, 2]

    def test_who_may_not_write_writes_nothing(self) -> None:
        with pytest.raises(RefusedError):
            workflow.create(somebody("ola", groups.OFFICER), text())
        story = workflow.create(somebody(), text())
        with pytest.raises(RefusedError):
            workflow.save(story.pk, somebody("vance", groups.ADMINISTRATOR), text(body="x"), 1)


def scheduled(at: dt.datetime) -> Story:
    author, second = somebody(), somebody("lee")
    story = workflow.create(author, text())
    do(Act.SUBMIT, story, author)
    do(Act.APPROVE, story, second)
    return do(Act.SCHEDULE, story, author, at=at, now=at - dt.timedelta(hours=1))


@pytest.mark.django_db
class TestClock:
    def test_publishes_from_the_minute_on_and_once(self) -> None:
        story = scheduled(NOW)
        assert workflow.publish_due(NOW - dt.timedelta(seconds=1)) == 0
        assert workflow.publish_due(NOW) == 1
        assert workflow.publish_due(NOW) == 0
        story.refresh_from_db()
        assert (story.status, story.publish_at) == (Status.PUBLISHED, None)
        assert StoryStep.objects.filter(act=Act.PUBLISH, by=None).count() == 1
        assert PublishedStory.objects.get().published_on == timezone.localdate(NOW)

    def test_has_the_rights_of_the_bulk_worker_alone(self) -> None:
        scheduled(NOW)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE portal_bulk")
        assert workflow.publish_due(NOW) == 1
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    def test_carries_the_correction_that_was_planned(self) -> None:
        author, second = somebody(), somebody("lee")
        story = desk.published(author, second)
        workflow.save(story.pk, author, text(body="Ten"), story.version)
        do(Act.SUBMIT, story, author)
        do(Act.APPROVE, story, second)
        do(Act.SCHEDULE, story, author, at=NOW, now=NOW - dt.timedelta(hours=1), note="Ten, not nine.")
        assert workflow.publish_due(NOW) == 1
        assert Correction.objects.get().note == "Ten, not nine."
        assert Story.objects.get().status == Status.CORRECTED

    def test_what_was_taken_back_is_not_published(self) -> None:
        story = scheduled(NOW)
        do(Act.UNSCHEDULE, story, story.author)
        assert workflow.publish_due(NOW) == 0

    def test_a_kill_before_the_commit_publishes_once_afterwards(self, monkeypatch) -> None:
        scheduled(NOW)
        with monkeypatch.context() as broken:
            broken.setattr(workflow.StoryStep.objects, "create", lambda **_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                workflow.publish_due(NOW)
        assert not PublishedStory.objects.exists()
        assert workflow.publish_due(NOW) == 1
        assert StoryStep.objects.filter(act=Act.PUBLISH).count() == 1


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
        counts.append(workflow.publish_due(NOW))
        connections.close_all()

    first = threading.Thread(target=work)
    first.start()
    assert inside.wait(20)
    counts.append(workflow.publish_due(NOW))  # the first has it in hand
    go.set()
    first.join()
    assert sorted(counts) == [0, 1]
    assert StoryStep.objects.filter(act=Act.PUBLISH).count() == 1


class TestDifferences:
    def test_say_what_was_taken_out_and_put_in(self) -> None:
        pieces = texts.differences("One\nNine lamps were lit\nEnd", "One\nTen lamps were lit\nEnd")
        assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
            ("removed", "Nine"),
            ("added", "Ten"),
        ]

    @pytest.mark.parametrize(("before", "after"), [("", "a\nb"), ("a\n\nb", ""), ("x y z", "z y x"), ("a" * 9000, "b")])
    def test_both_texts_can_be_read_from_them(self, before: str, after: str) -> None:
        pieces = texts.differences(before, after)
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
        assert checks.telling([f"They came {said} later."])

    @pytest.mark.parametrize(
        "said", ["within a quarter of an hour", "nine lamps", "22 bicycles", "in May", "in March 2026", "in 3 cases"]
    )
    def test_what_is_coarse_is_not(self, said: str) -> None:
        assert not checks.telling([f"They came {said}."])

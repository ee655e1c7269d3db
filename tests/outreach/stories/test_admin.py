"""The desk's pages: writing, review, steps, edit conflicts, an ended session, mistaken input."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from core.models import AuditEntry, StaffSession
from core.staff import form_author, groups
from outreach import guides
from outreach.admin import wording
from outreach.models import (
    Guide,
    GuideRevision,
    Picture,
    PreviewLink,
    PublishedStory,
    ReviewComment,
    Status,
    Story,
    StoryRevision,
)
from outreach.stories import previews, workflow
from outreach.stories.workflow_rules import StoryAction
from tests import staff_session
from tests.outreach.desk import (
    PASSING_ANSWERS,
    create_account,
    create_published_story,
    create_ready_picture,
    perform,
    story_values,
)
from tests.tips.desk.officers import read_audit_trail
from tests.tips.files.sample_pictures import photo

pytestmark = pytest.mark.django_db

ADD = "/admin/outreach/story/add/"
TYPED = {
    "version": "0",
    "title": "Brighter steps",
    "summary": "Nine lamps.",
    "body": "A **dark** corner.",
    "category": "prevention",
}


def signed_in(account) -> Client:
    client = Client()
    staff_session.sign_in(client, account)
    return client


def page_of(story: Story) -> str:
    return f"/admin/outreach/story/{story.pk}/change/"


def step_of(story: Story, action: StoryAction) -> str:
    return f"/admin/outreach/story/{story.pk}/step/{action}/"


def html(answer) -> str:
    return answer.content.decode()


@pytest.fixture
def author():
    return create_account()


@pytest.fixture
def second():
    return create_account("vance", groups.ADMINISTRATOR)


class TestWriting:
    def test_a_story_is_written_and_its_address_made_of_the_title(self, author) -> None:
        answer = signed_in(author).post(ADD, TYPED | {"_save": "1"})
        story = Story.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, page_of(story))
        assert (story.slug, story.body, story.author) == ("brighter-steps", "A **dark** corner.", author)
        signed_in(author).post(ADD, TYPED | {"_save": "1"})
        assert set(Story.objects.values_list("slug", flat=True)) == {"brighter-steps", "brighter-steps-2"}

    def test_a_page_shows_the_state_and_the_next_steps(self, author) -> None:
        page = html(signed_in(author).get(page_of(workflow.create_story(author, story_values()))))
        assert "Only staff can read it." in page
        assert "Save and send to review" in page
        assert "/step/withdraw/" in page
        assert "/step/approve/" not in page

    @pytest.mark.parametrize("slug", ["search", "media", "preview"])
    def test_addresses_of_other_pages_are_not_taken(self, author, slug) -> None:
        answer = signed_in(author).post(ADD, TYPED | {"slug": slug, "_save": "1"})
        assert answer.status_code == 422
        assert "Another page uses this address" in html(answer)

    def test_errors_are_shown_and_no_input_is_lost(self, author) -> None:
        typed = TYPED | {"title": "", "body": "Kept words", "arrests": "-3", "quote": "Kept quote", "_save": "1"}
        answer = signed_in(author).post(ADD, typed)
        assert answer.status_code == 422
        assert "Kept words" in html(answer)
        assert "Kept quote" in html(answer)
        assert not Story.objects.exists()

    def test_too_much_text_gets_a_sentence(self, author) -> None:
        answer = signed_in(author).post(ADD, TYPED | {"body": "x" * 1_000_000, "_save": "1"})
        assert answer.status_code == 422
        assert "too long" in html(answer)

    def test_the_preview_without_script_saves_nothing(self, author) -> None:
        answer = signed_in(author).post(ADD, TYPED | {"_preview": "1"})
        assert answer.status_code == 200
        assert "<strong>dark</strong>" in html(answer)
        assert not Story.objects.exists()

    def test_a_wrapped_link_is_said_and_its_plain_address_offered(self, author) -> None:
        body = "See [this](https://l.facebook.com/l.php?u=https%3A%2F%2Fcity.example%2Flamps%3Ffbclid%3Dx)."
        desk = signed_in(author)
        answer = desk.post(ADD, TYPED | {"body": body}, follow=True)
        assert 'Plain address: <bdi translate="no">https://city.example/lamps</bdi>' in answer.content.decode()
        answer = desk.post(ADD, TYPED | {"body": body, "_plain_links": "1"})
        assert answer.context_data["form"]["body"].value() == "See [this](https://city.example/lamps)."
        assert "Use plain addresses" not in answer.content.decode()
        for address, is_told in (("https://t.co/abc", False), ("https://city.example/lamps?fbclid=x", True)):
            answer = desk.post(ADD, TYPED | {"body": f"See {address}", "_preview": "1"})
            assert address in answer.content.decode()
            assert ("Use plain addresses" in answer.content.decode()) is is_told
        assert Story.objects.count() == 1  # only the one saved before
        perform(StoryAction.SUBMIT, Story.objects.get(), author)
        assert "https://city.example/lamps<" in desk.get(page_of(Story.objects.get())).content.decode()

    def test_the_preview_of_the_script_is_made_by_the_server(self, author) -> None:
        answer = signed_in(author).post("/admin/outreach/story/preview/", {"body": "**b** <script>x</script>"})
        assert html(answer).strip() == "<p><strong>b</strong> &lt;script&gt;x&lt;/script&gt;</p>"

    def test_pasted_pages_from_word_become_markdown(self, author) -> None:
        word = '<p class=MsoNormal>One <b style="mso-bidi-font-weight:normal">two</b><o:p></o:p></p><style>p{x}</style>'
        answer = signed_in(author).post("/admin/outreach/story/paste/", {"html": word})
        assert answer.json() == {"markdown": "One **two**", "losses": ""}

    def test_a_broken_link_gets_a_sentence_and_stops_review(self, author) -> None:
        client = signed_in(author)
        body = "[gone](/stories/never/) [none](/nowhere/) [map](/map/) [out](https://example.org/x)"
        answer = client.post(ADD, TYPED | {"body": body, "_save": "1"}, follow=True)
        assert "/stories/never/ doesn&#x27;t work" in html(answer)
        assert "/nowhere/ doesn&#x27;t work" in html(answer)
        assert "The link to /map/" not in html(answer)
        assert "example.org/x leads" not in html(answer)
        story = Story.objects.get()
        assert client.post(step_of(story, StoryAction.SUBMIT), PASSING_ANSWERS | {"version": "1"}).status_code == 409

    def test_accounts_without_permission_see_no_desk(self) -> None:
        client = signed_in(create_account("ola", groups.OFFICER))
        for address in ("/admin/outreach/story/", ADD):
            assert client.get(address).status_code == 403
        assert client.post("/admin/outreach/story/preview/", {"body": "x"}).status_code == 403


class TestSteps:
    def test_a_story_goes_from_draft_to_publication_through_its_pages(self, author, second) -> None:
        writer, approver = signed_in(author), signed_in(second)
        answer = writer.post(ADD, TYPED | {"_submit": "1"})
        story = Story.objects.get()
        assert answer["Location"] == step_of(story, StoryAction.SUBMIT)
        unanswered = writer.post(step_of(story, StoryAction.SUBMIT), {"version": "1"})
        assert unanswered.status_code == 409
        assert html(unanswered).count("Answer this question.") == 6  # each above and beside it
        assert writer.post(step_of(story, StoryAction.SUBMIT), PASSING_ANSWERS | {"version": "1"}).status_code == 302
        assert writer.get(step_of(story, StoryAction.APPROVE)).status_code == 403
        assert writer.post(step_of(story, StoryAction.APPROVE), PASSING_ANSWERS | {"version": "1"}).status_code == 409
        back = approver.post(step_of(story, StoryAction.ASK_CHANGES), {"version": "1", "note": "Which steps?"})
        assert back.status_code == 302
        assert ReviewComment.objects.get().text == "Which steps?"
        writer.post(step_of(story, StoryAction.SUBMIT), PASSING_ANSWERS | {"version": "1"})
        assert approver.post(step_of(story, StoryAction.APPROVE), PASSING_ANSWERS | {"version": "1"}).status_code == 302
        assert writer.post(step_of(story, StoryAction.PUBLISH), {"version": "1"}).status_code == 302
        assert PublishedStory.objects.get().slug == "brighter-steps"
        assert Status(Story.objects.get().status) is Status.PUBLISHED

    def test_the_admin_index_lists_stories_only_for_their_second_person(self, author, second) -> None:
        story = workflow.create_story(author, story_values(title="Nine new lamps"))
        for state, named in ((StoryAction.SUBMIT, True), (StoryAction.APPROVE, False)):
            perform(state, story, author if state is StoryAction.SUBMIT else second)
            assert ("It waits for your approval." in html(signed_in(second).get("/admin/"))) is named
            assert "your approval" not in html(signed_in(author).get("/admin/"))

    def test_the_lists_find_texts_however_they_are_written(self, author, second) -> None:
        workflow.create_story(author, story_values(title="The neighbor’s café – safe"))
        workflow.create_story(author, story_values(title="Other", slug="other"))
        picture = create_ready_picture()
        client = signed_in(author)
        for query, count in (("neighbor's CAFE", 1), ("cafe - safe", 1), ("“café”", 1), ("café zeppelin", 0), ("", 2)):
            assert client.get("/admin/outreach/story/", {"q": query}).context_data["cl"].result_count == count, query
        assert client.get("/admin/outreach/picture/", {"q": str(picture.pk)}).context_data["cl"].result_count == 1
        assert client.get("/admin/outreach/picture/", {"q": "9" * 30}).context_data["cl"].result_count == 0

    def test_the_next_step_comes_first_and_the_public_page_is_linked(self, author, second) -> None:
        story = workflow.create_story(author, story_values())
        perform(StoryAction.SUBMIT, story, author)
        assert re.findall(r'class="button" href="[^"]*/step/(\w+)/"', html(signed_in(second).get(page_of(story)))) == [
            "approve"
        ]
        assert "/stories/lamps/" not in html(signed_in(second).get(page_of(story)))
        perform(StoryAction.APPROVE, story, second)
        perform(StoryAction.PUBLISH, story, author)
        assert '/stories/lamps/">See public page</a>' in html(signed_in(author).get(page_of(story)))

    def test_times_are_the_agencys(self, author, second, settings) -> None:
        settings.TIME_ZONE = "America/Chicago"
        story = workflow.create_story(author, story_values())
        perform(StoryAction.SUBMIT, story, author)
        perform(StoryAction.APPROVE, story, second)
        client, tomorrow = signed_in(author), timezone.localdate() + dt.timedelta(days=2)
        past = client.post(
            step_of(story, StoryAction.SCHEDULE), {"version": "1", "at_0": "2020-01-01", "at_1": "09:00"}
        )
        assert past.status_code == 409
        assert "This time is in the past" in html(past)
        assert 'value="2020-01-01"' in html(past)
        sent = {"version": "1", "at_0": f"{tomorrow}", "at_1": "09:00"}
        assert client.post(step_of(story, StoryAction.SCHEDULE), sent).status_code == 302
        story.refresh_from_db()
        assert f"{timezone.localtime(story.publish_at):%Y-%m-%d %H:%M}" == f"{tomorrow} 09:00"
        assert "It will be published on" in html(client.get(page_of(story)))

    def test_a_step_on_a_text_that_has_changed_is_refused(self, author, second) -> None:
        story = workflow.create_story(author, story_values())
        workflow.save_text(story.pk, author, story_values(body="New"), 1)
        answer = signed_in(author).post(step_of(story, StoryAction.SUBMIT), PASSING_ANSWERS | {"version": "1"})
        assert answer.status_code == 409
        assert "text changed after you opened this page" in html(answer)

    def test_no_button_loses_what_is_typed_in_another_box(self, author) -> None:
        story = workflow.create_story(author, story_values())
        desk = signed_in(author)
        typed = TYPED | {"version": "1", "slug": story.slug, "title": "New words", "comment": "My thought"}
        answer = desk.post(page_of(story), typed | {"_comment": "1"})
        assert (answer.status_code, ReviewComment.objects.get().text) == (200, "My thought")
        assert answer.context_data["form"]["title"].value() == "New words"
        assert "saved yet. Press Save to save it." in html(answer)
        assert Story.objects.get().title != "New words"
        settled = {"_settle": str(ReviewComment.objects.get().pk), "comment": "Another"}
        answer = desk.post(page_of(story), typed | settled)
        assert answer.context_data["form"]["title"].value() == "New words"
        assert answer.context_data["comment_form"]["comment"].value() == "Another"
        assert ReviewComment.objects.get().settled
        answer = desk.post(page_of(story), typed | {"_save": "1"})
        assert (Story.objects.get().title, ReviewComment.objects.count()) == ("New words", 1)
        assert answer.context_data["comment_form"]["comment"].value() == "My thought"
        assert "added yet" in html(answer)
        assert answer.context_data["form"]["version"].value() == 2
        link, _token = previews.create_link(story, author)
        answer = desk.post(
            f"/admin/outreach/story/{story.pk}/links/", typed | {"revoke": str(link.pk), "title": "Newer"}
        )
        assert answer.context_data["form"]["title"].value() == "Newer"
        assert answer.context_data["comment_form"]["comment"].value() == "My thought"
        assert not PreviewLink.objects.get().is_open
        desk.cookies.clear()
        assert "New words" not in html(desk.get(page_of(story)))

    def test_comments_are_stored_and_settled(self, author) -> None:
        story, client = workflow.create_story(author, story_values()), signed_in(author)
        assert client.post(page_of(story), {"comment": " ", "_comment": "1"}).status_code == 422
        client.post(page_of(story), {"comment": "Which corner?", "_comment": "1"})
        comment = ReviewComment.objects.get()
        assert "Which corner?" in html(client.get(page_of(story)))
        for _click in range(2):
            client.post(page_of(story), {"_settle": str(comment.pk)})
        assert ReviewComment.objects.get().settled
        acts = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert acts == ["created story", "commented on story", "settled a comment on story"]


class TestTwoEditors:
    def test_both_texts_are_shown_and_neither_is_lost(self, author) -> None:
        other = create_account("lee")
        story = workflow.create_story(author, story_values())
        workflow.save_text(story.pk, other, story_values(body="A corner, theirs"), 1)
        client = signed_in(author)
        answer = client.post(page_of(story), TYPED | {"version": "1", "body": "A corner, mine", "_save": "1"})
        page = html(answer)
        assert answer.status_code == 409
        assert "lee changed this story while you were writing" in page
        assert re.search(r"<del>.*theirs</del>", page)
        assert re.search(r"<ins>.*mine</ins>", page)
        assert "A corner, mine</textarea>" in page
        assert Story.objects.get().body == "A corner, theirs"
        assert StoryRevision.objects.get(aside=True).snapshot["body"] == "A corner, mine"
        # The form now knows of their text: saving again is a choice.
        version = re.search(r'name="version" value="(\d+)"', page)
        chosen = client.post(page_of(story), TYPED | {"version": version[1], "body": "A corner, mine", "_save": "1"})
        assert chosen.status_code == 302
        assert Story.objects.get().body == "A corner, mine"

    def test_an_earlier_text_is_compared_and_taken_up_again(self, author) -> None:
        story = workflow.create_story(author, story_values(body="First words"))
        workflow.save_text(story.pk, author, story_values(body="Second words"), 1)
        first = StoryRevision.objects.get(number=1)
        address, client = f"/admin/outreach/story/{story.pk}/version/{first.pk}/", signed_in(author)
        page = html(client.get(address))
        assert re.search(r"<del>.*First</del>", page)
        assert re.search(r"<ins>.*Second</ins>", page)
        assert client.post(address, {"version": "1"}).status_code == 409
        assert client.post(address, {"version": "2"}).status_code == 302
        assert Story.objects.get().body == "First words"


def test_the_filters_of_the_list_survive_saving_steps_and_breadcrumbs(author) -> None:
    story, client = workflow.create_story(author, story_values()), signed_in(author)
    kept = "_changelist_filters=status__exact%3Ddraft"
    page = html(client.get(f"{page_of(story)}?{kept}"))
    assert 'href="/admin/outreach/story/?status__exact=draft"' in page
    assert f'action="{page_of(story)}?{kept}"' in page
    assert re.search(rf'href="/admin/outreach/story/{story.pk}/[^"]*\?{kept}"', page)
    saved = client.post(f"{page_of(story)}?{kept}", TYPED | {"version": "1", "body": "Other words", "_save": "1"})
    assert saved["Location"] == f"{page_of(story)}?{kept}"
    links = client.post(f"/admin/outreach/story/{story.pk}/links/?{kept}", {})
    assert links.status_code == 200 or links["Location"] == f"{page_of(story)}?{kept}#links"


class TestEndedSession:
    def test_input_survives_signing_in_again(self, author) -> None:
        staff_session.set_password(author)
        story, client = workflow.create_story(author, story_values()), signed_in(author)
        assert form_author.FIELD in html(client.get(page_of(story)))
        StaffSession.objects.all().delete()
        typed = TYPED | {"version": "1", "body": 'Long & "written" words', "_save": "1"}
        page = staff_session.post_as_typed_by(author, client, page_of(story), typed)
        assert "What you typed is still here" in html(page)
        assert "written" not in html(page)  # sealed: somebody else may sign in
        page = staff_session.sign_in_on(page, client, page_of(story), author, "wrong")
        again = staff_session.sign_in_on(page, client, page_of(story), author)
        assert again.status_code == 200
        assert wording.signed_in_again_sentence() in html(again)
        assert "Long &amp; &quot;written&quot; words</textarea>" in html(again)
        assert Story.objects.get().version == 1  # shown, not saved
        client.post(page_of(story), typed)
        assert Story.objects.get().body == 'Long & "written" words'

    def test_an_action_is_not_carried_out_after_signing_in_again(self, author) -> None:
        staff_session.set_password(author)
        story = workflow.create_story(author, story_values(body="First words"))
        workflow.save_text(story.pk, author, story_values(body="Second words"), 1)
        guide = Guide.objects.get(slug="staying-safe")
        guides.save_guide(guide.pk, author, guides.take_snapshot(guide) | {"body": "Changed"}, guide.version)
        earlier = f"version/{StoryRevision.objects.get(number=1).pk}/"
        shipped = f"version/{GuideRevision.objects.get(guide=guide, number=1).pk}/"
        for address in (
            f"/admin/outreach/story/{story.pk}/{earlier}",
            f"/admin/outreach/story/{story.pk}/links/",
            f"/admin/outreach/guide/{guide.pk}/{shipped}",
        ):
            client = Client()
            page = staff_session.post_as_typed_by(author, client, address, {"version": "2"})
            answer = staff_session.sign_in_on(page, client, address, author)
            page = client.get(answer["Location"]) if answer.status_code == 302 else answer
            assert wording.signed_in_again_sentence() in html(page)
        assert Story.objects.get().body == "Second words"
        assert not PreviewLink.objects.exists()
        assert Guide.objects.get(pk=guide.pk).body == "Changed"

    def test_a_form_of_another_site_is_refused(self, author) -> None:
        client = Client(enforce_csrf_checks=True)
        assert client.post(ADD, TYPED | {"_save": "1"}).status_code == 403

    def test_the_account_that_signs_in_needs_the_permission(self) -> None:
        officer, client = staff_session.set_password(create_account("ola", groups.OFFICER)), Client()
        page = staff_session.post_as_typed_by(officer, client, ADD, TYPED | {"_save": "1"})
        assert staff_session.sign_in_on(page, client, ADD, officer).status_code == 403
        assert not Story.objects.exists()


class TestPictures:
    def sent(self, content: bytes | None = None, **typed: object):
        file = SimpleUploadedFile("steps.jpg", photo() if content is None else content, "image/jpeg")
        return TYPED | {"sent": file, "alt": "Steps", "credit": "City", "_add_picture": "1"} | typed

    def test_a_picture_is_set_after_the_paragraph_one_writes_in(self, author) -> None:
        signed_in(author).post(ADD, self.sent(body="One\r\n\r\nTwo", caret="1"))
        picture = Picture.objects.get()
        assert Story.objects.get().body == f"One\n\n![](picture:{picture.pk})\n\nTwo"
        assert (picture.alt, picture.credit, picture.added_by) == ("Steps", "City", author)
        assert "added picture" in [line[1] for line in read_audit_trail()]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"\xff\xd8\xff" + bytes(26 * 1024 * 1024), "25.0"),
            (b"", "This file is empty"),
            (b"%PDF-1.7\n", "Choose a JPEG, PNG, WebP or HEIC picture"),
            (b"Dear all", "Choose a JPEG, PNG, WebP or HEIC picture"),
        ],
        ids=["too large", "empty", "pdf", "text"],
    )
    def test_a_file_that_is_no_picture_gets_a_sentence_and_no_input_is_lost(self, author, content, sentence) -> None:
        answer = signed_in(author).post(ADD, self.sent(content, body="Kept words"))
        assert answer.status_code == 422
        assert sentence in html(answer)
        for words in ("Kept words", 'value="Steps"', 'value="City"', 'value="Brighter steps"'):
            assert words in html(answer)
        assert not Picture.objects.exists()

    def test_alt_text_and_credit_are_required(self, author) -> None:
        answer = signed_in(author).post(ADD, self.sent(alt="", credit=" "))
        assert "Say what the picture shows." in html(answer)
        assert "Say who took or drew it." in html(answer)
        assert not Picture.objects.exists()

    def test_a_waiting_or_refused_picture_stops_review(self, author) -> None:
        story = workflow.create_story(author, story_values(body="![](picture:999)"))
        client = signed_in(author)
        assert "Picture 999 doesn&#x27;t exist" in html(client.get(page_of(story)))
        broken = create_ready_picture(content=photo()[:200])
        assert broken.state == Picture.PictureState.REFUSED
        workflow.save_text(story.pk, author, story_values(body=f"![](picture:{broken.pk})"), 1)
        page = html(client.get(page_of(story)))
        assert re.search(rf"use picture {broken.pk}\. [^<]+ This picture is damaged", page)
        assert "damaged" in html(client.get("/admin/outreach/picture/"))

    def test_staff_see_files_of_drafts(self, author) -> None:
        digest = create_ready_picture().variants[0]["digest"]
        address = f"/admin/outreach/picture/file/{digest}.webp"
        answer = signed_in(author).get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        assert Client().get(address).status_code == 302


class TestPreviewLinks:
    def test_a_preview_link_works_until_it_is_revoked_or_expires(self, author) -> None:
        picture = create_ready_picture()
        story = workflow.create_story(author, story_values(body=f"Not yet told ![](picture:{picture.pk})"))
        client, visitor = signed_in(author), Client()
        page = html(client.post(f"/admin/outreach/story/{story.pk}/links/"))
        address = re.search(r"/stories/preview/[\w-]+/", page)[0]
        assert address not in html(client.get(page_of(story)))
        seen = visitor.get(address)
        assert "Not yet told" in html(seen)
        assert seen["Cache-Control"] == "no-store"
        assert "noindex" in seen["X-Robots-Tag"]
        file = re.search(rf"{address}media/[0-9a-f]{{64}}\.jpg", html(seen))[0]
        assert visitor.get(file)["Content-Type"] == "image/jpeg"
        link = PreviewLink.objects.get()
        assert link.expires_at - link.made_at <= dt.timedelta(days=7, seconds=1)
        client.post(f"/admin/outreach/story/{story.pk}/links/", {"revoke": str(link.pk)})
        assert visitor.get(address).status_code == visitor.get(file).status_code == 404
        assert [line[1] for line in read_audit_trail()[-2:]] == ["created preview link", "revoked preview link"]

    def test_an_expired_or_invented_preview_link_shows_nothing(self, author) -> None:
        story = workflow.create_story(author, story_values())
        _link, token = previews.create_link(story, author)
        PreviewLink.objects.update(expires_at=timezone.now())
        assert Client().get(f"/stories/preview/{token}/").status_code == 404
        assert Client().get("/stories/preview/made-up/").status_code == 404

    def test_a_withdrawn_story_is_not_previewed(self, author, second) -> None:
        story = create_published_story(author, second)
        _link, token = previews.create_link(story, author)
        assert previews.open_preview(token, "/") is not None
        perform(StoryAction.WITHDRAW, story, author, note="x")
        assert previews.open_preview(token, "/") is None


def test_the_scripts_and_styles_of_the_desk_are_files() -> None:
    root = Path(__file__).resolve().parents[3] / "templates" / "admin" / "outreach"
    templates = list(root.rglob("*.html"))
    assert len(templates) > 20
    for template in templates:
        assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", template.read_text()), template.name


class TestGuides:
    SENT = {
        "title": "A guide",
        "slug": "a-guide",
        "summary": "s",
        "body": "Words",
        "order": "5",
        "place": "",
        "shown": "on",
    }

    def test_a_guide_is_written_changed_compared_and_restored(self, author) -> None:
        client = signed_in(author)
        client.post("/admin/outreach/guide/add/", self.SENT | {"version": "0", "_save": "1"})
        guide = Guide.objects.get(slug="a-guide")
        address = f"/admin/outreach/guide/{guide.pk}/"
        client.post(f"{address}change/", self.SENT | {"body": "Other [x](/nowhere/)", "version": "1", "_save": "1"})
        assert "/nowhere/ doesn&#x27;t work" in html(client.get(f"{address}change/"))
        stale = client.post(f"{address}change/", self.SENT | {"body": "Mine", "version": "1", "_save": "1"})
        assert stale.status_code == 409
        assert "Mine</textarea>" in html(stale)
        assert guide.revisions.get(aside=True).snapshot["body"] == "Mine"
        first = guide.revisions.get(number=1, aside=False)
        assert re.search(r"<del>.*Words</del>", html(client.get(f"{address}version/{first.pk}/")))
        client.post(f"{address}version/{first.pk}/", {"version": "2"})
        guide.refresh_from_db()
        assert (guide.body, guide.version) == ("Words", 3)
        assert read_audit_trail()[-1][1] == "changed guide"

    def test_a_guides_pictures_become_public_with_it(self, author) -> None:
        picture = create_ready_picture()
        sent = self.SENT | {"body": f"![](picture:{picture.pk})", "version": "0", "_save": "1"}
        signed_in(author).post("/admin/outreach/guide/add/", sent)
        assert list(Guide.objects.get(slug="a-guide").pictures.all()) == [picture]

    def test_a_viewer_cannot_change_anything(self, second) -> None:
        guide = Guide.objects.create(slug="g", title="G", summary="s", body="b")
        client = signed_in(second)
        assert client.get(f"/admin/outreach/guide/{guide.pk}/change/").status_code == 200
        assert client.post(f"/admin/outreach/guide/{guide.pk}/change/", self.SENT | {"version": "1"}).status_code == 403

"""Pictures: metadata is removed, unusable files are refused, lost ones are rebuilt, and only published ones are public."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pytest
from django.db import connection
from PIL import Image

import file_cleaning
from outreach.content import pictures
from outreach.models import Guide, Picture, PictureFile, PictureOriginal
from outreach.stories import workflow
from outreach.stories.workflow_rules import StoryAction
from tests.outreach.desk import (
    create_account,
    create_published_story,
    create_ready_picture,
    perform,
    story_values,
    upload_picture,
)
from tests.tipportal.database.test_grants import acting_as, is_refused
from tests.tips.files.sample_pictures import photo

pytestmark = pytest.mark.django_db

MEDIA = Path(__file__).resolve().parents[3].parent / "shared" / "media"
# One of each format, of phones and cameras; tests/file_cleaning has them all.
GOOD = [MEDIA / "good" / name for name in ("real_heic_mobile_iphone_13_pro_max.HEIC", "real_jpg_gps_DSCN0010.jpg", "made_tagged.png", "made_tagged.webp", "made_tagged.tiff", "made_animated.gif")]  # fmt: skip
HOSTILE = [MEDIA / "hostile" / name for name in ("bomb.png", "polyglot_html.jpg", "mvg.jpg", "script.svg")]
GOOD, HOSTILE = ([path for path in paths if path.exists()] for paths in (GOOD, HOSTILE))
State = Picture.PictureState


def photo_of(width: int, height: int, **saving: object) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(stream, "JPEG", **saving)
    return stream.getvalue()


def files_of(row: Picture) -> list[tuple[dict, bytes]]:
    return [(each, bytes(PictureFile.objects.get(digest=each["digest"], picture=row).content)) for each in row.variants]


@pytest.mark.parametrize(
    ("size", "widths"),
    [((2000, 1000), [400, 800, 1200, 1600]), ((1000, 500), [400, 800, 1000]), ((400, 300), [400]), ((90, 60), [90])],
)
def test_pictures_come_in_the_widths_of_pages_and_never_wider(size: tuple[int, int], widths: list[int]) -> None:
    row = create_ready_picture(content=photo_of(*size))
    assert row.state == State.READY
    assert [(each["width"], each["format"]) for each in row.variants] == [
        (width, form) for width in widths for form in ("webp", "jpg")
    ]
    for about, content in files_of(row):
        with Image.open(io.BytesIO(content)) as image:
            assert (image.size, image.format) == (
                (about["width"], about["height"]),
                {"webp": "WEBP", "jpg": "JPEG"}[about["format"]],
            )
        assert about["digest"] == hashlib.sha256(content).hexdigest()
        assert about["size"] == len(content)


def test_the_original_is_deleted_with_its_metadata() -> None:
    row = create_ready_picture(content=photo("canary-of-the-camera"))
    assert not PictureOriginal.objects.exists()
    assert not [each for each, content in files_of(row) if b"canary" in content]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_nothing_of_a_real_photos_metadata_is_left(path: Path, tmp_path: Path) -> None:
    row = create_ready_picture(content=path.read_bytes())
    assert row.state == State.READY
    for about, content in files_of(row):
        file = tmp_path / f"x.{about['format']}"
        file.write_bytes(content)
        metadata = json.loads(
            subprocess.run(["exiftool", "-json", "-G", "-a", file], capture_output=True, check=True).stdout
        )
        groups = {key.partition(":")[0] for key in metadata[0]}
        assert groups <= {"SourceFile", "ExifTool", "File", "JFIF", "RIFF", "Composite"}


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_hostile_pictures_are_refused_or_come_out_clean(path: Path) -> None:
    try:
        row = create_ready_picture(content=path.read_bytes())
    except pictures.PictureRefusedError:
        return
    assert row.state in (State.READY, State.REFUSED)
    assert pictures.refusal_sentence(row.reason) if row.state == State.REFUSED else row.variants


def test_a_broken_picture_is_refused_with_its_reason() -> None:
    row = create_ready_picture(content=photo()[:300])
    assert (row.state, row.reason) == (State.REFUSED, "damaged")
    assert not PictureFile.objects.exists()
    assert not PictureOriginal.objects.exists()


def test_pictures_that_the_queue_lost_are_rebuilt_once() -> None:
    upload_picture()
    pictures.rebuild_waiting_pictures()
    pictures.rebuild_waiting_pictures()
    assert Picture.objects.get().state == State.READY
    assert PictureFile.objects.count() == 4  # 640 pixels wide: 400 and 640, two formats


def test_a_picture_that_kills_the_worker_is_refused_the_fourth_time(monkeypatch) -> None:
    row = upload_picture()

    class Killed(BaseException):
        pass

    def kill(*_args):
        raise Killed

    monkeypatch.setattr(file_cleaning, "make_web_images", kill)
    for _attempt in range(pictures.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            pictures.rebuild_waiting_pictures()
    pictures.rebuild_waiting_pictures()
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.REFUSED, "deadly")


def test_a_fault_of_the_machine_refuses_no_picture(monkeypatch) -> None:
    row = upload_picture()

    def full(*_args):
        raise file_cleaning.SandboxError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(file_cleaning, "make_web_images", full)
        for _attempt in range(pictures.MAX_ATTEMPTS + 2):
            pictures.rebuild_waiting_pictures()
    pictures.rebuild_waiting_pictures()
    row.refresh_from_db()
    assert row.state == State.READY


class TestRights:
    def test_the_media_worker_rebuilds_with_its_own_rights_and_reads_no_story(self) -> None:
        row = upload_picture()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE portal_media")
        pictures.rebuild_waiting_pictures()
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
        row.refresh_from_db()
        assert row.state == State.READY
        for sql in (
            "SELECT title FROM outreach_story",
            "SELECT alt FROM outreach_picture",
            "SELECT title FROM outreach_publishedstory",
        ):
            assert is_refused("media", sql)

    def seen(self) -> tuple[int, int]:
        with acting_as("public"):
            return len(
                pictures.load_ready_pictures(Picture.objects.values_list("pk", flat=True))
            ), PictureFile.objects.count()

    def test_the_public_role_reads_only_published_pictures(self) -> None:
        row, author, second = create_ready_picture(), create_account(), create_account("lee")
        assert self.seen() == (0, 0)
        story = workflow.create_story(author, story_values(body=f"![](picture:{row.pk})"))
        assert self.seen() == (0, 0)
        perform(StoryAction.SUBMIT, story, author)
        perform(StoryAction.APPROVE, story, second)
        assert self.seen() == (0, 0)
        perform(StoryAction.PUBLISH, story, author)
        assert self.seen() == (1, 4)
        perform(StoryAction.WITHDRAW, story, author, note="x")
        assert self.seen() == (0, 0)

    def test_the_public_role_reads_only_pictures_of_shown_guides(self) -> None:
        row = create_ready_picture()
        guide = Guide.objects.create(slug="g", title="G", summary="s", body="b", shown=False)
        guide.pictures.add(row)
        assert self.seen() == (0, 0)
        Guide.objects.update(shown=True)
        assert self.seen() == (1, 4)

    @pytest.mark.parametrize("role", ["public", "alerts", "bulk", "media"])
    def test_only_the_staff_role_writes_stories(self, role: str) -> None:
        create_published_story(create_account(), create_account("lee"))
        for sql in (
            "INSERT INTO outreach_pictureoriginal (id, picture_id, content) VALUES (gen_random_uuid(), 1, '')",
            "UPDATE outreach_story SET body = 'x'",
            "UPDATE outreach_story SET approved_by_id = 1",
            "DELETE FROM outreach_story",
            "INSERT INTO outreach_storyrevision (number) VALUES (1)",
            "UPDATE outreach_storystep SET note = 'x'",
            "INSERT INTO outreach_storycheck (key) VALUES ('x')",
            "SELECT * FROM outreach_reviewcomment",
            "SELECT * FROM outreach_previewlink",
            "SELECT * FROM outreach_storyrevision",
            "UPDATE outreach_guide SET shown = true",
        ):
            assert is_refused(role, sql)

    @pytest.mark.parametrize("role", ["public", "alerts", "media"])
    def test_only_staff_and_bulk_roles_read_drafts(self, role: str) -> None:
        assert is_refused(role, "SELECT title FROM outreach_story")
        assert is_refused(role, "UPDATE outreach_publishedstory SET body = 'x'")
        assert is_refused(role, "INSERT INTO outreach_correction (note) VALUES ('x')")

    def test_the_staff_role_cannot_change_revisions(self) -> None:
        for sql in (
            "UPDATE outreach_storyrevision SET snapshot = '{}'",
            "DELETE FROM outreach_storystep",
            "UPDATE outreach_storycheck SET answer = 'x'",
            "DELETE FROM outreach_story",
            "DELETE FROM outreach_reviewcomment",
        ):
            assert is_refused("staff", sql)

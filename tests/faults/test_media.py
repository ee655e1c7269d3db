"""Residents' files in real processes: killed workers, a missing broker, and plaintext only in memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.source import check, check_looks, visit
from tests.file_cleaning.sample_files import make_video
from tests.journey import Visitor
from tests.stack import Stack, wait_until
from tests.theft.process_memory import list_descendants
from tests.tips.files import sample_pictures
from tipportal.deploy import processes

CANARY = b"canary 7fd1: taken with the phone of a person"
VIDEO_WORKER = "worker-media-video"


@pytest.fixture(scope="module")
def ram() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-ram-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, ram: Path) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("media")
    (folder / "temp").mkdir()
    variables = {"TMPDIR": str(folder / "temp"), "RAM_FOLDER": str(ram)}
    with Stack(folder, web=["public", "staff"], workers=["media"], beat=True, variables=variables, demo=True) as stack:
        newest.find(stack)  # the demo's tips are not the newest
        yield stack


@pytest.fixture(scope="module")
def officer(stack: Stack) -> Visitor:
    visitor = Visitor(stack.staff_url)
    visitor.sign_in("officer", stack.staff["officer"], stack.next_code("officer"))
    return visitor


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make a video that takes seconds to rebuild, with the canary in its metadata."""
    path = tmp_path_factory.mktemp("made") / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=12"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-metadata", f"comment={CANARY.decode()}"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", *source, *coding, str(path)]
    subprocess.run(command, check=True)
    content = path.read_bytes()
    path.unlink()
    assert CANARY in content
    return content


@pytest.fixture(scope="module")
def short_video() -> bytes:
    return make_video("-c:v", "libx264", "-preset", "ultrafast")


@pytest.fixture(scope="module")
def photo() -> bytes:
    return sample_pictures.photo(CANARY.decode())


class Newest:
    """The tip that arrived last. Neither its number nor its row tells: ask between two tips."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def find(self, stack: Stack) -> str:
        with contextlib.closing(stack.connect("owner")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id::text FROM tips_tip")
            self._seen += [tip for (tip,) in cursor.fetchall() if tip not in self._seen]
        return self._seen[-1]


newest = Newest()


def rows(stack: Stack) -> dict[int, tuple[str, str, int]]:
    """Return state, reason and attempts of the newest tip's files."""
    query = "SELECT position, state, reason, attempts FROM tips_attachment WHERE tip_id = %s ORDER BY position"
    with contextlib.closing(stack.connect("owner")) as connection, connection.cursor() as cursor:
        cursor.execute(query, [newest.find(stack)])
        return {position: tuple(rest) for position, *rest in cursor.fetchall()}


def states(stack: Stack) -> list[str]:
    return [state for state, _reason, _attempts in rows(stack).values()]


def newest_tip(stack: Stack) -> str:
    return f"/admin/tips/tip/{newest.find(stack)}"


def found_on_disk(stack: Stack, needle: bytes) -> list[str]:
    """Return the files in the portal's folder (servers, store, keys, logs, temp) that contain these bytes."""
    found = []
    for path in stack.folder.rglob("*"):
        try:
            if path.is_file() and needle in path.read_bytes():
                found.append(str(path))
        except FileNotFoundError:  # removed meanwhile
            continue
    return found


def found_in_memory(ram: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in ram.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def sent(stack: Stack, photo: bytes, video: bytes) -> tuple[str, str]:
    """Send a photo and a video, and wait until both are cleaned. Return the tip's address at the desk and its receipt."""
    receipt = Visitor(stack.public_url).send("A photo and a video", files=[photo, video])
    wait_until(lambda: states(stack) == ["ready", "ready"], 90, "both files are ready")
    return newest_tip(stack), receipt


def test_from_the_form_to_the_officers_screen(stack: Stack, officer: Visitor, sent: tuple[str, str], ram: Path) -> None:
    tip, receipt = sent
    page = officer.open(f"{tip}/change/")
    assert "Photo 1" in page
    taken = []
    for number, start in ((1, b"\xff\xd8\xff"), (2, b"\x00\x00\x00")):
        officer.open(f"{tip}/files/{number}/")
        assert officer.status == 200
        officer.open(f"{tip}/files/{number}/download/")
        assert officer.content.startswith(start)
        assert CANARY not in officer.content
        taken.append(officer.content)
    assert "Location and device data removed." in Visitor(stack.public_url).enter_inbox(receipt)
    for needle in (CANARY, *(content[len(content) // 2 :][:48] for content in taken)):
        assert found_on_disk(stack, needle) == []
    assert not [path for path in ram.rglob("*") if path.is_file() and path.stat().st_size]


def test_the_panel_shows_progress_and_opens_files_on_request(
    browser: Browser, stack: Stack, officer: Visitor, photo: bytes
) -> None:
    stack.stop_worker("media")
    Visitor(stack.public_url).send("A photo that waits", files=[photo])
    with visit(browser, stack.staff_url) as page:
        cookie = officer.cookies["staff"].value
        page.context.add_cookies([{"name": "staff", "value": cookie, "url": stack.staff_url}])
        page.goto(f"{stack.staff_url}{newest_tip(stack)}/change/")
        panel = page.locator("[data-files-panel]")
        expect(panel.get_by_text("Waiting to be cleaned")).to_be_visible()
        check_looks(page)
        stack.start_worker("media")
        expect(panel.get_by_role("link", name="Download Photo 1")).to_be_visible(timeout=60_000)
        thumbnail = panel.locator("img")
        expect(thumbnail).to_have_count(0)
        page.get_by_label("Your answer").fill("Half a sentence")
        panel.get_by_role("link", name="Show small pictures").focus()
        page.keyboard.press("Enter")
        expect(thumbnail).to_be_visible()
        expect(panel.get_by_role("link", name="Hide small pictures")).to_be_focused()
        expect(page.get_by_label("Your answer")).to_have_value("Half a sentence")
        page.get_by_label("Your answer").fill("")
        check_looks(page)
        panel.get_by_role("link", name="Photo 1", exact=True).focus()
        page.keyboard.press("Enter")
        picture = page.get_by_role("img", name="Photo 1")
        expect(picture).to_be_visible()
        expect(page.get_by_role("button", name="Zoom in")).to_be_visible()  # the script is there
        wait_until(lambda: picture.evaluate("image => image.clientWidth > 0"), 120, "the picture has arrived")
        before = picture.bounding_box()
        # Zoom that is asked for before the picture has a size waits for it.
        image = page.locator(".file-frame img")
        image.evaluate("image => { image.style.display = 'none' }")
        page.get_by_role("group", name="Photo 1").focus()
        page.keyboard.press("+")
        image.evaluate("image => { image.style.display = '' }")
        expect(page.get_by_text("150 %")).to_be_visible()
        after = picture.bounding_box()
        assert before is not None
        assert after is not None
        assert after["width"] > before["width"] * 1.4
        check_looks(page)


def test_the_player_seeks_and_the_panel_works_without_script(
    browser: Browser, stack: Stack, officer: Visitor, sent: tuple[str, str]
) -> None:
    cookie = {"name": "staff", "value": officer.cookies["staff"].value, "url": stack.staff_url}
    address = f"{stack.staff_url}{sent[0]}"
    with visit(browser, stack.staff_url) as page:
        page.context.add_cookies([cookie])
        page.goto(f"{address}/change/")
        page.get_by_role("link", name="Video 2", exact=True).last.click()
        seeking = "v => new Promise(done => { v.onseeked = () => done(v.currentTime); v.currentTime = 11 })"
        assert page.locator("video").evaluate(seeking) == pytest.approx(11)
        check(page)
    with visit(browser, stack.staff_url, script=False) as page:
        page.context.add_cookies([cookie])
        page.goto(f"{address}/change/")
        page.get_by_role("link", name="Show small pictures").click()
        expect(page.locator("#file-1 img")).to_be_visible()
        page.locator("#file-1 a").first.click()
        picture = page.get_by_role("img", name="Photo 1")
        expect(picture).to_be_visible()
        expect(page.get_by_role("link", name="Open full size")).to_be_visible()
        expect(page.get_by_role("button", name="Zoom in")).to_be_hidden()


def test_a_killed_worker_and_a_lost_broker_only_delay(
    stack: Stack, photo: bytes, video: bytes, short_video: bytes, ram: Path
) -> None:
    Visitor(stack.public_url).send("A video", files=[video])
    wait_until(lambda: found_in_memory(ram, CANARY) and states(stack) == ["rebuilding"], 60, "it is being rebuilt")
    stack.children[VIDEO_WORKER].kill()
    assert found_in_memory(ram, CANARY)
    assert found_on_disk(stack, CANARY) == []
    stack.stop_redis()
    Visitor(stack.public_url).send("A photo while nobody is told of it", files=[photo, short_video])
    assert states(stack) == ["received", "received"]
    assert found_on_disk(stack, CANARY) == []
    stack.start_redis()
    stack.start_process(processes.BY_NAME[VIDEO_WORKER])
    wait_until(lambda: states(stack) == ["ready", "ready"], 120, "what nobody was told of is ready")
    assert {attempts for _state, _reason, attempts in rows(stack).values()} == {1}
    wait_until(lambda: waiting(stack) == 0, 60, "what was killed is ready")
    wait_until(lambda: not found_in_memory(ram, CANARY), 120, "memory is empty")
    assert found_on_disk(stack, CANARY) == []


def waiting(stack: Stack) -> int:
    connection = stack.connect("media")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(id) FROM tips_attachment WHERE key_for_worker IS NOT NULL")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def test_a_file_that_kills_its_worker_three_times_is_refused_and_the_queue_goes_on(
    stack: Stack, photo: bytes, video: bytes, short_video: bytes
) -> None:
    Visitor(stack.public_url).send("A deadly video", files=[video])
    for attempt in (1, 2, 3):
        wait_until(lambda number=attempt: rows(stack)[1] == ("rebuilding", "", number), 60, f"attempt {attempt}")
        for process in list_descendants(stack.children[VIDEO_WORKER].process.pid)[1:]:
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: rows(stack)[1] == ("refused", "deadly", 3), 60, "it is refused")
    Visitor(stack.public_url).send("The next", files=[short_video, photo])
    wait_until(lambda: states(stack) == ["ready", "ready"], 90, "the next is ready")

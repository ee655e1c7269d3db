"""Rebuilt video and audio contain picture and sound alone, and play in every browser."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from file_cleaning import MediaKind, RefusalReason, launcher, limits
from file_cleaning.formats import FileFormat
from tests.file_cleaning import sample_files, traces
from tests.file_cleaning.sample_files import make_recording, make_video
from tests.file_cleaning.test_images import rebuilt, refused


def streams(path: Path) -> list[dict[str, object]]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    found: list[dict[str, object]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
        "streams"
    ]
    return found


H264 = ("-c:v", "libx264", "-preset", "ultrafast")
FILMS = {
    "mp4": lambda: make_video(*H264, "-c:a", "aac", sound=True),
    "mov, ten bits": lambda: make_video("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", form="mov"),
    "index at the end, in pieces": lambda: make_video(*H264, "-movflags", "frag_keyframe+empty_moov"),
    "webm": lambda: make_video("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", form="webm", sound=True),
    "everything in a mkv": sample_files.video_with_extra_streams,
    "avi": lambda: make_video("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le", form="avi", sound=True),
    "transport stream": lambda: make_video("-c:v", "mpeg2video", "-c:a", "mp2", form="mpegts", sound=True),
    "camcorder's": lambda: make_video(*H264, "-mpegts_m2ts_mode", "1", form="mpegts"),
    "3gp": lambda: make_video("-c:v", "h263", "-c:a", "aac", "-s", "352x288", form="3gp", sound=True),
    "odd sizes, all colours": lambda: make_video(*H264, "-pix_fmt", "yuv444p", size="321x181"),
    "silent": lambda: make_video(*H264),
    "slow motion": lambda: make_video(*H264, rate="240"),
}


@pytest.mark.parametrize("make", FILMS.values(), ids=FILMS)
def test_a_video_plays_in_every_browser(make: sample_files.FileMaker, folder: Path) -> None:
    result = rebuilt(make(), folder)

    assert result.kind is MediaKind.VIDEO
    assert [part.role for part in result.parts] == ["video", "poster", "thumbnail"]
    assert traces.find_traces(result) == []
    whole = result.parts[0].path
    assert traces.count_sei_units(whole) == 0
    picture, *sound = streams(whole)
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert all(track["codec_name"] == "aac" for track in sound)
    assert result.duration_seconds == pytest.approx(1, abs=0.3)
    raw = whole.read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")  # playable before the whole file has arrived


def test_a_rotated_video_becomes_upright(folder: Path) -> None:
    result = rebuilt(sample_files.rotated_video(), folder)
    assert traces.find_traces(result) == []
    assert (result.parts[0].width, result.parts[0].height) == (180, 320)
    assert Image.open(result.parts[1].path).size == (180, 320)


@pytest.mark.parametrize(
    ("size", "expected"), [("2560x1440", (1920, 1080)), ("1440x2560", (1080, 1920)), ("321x181", (320, 180))]
)
def test_large_videos_are_scaled_down(size: str, expected: tuple[int, int], folder: Path) -> None:
    result = rebuilt(make_video(*H264, "-pix_fmt", "yuv444p", "-frames:v", "3", size=size), folder)
    assert (result.parts[0].width, result.parts[0].height) == expected


def test_non_square_pixels_become_square(folder: Path) -> None:
    result = rebuilt(make_video(*H264, "-vf", "setsar=2", "-frames:v", "3"), folder)
    assert (result.parts[0].width, result.parts[0].height) == (640, 180)


def test_frame_rate_is_limited_to_sixty(folder: Path) -> None:
    result = rebuilt(FILMS["slow motion"](), folder)
    assert streams(result.parts[0].path)[0]["avg_frame_rate"] == "60/1"


RECORDINGS = {
    "mp3": sample_files.mp3_with_pictures,
    "m4a": lambda: make_recording("-c:a", "aac", form="ipod"),
    "lossless m4a": lambda: make_recording("-c:a", "alac", form="ipod"),
    "aac": lambda: make_recording("-c:a", "aac", form="adts"),
    "ogg": lambda: make_recording("-c:a", "libvorbis", form="ogg"),
    "opus": lambda: make_recording("-c:a", "libopus", form="ogg"),
    "wav": sample_files.wav_with_broadcast_chunks,
    "telephone": lambda: make_recording("-c:a", "pcm_alaw", form="wav", rate=8000),
    "flac": lambda: make_recording("-c:a", "flac", form="flac", rate=96_000),
    "amr": lambda: make_recording("-c:a", "libopencore_amrnb", form="amr", rate=8000),
    "voice note": lambda: make_recording("-c:a", "libopencore_amrnb", form="3gp", rate=8000),
    "six channels": lambda: make_recording("-c:a", "aac", form="ipod", channels=6),
    "sound in an mp4": lambda: make_recording("-c:a", "aac", form="mp4"),
    "sound in a webm": lambda: make_recording("-c:a", "libopus", form="webm"),
}


@pytest.mark.parametrize("make", RECORDINGS.values(), ids=RECORDINGS)
def test_a_recording_plays_in_every_browser(make: sample_files.FileMaker, folder: Path) -> None:
    result = rebuilt(make(), folder)

    assert result.kind is MediaKind.AUDIO
    assert traces.find_traces(result) == []
    (sound,) = streams(result.parts[0].path)
    assert sound["codec_name"] == "aac"
    assert int(str(sound["channels"])) <= 2
    assert sound["sample_rate"] in ("32000", "44100", "48000")
    assert result.duration_seconds == pytest.approx(1, abs=0.1)


def test_refuses_a_video_that_is_too_long(folder: Path) -> None:
    hours = str(limits.VIDEO_SECONDS + 60)
    content = make_video(*H264, "-vf", f"setpts=PTS*{hours}", "-fps_mode", "vfr", rate="2", size="32x32")
    assert refused(content, folder) is RefusalReason.TOO_LONG


def test_refuses_a_video_that_is_too_wide(folder: Path) -> None:
    assert (
        refused(make_video("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", form="avi", size="16000x2"), folder)
        is RefusalReason.TOO_LARGE
    )


def test_refuses_an_mp4_without_its_index(folder: Path) -> None:
    content = make_video(*H264)
    assert refused(content[: len(content) // 3], folder) is RefusalReason.DAMAGED


@pytest.mark.parametrize("make", [FILMS["webm"], FILMS["transport stream"], FILMS["avi"]])
def test_other_truncated_videos_keep_what_arrived(make: sample_files.FileMaker, folder: Path) -> None:
    content = make()
    result = rebuilt(content[: len(content) * 2 // 3], folder)
    assert 0.2 < (result.duration_seconds or 0) < 1.1


def texts_that_fetch(address: str) -> dict[str, str]:
    return {
        "playlist": f"#EXTM3U\n#EXTINF:1,\n{address}/a.ts\n",
        "list of files": f"ffconcat version 1.0\nfile '{address}/a.mp4'\n",
        "session": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {address.rpartition(':')[2]} RTP/AVP 96\n",
    }


@pytest.mark.parametrize("text", texts_that_fetch(""))
@pytest.mark.parametrize("taken_for", [FileFormat.MOV, FileFormat.MATROSKA, FileFormat.MPEGTS, FileFormat.MP3])
def test_never_opens_a_url_that_a_file_names(
    text: str, taken_for: FileFormat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if detection took such a file for a video: ffmpeg gets the format by name."""
    monkeypatch.setattr(launcher, "detect_format", lambda head: taken_for)
    monkeypatch.setattr(launcher, "detect_kind", lambda head: MediaKind.VIDEO)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"

        assert refused(texts_that_fetch(address)[text].encode(), folder) is RefusalReason.DAMAGED
        with pytest.raises(BlockingIOError):
            listener.accept()

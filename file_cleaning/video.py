"""Video and sound: ffmpeg decodes and encodes anew, picture and sound alone. Runs in the confined process only.

ffmpeg reads the one descriptor it is given (protocol `fd`), by the one demuxer that the file's first bytes call for, with
the decoders listed here; whatever a file names inside is neither opened nor fetched.
"""

from __future__ import annotations

import ctypes
import importlib
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from file_cleaning import limits
from file_cleaning.formats import Format, MediaKind
from file_cleaning.pixels import flat, smaller, upright
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile
from file_cleaning.sandbox import PR_SET_PDEATHSIG

# What phones, cameras, recorders and messengers write.
_DECODERS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,libvpx,libvpx-vp9,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,h263,h263i,h263p,mjpeg,"
    "mpeg1video,mpeg2video,prores,dvvideo,vc1,wmv3,theora,rawvideo,"
    "aac,aac_fixed,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,libvorbis,flac,alac,amrnb,amrwb,"
    "libopencore_amrnb,libopencore_amrwb,speex,libspeex,gsm,gsm_ms,adpcm_ima_wav,adpcm_ms,adpcm_yamaha,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_u8,pcm_s8,pcm_alaw,"
    "pcm_mulaw,pcm_bluray"
)
_MAX_STREAMS = 40
_COVER_ART = 0x400  # AV_DISPOSITION_ATTACHED_PIC
_FRAMES_A_SECOND_OF_ANIMATIONS = 25
# Nothing of the source's tables, none of ours either: bitexact leaves out the encoders' names and the time of writing.
_NOTHING_ELSE = (
    "-map_metadata -1 -map_metadata:s -1 -map_chapters -1 -sn -dn -fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
    " -write_tmcd 0 -movflags +faststart"
)
# `veryfast` by measurement (bench/file_cleaning.py). x264 writes its settings into a unit of type 6 (SEI), where sources too
# have captions and serial numbers: those units are removed.
_PICTURE = "-c:v libx264 -preset veryfast -crf 23 -profile:v high -g 120 -a53cc 0 -bsf:v filter_units=remove_types=6"

_SOUND = "-c:a aac -b:a 128k -af aresample=async=1:first_pts=0"
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Streams:
    """What of a file is used: numbers of its streams, seconds, frames a second."""

    picture: int | None
    sound: int | None
    duration: float | None
    frame_rate: float = 0.0
    pixel_shape: float = 1.0  # width by height
    channels: int = 2
    sample_rate: int = 48_000


def prepare(_found: Format) -> Path | None:
    importlib.import_module("av")
    importlib.import_module("PIL.JpegImagePlugin")
    return program()


def program() -> Path:
    """The ffmpeg of the package imageio-ffmpeg. Raises RuntimeError where there is none for this machine."""
    return Path(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()).resolve()


def rebuild(source: BinaryIO, found: Format, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
    """A video where there is a picture, else a recording. Raises RefusedError: too long, too large, damaged."""
    streams = _look(source, found)
    longest = limits.AUDIO_SECONDS if streams.picture is None else limits.VIDEO_SECONDS
    if streams.duration and streams.duration > longest:
        raise FileRefusedError(RefusalReason.TOO_LONG)
    os.lseek(0, 0, os.SEEK_SET)
    given = ["-protocol_whitelist", "fd", "-format_whitelist", found, "-codec_whitelist", _DECODERS]
    given += ["-max_streams", str(_MAX_STREAMS), "-f", found, "-fd", "0", "-i", "fd:"]
    made = into / ("audio.m4a" if streams.picture is None else "video.mp4")
    with _started(["-progress", "pipe:1", *given, "-t", str(longest), *_wanted(streams)], made, 0) as running:
        for line in running.stdout or ():
            name, _, value = line.partition(b"=")
            if name == b"out_time_us" and streams.duration and value.strip().isdigit():
                progress(min(int(int(value) / 1e6 / streams.duration * 98), 98))
    _judge(running, made)
    return _finished(made, into, longest)


def _wanted(streams: Streams) -> list[str]:
    """ffmpeg's arguments for the streams that are kept."""
    wanted = []
    if streams.picture is not None:
        filters = _filters(streams.frame_rate, streams.pixel_shape)
        wanted += ["-map", f"0:{streams.picture}", *_PICTURE.split(), "-vf", filters, "-fps_mode", "vfr"]
    if streams.sound is not None:
        wanted += ["-map", f"0:{streams.sound}", *_SOUND.split(), "-ac", str(streams.channels)]
        wanted += ["-ar", str(streams.sample_rate)]
    return wanted


def animation(image: Any, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
    """The frames of an animated picture as a silent video, shortened to the limits."""
    first = flat(upright(image)).convert("RGB")
    given = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{first.width}x{first.height}"]
    given += ["-framerate", str(_FRAMES_A_SECOND_OF_ANIMATIONS), "-protocol_whitelist", "pipe", "-i", "pipe:0"]
    made = into / "video.mp4"
    with (
        _started([*given, *_PICTURE.split(), "-vf", _filters()], made, subprocess.PIPE) as running,
        suppress(BrokenPipeError),
    ):
        assert running.stdin
        for frame in _frames(image, first.size):
            running.stdin.write(frame)
        running.stdin.close()
    _judge(running, made)
    progress(95)
    return _finished(made, into, limits.VIDEO_SECONDS)


def _frames(image: Any, size: tuple[int, int]) -> Iterator[bytes]:
    """RGB of each step of time, a frame as often as it is shown; what a damaged file has of them."""
    shown = 0.0
    for number in range(limits.ANIMATION_FRAMES):
        try:
            image.seek(number)
            frame = flat(upright(image)).convert("RGB")
        except (EOFError, OSError, ValueError, SyntaxError):
            return
        # Browsers show frames without a time, or with less than two hundredths, for a tenth of a second.
        milliseconds = float(image.info.get("duration") or 0)
        before = round(shown * _FRAMES_A_SECOND_OF_ANIMATIONS)
        shown = min(shown + (milliseconds if milliseconds >= 20 else 100) / 1000, limits.ANIMATION_SECONDS)
        pixels = (frame if frame.size == size else frame.resize(size)).tobytes()
        for _ in range(max(round(shown * _FRAMES_A_SECOND_OF_ANIMATIONS) - before, 0 if number else 1)):
            yield pixels
        if shown >= limits.ANIMATION_SECONDS:
            return


def _look(source: BinaryIO, found: Format) -> Streams:
    """Which streams are used and how long they are. Raises RefusedError for no stream, or a picture out of limits."""
    import av

    try:
        with _open(source, found) as container:
            picture = next((stream for stream in container.streams.video if _is_film(stream)), None)
            sound = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
            if picture is None and sound is None:
                raise FileRefusedError(RefusalReason.DAMAGED)
            duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
            longest = limits.AUDIO_SECONDS if picture is None else limits.VIDEO_SECONDS
            if duration and duration > longest:
                duration = _measured(container, picture or sound, longest)
            rate = (sound.codec_context.sample_rate or 0) if sound else 0
            return Streams(
                picture=picture.index if picture else None,
                sound=sound.index if sound else None,
                duration=duration,
                frame_rate=float(picture.average_rate or picture.guessed_rate or 0) if picture else 0.0,
                pixel_shape=_pixel_shape(picture) if picture else 1.0,
                channels=min(sound.codec_context.channels or 1, 2) if sound else 2,
                sample_rate=rate if rate in (32_000, 44_100) else 48_000,
            )
    except (av.FFmpegError, ValueError):
        raise FileRefusedError(RefusalReason.DAMAGED) from None


def _open(source: BinaryIO, found: Format) -> Any:
    import av

    source.seek(0)
    options = {"format_whitelist": found.value, "protocol_whitelist": "", "max_streams": str(_MAX_STREAMS)}
    return av.open(source, format=found.value, options=options | {"codec_whitelist": _DECODERS})


def _is_film(stream: Any) -> bool:
    """False for cover art and streams without a known picture. Raises RefusedError for one out of limits."""
    context = stream.codec_context
    if context is None or int(stream.disposition) & _COVER_ART or not (context.width and context.height):
        return False
    if max(context.width, context.height) > limits.VIDEO_EDGE:
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    return True


def _pixel_shape(stream: Any) -> float:
    """Width of a pixel by its height; 1 where nothing or nonsense is said. Television knows 0.9 to 1.5."""
    shape = float(stream.sample_aspect_ratio or 1)
    return shape if 0.25 <= shape <= 4 else 1.0


def _measured(container: Any, stream: Any, longest: int) -> float:
    """Seconds by the packets there are, for files that claim more than is taken. Stops once they are too long."""
    seconds = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base:
            seconds = max(seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if seconds > longest:
                break
    return seconds


def _filters(frame_rate: float = 0, pixel_shape: float = 1) -> str:
    """Square pixels, at most 1080p in either orientation, even sizes, eight bits. ffmpeg turns the picture before these."""
    long, short = limits.VIDEO_LONG_EDGE, limits.VIDEO_SHORT_EDGE
    wide = "gte(iw,ih)"
    width = f"min(iw,if({wide},{long},{short}))"
    height = f"min(ih,if({wide},{short},{long}))"
    scale = f"scale=w='{width}':h='{height}':force_original_aspect_ratio=decrease:force_divisible_by=2:out_range=tv"
    fewer = [f"fps={limits.VIDEO_FRAME_RATE}"] if frame_rate > limits.VIDEO_FRAME_RATE + 1 else []
    square = ["scale=w='iw*sar':h=ih", "setsar=1"] if pixel_shape != 1 else []
    return ",".join([*fewer, *square, scale, "setsar=1", "format=yuv420p"])


def _started(arguments: list[str], made: Path, source: int) -> subprocess.Popen[bytes]:
    threads = str(min(os.cpu_count() or 2, 8))
    command = [str(program()), "-nostdin", "-hide_banner", "-loglevel", "quiet", "-nostats", "-y", "-threads", threads]
    command += [*arguments, "-threads", threads, *_NOTHING_ELSE.split(), f"file:{made}"]
    said = subprocess.DEVNULL if source == subprocess.PIPE else subprocess.PIPE
    return subprocess.Popen(
        command,
        stdin=source,
        stdout=said,
        stderr=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (one system call)
    )


def _judge(ended: subprocess.Popen[bytes], made: Path) -> None:
    """Raises RefusedError when ffmpeg failed or was stopped by a limit."""
    if ended.returncode in (-signal.SIGXFSZ, -signal.SIGXCPU):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    if ended.returncode != 0 or not made.exists():
        raise FileRefusedError(RefusalReason.DAMAGED)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _finished(made: Path, into: Path, longest: int) -> RebuiltFile:
    """Look at what came out: its length, its size, and of a video a picture. Raises RefusedError where there is nothing."""
    import av

    try:
        with av.open(str(made), format="mp4") as container:
            duration = (container.duration or 0) / av.time_base
            if duration >= longest:
                raise FileRefusedError(RefusalReason.TOO_LONG)
            if not container.streams.video:
                return RebuiltFile(MediaKind.AUDIO, [OutputPart("audio", made, "audio/mp4")], duration=duration)
            frame = _poster(container, duration)
    except (av.FFmpegError, StopIteration):
        raise FileRefusedError(RefusalReason.DAMAGED) from None
    size = (frame.width, frame.height)
    parts = [
        OutputPart("video", made, "video/mp4", *size),
        *smaller(frame, into, ("poster", "thumbnail")),
    ]
    return RebuiltFile(MediaKind.VIDEO, parts, duration=duration)


def _poster(container: Any, duration: float) -> Any:
    """A frame shortly after the beginning, where many films are still black."""
    with_offset = min(1.0, duration / 2)
    frame = None
    for frame in container.decode(video=0):
        if not math.isfinite(frame.time or 0) or (frame.time or 0) >= with_offset:
            break
    if frame is None:
        raise StopIteration
    return frame.to_image()

"""Rebuild video and audio with ffmpeg, which decodes and re-encodes picture and sound alone.

Runs in the confined process only. ffmpeg reads a single descriptor (protocol `fd`) with the one demuxer that the file's
head calls for and the decoders listed here; it neither opens nor fetches anything that a file refers to.
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
from file_cleaning.confinement.sandbox import PR_SET_PDEATHSIG
from file_cleaning.formats import FileFormat, MediaKind
from file_cleaning.pixels import flatten, normalize, write_reduced_jpegs
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile

# Codecs that phones, cameras, recorders and messengers write.
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
_ANIMATION_FRAME_RATE = 25
# Drop the source's metadata and write none of ours: bitexact leaves out the encoders' names and the time of writing.
_STRIP_METADATA = (
    "-map_metadata -1 -map_metadata:s -1 -map_chapters -1 -sn -dn -fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
    " -write_tmcd 0 -movflags +faststart"
)
# `veryfast` was chosen by measurement (bench/file_cleaning.py). Units of type 6 (SEI) are removed: x264 writes its settings
# there, and cameras captions and serial numbers.
_ENCODE_VIDEO = (
    "-c:v libx264 -preset veryfast -crf 23 -profile:v high -g 120 -a53cc 0 -bsf:v filter_units=remove_types=6"
)
_ENCODE_AUDIO = "-c:a aac -b:a 128k -af aresample=async=1:first_pts=0"
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class SelectedStreams:
    """The streams of a file that are re-encoded."""

    video_index: int | None
    audio_index: int | None
    duration_seconds: float | None
    frame_rate: float = 0.0  # frames per second
    pixel_aspect: float = 1.0  # width by height
    channels: int = 2
    sample_rate: int = 48_000  # hertz


def prepare(_file_format: FileFormat) -> Path | None:
    """Import the libraries that inspect files. Returns ffmpeg's path."""
    importlib.import_module("av")
    importlib.import_module("PIL.JpegImagePlugin")
    return find_ffmpeg()


def find_ffmpeg() -> Path:
    """Return the path of ffmpeg in the package imageio-ffmpeg. Raises RuntimeError if it has none for this machine."""
    return Path(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()).resolve()


def rebuild(
    source: BinaryIO, file_format: FileFormat, output_folder: Path, report_progress: Callable[[int], None]
) -> RebuiltFile:
    """Re-encode a video, or audio if there is no picture. Raises FileRefusedError if it is too long, too large or damaged."""
    streams = _select_streams(source, file_format)
    max_seconds = limits.AUDIO_SECONDS if streams.video_index is None else limits.VIDEO_SECONDS
    if streams.duration_seconds and streams.duration_seconds > max_seconds:
        raise FileRefusedError(RefusalReason.TOO_LONG)
    os.lseek(0, 0, os.SEEK_SET)
    arguments = ["-progress", "pipe:1"]
    arguments += ["-protocol_whitelist", "fd", "-format_whitelist", file_format, "-codec_whitelist", _DECODERS]
    arguments += ["-max_streams", str(_MAX_STREAMS), "-f", file_format, "-fd", "0", "-i", "fd:"]
    arguments += ["-t", str(max_seconds), *_build_output_arguments(streams)]
    output = output_folder / ("audio.m4a" if streams.video_index is None else "video.mp4")
    with _start_ffmpeg(arguments, output, 0) as ffmpeg:
        for line in ffmpeg.stdout or ():
            name, _, value = line.partition(b"=")
            if name == b"out_time_us" and streams.duration_seconds and value.strip().isdigit():
                report_progress(min(int(int(value) / 1e6 / streams.duration_seconds * 98), 98))
    _check_exit(ffmpeg, output)
    return _inspect_output(output, output_folder, max_seconds)


def _build_output_arguments(streams: SelectedStreams) -> list[str]:
    """Return ffmpeg's arguments for re-encoding the selected streams."""
    arguments = []
    if streams.video_index is not None:
        filters = _build_filters(streams.frame_rate, streams.pixel_aspect)
        arguments += ["-map", f"0:{streams.video_index}", *_ENCODE_VIDEO.split(), "-vf", filters, "-fps_mode", "vfr"]
    if streams.audio_index is not None:
        arguments += ["-map", f"0:{streams.audio_index}", *_ENCODE_AUDIO.split(), "-ac", str(streams.channels)]
        arguments += ["-ar", str(streams.sample_rate)]
    return arguments


def encode_animation(image: Any, output_folder: Path, report_progress: Callable[[int], None]) -> RebuiltFile:
    """Encode the frames of an animated picture as a silent video, cut to the limits. Raises FileRefusedError."""
    first = flatten(normalize(image)).convert("RGB")
    arguments = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{first.width}x{first.height}"]
    arguments += [
        "-framerate",
        str(_ANIMATION_FRAME_RATE),
        "-protocol_whitelist",
        "pipe",
        "-i",
        "pipe:0",
        *_ENCODE_VIDEO.split(),
        "-vf",
        _build_filters(),
    ]
    output = output_folder / "video.mp4"
    with (
        _start_ffmpeg(arguments, output, subprocess.PIPE) as ffmpeg,
        suppress(BrokenPipeError),
    ):
        assert ffmpeg.stdin
        for frame in _render_frames(image, first.size):
            ffmpeg.stdin.write(frame)
        ffmpeg.stdin.close()
    _check_exit(ffmpeg, output)
    report_progress(95)
    return _inspect_output(output, output_folder, limits.VIDEO_SECONDS)


def _render_frames(image: Any, size: tuple[int, int]) -> Iterator[bytes]:
    """Yield RGB pixels at _ANIMATION_FRAME_RATE, each frame as often as its time calls for. Stops where a file is damaged."""
    elapsed_seconds = 0.0
    for number in range(limits.ANIMATION_FRAMES):
        try:
            image.seek(number)
            frame = flatten(normalize(image)).convert("RGB")
        except (EOFError, OSError, ValueError, SyntaxError):
            return
        # Browsers show frames without a time, or with less than two hundredths, for a tenth of a second.
        milliseconds = float(image.info.get("duration") or 0)
        frames_before = round(elapsed_seconds * _ANIMATION_FRAME_RATE)
        elapsed_seconds += (milliseconds if milliseconds >= 20 else 100) / 1000
        elapsed_seconds = min(elapsed_seconds, limits.ANIMATION_SECONDS)
        pixels = (frame if frame.size == size else frame.resize(size)).tobytes()
        frames_due = round(elapsed_seconds * _ANIMATION_FRAME_RATE) - frames_before
        for _ in range(max(frames_due, 0 if number else 1)):
            yield pixels
        if elapsed_seconds >= limits.ANIMATION_SECONDS:
            return


def _select_streams(source: BinaryIO, file_format: FileFormat) -> SelectedStreams:
    """Choose the first video and audio stream. Raises FileRefusedError if there is none or the picture is too large."""
    import av

    try:
        with _open_container(source, file_format) as container:
            video = next((stream for stream in container.streams.video if _is_usable_video(stream)), None)
            audio = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
            if video is None and audio is None:
                raise FileRefusedError(RefusalReason.DAMAGED)
            duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
            max_seconds = limits.AUDIO_SECONDS if video is None else limits.VIDEO_SECONDS
            if duration and duration > max_seconds:
                duration = _measure_duration(container, video or audio, max_seconds)
            sample_rate = (audio.codec_context.sample_rate or 0) if audio else 0
            return SelectedStreams(
                video_index=video.index if video else None,
                audio_index=audio.index if audio else None,
                duration_seconds=duration,
                frame_rate=float(video.average_rate or video.guessed_rate or 0) if video else 0.0,
                pixel_aspect=_read_pixel_aspect(video) if video else 1.0,
                channels=min(audio.codec_context.channels or 1, 2) if audio else 2,
                sample_rate=sample_rate if sample_rate in (32_000, 44_100) else 48_000,
            )
    except (av.FFmpegError, ValueError):
        raise FileRefusedError(RefusalReason.DAMAGED) from None


def _open_container(source: BinaryIO, file_format: FileFormat) -> Any:
    import av

    source.seek(0)
    options = {"format_whitelist": file_format.value, "protocol_whitelist": "", "max_streams": str(_MAX_STREAMS)}
    return av.open(source, format=file_format.value, options=options | {"codec_whitelist": _DECODERS})


def _is_usable_video(stream: Any) -> bool:
    """Return False for cover art and unknown codecs. Raises FileRefusedError if the picture is too large."""
    context = stream.codec_context
    if context is None or int(stream.disposition) & _COVER_ART or not (context.width and context.height):
        return False
    if max(context.width, context.height) > limits.VIDEO_EDGE:
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    return True


def _read_pixel_aspect(stream: Any) -> float:
    """Return the width of a pixel by its height; 1 if missing or implausible. Television uses 0.9 to 1.5."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 0.25 <= aspect <= 4 else 1.0


def _measure_duration(container: Any, stream: Any, max_seconds: int) -> float:
    """Return the duration in seconds by the packets, since headers may claim too much. Stops once it is over the maximum."""
    seconds = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base:
            seconds = max(seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if seconds > max_seconds:
                break
    return seconds


def _build_filters(frame_rate: float = 0, pixel_aspect: float = 1) -> str:
    """Return ffmpeg filters for square pixels, at most 1080p in either orientation, even sizes and eight bits.

    ffmpeg rotates the picture upright before these.
    """
    long_edge, short_edge = limits.VIDEO_LONG_EDGE, limits.VIDEO_SHORT_EDGE
    is_wide = "gte(iw,ih)"
    width = f"min(iw,if({is_wide},{long_edge},{short_edge}))"
    height = f"min(ih,if({is_wide},{short_edge},{long_edge}))"
    scale = f"scale=w='{width}':h='{height}':force_original_aspect_ratio=decrease:force_divisible_by=2:out_range=tv"
    reduce_rate = [f"fps={limits.VIDEO_FRAME_RATE}"] if frame_rate > limits.VIDEO_FRAME_RATE + 1 else []
    square_pixels = ["scale=w='iw*sar':h=ih", "setsar=1"] if pixel_aspect != 1 else []
    return ",".join([*reduce_rate, *square_pixels, scale, "setsar=1", "format=yuv420p"])


def _start_ffmpeg(arguments: list[str], output: Path, source: int) -> subprocess.Popen[bytes]:
    threads = str(min(os.cpu_count() or 2, 8))
    command = [
        str(find_ffmpeg()),
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "quiet",
        "-nostats",
        "-y",
        "-threads",
        threads,
    ]
    command += [*arguments, "-threads", threads, *_STRIP_METADATA.split(), f"file:{output}"]
    progress_pipe = subprocess.DEVNULL if source == subprocess.PIPE else subprocess.PIPE
    return subprocess.Popen(
        command,
        stdin=source,
        stdout=progress_pipe,
        stderr=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (one system call)
    )


def _check_exit(ffmpeg: subprocess.Popen[bytes], output: Path) -> None:
    """Raise FileRefusedError if ffmpeg failed or was stopped by a limit."""
    if ffmpeg.returncode in (-signal.SIGXFSZ, -signal.SIGXCPU):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    if ffmpeg.returncode != 0 or not output.exists():
        raise FileRefusedError(RefusalReason.DAMAGED)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _inspect_output(output: Path, output_folder: Path, max_seconds: int) -> RebuiltFile:
    """Measure ffmpeg's output and make a poster of a video. Raises FileRefusedError if it is empty or too long."""
    import av

    try:
        with av.open(str(output), format="mp4") as container:
            duration = (container.duration or 0) / av.time_base
            if duration >= max_seconds:
                raise FileRefusedError(RefusalReason.TOO_LONG)
            if not container.streams.video:
                return RebuiltFile(
                    MediaKind.AUDIO, [OutputPart("audio", output, "audio/mp4")], duration_seconds=duration
                )
            poster = _pick_poster(container, duration)
    except (av.FFmpegError, StopIteration):
        raise FileRefusedError(RefusalReason.DAMAGED) from None
    size = (poster.width, poster.height)
    parts = [
        OutputPart("video", output, "video/mp4", *size),
        *write_reduced_jpegs(poster, output_folder, ("poster", "thumbnail")),
    ]
    return RebuiltFile(MediaKind.VIDEO, parts, duration_seconds=duration)


def _pick_poster(container: Any, duration_seconds: float) -> Any:
    """Return a frame shortly after the beginning, where many videos are still black. Raises StopIteration for none."""
    earliest_seconds = min(1.0, duration_seconds / 2)
    frame = None
    for frame in container.decode(video=0):
        if not math.isfinite(frame.time or 0) or (frame.time or 0) >= earliest_seconds:
            break
    if frame is None:
        raise StopIteration
    return frame.to_image()

"""Kinds of media and the file formats we accept for each."""

from __future__ import annotations

from enum import StrEnum

HEAD_BYTES = 64 * 1024  # of a file's beginning, enough to detect its format


class MediaKind(StrEnum):
    """The kind of a file. The values are stored and part of the JSON that pages read."""

    PHOTO = "photo"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


class FileFormat(StrEnum):
    """A container or codec we accept. The values of video and audio are the names of ffmpeg's demuxers."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    HEIF = "heif"
    AVIF = "avif"
    BMP = "bmp"
    MOV = "mov"  # MP4, QuickTime, 3GP, M4A: one family
    MATROSKA = "matroska"  # and WebM
    AVI = "avi"
    MPEGTS = "mpegts"
    MP3 = "mp3"
    AAC = "aac"
    OGG = "ogg"
    WAV = "wav"
    AMR = "amr"
    FLAC = "flac"
    PDF = "pdf"


PHOTO_FORMATS = frozenset(
    {
        FileFormat.JPEG,
        FileFormat.PNG,
        FileFormat.WEBP,
        FileFormat.GIF,
        FileFormat.TIFF,
        FileFormat.HEIF,
        FileFormat.AVIF,
        FileFormat.BMP,
    }
)
AUDIO_FORMATS = frozenset(
    {FileFormat.MP3, FileFormat.AAC, FileFormat.OGG, FileFormat.WAV, FileFormat.AMR, FileFormat.FLAC}
)

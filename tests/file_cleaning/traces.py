"""Find what a rebuilt file still reveals of a person, place, device or time, with exiftool and ffprobe."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from file_cleaning import RebuiltFile

CANARIES = (b"CANARY", b"Jane Canary")
# Tags that our own encoders write; anything else is a trace.
_PICTURE = "JFIFVersion ResolutionUnit XResolution YResolution ImageWidth ImageHeight AlphaIsUsed"
_PDF = "PDFVersion Linearized PageCount"
_MP4 = """
    MajorBrand MinorVersion CompatibleBrands MovieHeaderVersion TimeScale Duration PreferredRate PreferredVolume
    MatrixStructure PreviewTime PreviewDuration PosterTime SelectionTime SelectionDuration CurrentTime NextTrackID
    HandlerType HandlerVendorID HandlerDescription MediaDataSize MediaDataOffset TrackHeaderVersion TrackID TrackDuration
    TrackLayer TrackVolume ImageWidth ImageHeight MediaHeaderVersion MediaTimeScale MediaDuration MediaLanguageCode
    GraphicsMode OpColor CompressorID CompressorName SourceImageWidth SourceImageHeight XResolution YResolution BitDepth
    PixelAspectRatio BufferSize MaxBitrate AverageBitrate VideoFrameRate Balance AudioFormat AudioChannels
    AudioBitsPerSample AudioSampleRate ColorProfiles ColorPrimaries TransferCharacteristics MatrixCoefficients
    VideoFullRangeFlag
"""
NEUTRAL = {".jpg": _PICTURE, ".webp": _PICTURE, ".pdf": _PDF, ".mp4": _MP4, ".m4a": _MP4}
DATES = {"CreateDate", "ModifyDate", "TrackCreateDate", "TrackModifyDate", "MediaCreateDate", "MediaModifyDate"}
FFPROBE = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id", "encoder"}
OWN_VALUES = {"HandlerDescription": ["VideoHandler", "SoundHandler"], "CompressorName": ["Lavc libx264"]}


def find_traces(rebuilt: RebuiltFile) -> list[str]:
    """Return a line for each trace in any part; none if the file is clean."""
    paths = [part.path for part in rebuilt.parts]
    found = _find_exiftool_traces(paths)
    for path in paths:
        if path.suffix in (".mp4", ".m4a"):
            found += _find_ffprobe_traces(path)
        raw = path.read_bytes()
        found += [f"{path.name} bytes {canary!r}" for canary in CANARIES if canary in raw]
    return found


def _find_exiftool_traces(paths: list[Path]) -> list[str]:
    assert shutil.which("exiftool"), "the tests of media need exiftool (Debian: libimage-exiftool-perl)"
    command = ["exiftool", "-q", "-j", "-G1", "-a", "-ee3", *map(str, paths)]
    found = []
    for tags in json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout):
        suffix = Path(tags["SourceFile"]).suffix
        found += [f"{suffix} {name}={value}" for name, value in tags.items() if _is_trace(name, value, suffix)]
    return found


def _is_trace(name: str, value: object, suffix: str) -> bool:
    group, _, tag = name.partition(":")
    if group in ("System", "File", "ExifTool", "Composite", "SourceFile"):
        return tag == "Comment"
    if tag in DATES:
        return value != "0000:00:00 00:00:00"
    return tag not in NEUTRAL[suffix].split() or value not in OWN_VALUES.get(tag, [value])


def _find_ffprobe_traces(path: Path) -> list[str]:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json", str(path)]
    probed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    kinds = [stream["codec_type"] for stream in probed["streams"]]
    found = [f"chapters {probed['chapters']}"] if probed["chapters"] else []
    found += [f"streams {kinds}"] if kinds not in (["video"], ["audio"], ["video", "audio"]) else []
    for part in (probed["format"], *probed["streams"]):
        found += [f"{name}={value}" for name, value in part.get("tags", {}).items() if name not in FFPROBE]
        found += ["side data"] if part.get("side_data_list") else []
    return found


def count_sei_units(path: Path) -> int:
    """Count the SEI units of an H.264 stream (type 6): encoder settings, captions, serial numbers."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-c:v", "copy", "-bsf:v", "h264_mp4toannexb"]
    stream = subprocess.run([*command, "-f", "h264", "-"], capture_output=True, check=True).stdout
    return sum(unit[0] & 31 == 6 for unit in stream.split(b"\0\0\1")[1:] if unit)


def probe_duration_seconds(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

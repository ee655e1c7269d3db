"""Make files like those of phones, cameras, scanners and attackers, with planted names and places."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy
import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

NAME, SERIAL = "Jane Canary", "SN-CANARY-1871"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>{NAME}</dc:creator></x:xmpmeta>'.encode()
PLACE = "+41.8781-087.6298/"


def draw_picture(width: int = 480, height: int = 320) -> Image.Image:
    """Draw a picture with four different corners, so that a rotation shows."""
    across = numpy.linspace(0, 255, width)[None, :].repeat(height, 0)
    down = numpy.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(numpy.dstack([across, down, (across + down) / 4]).astype("uint8"))


def make_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x9286] = "Canary", SERIAL, orientation, NAME
    exif[0x8769] = {0xA431: SERIAL, 0x9003: "2026:01:02 03:04:05"}
    exif[0x8825] = {1: "N", 2: (41.0, 52.0, 41.0), 3: "W", 4: (87.0, 37.0, 47.0)}
    return exif


def encode_picture(image: Image.Image, form: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", NAME * 100, zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return encode_picture(draw_picture(), "PNG", pnginfo=text, exif=make_exif(6).tobytes()) + b"CANARY behind the end"


def jpeg(orientation: int = 6) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encode_picture(
        draw_picture(), "JPEG", exif=make_exif(orientation), comment=NAME.encode(), xmp=XMP, icc_profile=profile
    )


def motion_photo() -> bytes:
    """Make a phone's picture with a second of video after its end."""
    return jpeg() + b"MotionPhoto_Data" + make_video("-c:v", "libx264", "-metadata", f"title={NAME}")


def two_pictures() -> bytes:
    """Make a JPEG with a second one in it, as phones store depth (CIPA DC-007)."""
    return encode_picture(draw_picture(), "MPO", save_all=True, append_images=[draw_picture(90, 60)], exif=make_exif())


def tiff_pages() -> bytes:
    pages = [draw_picture(), draw_picture(300, 400), draw_picture().convert("1")]
    return encode_picture(pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo={315: NAME, 305: SERIAL})


def gif() -> bytes:
    frames = [draw_picture(161, 121).rotate(angle) for angle in (0, 90, 180)]
    return encode_picture(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=500, comment=NAME.encode()
    )


def animated(form: str) -> bytes:
    frames = [draw_picture(160, 120).rotate(angle) for angle in (0, 90, 180)]
    return encode_picture(
        frames[0], form, save_all=True, append_images=frames[1:], duration=500, exif=make_exif().tobytes()
    )


def transparent_png() -> bytes:
    image = draw_picture().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode_picture(image, "PNG")


def sixteen_bit_png() -> bytes:
    return encode_picture(Image.fromarray(numpy.asarray(draw_picture().convert("L")).astype("uint16") * 257), "PNG")


@cache  # several tests begin with the same film
def run_ffmpeg(*arguments: str, form: str, given: bytes = b"") -> bytes:
    """Run the project's ffmpeg. Its output is a file, since most containers need to seek."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "given").write_bytes(given)
        out = Path(folder, "made")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
        words = [word.replace("GIVEN", f"{folder}/given") for word in arguments]
        subprocess.run([*command, *words, "-f", form, str(out)], check=True)
        return out.read_bytes()


def make_video(*coding: str, form: str = "mp4", size: str = "320x180", rate: str = "25", sound: bool = False) -> bytes:
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d=1"]
    tone = ["-f", "lavfi", "-i", "sine=440:d=1"] if sound else []
    names = ["-metadata", f"title={NAME}", "-metadata", f"comment={SERIAL}", "-metadata", f"location={PLACE}"]
    names += ["-metadata", "creation_time=2026-01-02T03:04:05Z", "-metadata:s:v", f"handler_name={NAME}"]
    return run_ffmpeg(*picture, *tone, "-pix_fmt", "yuv420p", *names, *coding, form=form)


def make_recording(*coding: str, form: str, rate: int = 44_100, channels: int = 1) -> bytes:
    tone = ["-f", "lavfi", "-i", f"sine=440:d=1:r={rate}", "-ac", str(channels)]
    names = ["-metadata", f"title={NAME}", "-metadata", f"comment={SERIAL}"]
    return run_ffmpeg(*tone, *names, *coding, form=form)


def rotated_video() -> bytes:
    return run_ffmpeg(
        "-display_rotation", "90", "-i", "GIVEN", "-c", "copy", form="mov", given=make_video("-c:v", "libx264")
    )


def video_with_extra_streams() -> bytes:
    """Make a video with subtitles, an attachment and two sound tracks."""
    subtitles = f"1\n00:00:00,000 --> 00:00:01,000\n{NAME}\n".encode()
    return run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:d=1", "-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "sine=880:d=1"),
        *("-f", "srt", "-i", "GIVEN", "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "libx264", "-c:a", "aac"),
        *("-c:s", "srt", "-attach", "GIVEN", "-metadata:s:t", "mimetype=text/plain", "-metadata:s:t", f"filename={NAME}"),
        form="matroska",
        given=subtitles,
    )  # fmt: skip


def wav_with_broadcast_chunks() -> bytes:
    plain = make_recording("-c:a", "pcm_s16le", form="wav")
    extra = b"".join(
        name + struct.pack("<I", len(content)) + content
        for name, content in ((b"bext", NAME.encode().ljust(602, b"\0")), (b"iXML", XMP + b"\0" * (len(XMP) % 2)))
    )
    return plain[:4] + struct.pack("<I", len(plain) + len(extra) - 8) + plain[8:] + extra


def mp3_with_pictures() -> bytes:
    """Make an MP3 whose ID3 tag has a picture and an object."""
    cover = b"\0image/jpeg\0\x03\0" + jpeg()
    thing = b"\0text/plain\0canary.txt\0\0" + NAME.encode()
    frames = b"".join(
        name + struct.pack(">I", len(content)) + b"\0\0" + content
        for name, content in ((b"APIC", cover), (b"GEOB", thing))
    )
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frames + make_recording("-c:a", "libmp3lame", "-id3v2_version", "0", form="mp3")


def pdf(pages: int = 2, *, size: tuple[float, float] = (612, 792), extra: str = "", content: bytes = b"") -> bytes:
    """Write a PDF with script, form, attachment and metadata, and an update after its end that changes the author."""
    draw = content or b"0.9 0.2 0.1 rg 72 72 200 300 re f"
    kids = " ".join(f"{10 + number} 0 R" for number in range(pages))
    things = {
        1: f"<< /Type /Catalog /Pages 2 0 R /OpenAction 3 0 R /Names << /EmbeddedFiles << /Names [(a.txt) 4 0 R] >> >>"
        f" /AcroForm << /Fields [6 0 R] /XFA ({NAME}) >> /Metadata 7 0 R {extra} >>",
        2: f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>",
        3: "<< /S /JavaScript /JS (app.launchURL\\('http://127.0.0.1:9/'\\)) >>",
        4: "<< /Type /Filespec /F (a.txt) /EF << /F 5 0 R >> >>",
        5: f"<< /Length {len(NAME)} >>\nstream\n{NAME}\nendstream",
        6: f"<< /FT /Tx /T (name) /V ({NAME}) /Subtype /Widget /Rect [0 0 9 9] >>",
        7: f"<< /Type /Metadata /Subtype /XML /Length {len(XMP)} >>\nstream\n{XMP.decode()}\nendstream",
        8: f"<< /Author ({NAME}) /Producer ({SERIAL}) /CreationDate (D:20260102030405Z) >>",
        9: f"<< /Length {len(draw)} >>\nstream\n{draw.decode('latin-1')}\nendstream",
    }
    for number in range(pages):
        things[10 + number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Contents 9 0 R"
            " /AA << /O 3 0 R >> /Resources << >> >>"
        )
    body, starts = b"%PDF-1.7\n", {}
    for number, thing in things.items():
        starts[number] = len(body)
        body += f"{number} 0 obj\n{thing}\nendobj\n".encode("latin-1")
    table = "".join(f"{starts[number]:010} 00000 n \n" for number in sorted(starts))
    end = f"xref\n0 {len(starts) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(starts) + 1} /Root 1 0 R /Info 8 0 R >>"
    body += end.encode() + f"\nstartxref\n{body.__len__()}\n%%EOF\n".encode()
    return body + f"8 0 obj\n<< /Author ({NAME}, later) >>\nendobj\n".encode()


def png_claiming_size(width: int, height: int) -> bytes:
    """Make a PNG that claims a size but has a single row of data."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


FileMaker = Callable[[], bytes]

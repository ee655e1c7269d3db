"""The sealed store: written bytes come back, in any range, and a changed or moved file does not open."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tips import vault
from tips.files import sealed_store

KEY = bytes(range(32))
CHUNK, SEALED = sealed_store.CHUNK_BYTES, sealed_store.SEALED_CHUNK_BYTES


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: object) -> Path:
    settings.MEDIA_STORE = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def written(content: bytes, **about: object) -> uuid.UUID:
    file = uuid.uuid4()
    writer = sealed_store.Writer(file, KEY)
    writer.write(content)
    writer.finish(**about)
    return file


def whole(file: uuid.UUID, key: bytes = KEY) -> bytes:
    with sealed_store.Reader(file, key) as reader:
        return b"".join(reader.read())


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7])
def test_content_survives_writing_and_reading(length: int) -> None:
    content = os.urandom(length)
    file = written(content, kind="photo")
    assert whole(file) == content
    with sealed_store.Reader(file, KEY) as reader:
        assert (reader.length, reader.content) == (length, {"kind": "photo"})


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 10), (CHUNK - 3, CHUNK + 3), (2 * CHUNK, 3 * CHUNK), (3 * CHUNK + 1, 10**9), (5, 5)]
)
def test_a_range_opens_only_its_own_chunks(start: int, stop: int) -> None:
    content = os.urandom(3 * CHUNK + 100)
    with sealed_store.Reader(written(content), KEY) as reader:
        opened = []
        original = vault.open_chunk

        def counted(*args: object, **named: object) -> bytes:
            opened.append(args[3])
            return original(*args, **named)  # type: ignore[arg-type]

        with mock.patch.object(vault, "open_chunk", counted):
            assert b"".join(reader.read(start, stop)) == content[start:stop]
        stop = min(stop, len(content))
        assert opened == list(range(start // CHUNK, -(-stop // CHUNK))) if start < stop else not opened


def test_stored_size_reveals_only_an_order_of_magnitude() -> None:
    sizes = {n: sealed_store._pad_chunk_count(n) for n in range(2000)}
    assert all(n <= padded <= max(n * 1.12, n + 1) for n, padded in sizes.items())
    assert len(set(sizes.values())) < 200
    assert (
        sealed_store.file_path(written(b"x")).stat().st_size
        == sealed_store.file_path(written(b"y" * CHUNK)).stat().st_size
    )


def test_time_of_arrival_is_rounded_on_the_disk_too() -> None:
    assert sealed_store.file_path(written(b"x")).stat().st_mtime % 300 == 0


def _cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - SEALED)


def _swap(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[SEALED : 2 * SEALED] + content[:SEALED] + content[2 * SEALED :])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def _join(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_cut, _swap, _flip, _join, _empty])
def test_damage_is_refused(damage: object) -> None:
    file = written(os.urandom(3 * CHUNK))
    damage(sealed_store.file_path(file))  # type: ignore[operator]
    with pytest.raises(vault.SealError):
        whole(file)


def test_a_file_does_not_open_with_another_key_or_name() -> None:
    file, other = written(b"secret"), uuid.uuid4()
    with pytest.raises(vault.SealError):
        whole(file, bytes(32))
    sealed_store.file_path(other).write_bytes(sealed_store.file_path(file).read_bytes())
    with pytest.raises(vault.SealError):
        whole(other)


def test_the_second_writer_of_a_file_is_refused() -> None:
    file = uuid.uuid4()
    first = sealed_store.Writer(file, KEY)
    with pytest.raises(sealed_store.WriterBusyError):
        sealed_store.Writer(file, KEY)
    first.write(b"kept")
    first.finish()
    assert whole(file) == b"kept"


def test_a_full_disk_is_reported_before_writing(folder: Path) -> None:
    with (
        mock.patch.object(
            sealed_store.shutil, "disk_usage", return_value=mock.Mock(free=sealed_store.MIN_FREE_BYTES - 1)
        ),
        pytest.raises(sealed_store.StoreFullError),
    ):
        sealed_store.Writer(uuid.uuid4(), KEY)
    assert not list(folder.iterdir())


def nonces(file: uuid.UUID) -> list[bytes]:
    content = sealed_store.file_path(file).read_bytes()
    return [content[at : at + vault.NONCE_BYTES] for at in range(0, len(content), SEALED)]


@given(
    sizes=st.lists(st.integers(0, 3 * CHUNK), max_size=6),
    torn=st.lists(st.integers(0, SEALED), min_size=6, max_size=6),
    pieces=st.integers(97, 2 * CHUNK),
)
@hypothesis_settings(deadline=None)
def test_a_file_resumed_after_interruptions_is_complete(sizes: list[int], torn: list[int], pieces: int) -> None:
    """However an upload is cut into pieces: the writer continues at a whole chunk, and no nonce is used twice."""
    content = os.urandom(sum(sizes))
    file = uuid.uuid4()
    seen: set[bytes] = set()
    fresh = 0
    real = os.urandom

    def watched(length: int) -> bytes:
        nonlocal fresh
        value = real(length)
        if length == vault.NONCE_BYTES:
            fresh += 1
            seen.add(value)
        return value

    with mock.patch.object(vault.os, "urandom", watched):
        for size, garbage in zip(sizes, torn, strict=False):
            writer = sealed_store.Writer(file, KEY)
            start = writer.offset
            assert start % CHUNK == 0
            for at in range(start, min(start + size, len(content)), pieces):
                writer.write(content[at : min(at + pieces, start + size, len(content))])
            assert writer.pause() % CHUNK == 0
            with sealed_store.file_path(file).open("ab") as stream:
                stream.write(bytes(garbage % SEALED))  # a chunk that was being written when the power failed
        writer = sealed_store.Writer(file, KEY)
        writer.write(content[writer.offset :])
        writer.finish()
    assert whole(file) == content
    assert len(seen) == fresh
    assert len(set(nonces(file))) == len(nonces(file))


def test_stale_files_were_not_written_to_for_an_hour() -> None:
    old, new = written(b"old"), written(b"new")
    long_ago = sealed_store.file_path(old).stat().st_mtime - 2 * sealed_store.UNSENT_LIFETIME_SECONDS
    os.utime(sealed_store.file_path(old), (long_ago, long_ago))
    assert sealed_store.list_stale_files() == [old]
    sealed_store.remove_files([old, old])
    assert sealed_store.list_stale_files() == []
    assert whole(new) == b"new"


def test_the_store_contains_no_plaintext(folder: Path) -> None:
    file = written(b"CANARY" * 30_000, kind="CANARYKIND")
    assert b"CANARY" not in sealed_store.file_path(file).read_bytes()


@pytest.fixture(autouse=True)
def _quick_disk() -> Iterator[None]:
    with mock.patch.object(sealed_store.os, "fsync"):
        yield

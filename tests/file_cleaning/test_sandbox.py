"""A compromised decoder can reach neither the network nor other files nor other processes."""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path

import pytest

import file_cleaning
from file_cleaning import launcher
from tests.file_cleaning.compromised_decoder import run_and_read_report, take_over
from tests.stack import ROOT

REFUSED = {"PermissionError", "OSError"}
FILM = b"\x1a\x45\xdf\xa3" + b"webm\x86\x85V_VP8"
ON_LINUX = [sys.platform] if sys.platform == "linux" else []
# First bytes of a kind whose process may start nothing, and of one whose process may start ffmpeg.
KINDS = [(b"\xff\xd8\xff\xe0", "images"), (FILM, "video")] if ON_LINUX else []


@pytest.mark.parametrize("system", ON_LINUX)
def test_all_layers_are_active_on_linux(system: str) -> None:
    layers = file_cleaning.probe_sandbox()
    assert layers.seccomp
    assert layers.landlock
    assert layers.memory
    assert layers.is_network_blocked  # user namespaces are the only layer that hosts commonly forbid


@pytest.mark.parametrize(("start", "module"), KINDS, ids=["photo", "film"])
def test_cannot_reach_the_network(
    start: bytes, module: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as local:
        tcp.bind(("127.0.0.1", 0))
        local.bind(str(tmp_path / "s"))
        tcp.listen()
        local.listen()
        attack = f"""
        attempt("tcp", lambda: socket.create_connection({tcp.getsockname()!r}, 2))
        attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", {tcp.getsockname()!r}))
        attempt("unix", lambda: socket.socket(socket.AF_UNIX).connect({str(tmp_path / "s")!r}))
        attempt("pair", lambda: socket.socketpair())
        """
        take_over(monkeypatch, attack, module=module)

        assert set(run_and_read_report(folder, start).values()) <= REFUSED
        assert select.select([tcp, local], [], [], 0)[0] == []


@pytest.mark.parametrize(("start", "module"), KINDS, ids=["photo", "film"])
def test_cannot_reach_other_files(
    start: bytes, module: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("secret")
    (folder / "other").write_text("secret")
    attack = f"""
    attempt("key", lambda: open({str(tmp_path / "key")!r}).read())
    attempt("other file in memory", lambda: open({str(folder / "other")!r}).read())
    attempt("passwd", lambda: open("/etc/passwd").read())
    attempt("settings", lambda: open({str(ROOT / "tipportal" / "settings.py")!r}).read())
    attempt("environment of the worker", lambda: open("/proc/{os.getpid()}/environ").read())
    attempt("memory of the worker", lambda: open("/proc/{os.getpid()}/mem", "rb").read(1))
    attempt("write", lambda: open({str(tmp_path / "new")!r}, "w"))
    attempt("write beside", lambda: open({str(folder / "new")!r}, "w"))
    attempt("link", lambda: os.symlink("/etc/passwd", into / "passwd.jpg"))
    attempt("folder", lambda: os.listdir("/"))
    """
    take_over(monkeypatch, attack, module=module)

    assert set(run_and_read_report(folder, start).values()) == {"PermissionError"}
    assert sorted(path.name for path in folder.iterdir()) == ["into", "other", "source"]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(("start", "module"), KINDS, ids=["photo", "film"])
def test_cannot_reach_other_processes(start: bytes, module: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = """
    libc = ctypes.CDLL(None, use_errno=True)
    attempt("program", lambda: subprocess.run(["/bin/true"]))
    attempt("signal", lambda: os.kill(os.getppid(), 0))
    attempt("away from the group", lambda: os.setsid())
    attempt("trace", lambda: [][libc.ptrace(16, os.getppid(), 0, 0) + 1])
    attempt("namespace", lambda: [][libc.unshare(0x10000000) + 1])
    """
    take_over(monkeypatch, attack, module=module)

    assert set(run_and_read_report(folder, start).values()) <= {*REFUSED, "IndexError"}


@pytest.mark.parametrize("system", ON_LINUX)
def test_the_process_for_a_photo_cannot_start_others(
    system: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(monkeypatch, 'attempt("fork", lambda: os.fork() or os._exit(0))')
    assert run_and_read_report(folder) == {"fork": "PermissionError"}


def test_does_not_inherit_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_PRIVATE_KEYS", "/keys")
    take_over(monkeypatch, 'attempt("names", lambda: " ".join(sorted(os.environ)))')
    names = run_and_read_report(folder)["names"].strip("'").split()
    assert set(names) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"HOME", "LANG", "PATH"}


def test_does_not_inherit_descriptors(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "key").open("w") as stream:
        os.set_inheritable(stream.fileno(), True)
        take_over(monkeypatch, f'attempt("read", lambda: os.fstat({stream.fileno()}).st_ino)')
        assert run_and_read_report(folder)["read"] != repr(os.fstat(stream.fileno()).st_ino)


WITHOUT = {
    "seccomp": "sandbox.pyseccomp = None",
    "landlock": "sandbox.landlockpy = None",
    "namespace": "sandbox._isolate_network = lambda: False",
}


@pytest.mark.parametrize("missing", [*WITHOUT, "seccomp namespace"] if ON_LINUX else [])
def test_logs_a_missing_layer(
    missing: str, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines = "\n".join(WITHOUT[name] for name in missing.split())
    start = launcher._BOOTSTRAP.replace("main()\n", f"from file_cleaning.confinement import sandbox\n{lines}\nmain()\n")
    monkeypatch.setattr(launcher, "_BOOTSTRAP", start)
    monkeypatch.setattr(launcher, "_logged_layers", set())
    source = folder / "source"
    source.write_bytes(b"\xff\xd8\xff\xe0")

    layers = file_cleaning.probe_sandbox()
    with pytest.raises(file_cleaning.FileRefusedError):
        file_cleaning.rebuild(source, folder)

    assert not any(getattr(layers, name) for name in missing.split())
    if missing == "seccomp namespace":
        assert not layers.is_network_blocked
    assert any(record.levelname == "ERROR" for record in caplog.records) != layers.is_network_blocked
    assert any(name in record.getMessage() for record in caplog.records for name in missing.split())

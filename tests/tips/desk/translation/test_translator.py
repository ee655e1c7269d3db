"""The command-line translator: what it may do, and what happens if it fails. Each made-up translator is a Python script."""

from __future__ import annotations

import os
import pwd
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.stack import wait_until
from tipportal.deploy.checks import check_translator
from tips.desk.translation import confined_command, translator
from tips.desk.translation.translator import TranslatorError


@pytest.fixture
def install(tmp_path: Path, settings: Any) -> Any:
    """Make a script the portal's translator."""

    def _install(source: str) -> Path:
        script = tmp_path / "translate.py"
        script.write_text(textwrap.dedent(source))
        settings.TRANSLATE_COMMAND = [sys.executable, "-I", str(script), "--to", "en"]
        return script

    return _install


def test_the_text_comes_by_standard_input_and_the_translation_back(install: Any) -> None:
    install("""
        import os, sys
        text = sys.stdin.read()
        print("EN:", text.upper(), sys.argv[1:], dict(os.environ).keys() - {"LC_CTYPE"}, os.getcwd())
    """)
    assert translator.translate("él vende droga") == "EN: ÉL VENDE DROGA ['--to', 'en'] set() /"
    long = "ñ" * 10_000
    install("import sys; sys.stdout.write(sys.stdin.read())")
    assert translator.translate(long) == long
    install("import sys; sys.stdin.close(); print('did not read')")
    assert translator.translate(long) == "did not read"


def test_what_it_writes_is_cleaned(install: Any) -> None:
    install(r"""
        import sys
        sys.stdout.buffer.write(b"a\xff\x00b\x1e0\x1eperson\x1e\xe2\x80\xae<script>\r\nc")
    """)
    assert translator.translate("x") == "a�b 0 person <script>\nc"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("print('x' * 200_000)", "wrote far too much"),
        ("print('x' * 10_001)", "wrote far too much"),
        ("while True: print('flood')", "wrote far too much"),
        ("pass", "wrote nothing"),
        ("print('half'); raise SystemExit(1)", "failed"),
        ("import os; os.kill(os.getpid(), 9)", "failed"),
        ("x = bytearray(5 * 1024**3)", "failed"),
    ],
)
def test_a_failure_is_a_sentence(install: Any, source: str, sentence: str) -> None:
    install(source)
    with pytest.raises(TranslatorError, match=sentence):
        translator.translate("x")


def test_one_that_hangs_is_stopped_with_all_that_it_started(
    install: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(translator, "SECONDS", 1.0)
    script = install("""
        import os, sys, time
        if os.fork() == 0:
            os.fork()
        time.sleep(600)
    """)
    with pytest.raises(TranslatorError, match="took longer than 1 seconds"):
        translator.translate("a secret word")
    wait_until(lambda: not _is_running(str(script)), 120, "the translator and its children are gone")
    install("import sys, time; print('done'); sys.stdout.flush(); sys.stdout.close(); time.sleep(600)")
    monkeypatch.setattr(translator, "_SECONDS_TO_END", 0.2)
    with pytest.raises(TranslatorError, match="took longer"):
        translator.translate("a secret word")
    assert "secret" not in caplog.text


def _is_running(name: str) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if name.encode() in (folder / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def test_it_has_no_network_no_files_no_programs_and_no_view_of_the_portal(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path.parent / "agency.key"
    key.write_text("private half")
    monkeypatch.setenv("AUDIT_KEY", "secret of the portal")
    script = install(f"""
        import os, socket, subprocess

        def attempt(name, act):
            try:
                print(name, "WORKED", act())
            except Exception as error:
                print(name, "refused", type(error).__name__)

        def connect():
            with socket.socket() as link:
                link.connect(("127.0.0.1", 80))

        parent = os.getppid()
        attempt("socket", connect)
        attempt("unix", lambda: socket.socket(socket.AF_UNIX))
        attempt("key", lambda: open({str(key)!r}).read())
        attempt("project", lambda: open({str(Path(translator.__file__))!r}).read())
        attempt("passwd", lambda: open("/etc/passwd").read())
        attempt("environment", lambda: open(f"/proc/{{parent}}/environ", "rb").read())
        attempt("memory", lambda: open(f"/proc/{{parent}}/mem", "rb").read(1))
        attempt("write", lambda: open("/tmp/left-behind", "w"))
        attempt("shared", lambda: open("/dev/shm/left-behind", "w"))
        attempt("own", lambda: open({str(tmp_path / "translate.py")!r}, "a").write("x"))
        attempt("program", lambda: subprocess.run(["/bin/ls"], check=True))
        attempt("kill", lambda: os.kill(parent, 0))
        attempt("session", os.setsid)
        attempt("stdin", lambda: "only the text")
    """)
    lines = translator.translate("text").splitlines()
    worked = [line for line in lines if "WORKED" in line]
    assert worked == ["stdin WORKED only the text"], lines
    assert len(lines) == 14
    assert script.read_text()[-1] != "x"
    assert not Path("/tmp/left-behind").exists()


def test_a_server_that_cannot_confine_it_does_not_run_it(install: Any, settings: Any, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    install(f"open({str(marker)!r}, 'w'); print('ran')")
    settings.TRANSLATE_COMMAND = ["no-such-program"]
    with pytest.raises(TranslatorError, match="Tell an administrator"):
        translator.translate("x")
    settings.TRANSLATE_COMMAND = [sys.executable, "-c", "print('ran')"]
    settings.TRANSLATE_USER = "no-such-user"
    with pytest.raises(TranslatorError, match="Tell an administrator"):
        translator.translate("x")


@pytest.mark.parametrize("missing", ["landlock", "network", "memory"])
def test_a_missing_layer_ends_it_before_the_command(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    ran: list[object] = []
    network = missing != "network"
    monkeypatch.setattr(sys, "argv", ["x", sys.executable, "-c", "print('ran')"])
    monkeypatch.setattr(
        confined_command.sandbox, "confine_before_imports", lambda _limits: (missing != "memory", network)
    )
    monkeypatch.setattr(
        confined_command.sandbox, "confine_before_reading", lambda *_paths: (missing != "landlock", network)
    )
    monkeypatch.setattr(confined_command.os, "execve", lambda *command: ran.append(command))
    with pytest.raises(SystemExit) as end:
        confined_command.main()
    assert end.value.code == confined_command.NOT_CONFINED
    assert not ran


def test_it_runs_as_its_own_user(install: Any, settings: Any) -> None:
    script = install("import os; print(os.getuid(), os.getgid(), os.getgroups())")
    for path in (script, script.parent, script.parent.parent, script.parent.parent.parent):
        path.chmod(0o755)
    settings.TRANSLATE_USER = "nobody"
    settings.TRANSLATE_COMMAND[0] = "/usr/bin/python3"
    try:
        found = translator.translate("x").split()
    except TranslatorError as problem:
        # Only root can switch; other users get a sentence, and the program does not run as them.
        assert "Tell an administrator" in str(problem)  # noqa: PT017
    else:
        assert found[0] not in ("0", str(Path("/proc/self").stat().st_uid))


def test_one_text_at_a_time(install: Any) -> None:
    install("print('x')")
    # Held by this thread: waiting for it would never end.
    with translator._busy, pytest.raises(TranslatorError, match="busy"):
        translator.translate("x")
    assert translator.translate("x") == "x"


def test_the_check_names_a_translator_that_can_not_run(settings: Any) -> None:
    settings.TRANSLATE_COMMAND, settings.TRANSLATE_USER = [], "no-such-user"
    assert check_translator() == []
    settings.TRANSLATE_COMMAND = ["no-such-program"]
    assert [message.msg.partition(" ")[0] for message in check_translator()] == ["TRANSLATE_COMMAND", "TRANSLATE_USER"]
    settings.TRANSLATE_COMMAND, settings.TRANSLATE_USER = [sys.executable], pwd.getpwuid(os.geteuid()).pw_name
    assert check_translator() == []

"""Runs the agency's command-line translator on one text.

The command is named in the environment alone (TRANSLATE_COMMAND), never on a page: who could name it there could run any program.
It gets the text by standard input, and an empty environment. It has no network, starts no other program, and reads no file but the
system's libraries and the paths that are named in the command (confined_command.py): not the keys, not the portal's settings. Time,
memory and the length of what it writes are limited. What it writes is hostile text like the source's own.

A server that can't confine it doesn't run it.
"""

from __future__ import annotations

import logging
import os
import pwd
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.plain_text import clean_typed_text
from tips.conversation import MAX_MESSAGE_LENGTH
from tips.desk.translation import confined_command

SECONDS = confined_command.LIMITS.elapsed_seconds
_SECONDS_TO_END = 5.0  # after its output is closed
_MAX_OUTPUT_BYTES = 4 * MAX_MESSAGE_LENGTH
# Isolated mode (-I) leaves the project's folder off the path.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv.pop(1))
from tips.desk.translation.confined_command import main
main()
"""
# One text at a time in each process: a translator may use all the memory that it is given.
_busy = threading.Lock()

logger = logging.getLogger(__name__)


class TranslatorError(Exception):
    """There is no translation; the message is a sentence for the officer."""


def is_set_up() -> bool:
    return bool(settings.TRANSLATE_COMMAND)


def translate(text: str) -> str:
    """Return the translation of a text. Raises TranslatorError."""
    if not is_set_up():
        raise TranslatorError(_("There is no translator on this server. Translate the text yourself."))
    if not _busy.acquire(blocking=False):
        raise TranslatorError(_("The translator is busy with another text. Try again in a minute."))
    try:
        output = _run(text.encode())
    finally:
        _busy.release()
    translation = clean_typed_text(output.decode("utf-8", "replace")).strip()
    if not translation:
        raise TranslatorError(_("The translator wrote nothing. Translate the text yourself."))
    if len(translation) > MAX_MESSAGE_LENGTH:
        raise TranslatorError(_("The translator wrote far too much, so nothing was kept. Translate the text yourself."))
    return translation


def _run(text: bytes) -> bytes:
    process = _start()
    try:
        output = _exchange(process, text, time.monotonic() + SECONDS)
        is_whole = output is not None and len(output) <= _MAX_OUTPUT_BYTES
        exit_code = process.wait(_SECONDS_TO_END) if is_whole else None
    except subprocess.TimeoutExpired:
        output = exit_code = None
    finally:
        _end(process)
    if output is None:
        logger.warning("The translator was stopped: it took too long.")
        raise TranslatorError(
            _("The translator took longer than %(seconds)d seconds, so it was stopped. Translate the text yourself.")
            % {"seconds": SECONDS}
        )
    if len(output) > _MAX_OUTPUT_BYTES:
        logger.warning("The translator was stopped: it wrote too much.")
        raise TranslatorError(_("The translator wrote far too much, so nothing was kept. Translate the text yourself."))
    if exit_code == confined_command.NOT_CONFINED:
        logger.error("The translator can't be confined on this server, so it doesn't run (docs/installation.md).")
        raise TranslatorError(_("The translator isn't set up right on this server. Tell an administrator."))
    if exit_code:
        # Nothing that it wrote is logged: it could quote the tip.
        logger.warning("The translator failed with exit code %d.", exit_code)
        raise TranslatorError(_("The translator failed. Translate the text yourself, and tell an administrator."))
    return output


def _start() -> subprocess.Popen[bytes]:
    project = str(Path(confined_command.__file__).resolve().parents[3])
    try:
        options: dict[str, Any] = {}
        if settings.TRANSLATE_USER:
            user = pwd.getpwnam(settings.TRANSLATE_USER)
            options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", _BOOTSTRAP, project, *settings.TRANSLATE_COMMAND],
            cwd="/",
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
            **options,
        )
    except (OSError, LookupError, ValueError) as error:  # such as no right to run as another user
        logger.error("The translator doesn't start: %s", type(error).__name__)
        raise TranslatorError(_("The translator isn't set up right on this server. Tell an administrator.")) from None


def _exchange(process: subprocess.Popen[bytes], text: bytes, deadline: float) -> bytes | None:
    """Write the text and return what the process writes, cut a little after the limit; None if it took too long."""
    assert process.stdin
    assert process.stdout
    rest, output = memoryview(text), b""
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(output) <= _MAX_OUTPUT_BYTES:
            ready = selector.select(max(deadline - time.monotonic(), 0))
            if not ready:
                return None
            for key, _events in ready:
                if key.fileobj is process.stdin:
                    rest = _write(process.stdin, rest)
                    if not rest:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                else:
                    chunk = os.read(process.stdout.fileno(), 65536)
                    if not chunk:
                        return output
                    output += chunk
    return output


def _write(stream: IO[bytes], rest: memoryview) -> memoryview:
    """Write what the pipe takes, and return what is left; nothing if the process reads no more."""
    try:
        return rest[os.write(stream.fileno(), rest) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return memoryview(b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it started: it can't leave its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()

"""The content and times of log lines in processes that serve residents."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from core import hourly_log
from core.hourly_log import HourlyLog

CANARY = "canary@example.org"


@pytest.fixture
def hourly() -> Iterator[HourlyLog]:
    """Install the log in this process, and take it out again."""
    loggers = [logging.getLogger()]
    loggers += [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    handlers, hook = {logger: list(logger.handlers) for logger in loggers}, threading.excepthook
    installed = hourly_log.install(io.StringIO())
    yield installed
    installed.flush()
    threading.excepthook = hook
    for logger, before in handlers.items():
        logger.handlers = before


def written(hourly: HourlyLog) -> list[str]:
    """Return what the log holds after its hour."""
    hourly.flush()
    return hourly._stream.getvalue().splitlines()


@pytest.mark.django_db
def test_requests_that_are_refused_leave_no_line(hourly: HourlyLog) -> None:
    client = Client(raise_request_exception=False)
    statuses = [
        client.get("/nowhere/").status_code,
        client.get("/", headers={"host": "elsewhere.example"}).status_code,
        client.post("/tips/", {"description": CANARY}).status_code,
        client.post("/tips/", {}, headers={"origin": "https://elsewhere.example"}).status_code,
        client.delete("/").status_code,
        client.get("/admin/tips/tip/x/").status_code,
    ]
    assert statuses == [404, 400, 422, 403, 405, 302]
    assert written(hourly) == []


@pytest.mark.django_db
def test_a_fault_is_written_once_at_the_hour_with_its_class_and_our_place(
    hourly: HourlyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise LookupError(CANARY)

    monkeypatch.setattr("tipportal.views.render", fail)
    for _ in range(3):
        assert Client(raise_request_exception=False).get(f"/tips/safety/?{CANARY}").status_code == 500
    assert hourly._stream.getvalue() == "", "a line at the moment of a request"
    (line,) = written(hourly)
    assert line.startswith("ERROR django.request: LookupError at tipportal/views.py:")
    assert line.endswith(" in safety (times: 3)")


def test_lines_are_sorted_by_place_and_bounded(hourly: HourlyLog) -> None:
    for number in range(hourly_log.MAX_PLACES + 5):
        logging.getLogger("tips.views").error("place %03d", 999 - number)
    lines = written(hourly)
    assert len(lines) == hourly_log.MAX_PLACES + 1
    assert lines == sorted(lines)
    assert lines[0].endswith("faults at more places (times: 5)")


def test_the_hour_is_written_by_itself(hourly: HourlyLog, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    def timer(seconds: float, flush: Any) -> threading.Timer:
        waits.append(seconds)
        return threading._RealTimer(0, flush)  # type: ignore[attr-defined]

    monkeypatch.setattr(threading, "_RealTimer", threading.Timer, raising=False)
    monkeypatch.setattr(hourly_log.threading, "Timer", timer)
    monkeypatch.setattr(hourly_log.time, "time", lambda: 7200.0 + 3000)
    logging.getLogger("tips.views").error("no tip can be taken")
    assert waits == [600.0]
    for thread in threading.enumerate():
        if isinstance(thread, threading._RealTimer):  # type: ignore[attr-defined]
            thread.join(10)
    assert hourly._stream.getvalue() == "ERROR tips.views: no tip can be taken (times: 1)\n"


def test_other_libraries_words_of_a_request_are_left_out(hourly: HourlyLog) -> None:
    logging.getLogger("gunicorn.error").warning("Invalid request from ip=%s", CANARY)
    logging.getLogger("django.security.DisallowedHost").error(CANARY, exc_info=PermissionDenied(CANARY))
    logging.getLogger("django.request").error("Service Unavailable: %s", CANARY)
    assert written(hourly) == []


def test_a_thread_that_ends_leaves_no_message(hourly: HourlyLog) -> None:
    thread = threading.Thread(target=int, args=[CANARY])
    thread.start()
    thread.join(10)
    (line,) = written(hourly)
    assert "ValueError" in line
    assert CANARY not in line


def test_a_process_that_ends_writes_what_it_holds() -> None:
    program = (
        "import logging, sys; from core import hourly_log; hourly_log.install(sys.stdout);"
        " logging.getLogger('tips').error('held')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "ERROR tips: held (times: 1)\n"
    assert ended.stderr == ""

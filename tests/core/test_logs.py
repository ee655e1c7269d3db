"""Lines of the log tell what failed, and never what a request, a mail or a row held."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from core.logs import PrivateFormatter


def line(name: str, message: Any, *values: Any) -> str:
    record = logging.LogRecord(
        name, logging.ERROR, "file", 1, message, values, None
    )  # one dictionary becomes the arguments
    return PrivateFormatter().format(record)


@pytest.mark.parametrize(
    ("message", "values", "written"),
    [
        ("%s: %s", ("Internal Server Error", "/tips/inbox/"), "Internal Server Error: […]"),
        ("%s: %s", ("Arden Street", 404), "[…]: 404"),
        ("consumer: Cannot connect to %s: %s.", ("redis://:secret@host", OSError("secret")), "consumer: Cannot connect to […]: OSError."),
        ("Retry in %.2f seconds (100 %%)", (2.0,), "Retry in 2.0 seconds (100 %)"),
        ("Task %(name)s[%(id)s] raised: %(exc)r", ({"name": "secret", "id": "x", "exc": ValueError("secret")},), "Task […][[…]] raised: ValueError"),
        ("%s and %s", ("too few",), "[…] and […]"),
        ("first line\nsecond %s", ("secret",), "first line"),
        ("", (), ""),
        (ValueError("secret"), (), "ValueError"),
        ("%-10s|%5d|%r", ("secret", 7, ["secret"]), "[…]|7|[…]"),
    ],
)  # fmt: skip
def test_a_librarys_line_keeps_only_what_cant_be_content(message: Any, values: tuple[Any, ...], written: str) -> None:
    assert line("some.library", message, *values) == f"ERROR some.library: {written}"


def test_a_task_and_our_own_lines_are_named_and_an_exception_loses_its_message() -> None:
    assert line("celery.app.trace", "Task %(name)s: %(exc)s", {"name": "tips.alerts.sweep", "exc": "secret"}) == (
        "ERROR celery.app.trace: Task tips.alerts.sweep: […]"
    )
    assert line("tips.intake", "%d files of %s", 2, "a tip") == "ERROR tips.intake: 2 files of a tip"
    try:
        raise ValueError("secret")
    except ValueError:
        record = logging.LogRecord("lib", logging.ERROR, "file", 1, "%s failed", ("secret",), sys.exc_info())
    written = PrivateFormatter().format(record)
    assert written.startswith("ERROR lib: […] failed\n")
    assert "test_logs.py" in written
    assert "secret" not in written

"""Log lines that say what failed and where in the code, without any content of a request.

Exception messages and most arguments of libraries' log calls are left out: they can hold header values, form content or
column values. Numbers, classes of exceptions and phrases of HTTP stay, and a mark shows what was left out. Our own log calls name
no content and are written in full.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType

_LEFT_OUT = "[…]"
_HTTP_PHRASES = {status.phrase for status in HTTPStatus}
_PLACEHOLDER = re.compile(r"%(?:\((?P<name>\w+)\))?[#0 +-]*\d*(?:\.\d+)?(?P<type>[diouxXeEfFgGcrsa%])")
OUR_PACKAGES = ("tipportal", "tips", "crimemap", "outreach", "file_cleaning", "core")


class PrivateFormatter(logging.Formatter):
    """Format `LEVEL logger: message`, then the exception's traceback without its message."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{record.levelname} {record.name}: {_format_message(record)}"]
        if record.exc_info and record.exc_info[0] is not None:
            lines += _format_traceback(record.exc_info[0], record.exc_info[2])
        return "\n".join(lines)


def _format_message(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if record.name.split(".")[0] in OUR_PACKAGES:
        return record.getMessage()
    return _fill_in(record.msg.splitlines()[0] if record.msg else "", record)


def _fill_in(template: str, record: logging.LogRecord) -> str:
    """Return a library's message with those arguments alone that can't be content, and a mark for each of the others."""
    arguments = iter(record.args) if isinstance(record.args, tuple) else iter(())
    named = record.args if isinstance(record.args, Mapping) else {}

    def fill(match: re.Match[str]) -> str:
        if match["type"] == "%":
            return "%"
        name = match["name"]
        value = named.get(name) if name else next(arguments, None)
        is_task = name == "name" and record.name.startswith("celery.")  # Celery names the task so
        return str(value) if is_task else _describe(value)

    return _PLACEHOLDER.sub(fill, template)


def _describe(value: object) -> str:
    """Return numbers, the names of classes of exceptions, and phrases of HTTP such as "Not Found"; for other values a mark."""
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, int | float) or (isinstance(value, str) and value in _HTTP_PHRASES):
        return str(value)
    return _LEFT_OUT


def _format_traceback(error_type: type[BaseException], trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames] + [f"  {error_type.__name__}"]

"""Log lines that say what failed and where in the code, without any content of a request.

Exception messages and the arguments of libraries' log calls are left out: they can hold header values, form content or
column values. Our own log calls name no content and are written in full.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

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
    # Celery passes the task's name as an argument. Of all others only the unformatted template is safe.
    task_name = record.args.get("name") if isinstance(record.args, dict) else None
    return f"{record.msg.splitlines()[0] if record.msg else ''}{f' [{task_name}]' if task_name else ''}"


def _format_traceback(error_type: type[BaseException], trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames] + [f"  {error_type.__name__}"]

"""Log lines that say what failed and where in the code, never what was in a request.

Messages of exceptions and arguments of other libraries' log calls can hold header values, form content or column values,
so they are left out: our own log calls name no content, and are written in full.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

OURS = ("tipportal", "tips", "crimemap", "outreach", "file_cleaning", "core")


class PrivateFormatter(logging.Formatter):
    """`LEVEL logger: message`, then the exception's type and the places in the code it passed."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{record.levelname} {record.name}: {_message(record)}"]
        if record.exc_info and record.exc_info[0] is not None:
            lines += _frames(record.exc_info[0], record.exc_info[2])
        return "\n".join(lines)


def _message(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if record.name.split(".")[0] in OURS:
        return record.getMessage()
    # Celery names the task in its arguments; everything else stays the bare template.
    task = record.args.get("name") if isinstance(record.args, dict) else None
    return f"{record.msg.splitlines()[0] if record.msg else ''}{f' [{task}]' if task else ''}"


def _frames(kind: type[BaseException], trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames] + [f"  {kind.__name__}"]

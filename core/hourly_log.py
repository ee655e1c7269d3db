"""The log of processes that serve residents: no line for a request, whatever became of it.

A line at the moment of a request would tell when a source was here, since journals stamp each line to the microsecond. Faults
of ours are counted in memory, each place once, and written at the next full hour or when the process ends, sorted by place.
A process that is killed loses the faults of its hour.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

from core.logs import OUR_PACKAGES, PrivateFormatter

SECONDS = 3600
MAX_PLACES = 200
_ELSEWHERE = "ERROR core.hourly_log: faults at more places"
_ROOT = Path(__file__).resolve().parent.parent


class HourlyLog(logging.Handler):
    """Counts faults, and writes each with its number at the next full hour."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._counts: dict[str, int] = {}
        self._timer: threading.Timer | None = None
        self.setFormatter(PrivateFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        line = self._describe(record)
        if line is None:
            return
        if line not in self._counts and len(self._counts) >= MAX_PLACES:
            line = _ELSEWHERE
        self._counts[line] = self._counts.get(line, 0) + 1
        if self._timer is None:
            self._timer = threading.Timer(SECONDS - time.time() % SECONDS, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def flush(self) -> None:
        """Write what was counted. `logging` calls this when the process ends."""
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
            lines, self._counts, self._timer = sorted(self._counts.items()), {}, None
            self._stream.writelines(f"{line} (times: {count})\n" for line, count in lines)
            self._stream.flush()
        finally:
            self.release()

    def _describe(self, record: logging.LogRecord) -> str | None:
        """Return the line of a fault: our own words, or an exception's class and place; None for what is no fault.

        Django and gunicorn log refused and failed requests of visitors, mostly as warnings, and without an exception.
        """
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.levelno >= logging.ERROR and not record.name.startswith("django.security"):
            return f"{record.levelname} {record.name}: {type(error).__name__} at {_place(error)}"
        if error is None and record.name.partition(".")[0] in OUR_PACKAGES:
            return self.format(record)
        return None


def _place(error: BaseException) -> str:
    """Return the last place in our code that the exception passed, or the last of all if it passed none of ours."""
    frames = [(Path(frame.filename), frame) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [
        f"{path.relative_to(_ROOT)}:{frame.lineno} in {frame.name}"
        for path, frame in frames
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in OUR_PACKAGES
    ]
    others = [f"{path.name}:{frame.lineno} in {frame.name}" for path, frame in frames]
    return (ours or others or ["no place"])[-1]


def install(stream: TextIO) -> HourlyLog:
    """Have all logs of this process end in one HourlyLog, and the faults of its threads too."""
    hourly = HourlyLog(stream)
    loggers = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    for logger in loggers:
        # Loggers with handlers of their own would write at once. Those that were silenced stay so.
        if any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
            logger.handlers = [] if logger.propagate else [hourly]
    logging.getLogger().handlers = [hourly]
    threading.excepthook = _log_thread_fault
    return hourly


def _log_thread_fault(hook: threading.ExceptHookArgs) -> None:
    """Log an exception that ended a thread; Python would print its message at once."""
    if hook.exc_value is not None:
        exc_info = (hook.exc_type, hook.exc_value, hook.exc_traceback)
        logging.getLogger(__name__).error("a thread has ended", exc_info=exc_info)

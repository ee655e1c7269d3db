"""The web server: gunicorn with threads, and nothing about the client written anywhere."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import gunicorn
from gunicorn.glogging import Logger

from core.logs import PrivateFormatter

# What a response says of the server: nothing.
gunicorn.SERVER = gunicorn.SERVER_SOFTWARE = "web"

# Named, not imported: gunicorn's modules keep the name above when they are loaded.
worker_class = "tipportal.deploy.gunicorn_worker.Worker"
bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# A slow line holds one thread for as long as its file takes: fifty of them, all in one process, must leave some for pages.
threads = 64
# The keys of flood counters are made at import, in the master: all workers share them, no disk has them.
preload_app = True
timeout = 60
graceful_timeout = 10
keepalive = 5
# The heartbeat file has no content; memory all the same, so that a slow disk cannot kill a worker.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
accesslog = None
errorlog = "-"
loglevel = "warning"
# Who the client is does not matter here: no header may say so, and none is believed.
forwarded_allow_ips = ""
proxy_allow_ips = ""
proxy_protocol = "off"
control_socket_disable = True
limit_request_line = 8190
limit_request_fields = 60
# A line that says nothing for so long is dead, and must hold neither a thread nor a file it was sending.
SILENT_SECONDS = 60


class PrivateLogger(Logger):
    """gunicorn's log without what a client sent: its address, its request line, its headers."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(_is_about_us)
        for handler in self.error_log.handlers:
            handler.setFormatter(PrivateFormatter())


def _is_about_us(record: logging.LogRecord) -> bool:
    """gunicorn writes the address into this one line itself, before any formatter sees it."""
    return not str(record.msg).startswith("Invalid request")


logger_class = PrivateLogger


def pre_request(_worker: Any, request: Any) -> None:
    """`timeout` above is about workers that hang. For lines, and for each read from one, this is."""
    request.unreader.sock.settimeout(SILENT_SECONDS)


def pre_fork(_server: Any, _worker: Any) -> None:
    """A connection opened while the application loaded must not be shared by the workers."""
    if "django.db" in sys.modules:
        from django.db import connections

        connections.close_all()

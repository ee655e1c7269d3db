"""Configuration of gunicorn, the web server: threads, and no log of clients."""

from __future__ import annotations

import logging
import os
import resource
import sys
from typing import Any

import gunicorn
from gunicorn.glogging import Logger

from core import hourly_log, visitor_traces
from core.logs import PrivateFormatter
from tipportal.deploy import role_settings

# Hide the server software in responses.
gunicorn.SERVER = gunicorn.SERVER_SOFTWARE = "web"

# A string, not an import: gunicorn's modules copy the name above when they are loaded.
worker_class = "tipportal.deploy.gunicorn_worker.PollingWorker"
bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# At most 56 for uploads, 22 for tips and 2 for sign-ins (gunicorn_worker.py). Clients that read long responses take up to 16 of
# the others.
threads = 112
# Waiting connections occupy no thread. Beyond this many in a process the one that has waited longest is closed.
worker_connections = 4000
# The keys of form tokens are made at import, in the master: all workers share them, and they are never on disk.
preload_app = True
timeout = 60
graceful_timeout = 10
keepalive = 5
# For the heartbeat file, which has no content: in memory, a slow disk cannot make a worker miss its heartbeat.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
accesslog = None
errorlog = "-"
loglevel = "warning"
# No header names the client's address to gunicorn; a staff sign-in reads it itself (core/sign_in/client_addresses.py).
forwarded_allow_ips = ""
proxy_allow_ips = ""
proxy_protocol = "off"
control_socket_disable = True
# In seconds. A page waits for the interpreter after each of its queries, behind any thread that computes: 5 ms each time with
# Python's own value, which adds up to as much as the page itself takes.
SWITCH_INTERVAL = 0.0005
limit_request_line = 8190
limit_request_fields = 60
# A parent domain's cookies alone can be longer than gunicorn's 8 kB; the poller limits the whole head to this many bytes.
limit_request_field_size = 32 * 1024


class PrivateLogger(Logger):
    """Log of gunicorn without the client's address, request line and headers."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(_has_no_address)
        for handler in self.error_log.handlers:
            handler.setFormatter(PrivateFormatter())


def _has_no_address(record: logging.LogRecord) -> bool:
    """Return False for the one message into which gunicorn formats the address itself."""
    return not str(record.msg).startswith("Invalid request")


logger_class = PrivateLogger


def on_starting(_server: Any) -> None:
    """Raise the limit of open files, which is 1,024 on many systems, to what `worker_connections` need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * worker_connections
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def when_ready(_server: Any) -> None:
    """Make collections in the workers cheap: what was loaded before the fork is not searched again."""
    visitor_traces.freeze_loaded_code()


def pre_request(_worker: Any, request: Any) -> None:
    """Keep gunicorn from repeating the "100 Continue" that the poller has sent (gunicorn_worker.py)."""
    request._expected_100_continue = False


def post_fork(_server: Any, _worker: Any) -> None:
    """Let threads take turns quickly, and a process that serves residents write no line at the moment of a request."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    if role_settings.parse(os.environ.get("PORTAL_ROLE", "")).serves_public:
        hourly_log.install(sys.stderr)


def post_worker_init(_worker: Any) -> None:
    """Start the thread that gives signs of life, and those of staff: they compare tips, keep the desk live, end shifts and let acts go out."""
    from tipportal.heartbeats import signs
    from tips.desk import desk_thread, outbox_thread
    from tips.desk.alike import indexing
    from tips.desk.live import live_thread
    from tips.walls import screening_thread

    signs.start_web_thread()
    screening_thread.start()
    live_thread.start()
    indexing.start()
    desk_thread.start()
    outbox_thread.start()


def pre_fork(_server: Any, _worker: Any) -> None:
    """Close database connections opened while the application loaded: workers must not share one."""
    if "django.db" in sys.modules:
        from django.db import connections

        connections.close_all()

"""Checks of the servers that the portal uses: what PostgreSQL and Redis keep, the mail server, and all their clocks."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection
from django.db import connection

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from tipportal.doctor.findings import Finding, fault, good, summarize

_MAX_CLOCK_DIFFERENCE_SECONDS = 2.0
# certbot renews a month before the end: less than half of it left means that it fails.
_LEAST_CERTIFICATE_DAYS = 14
_PROXY_SECONDS = 5
_SMTP = "django.core.mail.backends.smtp.EmailBackend"

# Settings of PostgreSQL with the values under which its log holds nothing that sources wrote, and no moment of theirs. The
# first one is what to set. docker-compose.yml and tipportal/dev_stack/servers.py have the same.
_LOG_WRITES_STATEMENTS = "its log holds the statements with what is in them"
_LOG_WRITES_VALUES = "its log holds values of failed statements"
_LOG_WRITES_MOMENTS = "its log holds the moments at which residents were here"
SAFE_SETTINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "log_statement": (("none",), _LOG_WRITES_STATEMENTS),
    "log_min_duration_statement": (("-1",), _LOG_WRITES_STATEMENTS),
    "log_min_duration_sample": (("-1",), _LOG_WRITES_STATEMENTS),
    "log_transaction_sample_rate": (("0",), _LOG_WRITES_STATEMENTS),
    "auto_explain.log_min_duration": (("-1",), _LOG_WRITES_STATEMENTS),
    "pgaudit.log": (("none",), _LOG_WRITES_STATEMENTS),
    "log_min_error_statement": (("panic", "fatal"), _LOG_WRITES_STATEMENTS),
    "log_parameter_max_length": (("0",), _LOG_WRITES_VALUES),
    "log_parameter_max_length_on_error": (("0",), _LOG_WRITES_VALUES),
    "log_min_messages": (("fatal", "panic"), _LOG_WRITES_VALUES),
    "log_duration": (("off",), _LOG_WRITES_MOMENTS),
    "log_connections": (("", "off"), _LOG_WRITES_MOMENTS),
    "log_disconnections": (("off",), _LOG_WRITES_MOMENTS),
    "track_commit_timestamp": (("off",), "it keeps the time of every transaction, and so of every tip"),
}
# Settings of Redis or Valkey, likewise.
SAFE_STORE_SETTINGS: dict[str, tuple[str, str]] = {
    "save": ("", "it writes its memory to a disk"),
    "appendonly": ("no", "it writes every change to a disk"),
    "slowlog-log-slower-than": ("-1", "it keeps commands with what is in them"),
    "maxmemory-policy": ("noeviction", "it may drop work that waits and inboxes that are open"),
}


def check_database_log() -> list[Finding]:
    """Look for settings under which PostgreSQL keeps what must not be kept. DatabaseError if it doesn't answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(SAFE_SETTINGS)])
        found: dict[str, str] = dict(cursor.fetchall())
    faults = []
    for name, value in sorted(found.items()):
        safe, consequence = SAFE_SETTINGS[name]
        if value not in safe:
            faults.append(f"PostgreSQL's {name} is “{value}”: {consequence}. Set it to “{safe[0]}”.")
    return summarize(faults, "PostgreSQL logs no statement, no value and no connection.")


def check_store() -> list[Finding]:
    """Look for a Redis that writes to a disk, keeps commands or drops work."""
    try:
        found = ephemeral_store.read_configuration(*SAFE_STORE_SETTINGS)
    except StoreDownError:
        return [
            fault("Redis doesn't answer at REDIS_URL: sources can't open their inbox, and all work waits. Start it.")
        ]
    except ephemeral_store.ConfigurationHiddenError:
        return [
            fault(
                "Redis doesn't let us read its settings, so nobody knows whether it writes to a disk. Allow CONFIG GET for"
                " the user in REDIS_URL."
            )
        ]
    faults = [
        f"{name} of Redis is “{found[name]}”: {consequence}. Set it to “{safe}”."
        for name, (safe, consequence) in SAFE_STORE_SETTINGS.items()
        if name in found and found[name] != safe
    ]
    return summarize(faults, "Redis answers and writes nothing to a disk.")


def check_clocks(is_synchronized: bool) -> list[Finding]:
    """Compare this machine's clock with those of PostgreSQL and Redis. `is_synchronized`: as this machine's kernel says."""
    faults = []
    if not is_synchronized:
        faults.append(
            "This machine's clock isn't set by a time server. Codes of authenticator apps would be refused in time. Turn on"
            " chrony or systemd-timesyncd."
        )
    for name, seconds in _read_differences().items():
        if abs(seconds) > _MAX_CLOCK_DIFFERENCE_SECONDS:
            faults.append(
                f"The clock of {name} differs from this machine's by {abs(seconds):.0f} seconds. Set both by a time server."
            )
    return summarize(faults, "The clocks agree.")


def _read_differences() -> dict[str, float]:
    """Return by how many seconds the clock of each server is ahead of ours. Servers that don't answer are left out."""
    differences = {}
    if settings.ROLE.database_user:
        differences["PostgreSQL"] = _compare_clock(_read_database_clock)
    try:
        differences["Redis"] = _compare_clock(ephemeral_store.read_clock)
    except StoreDownError:
        return differences
    return differences


def _compare_clock(read: Callable[[], float]) -> float:
    """Return by how many seconds a clock is ahead of ours, at least: it was read at some moment while we waited."""
    before = time.time()
    there = read()
    return there - min(max(there, before), time.time())


def _read_database_clock() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


def check_mail() -> list[Finding]:
    """Connect to the mail server and sign in, and send nothing."""
    if settings.EMAIL_BACKEND != _SMTP:
        return [
            fault(
                "EMAIL_URL names no mail server, so nobody gets an email. Set it to the agency's, such as smtp+tls://..."
            )
        ]
    mail: Any = get_connection()
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        mail.open()
    except smtplib.SMTPAuthenticationError:
        return [fault(f"The mail server {server} refuses our user name and password. Correct them in EMAIL_URL.")]
    except smtplib.SMTPNotSupportedError:
        return [
            fault(
                f"The mail server {server} answers, but offers no sign-in or no encryption there. Correct the kind of line and the"
                " port in EMAIL_URL, such as submission://user:password@mail.example.org:587, or leave out user and password."
            )
        ]
    except (smtplib.SMTPException, OSError) as error:
        return [fault(f"The mail server {server} doesn't answer ({type(error).__name__}). Check EMAIL_URL.")]
    mail.close()
    return [good(f"The mail server {server} answers.")]


def check_certificate(url: str, trusted: ssl.SSLContext | None = None) -> list[Finding]:
    """Look at the certificate of our own site as a browser does. A site that isn't reached from this machine is no fault of its own.

    `trusted` has the authorities to trust, else those of this machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return []
    host, renew = parts.hostname, "Renew it, then run systemctl reload portal-proxy"
    context = trusted or ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, parts.port or 443), _PROXY_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host) as encrypted,
        ):
            end = ssl.cert_time_to_seconds(str((encrypted.getpeercert() or {})["notAfter"]))
    except ssl.SSLCertVerificationError as error:
        return [
            fault(
                f"Browsers refuse the certificate of {host}: {error.verify_message}. {renew}. If an authority of your own has"
                " issued it, let this machine trust that (update-ca-certificates)."
            )
        ]
    except OSError:
        return [good(f"{host} isn't reached from this machine. Look at its certificate from another one.")]
    days = int((end - time.time()) // 86400)
    if days < _LEAST_CERTIFICATE_DAYS:
        return [
            fault(f"The certificate of {host} ends in {days} days. {renew}; with certbot, see what certbot renew says.")
        ]
    return [good(f"The certificate of {host} is good for {days} days.")]

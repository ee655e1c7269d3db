"""Celery: four queues with one worker each, and the schedule of beat.

Work is a row in the database and a message only speeds it up, so a lost message costs seconds, never a tip.
"""

from __future__ import annotations

import os
from contextlib import suppress

from celery import Celery
from celery.beat import Service
from celery.exceptions import OperationalError
from celery.schedules import crontab
from celery.signals import beat_init, before_task_publish, celeryd_init, task_postrun, worker_process_init
from django.conf import settings

from core import visitor_traces
from core.roles import Role

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tipportal.settings")

NEEDED_HEADERS = frozenset({"task", "id", "eta", "expires"})

# The modules with the tasks of each role's queues. A worker loads its own, and beat, which sends tasks by name, none: with the
# libraries of the bulk worker each of the other four took 60 MB more, and twice the time to load Django and the tasks.
TASK_MODULES = {
    Role.ALERTS: (
        "core.audit.head_mails",
        "core.staff.account_mails",
        "tips.officer_alerts.channel_tests",
        "tips.officer_alerts.tasks",
    ),
    Role.BULK: (
        "crimemap.tasks",
        "outreach.channels.posting",
        "outreach.events.reminders",
        "outreach.stories.scheduled_publication",
        "tips.retention",
        "tips.row_rewriting",
        "tips.source.reading_days",
    ),
    Role.MEDIA: ("outreach.content.pictures", "tips.files.media_worker"),
}


def _entry(
    task: str,
    schedule: float | crontab,
    *,
    expires: int,
    queue: str | None = None,
    kwargs: dict[str, bool] | None = None,
) -> dict[str, object]:
    """Return an entry of beat's schedule. `schedule` and `expires` are in seconds; without a queue, the task's name gives it."""
    options = {"expires": expires} | ({"queue": queue} if queue else {})
    return {"task": task, "schedule": schedule, "kwargs": kwargs or {}, "options": options}


app = Celery("tipportal")
app.config_from_object(
    {
        "task_default_queue": "bulk",
        "task_routes": {"*.alerts.*": {"queue": "alerts"}, "*.media.*": {"queue": "media"}},
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Sending a task must not delay a web request. Measured with these: 3-9 ms if Redis refuses, 52-84 ms if it hangs.
        "task_publish_retry_policy": {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0},
        # Each round is a sign of life (tipportal/heartbeats/beat_scheduler.py).
        "beat_max_loop_interval": 10,
        # While a worker is away, its messages expire before many of the same wait for it.
        "beat_schedule": {
            "send stuck officer alerts": _entry("tips.alerts.sweep", 20.0, expires=60),
            "test the channels of alerts once a month": _entry(
                "tips.alerts.send_due_tests", crontab(hour="10", minute="20"), expires=3600
            ),
            "mail about changed accounts": _entry("core.alerts.mail_accounts", 60.0, expires=60),
            "mail the audit trail's head once a day": _entry(
                "core.alerts.mail_audit_head", crontab(minute="*/10"), expires=600
            ),
            "rebuild stuck files": _entry("tips.media.sweep", 20.0, expires=60),
            "rebuild stuck videos": _entry(
                "tips.media.sweep", 20.0, expires=60, queue="media-video", kwargs={"videos": True}
            ),
            "rebuild stuck pictures of stories": _entry("outreach.media.sweep", 20.0, expires=60),
            "publish scheduled stories": _entry("outreach.bulk.publish_due", crontab(), expires=50),
            "rotate media worker keys and sweep the file store": _entry("tips.media.tend", 600.0, expires=600),
            "delete tips past their retention time": _entry("tips.bulk.expire", 3600.0, expires=3600),
            # Before the rewriting, which puts these rows in random order.
            "store on which days sources read answers": _entry(
                "tips.bulk.store_reading_days", crontab(hour="3", minute="30"), expires=3600
            ),
            "rewrite rows about sources": _entry(
                "tips.bulk.rewrite_rows", crontab(hour="3", minute="40"), expires=3600
            ),
            "scan the drop folder of incident files": _entry("crimemap.bulk.look", 60.0, expires=50),
            "post stories on channels": _entry("outreach.bulk.post", 60.0, expires=600),
            "send event reminders": _entry("outreach.bulk.remind", 60.0, expires=600),
            "plan and send incident alerts": _entry("crimemap.bulk.plan_alerts", 300.0, expires=240),
            # Embargoes end at midnight in the time zone of each source.
            "publish incidents": _entry("crimemap.bulk.publish", crontab(minute="10"), expires=3600),
            "publish incidents without the cache": _entry(
                "crimemap.bulk.publish", crontab(hour="9", minute="40"), expires=86_400, kwargs={"afresh": True}
            ),
        },
    }
)


@app.on_configure.connect  # type: ignore[untyped-decorator]
def configure_role(sender: Celery, **_: object) -> None:
    sender.conf.broker_url = settings.BROKER_URL
    sender.conf.include = ["tipportal.heartbeats.worker_thread", *TASK_MODULES.get(settings.ROLE, ())]
    transport: dict[str, object] = {
        "visibility_timeout": 3600,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    }
    if settings.ROLE.is_web:
        transport |= {"socket_connect_timeout": 0.05, "socket_timeout": 0.05}
    sender.conf.broker_transport_options = transport


@celeryd_init.connect  # type: ignore[untyped-decorator]
def name_worker_connections(sender: str, **_: object) -> None:
    """Name the connections to the broker after the process, so that `/readyz` sees which workers are there."""
    _name_connections(f"worker-{sender.partition('@')[0]}")


@beat_init.connect  # type: ignore[untyped-decorator]
def name_beats_connections(sender: Service, **_: object) -> None:
    """Name beat's connection, and open it now: before its first task is due, the desk would say that beat isn't running."""
    _name_connections("beat")
    with suppress(OperationalError):  # its first task tries again
        sender.scheduler.connection.ensure_connection(max_retries=1)


def _name_connections(name: str) -> None:
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "client_name": name}


@worker_process_init.connect  # type: ignore[untyped-decorator]
def freeze_loaded_code(**_: object) -> None:
    visitor_traces.freeze_loaded_code()


@task_postrun.connect  # type: ignore[untyped-decorator]
def drop_traces(**_: object) -> None:
    """Drop what a task left of the residents and sources whose rows it handled."""
    visitor_traces.drop_traces()


@before_task_publish.connect  # type: ignore[untyped-decorator]
def keep_needed_headers(headers: dict[str, object], properties: dict[str, object], **_: object) -> None:
    """Leave of a message what a worker needs: task, id and arguments, and of beat's messages when they expire.

    Celery adds the sending machine and process, and a printable copy of the arguments.
    """
    for name in set(headers) - NEEDED_HEADERS:
        del headers[name]
    for name in [name for name in ("eta", "expires") if headers.get(name) is None]:
        headers.pop(name, None)
    properties.pop("reply_to", None)

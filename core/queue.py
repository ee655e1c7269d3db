"""The one place that sends Celery tasks: by name, after commit.

By name, so that a rule need not import the worker's code. After commit, so that the worker finds the rows. A broker that
is away costs time only: the rows say what is left to do, and beat sends sweeps that find them.

A message that answers a visitor's request holds the task's name and the ids of rows, and no time (`expires`, `countdown`): one
that waits in a stopped queue must not tell when the visitor was here. tipportal/celery.py removes what Celery adds.
"""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.db import transaction


def send_on_commit(task: str, *args: Any, **options: Any) -> None:
    """Send `task` with `args` once the current transaction has committed; at once where there is none.

    `options` are Celery's (`queue`). If the broker is away, Django logs the error and no caller sees it.
    """
    transaction.on_commit(lambda: send(task, *args, **options), robust=True)


def send(task: str, *args: Any, **options: Any) -> None:
    """Send `task` now, for callers that run after commit themselves. Raises kombu's errors when the broker is away."""
    current_app.send_task(task, args=list(args), **options)

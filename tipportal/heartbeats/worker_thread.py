"""The thread of a worker that writes its heartbeat, copies others', and in the alerts and bulk workers watches them all.

It is a thread of the worker's main process, so a long task delays nothing, and it goes on while the broker is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from celery.signals import worker_ready
from celery.worker.consumer import Consumer
from django.db import DatabaseError, InterfaceError, connection

from core.ephemeral_store import StoreDownError
from core.staff import administrator_mails
from tipportal.deploy import processes
from tipportal.heartbeats import late_sentences, records, signs

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
# Two looks more: after the clock is set forward, all are late until their next round.
_LOOKS_BEFORE_MAIL = 3


class HeartbeatThread(threading.Thread):
    """`process`: the name of this worker. `mails`: whether it watches the others and mails about them."""

    def __init__(self, process: str, *, mails: bool) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._process = process
        self._mails = mails
        self._started_at = time.monotonic()
        self._looks: Counter[str] = Counter()
        self._has_failed = False

    def run(self) -> None:
        while True:
            try:
                self.do_round()
                self._has_failed = False
            except (DatabaseError, InterfaceError) as error:
                if not self._has_failed:
                    log.error("heartbeats can't be written (%s)", type(error).__name__)
                self._has_failed = True
            finally:
                connection.close()
            time.sleep(INTERVAL_SECONDS)

    def do_round(self) -> None:
        """Write heartbeats, then mail about processes that have been late for some rounds. Raises DatabaseError."""
        records.note(self._process)
        try:
            ages = signs.read_ages()
        except StoreDownError:
            return  # those can't be seen, and all work waits: the desk names the store
        for process, age in ages.items():
            # The media workers open strangers' files: they can't say that a web process lives.
            if self._mails or process == processes.BEAT.name:
                records.note(process, age)
        if self._mails:
            self._watch()

    def _watch(self) -> None:
        """Mail about late processes, once a silence.

        Not in the first moments: after all were stopped, the first one to start finds the others late.
        """
        late = records.list_late()
        self._looks = Counter({process: self._looks[process] + 1 for process in late})
        if time.monotonic() - self._started_at < records.LATE_SECONDS:
            return
        for process, looks in self._looks.items():
            if looks >= _LOOKS_BEFORE_MAIL and records.claim_mail(process):
                sentence = late_sentences.describe(process)
                if not administrator_mails.mail_administrators(*late_sentences.compose_mail(sentence)):
                    records.return_mail(process)


@worker_ready.connect  # type: ignore[untyped-decorator]
def start(sender: Consumer, **_: object) -> None:
    """Start the thread of this worker, once its pool has forked. The alerts and bulk workers alone have a mail server."""
    process = f"worker-{sender.hostname.partition('@')[0]}"
    HeartbeatThread(process, mails=process in ("worker-alerts", "worker-bulk")).start()

"""Celery tasks of the crime map. Each finds its work in the database, so any can be lost or run twice."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from core import queue
from core.mail import outbox
from crimemap.alerts import delivery, planning
from crimemap.importing.arrival import drop_folder, feed_monitor, jobs
from crimemap.models import Delivery
from crimemap.publishing import data_file_writer, publisher


@shared_task(name="crimemap.bulk.publish")  # type: ignore[untyped-decorator]
def publish(afresh: bool = False) -> None:
    """Publish the stored incidents: after imports and classifications, and hourly, since embargoes end with the day."""
    if settings.INCIDENT_SNAPSHOTS is not None:
        publisher.publish(afresh=afresh)
        data_file_writer.write_missing_files()


@shared_task(name="crimemap.bulk.run_import")  # type: ignore[untyped-decorator]
def run_import(run_id: int) -> None:
    """Import the uploaded or pushed files of a run."""
    jobs.process_run(run_id)


@shared_task(name="crimemap.bulk.look")  # type: ignore[untyped-decorator]
def check_arrivals() -> None:
    """Every minute: import dropped files and runs whose message was lost, and mail about late feeds."""
    for run_id in jobs.unfinished_run_ids():
        jobs.process_run(run_id)
    drop_folder.scan_drop_folder()
    feed_monitor.mail_about_late_sources()
    jobs.remove_stray_folders()


@shared_task(name="crimemap.bulk.plan_alerts")  # type: ignore[untyped-decorator]
def plan_alerts() -> None:
    """Every few minutes: find new incidents and due alerts, and send mails whose message was lost."""
    planning.plan_mails()
    planning.delete_outdated()
    send_alerts()


@shared_task(name="crimemap.bulk.send_alerts")  # type: ignore[untyped-decorator]
def send_alerts() -> None:
    """Send a batch of mails. The next batch waits in line with what else this worker has to do."""
    if delivery.send_due():
        queue.send("crimemap.bulk.send_alerts", expires=240)
        return
    # A mail in another worker's hands is tried again as soon as its lease ends: that worker may have been killed.
    seconds = outbox.seconds_to_lease_end(Delivery)
    if seconds is not None:
        queue.send("crimemap.bulk.send_alerts", countdown=seconds + 1, expires=240)

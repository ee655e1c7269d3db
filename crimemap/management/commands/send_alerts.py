"""`manage.py send_alerts [--dry-run]`: send the alerts that are due, as the bulk worker does every five minutes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.mail.subscriber_addresses import KeyMissingError
from crimemap.alerts import delivery, planning
from crimemap.models import Delivery


class Command(BaseCommand):
    help = "Find new incidents and send the email alerts that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would be sent; no address is shown")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        plan = planning.plan_mails(dry_run=dry_run)
        waiting = Delivery.objects.filter(state=Delivery.DeliveryState.WAITING)
        self.stdout.write(f"New incidents: {plan.new_count}")
        for rhythm in planning.Rhythm.values:
            self.stdout.write(f"Alerts due, {rhythm}: {plan.due_by_rhythm[rhythm]}")
        self.stdout.write(f"Mails for them: {plan.mail_count}")
        self.stdout.write(f"Mails waiting: {waiting.count()}")
        if dry_run:
            return
        try:
            while delivery.send_due():
                self.stdout.write(f"Mails waiting: {waiting.count()}", ending="\r")
        except KeyMissingError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Mails waiting for another try: {waiting.count()}")

"""`manage.py publish_incidents`: publish the stored incidents now, as the hourly task does, and print a summary."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from crimemap.privacy import agency_rules
from crimemap.publishing import data_file_writer, publisher, versions


class Command(BaseCommand):
    help = "Publish the stored incidents by the publication rule. If nothing changed, nothing is written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--afresh", action="store_true", help="read every incident, without INCIDENT_CACHE")
        parser.add_argument("--json", action="store_true", help="print one object")

    def handle(self, *args: Any, afresh: bool, json: bool, **options: Any) -> None:
        try:
            published = publisher.publish(afresh=afresh)
        except (versions.NoSnapshotFolderError, agency_rules.AgencyRulesError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database returned an error: {error}") from error
        except OSError as error:
            raise CommandError(
                f"{error.filename}: {error.strerror}. Residents still see the previous version."
            ) from error
        has_files = data_file_writer.write_missing_files()
        self.stdout.write(as_json(published) if json else as_text(published))
        if not has_files:
            self.stderr.write("The data files could not be written (see the log). The next publication tries again.")


def as_json(published: publisher.PublicationResult) -> str:
    return json.dumps(dataclasses.asdict(published))


def as_text(published: publisher.PublicationResult) -> str:
    state = "is published" if published.changed else "was published already"
    lines = [
        f"Version {published.version} {state}.",
        f"{published.shown:,} incidents are shown, {published.hidden:,} count in yearly totals only,"
        f" {published.held:,} wait for their codes to be classified, {published.embargoed:,} are under embargo.",
    ]
    lines += [f"Looser than the default: {name} ({decision})." for name, decision in published.looser.items()]
    return "\n".join(lines)

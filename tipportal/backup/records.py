"""When the last backup was made and proven, and the sentences about those that are late.

A time in the future counts as late too: the clock was wrong then.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core.models import BackupRecord

# A day, and time for a backup that takes long.
MAX_AGE = dt.timedelta(hours=30)
MAX_AGE_OF_PROOF = dt.timedelta(days=35)


def note_backup() -> None:
    BackupRecord.objects.update_or_create(defaults={"made_at": timezone.now()}, id=1)


def note_proof(*, with_key: bool) -> None:
    """Note that a backup was restored into a scratch database; `with_key`: with the private half from the safe."""
    BackupRecord.objects.update_or_create(
        defaults={"proven_with_key_at" if with_key else "proven_at": timezone.now()}, id=1
    )


def read_record() -> BackupRecord:
    """Return the record; an empty one if there never was a backup."""
    return BackupRecord.objects.first() or BackupRecord()


def find_last_proof(record: BackupRecord) -> dt.datetime | None:
    return max(filter(None, (record.proven_at, record.proven_with_key_at)), default=None)


def describe_late() -> list[str]:
    """Return sentences about a backup or a proof that is late. None in a demo, which nobody backs up."""
    if settings.DEMO:
        return []
    record, now = read_record(), timezone.now()
    if record.made_at is None:
        return [_("There is no backup of the portal. Ask the person who runs the server to set one up.")]
    sentences = []
    if abs(now - record.made_at) > MAX_AGE:
        sentences.append(
            _("The last backup was made %(when)s. Ask the person who runs the server why none was made since.")
            % {"when": _format(record.made_at)}
        )
    proven_at = find_last_proof(record)
    if proven_at is None:
        sentences.append(
            _("No backup was ever restored as a test. Ask the person who runs the server to start a restore drill.")
        )
    elif abs(now - proven_at) > MAX_AGE_OF_PROOF:
        sentences.append(
            _(
                "The last backup that was proven to restore is of %(when)s. Ask the person who runs the server for a new drill."
            )
            % {"when": _format(proven_at)}
        )
    return sentences


def _format(moment: dt.datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT")

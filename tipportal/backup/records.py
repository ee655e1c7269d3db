"""When the last backup was made and proven, and the sentences about those that are late.

A time in the future counts as late too: the clock was wrong then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from enum import Enum, auto

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core.models import BackupRecord

# A day, and time for a backup that takes long.
MAX_AGE = dt.timedelta(hours=30)
MAX_AGE_OF_PROOF = dt.timedelta(days=35)


class _Lateness(Enum):
    NO_BACKUP = auto()
    OLD_BACKUP = auto()
    NO_PROOF = auto()
    OLD_PROOF = auto()


_FOR_OPERATOR = {
    _Lateness.NO_BACKUP: "There is no backup. As the owner role, run manage.py backup_key create with a stick, then manage.py backup;"
    " timers do the rest (docs/installation.md, “Backups”).",
    _Lateness.OLD_BACKUP: "The last backup was made {when}, which is too long ago. See the log of the newest one (journalctl -u"
    " portal-backup).",
    _Lateness.NO_PROOF: "No backup was ever restored as a test. As the owner role, run manage.py backup FOLDER --drill.",
    _Lateness.OLD_PROOF: "The last backup that was proven to restore is of {when}, which is too long ago. See the log of the"
    " newest drill (journalctl -u portal-backup-drill).",
}


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
    """Return sentences for administrators about a backup or a proof that is late."""
    sentences = {
        _Lateness.NO_BACKUP: _("There is no backup of the portal. Ask the person who runs the server to set one up."),
        _Lateness.OLD_BACKUP: _(
            "The last backup was made %(when)s, which is too long ago. Ask the person who runs the server why."
        ),
        _Lateness.NO_PROOF: _(
            "No backup was ever restored as a test. Ask the person who runs the server to start a restore drill."
        ),
        _Lateness.OLD_PROOF: _(
            "The last backup that was proven to restore is of %(when)s, which is too long ago. Ask the person who runs the server"
            " for a new drill."
        ),
    }
    return [sentences[lateness] % {"when": _format(moment)} for lateness, moment in _find_late()]


def describe_for_operator() -> list[str]:
    """Return the doctor's sentences about the same."""
    return [_FOR_OPERATOR[lateness].format(when=_format(moment)) for lateness, moment in _find_late()]


def _find_late() -> Iterator[tuple[_Lateness, dt.datetime | None]]:
    """Yield what is late, and since when there is none or no newer one. Nothing in a demo, which nobody backs up."""
    if settings.DEMO:
        return
    record, now = read_record(), timezone.now()
    if record.made_at is None:
        yield _Lateness.NO_BACKUP, None
        return
    if abs(now - record.made_at) > MAX_AGE:
        yield _Lateness.OLD_BACKUP, record.made_at
    proven_at = find_last_proof(record)
    if proven_at is None:
        yield _Lateness.NO_PROOF, None
    elif abs(now - proven_at) > MAX_AGE_OF_PROOF:
        yield _Lateness.OLD_PROOF, proven_at


def _format(moment: dt.datetime | None) -> str:
    return formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else ""
